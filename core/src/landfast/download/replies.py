"""Replies: what is the same for everyone who reads recorded bytes from a source."""

from __future__ import annotations

from typing import Protocol

from landfast.errors import ObjectChanged
from landfast.model.manifest import ManifestEntry
from landfast.model.times import format_time
from landfast.stores.base import ObjectInfo

# So often after each other a reply may be cut before its first byte.
TRIES_WITHOUT_PROGRESS = 5


class Stop(Protocol):
    """As `threading.Event` is: set by who ends the work."""

    def is_set(self) -> bool:
        """Tell whether it was set."""
        ...

    def set(self) -> None:
        """Set it."""
        ...


class Stopped(Exception):
    """Another file failed, so this one is left where it is."""


def check_time(entry: ManifestEntry, info: ObjectInfo) -> None:
    """Compare the modification time where nothing else tells one content from another."""
    has_pin = entry.is_pinned or entry.etag is not None or entry.checksum is not None
    if has_pin or entry.modified_at is None or info.modified_at is None:
        return
    if entry.modified_at != info.modified_at:
        raise ObjectChanged(
            f"{entry.uri} was changed after it was recorded as {entry.path!r}",
            subject=entry.uri,
            expected=f"modified at {format_time(entry.modified_at)}",
            found=format_time(info.modified_at),
        )


def too_long(entry: ManifestEntry) -> ObjectChanged:
    """Build the error for a reply that goes on behind the recorded size."""
    return ObjectChanged(
        f"{entry.uri} is not what was recorded as {entry.path!r}",
        subject=entry.uri,
        expected=f"{entry.size} bytes",
        found=f"more than the {entry.size} bytes that are recorded",
        path=entry.path,
    )
