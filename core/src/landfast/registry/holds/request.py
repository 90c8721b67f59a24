"""What goes into the verbs of holds, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from landfast.model.storage.holds import HeldObject, HoldKind


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldStart:
    """A hold that begins; the fields are those of `HoldRecord`."""

    version_id: int
    holder: str = ""
    kind: HoldKind | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Who acts on object versions, and how long nobody else does unless that is renewed."""

    name: str
    lease: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Object versions that are needed, by what is to be done.

    Args:
        mine: To be acted on by the worker, in the state that they had.
        held: Held by us already.
        busy: The sha256 of those that another worker acts on.
    """

    mine: tuple[HeldObject, ...] = ()
    held: int = 0
    busy: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parting:
    """Object versions that a version needs no longer.

    Args:
        mine: To be released by the worker, as nobody needs them.
        kept: Held by us still, as other versions need them.
        foreign: Held by others.
        busy: How many another worker acts on; they are needed still.
        seen: How many were looked at.
    """

    mine: tuple[HeldObject, ...] = ()
    kept: int = 0
    foreign: int = 0
    busy: int = 0
    seen: int = 0
