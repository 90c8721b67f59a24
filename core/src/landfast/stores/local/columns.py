"""What the status of files says, as rows and as columns."""

from __future__ import annotations

import os
import string
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.stores.base import ObjectBatch, ObjectInfo
from landfast.stores.batch import object_schema
from landfast.stores.local.walk import Files

if TYPE_CHECKING:
    import pyarrow as pa

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What names may be made of that stand in a URI as they are.
_PLAIN = f"{string.ascii_letters}{string.digits}_.~/=,-".encode()
# Microseconds of the years 1 and 9999; other times no calendar has.
_FIRST_US = -62_135_596_800 * 10**6
_LAST_US = 253_402_300_800 * 10**6 - 1


def describe(location: Location, status: os.stat_result) -> ObjectInfo:
    """Return a file by its status, without a checksum."""
    moment = _moment_us(status)
    modified_at = None if moment is None else _EPOCH + timedelta(microseconds=moment)
    return ObjectInfo(location=location, size=status.st_size, modified_at=modified_at)


def stat_token(status: os.stat_result) -> Checksum:
    """Return the validator that is made of size and time."""
    return Checksum("stat", f"{status.st_size}-{status.st_mtime_ns}")


def to_batch(
    folder: Location, files: Files, kind: str | None, tokens: Sequence[str | None] | pa.Array | None
) -> ObjectBatch:
    """Return files below a folder as rows of a list, with checksums of a kind.

    Raises:
        InvalidInput: If the path of the folder is not UTF-8.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    count, form = len(files), object_schema()
    text, time = pa.string(), form.field("modified_at").type
    try:
        names = pa.array(files.names, text)
        keys = pc.binary_join_element_wise(folder.key, names, "")
    except (pa.ArrowInvalid, ValueError):
        return ObjectBatch.from_rows([ObjectInfo(location=folder.child(files.names[0]))])
    sums = pa.nulls(count, text) if tokens is None else pa.array(tokens, text)
    columns = {
        "key": keys,
        "uri": _uris(folder, files.names, names),
        "size": pa.array([None if s is None else s.st_size for s in files.statuses], pa.int64()),
        "checksum_algorithm": pc.if_else(pc.is_valid(sums), kind, pa.scalar(None, text)),
        "checksum": sums,
        "modified_at": _moments(files.statuses).cast(time),
        "is_latest": pa.repeat(True, count),
        "skip": pa.array([files.skips.get(at, "") for at in range(count)])
        if files.skips
        else pa.repeat("", count),
    }
    for name in ("is_delete_marker", "is_archived"):
        columns[name] = pa.repeat(False, count)
    arrays = [
        columns[field.name] if field.name in columns else pa.nulls(count, field.type)
        for field in form
    ]
    return ObjectBatch(pa.RecordBatch.from_arrays(arrays, schema=form), folder)


def _uris(folder: Location, names: list[str], column: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not "".join(names).encode().translate(None, _PLAIN):
        return pc.binary_join_element_wise(folder.uri, column, "")
    return pa.array([folder.child(name).uri for name in names], pa.string())


def _moments(statuses: Sequence[os.stat_result | None]) -> pa.Array:
    """Return the microseconds of each."""
    import pyarrow as pa
    import pyarrow.compute as pc

    moments = pa.array([None if s is None else s.st_mtime_ns // 1000 for s in statuses], pa.int64())
    is_real = pc.and_(pc.greater_equal(moments, _FIRST_US), pc.less_equal(moments, _LAST_US))
    return pc.if_else(is_real, moments, None)


def _moment_us(status: os.stat_result) -> int | None:
    moment = status.st_mtime_ns // 1000
    return moment if _FIRST_US <= moment <= _LAST_US else None
