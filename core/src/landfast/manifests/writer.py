"""ManifestWriter: sorted rows in, one deterministic Parquet file out, in bounded memory."""

from __future__ import annotations

import contextlib
import hashlib
import io
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from landfast.errors import InvalidInput
from landfast.manifests import schema
from landfast.manifests.batch import EntryBatch, in_batches, joined
from landfast.manifests.rollup import RollUpWriter
from landfast.manifests.summary import SummaryBuilder
from landfast.model.manifest import ManifestEntry, ManifestSummary
from landfast.system.disk_errors import disk_errors

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# Digests and roll-up cost less an entry where more of them are looked at together.
_GROUPS_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenManifest:
    """A manifest file that is complete, of `size` bytes; its sha256 is the name of its blob."""

    path: Path
    sha256: str
    size: int
    summary: ManifestSummary

    @property
    def is_here(self) -> bool:
        """Whether the file lies on this machine."""
        return self.path.exists()

    @property
    def written(self) -> Self:
        """Itself; see `HeldManifest`."""
        return self


class ManifestWriter:
    """Write a manifest file; a context manager that removes the file unless it was finished.

    The same entries give the same bytes with the same version of pyarrow, however they were cut
    into calls.

    Args:
        path: The file to write; an existing one is replaced.

    Example:
        >>> import tempfile
        >>> entry = ManifestEntry(path="a.txt", size=1, checksum=None, uri="file:///d/a.txt")
        >>> with ManifestWriter(Path(tempfile.mkdtemp()) / "m.parquet") as writer:
        ...     writer.extend([entry])
        ...     written = writer.finish()
        >>> written.summary.count, len(written.sha256)
        (1, 64)
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # Rows that are not looked at yet.
        self._left: list[EntryBatch] = []
        self._summary = SummaryBuilder()
        self._finished: WrittenManifest | None = None
        self._files = contextlib.ExitStack()
        with contextlib.ExitStack() as undo:
            undo.callback(self._discard)
            self._open()
            undo.pop_all()

    def _open(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._rollup = RollUpWriter(self._path.with_name(self._path.name + ".folders"))
        self._files.callback(self._rollup.discard)
        with disk_errors(self._path, "write the manifest"):
            self._hashed = _HashedFile(self._path)
            self._sink = pa.PythonFile(self._hashed, "w")
            self._files.callback(self._sink.close)
            self._parquet = pq.ParquetWriter(
                self._sink, schema.entry_schema(), **schema.COMMON_OPTIONS, **schema.ENTRY_OPTIONS
            )
            self._files.callback(self._parquet.close)

    def _discard(self) -> None:
        # Of files that are thrown away nobody wants to hear that they are incomplete.
        with contextlib.suppress(OSError, ValueError):
            self._files.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def add_batch(self, batch: EntryBatch) -> None:
        """Take the next rows, in order of the UTF-8 bytes of the paths.

        They are looked at when they fill a few row groups, or at `finish`, which may raise the same.

        Raises:
            InvalidInput: If one is out of order, repeats a path, has none or a negative size.
            Unavailable: If the disk is full.
        """
        if self._finished is not None:
            raise InvalidInput(f"the manifest {self._path.name} is finished")
        at_once = _GROUPS_AT_ONCE * schema.ROWS_PER_GROUP
        room = at_once - sum(map(len, self._left))
        while len(batch) >= room:
            self._left.append(batch.slice(0, room))
            self._flush()
            batch, room = batch.slice(room, len(batch)), at_once
        if len(batch):
            self._left.append(batch)

    def extend(self, entries: Iterable[ManifestEntry]) -> None:
        """Take many entries, in order; raises what `add_batch` and `in_batches` do."""
        for batch in in_batches(entries):
            self.add_batch(batch)

    def finish(self) -> WrittenManifest:
        """Complete the file and return what it is; a second call returns the same."""
        if self._finished is None:
            self._flush()
            summary = self._summary.build()
            with disk_errors(self._path, "write the manifest"):
                self._finished = self._complete(summary)
        return self._finished

    def _flush(self) -> None:
        if self._left:
            rows, self._left = joined(self._left), []
            self._summary.update(rows)
            self._rollup.update(rows)
            with disk_errors(self._path, "write the manifest"):
                self._parquet.write_batch(rows.columns, row_group_size=schema.ROWS_PER_GROUP)

    def _complete(self, summary: ManifestSummary) -> WrittenManifest:
        offset, length = self._append_rollup()
        self._parquet.add_key_value_metadata(_footer(summary, offset, length))
        self._parquet.close()
        self._sink.close()
        sha256, size = self._hashed.sha256, self._path.stat().st_size
        return WrittenManifest(path=self._path, sha256=sha256, size=size, summary=summary)

    def _append_rollup(self) -> tuple[int, int]:
        part = self._rollup.finish()
        offset = self._sink.tell()
        with part.open("rb") as file:
            shutil.copyfileobj(file, self._sink, 1 << 20)
        part.unlink()
        return offset, self._sink.tell() - offset

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._finished is None:
            self._discard()


class _HashedFile(io.FileIO):
    """A file for writing that is hashed on its way to the disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "wb")
        self._digest = hashlib.sha256()

    def write(self, data: ReadableBuffer) -> int:
        left = memoryview(data)
        self._digest.update(left)
        while left:
            left = left[super().write(left) or 0 :]
        return memoryview(data).nbytes

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def _footer(summary: ManifestSummary, offset: int, length: int) -> dict[bytes, bytes]:
    texts = {
        schema.KEY_FORMAT: f"{schema.FORMAT_MAJOR}.{schema.FORMAT_MINOR}",
        schema.KEY_CONTENT_DIGEST: summary.digest,
        schema.KEY_PIN_DIGEST: summary.pin_digest,
        schema.KEY_COUNT: str(summary.count),
        schema.KEY_SIZE: str(summary.size),
        schema.KEY_UNVERIFIED: str(summary.unverified),
        schema.KEY_UNPINNED: str(summary.unpinned),
        schema.KEY_FOLDERS: f"{offset} {length}",
    }
    return {key: text.encode() for key, text in texts.items()}
