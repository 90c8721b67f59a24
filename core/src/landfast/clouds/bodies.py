"""Read the bodies of replies to their end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from landfast.clouds.gcs_errors import Asked, asking
from landfast.clouds.gcs_get import MediaReply
from landfast.errors import Unavailable

CHUNK_BYTES = 1024 * 1024
GCS_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+)")


def to_the_end(name: str, read: Callable[[], bytes], at: int, end: int | None) -> Iterator[bytes]:
    """Yield chunks from the offset `at` on; `Unavailable` if they end elsewhere than at `end`."""
    while chunk := read():
        at += len(chunk)
        yield chunk
    if end not in {None, at}:
        raise Unavailable(
            f"the bytes of {name} ended early",
            subject=name,
            expected=f"{end} bytes",
            found=f"{at}",
        )


_LENGTHS = ("x-goog-stored-content-length", "content-length")


def gcs_extent(
    reply: MediaReply, start: int, *, lengths: Sequence[str] = _LENGTHS
) -> tuple[int, int | None]:
    """Return the offset of a media reply's first byte, and the size of the whole object.

    Args:
        reply: To a request of the bytes.
        start: The offset that was asked for.
        lengths: Headers that tell the size of a reply that is no range, the best first.
    """
    found = GCS_RANGE.fullmatch(reply.headers.get("content-range", ""))
    if found is not None and reply.status_code != 200:
        return int(found[1] or start), int(found[2])
    size = next(filter(None, map(reply.headers.get, lengths)), None)
    return 0, int(size) if size else None


def gcs_media(reply: MediaReply, asked: Asked, at: int, end: int | None) -> Iterator[bytes]:
    """Yield the body of a media reply as it is stored: gzip is not unpacked; nothing behind its end."""
    if reply.status_code != 416:
        chunks = reply.raw.stream(CHUNK_BYTES, decode_content=False)
        yield from to_the_end(asked.name, lambda: asking(asked, lambda: next(chunks, b"")), at, end)
