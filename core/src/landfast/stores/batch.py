"""ObjectInfo and ObjectBatch: what a list page says of one object, and of many as columns.

Batches cross package borders inside; rows are for who makes a store, and for what looks at single objects.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from landfast.errors import InvalidInput
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.model.storage.archive import ArchiveState

if TYPE_CHECKING:
    import pyarrow as pa

# Most rows of a batch that is made row by row, as each may have cost a request or the reading of a file.
FEW = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENTS = frozenset({"modified_at", "restored_until"})
_NOWHERE = Location(scheme="", authority="", key="")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """One object, or one version of it, as one response describes it.

    Args:
        location: Where it lies, without a pin; secrets are still in it if they were given.
        size: Size in bytes; None if the store does not report it.
        checksum: As asked for; None if the store had none in this response.
        etag: Verbatim but for S3's quotes; None where it moves with metadata (GCS).
        version_id: S3 VersionId or GCS generation; ``"null"`` is passed on as it is.
        modified_at: UTC.
        is_latest: False for noncurrent versions.
        is_delete_marker: Whether this version says "deleted".
        is_archived: Whether a read needs a restore first.
        archive: How it lies in an archive; None if it does not, or this kind of store has none.
        restored_until: Until when the copy of a restored object stays, if the same response says so; UTC.
        skip: Why this row is no entry (``folder marker``, ``symlink to a folder``, ...); "" if it is one.
        extra: Further checksums by algorithm that the same response carried.
    """

    location: Location
    size: int | None = None
    checksum: Checksum | None = None
    etag: str | None = None
    version_id: str | None = None
    modified_at: datetime | None = None
    is_latest: bool = True
    is_delete_marker: bool = False
    is_archived: bool = False
    archive: ArchiveState | None = None
    restored_until: datetime | None = None
    skip: str = ""
    extra: Mapping[str, str] | None = None


@cache
def object_schema() -> pa.Schema:
    """Return the Arrow schema of list rows: `ObjectInfo` by its fields, and the key and URI without secrets."""
    import pyarrow as pa

    text, flag = pa.string(), pa.bool_()
    return pa.schema(
        [
            pa.field("key", text, nullable=False),
            pa.field("uri", text, nullable=False),
            pa.field("size", pa.int64()),
            pa.field("checksum_algorithm", text),
            pa.field("checksum", text),
            pa.field("version_id", text),
            pa.field("etag", text),
            pa.field("modified_at", pa.timestamp("us", tz="UTC")),
            pa.field("is_latest", flag, nullable=False),
            pa.field("is_delete_marker", flag, nullable=False),
            pa.field("is_archived", flag, nullable=False),
            pa.field("archive", text),
            pa.field("restored_until", pa.timestamp("us", tz="UTC")),
            pa.field("skip", text, nullable=False),
            pa.field("extra", pa.map_(text, text)),
        ]
    )


@dataclass(frozen=True, slots=True)
class ObjectBatch:
    """Rows of a list page as columns, in the order of the page.

    Args:
        columns: As `object_schema` has them.
        place: Scheme and authority of all rows; its key counts for nothing.

    Example:
        >>> place = Location.parse("s3://b/d/")
        >>> batch = ObjectBatch.from_rows([ObjectInfo(location=place.child("x"), size=3)])
        >>> len(batch), batch.columns["uri"].to_pylist(), next(batch.rows()).size
        (1, ['s3://b/d/x'], 3)
    """

    columns: pa.RecordBatch
    place: Location = _NOWHERE

    @classmethod
    def from_rows(cls, rows: Iterable[ObjectInfo]) -> ObjectBatch:
        """Make a batch of rows of one bucket, host or disk.

        Raises:
            InvalidInput: If a text is not UTF-8, a size has no place in 63 bits, or a time no zone.
        """
        import pyarrow as pa

        listed = list(rows)
        columns = _columns(listed)
        form = object_schema()
        try:
            arrays = [
                pa.array(values, field.type) for values, field in zip(columns, form, strict=True)
            ]
        except (pa.ArrowInvalid, ValueError, OverflowError):
            raise _odd(listed) from None
        place = listed[0].location if listed else _NOWHERE
        return cls(pa.RecordBatch.from_arrays(arrays, schema=form), place)

    def rows(self) -> Iterator[ObjectInfo]:
        """Yield them one by one."""
        import pyarrow as pa

        place = self.place
        # A datetime costs ten times as much to make through Arrow as from its microseconds.
        columns = [
            (column.cast(pa.int64()) if name in _MOMENTS else column).to_pylist()
            for name, column in zip(self.columns.schema.names, self.columns.columns, strict=True)
        ]
        for key, _, size, label, token, version, etag, moment, *more, skip, extra in zip(
            *columns, strict=True
        ):
            latest, deleted, archived, archive, until = more
            yield ObjectInfo(
                location=Location(
                    scheme=place.scheme, authority=place.authority, key=key, plain=place.plain
                ),
                size=size,
                checksum=None if label is None else Checksum(label, token),
                etag=etag,
                version_id=version,
                modified_at=_moment(moment),
                is_latest=latest,
                is_delete_marker=deleted,
                is_archived=archived,
                archive=None if archive is None else ArchiveState(archive),
                restored_until=_moment(until),
                skip=skip,
                extra=None if extra is None else dict(extra),
            )

    def __len__(self) -> int:
        return int(self.columns.num_rows)

    def __getitem__(self, name: str) -> pa.Array:
        return self.columns.column(name)

    def keys(self) -> list[str]:
        """Return the keys, in order."""
        keys: list[str] = self["key"].to_pylist()
        return keys

    def key_at(self, row: int) -> str:
        """Return the key of one row, counted from the end if negative."""
        return str(self["key"][row])

    def slice(self, start: int, stop: int | None = None) -> ObjectBatch:
        """Return the rows from `start` to before `stop`."""
        stop = len(self) if stop is None else min(stop, len(self))
        return ObjectBatch(self.columns.slice(start, max(0, stop - start)), self.place)

    def parts(self, size: int) -> Iterator[ObjectBatch]:
        """Yield the rows as batches of at most so many."""
        return (self.slice(at, at + size) for at in range(0, len(self), size))

    def where(self, mask: pa.Array) -> ObjectBatch:
        """Return the rows for which a mask is true; the batch itself if it is for all."""
        if mask.true_count == len(self):
            return self
        return ObjectBatch(self.columns.filter(mask), self.place)

    def take(self, indices: pa.Array) -> ObjectBatch:
        """Return rows in another order."""
        return ObjectBatch(self.columns.take(indices), self.place)

    def with_column(self, name: str, values: pa.Array) -> ObjectBatch:
        """Return the batch with another column in the place of one."""
        at = self.columns.schema.get_field_index(name)
        columns = self.columns.set_column(at, self.columns.schema.field(at), values)
        return ObjectBatch(columns, self.place)

    @staticmethod
    def joined(batches: Iterable[ObjectBatch]) -> ObjectBatch:
        """Return all rows of batches of one place as one."""
        import pyarrow as pa

        parts = list(batches)
        if len(parts) == 1:
            return parts[0]
        return ObjectBatch(pa.concat_batches([part.columns for part in parts]), parts[0].place)


def in_batches(rows: Iterable[ObjectInfo]) -> Iterator[ObjectBatch]:
    """Yield rows that cost something each as batches: of one at first, then of twice as many up to `FEW`."""
    source, size = iter(rows), 1
    while chunk := list(itertools.islice(source, size)):
        yield ObjectBatch.from_rows(chunk)
        size = min(2 * size, FEW)


def rows_of(batches: Iterable[ObjectBatch]) -> Iterator[ObjectInfo]:
    """Yield the rows of batches."""
    return itertools.chain.from_iterable(batch.rows() for batch in batches)


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)


def _columns(rows: list[ObjectInfo]) -> list[list[Any]]:
    tokens = [row.checksum for row in rows]
    if any(row.modified_at is not None and row.modified_at.tzinfo is None for row in rows):
        raise _odd(rows)
    return [
        [row.location.key for row in rows],
        [row.location.without_secrets()[0].uri for row in rows],
        [row.size for row in rows],
        [None if token is None else token.algorithm for token in tokens],
        [None if token is None else token.value for token in tokens],
        [row.version_id for row in rows],
        [row.etag for row in rows],
        [row.modified_at for row in rows],
        [row.is_latest for row in rows],
        [row.is_delete_marker for row in rows],
        [row.is_archived for row in rows],
        [None if row.archive is None else str(row.archive) for row in rows],
        [row.restored_until for row in rows],
        [row.skip for row in rows],
        [None if row.extra is None else list(row.extra.items()) for row in rows],
    ]


def _odd(rows: list[ObjectInfo]) -> InvalidInput:
    """Say which row cannot be recorded, and why."""
    for row in rows:
        texts = (row.location.key, row.etag, row.version_id, row.checksum and row.checksum.value)
        if any("\ud800" <= char <= "\udfff" for text in texts if text for char in text):
            found = "text that is not UTF-8"
        elif row.modified_at is not None and row.modified_at.tzinfo is None:
            found = f"the time {row.modified_at.isoformat()}, without a zone"
        elif row.size is not None and not -(2**63) <= row.size < 2**63:
            found = f"{row.size} bytes"
        else:
            continue
        name = row.location.key.encode(errors="backslashreplace").decode()
        return InvalidInput(
            f"the row of {name!r} cannot be recorded",
            subject=name,
            expected="UTF-8, a size below 2**63 bytes and a time in UTC",
            found=found,
        )
    return InvalidInput("a row of the list cannot be recorded", found="another type than is told")
