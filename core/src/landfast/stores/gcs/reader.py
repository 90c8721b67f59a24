"""Open the recorded bytes: ask for exactly the generation, compare the reply with the pin, then read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from landfast.clouds.bodies import GCS_RANGE, gcs_extent, gcs_media
from landfast.clouds.gcs_client import GcsConnection, object_path
from landfast.clouds.gcs_errors import Asked, reading
from landfast.clouds.gcs_get import MediaReply
from landfast.errors import ObjectChanged
from landfast.stores.base import ObjectInfo, Pin, wrong_range
from landfast.stores.gcs.rows import describe_headers
from landfast.stores.replies import check_pairs


class GcsReader:
    """An open media reply."""

    def __init__(
        self, reply: MediaReply, info: ObjectInfo, start: int, end: int | None, asked: Asked
    ) -> None:
        self.info = info
        self.start = start
        self._end = end
        self._reply = reply
        self._asked = asked

    def __iter__(self) -> Iterator[bytes]:
        """Yield chunks of at most 1 MiB."""
        return gcs_media(self._reply, self._asked, self.start, self._end)


@contextmanager
def open_pin(connection: GcsConnection, pin: Pin, start: int) -> Iterator[GcsReader]:
    """Open a pin from an offset on; the connection is given back at the end."""
    generation = None if pin.current else pin.version_id
    asked = Asked.of(pin.location, "read", "storage.objects.get", generation)
    # Without this header objects that are stored as gzip are unpacked on the way.
    headers = {"Accept-Encoding": "gzip"}
    if span := pin.span(start):
        headers["Range"] = span
    parameters = {"alt": "media", **({"generation": generation} if generation else {})}
    path = "/download/storage/v1" + object_path(pin.location.authority, pin.location.key)
    with connection.media(asked, path, parameters, headers) as reply:
        first, size = reading(asked, lambda: gcs_extent(reply, start))
        info = reading(asked, lambda: describe_headers(reply.headers, pin.location, size))
        if reply.status_code == 416:
            _check_end(info, start, asked)
        else:
            found = str(reply.headers.get("content-range", ""))
            if start and reply.status_code == 206 and not GCS_RANGE.match(found):
                raise wrong_range(asked.name, start, None)
            check_reply(info, pin, asked)
        end = pin.end if pin.end is not None and reply.status_code == 206 else info.size
        yield GcsReader(reply, info, first, end, asked)


def _check_end(info: ObjectInfo, start: int, asked: Asked) -> None:
    """A range that cannot be satisfied is right only at the very end."""
    if info.size != start:
        raise ObjectChanged(
            f"{asked.name} is shorter than recorded",
            subject=asked.name,
            expected=f"more than {start} bytes",
            found="no size in the reply" if info.size is None else f"{info.size} bytes",
            version_id=asked.generation,
            differs="size",
        )


def check_reply(info: ObjectInfo, pin: Pin, asked: Asked) -> None:
    """Refuse a reply whose generation, size or checksum differ from the pin's, or that tells no generation.

    Some servers accept a generation and answer with other bytes all the same.
    """
    pairs: list[tuple[str, object, object]] = []
    if pin.version_id:
        pairs.append(("generation", pin.version_id, info.version_id))
    check_pairs(asked.name, pin, info, asked.generation, *pairs)
