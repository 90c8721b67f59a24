"""In place: the folder that holds all files of a version on this machine, verified, without a copy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from landfast.errors import InvalidInput, ObjectChanged
from landfast.manifests.base import Manifest
from landfast.model.location import Location
from landfast.model.source import Source
from landfast.verify.run import verify

if TYPE_CHECKING:
    from landfast.stores.opener import Stores


def folder_in_place(manifest: Manifest, sources: Sequence[Source], stores: Stores) -> Path:
    """Return the local folder that a version was scanned from, if it still is what was recorded.

    Raises:
        InvalidInput: If the version does not lie in one local folder.
        ObjectChanged: If what is there is not what was recorded.
    """
    if len(sources) == 1 and sources[0].uri.endswith("/"):
        location = Location.parse(sources[0].uri, pins=False)
        local = stores.recorded(location, sources[0]).path(location)
        if local is not None:
            _check(manifest, sources, stores)
            return local
    raise InvalidInput(
        "the version does not lie in one folder of this machine",
        found=", ".join(source.uri for source in sources),
        hint="Ask for the path of one entry, or download it.",
    )


def _check(manifest: Manifest, sources: Sequence[Source], stores: Stores) -> None:
    report = verify(manifest, sources, stores)
    if not report.ok:
        raise ObjectChanged(
            f"{sources[0].uri} is not what was recorded",
            subject=sources[0].uri,
            found=report.summary,
            hint="Logging it again records what is there now as a new version.",
        )
