"""Open the recorded bytes: ask for exactly the pin, compare the reply with it, then read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from landfast.clouds.bodies import CHUNK_BYTES, to_the_end
from landfast.clouds.s3_errors import Asked, asking
from landfast.clouds.s3_get import GetWire
from landfast.clouds.s3_replies import bare_etag, first_byte
from landfast.errors import (
    AccessDenied,
    InvalidInput,
    LandfastError,
    NotFound,
    ObjectChanged,
)
from landfast.stores.base import ObjectInfo, Pin
from landfast.stores.replies import check_pairs
from landfast.stores.s3.objects import ETAG, PROVIDER_CHECKSUMS, describe

NULL = "null"


class S3Reader:
    """An open reply of GetObject."""

    def __init__(self, reply: Mapping[str, Any], info: ObjectInfo, pin: Pin, asked: Asked) -> None:
        self.info = info
        self.start = first_byte(reply)
        self._body = reply["Body"]
        self._asked = asked
        # Up to where a reply goes that is not of the whole object.
        self._end = pin.end if reply.get("ContentRange") else None
        self._pinned = pin.size

    def __iter__(self) -> Iterator[bytes]:
        """Yield chunks of at most 1 MiB."""
        whole = self.info.size if self.info.size is not None else self._pinned
        end = whole if self._end is None else self._end
        read = partial(self._body.read, CHUNK_BYTES)
        return to_the_end(self._asked.name, lambda: asking(self._asked, read), self.start, end)


@contextmanager
def open_pin(wire: GetWire, pin: Pin, start: int, more: dict[str, Any]) -> Iterator[S3Reader]:
    """Open a pin from an offset on; the connection is given back at the end."""
    reply, asked = _fetch(wire, pin, start, more)
    try:
        info = describe(reply, pin.location, ETAG)
        check_info(info, pin, asked)
        yield S3Reader(reply, info, pin, asked)
    finally:
        reply["Body"].close()


def _fetch(
    wire: GetWire, pin: Pin, start: int, more: dict[str, Any]
) -> tuple[Mapping[str, Any], Asked]:
    asked, parameters = _request(pin, start)
    parameters |= more
    refused: LandfastError
    try:
        return asking(asked, lambda: wire.get(parameters)), asked
    except (ObjectChanged, NotFound) as error:
        refused = error
    if asked.version_id or pin.etag is None or "bucket" in refused.details:
        raise refused
    reply = _fetch_null(wire, parameters, pin)
    if reply is None:
        raise refused
    return reply, asked


def _fetch_null(wire: GetWire, parameters: dict[str, Any], pin: Pin) -> Mapping[str, Any] | None:
    """Ask once more, for the version ``null``; None if that is not the recorded object either.

    An object written before versioning was turned on keeps that id when it is overwritten or
    deleted later.  The ETag is compared here: some servers hold a condition against the latest.
    """
    asked = Asked(
        location=pin.location, verb="read", permission="s3:GetObjectVersion", version_id=NULL
    )
    parameters = {name: value for name, value in parameters.items() if name != "IfMatch"}
    try:
        reply = asking(asked, lambda: wire.get({**parameters, "VersionId": NULL}))
    except (ObjectChanged, NotFound, AccessDenied, InvalidInput):
        return None
    if bare_etag(reply.get("ETag")) == pin.etag:
        return reply
    reply["Body"].close()
    return None


def _request(pin: Pin, start: int) -> tuple[Asked, dict[str, Any]]:
    location = pin.location
    version = None if pin.current or pin.version_id == NULL else pin.version_id
    parameters: dict[str, Any] = {"Bucket": location.authority, "Key": location.key}
    if version:
        parameters["VersionId"] = version
    elif pin.etag:
        parameters["IfMatch"] = f'"{pin.etag}"'
    if span := pin.span(start):
        parameters["Range"] = span
    if pin.checksum and pin.checksum.algorithm in PROVIDER_CHECKSUMS:
        parameters["ChecksumMode"] = "ENABLED"
    permission = "s3:GetObjectVersion" if version else "s3:GetObject"
    asked = Asked(location=location, verb="read", permission=permission, version_id=version)
    return asked, parameters


def check_info(info: ObjectInfo, pin: Pin, asked: Asked) -> None:
    """Refuse a reply whose version id, ETag, size or checksum differ from the pin's.

    Some servers accept a version id or a condition and answer with other bytes all the same.
    """
    pairs: list[tuple[str, object, object]] = []
    version = asked.version_id or (pin.version_id if pin.current else None)
    if version:
        pairs.append(("version id", version, info.version_id))
    etag = pin.etag or (
        pin.checksum.value if pin.checksum and pin.checksum.algorithm == ETAG else None
    )
    if etag:
        pairs.append(("ETag", etag, info.etag))
    check_pairs(asked.name, pin, info, asked.version_id, *pairs)
