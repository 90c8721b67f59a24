"""The roll-up of a manifest file: folder totals as a Parquet file of their own inside it.

Totals are complete in another order than that of their paths (a folder after its children), but
those of one depth are in order.  So each row group holds folders of one depth, in order: writing
needs little memory, the children of a folder stand together, and all folders in order are a merge.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from pathlib import Path

from landfast.manifests import schema
from landfast.model.folders import FolderCounter, FolderTotal
from landfast.system.disk_errors import disk_errors

# Totals held over all depths before the longest run is written out.
_MAX_HELD = 4 * schema.FOLDERS_PER_GROUP


class RollUpWriter:
    """Count folders and write their totals to a temporary file, in bounded memory."""

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        self._path = path
        self._counter = FolderCounter()
        self._runs: dict[int, list[FolderTotal]] = defaultdict(list)
        self._held = 0
        with disk_errors(path, "write the manifest"):
            try:
                self._parquet = pq.ParquetWriter(
                    str(path),
                    schema.folder_schema(),
                    **schema.COMMON_OPTIONS,
                    **schema.FOLDER_OPTIONS,
                )
            except OSError:
                path.unlink(missing_ok=True)
                raise

    def add(self, path: str, size: int | None) -> None:
        """Count the next path of the sorted manifest."""
        self._hold(self._counter.add(path, size))

    def finish(self) -> Path:
        """Write what is left and return the file."""
        self._hold(self._counter.finish())
        for depth in sorted(self._runs):
            self._write(depth)
        with disk_errors(self._path, "write the manifest"):
            self._parquet.close()
        return self._path

    def discard(self) -> None:
        """Remove the file."""
        with contextlib.suppress(OSError, ValueError):
            self._parquet.close()
        self._path.unlink(missing_ok=True)

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
        batch = pa.RecordBatch.from_arrays(arrays, schema=form)
        with disk_errors(self._path, "write the manifest"):
            self._parquet.write_batch(batch, row_group_size=len(run))
