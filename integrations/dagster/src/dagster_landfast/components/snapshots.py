"""LandfastSnapshotsComponent: external data declared in ``snapshots.yaml``, as assets of a ``dg`` project."""

# No `from __future__ import annotations`: Dagster resolves the fields of a component by their types.

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import dagster as dg
import landfast

from dagster_landfast import identity
from dagster_landfast.alias_checks import check_name, rule_check, rule_job
from dagster_landfast.checks import build_reference_checks
from dagster_landfast.compat import SPEC_WITHOUT_KEY
from dagster_landfast.components.scaffolding import SnapshotsScaffolder
from dagster_landfast.external import observable_prefix_assets, step_name
from dagster_landfast.prefix import Prefix
from dagster_landfast.schedules import build_snapshot_schedule
from dagster_landfast.sensors import build_artifact_sensor

DEFAULT_FILE = "snapshots.yaml"
_KIND = "dagster/kind/"


class SnapshotAsset(dg.Model, dg.Resolvable):
    """What Dagster has to know of a snapshot beyond what the file says.

    Args:
        snapshot: Its name in the file.
        asset: partitions_def, group_name, kinds, owners, tags, metadata, automation_condition, ...; and key, if it
            is not the snapshot's name.
        lookback: Look at the last so many partitions only.
    """

    snapshot: str
    asset: Annotated[dg.AssetSpec | Mapping[str, Any], SPEC_WITHOUT_KEY]
    lookback: int | None = None


