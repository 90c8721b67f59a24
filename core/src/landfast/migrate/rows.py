"""What a row of a foreign manifest may say: each fact is checked before it becomes a part of an entry."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from landfast.errors import InvalidInput
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.stores.s3.objects import ETAG

# Longer ones no store has: S3 and GCS end at 1,024 bytes, file systems at 4,096.
_MOST_PATH_BYTES = 4_096
# What is neither in UTF-8 nor in the name of a file.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_HEX = {"md5": re.compile(r"[0-9a-f]{32}\Z"), "sha256": re.compile(r"[0-9a-f]{64}\Z")}


def path_of(value: object) -> str:
    """Return a path under an artifact, or raise `InvalidInput`: it may not lead out of it."""
    if not isinstance(value, str) or not value or not _is_text(value):
        raise _wrong(value, "path", "text that is not empty, in UTF-8, without NUL")
    if len(value.encode()) > _MOST_PATH_BYTES:
        raise _wrong(value[:80] + "...", "path", f"at most {_MOST_PATH_BYTES:,} bytes")
    if value.startswith("/") or any(part in {".", ".."} for part in value.split("/")):
        raise _wrong(value, "path", "a path that stays under the artifact")
    return value


def size_of(path: str, value: object, *, required: bool = False) -> int | None:
    """Return a number of bytes; None if there is none."""
    if value is None and not required:
        return None
    if type(value) is not int or not 0 <= value < 2**63:
        raise _wrong_fact(path, "size", "bytes from 0 to 2**63 - 1", value)
    return value


def text_of(path: str, fact: str, value: object) -> str | None:
    """Return a short text; None if there is none."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _is_text(value) or len(value) > _MOST_PATH_BYTES:
        raise _wrong_fact(path, fact, "short text", value)
    return value


def mapping_of(path: str, fact: str, value: object) -> Mapping[str, Any]:
    """Return an object of JSON; an empty one if there is none."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong_fact(path, fact, "an object", value)
    return value


def location_of(path: str, uri: object) -> Location:
    """Return where an entry lies, spelled with a raw key as this project does, without a pin."""
    text = text_of(path, "URI", uri)
    if text is None or "://" not in text:
        raise _wrong_fact(path, "URI", "scheme://...", uri)
    try:
        location = Location.parse(text, pins=False)
    except InvalidInput as error:
        raise InvalidInput(
            f"the URI of {path!r} cannot be referenced", subject=path, found=str(error)
        ) from None
    if location.is_folder:
        raise _wrong_fact(path, "URI", "an object, not a folder", uri)
    return location


def quoted_location(path: str, uri: object) -> tuple[Location, str | None]:
    """Return where an entry of a tool lies that percent-encodes keys, and the version id of its query."""
    text = text_of(path, "URI", uri)
    if text is None or "://" not in text:
        raise _wrong_fact(path, "URI", "scheme://...", uri)
    place, _, query = text.partition("?")
    scheme = place.partition(":")[0].lower()
    if scheme not in {"s3", "file"}:
        raise _wrong_fact(path, "URI", "s3:// or file://", uri)
    version_id: str | None = None
    if query:
        key, _, value = query.partition("=")
        if key != "versionId" or not value or "&" in value:
            raise _wrong_fact(path, "URI", "no query but versionId=", uri)
        version_id = unquote(value)
    if scheme == "s3":
        try:
            place = unquote(place, errors="strict")
        except UnicodeDecodeError:
            raise _wrong_fact(path, "URI", "a key in UTF-8", uri) from None
    return location_of(path, place), version_id


def local_location(path: str, text: str) -> Location:
    """Return a local file whose path stands in a URI as it is, without percent-encoding."""
    key = text.removeprefix("file://")
    if not key.startswith("/") or key.endswith("/") or not _is_text(key):
        raise _wrong_fact(path, "URI", "file:// and an absolute path", text)
    return Location(scheme="file", authority="", key=key)


def hash_of(path: str, algorithm: str, value: object) -> Checksum:
    """Return a hexadecimal hash of the bytes."""
    if not isinstance(value, str) or not _HEX[algorithm].match(value):
        raise _wrong_fact(path, algorithm, "hexadecimal digits in small letters", value)
    return Checksum(algorithm, value)


def md5_of_base64(path: str, value: object) -> Checksum:
    """Return an MD5 that is written in Base64."""
    try:
        data = base64.b64decode(value if isinstance(value, str) else "", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != 16:
        raise _wrong_fact(path, "digest", "an MD5 in Base64", value)
    return Checksum("md5", data.hex())


def etag_of(path: str, value: object) -> str | None:
    """Return an ETag without quotes."""
    text = text_of(path, "ETag", value)
    return None if text is None else text.strip('"') or None


def etag_token(etag: str | None) -> Checksum | None:
    """Return the ETag of an S3 object as the token that a listing would give it."""
    return None if etag is None else Checksum(ETAG, etag)


def moment_of(path: str, value: object) -> datetime | None:
    """Return a time; one without a zone is in UTC, None if there is none."""
    text = text_of(path, "time", value)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise _wrong_fact(path, "time", "a time in the form of ISO 8601", value) from None


def refuse(path: str, reason: str) -> InvalidInput:
    """Build the error for an entry that cannot come over."""
    return InvalidInput(reason, subject=path)


def _is_text(value: str) -> bool:
    return _NO_TEXT.search(value) is None


def _wrong(value: object, fact: str, expected: str) -> InvalidInput:
    text = value if isinstance(value, str) else repr(value)
    shown = ascii(text[:100])
    return InvalidInput(
        f"{shown} is no {fact} of an entry", subject=text[:100] or "''", expected=expected
    )


def _wrong_fact(path: str, fact: str, expected: str, found: object) -> InvalidInput:
    return InvalidInput(
        f"the {fact} of {path!r} cannot be read",
        subject=path,
        expected=expected,
        found=ascii(found)[:120],
    )
