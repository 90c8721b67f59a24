"""ManifestWriter: sorted rows in, one deterministic Parquet file out, in bounded memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from landfast.errors import InvalidInput
from landfast.manifests import schema
from landfast.manifests.batch import EntryBatch, in_batches, joined
from landfast.manifests.rollup import RollUpWriter
from landfast.manifests.summary import SummaryBuilder
from landfast.manifests.table_file import TableFile, WrittenManifest, rollup_path
from landfast.model.manifest import ManifestEntry, ManifestSummary

# Digests and roll-up cost less an entry where more of them are looked at together.
_GROUPS_AT_ONCE = 4


class ManifestWriter:
    """Write a manifest file; a context manager that removes the file unless it was finished.

    The same entries give the same bytes with the same version of pyarrow, however they were cut
    into calls.

    Args:
        path: The file to write; an existing one is replaced.
        summary: What the rows are known to make, which are known to be right; None computes it.

    Example:
        >>> import tempfile
        >>> entry = ManifestEntry(path="a.txt", size=1, checksum=None, uri="file:///d/a.txt")
        >>> with ManifestWriter(Path(tempfile.mkdtemp()) / "m.parquet") as writer:
        ...     writer.extend([entry])
        ...     written = writer.finish()
        >>> written.summary.count, len(written.sha256)
        (1, 64)
    """

    def __init__(self, path: Path, *, summary: ManifestSummary | None = None) -> None:
        self._path = path
        self._known = summary
        # Rows that are not looked at yet.
        self._left: list[EntryBatch] = []
        self._summary = SummaryBuilder()
        self._finished: WrittenManifest | None = None
        with contextlib.ExitStack() as undo:
            self._rollup = RollUpWriter(rollup_path(path))
            undo.callback(self._rollup.discard)
            self._file = TableFile(path, schema.entry_schema(), schema.ENTRY_OPTIONS)
            undo.callback(self._file.discard)
            self._undo = undo.pop_all()

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
            summary = self._known or self._summary.build()
            texts = {schema.KEY_FORMAT: schema.FULL_FORMAT}
            self._finished = self._file.finish(self._rollup.finish(), summary, texts)
        return self._finished

    def _flush(self) -> None:
        if self._left:
            rows, self._left = joined(self._left), []
            if self._known is None:
                self._summary.update(rows)
            self._rollup.update(rows)
            self._file.write(rows.columns)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._finished is None:
            self._undo.close()
