"""Wait until the consumer is free: after a kill its lease lasts a little longer."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

from landfast.errors import Conflict
from landfast.follow.follower import Follower
from landfast.follow.lease import LEASE, until

_STEP_S = 1.0
_MARGIN_S = 5.0


def enter_in_turn(
    follower: Follower,
    held: ExitStack,
    wait: Callable[[float], bool],
    *,
    is_patient: bool,
    note: Callable[[str], None],
) -> bool:
    """Enter a follower as soon as nobody else follows in its name; tell whether it did.

    Args:
        follower: Which is entered.
        held: What leaves it again.
        wait: Waits some seconds; true ends it all.
        is_patient: Whether to stand by for however long, else for one lease.
        note: Told once that somebody else is there.

    Raises:
        Conflict: If somebody else goes on following.
    """
    deadline = time.monotonic() + LEASE.total_seconds() + _MARGIN_S
    is_said = False
    while True:
        try:
            held.enter_context(follower)
        except Conflict as error:
            if "until" not in error.details or (not is_patient and time.monotonic() > deadline):
                raise
            if not is_said:
                note(
                    f"{error.problem} ({error.found}); waiting for it, at least until {until(error)}"
                )
                is_said = True
            if wait(_STEP_S):
                return False
        else:
            return True
