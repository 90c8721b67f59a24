"""Tell a command or a webhook of each change that is wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from landfast.follow.delivery import Manner, deliver
from landfast.follow.outcome import Failure

if TYPE_CHECKING:
    from landfast.follow.follower import Follower
    from landfast.model.version import Change
    from landfast.watch.selection import Selection


class Target(Protocol):
    """Where changes are delivered."""

    def send(self, change: Change) -> Failure | None:
        """Deliver a change; answer why not, or None.

        Raises:
            Stopped: If the process was asked to stop meanwhile.
        """
        ...

    def __str__(self) -> str:
        """Name it for a person, without secrets."""
        ...


def drain(
    follower: Follower,
    selection: Selection,
    target: Target,
    how: Manner,
    told: Callable[[Change, Failure | None], None],
) -> None:
    """Deliver the changes that there are now; see `landfast.follow.delivery`.

    Args:
        follower: Who remembers what was told.
        selection: Which changes are wanted.
        target: Where to.
        how: How.
        told: Told of each change that was dealt with, and why it was not delivered.
    """
    for change in follower.changes(selection.filter, keep=selection.has):
        what = f"{change.id} ({change.alias} of {change.version})"
        told(change, deliver(what, lambda: target.send(change), how))  # noqa: B023 - called at once
