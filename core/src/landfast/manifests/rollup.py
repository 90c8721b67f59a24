"""The roll-up of a manifest file: folder totals as a Parquet file of their own inside it.

Totals are complete in another order than that of their paths (a folder after its children), but
those of one depth are in order.  So each row group holds folders of one depth, in order: writing
needs little memory, the children of a folder stand together, and all folders in order are a merge.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from landfast.manifests import schema
from landfast.manifests.batch import EntryBatch
from landfast.manifests.masks import null_where
from landfast.manifests.table_file import TableFile
from landfast.model.folders import FolderCounter, FolderTotal

# Totals held over all depths before the longest run is written out.
_MAX_HELD = 4 * schema.FOLDERS_PER_GROUP


class RollUpWriter:
    """Count folders and write their totals to a temporary file, in bounded memory."""

    def __init__(self, path: Path) -> None:
        self._counter = FolderCounter()
        self._runs: dict[int, list[FolderTotal]] = defaultdict(list)
        self._held = 0
        self._file = TableFile(path, schema.folder_schema(), schema.FOLDER_OPTIONS)
        self._path = path

    def update(self, batch: EntryBatch) -> None:
        """Count the next rows of the sorted manifest."""
        for run in folder_runs(batch):
            self._hold(self._counter.add(*run))

    def finish(self) -> Path:
        """Write what is left and return the file."""
        self._hold(self._counter.finish())
        for depth in sorted(self._runs):
            self._write(depth)
        self._file.close()
        return self._path

    def discard(self) -> None:
        """Remove the file."""
        self._file.discard()

    def _hold(self, totals: list[FolderTotal]) -> None:
        for total in totals:
            run = self._runs[total.depth]
            run.append(total)
            self._held += 1
            if len(run) >= schema.FOLDERS_PER_GROUP:
                self._write(total.depth)
            elif self._held >= _MAX_HELD:
                self._write(max(self._runs, key=lambda depth: len(self._runs[depth])))

    def _write(self, depth: int) -> None:
        import pyarrow as pa

        run = self._runs.pop(depth)
        self._held -= len(run)
        columns = [
            [depth] * len(run),
            [total.path for total in run],
            [total.count for total in run],
            [total.size for total in run],
        ]
        form = schema.folder_schema()
        arrays = [pa.array(values, field.type) for values, field in zip(columns, form, strict=True)]
        self._file.write(pa.RecordBatch.from_arrays(arrays, schema=form), len(run))


def folder_runs(batch: EntryBatch) -> Iterator[tuple[str, int, int]]:
    """Yield folder, count and bytes of rows that stand together in one folder: what `FolderCounter.add` takes."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # What stands before the last slash, and null where there is none: the folder of "/a" is no top.
    parts = pc.split_pattern(batch.paths, "/", max_splits=1, reverse=True)
    is_top = pc.equal(pc.list_value_length(parts), 1)
    folders = null_where(is_top, pc.list_element(parts, 0))
    runs = pc.run_end_encode(folders, run_end_type=pa.int64())
    sizes = pc.cumulative_sum(pc.fill_null(batch.columns["size"], 0))
    row = before = 0
    for folder, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        total = sizes[end - 1].as_py()
        yield "" if folder is None else folder + "/", end - row, total - before
        row, before = end, total
