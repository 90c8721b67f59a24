"""DiffIndex: the differences between two manifest files as a sorted table of row numbers, looked into by page.

`diff` returns every difference as an object, for programs that go through them.  Who looks at a folder of them
needs counts, and fifty rows: so only path, kind, sizes and row numbers are kept, as columns, and entries are
read again where they are shown.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from landfast.manifests.batch import EntryBatch, differ
from landfast.manifests.masks import null_where
from landfast.manifests.merge import side_by_side
from landfast.manifests.reader import ManifestFile
from landfast.model.checksum import CONTENT_TOKENS
from landfast.model.diff import DiffKind, DiffRow
from landfast.model.manifest import ManifestEntry
from landfast.query.diff import pair_by_name

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = tuple(DiffKind)
_ADDED, _REMOVED = KINDS.index(DiffKind.ADDED), KINDS.index(DiffKind.REMOVED)
_RENAMED = KINDS.index(DiffKind.RENAMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffTotal:
    """How many differences there are in a folder, and of how many bytes.

    Args:
        path: The folder with its final slash; ``""`` is the whole.
        counts: By kind; kinds without any are left out.
        sizes: Bytes by kind, as `DiffRow.size` counts them.
    """

    path: str
    counts: dict[str, int]
    sizes: dict[str, int]

    @property
    def count(self) -> int:
        """Differences of all kinds."""
        return sum(self.counts.values())


class DiffIndex:
    """The differences between two manifest files, sorted by path; safe for threads.

    Memory grows by some hundred bytes a difference, and not with the number of entries; both files are read
    once, and not at all where digests are equal.  A renamed file stands at its new path.

    Args:
        old: Seen as the state before.
        new: Seen as the state after.
    """

    def __init__(self, old: ManifestFile, new: ManifestFile) -> None:
        self._old = old
        self._new = new
        self.unchanged = self.unchanged_size = 0
        if (old.digest, old.pin_digest) == (new.digest, new.pin_digest):
            self.unchanged, self.unchanged_size = len(new), new.size
            self._table = _table([]).drop_columns("content")
        else:
            self._table = _with_renames(_table(list(self._parts())))

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def total(self, folder: str = "") -> DiffTotal:
        """Count the differences in a folder and below; ``""`` is the whole."""
        (found,) = _totals(self._in(folder, ""), [folder]) or [
            DiffTotal(path=folder, counts={}, sizes={})
        ]
        return found

    def subfolders(self, folder: str, kind: str = "") -> list[DiffTotal]:
        """Count the differences in each folder directly in a folder, sorted by path.

        Args:
            folder: With its final slash; ``""`` is the top.
            kind: Only differences of this kind; ``""`` is all.
        """
        import pyarrow.compute as pc

        found = self._in(folder, kind)
        inside = found.filter(pc.invert(_is_direct(found, folder)))
        names = pc.list_element(_split(inside, folder), 0)
        return _totals(inside.append_column("folder", names), None, folder)

    def count(self, folder: str, kind: str = "", *, below: bool = False) -> int:
        """Count the differences that `rows` has."""
        return int(self._rows(folder, kind, below=below).num_rows)

    def rows(
        self, folder: str, start: int, stop: int, kind: str = "", *, below: bool = False
    ) -> list[DiffRow]:
        """Return some of the differences directly in a folder, sorted by path.

        Args:
            folder: With its final slash; ``""`` is the top.
            start: Of the first.
            stop: Behind the last.
            kind: Only those of this kind; ``""`` is all.
            below: Those in folders of it too.
        """
        return self._shown(self._rows(folder, kind, below=below).slice(start, max(0, stop - start)))

    def at(self, path: str) -> DiffRow | None:
        """Return the difference at a path; None if there is none."""
        start, _ = _range(self._table["path"], path)
        found = self._shown(self._table.slice(start, 1))
        return found[0] if found and found[0].path == path else None

    def _rows(self, folder: str, kind: str, *, below: bool) -> pa.Table:
        found = self._in(folder, kind)
        return found if below else found.filter(_is_direct(found, folder))

    def _in(self, folder: str, kind: str) -> pa.Table:
        import pyarrow.compute as pc

        start, stop = _range(self._table["path"], folder)
        found = self._table.slice(start, stop - start)
        return found.filter(pc.equal(found["kind"], KINDS.index(DiffKind(kind)))) if kind else found

    def _shown(self, table: pa.Table) -> list[DiffRow]:
        before = _entries(self._old, table["old_row"].to_pylist())
        after = _entries(self._new, table["new_row"].to_pylist())
        kinds = (KINDS[kind] for kind in table["kind"].to_pylist())
        return [
            DiffRow(kind=kind, old=old, new=new)
            for kind, old, new in zip(kinds, before, after, strict=True)
        ]

    def _parts(self) -> Iterator[pa.Table]:
        """Compare both as streams, and yield what differs, sorted by path."""
        import pyarrow as pa
        import pyarrow.compute as pc

        old_at = new_at = 0
        for before, after in side_by_side([self._old.batches(), self._new.batches()]):
            gone, came, kept, there = _places(before, after)
            one, other = _taken(before, kept), _taken(after, there)
            is_modified = differ(one.identity, other.identity)
            is_repinned = pc.and_not(differ(one.pins, other.pins), is_modified)
            is_same = pc.invert(pc.or_(is_modified, is_repinned))
            same = other if is_same.true_count == len(other) else other.where(is_same)
            self.unchanged += len(same)
            self.unchanged_size += same.size
            found = [
                _part(DiffKind.REMOVED, (before, gone, old_at), None),
                _part(DiffKind.ADDED, None, (after, came, new_at)),
            ]
            for kind, mask in ((DiffKind.MODIFIED, is_modified), (DiffKind.REPINNED, is_repinned)):
                if mask.true_count:
                    olds, news = _numbers(kept, len(before)), _numbers(there, len(after))
                    found.append(
                        _part(
                            kind,
                            (before, olds.filter(mask), old_at),
                            (after, news.filter(mask), new_at),
                        )
                    )
            table = pa.concat_tables(found)
            if len(table):
                yield table.take(pc.sort_indices(table, sort_keys=[("path", "ascending")]))
            old_at, new_at = old_at + len(before), new_at + len(after)


_Side = tuple[EntryBatch, "pa.Array", int]


def _form() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        {
            # Of all differences together: there may be more than 2 GiB of it.
            "path": pa.large_string(),
            "kind": pa.int8(),
            "old_row": pa.int64(),
            "new_row": pa.int64(),
            "size": pa.int64(),
            # Of what was removed or added; only until renames are known.
            "content": pa.large_string(),
        }
    )


def _table(parts: Sequence[pa.Table]) -> pa.Table:
    import pyarrow as pa

    return pa.concat_tables(parts).combine_chunks() if parts else _form().empty_table()


def _part(kind: DiffKind, old: _Side | None, new: _Side | None) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    side = new or old
    assert side is not None
    shown, rows, _ = side
    taken = shown.take(rows)
    count = len(rows)

    def numbers(of: _Side | None) -> pa.Array:
        return pa.nulls(count, pa.int64()) if of is None else pc.add(of[1].cast(pa.int64()), of[2])

    columns = [
        taken.paths.cast(pa.large_string()),
        pa.repeat(pa.scalar(KINDS.index(kind), pa.int8()), count),
        numbers(old),
        numbers(new),
        pc.fill_null(taken.columns["size"], 0),
        _content(taken) if old is None or new is None else pa.nulls(count, pa.large_string()),
    ]
    return pa.Table.from_arrays(columns, schema=_form())


def _content(rows: EntryBatch) -> pa.Array:
    """Tell what each row is of, as text; null where no token says it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    label, value, size = (rows.columns[n] for n in ("checksum_algorithm", "checksum", "size"))
    text = pc.binary_join_element_wise(label, value, size.cast(pa.string()), " ")
    speaks_for_itself = pc.is_in(label, value_set=pa.array(sorted(CONTENT_TOKENS)))
    return null_where(pc.invert(speaks_for_itself), text).cast(pa.large_string())


