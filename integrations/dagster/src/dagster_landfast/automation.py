"""on_content_change: run an asset when the content of what it depends on changed, and only then."""

from __future__ import annotations

import dagster as dg


def on_content_change(*, whole_chain: bool = True) -> dg.AutomationCondition:  # type: ignore[type-arg]
    """Return a condition that asks for an asset when a dependency has another data version.

    Of partitioned assets, only the partitions whose dependency changed are asked for.  Content that comes
    back (A, B, A) is a change each time.  Dagster's own `AutomationCondition.eager()` also fires when a
    dependency was materialized again with the same content: it looks at data versions of observed assets only.

    Args:
        whole_chain: Whether assets further down are asked for in the same tick.  False asks for each
            asset only once what it depends on has run and changed: one tick later a level, but
            nothing runs for content that turns out to be the same.

    A change in the tick right after a request, before the requested run is done, is not asked for again:
    Dagster counts it as handled.  The asset is then shown as stale.

    Example:
        >>> import dagster as dg
        >>> @dg.asset(deps=["flowers"], automation_condition=on_content_change())
        ... def features() -> None: ...
    """
    condition = dg.AutomationCondition
    changed: dg.AutomationCondition = condition.data_version_changed()  # type: ignore[type-arg]
    if whole_chain:
        changed = changed | condition.will_be_requested()
    return (
        condition.any_deps_match(changed).since_last_handled()
        & ~condition.any_deps_missing()
        & ~condition.any_deps_in_progress()
        & ~condition.in_progress()
    ).with_label("on_content_change")
