"""Keys: the texts under which a cached blob may be found again, each sure to mean the same bytes."""

from __future__ import annotations

import hashlib

from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry


def sha256_of(entry: ManifestEntry) -> str | None:
    """Return the sha256 that the entry records, or None."""
    checksum = entry.checksum
    return checksum.value if checksum is not None and checksum.algorithm == "sha256" else None


def keys_of(entry: ManifestEntry, endpoint: str | None) -> tuple[str, ...]:
    """Return the keys of an entry, besides its sha256, as read at an endpoint; None is the provider's own.

    An MD5 speaks for itself.  A version id or a strong ETag speaks of one object at one endpoint.  A
    crc32c, an ETag alone or a size alone say too little.
    """
    keys = []
    if entry.checksum is not None and entry.checksum.algorithm == "md5":
        keys.append(_hashed("md5", entry.checksum.value))
    if (pin := _pin(entry)) is not None and entry.size is not None:
        place = Location.parse(entry.uri, pins=False)
        where = (endpoint or "", place.scheme, place.authority, place.key)
        keys.append(_hashed("pin", *where, *pin, str(entry.size)))
    return tuple(keys)


def request_of(entry: ManifestEntry, endpoint: str | None) -> str:
    """Return the text of all that an entry asks for at an endpoint, its path aside: where, which pins, which token."""
    pins = (entry.uri, entry.version_id or "", entry.etag or "")
    return _hashed("entry", endpoint or "", *pins, str(entry.size), str(entry.checksum))


def _pin(entry: ManifestEntry) -> tuple[str, str] | None:
    if entry.version_id is not None and entry.version_id != "null":
        return "version", entry.version_id
    if entry.etag and not entry.etag.startswith("W/"):
        return "etag", entry.etag
    return None


def _hashed(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
