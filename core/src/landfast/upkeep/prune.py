"""Prune the history of looks, so that it does not grow for ever, and lineage survives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from landfast.errors import InvalidInput
from landfast.model.garbage import PrunedRows, PruneReport
from landfast.registry.registry import Registry

DEFAULT_AGE = timedelta(days=90)


def prune_history(
    registry: Registry, *, older_than: timedelta = DEFAULT_AGE, dry_run: bool = True
) -> PruneReport:
    """Remove looks that found nothing new, and the runs that did nothing but look; see `landfast.registry.stale`.

    May be killed and repeated at any time, and run beside writers.

    Args:
        registry: Whose history.
        older_than: Minimum age of the looks to remove.
        dry_run: Only count.

    Raises:
        InvalidInput: If the age is negative.
    """
    if older_than < timedelta(0):
        raise InvalidInput(
            "history cannot be pruned ahead of time", subject="older_than", found=str(older_than)
        )
    before = datetime.now(UTC) - older_than
    rows = sum(registry.stale.remove(before, dry_run=dry_run), PrunedRows())
    return PruneReport(dry_run=dry_run, older_than=before, rows=rows)
