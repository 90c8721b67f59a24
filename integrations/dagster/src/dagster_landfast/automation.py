"""on_content_change: run an asset when the content of what it depends on changed, and only then."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import dagster as dg
import landfast

from dagster_landfast.refusals import observed_specs

Missing = Literal["newest", "all", "ignore"]


def on_content_change(
    *, whole_chain: bool = False, missing: Missing = "newest", every_partition: bool = False
) -> dg.AutomationCondition:  # type: ignore[type-arg]
    """Return a condition that asks for an asset when a dependency has another data version.

    Of partitioned assets, only the partitions whose dependency changed are asked for.  Content that comes
    back (A, B, A) is a change each time.  What was never made is asked for once, as soon as what it depends on is
    there.  Dagster's own `AutomationCondition.eager()` also fires when a dependency was materialized again with the
    same content (it looks at data versions of observed assets only), and not for an asset that is new.

    Args:
        whole_chain: Whether assets further down are asked for in the same tick, one tick earlier a level, but also
            where what they depend on turns out to be the same.
        missing: Of which partitions it is asked for what was never made: of time windows the ``newest`` only, or
            ``all``; ``ignore`` waits for a change.  Partitions that are no time windows are all asked for.
        every_partition: Whether all partitions that an asset depends on have to be there; by default one of each
            dependency is enough, so that one that never comes does not block a fan-in.

    Raises:
        InvalidInput: If `missing` is something else.

    A change in the tick right after a request, before the requested run is done, is not asked for again:
    Dagster counts it as handled.  The asset is then shown as stale.

    Example:
        >>> import dagster as dg
        >>> @dg.asset(deps=["flowers"], automation_condition=on_content_change())
        ... def features() -> None: ...
    """
    landfast.check_choice("missing", missing, Missing)
    condition = dg.AutomationCondition
    changed: dg.AutomationCondition[Any] = condition.data_version_changed()
    if whole_chain:
        changed = changed | condition.will_be_requested()
    asked: dg.AutomationCondition[Any] = condition.any_deps_match(changed)
    if missing == "newest":
        asked = asked | (condition.newly_missing() & condition.in_latest_time_window())
    elif missing == "all":
        asked = asked | condition.newly_missing()
    there = (
        ~condition.any_deps_missing()
        if every_partition
        else condition.all_deps_match(~condition.missing())
    )
    # Not since_last_handled(): it forgets what is missing when an asset is new.
    handled = condition.newly_requested() | condition.newly_updated()
    return (
        asked.since(handled) & there & ~condition.any_deps_in_progress() & ~condition.in_progress()
    ).with_label("on_content_change")


def build_automation_sensor(
    assets: Sequence[dg.AssetsDefinition | dg.SourceAsset] | None = None,
    *,
    name: str = "landfast_automation",
    minimum_interval_seconds: int = 30,
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.RUNNING,
) -> dg.AutomationConditionSensorDefinition:
    """Return the sensor that makes conditions work: `cron=` of observed assets, and `on_content_change`.

    Without one, Dagster has a sensor of its own for them, which is *stopped* until somebody turns it on: nothing
    is observed and nothing runs before.  What this one targets, Dagster's own leaves alone.

    Args:
        assets: Observed assets, for those alone; None is all assets of the code location, observed ones too.
        name: Of the sensor.
        minimum_interval_seconds: Between two evaluations.
        default_status: Whether it runs before anybody turns it on.

    Raises:
        InvalidInput: If an asset is not observable.

    Example:
        >>> build_automation_sensor().default_status.value
        'RUNNING'
    """
    target: dg.AssetSelection
    if assets is not None:
        target = dg.AssetSelection.assets(*(spec.key for spec in observed_specs(assets)))
    else:
        with warnings.catch_warnings():
            # The parameter is beta; that is for us to follow, not for our users to hear.
            warnings.simplefilter("ignore", dg.BetaWarning)
            target = dg.AssetSelection.all(include_sources=True)
    return dg.AutomationConditionSensorDefinition(
        name,
        target=target,
        minimum_interval_seconds=minimum_interval_seconds,
        default_status=default_status,
    )
