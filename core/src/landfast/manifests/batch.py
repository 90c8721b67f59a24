"""EntryBatch: rows of a manifest as columns, which is how they travel inside Landfast."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from landfast.errors import InvalidInput
from landfast.manifests import schema
from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry

if TYPE_CHECKING:
    import pyarrow as pa

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Rows turned into columns at once: enough that a batch costs little, few enough to hold them as objects.
_ROWS = 4096


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

    @classmethod
    def from_rows(cls, entries: Iterable[ManifestEntry]) -> EntryBatch:
        """Turn entries into columns.

        Args:
            entries: All are in memory at once: `in_batches` cuts a long stream.

        Raises:
            InvalidInput: If one has text that is not UTF-8, a size beyond 2**63 - 1 bytes or a time
                without zone.
        """
        import pyarrow as pa

        rows = entries if isinstance(entries, list) else list(entries)
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
            for name, column in zip(schema.ENTRY_COLUMNS, self.columns.columns, strict=True)
        ]
        return map(_entry, *values)

    def slice(self, start: int, stop: int) -> EntryBatch:
        """Return the rows from `start` to before `stop`, without a copy."""
        return EntryBatch(self.columns.slice(start, max(0, stop - start)))

    def __len__(self) -> int:
        return int(self.columns.num_rows)


def in_batches(entries: Iterable[ManifestEntry]) -> Iterator[EntryBatch]:
    """Yield entries as batches of a few thousand rows; raises what `EntryBatch.from_rows` does."""
    left = iter(entries)
    while rows := list(islice(left, _ROWS)):
        yield EntryBatch.from_rows(rows)


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
