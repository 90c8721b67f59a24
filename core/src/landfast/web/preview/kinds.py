"""Kinds of previews: what a file is shown as, by its extension, else by its first bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from landfast.web.preview.text import decoded

HEAD_BYTES = 4096
_MIB = 1 << 20

OCTETS = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How a file is shown.

    Args:
        name: ``image``, ``audio``, ``video``, ``document``, ``text``, ``json``, ``table``, ``parquet`` or ``bytes``.
        media_type: What its bytes are sent as.
        most: The largest file, in bytes, that is shown so; None where only its beginning is read.
    """

    name: str
    media_type: str = OCTETS
    most: int | None = None

    @property
    def is_embedded(self) -> bool:
        """Whether the browser loads the bytes; else the server reads them, and the page holds what is shown."""
        return self.name in {"image", "audio", "video", "document"}


BYTES = Kind(name="bytes")
TEXT = Kind(name="text", media_type="text/plain; charset=utf-8")
_JSON = Kind(name="json", media_type="application/json", most=_MIB)
_PARQUET = Kind(name="parquet", media_type="application/vnd.apache.parquet")


def _image(media_type: str) -> Kind:
    return Kind(name="image", media_type=media_type, most=32 * _MIB)


def _audio(media_type: str) -> Kind:
    return Kind(name="audio", media_type=media_type, most=512 * _MIB)


def _video(media_type: str) -> Kind:
    return Kind(name="video", media_type=media_type, most=512 * _MIB)


def _document(media_type: str) -> Kind:
    return Kind(name="document", media_type=media_type, most=16 * _MIB)


_BY_EXTENSION: Mapping[str, Kind] = {
    ".png": _image("image/png"),
    ".jpg": _image("image/jpeg"),
    ".jpeg": _image("image/jpeg"),
    ".gif": _image("image/gif"),
    ".webp": _image("image/webp"),
    ".avif": _image("image/avif"),
    ".mp3": _audio("audio/mpeg"),
    ".wav": _audio("audio/wav"),
    ".flac": _audio("audio/flac"),
    ".ogg": _audio("audio/ogg"),
    ".oga": _audio("audio/ogg"),
    ".opus": _audio("audio/ogg"),
    ".m4a": _audio("audio/mp4"),
    ".aac": _audio("audio/aac"),
    ".mp4": _video("video/mp4"),
    ".m4v": _video("video/mp4"),
    ".webm": _video("video/webm"),
    ".ogv": _video("video/ogg"),
    ".mov": _video("video/quicktime"),
    ".mkv": _video("video/x-matroska"),
    ".svg": _document("image/svg+xml"),
    ".html": _document("text/html"),
    ".htm": _document("text/html"),
    ".xhtml": _document("application/xhtml+xml"),
    ".pdf": _document("application/pdf"),
    ".json": _JSON,
    ".geojson": _JSON,
    ".ipynb": _JSON,
    ".csv": Kind(name="table", media_type="text/csv"),
    ".tsv": Kind(name="table", media_type="text/tab-separated-values"),
    ".parquet": _PARQUET,
    ".pq": _PARQUET,
}

# What a file begins with, and at which offset.
_BY_HEAD: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", _image("image/png")),
    (0, b"\xff\xd8\xff", _image("image/jpeg")),
    (0, b"GIF87a", _image("image/gif")),
    (0, b"GIF89a", _image("image/gif")),
    (8, b"WEBP", _image("image/webp")),
    (4, b"ftypavif", _image("image/avif")),
    (0, b"%PDF-", _document("application/pdf")),
    (0, b"PAR1", _PARQUET),
    (0, b"ID3", _audio("audio/mpeg")),
    (0, b"fLaC", _audio("audio/flac")),
    (0, b"OggS", _audio("audio/ogg")),
    (8, b"WAVE", _audio("audio/wav")),
    (4, b"ftyp", _video("video/mp4")),
    (0, b"\x1aE\xdf\xa3", _video("video/webm")),
)


def by_extension(path: str) -> Kind | None:
    """Return how a file is shown by its name; None if its name does not tell.

    Example:
        >>> by_extension("a/b.PNG").media_type, by_extension("a/README")
        ('image/png', None)
    """
    return _BY_EXTENSION.get(PurePosixPath(path).suffix.lower())


def kind_of(path: str, head: bytes, *, is_whole: bool) -> Kind:
    """Return how a file is shown.

    Args:
        path: Its name tells first, unless what lies there is plain text (a pointer of Git LFS, an error page).
        head: Its first bytes.
        is_whole: Whether these are all.
    """
    named = by_extension(path)
    is_text = decoded(head, is_whole=is_whole) is not None
    if named is not None and not (is_text and named.name in {"image", "audio", "video", "parquet"}):
        return named
    if is_text:
        return TEXT
    for offset, mark, kind in _BY_HEAD:
        if head[offset : offset + len(mark)] == mark:
            return kind
    return BYTES
