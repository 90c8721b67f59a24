"""Rows of a report's files: Parquet, ORC, or CSV in gzip whose keys are percent-encoded and that has no header."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from landfast.errors import Conflict, LandfastError
from landfast.stores.base import Pin
from landfast.stores.inventory.report import DataFile, Report
from landfast.stores.opener import Stores

if TYPE_CHECKING:
    import pyarrow as pa

# What is read of a report; it may have more.
COLUMNS = (
    *("bucket", "key", "version_id", "is_latest", "is_delete_marker"),
    *("size", "last_modified_date", "e_tag"),
)
_ROWS = 65_536


def report_batches(report: Report, stores: Stores, folder: Path) -> Iterator[pa.RecordBatch]:
    """Yield the rows of all files, those of `COLUMNS` that there are; one file is on this disk at a time.

    Raises:
        NotFound: If a file is gone.
        Conflict: If one is not what the manifest says, or cannot be read.
    """
    readers = {"CSV": _csv, "ORC": _orc, "Parquet": _parquet}
    for file in report.files:
        with _fetched(file, stores, folder) as path:
            try:
                yield from readers[report.format](path, report)
            except LandfastError:
                raise
            except (OSError, ValueError) as error:  # pyarrow's errors are these
                raise Conflict(
                    f"{file.location} cannot be read as a file of an inventory",
                    subject=str(file.location),
                    expected=report.format,
                    found=str(error),
                ) from None


@contextmanager
def _fetched(file: DataFile, stores: Stores, folder: Path) -> Iterator[Path]:
    """Bring a file here, checked by its size and MD5."""
    path, digest, size = folder / "inventory-file", hashlib.md5(usedforsecurity=False), 0
    store = stores.at(file.location, {})
    try:
        with path.open("wb") as target, store.open(Pin(location=file.location)) as reader:
            for chunk in reader:
                target.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        found = (size, digest.hexdigest())
        if found != (
            size if file.size is None else file.size,
            (file.md5 or digest.hexdigest()).lower(),
        ):
            raise Conflict(
                f"{file.location} is not what manifest.json says",
                subject=str(file.location),
                expected=f"{file.size} bytes, MD5 {file.md5}",
                found=f"{size} bytes, MD5 {digest.hexdigest()}",
            )
        yield path
    finally:
        path.unlink(missing_ok=True)


def _parquet(path: Path, _: Report) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        there = [name for name in COLUMNS if name in file.schema_arrow.names]
        yield from file.iter_batches(_ROWS, columns=there)


def _orc(path: Path, _: Report) -> Iterator[pa.RecordBatch]:
    from pyarrow import orc

    file = orc.ORCFile(path)
    there = [name for name in COLUMNS if name in file.schema.names]
    for stripe in range(file.nstripes):
        batch = file.read_stripe(stripe, columns=there).select(there)
        yield from (batch.slice(at, _ROWS) for at in range(0, batch.num_rows, _ROWS))


def _csv(path: Path, report: Report) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    from pyarrow import csv

    there = [name for name in COLUMNS if name in report.columns]
    options = csv.ConvertOptions(
        include_columns=there,
        column_types=dict.fromkeys(report.columns, pa.string()),
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        null_values=[""],
    )
    stream = pa.input_stream(str(path), compression="gzip")
    with csv.open_csv(
        stream,
        read_options=csv.ReadOptions(column_names=list(report.columns)),
        convert_options=options,
    ) as rows:
        yield from map(_decoded, rows)


def _decoded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Undo the percent-encoding of the keys, as of a list with ``encoding-type=url``."""
    import pyarrow as pa

    keys = [_key(key) for key in batch["key"].to_pylist()]
    at = batch.schema.get_field_index("key")
    return batch.set_column(at, batch.schema.field(at), pa.array(keys, pa.string()))


def _key(key: Any) -> str:
    return unquote_plus(key, errors="strict") if "%" in key or "+" in key else str(key)
