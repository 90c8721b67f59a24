"""Entries: rows of a listing as rows of a manifest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from landfast.errors import InvalidInput
from landfast.manifests.batch import EntryBatch
from landfast.manifests.masks import null_where
from landfast.manifests.schema import entry_schema
from landfast.model.location import Location
from landfast.scan.values import ScanPlan
from landfast.stores.base import ObjectBatch

if TYPE_CHECKING:
    import pyarrow as pa


def entries(scan: ScanPlan, found: Iterable[ObjectBatch]) -> Iterator[EntryBatch]:
    """Turn listed rows into rows of a manifest; only the path is made anew."""
    return (_entries(scan, batch) for batch in found)


def _entries(scan: ScanPlan, found: ObjectBatch) -> EntryBatch:
    import pyarrow as pa
    import pyarrow.compute as pc

    repeats = pc.fill_null(pc.equal(found["etag"], found["checksum"]), False)
    columns = {
        "path": _paths(scan, found),
        "etag": null_where(repeats, found["etag"]),
        "etag_is_checksum": repeats,
    }
    form = entry_schema()
    arrays = [columns[name] if name in columns else found[name] for name in form.names]
    return EntryBatch(pa.RecordBatch.from_arrays(arrays, schema=form))


def _paths(scan: ScanPlan, found: ObjectBatch) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    name = scan.source.name
    if scan.is_object:
        return pa.array(
            [name or base_name(row.location.without_secrets()[0]) for row in found.rows()],
            pa.string(),
        )
    # As bytes: all keys begin with the same text, and to count the letters of each costs ten times as much.
    keys, above = found["key"].view(pa.binary()), len(scan.location.key.encode())
    below = pc.binary_slice(keys, above, 2**31 - 1).view(pa.string())
    return pc.binary_join_element_wise(name, below, "/") if name else below


def base_name(location: Location) -> str:
    """Return the file name of an object; `InvalidInput` if it has none."""
    if not location.basename:
        raise InvalidInput(
            f"{location} has no file name",
            subject=str(location),
            hint="Give the path under the artifact as name=.",
        )
    return location.basename
