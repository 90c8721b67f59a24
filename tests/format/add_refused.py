"""Add manifest files that break a rule of docs/format.md to `refused/`; files that are there are never touched.

Each is a good file but for what its name says.  `golden_refused.json` tells of each where a verifier
meets the broken rule: at the `footer`, a `column`, a `row`, or the `roll-up`; or that only a comparison
of all rows with the `summary` shows it.
"""

import hashlib
import json
import runpy
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
PLAIN = runpy.run_path(str(HERE / "add_parquet.py"))
VECTOR = next(v for v in PLAIN["GOLDEN"]["every_vector"]() if v["name"] == "worked example")


def row(number, **values):
    def change(table):
        rows = table.to_pylist()
        rows[number] |= values
        return pa.Table.from_pylist(rows, table.schema)

    return change


def cast(name, kind):
    def change(table):
        place = table.schema.get_field_index(name)
        return table.set_column(place, name, table.column(name).cast(kind))

    return change


def binary(name, value):
    def change(table):
        table = cast(name, pa.binary())(table)
        return row(1, **{name: value})(table)

    return change


FILES = {
    "a footer without a pin digest": ("footer", None, {"landfast.pin_digest": None}),
    "a count with an underscore": ("footer", None, {"landfast.count": "0_2"}),
    "a count of other rows": ("footer", None, {"landfast.count": "3"}),
    "a digest in capitals": ("footer", None, {"landfast.content_digest": "lf1:" + "A" * 64}),
    "another major version": ("footer", None, {"landfast.format": "2.0"}),
    "no column uri": ("column", lambda table: table.drop_columns("uri"), {}),
    "sizes as floating point": ("column", cast("size", pa.float64()), {}),
    "times without zone": ("column", cast("modified_at", pa.timestamp("us")), {}),
    "two rows of one path": ("row", row(1, path="a.txt"), {}),
    "rows out of order": ("row", row(1, path="A"), {}),
    "an empty path": ("row", row(0, path=""), {}),
    "a path that is null": ("row", row(1, path=None), {}),
    "a path that is not UTF-8": ("row", binary("path", b"b\xff"), {}),
    "a size below zero": ("row", row(0, size=-1), {}),
    "a checksum without algorithm": ("row", row(0, checksum_algorithm=None), {}),
    "an etag that is no checksum": ("row", row(1, etag_is_checksum=True), {}),
    "a roll-up of one row group": ("roll-up", None, {}),
    "a digest of other rows": ("summary", None, {"landfast.content_digest": "lf1:" + "0" * 64}),
    "a size of other rows": ("summary", None, {"landfast.size": "7"}),
    "totals of other rows": ("summary", row(0, size=5), {"landfast.size": "5"}),
}


def folders(totals, *, together):
    part = pa.BufferOutputStream()
    with pq.ParquetWriter(part, PLAIN["table"]([], PLAIN["FOLDERS"]).schema) as writer:
        depths = [{total["depth"] for total in totals}] if together else [{0}, {1}]
        for group in depths:
            level = [total for total in totals if total["depth"] in group]
            writer.write_table(PLAIN["table"](level, PLAIN["FOLDERS"]))
    return part.getvalue()


def broken(name):
    where, change, keys = FILES[name]
    rows = [PLAIN["with_times"](row) for row in VECTOR["rows"]]
    table = PLAIN["table"](rows, PLAIN["ROWS"])
    table = change(table) if change else table
    sink = pa.BufferOutputStream()
    writer = pq.ParquetWriter(sink, table.schema)
    writer.write_table(table)
    part = folders(PLAIN["rollup"](rows), together=where == "roll-up")
    footer = PLAIN["footer"](VECTOR, sink.tell(), part.size) | keys
    sink.write(part)
    writer.add_key_value_metadata({key: text for key, text in footer.items() if text is not None})
    writer.close()
    return sink.getvalue().to_pybytes()


def main():
    index_file = HERE / "golden_refused.json"
    index = json.loads(index_file.read_text()) if index_file.exists() else {}
    (HERE / "refused").mkdir(exist_ok=True)
    for name in FILES.keys() - index.keys():
        data = broken(name)
        index[name] = {"where": FILES[name][0], "sha256": hashlib.sha256(data).hexdigest()}
        (HERE / "refused" / f"{index[name]['sha256']}.parquet").write_bytes(data)
    index_file.write_text(json.dumps({name: index[name] for name in FILES}, indent=1) + "\n")


if __name__ == "__main__":
    main()
