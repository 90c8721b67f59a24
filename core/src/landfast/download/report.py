"""DownloadReport: what a download did, and the tally that many threads write it with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from landfast.errors import LandfastError
from landfast.manifests.batch import EntryBatch
from landfast.model.manifest import ManifestEntry
from landfast.system.spilled_rows import RowsByPath, SpilledRows

# Bytes done and bytes in all; None where a size is not known.
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingFile:
    """An entry whose bytes could not be read.

    Args:
        path: Path of the entry.
        uri: Recorded URI of the object.
        reason: The kind of error: ``NotFound``, ``ObjectChanged``, ``AccessDenied``.
        message: Message of the error.
    """

    path: str
    uri: str
    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass(slots=True, kw_only=True)
class DownloadReport:
    """The result of a download.

    Args:
        root: The folder.
        files: Files that are there now.
        bytes: Their bytes.
        fetched: Files that came from their source.
        fetched_bytes: Bytes that were read from sources; less than the size of the files if a download was continued.
        from_cache: Files that came from the cache.
        already_there: Files that the folder already had.
        unverified: Files that were recorded without a checksum; they were downloaded, but nothing proves their bytes.
        opaque: Files whose checksum cannot be computed from bytes; only version id and ETag of the source were
            compared.
        missing: With `allow_missing`, the entries that could not be downloaded, by path; many of them are kept in a
            temporary file.
        removed: With `exact`, files that were removed.
    """

    root: Path
    files: int = 0
    bytes: int = 0
    fetched: int = 0
    fetched_bytes: int = 0
    from_cache: int = 0
    already_there: int = 0
    unverified: int = 0
    opaque: int = 0
    missing: Sequence[MissingFile] = field(default_factory=list)
    removed: int = 0

    def to_dict(self, *, missing: bool = True) -> dict[str, Any]:
        """Return a JSON-able description.

        Args:
            missing: Whether to include the missing files, of which there can be millions.
        """
        facts: dict[str, Any] = {"root": str(self.root)}
        facts |= {name: getattr(self, name) for name in _COUNTS}
        return facts | ({"missing": [asdict(one) for one in self.missing]} if missing else {})


_COUNTS = tuple(each.name for each in fields(DownloadReport) if each.type == "int")


class Tally:
    """Counts for the report and for the progress; used by many threads."""

    def __init__(self, root: Path, progress: Progress | None) -> None:
        self.report = DownloadReport(root=root)
        self._missing = RowsByPath[MissingFile]()
        self._progress = progress
        self._lock = threading.Lock()
        self._done = 0
        self._total: int | None = 0

    def counted(self, batches: Iterable[EntryBatch]) -> Iterator[str]:
        """Yield the paths, adding up the sizes."""
        for batch in batches:
            if self._total is not None:
                is_known = not batch.columns["size"].null_count
                self._total = self._total + batch.size if is_known else None
            yield from batch.paths.to_pylist()

    def came(self, count: int) -> None:
        """Count bytes for the progress."""
        with self._lock:
            self._done += count
            if self._progress is not None:
                self._progress(self._done, self._total)

    def add(self, entry: ManifestEntry, size: int, **counts: int) -> None:
        """Count a file that is there now."""
        self.add_all(files=1, bytes=size, unverified=int(entry.checksum is None), **counts)

    def add_all(self, **counts: int) -> None:
        """Add to the counts of the report."""
        with self._lock:
            for name, count in counts.items():
                setattr(self.report, name, getattr(self.report, name) + count)

    def take(self, other: DownloadReport, done: int) -> None:
        """Add what another has counted, and its bytes for the progress."""
        with self._lock:
            for name in _COUNTS:
                setattr(self.report, name, getattr(self.report, name) + getattr(other, name))
            for file in other.missing:
                self._missing.put(file)
        self.came(done)

    @property
    def done(self) -> int:
        """Bytes that came for the progress."""
        return self._done

    def miss(self, entry: ManifestEntry, error: LandfastError) -> None:
        """Note a file that could not be had."""
        with self._lock:
            self._missing.put(
                MissingFile(
                    path=entry.path, uri=entry.uri, reason=type(error).__name__, message=str(error)
                )
            )

    def is_missing(self, path: str) -> bool:
        """Whether a file could not be had."""
        return self._missing.get(path) is not None

    def finished(self) -> DownloadReport:
        """Return the report; nothing may be counted afterwards."""
        missing = self._missing.sorted()
        self.report.missing = missing if isinstance(missing, SpilledRows) else list(missing)
        return self.report
