"""Checks: whether what an asset refers to is still there, and whether its size is what one expects."""

from collections.abc import Callable, Collection, Iterable
from datetime import timedelta
from functools import partial
from typing import Any, TypeAlias

import dagster as dg
import landfast

from dagster_landfast import check_results, compat, identity, resolving
from dagster_landfast.check_results import Bounds
from dagster_landfast.finding import required_keys, resource_of
from dagster_landfast.resolving import Resolved

# What a check may be built for; of several assets in one definition, one check each.
Checked: TypeAlias = dg.AssetsDefinition | dg.AssetSpec | dg.AssetKey | str
# As `landfast.Client.verify` says: what was recorded is what is there now.
ACCEPTED = ("intact", "moved")

_Judge: TypeAlias = Callable[[landfast.Client, list[Resolved]], check_results.Judgement]


def build_reference_checks(
    assets: Iterable[Checked],
    *,
    name: str = "references_intact",
    accept: Collection[str] = ACCEPTED,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    blocking: bool = False,
    deep: bool = False,
    any_endpoint: bool = False,
    max_rows: int = 20,
    resource_key: str | None = None,
    automation_condition: dg.AutomationCondition[dg.AssetCheckKey] | None = None,
) -> list[dg.AssetChecksDefinition]:
    """Check that the objects which assets refer to are still what was recorded.

    Looked at is the version that the asset's latest materialization or observation names, in the partitions
    of the run, or in all that were recorded where the run has none.  It costs list requests; no byte is read.

    Args:
        assets: Assets whose versions are in the registry.
        name: Of the checks.
        accept: Verdicts that are no problem; add ``"overwritten"`` and ``"deleted"`` where it is enough that
            the recorded version can still be read.
        severity: Of a failed check.
        blocking: Whether a failed check of severity ERROR keeps what comes after the asset from running.
        deep: Whether the bytes are read again.
        any_endpoint: Whether another endpoint than recorded may be looked at.
        max_rows: The most problems in the table of the result.
        resource_key: Of the `LandfastResource`, where the definitions have several; None finds the only one.
        automation_condition: When the checks run by themselves.

    Raises:
        InvalidInput: If `accept` names something that is no verdict.

    Example:
        >>> import dagster as dg
        >>> checks = build_reference_checks(["features"], blocking=True)
        >>> [key.to_user_string() for key in checks[0].check_keys]
        ['features:references_intact']
    """
    accepted = check_results.verdicts(accept)

    def judge(client: landfast.Client, found: list[Resolved]) -> check_results.Judgement:
        reports = [
            (each, client.verify(each.version, deep=deep, any_endpoint=any_endpoint))
            for each in found
        ]
        return check_results.of_reports(reports, accepted, max_rows)

    description = "The recorded objects are " + " or ".join(sorted(map(str, accepted))) + "."
    spec = {"name": name, "blocking": blocking, "automation_condition": automation_condition}
    return [
        _check(key, judge, severity, resource_key, description=description, **spec)
        for key in checked_keys(assets)
    ]


def build_retention_checks(
    assets: Iterable[Checked],
    *,
    name: str = "references_stay",
    within: timedelta = timedelta(days=30),
    locks: bool = False,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    blocking: bool = False,
    any_endpoint: bool = False,
    max_rows: int = 20,
    resource_key: str | None = None,
    automation_condition: dg.AutomationCondition[dg.AssetCheckKey] | None = None,
) -> list[dg.AssetChecksDefinition]:
    """Check that no rule of a bucket removes or archives what assets refer to sooner than in some time.

    Looked at is the version that `build_reference_checks` looks at.  It reads the rules of each bucket, and list pages
    where a rule may apply.  Rules that may not be read fail the check, too.

    Args:
        assets: Assets whose versions are in the registry.
        name: Of the checks.
        within: How far ahead a date is too near.
        locks: Whether to ask what holds each object version that would expire, in two requests each.
        severity: Of a failed check.
        blocking: Whether a failed check of severity ERROR keeps what comes after the asset from running.
        any_endpoint: Whether another endpoint than recorded may be looked at.
        max_rows: The most problems in the table of the result.
        resource_key: Of the `LandfastResource`, where the definitions have several; None finds the only one.
        automation_condition: When the checks run by themselves.

    Example:
        >>> checks = build_retention_checks(["features"], within=timedelta(days=90))
        >>> [key.to_user_string() for key in checks[0].check_keys]
        ['features:references_stay']
    """

    def judge(client: landfast.Client, found: list[Resolved]) -> check_results.Judgement:
        look = partial(client.retention, within=within, locks=locks, any_endpoint=any_endpoint)
        return check_results.of_retention([(each, look(each.version)) for each in found], max_rows)

    description = f"The recorded objects stay readable for {within.days} days."
    spec = {"name": name, "blocking": blocking, "automation_condition": automation_condition}
    return [
        _check(key, judge, severity, resource_key, description=description, **spec)
        for key in checked_keys(assets)
    ]


