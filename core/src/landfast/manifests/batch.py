"""EntryBatch: rows of a manifest as columns, which is how they travel inside Landfast."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from landfast.errors import InvalidInput
from landfast.manifests import schema
from landfast.manifests.masks import null_where
from landfast.model.blob_uri import SCHEME
from landfast.model.checksum import CONTENT_TOKENS, Checksum
from landfast.model.manifest import ManifestEntry

if TYPE_CHECKING:
    import pyarrow as pa

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Rows turned into columns at once: enough that a batch costs little, few enough to hold them as objects.
_ROWS = 2048


@dataclass(frozen=True, slots=True)
class EntryBatch:
    """Some rows of a manifest, in the order in which they came.

    Args:
        columns: In the form of `schema.entry_schema`: `etag` is null and `etag_is_checksum` true
            where the ETag repeats the checksum.

    Example:
        >>> entry = ManifestEntry(path="a", size=1, checksum=None, uri="file:///d/a")
        >>> batch = EntryBatch.from_rows([entry])
        >>> len(batch), [row.path for row in batch.rows()]
        (1, ['a'])
    """

    columns: pa.RecordBatch

    def __post_init__(self) -> None:
        form = schema.entry_schema()
        if not self.columns.schema.equals(form):
            # Text of 64-bit offsets, say: who hashes the buffers has to know what lies in them.
            object.__setattr__(self, "columns", self.columns.cast(form))

    @classmethod
    def from_rows(cls, entries: Iterable[ManifestEntry]) -> EntryBatch:
        """Turn entries into columns; all are in memory at once, `in_batches` cuts a long stream.

        Raises:
            InvalidInput: If one has text that is not UTF-8, a size beyond 2**63 - 1 bytes or a time
                without zone.
        """
        import pyarrow as pa

        rows = list(entries)
        form = schema.entry_schema()
        try:
            arrays = [
                pa.array(values, field.type)
                for values, field in zip(_by_column(rows), form, strict=True)
            ]
        except UnicodeEncodeError:
            raise _not_utf8(rows) from None
        except (OverflowError, pa.ArrowInvalid):
            huge = next((row for row in rows if row.size is not None and row.size >= 2**63), None)
            if huge is None:
                raise
            raise bad_size(huge.path, huge.size) from None
        return cls(pa.RecordBatch.from_arrays(arrays, schema=form))

    def rows(self) -> Iterator[ManifestEntry]:
        """Yield the rows as entries."""
        import pyarrow as pa

        # A datetime costs ten times as much to make through Arrow as from its microseconds.
        values = [
            (column.cast(pa.int64()) if name == "modified_at" else column).to_pylist()
            for name, column in zip(self.columns.schema.names, self.columns.columns, strict=True)
        ]
        return map(_entry, *values)

    def slice(self, start: int, stop: int) -> EntryBatch:
        """Return the rows from `start` to before `stop`, without a copy."""
        return EntryBatch(self.columns.slice(start, max(0, stop - start)))

    def where(self, mask: pa.Array | Sequence[bool]) -> EntryBatch:
        """Return the rows for which `mask` is true."""
        import pyarrow as pa

        return EntryBatch(self.columns.filter(pa.array(mask, pa.bool_())))

    def take(self, rows: pa.Array) -> EntryBatch:
        """Return the rows of these numbers, in their order."""
        return EntryBatch(self.columns.take(rows))

    def __len__(self) -> int:
        return int(self.columns.num_rows)

    @property
    def paths(self) -> pa.Array:
        """The column of paths."""
        return self.columns["path"]

    @property
    def size(self) -> int:
        """The bytes of all rows, those of unknown size counted as 0."""
        import pyarrow.compute as pc

        # In halves: Arrow's own sum would wrap around.
        sizes = self.columns["size"]
        high = pc.sum(pc.shift_right(sizes, 32)).as_py() or 0
        low = pc.sum(pc.bit_wise_and(sizes, 0xFFFFFFFF)).as_py() or 0
        return int(high << 32) + int(low)

    @property
    def identity(self) -> list[pa.Array]:
        """What the content digest sees, as columns: of each row its `ManifestEntry.identity`."""
        import pyarrow as pa
        import pyarrow.compute as pc

        label, value, uri = (self.columns[n] for n in ("checksum_algorithm", "checksum", "uri"))
        speaks_for_itself = pc.is_in(label, value_set=pa.array(sorted(CONTENT_TOKENS)))
        own_uri = null_where(speaks_for_itself, uri)
        return [self.paths, self.columns["size"], label, value, own_uri, self._own_pins()]

    @property
    def pins(self) -> list[pa.Array]:
        """What the pin digest sees beside the path, as columns: of each row its `ManifestEntry.pins`."""
        return [self.columns["uri"], self._versions(), self.etags]

    @property
    def etags(self) -> pa.Array:
        """The ETag of each row, also where the checksum repeats it."""
        import pyarrow.compute as pc

        value, etag, repeats = (self.columns[n] for n in ("checksum", "etag", "etag_is_checksum"))
        return pc.if_else(repeats, value, etag)

    @property
    def is_pinned(self) -> pa.Array:
        """Of each row its `ManifestEntry.is_pinned`."""
        import pyarrow.compute as pc

        has_version = pc.is_valid(self._versions())
        if has_version.true_count == len(self):
            return has_version
        return pc.or_(has_version, pc.starts_with(self.columns["uri"], pattern=SCHEME))

    def below(self, folder: str) -> EntryBatch:
        """Return those rows that lie below `folder`, which starts every path, without it in their paths."""
        import pyarrow.compute as pc

        inside = self.where(pc.not_equal(self.paths, folder))
        return inside._at(pc.utf8_slice_codeunits(inside.paths, len(folder)))

    def within(self, folder: str) -> EntryBatch:
        """Return the rows with `folder` before each path."""
        import pyarrow.compute as pc

        return self._at(pc.binary_join_element_wise(folder, self.paths, "")) if folder else self

    def _at(self, paths: pa.Array) -> EntryBatch:
        return EntryBatch(self.columns.set_column(0, self.columns.schema.field(0), paths))

    def _versions(self) -> pa.Array:
        import pyarrow.compute as pc

        ids = self.columns["version_id"]
        is_null = pc.equal(ids, "null")
        return null_where(is_null, ids) if is_null.true_count else ids

    def _own_pins(self) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        label = self.columns["checksum_algorithm"]
        if not label.null_count:
            return pa.nulls(len(self), pa.string())
        # Without its zone: Arrow would look that up in a database which not every machine has.
        moments = self.columns["modified_at"].cast(pa.int64()).cast(pa.timestamp("us"))
        times = pc.replace_substring(moments.cast(pa.string()), pattern=" ", replacement="T")
        by_time = pc.binary_join_element_wise("modified:", times, "Z", "")
        by_version = pc.binary_join_element_wise("version:", self._versions(), "")
        return null_where(pc.is_valid(label), pc.coalesce(by_version, by_time))


def in_batches(entries: Iterable[ManifestEntry]) -> Iterator[EntryBatch]:
    """Yield entries as batches of a few thousand rows; raises what `EntryBatch.from_rows` does."""
    left = iter(entries)
    while rows := list(islice(left, _ROWS)):
        batch = EntryBatch.from_rows(rows)
        del rows
        yield batch


def joined(batches: Sequence[EntryBatch]) -> EntryBatch:
    """Return the rows of some batches as one batch."""
    import pyarrow as pa

    if len(batches) < 2:
        return batches[0] if batches else EntryBatch.from_rows(())
    return EntryBatch(pa.concat_batches([batch.columns for batch in batches]))


def differ(one: Sequence[pa.Array], other: Sequence[pa.Array]) -> pa.Array:
    """Tell of each row whether it differs in any of some columns; null equals null only."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pa.repeat(False, len(one[0]))
    for here, there in zip(one, other, strict=True):
        # Most columns are equal throughout, which costs less to find out.
        if not here.equals(there):
            unequal = pc.fill_null(pc.not_equal(here, there), False)
            nulls = pc.xor(pc.is_null(here), pc.is_null(there))
            found = pc.or_(found, pc.or_(unequal, nulls))
    return found


