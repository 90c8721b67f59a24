"""Pages of the change feed, from either end."""

from __future__ import annotations

from landfast.model.version import Change
from landfast.registry import changes as change_rows
from landfast.registry import counters
from landfast.registry.database.engine import Transaction
from landfast.registry.schema.tables import changes
from landfast.registry.values import ChangeFilter, ChangeWindow


def page(tx: Transaction, of: ChangeFilter, window: ChangeWindow) -> list[Change]:
    """Return the changes that pass a filter, in a window of positions."""
    statement = change_rows.query().where(*change_rows.passing(tx, of))
    if window.after:
        statement = statement.where(changes.c.position > window.after)
    if window.before is not None:
        statement = statement.where(changes.c.position < window.before)
    if window.newest_first:
        statement = statement.order_by(None).order_by(changes.c.position.desc())
        end = counters.head(tx) + 1 if window.before is None else window.before
        near, far = changes.c.position >= end - change_rows.NEAR, end - change_rows.NEAR
    else:
        near, far = (
            changes.c.position <= window.after + change_rows.NEAR,
            window.after + change_rows.NEAR,
        )
    return change_rows.window(tx, statement, of, window.size, near=near, far=far)
