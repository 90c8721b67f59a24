"""Add manifest files of other Parquet writers to `parquet/`; files that are there are never touched.

Run it in an environment of its own: `pip install polars datafusion duckdb fastparquet pyarrow`.
The rows are written by the library that the name tells, as a second implementation would use it: row
groups of its choice, statistics cut short or left out, its own encodings, compression and text types.
The roll-up is put before the footer, where the format wants it.
"""

import hashlib
import io
import json
import runpy
import tempfile
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
PLAIN = runpy.run_path(str(HERE / "add_parquet.py"))
NAMES = ("worked example", "no rows", "odd paths", "long paths")
GROUP = 50


def with_polars(table, metadata, target, **options):
    import polars as pl

    frame = pl.from_arrow(table)
    frame.write_parquet(target, metadata=metadata, row_group_size=GROUP, **options)


def with_datafusion(table, metadata, target):
    import datafusion

    context = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(1))
    context.from_arrow(table, name="rows")
    options = {"format.max_row_group_size": GROUP, "format.compression": "snappy"}
    options |= {f"format.metadata::{key}": value for key, value in metadata.items()}
    listed = ", ".join(f"'{key}' '{value}'" for key, value in options.items())
    order = "SELECT * FROM rows ORDER BY path"
    context.sql(f"COPY ({order}) TO '{target}' STORED AS PARQUET OPTIONS ({listed})").collect()


def with_duckdb(table, metadata, target):
    import duckdb

    keys = ", ".join(f"'{key}': '{value}'" for key, value in metadata.items())
    connection = duckdb.connect()
    connection.sql("SET TimeZone = 'UTC'")
    connection.register("rows", table)
    order = "SELECT * FROM rows ORDER BY path"
    form = f"FORMAT parquet, COMPRESSION gzip, KV_METADATA {{{keys}}}"
    connection.sql(f"COPY ({order}) TO '{target}' ({form})")


def with_fastparquet(table, metadata, target):
    import fastparquet

    frame = table.to_pandas()
    frame["size"] = frame["size"].astype("Int64")
    starts = list(range(0, len(frame), GROUP)) or [0]
    fastparquet.write(
        str(target), frame, row_group_offsets=starts, custom_metadata=metadata, stats=False
    )


def with_pyarrow_in_other_types(table, metadata, target):
    """Dictionaries, large text, 64-bit unsigned sizes, nanoseconds; no statistics at all."""
    kinds = {
        "path": pa.large_string(),
        "size": pa.uint64(),
        "checksum_algorithm": pa.dictionary(pa.int32(), pa.string()),
        "uri": pa.binary(),
        "etag": pa.string_view(),
        "modified_at": pa.timestamp("ns", tz="UTC"),
    }
    for name, kind in kinds.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table.column(name).cast(kind))
    table = table.replace_schema_metadata(metadata)
    pq.write_table(table, target, row_group_size=GROUP, write_statistics=False, version="2.6")


WRITERS = {
    "polars": with_polars,
    "datafusion": with_datafusion,
    "duckdb": with_duckdb,
    "fastparquet": with_fastparquet,
    "pyarrow": with_pyarrow_in_other_types,
}


def rollup_of(rows):
    part = io.BytesIO()
    totals = PLAIN["rollup"](rows)
    with pq.ParquetWriter(part, PLAIN["table"]([], PLAIN["FOLDERS"]).schema) as writer:
        for depth in sorted({row["depth"] for row in totals}, reverse=True):
            level = [row for row in totals if row["depth"] == depth]
            writer.write_table(PLAIN["table"](level, PLAIN["FOLDERS"]))
    return part.getvalue()


def footer_start(data):
    return len(data) - 8 - int.from_bytes(data[-8:-4], "little")


def write(writer, vector, target):
    """Write twice: only then is it known where the footer will begin."""
    rows = [PLAIN["with_times"](row) for row in vector["rows"]]
    table = PLAIN["table"](rows, PLAIN["ROWS"])
    part = rollup_of(rows)
    writer(table, PLAIN["footer"](vector, 10**9, len(part)), target)
    start = footer_start(target.read_bytes())
    writer(table, PLAIN["footer"](vector, start, len(part)), target)
    data = target.read_bytes()
    assert footer_start(data) == start
    target.write_bytes(data[:start] + part + data[start:])


def main():
    index_file = HERE / "golden_parquet.json"
    index = json.loads(index_file.read_text())
    for vector in PLAIN["GOLDEN"]["every_vector"]():
        for name, writer in WRITERS.items():
            key = f"1.0 {name} {version(name)}: {vector['name']}"
            if vector["name"] not in NAMES or key in index:
                continue
            with tempfile.TemporaryDirectory() as folder:
                target = Path(folder, "m.parquet")
                write(writer, vector, target)
                data = target.read_bytes()
            index[key] = hashlib.sha256(data).hexdigest()
            (HERE / "parquet" / f"{index[key]}.parquet").write_bytes(data)
    index_file.write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