def bad_size(path: str, size: int | None) -> InvalidInput:
    """Build the error for an entry whose size cannot be one."""
    return InvalidInput(
        f"manifest entry {path!r} has an impossible size",
        subject=path,
        expected="bytes from 0 to 2**63 - 1, or None if unknown",
        found=str(size),
    )


def _by_column(rows: list[ManifestEntry]) -> list[list[Any]]:
    tokens = [(None, None) if (c := e.checksum) is None else (c.algorithm, c.value) for e in rows]
    repeats = [e.etag is not None and e.etag == t[1] for e, t in zip(rows, tokens, strict=True)]
    return [
        [e.path for e in rows],
        [e.size for e in rows],
        [algorithm for algorithm, _ in tokens],
        [value for _, value in tokens],
        [e.uri for e in rows],
        [e.version_id for e in rows],
        [None if repeat else e.etag for e, repeat in zip(rows, repeats, strict=True)],
        repeats,
        [_in_utc(e) for e in rows],
    ]


def _in_utc(entry: ManifestEntry) -> datetime | None:
    moment = entry.modified_at
    if moment is not None and moment.tzinfo is None:
        raise InvalidInput(
            f"the time of manifest entry {entry.path!r} has no zone",
            subject=entry.path,
            expected="UTC",
            found=moment.isoformat(),
        )
    return moment


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


def _not_utf8(rows: list[ManifestEntry]) -> InvalidInput:
    for entry in rows:
        for name, text in _texts(entry):
            if text is not None and any("\ud800" <= c <= "\udfff" for c in text):
                return InvalidInput(
                    f"the {name} of manifest entry {entry.path!r} is not UTF-8 text",
                    subject=entry.path,
                    found=repr(text),
                    hint="Rename the file, or leave it out with exclude=.",
                )
    raise AssertionError


def _texts(entry: ManifestEntry) -> Iterable[tuple[str, str | None]]:
    yield "path", entry.path
    yield "URI", entry.uri
    yield "version id", entry.version_id
    yield "ETag", entry.etag
    if entry.checksum is not None:
        yield "checksum algorithm", entry.checksum.algorithm
        yield "checksum", entry.checksum.value
