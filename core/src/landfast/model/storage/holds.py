"""Holds: promises of a store that an object version stays, and what is recorded of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from landfast.errors import InvalidInput
from landfast.model.names import ArtifactName
from landfast.model.storage.plan import Problem
from landfast.model.times import format_time


class HoldKind(StrEnum):
    """Kind of hold that a store can set on one version of an object."""

    LEGAL = "legal-hold"  # S3: until it is taken away
    EVENT = "event-hold"  # S3: until it is taken away, and so many days after
    TEMPORARY = "temporary-hold"  # Cloud Storage: until it is taken away
    EVENT_BASED = "event-based-hold"  # Cloud Storage: then the bucket's retention period begins


def holder_of(alias: str) -> str:
    """Return in whose name a version is held as long as an alias names it."""
    return f"alias:{alias}"


def hold_kind(given: str | None) -> HoldKind | None:
    """Read a kind of hold; None stays None, the default of each store.

    Raises:
        InvalidInput: If there is no such kind.
    """
    try:
        return None if given is None else HoldKind(given)
    except ValueError:
        raise InvalidInput(
            f"there is no hold {given!r}", subject="kind", expected=f"one of {', '.join(HoldKind)}"
        ) from None


class HoldState(StrEnum):
    """State of the hold of one object version; it is written before the request that reaches it."""

    ASKED = "asked"  # whether somebody holds it is being asked
    INTENDED = "intended"  # it was free; our request is on its way
    HELD = "held"  # by us
    FOREIGN = "foreign"  # somebody else held it before us: never released here
    RELEASING = "releasing"  # nothing needs it any more; our request is on its way


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectVersion:
    """One version of an object, as a hold names it.

    Args:
        endpoint: Of the server; ``""`` is the provider's own.
        uri: Of the object, without its version.
        version_id: VersionId of S3, generation of Cloud Storage.
        kind: What holds it.
    """

    endpoint: str
    uri: str
    version_id: str
    kind: HoldKind

    @property
    def sha256(self) -> str:
        """What finds it in an index, whose rows have to be short."""
        parts = (self.endpoint, self.uri, self.version_id, self.kind.value)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldObject:
    """An object version as the registry knows it.

    Args:
        id: Id of the row.
        object: Which.
        state: How far it is.
        version: The artifact version by whose sources it is reached: an id.
    """

    id: int
    object: ObjectVersion
    state: HoldState
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRecord:
    """The holder of a version, and the reason.

    Args:
        id: Id of the row.
        version: Full name of the version.
        version_id: Registry id of the version.
        holder: Holder of the version: ``""`` for a hold by hand; ``log``; ``alias:prod`` while that alias points to
            it; a rule of `snapshots.yaml`.
        kind: Kind of hold that was requested; None is the store's default.
        reason: Reason for the hold, as free text.
        at: Time of the hold, UTC.
        complete: Whether every object that can be held is held.
        ending: Whether the hold will be released.
    """

    id: int
    version: ArtifactName
    version_id: int
    holder: str
    kind: HoldKind | None
    reason: str
    at: datetime
    complete: bool
    ending: bool

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "version": str(self.version),
            "holder": self.holder,
            "kind": self.kind,
            "reason": self.reason,
            "at": format_time(self.at),
            "complete": self.complete,
            "ending": self.ending,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionHolds:
    """The holds of a version: its holders, and the number of its object versions in each state."""

    records: tuple[HoldRecord, ...] = ()
    objects: Mapping[HoldState, int] = field(default_factory=dict)

    @property
    def is_held(self) -> bool:
        """Whether the version has a holder, and every object that can be held is held."""
        return any(record.complete and not record.ending for record in self.records)

    @property
    def state(self) -> str:
        """State of the hold: ``held``, ``not whole``, ``being released``; ``""`` if the version has no holder."""
        if not self.records:
            return ""
        return "held" if self.is_held else "being released" if self._is_ending else "not whole"

    @property
    def summary(self) -> str:
        """One line."""
        if not self.records and not self.objects:
            return "no"
        parts = [f"{count:,} {_WORDS[state]}" for state, count in sorted(self.objects.items())]
        state = "yes" if self.is_held else self.state or "being released"
        return f"{state}: {', '.join(parts) or 'no objects'}"

    @property
    def _is_ending(self) -> bool:
        return all(record.ending for record in self.records)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "held": self.is_held,
            "summary": self.summary,
            "holds": [record.to_dict() for record in self.records],
            "objects": {state.value: count for state, count in sorted(self.objects.items())},
        }


_WORDS = {
    HoldState.ASKED: "asked about",
    HoldState.INTENDED: "about to be held",
    HoldState.HELD: "held by this registry",
    HoldState.FOREIGN: "held by others",
    HoldState.RELEASING: "about to be released",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldReport:
    """The result of a hold, or of a release.

    Args:
        act: ``hold`` or ``release``.
        version: Name of the version.
        held: Object versions that Landfast now holds and did not hold before.
        kept: Object versions that Landfast held before; after a release, object versions that other versions need.
        foreign: Object versions that somebody else holds; they do not change.
        released: Object versions that were released.
        requests: Number of requests to stores, by operation.
        problems: Problems that stopped the hold of some objects.
    """

    act: str
    version: str
    held: int = 0
    kept: int = 0
    foreign: int = 0
    released: int = 0
    requests: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every object version was held or released."""
        return not self.problems

    @property
    def summary(self) -> str:
        """One line."""
        if self.act == "hold":
            parts = [f"{self.held:,} object versions held"]
            parts += [f"{self.kept:,} were held before"] if self.kept else []
        else:
            parts = [f"{self.released:,} object versions released"]
            parts += [f"{self.kept:,} still needed by other versions"] if self.kept else []
        parts += [f"{self.foreign:,} held by others"] if self.foreign else []
        parts += [f"{sum(p.count for p in self.problems):,} not held"] if self.problems else []
        return ", ".join(parts)

    def lines(self) -> Iterator[str]:
        """Yield the report as lines of text."""
        yield f"{self.version}: {self.summary}"
        for problem in self.problems:
            yield from problem.lines()

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "act": self.act,
            "version": self.version,
            "ok": self.ok,
            "summary": self.summary,
            "held": self.held,
            "kept": self.kept,
            "foreign": self.foreign,
            "released": self.released,
            "requests": dict(self.requests),
            "problems": [problem.to_dict() for problem in self.problems],
        }
