"""Observe a prefix in a run: list it, log what is there as a version, and tell Dagster its data version."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import landfast

from dagster_landfast import compat, records
from dagster_landfast.feed import Look, partitions_of
from dagster_landfast.metadata import change_since, version_metadata

if TYPE_CHECKING:
    from dagster_landfast.prefix import Prefix
    from dagster_landfast.resource import LandfastResource


def observed(
    resource: LandfastResource,
    version: landfast.ArtifactVersion,
    before: records.Recorded | None,
    position: str,
) -> dict[str, dg.MetadataValue[Any]]:
    """Return the metadata of an observation: the version, what changed, how far in the feed it reaches.

    Args:
        resource: Of the registry.
        version: What the asset has now.
        before: What Dagster knew before; None if it knew nothing.
        position: By `Look.position`.
    """
    change = change_since(resource.client, version, before)
    shown = version_metadata(resource, version, change=change)
    return shown | {records.POSITION: dg.MetadataValue.text(position)}


def event(
    asset_key: dg.AssetKey,
    partition_key: str | None,
    digest: str,
    metadata: Mapping[str, dg.MetadataValue[Any]],
) -> dg.AssetObservation:
    """Return the event that says: this asset has this content."""
    return dg.AssetObservation(
        asset_key=asset_key,
        partition=partition_key,
        metadata=metadata,
        tags={compat.DATA_VERSION_TAG: digest},
    )


def observe_whole(
    resource: LandfastResource, context: dg.AssetExecutionContext, prefix: Prefix
) -> dg.ObserveResult:
    """Log a prefix without partitions, and return its observation.

    Raises:
        NotFound: If nothing is there, unless it may be empty.
    """
    prefix = prefix.in_use(resource.client)
    look = Look(resource.client)
    with _run(resource, context, prefix) as client:
        version = client.snapshot(prefix.snapshot())
    context.log.info(f"{version.full_name.bare()}: {version.outcome}")
    if not version.changed:
        # Someone who began to look later may have moved it already.
        version = resource.client.get(version.full_name.bare())
    return result(resource, context, prefix.asset_key, version, look.position(version))


def result(
    resource: LandfastResource,
    context: dg.AssetExecutionContext,
    asset_key: dg.AssetKey,
    version: landfast.ArtifactVersion,
    position: str,
) -> dg.ObserveResult:
    """Return what a step says of an asset without partitions; arguments as of `observed`."""
    before = records.known(context.instance, asset_key, None, observable=True).get(None)
    return dg.ObserveResult(
        asset_key=asset_key,
        data_version=dg.DataVersion(version.digest),
        metadata=observed(resource, version, before, position),
    )


def observe_partitions(
    resource: LandfastResource, context: dg.AssetExecutionContext, prefix: Prefix
) -> Iterator[dg.AssetObservation]:
    """Log the partitions that a run asks for, with one listing if they lie side by side.

    A partition whose content Dagster knows already is no event, unless the prefix asks for one; nor is one that
    never had content and has none now.

    Raises:
        NotFound: If a partition had content and has none now, or none of them has any, unless they may
            be empty; those that have content are logged before.
    """
    assert prefix.partitions_def is not None
    keys = asked_partitions(context, prefix.partitions_def, lookback=prefix.lookback)
    resource.check_shared(context)
    client = resource.client
    prefix = prefix.in_use(client)
    known = records.known(context.instance, prefix.asset_key, keys, observable=True)
    every = prefix.record_unchanged or compat.is_asked_alone(context)
    since = Look(client)
    # Before the first request, so that a later look that is faster is not overtaken by this one.
    ticket = client.ticket()
    log = _Log(resource=resource, context=context, prefix=prefix, ticket=ticket)
    with tempfile.TemporaryDirectory(prefix="landfast-") as folder:
        looks = _looks(client, Path(folder), prefix, keys)
        latest = partitions_of(client, prefix.name, [look.partition for look in looks])
        for look, version in log.all([look for look in looks if not look.is_absent], latest):
            before = known.get(look.key)
            if every or is_news(version, before):
                shown = observed(resource, version, before, since.position(version))
                yield event(prefix.asset_key, look.key, version.digest, shown)
        absent = [look for look in looks if look.is_absent]
        gone = [look for look in absent if look.partition in latest]
        if absent and (gone or len(absent) == len(looks)):
            log.one((gone or absent)[0])
    for look in absent:
        context.log.info(f"{prefix.asset_key.to_user_string()}: nothing yet for {look.key}")
    raise_first(log.errors)


def is_news(version: landfast.ArtifactVersion, before: records.Recorded | None) -> bool:
    """Tell whether Dagster's latest record is of another version than this one, or there is none."""
    now = (version.qualified_name, version.digest)
    return before is None or (before.artifact, before.digest) != now


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What lies in the places of one partition."""

    key: str
    config: landfast.SnapshotConfig
    scans: Sequence[Any]

    @property
    def is_absent(self) -> bool:
        is_empty = not any(scan.manifest.summary.count for scan in self.scans)
        return is_empty and not self.config.allow_empty

    @property
    def partition(self) -> str:
        return self.config.partition or ""

    def draft(self, client: landfast.Client, kind: str, ticket: int) -> landfast.Artifact:
        config = self.config
        draft = landfast.Artifact(
            config.name,
            kind,
            config.description,
            config.metadata,
            partition=config.partition,
            ttl=config.ttl,
            client=client,
        )
        for scan in self.scans:
            draft.add_scans([scan], ticket=ticket)
        return draft


def _looks(
    client: landfast.Client, folder: Path, prefix: Prefix, keys: Sequence[str]
) -> list[_Look]:
    configs = {key: prefix.snapshot(key) for key in keys}
    places = {key: config.references() for key, config in configs.items()}
    scans = iter(client.scan_folders(folder, [place for each in places.values() for place in each]))
    return [
        _Look(key=key, config=configs[key], scans=[next(scans) for _ in places[key]])
        for key in keys
    ]


@dataclass(frozen=True, kw_only=True)
class _Log:
    """Logs what was found of a prefix; what cannot be logged keeps nothing else from it.

    Args:
        resource: Of the registry.
        context: Of the step.
        prefix: The prefix.
        ticket: Drawn before the first request.
        errors: Of what could not be logged.
    """

    resource: LandfastResource
    context: dg.AssetExecutionContext
    prefix: Prefix
    ticket: int
    errors: list[landfast.LandfastError] = field(default_factory=list)

    def all(
        self, looks: Sequence[_Look], latest: Mapping[str, landfast.ArtifactVersion]
    ) -> Iterator[tuple[_Look, landfast.ArtifactVersion]]:
        """Log partitions; those that are as they were all at once."""
        drafts = {look.key: draft for look in looks if (draft := self._draft(look)) is not None}
        same = [
            look
            for look in looks
            if look.key in drafts and _is_same(drafts[look.key], latest.get(look.partition))
        ]
        self._log_same([drafts[look.key] for look in same], same)
        # As it is now: someone who began to look later may have moved it already.
        keys = [look.partition for look in same]
        now = partitions_of(self.resource.client, self.prefix.name, keys)
        done = {look.key for look in same}
        for look in looks:
            if look.key not in drafts:
                continue
            if look.key not in done:
                try:
                    yield look, self.one(look, drafts[look.key])
                except landfast.LandfastError as error:
                    self.errors.append(error)
            elif drafts[look.key].is_logged and look.partition in now:
                yield look, now[look.partition]

    def one(self, look: _Look, draft: landfast.Artifact | None = None) -> landfast.ArtifactVersion:
        """Log a partition in the name of its own run."""
        config = look.config
        with _run(self.resource, self.context, self.prefix, look.key) as client:
            draft = draft or look.draft(client, self._kind, self.ticket)
            version = client.log_artifact(draft, aliases=config.aliases, tags=config.tags)
        self.context.log.info(f"{version.full_name.bare()}: {version.outcome}")
        return version if version.changed else client.get(version.full_name.bare())

    def _log_same(self, drafts: Sequence[landfast.Artifact], looks: Sequence[_Look]) -> None:
        """Log drafts in one transaction, in the name of the step's run for all its partitions."""
        if not drafts:
            return
        config = looks[0].config
        try:
            with _run(self.resource, self.context, self.prefix) as client:
                client.log_all(drafts, aliases=config.aliases, tags=config.tags)
        except landfast.LandfastError as error:
            self.errors.append(error)

    def _draft(self, look: _Look) -> landfast.Artifact | None:
        try:
            return look.draft(self.resource.client, self._kind, self.ticket)
        except landfast.LandfastError as error:
            self.errors.append(error)
            return None

    @cached_property
    def _kind(self) -> str:
        client = self.resource.client
        return (
            self.prefix.type
            or client.collection_type(client.resolve_name(self.prefix.name))
            or "dataset"
        )


