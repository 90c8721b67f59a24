"""Objects of Cloud Storage as `ObjectInfo`: from a JSON resource, and from the headers of a reply."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.stores.base import ChecksumKind, ObjectInfo

# What an object has: the first is the default; a composite object has no MD5.
KINDS = ("md5", "crc32c")
FIELDS = "name,size,generation,md5Hash,crc32c,timeCreated,timeDeleted"
FOLDER_MARKER = "folder marker"

_PROPERTIES = {"md5": "md5Hash", "crc32c": "crc32c"}
_DIGEST_BYTES = {"md5": 16, "crc32c": 4}
_OF_NOTHING = {"md5": "1B2M2Y8AsgTpgAmY7PhCfg==", "crc32c": "AAAAAA=="}


def describe(item: Mapping[str, Any], location: Location, kind: ChecksumKind) -> ObjectInfo:
    """Read a `storage#object` resource.

    The time is that of the generation, as `updated` moves with metadata; so does the etag, and it
    is left out.
    """
    known = {label: _hex(label, item[name]) for label, name in _PROPERTIES.items() if name in item}
    created = item.get("timeCreated")
    size = _size(item)
    return ObjectInfo(
        location=location,
        size=size,
        checksum=pick(known, kind),
        version_id=str(item["generation"]),
        modified_at=datetime.fromisoformat(created) if created else None,
        is_latest="timeDeleted" not in item,
        skip=FOLDER_MARKER if size == 0 and location.key.endswith("/") else "",
        extra=known or None,
    )


def _size(item: Mapping[str, Any]) -> int | None:
    """Return the bytes; servers that write protocol buffers as JSON leave a zero out."""
    if "size" in item:
        return int(item["size"])
    is_empty = any(item.get(_PROPERTIES[kind]) == value for kind, value in _OF_NOTHING.items())
    return 0 if is_empty else None


def describe_headers(
    headers: Mapping[str, str], location: Location, size: int | None
) -> ObjectInfo:
    """Read what a media reply says of the whole object."""
    pairs = (item.strip().partition("=") for item in headers.get("x-goog-hash", "").split(","))
    known = {kind: _hex(kind, value) for kind, _, value in pairs if kind in KINDS}
    return ObjectInfo(
        location=location,
        size=size,
        checksum=pick(known, None),
        version_id=headers.get("x-goog-generation"),
        extra=known or None,
    )


def pick(known: Mapping[str, str], kind: ChecksumKind) -> Checksum | None:
    """Choose the checksum of a row: the kind asked for, by default the strongest there is."""
    if kind is False:
        return None
    for name in KINDS if kind is None else (kind,):
        if name in known:
            return Checksum(name, known[name])
    return None


def _hex(kind: str, base64: str) -> str:
    digest = a2b_base64(base64, strict_mode=True)
    if len(digest) != _DIGEST_BYTES[kind]:
        msg = f"{base64!r} is no {kind}"
        raise ValueError(msg)
    return digest.hex()
