"""Presigned: the address of a file in its bucket, for the browser alone and for a while."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from landfast.download.ranges import PinnedBytes
from landfast.model.location import Location
from landfast.stores.base import Presigner, PresignRequest

PICTURE_SECONDS = 300
# A browser asks for the next minutes of a video when it comes to them.
MEDIA_SECONDS = 3600
_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Presigned:
    """An address that holds a secret: it stands in one page and nowhere else.

    Args:
        url: Of the bytes.
        origin: Its scheme, host and port, for the page's content security policy.
        bucket: That it lies in.
        seconds: How long it is good for.
        cors_setting: What lets pages of another origin read the bucket, with ``{bucket}`` and ``{origin}`` in it.
    """

    url: str = field(repr=False)
    origin: str
    bucket: str
    seconds: int
    cors_setting: str


def presigned(source: PinnedBytes, *, kind: str, media_type: str) -> Presigned | None:
    """Sign the address of a file that was just read by its recorded version; None where that cannot be.

    Args:
        source: Its pinned bytes, some of which were read.
        kind: ``image``, ``audio`` or ``video``.
        media_type: Of the bytes.
    """
    found = source.found
    if found is None or not found.entry.is_pinned or found.is_current:
        return None
    can = found.store.capabilities()
    if not can.presigns or not isinstance(found.store, Presigner):
        return None
    seconds = PICTURE_SECONDS if kind == "image" else MEDIA_SECONDS
    url = found.store.presign(found.pin, PresignRequest(seconds=seconds, media_type=media_type))
    parts = urlsplit(url or "")
    origin = f"{parts.scheme}://{parts.netloc}"
    if url is None or not _ORIGIN.fullmatch(origin):
        return None
    bucket = Location.parse(found.entry.uri, pins=False).authority
    return Presigned(
        url=url, origin=origin, bucket=bucket, seconds=seconds, cors_setting=can.cors_setting
    )
