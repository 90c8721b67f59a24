"""Failure: why something was not delivered, and when to try again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A delivery that failed.

    Args:
        reason: Why, for a person; without secrets.
        code: Exit code that says it: that of a command, else that of `Unavailable`.
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
    """What could not be delivered; the consumer's position is before it."""

    def __init__(self, what: str, failure: Failure, attempts: int) -> None:
        times = "once" if attempts == 1 else f"{attempts} times"
        super().__init__(f"{what} was not delivered, tried {times}: {failure.reason}")
        self.failure = failure