def _places(
    before: EntryBatch, after: EntryBatch
) -> tuple[pa.Array, pa.Array, pa.Array | None, pa.Array | None]:
    """Return the rows that only `before` has, that only `after` has, and of paths in both; None is all rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if before.paths.equals(after.paths):
        nothing = pa.array([], pa.uint64())
        return nothing, nothing, None, None
    places = pc.index_in(before.paths, value_set=after.paths)
    is_new = pc.invert(pc.is_in(after.paths, value_set=before.paths))
    is_kept = pc.is_valid(places)
    return (
        pc.indices_nonzero(pc.invert(is_kept)),
        pc.indices_nonzero(is_new),
        pc.indices_nonzero(is_kept),
        places.drop_null(),
    )


def _taken(batch: EntryBatch, rows: pa.Array | None) -> EntryBatch:
    return batch if rows is None else batch.take(rows)


def _numbers(rows: pa.Array | None, count: int) -> pa.Array:
    import pyarrow as pa

    return pa.array(range(count), pa.int64()) if rows is None else rows


# -- renames ---------------------------------------------------------------------------------------


def _with_renames(table: pa.Table) -> pa.Table:
    """Make one difference of a removed and an added file of equal content; each takes part once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    went, came = _contents(table, _REMOVED), _contents(table, _ADDED)
    table = table.drop_columns("content")
    # Content that is on one side alone is nobody's new name.
    went = went.filter(pc.is_in(went["content"], value_set=came["content"].combine_chunks()))
    came = came.filter(pc.is_in(came["content"], value_set=went["content"].combine_chunks()))
    if not len(came):
        return table
    pairs = list(_pairs(went, came))
    at, rows = (
        pa.array(column, pa.int64()) for column in zip(*((b, a) for a, b in pairs), strict=True)
    )
    gone = pa.array([place for place, _ in pairs], pa.int64())
    everything = pa.array(range(len(table)), pa.int64())
    taken = pc.index_in(everything, value_set=at)
    is_renamed = pc.is_valid(taken)
    old_rows = table["old_row"].combine_chunks().take(rows.take(taken))
    columns = {
        "path": table["path"],
        "kind": pc.if_else(is_renamed, pa.scalar(_RENAMED, pa.int8()), table["kind"]),
        "old_row": pc.if_else(is_renamed, old_rows, table["old_row"]),
        "new_row": table["new_row"],
        "size": table["size"],
    }
    is_left = pc.invert(pc.is_in(everything, value_set=gone))
    return pa.table(columns, schema=table.schema).filter(is_left).combine_chunks()


