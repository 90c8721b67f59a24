"""Inventories of a bucket as AWS publishes them: reports in three formats, and the live table of S3 Metadata.

The forms are those of the Amazon S3 User Guide: "Locating your inventory list" (manifest.json, its schemas for CSV,
ORC and Parquet; https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html), "Amazon S3
Inventory list" (its fields; keys of CSV are URL-encoded) and "S3 Metadata live inventory tables schema"
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/metadata-tables-inventory-schema.html).
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pyarrow as pa
import pyarrow.parquet as pq
from kit.servers.s3 import S3Server
from pyarrow import orc

AS_OF = datetime(2026, 5, 1, 3, 0, tzinfo=UTC)
FIELDS = {
    "bucket": ("Bucket", pa.string()),
    "key": ("Key", pa.string()),
    "version_id": ("VersionId", pa.string()),
    "is_latest": ("IsLatest", pa.bool_()),
    "is_delete_marker": ("IsDeleteMarker", pa.bool_()),
    "size": ("Size", pa.int64()),
    "last_modified_date": ("LastModifiedDate", pa.timestamp("ms", tz="UTC")),
    "e_tag": ("ETag", pa.string()),
    "storage_class": ("StorageClass", pa.string()),
    "is_multipart_uploaded": ("IsMultipartUploaded", pa.bool_()),
}
Row = dict[str, Any]


def rows_of(server: S3Server, bucket: str) -> list[Row]:
    """List every version of a bucket, as an inventory would."""
    pages = server.client.get_paginator("list_object_versions").paginate(Bucket=bucket)
    found: list[Row] = []
    for page in pages:
        for each in page.get("Versions", []):
            found.append(
                {
                    "bucket": bucket,
                    "key": each["Key"],
                    "version_id": each["VersionId"],
                    "is_latest": each["IsLatest"],
                    "is_delete_marker": False,
                    "size": each["Size"],
                    "last_modified_date": each["LastModified"],
                    "e_tag": each["ETag"].strip('"'),
                    "storage_class": "STANDARD",
                    "is_multipart_uploaded": "-" in each["ETag"],
                }
            )
        for each in page.get("DeleteMarkers", []):
            found.append(
                {
                    **dict.fromkeys(FIELDS),
                    "bucket": bucket,
                    "key": each["Key"],
                    "version_id": each["VersionId"],
                    "is_latest": each["IsLatest"],
                    "is_delete_marker": True,
                    "last_modified_date": each["LastModified"],
                }
            )
    random.Random(1).shuffle(found)  # the files of an inventory are in no order
    return found


def encoded(rows: list[Row], names: list[str], format: str) -> bytes:
    """Write a data file."""
    if format == "CSV":
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
            [_cell(name, row[name]) for name in names] for row in rows
        )
        return gzip.compress(text.getvalue().encode())
    form = pa.schema([pa.field(name, FIELDS[name][1]) for name in names])
    table = pa.Table.from_pylist([{n: row[n] for n in names} for row in rows], schema=form)
    file = io.BytesIO()
    if format == "Parquet":
        pq.write_table(table, file)
    else:
        orc.write_table(table, file)
    return file.getvalue()


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return (
            value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.")
            + f"{value.microsecond // 1000:03}Z"
        )
    return quote_plus(value, safe="/*") if name == "key" else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """A bucket that takes reports of another one."""

    server: S3Server
    bucket: str

    def deliver(
        self,
        source: str,
        rows: list[Row],
        format: str = "Parquet",
        *,
        names: list[str] | None = None,
        at: str = "2026-05-01T03-00Z",
        files: int = 2,
        checksum: str | None = "right",
        schema: str | None = None,
    ) -> str:
        """Put a report, and return the URI of its manifest.json."""
        names = names or list(FIELDS)
        base, ending = f"inv/{source}/daily", {"CSV": "csv.gz", "ORC": "orc", "Parquet": "parquet"}
        listed = []
        for number in range(files):
            data = encoded(rows[number::files], names, format)
            key = f"{base}/data/{at}-{number}.{ending[format]}"
            self.server.put(self.bucket, key, data)
            md5 = hashlib.md5(data).hexdigest()
            listed.append({"key": key, "size": len(data), "MD5checksum": md5})
        manifest = json.dumps(
            {
                "sourceBucket": source,
                "destinationBucket": f"arn:aws:s3:::{self.bucket}",
                "version": "2016-11-30",
                "creationTimestamp": str(int(AS_OF.timestamp() * 1000)),
                "fileFormat": format,
                "fileSchema": schema or _schema(names, format),
                "files": listed,
            }
        ).encode()
        self.server.put(self.bucket, f"{base}/{at}/manifest.json", manifest)
        if checksum is not None:
            md5 = hashlib.md5(manifest).hexdigest() if checksum == "right" else checksum
            self.server.put(self.bucket, f"{base}/{at}/manifest.checksum", md5.encode() + b"\n")
        self.server.put(self.bucket, f"{base}/hive/dt={at[:-1]}/symlink.txt", b"s3://...")
        return f"s3://{self.bucket}/{base}/{at}/manifest.json"


def _schema(names: list[str], format: str) -> str:
    if format == "CSV":
        return ", ".join(FIELDS[name][0] for name in names)
    if format == "ORC":
        return "struct<" + ",".join(f"{name}:string" for name in names) + ">"
    return (
        "message s3.inventory { " + " ".join(f"optional binary {n} (UTF8);" for n in names) + " }"
    )


def live_table(folder: Path, rows: list[Row], *, without: tuple[str, ...] = ()) -> dict[str, str]:
    """Make the table `b_source.inventory` in two commits; return the variables that configure pyiceberg."""
    from pyiceberg.catalog.sql import SqlCatalog

    folder.mkdir()
    settings = {"uri": f"sqlite:///{folder}/catalog.db", "warehouse": f"file://{folder}"}
    catalog = SqlCatalog("s3tables", **settings)
    catalog.create_namespace("b_source")
    fields = [
        pa.field("bucket", pa.string(), nullable=False),
        pa.field("key", pa.string(), nullable=False),
        pa.field("sequence_number", pa.string(), nullable=False),
        pa.field("version_id", pa.string()),
        pa.field("is_delete_marker", pa.bool_()),
        pa.field("size", pa.int64()),
        pa.field("last_modified_date", pa.timestamp("us")),
        pa.field("e_tag", pa.string()),
        pa.field("storage_class", pa.string()),
        pa.field("is_multipart", pa.bool_()),
        pa.field("object_tags", pa.map_(pa.string(), pa.string())),
    ]
    form = pa.schema([field for field in fields if field.name not in without])
    table = catalog.create_table("b_source.inventory", schema=form)
    # Of a key the newest version has the greatest number.
    by_age = sorted(rows, key=lambda row: (row["is_latest"], row["last_modified_date"]))
    full = [
        {
            **{name: row.get(name) for name in form.names},
            "sequence_number": f"{number:064x}",
            "last_modified_date": row["last_modified_date"].replace(tzinfo=None),
            "is_multipart": row["is_multipart_uploaded"],
            "object_tags": None,
        }
        for number, row in enumerate(by_age)
    ]
    random.Random(2).shuffle(full)
    half = len(full) // 2
    for part in (full[:half], full[half:]):
        kept = [{n: row[n] for n in form.names} for row in part]
        table.append(pa.Table.from_pylist(kept, schema=form))
    catalog.close()
    return {
        "PYICEBERG_CATALOG__S3TABLES__TYPE": "sql",
        "PYICEBERG_CATALOG__S3TABLES__URI": settings["uri"],
        "PYICEBERG_CATALOG__S3TABLES__WAREHOUSE": settings["warehouse"],
    }
