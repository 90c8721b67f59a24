"""build_alias_checks: whether what aliases of an artifact name is still at its source; a change is told by the feed."""

# No `from __future__ import annotations`: Dagster looks at the annotation of `context`.

import re
from collections.abc import Iterable, Sequence
from typing import Any

import dagster as dg
import landfast

from dagster_landfast import compat, identity
from dagster_landfast.check_results import Judgement, of_aliases
from dagster_landfast.checks import Checked, checked_keys
from dagster_landfast.finding import required_keys, resource_of


def build_alias_checks(
    assets: Iterable[Checked],
    *,
    aliases: Sequence[str],
    fail_on: landfast.FailOn = "drift",
    name: str | None = None,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    blocking: bool = False,
    max_rows: int = 20,
    resource_key: str | None = None,
    automation_condition: dg.AutomationCondition[dg.AssetCheckKey] | None = None,
) -> list[dg.AssetChecksDefinition]:
    """Check that what aliases name, in all partitions, is what lies at its source, from list pages.

    A change is written into the feed, as by `landfast.Client.verify_aliases`; `build_verdict_sensor` reads it there.

    Args:
        assets: Assets whose versions are in the registry.
        aliases: Which, such as ``prod``.
        fail_on: ``drift`` fails if anything but the recorded content lies at the source; ``loss`` only if recorded
            bytes cannot be had, or could not be looked at; ``never`` only shows it.
        name: Of the checks; None is made of the aliases.
        severity: Of a failed check.
        blocking: Whether a failed check of severity ERROR keeps what comes after the asset from running.
        max_rows: The most versions in the table of the result.
        resource_key: Of the `LandfastResource`, where the definitions have several; None finds the only one.
        automation_condition: When the checks run by themselves.

    Raises:
        InvalidInput: If an alias cannot be one, or `fail_on` is something else.

    Example:
        >>> checks = build_alias_checks(["features"], aliases=["prod", "latest"])
        >>> [key.to_user_string() for key in checks[0].check_keys]
        ['features:verify_prod_latest']
    """
    rule = landfast.VerifyRule(aliases=aliases, fail_on=fail_on)
    spec = {"blocking": blocking, "automation_condition": automation_condition}
    return [
        _check(key, rule, name or check_name(rule), severity, max_rows, resource_key, **spec)
        for key in checked_keys(assets)
    ]


def rule_check(
    key: dg.AssetKey, rule: landfast.VerifyRule, *, resource_key: str | None
) -> dg.AssetChecksDefinition:
    """Return the check of an asset that an entry below ``verify:`` is."""
    severity = dg.AssetCheckSeverity.ERROR
    return _check(key, rule, check_name(rule), severity, 20, resource_key)


def rule_job(rule: landfast.VerifyRule, *, resource_key: str | None) -> dg.JobDefinition:
    """Return the job that looks at what aliases name in a whole project; it fails as the entry says."""

    @dg.op(
        name=f"{check_name(rule)}_of_project", required_resource_keys=required_keys(resource_key)
    )
    def look(context: dg.OpExecutionContext) -> None:
        client = resource_of(context).client
        found = client.verify_aliases(aliases=rule.aliases)
        judged = of_aliases(found, rule, len(found))
        context.log.info(judged.description)
        context.add_output_metadata(judged.metadata)
        rule.raise_for(found)

    @dg.job(name=f"landfast_{check_name(rule)}", description=f"Verifies {rule.label}.")
    def verify() -> None:
        look()

    return verify


def check_name(rule: landfast.VerifyRule) -> str:
    """Return what an entry is called beside its asset.

    Example:
        >>> check_name(landfast.VerifyRule(name="days~2026-05-01", aliases=["prod", "latest"]))
        'verify_2026_05_01_prod_latest'
    """
    partition = "" if rule.name is None else landfast.ArtifactName.parse(rule.name).partition
    said = [word for word in ("verify", partition, *rule.aliases) if word]
    return re.sub(r"[^A-Za-z0-9_]", "_", "_".join(said))


def _check(
    asset_key: dg.AssetKey,
    rule: landfast.VerifyRule,
    name: str,
    severity: dg.AssetCheckSeverity,
    max_rows: int,
    resource_key: str | None,
    **spec: Any,
) -> dg.AssetChecksDefinition:
    described = f"What {', '.join(rule.aliases)} names is what lies at its source."

    @dg.asset_check(
        asset=asset_key,
        name=name,
        description=described,
        required_resource_keys=required_keys(resource_key),
        **spec,
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        client = resource_of(context).client
        try:
            found = client.verify_aliases(
                _named(client, context, asset_key, rule), aliases=rule.aliases
            )
        except landfast.NotFound as error:
            return Judgement.nothing(str(error)).result(severity)
        return of_aliases(found, rule, max_rows).result(severity)

    return check


def _named(
    client: landfast.Client,
    context: dg.AssetCheckExecutionContext,
    asset_key: dg.AssetKey,
    rule: landfast.VerifyRule,
) -> str | landfast.ArtifactName:
    if rule.name is not None:
        return rule.name
    step = compat.step_context(context)
    return identity.name_in_use(client, asset_key, compat.node_metadata(step, asset_key))
