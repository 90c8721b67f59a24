"""ManifestFile: a manifest read from its Parquet file, row group by row group."""

from __future__ import annotations

import hashlib
import os
import time
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from heapq import merge as merge_sorted
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from landfast.errors import NotFound
from landfast.manifests import schema
from landfast.manifests.base import Manifest
from landfast.manifests.batch import EntryBatch
from landfast.manifests.footer import Footer
from landfast.manifests.parquet import (
    SortedParquet,
    damage_is_conflict,
    damaged,
    prefix_range,
    statistics,
)
from landfast.manifests.rollup import folder_runs
from landfast.manifests.rows import breaks_format, check_columns, check_order, checked
from landfast.manifests.sorted_rows import SortedRows
from landfast.manifests.summary import SummaryBuilder
from landfast.model.folders import FolderCounter, FolderTotal
from landfast.model.manifest import ManifestEntry, ManifestSummary
from landfast.system.stat_cache import is_settled, state_of

if TYPE_CHECKING:
    import pyarrow as pa


class ManifestFile(Manifest):
    """A manifest in a file.

    Opening reads the footer; a prefix or a single path reads the row groups that may hold it; no
    more than one row group is in memory at a time.  Safe for threads; pickles by its path.

    Args:
        path: The file.
        sha256: What its bytes must hash to; None trusts the file, which is then only checked as it
            is read (footer, checksum of each page, count).
        summary: What its footer must say, for a look at a part of a file that is too large to hash for that.

    Raises:
        NotFound: If there is no such file.
        Conflict: If it is damaged, no manifest, or of a newer format than this Landfast reads.
    """

    def __init__(
        self, path: Path, *, sha256: str | None = None, summary: ManifestSummary | None = None
    ) -> None:
        self._path = path
        if sha256 is not None:
            _check_bytes(path, sha256)
        self._entries = SortedParquet(path)
        self._last: tuple[int, list[str], pa.Table] | None = None
        metadata = self._entries.metadata
        footer = Footer(path, metadata.metadata or {})
        self._summary = footer.summary(metadata.num_rows)
        if summary not in {None, self._summary}:
            raise damaged(path, f"expected {summary}")
        check_columns(path, self._entries.columns, schema.entry_schema())
        self._folders = SortedParquet(path, *footer.rollup())

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def summary(self) -> ManifestSummary:
        """Digests, count and bytes, from the footer."""
        return self._summary

    @property
    def bounds(self) -> tuple[bytes, bytes] | None:
        """Bytes that no path is less than, and that none is greater than; None without entries."""
        groups = self._entries.filled
        if not groups:
            return None
        return self._entries.bounds(groups[0])[0], self._entries.bounds(groups[-1])[1]

    def batches(self, prefix: str = "") -> Iterator[EntryBatch]:
        """Yield the entries whose path starts with `prefix` as columns, sorted by path."""
        wanted = prefix.encode(errors="surrogatepass")
        last: list[str] = []
        for group in self._entries.groups(prefix):
            if all(bound.startswith(wanted) for bound in self._entries.bounds(group)):
                table = self._table(group)
                paths = [table["path"][row].as_py() for row in (0, len(table) - 1)]
            else:
                paths, table = self._remembered(group)
                start, end = prefix_range(paths, prefix)
                table = table.slice(start, end - start)
            check_order(self._path, group, last + paths[:1])
            last = paths[-1:]
            yield from map(EntryBatch, table.to_batches())

    def get(self, path: str) -> ManifestEntry:
        """Return the entry at exactly `path`; only the rows of its row group are looked at."""
        group = self._entries.group_of(path)
        if group is None:
            raise no_entry(path)
        paths, table = self._remembered(group)
        row = bisect_left(paths, path)
        if row == len(paths) or paths[row] != path:
            raise no_entry(path)
        if row == 0 and group > 0:
            before = self._entries.ends(group - 1)[1].decode()
            check_order(self._path, group, [before, path])
        (columns,) = table.slice(row, 1).to_batches()
        return next(EntryBatch(columns).rows())

    def neighbours(self, path: str) -> tuple[str | None, str | None]:
        """Return the paths just before and just after a path, from the row groups that can hold them.

        Raises:
            Conflict: As `entries`, for the rows that were looked at.
        """
        group = self._entries.group_of(path)
        if group is None:
            return super().neighbours(path)
        paths, _ = self._remembered(group)
        low, high = bisect_left(paths, path), bisect_right(paths, path)
        filled = self._entries.filled
        at = filled.index(group)
        before = paths[low - 1] if low else None
        after = paths[high] if high < len(paths) else None
        if before is None and at > 0:
            before = self._entries.ends(filled[at - 1])[1].decode()
        if after is None and at + 1 < len(filled):
            after = self._entries.ends(filled[at + 1])[0].decode()
        return before, after

    def folders(self, prefix: str = "", *, depth: int | None = None) -> Iterator[FolderTotal]:
        """Yield the roll-up of the folders whose path starts with `prefix`, sorted by path."""
        levels = self._levels
        wanted = levels if depth is None else levels.keys() & {depth}
        yield from merge_sorted(
            *(self._run(levels[level], prefix) for level in wanted), key=lambda total: total.path
        )

    @property
    def rows(self) -> SortedRows:
        """Its entries by number; each reader takes one of its own."""
        return SortedRows(self._path, self._entries, schema.entry_schema(), self._entries.filled)

    def level(self, depth: int) -> SortedRows:
        """Return the rows of the roll-up whose folders are so deep, by number.

        Raises:
            Conflict: If the roll-up is damaged or breaks the format.
        """
        groups = self._levels.get(depth, [])
        return SortedRows(self._path, self._folders, schema.folder_schema(), groups)

    def check(self) -> None:
        """Count and hash all rows, and compare with what footer and roll-up say; reads the whole file."""
        summary, counter, totals = SummaryBuilder(), FolderCounter(), self._totals_by_depth()
        for batch in self.batches():
            summary.update(batch)
            for run in folder_runs(batch):
                for total in counter.add(*run):
                    self._compare("its roll-up", next(totals[total.depth], None), total)
        for total in counter.finish():
            self._compare("its roll-up", next(totals[total.depth], None), total)
        for left in totals.values():
            self._compare("its roll-up", next(left, None), None)
        self._compare("its footer", self._summary, summary.build())

    def _totals_by_depth(self) -> defaultdict[int, Iterator[FolderTotal]]:
        runs = {level: self._run(groups, "") for level, groups in self._levels.items()}
        return defaultdict(lambda: iter(()), runs)

    def _compare(self, where: str, said: object, counted: object) -> None:
        if said != counted:
            raise breaks_format(self._path, where, f"{counted}, counted from the rows", str(said))

    @cached_property
    def _levels(self) -> dict[int, list[int]]:
        """The row groups of the roll-up by the depth of their folders."""
        check_columns(self._path, self._folders.columns, schema.folder_schema())
        levels: dict[int, list[int]] = {}
        for group in self._folders.filled:
            levels.setdefault(self._depth(group), []).append(group)
        return levels

    def _depth(self, group: int) -> int:
        with damage_is_conflict(self._path):
            said = statistics(self._folders.metadata, group, "depth")
            if said is not None and said.min == said.max:
                return int(said.min)
        return self._only_depth(group, self._folders.read(group, ["depth"]))

    def _only_depth(self, group: int, table: pa.Table) -> int:
        depths = table.column("depth").unique().to_pylist()
        if len(depths) != 1:
            where = f"row group {group} of its roll-up"
            raise breaks_format(self._path, where, "folders of one depth", f"depths {depths}")
        return int(depths[0])

    def _run(self, groups: list[int], prefix: str) -> Iterator[FolderTotal]:
        last: list[str] = []
        for group in self._folders.groups(prefix, groups):
            table = self._checked(self._folders, group, schema.folder_schema())
            self._only_depth(group, table)
            paths: list[str] = table.column("path").to_pylist()
            check_order(self._path, group, last + paths[:1])
            last = paths[-1:]
            start, end = prefix_range(paths, prefix)
            counts, sizes = (table.column(name).to_pylist() for name in ("count", "size"))
            for row in range(start, end):
                yield FolderTotal(path=paths[row], count=counts[row], size=sizes[row])

    def _table(self, group: int) -> pa.Table:
        return self._checked(self._entries, group, schema.entry_schema())

    def _checked(self, parquet: SortedParquet, group: int, form: pa.Schema) -> pa.Table:
        table = parquet.read(group, form.names)
        with damage_is_conflict(self._path):
            return checked(self._path, group, table, form)

    def _remembered(self, group: int) -> tuple[list[str], pa.Table]:
        # Who asks for one path often asks for its neighbour next.
        found = self._last
        if found is None or found[0] != group:
            table = self._table(group)
            found = self._last = (group, table.column("path").to_pylist(), table)
        return found[1], found[2]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_last": None}

    def close(self) -> None:
        """Close the file; it is opened again when it is used again."""
        self._last = None
        self._entries.close()
        self._folders.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
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
