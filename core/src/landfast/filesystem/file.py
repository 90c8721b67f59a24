"""PinnedFile: a recorded file, open for reading in blocks."""

from __future__ import annotations

from typing import Any

from fsspec.spec import AbstractBufferedFile

from landfast.download.ranges import PinnedBytes


class PinnedFile(AbstractBufferedFile):  # type: ignore[misc]
    """A recorded file, open for reading; fsspec keeps its last blocks."""

    def __init__(self, fs: Any, path: str, source: PinnedBytes, **options: Any) -> None:
        self._source = source
        super().__init__(fs, path, "rb", size=source.entry.size, **options)

    def read(self, length: int | None = -1) -> bytes:
        """Return up to so many bytes; all that is left without a number."""
        left = max(0, self.size - self.loc)
        # Older block caches fail where more is wanted than there is.
        data: bytes = super().read(left if length is None or length < 0 else min(length, left))
        return data

    def _fetch_range(self, start: int, end: int) -> bytes:
        with self.fs._noting():
            return self._source.read(start, end - start)
