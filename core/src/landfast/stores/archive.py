"""Archive: the store seam for objects that have to be brought back before they can be read."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from landfast.errors import LandfastError
from landfast.model.location import Location
from landfast.model.storage.archive import RestoreReply, Tier

# What a plan calls the request.
RESTORE = "RestoreObject"


@runtime_checkable
class Archive(Protocol):
    """A store whose objects may lie in an archive; how they lie there, list rows and `stat` tell."""

    @property
    def restores(self) -> bool:
        """Whether it can bring them back; a wrapper speaks of what it is around."""
        ...

    def restore(
        self, location: Location, tier: Tier, days: int | None, *, version_id: str | None = None
    ) -> RestoreReply:
        """Ask for an archived object, or one version of it; that it was asked for before, or is back, is no error.

        Args:
            location: The object.
            tier: How fast.
            days: How long the copy stays; None for what comes back for good.
            version_id: Which version; None is the current object.

        Raises:
            NotFound: If it is not there.
            AccessDenied: If that is not permitted; `details["permission"]` names the action.
            InvalidInput: If the server does not restore, or not in this tier.
            Unavailable: If there is no capacity for the tier now, or the server does not answer.
        """
        ...

    def refusal(self, location: Location) -> LandfastError | None:
        """Find out whether `restore` is permitted and known, by one request for an object that is not there.

        Args:
            location: An object that is to be restored; one beside it is asked for.
        """
        ...
