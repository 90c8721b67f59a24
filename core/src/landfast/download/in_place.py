"""In place: the folder that holds all files of a version on this machine, verified, without a copy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from landfast.errors import InvalidInput, ObjectChanged
from landfast.model.location import Location
from landfast.model.source import Source

if TYPE_CHECKING:
    from landfast.model.verdict import VerifyReport
    from landfast.stores.opener import Stores


def folder_in_place(
    sources: Sequence[Source], stores: Stores, verify: Callable[[], VerifyReport]
) -> Path:
    """Return the local folder that a version was scanned from, if it still is what was recorded; as `path_in_place`."""
    if len(sources) == 1 and sources[0].uri.endswith("/"):
        location = Location.parse(sources[0].uri, pins=False)
        local = stores.recorded(location, sources[0]).path(location)
        if local is not None:
            _check(sources[0], verify())
            return local
    raise InvalidInput(
        "the version does not lie in one folder of this machine",
        found=", ".join(source.uri for source in sources),
        hint="Ask for the path of one entry, or download it.",
    )


def _check(source: Source, report: VerifyReport) -> None:
    if not report.ok:
        raise ObjectChanged(
            f"{source.uri} is not what was recorded",
            subject=source.uri,
            found=report.summary,
            hint="If you log it again, you record the current files as a new version.",
        )
