"""TableFile: a manifest file as it is written: rows, then the roll-up, then the footer; hashed on its way."""

from __future__ import annotations

import contextlib
import hashlib
import io
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from landfast.manifests import schema
from landfast.model.manifest import ManifestSummary
from landfast.system.disk_errors import disk_errors

if TYPE_CHECKING:
    import pyarrow as pa
    from _typeshed import ReadableBuffer


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenManifest:
    """A manifest file that is complete, of `size` bytes; its sha256 is the name of its blob."""

    path: Path
    sha256: str
    size: int
    summary: ManifestSummary

    @property
    def is_cheap(self) -> bool:
        """Whether nothing is left to write: always; see `HeldManifest`."""
        return True

    @property
    def is_here(self) -> bool:
        """Whether the file lies on this machine."""
        return self.path.exists()

    @property
    def written(self) -> Self:
        """Itself; see `HeldManifest`."""
        return self


class TableFile:
    """Write a manifest file whose rows are known to be right.

    Args:
        path: The file; an existing one is replaced.
        form: The columns.
        options: Of Parquet, beside those that all have.
    """

    def __init__(self, path: Path, form: pa.Schema, options: Mapping[str, Any]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._path = path
        self._files = contextlib.ExitStack()
        with disk_errors(path, "write the manifest"), contextlib.ExitStack() as undo:
            undo.callback(self.discard)
            self._hashed = _HashedFile(path)
            self._sink = pa.PythonFile(self._hashed, "w")
            self._files.callback(self._sink.close)
            self._parquet = pq.ParquetWriter(self._sink, form, **schema.COMMON_OPTIONS, **options)
            self._files.callback(self._parquet.close)
            undo.pop_all()

    def write(self, rows: pa.RecordBatch, group: int | None = None) -> None:
        """Write the next rows, in row groups of their own, of `group` rows."""
        with disk_errors(self._path, "write the manifest"):
            self._parquet.write_batch(rows, row_group_size=group or schema.ROWS_PER_GROUP)

    def finish(
        self, rollup: Path, summary: ManifestSummary, texts: Mapping[bytes, str]
    ) -> WrittenManifest:
        """Complete the file with a roll-up, whose own file is removed, and what the footer says."""
        with disk_errors(self._path, "write the manifest"):
            offset = self._sink.tell()
            with rollup.open("rb") as file:
                shutil.copyfileobj(file, self._sink, 1 << 20)
            rollup.unlink()
            place = f"{offset} {self._sink.tell() - offset}"
            footer = {**texts, **_said(summary), schema.KEY_FOLDERS: place}
            self._parquet.add_key_value_metadata(
                {key: text.encode() for key, text in footer.items()}
            )
            self._parquet.close()
            self._sink.close()
            sha256, size = self._hashed.sha256, self._path.stat().st_size
        return WrittenManifest(path=self._path, sha256=sha256, size=size, summary=summary)

    def close(self) -> None:
        """Complete a Parquet file that is to become a part of another."""
        with disk_errors(self._path, "write the manifest"):
            self._files.close()

    def discard(self) -> None:
        """Close and remove the file; what it lacks is nobody's business any more."""
        with contextlib.suppress(OSError, ValueError):
            self._files.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def rollup_path(path: Path) -> Path:
    """Return where the roll-up of a manifest file is written before it is a part of it."""
    return path.with_name(path.name + ".folders")


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


def _said(summary: ManifestSummary) -> dict[bytes, str]:
    return {
        schema.KEY_CONTENT_DIGEST: summary.digest,
        schema.KEY_PIN_DIGEST: summary.pin_digest,
        schema.KEY_COUNT: str(summary.count),
        schema.KEY_SIZE: str(summary.size),
        schema.KEY_UNVERIFIED: str(summary.unverified),
        schema.KEY_UNPINNED: str(summary.unpinned),
    }
