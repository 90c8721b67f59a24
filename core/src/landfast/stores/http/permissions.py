"""What an HTTP server has to allow."""

from __future__ import annotations

from landfast.model.doctor import MinimalPermissions
from landfast.model.location import Location


def minimal_permissions(location: Location) -> MinimalPermissions:
    """Return what a user needs to record a URL and read it back."""
    words = (
        f"GET on https or http at {location.authority.rpartition('@')[2]}; HEAD spares a request, a Range"
        " header lets a download go on where it stopped. Nothing is listed and nothing is written.",
        "Where the server wants a name and a password: ~/.netrc, or the options username and password.",
    )
    return MinimalPermissions(words=words, names=("GET", "HEAD"))
