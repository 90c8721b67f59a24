"""Archives of a store: how an object lies there, how it is asked back, and what became of that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from landfast.errors import InvalidInput
from landfast.spelling import check_choice


class ArchiveState(StrEnum):
    """How an object of a storage class that is no place to read from lies there now."""

    ARCHIVED = "archived"  # a read needs a restore first
    SUNK = "sunk"  # so too, put there by the store itself; it comes back for good
    RESTORING = "restoring"  # that was asked for, and takes hours
    RESTORED = "restored"  # a copy can be read for a while
    TIERED = "tiered"  # the store archives it by itself; only `stat` tells whether it has


class Tier(StrEnum):
    """How fast, and how dear, a restore is."""

    STANDARD = "Standard"
    BULK = "Bulk"
    EXPEDITED = "Expedited"


TierName = Literal["Standard", "Bulk", "Expedited"]
DEFAULT_DAYS = 7


class RestoreReply(StrEnum):
    """What a store says to being asked for an archived object."""

    ASKED = "asked"  # it has begun
    UNDER_WAY = "under way"  # it had been asked before
    RESTORED = "restored"  # a copy is there, and stays as long as was asked for now
    READABLE = "readable"  # it is in no archive


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreRequest:
    """How archived objects are asked back.

    Args:
        tier: How fast.
        days: How long a restored copy stays; an object that the store has archived by itself comes back for good.

    Raises:
        InvalidInput: If there is no such tier, or the days are no positive number.
    """

    tier: Tier = Tier.STANDARD
    days: int = DEFAULT_DAYS

    @classmethod
    def of(cls, tier: str, days: int) -> RestoreRequest:
        """Read what a user said; a tier in any case."""
        named = tier.capitalize()
        check_choice("tier", named, TierName)
        if days < 1:
            raise InvalidInput(
                "days is wrong", subject="days", expected="1 or more", found=str(days)
            )
        return cls(tier=Tier(named), days=days)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFact:
    """How one object lies in an archive, and until when a restored copy stays, in UTC."""

    state: ArchiveState | None = None
    until: datetime | None = None

    @property
    def is_archived(self) -> bool:
        """Whether a read needs a restore first, or its end."""
        return self.state in {ArchiveState.ARCHIVED, ArchiveState.SUNK, ArchiveState.RESTORING}
