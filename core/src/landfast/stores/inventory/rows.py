"""Rows of an inventory as rows of a listing: what is current, of one bucket, below one key, in the order of keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from landfast.errors import Conflict, InvalidInput
from landfast.manifests.merge import in_step
from landfast.model.location import Location
from landfast.stores.base import ObjectBatch
from landfast.stores.batch import object_schema
from landfast.stores.s3.objects import ETAG, FOLDER_MARKER

if TYPE_CHECKING:
    import pyarrow as pa

# Sorted in memory at once; ten million rows are eighty runs on disk.
_ROWS_PER_RUN = 131_072
_ROWS_PER_BLOCK = 4_096
# What turns each column on.
_CONFIGURED = {
    "e_tag": "add ETag to the OptionalFields of the inventory's configuration",
    "size": "add Size to the OptionalFields of the inventory's configuration",
    "version_id": "set IncludedObjectVersions of the inventory's configuration to All",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What of an inventory is wanted.

    Args:
        location: The folder.
        versions: Whether version ids are needed, as the bucket keeps what is overwritten.
        tokens: Whether ETags are recorded as checksums.
        subject: Of errors: the inventory.
    """

    location: Location
    versions: bool
    tokens: bool
    subject: str


def current_objects(
    batches: Iterable[pa.RecordBatch], wanted: Wanted, folder: Path
) -> Iterator[ObjectBatch]:
    """Yield the current objects, in the order of their keys; runs of them are sorted, and lie in `folder` if many.

    Raises:
        InvalidInput: If a column is missing, naming what to configure.
        Conflict: If there are rows of another bucket, or two current ones of one key.
    """
    import pyarrow.compute as pc

    rows = (_plain(batch, wanted) for batch in batches)
    kept = (batch.filter(_is_below(batch, wanted.location.key)) for batch in rows)
    for batch in _in_order(kept, wanted, folder):
        objects = batch.filter(pc.invert(batch["is_delete_marker"]))
        for at in range(0, objects.num_rows, _ROWS_PER_BLOCK):
            yield _listed(objects.slice(at, _ROWS_PER_BLOCK), wanted)


def _form() -> pa.Schema:
    import pyarrow as pa

    text = pa.string()
    return pa.schema(
        [
            pa.field("path", text),
            pa.field("sequence", text),
            pa.field("version_id", text),
            pa.field("is_delete_marker", pa.bool_()),
            pa.field("size", pa.int64()),
            pa.field("modified_at", pa.timestamp("us", tz="UTC")),
            pa.field("etag", text),
        ]
    )


def _plain(batch: pa.RecordBatch, wanted: Wanted) -> pa.RecordBatch:
    """Return the rows that may be current, in columns of one form, whichever the inventory has."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = set(batch.schema.names)
    for name, advice in _CONFIGURED.items():
        if name not in names and (name != "version_id" or wanted.versions):
            raise _missing(name, advice, wanted)
    _check_bucket(batch, wanted)
    flag = pa.scalar(True)
    latest = pc.fill_null(_boolean(batch["is_latest"]), flag) if "is_latest" in names else None
    form, count = _form(), batch.num_rows

    def column(name: str, field: str) -> pa.Array:
        kind = form.field(field).type
        return batch[name].cast(kind) if name in names else pa.nulls(count, kind)

    deleted = _boolean(batch["is_delete_marker"]) if "is_delete_marker" in names else None
    columns = [
        column("key", "path"),
        column("sequence_number", "sequence"),
        column("version_id", "version_id") if wanted.versions else pa.nulls(count, pa.string()),
        pa.repeat(False, count) if deleted is None else pc.fill_null(deleted, False),
        column("size", "size"),
        _moments(batch["last_modified_date"])
        if "last_modified_date" in names
        else pa.nulls(count, form.field("modified_at").type),
        pc.utf8_trim(column("e_tag", "etag"), characters='"'),
    ]
    plain = pa.RecordBatch.from_arrays(columns, schema=form)
    if "sequence_number" in names:
        return plain  # which tells what is newest, a delete marker too
    latest = pc.invert(plain["is_delete_marker"]) if latest is None else latest
    return plain.filter(pc.and_not(latest, plain["is_delete_marker"]))


def _missing(name: str, advice: str, wanted: Wanted) -> InvalidInput:
    return InvalidInput(
        f"the inventory {wanted.subject} has no column {name}",
        subject=wanted.subject,
        expected=f"{name}, as a listing of {wanted.location} tells it",
        hint=f"To have it, {advice}; until then, record without the inventory.",
    )


def _check_bucket(batch: pa.RecordBatch, wanted: Wanted) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    others = pc.not_equal(batch["bucket"].cast(pa.string()), wanted.location.authority)
    row = pc.index(pc.fill_null(others, True), True).as_py()
    if row >= 0:
        raise other_bucket(wanted.subject, wanted.location, str(batch["bucket"][row]))


def other_bucket(subject: str, location: Location, found: str) -> Conflict:
    """Build the error for an inventory of another bucket."""
    return Conflict(
        f"the inventory {subject} is of another bucket than {location}",
        subject=subject,
        expected=location.authority,
        found=found,
    )


def _boolean(column: pa.Array) -> pa.Array:
    import pyarrow as pa

    return column.cast(pa.bool_())


def _moments(column: pa.Array) -> pa.Array:
    """Return times in UTC, as which those without a zone are meant."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type) and column.type.tz is None:
        column = column.cast(pa.timestamp("us"), safe=False)
    return column.cast(pa.timestamp("us", tz="UTC"), safe=False)


