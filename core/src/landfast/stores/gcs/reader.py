"""Open the recorded bytes: ask for exactly the generation, compare the reply with the pin, then read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from landfast.clouds.gcs_client import GcsConnection, object_path
from landfast.clouds.gcs_errors import Asked, asking, reading
from landfast.errors import ObjectChanged, Unavailable
from landfast.stores.base import ObjectInfo, Pin, check_pairs, wrong_range
from landfast.stores.gcs.rows import describe_headers

if TYPE_CHECKING:
    from requests import Response

CHUNK = 1024 * 1024
_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+)")


class GcsReader:
    """An open media reply."""

    def __init__(self, reply: Response, info: ObjectInfo, start: int, asked: Asked) -> None:
        self.info = info
        self.start = start
        self._reply = reply
        self._asked = asked

    def __iter__(self) -> Iterator[bytes]:
        """Yield chunks of at most 1 MiB, as they are stored: gzip is not unpacked."""
        if self._reply.status_code == 416:
            return  # nothing is left after the offset
        at = self.start
        chunks = self._reply.raw.stream(CHUNK, decode_content=False)
        while chunk := asking(self._asked, lambda: next(chunks, b"")):
            at += len(chunk)
            yield chunk
        if self.info.size not in {None, at}:
            raise Unavailable(
                f"the bytes of {self._asked.name} ended early",
                subject=self._asked.name,
                expected=f"{self.info.size} bytes",
                found=f"{at}",
            )


@contextmanager
def open_pin(connection: GcsConnection, pin: Pin, start: int) -> Iterator[GcsReader]:
    """Open a pin from an offset on; the connection is given back at the end."""
    generation = None if pin.current else pin.version_id
    asked = Asked.of(pin.location, "read", "storage.objects.get", generation)
    # Without this header objects that are stored as gzip are unpacked on the way.
    headers = {"Accept-Encoding": "gzip"}
    if start:
        headers["Range"] = f"bytes={start}-"
    parameters = {"alt": "media", **({"generation": generation} if generation else {})}
    path = "/download/storage/v1" + object_path(pin.location.authority, pin.location.key)
    with connection.get(asked, path, parameters, headers=headers, media=True) as reply:
        first, size = reading(asked, lambda: _extent(reply, start))
        info = reading(asked, lambda: describe_headers(reply.headers, pin.location, size))
        if reply.status_code == 416:
            _check_end(info, start, asked)
        else:
            if start and reply.status_code == 206 and not _RANGE.match(_span(reply)):
                raise wrong_range(asked.name, start, None)
            check_reply(info, pin, asked)
        yield GcsReader(reply, info, first, asked)


def _extent(reply: Response, start: int) -> tuple[int, int | None]:
    """Return the offset of the first byte and the size of the whole object."""
    found = _RANGE.fullmatch(_span(reply))
    if found is not None and reply.status_code != 200:
        return int(found[1] or start), int(found[2])
    size = reply.headers.get("x-goog-stored-content-length") or reply.headers.get("content-length")
    return 0, int(size) if size else None


def _span(reply: Response) -> str:
    return str(reply.headers.get("content-range", ""))


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
