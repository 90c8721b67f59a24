"""Media downloads: ranges, the `x-goog-*` headers, and decompressive transcoding."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from email.utils import formatdate

from kit.gcs.errors import ApiError
from kit.gcs.messages import reply
from kit.gcs.objects import StoredObject
from kit.servers.exchange import Response

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def media_reply(stored: StoredObject, headers: Mapping[str, str]) -> Response:
    """Return the bytes, or the range that was asked for."""
    about = _headers(stored)
    if stored.settings.get("contentEncoding") == "gzip":
        if _is_unpacked(stored, headers):
            return _transcoded(stored, about)
        about["content-encoding"] = "gzip"
    asked = _RANGE.fullmatch(headers.get("range", ""))
    if asked is None or asked.groups() == ("", ""):
        return reply(stored.data, headers=about)
    size = len(stored.data)
    first, last = _bounds(asked.group(1), asked.group(2), size)
    if first >= size or last < first:
        about["content-range"] = f"bytes */{size}"
        return reply(b"The requested range cannot be satisfied.", 416, about)
    about["content-range"] = f"bytes {first}-{last}/{size}"
    return reply(stored.data[first : last + 1], 206, about)


def check_etag(stored: StoredObject, headers: Mapping[str, str]) -> None:
    """Honour If-Match and If-None-Match against the object's etag."""
    wanted, known = headers.get("if-match"), headers.get("if-none-match")
    if wanted is not None and not _names(wanted, stored.etag):
        raise ApiError(412, "conditionNotMet", "Precondition Failed")
    if known is not None and _names(known, stored.etag):
        raise ApiError(304, "notModified", "Not Modified")


def _names(header: str, etag: str) -> bool:
    return any(item.strip().strip('"') in {etag, "*"} for item in header.split(","))


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(size - int(last), 0), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1


def _headers(stored: StoredObject) -> dict[str, str]:
    hashes = [f"crc32c={stored.crc32c}"]
    if not stored.component_count:
        hashes.append(f"md5={stored.md5}")
    return {
        "content-type": str(stored.settings["contentType"]),
        "content-disposition": "attachment",
        "cache-control": str(stored.settings.get("cacheControl", "private, max-age=0")),
        "etag": stored.etag,
        "last-modified": formatdate(stored.updated_us / 1e6, usegmt=True),
        "x-goog-generation": str(stored.generation),
        "x-goog-metageneration": str(stored.metageneration),
        "x-goog-hash": ",".join(hashes),
        "x-goog-storage-class": str(stored.settings.get("storageClass", "STANDARD")),
        "x-goog-stored-content-encoding": str(stored.settings.get("contentEncoding", "identity")),
        "x-goog-stored-content-length": str(len(stored.data)),
    }


def _is_unpacked(stored: StoredObject, headers: Mapping[str, str]) -> bool:
    """Decide as https://cloud.google.com/storage/docs/transcoding does; bad gzip goes as it is."""
    taken = "gzip" in headers.get("accept-encoding", "")
    kept = "no-transform" in str(stored.settings.get("cacheControl", ""))
    return not taken and not kept and stored.data.startswith(b"\x1f\x8b")


def _transcoded(stored: StoredObject, about: dict[str, str]) -> Response:
    """Unpack for a client that does not take gzip: whatever range it asked, it gets it all."""
    about["warning"] = "214 UploadServer gunzipped"
    about["x-guploader-response-body-transformations"] = "gunzipped"
    about["transfer-encoding"] = "chunked"
    return Response(status=200, headers=about, body=gzip.decompress(stored.data))