def _is_below(batch: pa.RecordBatch, prefix: str) -> pa.Array:
    import pyarrow.compute as pc

    return pc.starts_with(batch["path"], pattern=prefix)


def _in_order(
    batches: Iterable[pa.RecordBatch], wanted: Wanted, folder: Path
) -> Iterator[pa.RecordBatch]:
    """Yield rows sorted by path, of each path the newest."""
    import pyarrow as pa

    runs: list[Path] = []
    held: list[pa.RecordBatch] = []
    count = 0
    try:
        for batch in batches:
            held.append(batch)
            count += batch.num_rows
            if count >= _ROWS_PER_RUN:
                runs.append(_written(_sorted(held, wanted), folder / f"inventory-run-{len(runs)}"))
                held, count = [], 0
        last = _sorted(held, wanted)
        if not runs:
            yield last
            return
        blocks = (last.slice(at, _ROWS_PER_BLOCK) for at in range(0, len(last), _ROWS_PER_BLOCK))
        empty = pa.RecordBatch.from_pylist([], schema=_form())
        for parts in in_step([*map(_read, runs), blocks], empty):
            yield _sorted(parts, wanted)
    finally:
        for run in runs:
            run.unlink(missing_ok=True)


def _sorted(batches: list[pa.RecordBatch], wanted: Wanted) -> pa.RecordBatch:
    """Sort rows, and keep of each path the newest: `in_step` wants a path once in each run."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not batches:
        return pa.RecordBatch.from_pylist([], schema=_form())
    rows = pa.concat_batches(batches)
    order = [("path", "ascending"), ("sequence", "descending")]
    return _newest(rows.take(pc.sort_indices(rows, sort_keys=order)), wanted)


def _written(rows: pa.RecordBatch, path: Path) -> Path:
    import pyarrow as pa

    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(str(path), rows.schema, options=options) as file:
        file.write_table(pa.Table.from_batches([rows]), _ROWS_PER_BLOCK)
    return path


def _read(path: Path) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    with pa.OSFile(str(path)) as source, pa.ipc.open_file(source) as file:
        for number in range(file.num_record_batches):
            yield file.get_batch(number)


def _newest(rows: pa.RecordBatch, wanted: Wanted) -> pa.RecordBatch:
    """Return of each path of sorted rows the newest, which may say that it was deleted."""
    import pyarrow as pa
    import pyarrow.compute as pc

    paths = rows["path"]
    repeats = pc.equal(paths.slice(1), paths.slice(0, max(0, len(paths) - 1)))
    if not repeats.true_count:
        return rows
    if rows["sequence"].null_count:
        row = pc.index(repeats, True).as_py()
        raise Conflict(
            f"the inventory {wanted.subject} has two current rows of {paths[row]!s}",
            subject=wanted.subject,
            expected="one with is_latest",
        )
    return rows.filter(pa.concat_arrays([pa.array([True]), pc.invert(repeats)]))


def _listed(rows: pa.RecordBatch, wanted: Wanted) -> ObjectBatch:
    """Return rows as the store lists them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    count, form = rows.num_rows, object_schema()
    place = Location(scheme=wanted.location.scheme, authority=wanted.location.authority, key="")
    etag = rows["etag"]
    token = etag if wanted.tokens else pa.nulls(count, pa.string())
    is_marker = pc.and_(
        pc.fill_null(pc.equal(rows["size"], 0), False), pc.ends_with(rows["path"], "/")
    )
    no = pa.repeat(False, count)
    columns = {
        "key": rows["path"],
        "uri": pc.binary_join_element_wise(place.uri, rows["path"], ""),
        "size": rows["size"],
        "checksum_algorithm": pc.if_else(pc.is_valid(token), ETAG, pa.scalar(None, pa.string())),
        "checksum": token,
        "version_id": rows["version_id"],
        "etag": etag,
        "modified_at": rows["modified_at"],
        "is_latest": pa.repeat(True, count),
        "is_delete_marker": no,
        "is_archived": no,
        "archive": pa.nulls(count, pa.string()),
        "restored_until": pa.nulls(count, form.field("restored_until").type),
        "skip": pc.if_else(is_marker, FOLDER_MARKER, ""),
        "extra": pa.nulls(count, form.field("extra").type),
    }
    batch = pa.RecordBatch.from_arrays([columns[name] for name in form.names], schema=form)
    return ObjectBatch(batch, place)


def moment_text(moment: datetime) -> str:
    """Write a time as it is recorded."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
