"""ManifestFile: a manifest read from its Parquet file, row group by row group."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from heapq import merge as merge_sorted
from pathlib import Path
from typing import TYPE_CHECKING, Self

from landfast.errors import NotFound
from landfast.manifests import schema
from landfast.manifests.base import Manifest
from landfast.manifests.batch import EntryBatch, joined
from landfast.manifests.chains.applied import applied
from landfast.manifests.chains.kinds import check_changes
from landfast.manifests.chains.layered_rows import Changes, LayeredRows
from landfast.manifests.layer import Layer
from landfast.manifests.rollup import folder_runs
from landfast.manifests.rows import breaks_format, check_order
from landfast.manifests.sorted_rows import NumberedRows, SortedRows
from landfast.manifests.summary import SummaryBuilder
from landfast.model.folders import FolderCounter, FolderTotal
from landfast.model.manifest import ManifestEntry, ManifestSummary

if TYPE_CHECKING:
    import pyarrow as pa


class ManifestFile(Manifest):
    """A manifest in a file, or in the full file and the deltas that a delta stands on.

    Opening reads the footers; a prefix or a single path reads the row groups that may hold it; no
    more than one row group of each file is in memory at a time.  Safe for threads; pickles by its paths.

    Args:
        path: The file.
        sha256: What its bytes must hash to; None trusts the file, which is then only checked as it
            is read (footer, checksum of each page, count).
        summary: What its footer must say, for a look at a part of a file that is too large to hash for that.
        find: Returns the file with this sha256, for what a delta stands on; None looks beside the file.

    Raises:
        NotFound: If there is no such file, or one that it stands on is missing.
        Conflict: If one is damaged, no manifest, or of a newer format than this Landfast reads.
    """

    def __init__(
        self,
        path: Path,
        *,
        sha256: str | None = None,
        summary: ManifestSummary | None = None,
        find: Callable[[str], Path] | None = None,
    ) -> None:
        top = Layer(path, sha256=sha256, summary=summary)
        beside = find or (lambda base: path.with_name(base + path.suffix))
        found = zip(top.base, _all_of(beside, top.base), strict=True)
        below = [Layer(file, sha256=sha256 and base) for base, file in found]
        for place, layer in enumerate(below):
            if layer.base != top.base[:place]:
                expected = f"the base {' '.join(top.base[:place]) or 'of none'}"
                raise breaks_format(layer.path, "its footer", expected, " ".join(layer.base))
        self._layers = [*below, top]

    @property
    def path(self) -> Path:
        """The file; of a chain the newest."""
        return self._top.path

    @property
    def chain(self) -> tuple[str, ...]:
        """The sha256 of all files that make it: the full one, then the deltas, oldest first."""
        return (*self._top.base, self._top.name)

    def below(self, deltas: int) -> ManifestFile:
        """Return the manifest that the full file makes with the first `deltas` on it."""
        made = ManifestFile.__new__(type(self))
        made._layers = self._layers[: 1 + deltas]
        return made

    @property
    def layers(self) -> Sequence[Layer]:
        """Those files."""
        return self._layers

    @property
    def summary(self) -> ManifestSummary:
        """Digests, count and bytes, from the footer."""
        return self._top.summary

    @property
    def bounds(self) -> tuple[bytes, bytes] | None:
        """The least and the greatest path, or bounds around them, as UTF-8 bytes; None without entries."""
        filled = [layer.entries for layer in self._layers if layer.entries.filled]
        if not filled or not len(self):
            return None
        return (
            min(entries.bounds(entries.filled[0])[0] for entries in filled),
            max(entries.bounds(entries.filled[-1])[1] for entries in filled),
        )

    def batches(self, prefix: str = "") -> Iterator[EntryBatch]:
        """Yield the entries whose path starts with `prefix` as columns, sorted by path."""
        full, *deltas = (layer.batches(prefix) for layer in self._layers)
        if deltas:
            start = self._full.rows.place(prefix) if prefix else 0
            full = applied(full, deltas, self.path, schema.entry_schema(), start)
        return map(EntryBatch, full)

    def get(self, path: str) -> ManifestEntry:
        """Return the entry at exactly `path`; only the rows of its row group are looked at."""
        for delta in reversed(self._layers[1:]):
            rows = delta.rows
            row = rows.place(path)
            if row < len(rows) and rows.path(row) == path:
                (columns,) = rows.take([row]).to_batches()
                if columns["change"][0].as_py() == schema.REMOVED:
                    raise no_entry(path)
                return next(EntryBatch(columns.select(schema.entry_schema().names)).rows())
        return self._get_of_full(path)

    def _get_of_full(self, path: str) -> ManifestEntry:
        full = self._full
        group = full.entries.group_of(path)
        if group is None:
            raise no_entry(path)
        paths, table = full.remembered(group)
        row = bisect_left(paths, path)
        if row == len(paths) or paths[row] != path:
            raise no_entry(path)
        if row == 0 and group > 0:
            before = full.entries.ends(group - 1)[1].decode()
            check_order(full.path, group, [before, path])
        (columns,) = table.slice(row, 1).to_batches()
        return next(EntryBatch(columns).rows())

    def neighbours(self, path: str) -> tuple[str | None, str | None]:
        """Return the paths just before and just after a path, from the row groups that can hold them.

        Raises:
            Conflict: As `entries`, for the rows that were looked at.
        """
        rows = self.rows
        row = rows.place(path)
        before = rows.path(row - 1) if row else None
        if row < len(rows) and rows.path(row) == path:
            row += 1
        return before, rows.path(row) if row < len(rows) else None

    def folders(self, prefix: str = "", *, depth: int | None = None) -> Iterator[FolderTotal]:
        """Yield the roll-up of the folders whose path starts with `prefix`, sorted by path."""
        levels = self._depths
        wanted = levels if depth is None else levels & {depth}
        yield from merge_sorted(
            *(self._totals(level, prefix) for level in sorted(wanted)), key=lambda total: total.path
        )

    @property
    def rows(self) -> NumberedRows:
        """Its entries by number; each reader takes one of its own."""
        full, *deltas = (layer.rows for layer in self._layers)
        return self._layered(full, deltas, None, schema.entry_schema())

    def take(self, numbers: Sequence[int]) -> EntryBatch:
        """Return the entries of these numbers; of large columns only the pages that hold them are read."""
        return joined([EntryBatch(part) for part in self.rows.take(numbers).to_batches()])

    @property
    def changes(self) -> Changes:
        """What its deltas change in the entries of the full file, each path once."""
        if None not in self._changes:
            self._changes[None] = Changes([layer.rows for layer in self._layers[1:]])
        return self._changes[None]

    def level(self, depth: int) -> NumberedRows:
        """Return the rows of the roll-up whose folders are so deep, by number.

        Raises:
            Conflict: If the roll-up is damaged or breaks the format.
        """
        full, *deltas = (layer.level(depth) for layer in self._layers)
        return self._layered(full, deltas, depth, schema.folder_schema())

    def _layered(
        self, full: SortedRows, deltas: Sequence[SortedRows], depth: int | None, form: pa.Schema
    ) -> NumberedRows:
        if not deltas:
            return full
        if depth not in self._changes:
            self._changes[depth] = Changes(deltas)
        found = LayeredRows(full, deltas, self._changes[depth], form)
        if depth is None and len(found) != len(self):
            said = f"{schema.KEY_COUNT.decode()}={len(self)}"
            raise breaks_format(self.path, "its footer", f"{len(found)} rows of the chain", said)
        return found

    @cached_property
    def _changes(self) -> dict[int | None, Changes]:
        """What the deltas change: in the entries (None), or in the folders of a depth."""
        return {}

    def check(self) -> None:
        """Compute anew what footer, roll-up and deltas say, and compare; reads all files.

        Raises:
            Conflict: If anything differs.
        """
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
        self._compare("its footer", self.summary, summary.build())
        for deltas, layer in enumerate(self._layers[1:]):
            below = self.below(deltas)
            check_changes(layer, below.rows, below.changes)

    def _totals_by_depth(self) -> defaultdict[int, Iterator[FolderTotal]]:
        runs = {depth: self._totals(depth, "") for depth in self._depths}
        return defaultdict(lambda: iter(()), runs)

    def _compare(self, where: str, said: object, counted: object) -> None:
        if said != counted:
            raise breaks_format(self.path, where, f"{counted}, counted from the rows", str(said))

    @property
    def _depths(self) -> set[int]:
        return {depth for layer in self._layers for depth in layer.levels}

    def _totals(self, depth: int, prefix: str) -> Iterator[FolderTotal]:
        full, *deltas = (layer.folder_batches(depth, prefix) for layer in self._layers)
        if deltas:
            start = self._full.level(depth).place(prefix) if prefix else 0
            full = applied(full, deltas, self.path, schema.folder_schema(), start)
        for batch in full:
            columns = (batch[name].to_pylist() for name in ("path", "count", "size"))
            for path, count, size in zip(*columns, strict=True):
                yield FolderTotal(path=path, count=count, size=size)

    @property
    def _full(self) -> Layer:
        return self._layers[0]

    @property
    def _top(self) -> Layer:
        return self._layers[-1]

    def close(self) -> None:
        """Close the files; they are opened again when it is used again."""
        for layer in self._layers:
            layer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"ManifestFile({str(self.path)!r})"


def _all_of(find: Callable[[str], Path], names: Sequence[str]) -> list[Path]:
    """Find files at once: each may have to be fetched."""
    if len(names) < 2:
        return [find(name) for name in names]
    with ThreadPoolExecutor(len(names), thread_name_prefix="landfast-chain") as pool:
        return list(pool.map(find, names))


def no_entry(path: str) -> NotFound:
    """Build the error for a path that a manifest does not have."""
    return NotFound(
        f"the manifest has no entry {path!r}",
        subject=path,
        hint="List what there is with `landfast ls`.",
    )