def build_drift_checks(
    assets: Iterable[Checked],
    *,
    files: Bounds | None = None,
    size_bytes: Bounds | None = None,
    name: str = "drift_within_bounds",
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    blocking: bool = False,
    max_rows: int = 20,
    resource_key: str | None = None,
    automation_condition: dg.AutomationCondition[dg.AssetCheckKey] | None = None,
) -> list[dg.AssetChecksDefinition]:
    """Check that the number of files and their bytes stay within bounds.

    Looked at is the version that `build_reference_checks` looks at; compared with it is the version that was
    the latest before it.  No request goes to where the data lies.

    Args:
        assets: Assets whose versions are in the registry.
        files: Bounds of the number of files.
        size_bytes: Bounds of their bytes together.
        name: Of the checks.
        severity: Of a failed check.
        blocking: Whether a failed check of severity ERROR keeps what comes after the asset from running.
        max_rows: The most problems in the table of the result.
        resource_key: Of the `LandfastResource`, where the definitions have several; None finds the only one.
        automation_condition: When the checks run by themselves.

    Raises:
        InvalidInput: If neither `files` nor `size_bytes` is given.

    Example:
        >>> bounds = Bounds(minimum=1, max_drop=0.2)
        >>> checks = build_drift_checks(["features"], files=bounds)
    """
    if files is None and size_bytes is None:
        raise landfast.InvalidInput(
            "build_drift_checks has nothing to check",
            expected="files=Bounds(...) or size_bytes=Bounds(...)",
        )

    def judge(client: landfast.Client, found: list[Resolved]) -> check_results.Judgement:
        compared = [(each, check_results.version_before(client, each.version)) for each in found]
        return check_results.of_sizes(compared, files, size_bytes, max_rows)

    description = f"Files: {files or 'any number'}. Bytes: {size_bytes or 'any number'}."
    spec = {"name": name, "blocking": blocking, "automation_condition": automation_condition}
    return [
        _check(key, judge, severity, resource_key, description=description, **spec)
        for key in checked_keys(assets)
    ]


def checked_keys(assets: Iterable[Checked]) -> list[dg.AssetKey]:
    """Return the keys of what checks are built for, each once."""
    keys: list[dg.AssetKey] = []
    for asset in [assets] if isinstance(assets, str) else assets:
        if isinstance(asset, dg.AssetsDefinition):
            keys += sorted(asset.keys)
        elif isinstance(asset, dg.AssetSpec):
            keys.append(asset.key)
        else:
            keys.append(identity.key_of(asset))
    return list(dict.fromkeys(keys))


def _check(
    asset_key: dg.AssetKey,
    judge: _Judge,
    severity: dg.AssetCheckSeverity,
    resource_key: str | None,
    **spec: Any,
) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=asset_key, required_resource_keys=required_keys(resource_key), **spec)
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        client = resource_of(context).client
        try:
            found = _recorded(client, context, asset_key)
        except landfast.NotFound as error:
            return check_results.Judgement.nothing(str(error)).result(severity)
        if not found:
            said = f"no partition of {asset_key.to_user_string()} was recorded yet"
            return check_results.Judgement.nothing(said).result(severity)
        return judge(client, found).result(severity)

    return check


def _recorded(
    client: landfast.Client, context: dg.AssetCheckExecutionContext, asset_key: dg.AssetKey
) -> list[Resolved]:
    step = compat.step_context(context)
    return resolving.resolve(
        client,
        identity.name_in_use(client, asset_key, compat.node_metadata(step, asset_key)),
        asset_key=asset_key,
        partition_keys=compat.checked_partitions(step, asset_key),
        instance=context.instance,
        observable=compat.is_observable(step, asset_key),
    )


__all__ = [
    "ACCEPTED",
    "Bounds",
    "build_drift_checks",
    "build_reference_checks",
    "build_retention_checks",
]