@dg.scaffold_with(SnapshotsScaffolder)
class LandfastSnapshotsComponent(dg.Component, dg.Model, dg.Resolvable):
    """External data as observable assets, described by snapshots.yaml, which the CLI reads as well.

    Args:
        config: Path of the file, from the component's folder; ``snapshots.yaml`` unless `snapshots` are given.
        snapshots: The same entries right here instead of in a file.
        verify: What is verified, right here, as below ``verify:`` of a file.
        assets: More about the assets of some snapshots: key, partitions, group, ...
        timezone: Of the schedules.
        running: Whether the schedules and the sensor run before anybody turns them on.
        checks: Whether each asset gets a check that its objects are still what was recorded.
        sensor: Whether changes that others log (``landfast snapshot``, Airflow, ...) are mirrored.
        resource_key: Of the `LandfastResource`, where the definitions have several.
    """

    config: str | None = None
    snapshots: Sequence[Mapping[str, Any]] = ()
    verify: Sequence[Mapping[str, Any]] = ()
    assets: Sequence[SnapshotAsset] = ()
    timezone: str = "UTC"
    running: bool = False
    checks: bool = False
    sensor: bool = False
    resource_key: str | None = None

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Say what it is, for ``dg list components``."""
        return dg.ComponentTypeSpec(
            description="External data in S3, Cloud Storage and elsewhere as observable assets whose "
            "data version is the digest of their content; described by snapshots.yaml.",
            tags=["landfast", "external", "lineage"],
        )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the assets, one schedule for each time in the file, what it verifies, and what else is asked for.

        Raises:
            NotFound: If there is no file.
            InvalidInput: Naming what is wrong in it, or an asset of a snapshot that it has not.
        """
        described = self._described(context)
        assets = {
            name: observable_prefix_assets(
                [self._prefix(name, config)], resource_key=self.resource_key
            )
            for name, config in described.items()
        }
        checks = (
            build_reference_checks(list(assets.values()), resource_key=self.resource_key)
            if self.checks
            else []
        )
        observed = dg.Definitions(
            assets=list(assets.values()),
            schedules=self._schedules(described, assets),
            sensors=self._sensors(list(assets.values())),
            asset_checks=checks,
        )
        verified = (self._verified(rule, assets) for rule in self._rules(context))
        return dg.Definitions.merge(observed, *verified)

    def _described(self, context: dg.ComponentLoadContext) -> dict[str, landfast.SnapshotConfig]:
        given = "snapshots" if self.snapshots else "verify" if self.verify else None
        if given and self.config:
            raise landfast.InvalidInput(
                f"config and {given} are given", expected="one of them", subject=str(context.path)
            )
        if given:
            configs = landfast.snapshots_of(self.snapshots, source=str(context.path / "defs.yaml"))
        else:
            configs = landfast.load_snapshots(context.path / (self.config or DEFAULT_FILE))
        described = {config.name: config for config in configs}
        for each in self.assets:
            if each.snapshot not in described:
                raise landfast.InvalidInput(
                    f"assets name the snapshot {each.snapshot!r}, which is not described",
                    subject=each.snapshot,
                    expected="one of " + ", ".join(described),
                )
        return described

    def _rules(self, context: dg.ComponentLoadContext) -> list[landfast.VerifyRule]:
        if self.snapshots or self.verify:
            return landfast.verify_of(self.verify, source=str(context.path / "defs.yaml"))
        return landfast.load_verify(context.path / (self.config or DEFAULT_FILE))

    def _verified(
        self, rule: landfast.VerifyRule, assets: Mapping[str, dg.AssetsDefinition]
    ) -> dg.Definitions:
        """Return the check that an entry is, or the job if it is of a whole project; and its schedule."""
        if rule.name is None:
            job = rule_job(rule, resource_key=self.resource_key)
            return dg.Definitions(jobs=[job], schedules=self._times(rule, job.name, job))
        collection = rule.name.partition("~")[0]
        key = assets[collection].key if collection in assets else identity.key_of(collection)
        check = rule_check(key, rule, resource_key=self.resource_key)
        target = dg.AssetSelection.checks(check)
        name = step_name([key], check_name(rule))
        return dg.Definitions(asset_checks=[check], schedules=self._times(rule, name, target))

    def _times(
        self, rule: landfast.VerifyRule, name: str, target: Any
    ) -> list[dg.ScheduleDefinition]:
        if rule.schedule is None:
            return []
        return [
            dg.ScheduleDefinition(
                name=f"{name}_schedule",
                cron_schedule=rule.schedule,
                target=target,
                execution_timezone=self.timezone,
                default_status=self._status,
            )
        ]

    @property
    def _status(self) -> dg.DefaultScheduleStatus:
        status = dg.DefaultScheduleStatus
        return status.RUNNING if self.running else status.STOPPED

    def _prefix(self, name: str, config: landfast.SnapshotConfig) -> Prefix:
        more = next((each for each in self.assets if each.snapshot == name), None)
        # Times become schedules: one run looks at everything that is due.
        given: dict[str, Any] = {"cron": None}
        if more is not None:
            given |= _given(name, more.asset) | {"lookback": more.lookback}
        return Prefix.of_snapshot(config, **given)

    def _schedules(
        self,
        described: Mapping[str, landfast.SnapshotConfig],
        assets: Mapping[str, dg.AssetsDefinition],
    ) -> list[dg.ScheduleDefinition]:
        due: dict[str, list[dg.AssetsDefinition]] = {}
        for name, config in described.items():
            if config.schedule is not None:
                due.setdefault(config.schedule, []).append(assets[name])
        return [
            build_snapshot_schedule(
                group,
                cron,
                # Of the first one, so that a further one does not make it another schedule.
                name=step_name(list(group[0].keys), "snapshot"),
                timezone=self.timezone,
                default_status=self._status,
            )
            for cron, group in due.items()
        ]

    def _sensors(self, assets: Sequence[dg.AssetsDefinition]) -> Iterable[dg.SensorDefinition]:
        if not self.sensor or not assets:
            return []
        status = dg.DefaultSensorStatus
        return [
            build_artifact_sensor(
                assets,
                name=step_name(list(assets[0].keys), "landfast_changes"),
                resource_key=self.resource_key,
                default_status=status.RUNNING if self.running else status.STOPPED,
            )
        ]


def _given(name: str, asset: dg.AssetSpec | Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said of an asset, as `Prefix` takes it; what it leaves open is the file's."""
    if isinstance(asset, dg.AssetSpec):
        spec = asset
    else:
        key = identity.key_of(asset.get("key") or name)
        spec = dg.AssetSpec(**{**asset, "key": key})
    given: dict[str, Any] = {
        "key": spec.key,
        "partitions_def": spec.partitions_def,
        "automation_condition": spec.automation_condition,
        "group_name": spec.group_name,
        "metadata": dict(spec.metadata),
        "tags": {key: value for key, value in spec.tags.items() if not key.startswith(_KIND)},
        "kinds": set(spec.kinds) or None,
        "owners": list(spec.owners),
    }
    return given | ({"description": spec.description} if spec.description else {})
