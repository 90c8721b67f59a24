"""Add golden manifest files of the current format to `parquet/`; files that are there are never touched.

Run it once when a format version is released.  Half of the files come from Landfast's writer, half from
one written from docs/format.md with plain pyarrow and other settings than ours.
"""

import hashlib
import json
import runpy
import tempfile
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
GOLDEN = runpy.run_path(str(HERE / "make_golden.py"))
NAMES = ("worked example", "no rows", "odd paths", "many")
TEXT = pa.string()
ROWS = {
    "path": TEXT,
    "size": pa.int64(),
    "checksum_algorithm": TEXT,
    "checksum": TEXT,
    "uri": TEXT,
    "version_id": TEXT,
    "etag": TEXT,
    "etag_is_checksum": pa.bool_(),
    "modified_at": pa.timestamp("us", tz="UTC"),
}
FOLDERS = {"depth": pa.int32(), "path": TEXT, "count": pa.int64(), "size": pa.int64()}


def table(rows, columns):
    return pa.table(
        {name: pa.array([row.get(name) for row in rows], kind) for name, kind in columns.items()}
    )


def rollup(rows):
    totals = defaultdict(lambda: [0, 0])
    for row in rows:
        path = row["path"]
        for end in [0] + [n + 1 for n, char in enumerate(path) if char == "/"]:
            totals[path[:end]][0] += 1
            totals[path[:end]][1] += row.get("size") or 0
    totals[""]  # the whole is there even if it is empty
    found = [
        {"depth": path.count("/"), "path": path, "count": count, "size": size}
        for path, (count, size) in totals.items()
    ]
    return sorted(found, key=lambda row: (row["depth"], row["path"].encode()))


def with_times(row):
    when = row.get("modified_at")
    moment = datetime.fromisoformat(when) if when else None
    return row | {"etag_is_checksum": False, "modified_at": moment}


def footer(vector, offset, length):
    rows = vector["rows"]
    return {
        "landfast.format": "1.0",
        "landfast.content_digest": vector["content_digest"],
        "landfast.pin_digest": vector["pin_digest"],
        "landfast.count": str(len(rows)),
        "landfast.size": str(sum(row.get("size") or 0 for row in rows)),
        "landfast.unverified": str(sum("checksum" not in row for row in rows)),
        "landfast.unpinned": str(sum(row.get("version_id") in (None, "null") for row in rows)),
        "landfast.folders": f"{offset} {length}",
    }


def write_plainly(vector, target):
    """Write what the page asks for, and nothing of what it leaves to the writer."""
    rows = [with_times(row) for row in vector["rows"]]
    sink = pa.BufferOutputStream()
    writer = pq.ParquetWriter(sink, table(rows, ROWS).schema)
    for start in range(0, len(rows), 300):
        writer.write_table(table(rows[start : start + 300], ROWS))
    part = pa.BufferOutputStream()
    folders = pq.ParquetWriter(part, table([], FOLDERS).schema)
    totals = rollup(rows)
    for depth in sorted({row["depth"] for row in totals}):
        folders.write_table(table([row for row in totals if row["depth"] == depth], FOLDERS))
    folders.close()
    offset, data = sink.tell(), part.getvalue()
    sink.write(data)
    writer.add_key_value_metadata(footer(vector, offset, data.size))
    writer.close()
    target.write_bytes(sink.getvalue().to_pybytes())


def entry_of(row):
    """Build the entry that a golden row describes."""
    from landfast.model.checksum import Checksum
    from landfast.model.manifest import ManifestEntry

    token = row.get("checksum_algorithm")
    when = row.get("modified_at")
    return ManifestEntry(
        path=row["path"],
        size=row.get("size"),
        checksum=None if token is None else Checksum(token, row["checksum"]),
        uri=row["uri"],
        version_id=row.get("version_id"),
        etag=row.get("etag"),
        modified_at=datetime.fromisoformat(when) if when else None,
    )


def write_with_landfast(vector, target):
    from landfast.manifests.writer import ManifestWriter

    with ManifestWriter(target) as writer:
        writer.extend(map(entry_of, vector["rows"]))
        writer.finish()


def main():
    index_file = HERE / "golden_parquet.json"
    index = json.loads(index_file.read_text()) if index_file.exists() else {}
    for vector in GOLDEN["every_vector"]():
        for how, write in (("landfast", write_with_landfast), ("plain", write_plainly)):
            key = f"1.0 {how}: {vector['name']}"
            if vector["name"] not in NAMES or key in index:
                continue
            with tempfile.TemporaryDirectory() as folder:
                target = Path(folder, "m")
                write(vector, target)
                data = target.read_bytes()
            index[key] = hashlib.sha256(data).hexdigest()
            (HERE / "parquet").mkdir(exist_ok=True)
            (HERE / "parquet" / f"{index[key]}.parquet").write_bytes(data)
    index_file.write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
