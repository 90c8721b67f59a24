"""Read single facts out of HEAD and GET replies of S3."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)\Z")


def bare_etag(etag: str | None) -> str | None:
    """Return an ETag without S3's quotes."""
    return etag.strip().strip('"') or None if etag else None


def total_size(reply: Mapping[str, Any]) -> int | None:
    """Return the size of the whole object, also where the reply holds a part of it."""
    span = _CONTENT_RANGE.match(reply.get("ContentRange") or "")
    if span:
        return int(span[3])
    length = reply.get("ContentLength")
    return None if length is None else int(length)


def first_byte(reply: Mapping[str, Any]) -> int:
    """Return the offset at which the reply's body begins; 0 where the range was ignored."""
    span = _CONTENT_RANGE.match(reply.get("ContentRange") or "")
    return int(span[1]) if span else 0
