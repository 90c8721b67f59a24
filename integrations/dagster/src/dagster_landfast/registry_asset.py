"""artifact_asset: an artifact that something else logs, as an asset; to observe it is to look it up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg
import landfast

from dagster_landfast import compat, identity, observing, records
from dagster_landfast.external import observed_assets
from dagster_landfast.feed import LATEST, Look
from dagster_landfast.finding import resource_of
from dagster_landfast.resource import LandfastResource

# Key of a definition's metadata: the alias that is followed, where it is not `latest`.
ALIAS = "landfast/alias"


def artifact_asset(
    artifact: str,
    *,
    key: identity.Key | None = None,
    partitions_def: dg.PartitionsDefinition[Any] | None = None,
    lookback: int | None = None,
    record_unchanged: bool = False,
    cron: str | None = None,
    cron_timezone: str = "UTC",
    automation_condition: dg.AutomationCondition[Any] | None = None,
    group_name: str | None = None,
    description: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    kinds: AbstractSet[str] | None = None,
    owners: Sequence[str] = (),
    resource_key: str | None = None,
) -> dg.AssetsDefinition:
    """Declare an artifact of the registry as an observable asset.

    Whoever logs it (another code location, Airflow, Prefect, a script, ``landfast put``), Dagster learns of the
    change when the asset is observed, by `cron` or a schedule, or from `build_artifact_sensor` with
    no run at all.  An observation asks the registry and lists nothing.

    Args:
        artifact: ``[[entity/]project/]collection``, with ``:ALIAS`` to follow that instead of `latest`.
        key: Of the asset; None is project and collection.
        partitions_def: Of the artifact's partitions; of a `DynamicPartitionsDefinition`, new ones are added.
        lookback: Look at the last so many partitions only; None looks at all.
        record_unchanged: Whether a partition whose version Dagster knows already is an event all the same;
            in a run for one partition that somebody asked for it always is.
        cron: Five fields of cron: when the automation daemon observes it, once a sensor evaluates it:
            `build_automation_sensor`, or Dagster's default one, which is stopped at first.
        cron_timezone: Of `cron`.
        automation_condition: Instead of `cron`.
        group_name: Of the asset.
        description: Of the asset.
        metadata: Of the asset's definition.
        tags: Of the asset.
        kinds: Of the asset.
        owners: Of the asset.
        resource_key: Of the `LandfastResource`; None is the one of the definitions, else the environment's.

    Raises:
        InvalidInput: If the name says a version, which never changes.

    Example:
        >>> artifact_asset("vision/mnist").key.to_user_string()
        'vision/mnist'
    """
    name = _followed(artifact)
    if cron is not None and automation_condition is not None:
        raise landfast.InvalidInput(
            f"{artifact} has cron and automation_condition",
            subject=artifact,
            expected="one of them",
        )
    condition = (
        dg.AutomationCondition.on_cron(cron, cron_timezone) if cron else automation_condition
    )
    spec = dg.AssetSpec(
        asset_key_of(key, name),
        description=description,
        metadata={
            identity.ARTIFACT: str(name.bare()),
            **({} if name.alias is None else {ALIAS: name.alias}),
            **(metadata or {}),
        },
        group_name=group_name,
        automation_condition=condition,
        tags=dict(tags or {}),
        kinds=set(kinds or ()),
        owners=list(owners),
        partitions_def=partitions_def,
    )
    look_up = _LookUp(spec=spec, name=name, lookback=lookback, record_unchanged=record_unchanged)
    return observed_assets([spec], look_up, name=None, resource_key=resource_key)


def asset_key_of(key: identity.Key | None, name: landfast.ArtifactName) -> dg.AssetKey:
    """Return the key that is given, else the artifact's project and collection."""
    if key is None:
        return dg.AssetKey([part for part in (name.entity, name.project, name.collection) if part])
    return identity.key_of(key)


@dataclass(frozen=True, slots=True, kw_only=True)
class _LookUp:
    """Observes one artifact."""

    spec: dg.AssetSpec
    name: landfast.ArtifactName
    lookback: int | None
    record_unchanged: bool

    def __call__(self, context: dg.AssetExecutionContext) -> Iterator[dg.ObserveResult]:
        resource = resource_of(context)
        resource.check_shared(context)
        look, alias = Look(resource.client), self.name.alias or LATEST
        if self.spec.partitions_def is not None:
            for event in self._events(resource, context, look, alias):
                context.log_event(event)
            yield compat.observed_by_hand(self.spec.key)
            return
        version = resource.client.get(self.name)
        position = look.position(version, alias)
        yield observing.result(resource, context, self.spec.key, version, position)

    def _events(
        self,
        resource: LandfastResource,
        context: dg.AssetExecutionContext,
        look: Look,
        alias: str,
    ) -> Iterator[dg.AssetObservation]:
        found, key = self._partitions(resource, context), self.spec.key
        known = records.known(context.instance, key, list(found), observable=True)
        every = self.record_unchanged or compat.is_asked_alone(context)
        for partition_key, version in found.items():
            before = known.get(partition_key)
            if every or observing.is_news(version, before):
                position = look.position(version, alias)
                shown = observing.observed(resource, version, before, position)
                yield observing.event(key, partition_key, version.digest, shown)

    def _partitions(
        self, resource: LandfastResource, context: dg.AssetExecutionContext
    ) -> dict[str, landfast.ArtifactVersion]:
        partitions = self.spec.partitions_def
        assert partitions is not None
        known = resource.client.partitions(self.name.bare())
        if isinstance(partitions, dg.DynamicPartitionsDefinition) and partitions.name:
            new = [key for key in known if compat.is_partition_key(key)]
            context.instance.add_dynamic_partitions(partitions.name, new)
        asked = observing.asked_partitions(context, partitions, lookback=self.lookback)
        found: dict[str, landfast.ArtifactVersion] = {}
        for key in asked:
            version = known.get(identity.partition(key))
            if version is not None and self.name.alias is not None:
                version = by_alias(resource.client, version.full_name.bare(), self.name.alias)
            if version is not None:
                found[key] = version
        return found


def by_alias(
    client: landfast.Client, name: landfast.ArtifactName, alias: str
) -> landfast.ArtifactVersion | None:
    """Return the version of a partition that an alias names; None if it names none there."""
    return client.find(replace(name, alias=alias))


def _followed(artifact: str) -> landfast.ArtifactName:
    name = landfast.ArtifactName.parse(artifact)
    if name.index is not None or name.digest is not None:
        raise landfast.InvalidInput(
            f"{artifact!r} says a version, which never changes",
            subject=artifact,
            expected=f"{name.bare()}, or an alias of it",
            hint='A version to read is AssetIn(metadata={"landfast/version": ...}).',
        )
    return replace(name, alias=None) if name.alias == "latest" else name
