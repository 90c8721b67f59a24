"""Say of a refused read that its object lies in an archive, and which command brings it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from landfast.errors import Archived, LandfastError
from landfast.model.location import Location
from landfast.model.storage.archive import ArchiveState
from landfast.stores.opener import Stores


@contextmanager
def named_restore(name: str, stores: Stores) -> Iterator[None]:
    """Name the version that is to be restored in what a read of an archived object raises.

    One request finds out whether that is going on already.
    """
    try:
        yield
    except Archived as error:
        refused = error
    else:
        return
    raise _worded(refused, name, stores)


def _worded(error: Archived, name: str, stores: Stores) -> Archived:
    uri, version_id = error.details.get("uri"), error.details.get("version_id")
    state = ArchiveState.ARCHIVED
    if uri is not None:
        location = Location.parse(uri, pins=False)
        with suppress(LandfastError):
            told = stores.at(location).stat(location, version_id=version_id, checksum=False)
            state = told.archive or state
    if state is ArchiveState.RESTORING:
        problem, then = f"{error.subject} is being restored", "waits until it can be read"
    else:
        problem, then = f"{error.subject} is archived", "asks for it and waits until it can be read"
    return Archived(
        problem,
        subject=error.subject,
        expected=error.expected,
        found=error.found,
        hint=f"landfast restore {name} --wait {then}; with --plan it counts what is archived.",
        **{**error.details, "state": str(state), "name": name},
    )
