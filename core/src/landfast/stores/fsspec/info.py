"""What an fsspec filesystem tells of a file, labelled; pure, no I/O.

`info()` has no agreed keys beyond name, size and type: each filesystem uses its service's words.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from landfast.errors import ObjectChanged, Unverifiable
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.stores.base import ChecksumKind, ObjectInfo, Pin

SHA256, MD5, ETAG, MTIME = "sha256", "md5", "fsspec-etag", "fsspec-mtime"
KINDS = (SHA256, MD5, ETAG, MTIME)
"""Best first."""

_SHA256_KEYS = ("sha256",)
_MD5_KEYS = ("md5", "md5Hash", "content_md5", "Content-MD5")
_ETAG_KEYS = ("etag", "ETag", "e_tag", "sha")  # `sha` is GitHub's blob id
# No `created`: it stays when a file is written to in place.
_MTIME_KEYS = (
    *("mtime", "modified", "last_modified", "LastModified", "Last-Modified", "updated"),
    *("modify", "modificationTime", "last_write_time"),
)
_FTP_TIME = re.compile(r"\d{14}(\.\d+)?\Z")
# Later than any file as seconds, long ago as milliseconds, which is what HDFS counts.
_MILLISECONDS_FROM = 1e11


def tokens(info: Mapping[str, Any]) -> dict[str, Checksum]:
    """Find everything in an `info()` that tells whether a file changed, best first.

    Example:
        >>> list(tokens({"ETag": '"1"', "modificationTime": 1700000000000}))
        ['fsspec-etag', 'fsspec-mtime']
        >>> str(tokens({"md5Hash": "kAFQmDzST7DWlj99KOF/cg=="})["md5"])
        'md5:900150983cd24fb0d6963f7d28e17f72'
    """
    settings = info.get("content_settings")
    everything = {**settings, **info} if isinstance(settings, Mapping) else info
    moment = modified_at(info)
    values = {
        SHA256: _first_hash(everything, _SHA256_KEYS, 32),
        MD5: _first_hash(everything, _MD5_KEYS, 16),
        ETAG: _etag(info),
        MTIME: moment.isoformat(timespec="microseconds") if moment else None,
    }
    return {kind: Checksum(kind, value) for kind, value in values.items() if value}


def modified_at(info: Mapping[str, Any]) -> datetime | None:
    """Read the modification time, whatever its key and type; UTC."""
    moments = (_moment(info[key]) for key in _MTIME_KEYS if info.get(key) is not None)
    return next((moment for moment in moments if moment), None)


def describe(location: Location, info: Mapping[str, Any], checksum: ChecksumKind) -> ObjectInfo:
    """Turn an `info()` of a file into a row; `Unverifiable` if it has nothing of the kind asked for, or at all."""
    found = tokens(info)
    token = None
    if checksum is not False:
        token = next(iter(found.values()), None) if checksum is None else found.get(checksum)
        if token is None:
            raise nothing_to_tell_by(location, checksum)
    return ObjectInfo(
        location=location,
        size=_size(info),
        checksum=token,
        etag=_etag(info),
        modified_at=modified_at(info),
    )


def check_pin(pin: Pin, info: Mapping[str, Any]) -> None:
    """Refuse a file whose size, ETag or recorded kind of checksum differ from the pin's, or are not told."""
    size, etag = _size(info), _etag(info)
    if pin.size is not None and size is not None and size != pin.size:
        raise changed(pin.location, f"{pin.size} bytes", f"{size} bytes")
    if pin.etag is not None and etag != pin.etag:
        raise changed(pin.location, f"ETag {pin.etag}", f"ETag {etag}" if etag else "no ETag")
    if pin.checksum is None:
        return
    kind = pin.checksum.algorithm
    found = tokens(info).get(kind)
    if found is None and pin.checksum.is_content_token:
        return  # whoever reads can hash
    if found != pin.checksum:
        raise changed(pin.location, str(pin.checksum), str(found) if found else f"no {kind}")


def changed(location: Location, expected: str, found: str) -> ObjectChanged:
    """Build the error for a file that is not the recorded one any more."""
    return ObjectChanged(
        f"{location} is not what was recorded",
        subject=str(location),
        expected=expected,
        found=found,
    )


def nothing_to_tell_by(location: Location, checksum: str | None) -> Unverifiable:
    """Build the error for a filesystem that does not tell what is asked for."""
    wanted = f"of kind {checksum!r}" if checksum else "to tell a change by"
    return Unverifiable(
        f"{location} has nothing {wanted}",
        subject=str(location),
        expected=", ".join(KINDS),
        hint="checksum='sha256' reads and hashes every file; checksum=False records no checksum.",
    )


def _size(info: Mapping[str, Any]) -> int | None:
    size = info.get("size")
    return None if size is None else int(size)


def _etag(info: Mapping[str, Any]) -> str | None:
    return next((str(info[key]) for key in _ETAG_KEYS if info.get(key)), None)


def _first_hash(info: Mapping[str, Any], keys: tuple[str, ...], length: int) -> str | None:
    hashes = (_hex(info[key], length) for key in keys if info.get(key))
    return next((value for value in hashes if value), None)


def _hex(value: Any, length: int) -> str | None:
    """Read a hash given as bytes, hexadecimal or base64; None if it is none of `length` bytes."""
    if isinstance(value, str):
        if re.fullmatch(rf"[0-9A-Fa-f]{{{2 * length}}}", value):
            return value.lower()
        try:
            value = base64.b64decode(value, validate=True)
        except binascii.Error:
            return None
    is_hash = isinstance(value, bytes | bytearray) and len(value) == length
    return bytes(value).hex() if is_hash else None


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, int | float):
        seconds = value / 1000 if value >= _MILLISECONDS_FROM else value
        moment = datetime.fromtimestamp(seconds, tz=UTC)
    else:
        parsed = _parsed(str(value))
        if parsed is None:
            return None
        moment = parsed
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _parsed(text: str) -> datetime | None:
    if _FTP_TIME.match(text):
        whole, _, fraction = text.partition(".")
        text = f"{whole[:8]}T{whole[8:]}" + (f".{fraction[:6]:0<6}" if fraction else "")
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return parse(text)
        except ValueError:
            continue
    return None