def _is_same(draft: landfast.Artifact, latest: landfast.ArtifactVersion | None) -> bool:
    return latest is not None and draft.scanned_digest == latest.digest


@contextmanager
def _run(
    resource: LandfastResource,
    context: dg.AssetExecutionContext,
    prefix: Prefix,
    partition_key: str | None = None,
) -> Iterator[landfast.Client]:
    """Hand out a client in the run's name, and say how that ended; nobody else tells it."""
    client = resource.for_context(context, asset_key=prefix.asset_key, partition_key=partition_key)
    try:
        yield client
    except BaseException:
        client.finish_run(landfast.RunStatus.FAILED)
        raise
    client.finish_run(landfast.RunStatus.FINISHED)


def raise_first(errors: Sequence[Exception]) -> None:
    """Raise the first of some errors, the others as notes; nothing if there is none."""
    if errors:
        for other in errors[1:]:
            errors[0].add_note(f"also: {other}")
        raise errors[0]


def asked_partitions(
    context: dg.AssetExecutionContext,
    partitions: dg.PartitionsDefinition[Any],
    *,
    lookback: int | None = None,
) -> list[str]:
    """Return the partitions to look at: those of the run, else the last ones, else all.

    Args:
        context: Of the run.
        partitions: The definition.
        lookback: How many are the last ones; None is all of them.
    """
    if context.has_partition_key or context.has_partition_key_range:
        asked = list(context.partition_keys)
        if lookback is None or not compat.is_automatic(context):
            return asked
        # The daemon asks for the newest time window alone.
        every = _every(context, partitions)
        if asked[-1] not in every:
            return asked
        end = every.index(asked[-1]) + 1
        return every[max(0, end - max(lookback, len(asked))) : end]
    every = _every(context, partitions)
    return every if lookback is None else every[-lookback:]


def _every(
    context: dg.AssetExecutionContext, partitions: dg.PartitionsDefinition[Any]
) -> list[str]:
    with compat.loading_partitions(context.instance):
        return list(partitions.get_partition_keys())
