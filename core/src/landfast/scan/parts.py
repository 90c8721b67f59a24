"""Parts: what was found in one range, as a file of columns that is read once and thrown away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from landfast.manifests.batch import EntryBatch
from landfast.manifests.schema import entry_schema
from landfast.model.source import Skipped
from landfast.scan.skips import SkipLog
from landfast.system.disk_errors import disk_errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Entries of a range in a file, and what was left out."""

    path: Path
    skipped: tuple[Skipped, ...]
    matched: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def write(cls, path: Path, batches: Iterable[EntryBatch], skips: SkipLog) -> Part:
        """Write entries as they come; what was skipped is known when they are written."""
        import pyarrow as pa

        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with (
            disk_errors(path, "write what was listed"),
            pa.OSFile(str(path), "wb") as sink,
            pa.ipc.new_stream(sink, entry_schema(), options=options) as stream,
        ):
            for batch in batches:
                stream.write_batch(batch.columns)
        return cls(path=path, skipped=skips.result(), matched=skips.matched(), notes=skips.notes())

    def read(self) -> Iterator[EntryBatch]:
        """Yield the entries, and remove the file."""
        import pyarrow as pa

        with pa.OSFile(str(self.path)) as source:
            self.path.unlink()
            for batch in pa.ipc.open_stream(source):
                yield EntryBatch(batch)
