"""ManifestFile: a manifest read from its Parquet file, row group by row group."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from heapq import merge as merge_sorted
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from landfast.errors import Conflict, NotFound
from landfast.manifests import schema
from landfast.manifests.parquet import (
    SortedParquet,
    damage_is_conflict,
    damaged,
    prefix_range,
    text_column,
)
from landfast.model.checksum import Checksum
from landfast.model.folders import FolderTotal
from landfast.model.manifest import Manifest, ManifestEntry, ManifestSummary

if TYPE_CHECKING:
    import pyarrow as pa

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ManifestFile(Manifest):
    """A manifest in a file.

    Opening reads the footer; a prefix or a single path reads the row groups that may hold it; no
    more than one row group is in memory at a time.  Safe for threads; pickles by its path.

    Args:
        path: The file.
        sha256: What its bytes must hash to; None trusts the file, which is then only checked as it
            is read (footer, checksum of each page, count).

    Raises:
        NotFound: If there is no such file.
        Conflict: If it is damaged, no manifest, or of a newer format than this Landfast reads.
    """

    def __init__(self, path: Path, *, sha256: str | None = None) -> None:
        self._path = path
        if sha256 is not None:
            _check_bytes(path, sha256)
        self._entries = SortedParquet(path)
        self._last: tuple[int, list[str], pa.Table] | None = None
        with damage_is_conflict(path):
            footer = self._footer()
            self._summary = _summary(footer)
            if self._summary.count != self._entries.metadata.num_rows:
                raise ValueError("the count in the footer is not that of the rows")
            offset, length = map(int, footer[schema.KEY_FOLDERS].split())
        self._folders = SortedParquet(path, offset, length)

    def _footer(self) -> dict[bytes, str]:
        raw = self._entries.metadata.metadata or {}
        if schema.KEY_FORMAT not in raw:
            raise damaged(self._path, "its footer has no landfast.format")
        footer = {key: value.decode() for key, value in raw.items() if key.startswith(b"landfast.")}
        _check_format(self._path, footer[schema.KEY_FORMAT])
        if missing := [key for key in schema.REQUIRED_KEYS if key not in footer]:
            raise ValueError(f"its footer has no {missing[0].decode()}")
        return footer

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def summary(self) -> ManifestSummary:
        """Digests, count and bytes, from the footer."""
        return self._summary

    def entries(self, prefix: str = "") -> Iterator[ManifestEntry]:
        """Yield the entries whose path starts with `prefix`, sorted by path."""
        for group in self._entries.groups(prefix):
            ends = (self._entries.bound(group, "path", which) for which in ("min", "max"))
            if not prefix or all(end.startswith(prefix) for end in ends):
                yield from self._rows(self._table(group))
            else:
                paths, table = self._remembered(group)
                start, end = prefix_range(paths, prefix)
                yield from self._rows(table.slice(start, end - start))

    def get(self, path: str) -> ManifestEntry:
        """Return the entry at exactly `path`.

        Raises:
            NotFound: If there is none.
        """
        for group in self._entries.groups(path):
            paths, table = self._remembered(group)
            row = bisect_left(paths, path)
            if row < len(paths) and paths[row] == path:
                return next(self._rows(table.slice(row, 1)))
            break
        raise no_entry(path)

    def folders(self, prefix: str = "", *, depth: int | None = None) -> Iterator[FolderTotal]:
        """Yield the roll-up of the folders whose path starts with `prefix`, sorted by path."""
        runs: dict[int, list[int]] = {}
        for group in range(self._folders.metadata.num_row_groups):
            level = int(self._folders.bound(group, "depth", "min"))
            if depth in {None, level}:
                runs.setdefault(level, []).append(group)
        yield from merge_sorted(
            *(self._run(groups, prefix) for groups in runs.values()), key=lambda total: total.path
        )

    def _run(self, groups: list[int], prefix: str) -> Iterator[FolderTotal]:
        for group in self._folders.groups(prefix, groups):
            with damage_is_conflict(self._path):
                table = self._folders.read(group, ["path", "count", "size"])
                paths = text_column(table, "path")
                start, end = prefix_range(paths, prefix)
                counts, sizes = (table.column(name).to_pylist() for name in ("count", "size"))
            for row in range(start, end):
                yield FolderTotal(path=paths[row], count=counts[row], size=sizes[row])

    def _table(self, group: int) -> pa.Table:
        return self._entries.read(group, schema.ENTRY_COLUMNS)

    def _remembered(self, group: int) -> tuple[list[str], pa.Table]:
        # Who asks for one path often asks for its neighbour next.
        found = self._last
        if found is None or found[0] != group:
            table = self._table(group)
            with damage_is_conflict(self._path):
                found = self._last = (group, text_column(table, "path"), table)
        return found[1], found[2]

    def _rows(self, table: pa.Table) -> Iterator[ManifestEntry]:
        with damage_is_conflict(self._path):
            columns = _columns(table)
        yield from map(_entry, *columns)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_last": None}

    def close(self) -> None:
        """Close the file; it is opened again when it is used again."""
        self._last = None
        self._entries.close()
        self._folders.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"ManifestFile({str(self._path)!r})"


def no_entry(path: str) -> NotFound:
    """Build the error for a path that a manifest does not have."""
    return NotFound(
        f"the manifest has no entry {path!r}",
        subject=path,
        hint="List what there is with `landfast ls`.",
    )


def _columns(table: pa.Table) -> list[list[Any]]:
    import pyarrow as pa

    text_column(table, "path"), text_column(table, "uri")
    columns = []
    for name in schema.ENTRY_COLUMNS:
        column = table.column(name)
        # A datetime costs ten times as much to make through Arrow as from its microseconds.
        columns.append((column.cast(pa.int64()) if name == "modified_at" else column).to_pylist())
    return columns


def _entry(
    path: str,
    size: int | None,
    algorithm: str | None,
    token: str | None,
    uri: str,
    version_id: str | None,
    etag: str | None,
    etag_is_checksum: bool,
    modified_us: int | None,
) -> ManifestEntry:
    return ManifestEntry(
        path=path,
        size=size,
        checksum=None if algorithm is None or token is None else Checksum(algorithm, token),
        uri=uri,
        version_id=version_id,
        etag=token if etag_is_checksum else etag,
        modified_at=None if modified_us is None else _EPOCH + timedelta(microseconds=modified_us),
    )


def _summary(footer: dict[bytes, str]) -> ManifestSummary:
    return ManifestSummary(
        digest=footer[schema.KEY_CONTENT_DIGEST],
        pin_digest=footer[schema.KEY_PIN_DIGEST],
        count=int(footer[schema.KEY_COUNT]),
        size=int(footer[schema.KEY_SIZE]),
        unverified=int(footer[schema.KEY_UNVERIFIED]),
        unpinned=int(footer[schema.KEY_UNPINNED]),
    )


def _check_format(path: Path, text: str) -> None:
    major = int(text.partition(".")[0])
    if major != schema.FORMAT_MAJOR:
        raise Conflict(
            f"the manifest file {path.name} has a format that this Landfast does not read",
            subject=str(path),
            expected=f"format {schema.FORMAT_MAJOR}",
            found=f"format {text}",
            hint="Upgrade it: pip install --upgrade landfast",
        )


def _check_bytes(path: Path, sha256: str) -> None:
    with damage_is_conflict(path):
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
        if actual != sha256:
            raise damaged(path, f"expected {sha256}")
