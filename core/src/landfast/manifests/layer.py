"""Layer: the tables of one manifest file as they stand, of a full file or of a delta on it."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landfast.manifests import schema
from landfast.manifests.footer import Footer
from landfast.manifests.parquet import (
    SortedParquet,
    blob_name,
    damage_is_conflict,
    damaged,
    prefix_range,
    statistics,
)
from landfast.manifests.rows import breaks_format, check_columns, check_order, checked
from landfast.manifests.sorted_rows import SortedRows
from landfast.model.manifest import ManifestSummary
from landfast.system.stat_cache import is_settled, state_of

if TYPE_CHECKING:
    import pyarrow as pa


class Layer:
    """One file of a manifest; safe for threads, pickles by its path.

    Args:
        path: The file.
        sha256: What its bytes must hash to; None trusts the file, which is then only checked as it is read.
        summary: What its footer must say.

    Raises:
        NotFound: If there is no such file.
        Conflict: If it is damaged, no manifest, or of a newer format than this Landfast reads.
    """

    def __init__(
        self, path: Path, *, sha256: str | None = None, summary: ManifestSummary | None = None
    ) -> None:
        self.path = path
        if sha256 is not None:
            _check_bytes(path, sha256)
        self.entries = SortedParquet(path)
        metadata = self.entries.metadata
        footer = Footer(path, metadata.metadata or {})
        self.base = footer.base
        self.summary = footer.summary(metadata.num_rows)
        if summary not in {None, self.summary}:
            raise damaged(path, f"expected {summary}")
        check_columns(path, self.entries.columns, self.form)
        self.folders = SortedParquet(path, *footer.rollup())
        self._last: tuple[int, list[str], pa.Table] | None = None

    @property
    def name(self) -> str:
        """The sha256 that the file is named by; ``""`` if its name is none."""
        return blob_name(self.path) or ""

    @property
    def form(self) -> pa.Schema:
        """The columns of its entries."""
        return schema.change_schema() if self.base else schema.entry_schema()

    @property
    def folder_form(self) -> pa.Schema:
        """The columns of its roll-up."""
        return schema.folder_change_schema() if self.base else schema.folder_schema()

    def __len__(self) -> int:
        return int(self.entries.metadata.num_rows)

    def batches(self, prefix: str = "") -> Iterator[pa.RecordBatch]:
        """Yield the rows whose path starts with `prefix`, sorted by path."""
        return self._batches(self.entries, self.entries.filled, self.form, prefix)

    def folder_batches(self, depth: int, prefix: str = "") -> Iterator[pa.RecordBatch]:
        """Yield the roll-up of the folders of a depth whose path starts with `prefix`, sorted by path."""
        groups = self.levels.get(depth, [])
        return self._batches(self.folders, groups, self.folder_form, prefix)

    def _batches(
        self, parquet: SortedParquet, groups: Sequence[int], form: pa.Schema, prefix: str
    ) -> Iterator[pa.RecordBatch]:
        wanted = prefix.encode(errors="surrogatepass")
        last: list[str] = []
        for group in parquet.groups(prefix, groups):
            if parquet is self.folders:
                table = self._checked(parquet, group, form)
                self._only_depth(group, table)
                start, end = prefix_range(table["path"].to_pylist(), prefix)
            elif all(bound.startswith(wanted) for bound in parquet.bounds(group)):
                table = self._checked(parquet, group, form)
                start, end = 0, len(table)
            else:
                paths, table = self.remembered(group)
                start, end = prefix_range(paths, prefix)
            table = table.slice(start, end - start)
            check_order(self.path, group, last + table["path"].slice(0, 1).to_pylist())
            last = table["path"].slice(len(table) - 1).to_pylist() if len(table) else last
            yield from table.to_batches()

    @property
    def rows(self) -> SortedRows:
        """Its rows by number; each reader takes one of its own."""
        return SortedRows(self.path, self.entries, self.form, self.entries.filled)

    def level(self, depth: int) -> SortedRows:
        """Return the rows of the roll-up whose folders are so deep, by number."""
        return SortedRows(self.path, self.folders, self.folder_form, self.levels.get(depth, []))

    @cached_property
    def levels(self) -> dict[int, list[int]]:
        """The row groups of the roll-up by the depth of their folders."""
        check_columns(self.path, self.folders.columns, self.folder_form)
        levels: dict[int, list[int]] = {}
        for group in self.folders.filled:
            levels.setdefault(self._depth(group), []).append(group)
        return levels

    def remembered(self, group: int) -> tuple[list[str], pa.Table]:
        """Return paths and rows of a row group: who asks for one path often asks for its neighbour next."""
        found = self._last
        if found is None or found[0] != group:
            table = self._checked(self.entries, group, self.form)
            found = self._last = (group, table.column("path").to_pylist(), table)
        return found[1], found[2]

    def _depth(self, group: int) -> int:
        with damage_is_conflict(self.path):
            said = statistics(self.folders.metadata, group, "depth")
            if said is not None and said.min == said.max:
                return int(said.min)
        return self._only_depth(group, self.folders.read(group, ["depth"]))

    def _only_depth(self, group: int, table: pa.Table) -> int:
        depths = table.column("depth").unique().to_pylist()
        if len(depths) != 1:
            where = f"row group {group} of its roll-up"
            raise breaks_format(self.path, where, "folders of one depth", f"depths {depths}")
        return int(depths[0])

    def _checked(self, parquet: SortedParquet, group: int, form: pa.Schema) -> pa.Table:
        table = parquet.read(group, form.names)
        with damage_is_conflict(self.path):
            return checked(self.path, group, table, form)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_last": None}

    def close(self) -> None:
        """Close the file; it is opened again when it is used again."""
        self._last = None
        self.entries.close()
        self.folders.close()


# Whole files by path, state and sha256, in the order in which they were hashed.
_whole: dict[tuple[Path, str, str], None] = {}
_REMEMBERED = 1000


def _check_bytes(path: Path, sha256: str) -> None:
    """Hash a file, unless this process has found it whole and it has not changed since."""
    with damage_is_conflict(path), path.open("rb") as file:
        now, status = time.time_ns(), os.fstat(file.fileno())
        seen = (path, state_of(status), sha256)
        if seen in _whole:
            return
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise damaged(path, f"expected {sha256}")
        if is_settled(status, now):
            _whole[seen] = None
        for oldest in list(_whole)[:-_REMEMBERED]:
            _whole.pop(oldest, None)
