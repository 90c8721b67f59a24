"""The hold seam: what a store can do so that a version of an object stays, whoever deletes it.

All that a store ever writes are these marks.  Each method sends one request; none is sent for an object whose mark was
not read right before, so that a hold that somebody else put is seen and left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from landfast.model.location import Location
from landfast.model.storage.holds import HoldKind


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOperations:
    """What the provider calls the requests of a hold, as plans count them.

    Args:
        check: Whether objects of the bucket can be held, one for each bucket; ``""`` where nothing is asked.
        may: Whether this caller may put holds; one for each bucket.
        get: Reads the mark of an object version.
        put: Sets it, or takes it away.
        says_all: Whether `put` says all that is set beside the mark too; then it is read before a release as well.
    """

    check: str
    may: str
    get: str
    put: str
    says_all: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRequest:
    """Which version of an object, and what is to hold it."""

    location: Location
    version_id: str
    kind: HoldKind


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldMark:
    """What is set on an object version, or is to be.

    Args:
        on: Whether it is held.
        seen: What the store needs to change only what it has read: the metageneration of Cloud Storage.
    """

    on: bool
    seen: str = ""


@runtime_checkable
class Holder(Protocol):
    """A store that can hold versions of objects; `Capabilities.holds` says by what."""

    def hold_operations(self, kind: HoldKind) -> HoldOperations:
        """Name the requests; sends none."""
        ...

    def check_hold(self, location: Location, kind: HoldKind) -> None:
        """Ask whether objects of a bucket can be held so.

        Raises:
            InvalidInput: If they cannot; the hint advises only what this server accepts.
            AccessDenied: If you have no permission to ask for it.
        """
        ...

    def may_hold(self, asked: HoldRequest) -> None:
        """Ask whether this caller may put holds, without putting one.

        Raises:
            AccessDenied: If not; `details["permission"]` names the action.
        """
        ...

    def get_hold(self, asked: HoldRequest) -> HoldMark:
        """Read whether an object version is held.

        Raises:
            NotFound: If it is gone.
            AccessDenied: If you have no permission to ask for it.
        """
        ...

    def put_hold(self, asked: HoldRequest, mark: HoldMark) -> None:
        """Hold an object version, or take the hold away.

        Raises:
            NotFound: If it is gone.
            ObjectChanged: If its mark is another one than `mark.seen`: read it again.
            AccessDenied: If that is not permitted.
        """
        ...
