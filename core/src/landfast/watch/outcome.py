"""Failure: why a change was not delivered, and when to try again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from landfast.model.version import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A delivery that failed.

    Args:
        reason: Why, for a person; without secrets.
        code: Exit code that says it: that of the command, else that of `Unavailable`.
        wait_s: Seconds after which the receiver wants to be asked again; None if it does not say.
        is_final: Whether it would fail again in the same way.
    """

    reason: str
    code: int
    wait_s: float | None = None
    is_final: bool = False


class Stopped(Exception):
    """The process was asked to stop, and so was the delivery; it counts as not made."""


class Undelivered(Exception):
    """A change that could not be delivered; the position is before it."""

    def __init__(self, change: Change, failure: Failure, attempts: int) -> None:
        times = "once" if attempts == 1 else f"{attempts} times"
        super().__init__(
            f"{change.id} ({change.alias} of {change.version}) was not delivered, tried {times}: {failure.reason}"
        )
        self.change = change
        self.failure = failure


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