def _contents(table: pa.Table, kind: int) -> pa.Table:
    """Return place in the table, path and content of the differences of a kind, where content is a token."""
    import pyarrow.compute as pc

    is_wanted = pc.and_(pc.equal(table["kind"], kind), pc.is_valid(table["content"]))
    places = pc.indices_nonzero(is_wanted).cast("int64")
    return table.take(places).select(["content", "path"]).append_column("place", places)


def _pairs(went: pa.Table, came: pa.Table) -> Iterator[tuple[int, int]]:
    """Yield places of a removed and an added file that are one."""
    olds: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for content, path, place in zip(*_columns(went), strict=True):
        olds[content].append((path, place))
    news: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for content, path, place in zip(*_columns(came), strict=True):
        news[content].append((path, place))
    for content, found in news.items():
        for (_, old), (_, new) in pair_by_name(olds[content], found, path=lambda each: each[0]):
            yield old, new


def _columns(table: pa.Table) -> list[list[Any]]:
    return [table[name].to_pylist() for name in ("content", "path", "place")]


# -- looking into it -------------------------------------------------------------------------------


def _entries(manifest: ManifestFile, rows: Sequence[int | None]) -> list[ManifestEntry | None]:
    wanted = sorted({row for row in rows if row is not None})
    batches = manifest.rows.take(wanted).combine_chunks().to_batches()
    found = dict(
        zip(wanted, (entry for batch in batches for entry in EntryBatch(batch).rows()), strict=True)
    )
    return [None if row is None else found[row] for row in rows]


def _range(paths: pa.ChunkedArray, prefix: str) -> tuple[int, int]:
    """Return the range of sorted paths that start with a prefix."""
    if not prefix:
        return 0, len(paths)
    start = bisect_left(paths, prefix, key=lambda path: path.as_py())
    stop = bisect_left(paths, True, lo=start, key=lambda path: not path.as_py().startswith(prefix))
    return start, stop


def _split(table: pa.Table, folder: str) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    inside = pc.utf8_slice_codeunits(table["path"], len(folder))
    return pc.split_pattern(inside, "/", max_splits=1)


def _is_direct(table: pa.Table, folder: str) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    return pc.equal(pc.list_value_length(_split(table, folder)), 1)


def _totals(table: pa.Table, folders: Sequence[str] | None, parent: str = "") -> list[DiffTotal]:
    """Count differences by kind: all together, or by the column `folder`."""
    keys = ["kind"] if folders is not None else ["folder", "kind"]
    grouped = table.group_by(keys).aggregate([("size", "sum"), ("size", "count")])
    found: dict[str, DiffTotal] = {}
    for row in grouped.to_pylist():
        path = folders[0] if folders is not None else f"{parent}{row['folder']}/"
        total = found.setdefault(path, DiffTotal(path=path, counts={}, sizes={}))
        kind = str(KINDS[row["kind"]])
        total.counts[kind], total.sizes[kind] = row["size_count"], row["size_sum"]
    return [found[path] for path in sorted(found)]
