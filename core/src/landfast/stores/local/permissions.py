"""What a file system has to allow."""

from __future__ import annotations

from landfast.model.doctor import MinimalPermissions
from landfast.model.location import Location


def minimal_permissions(location: Location) -> MinimalPermissions:
    """Return what a user needs to record files and read it back."""
    words = (
        f"Read on every file, read and search (r-x) on every folder below {location.key},"
        " and search on the folders above it. Nothing is written there.",
    )
    return MinimalPermissions(words=words, names=("r on files", "r-x on folders"))
