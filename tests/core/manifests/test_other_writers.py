"""Manifest files as other Parquet writers make them: the right value, or an error that says where."""

import hashlib
import json
import runpy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from landfast.errors import Conflict, NotFound
from landfast.manifests import pages
from landfast.manifests.folder import Folder
from landfast.manifests.memory import MemoryManifest
from landfast.manifests.ranking import FileOrder
from landfast.manifests.reader import ManifestFile
from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry
from landfast.stores.opener import Stores
from landfast.verify.run import verify

FORMAT = Path(__file__).parents[2] / "format"
PLAIN = runpy.run_path(str(FORMAT / "add_parquet.py"))
VECTORS = {vector["name"]: vector for vector in PLAIN["GOLDEN"]["every_vector"]()}
FILES = json.loads((FORMAT / "golden_parquet.json").read_text())
FOREIGN = [key for key in FILES if not key.startswith(("1.0 landfast:", "1.0 plain:"))]
MAY = datetime(2026, 5, 3, 8, 15, 30, tzinfo=UTC)
GROUP = 10

Change = Callable[[pa.Table], pa.Table]


def entries(count: int = 35) -> list[ManifestEntry]:
    rows = []
    for n in range(count):
        token = hashlib.md5(str(n).encode()).hexdigest()
        path = f"{'k' * 70}/{n // 7}/{n:03}"
        rows.append(
            ManifestEntry(
                path=path,
                size=n,
                checksum=Checksum("s3-etag", token),
                uri=f"s3://bucket/{path}",
                version_id=f"v{n}",
                etag=token,
                modified_at=MAY + timedelta(seconds=n),
            )
        )
    return rows


def as_table(rows: list[ManifestEntry]) -> pa.Table:
    found = [
        {
            "path": row.path,
            "size": row.size,
            "checksum_algorithm": row.checksum and row.checksum.algorithm,
            "checksum": row.checksum and row.checksum.value,
            "uri": row.uri,
            "version_id": row.version_id,
            "etag": row.etag,
            "etag_is_checksum": False,
            "modified_at": row.modified_at,
        }
        for row in rows
    ]
    table: pa.Table = PLAIN["table"](found, PLAIN["ROWS"])
    return table


def write(
    path: Path,
    rows: list[ManifestEntry],
    change: Change = lambda table: table,
    *,
    rollup: Callable[[pq.ParquetWriter, list[dict[str, Any]]], None] | None = None,
    footer: dict[str, str | None] | None = None,
    **options: Any,
) -> Path:
    """Write a manifest file as the format has it, but for what is asked to be otherwise."""
    memory = MemoryManifest(rows).summary
    table = change(as_table(rows))
    part = pa.BufferOutputStream()
    with pq.ParquetWriter(part, PLAIN["table"]([], PLAIN["FOLDERS"]).schema) as folders:
        (rollup or by_depth)(
            folders, PLAIN["rollup"]([{"path": r.path, "size": r.size} for r in rows])
        )
    with pa.OSFile(str(path), "wb") as sink:
        writer = pq.ParquetWriter(sink, table.schema, **options)
        writer.write_table(table, row_group_size=GROUP)
        data = part.getvalue()
        keys: dict[str, str | None] = {
            "landfast.format": "1.0",
            "landfast.content_digest": memory.digest,
            "landfast.pin_digest": memory.pin_digest,
            "landfast.count": str(len(table)),
            "landfast.size": str(memory.size),
            "landfast.unverified": str(memory.unverified),
            "landfast.unpinned": str(memory.unpinned),
            "landfast.folders": f"{sink.tell()} {data.size}",
            **(footer or {}),
        }
        sink.write(data)
        writer.add_key_value_metadata({k: v for k, v in keys.items() if v is not None})
        writer.close()
    return path


def by_depth(writer: pq.ParquetWriter, totals: list[dict[str, Any]]) -> None:
    for depth in sorted({total["depth"] for total in totals}):
        level = [total for total in totals if total["depth"] == depth]
        writer.write_table(PLAIN["table"](level, PLAIN["FOLDERS"]))


def column(name: str, change: Callable[[pa.ChunkedArray], Any]) -> Change:
    def changed(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(name)
        return table.set_column(place, name, change(table.column(name)))

    return changed


def cast(name: str, kind: pa.DataType) -> Change:
    return column(name, lambda values: values.cast(kind))


def put(name: str, row: int, value: Any, kind: pa.DataType | None = None) -> Change:
    def changed(values: pa.ChunkedArray) -> pa.Array:
        texts = values.cast(kind) if kind is not None else values
        found = texts.to_pylist() if kind is None else list(texts)
        found[row] = value
        return pa.array(found, texts.type)

    return column(name, changed)


def walked(manifest: ManifestFile) -> list[ManifestEntry]:
    """Collect the entries folder by folder, a few at a time."""
    found, left = [], [""]
    while left:
        folder = Folder(manifest, left.pop())
        left += [total.path for total in folder.subfolders(0, 10_000)]
        for start in range(0, folder.file_count, 3):
            found += folder.files(start, start + 3)
        by_size = folder.files(0, folder.file_count, order=FileOrder.SIZE)
        assert {entry.path for entry in by_size} <= {entry.path for entry in found}
    return sorted(found, key=lambda entry: entry.sort_key)


def test_mend_09_files_of_real_writers_are_among_the_golden_ones() -> None:
    writers = {key.split()[1] for key in FOREIGN}
    assert writers == {"polars", "datafusion", "duckdb", "fastparquet", "pyarrow"}


@pytest.mark.parametrize("key", FOREIGN)
def test_mend_09_every_path_of_a_file_by_another_writer_is_found(key: str) -> None:
    rows = [PLAIN["entry_of"](row) for row in VECTORS[key.partition(": ")[2]]["rows"]]
    memory = MemoryManifest(rows)
    with ManifestFile(FORMAT / "parquet" / f"{FILES[key]}.parquet") as manifest:
        assert [manifest.get(row.path) for row in rows] == rows
        for row in rows[::7]:
            missing = row.path + "\0"
            assert list(manifest.entries(row.path)) == list(memory.entries(row.path))
            with pytest.raises(NotFound):
                manifest.get(missing)
        assert walked(manifest) == rows
        manifest.check()


def test_mend_09_statistics_of_real_writers_are_cut() -> None:
    cut = {"polars", "datafusion"}
    for key in FOREIGN:
        if key.split()[1] in cut and key.endswith("long paths"):
            metadata = pq.read_metadata(FORMAT / "parquet" / f"{FILES[key]}.parquet")
            bounds = [metadata.row_group(g).column(0).statistics for g in range(12)]
            assert {len(bound.max_raw) for bound in bounds} == {64}


@pytest.mark.parametrize(
    "change",
    [
        *(
            cast(name, kind)
            for name in ("path", "uri", "etag", "checksum")
            for kind in (
                pa.large_string(),
                pa.string_view(),
                pa.binary(),
                pa.large_binary(),
                pa.dictionary(pa.int16(), pa.string()),
            )
        ),
        *(cast("size", kind) for kind in (pa.int8(), pa.uint8(), pa.int32(), pa.uint64())),
        *(cast("modified_at", pa.timestamp(unit, tz="UTC")) for unit in ("ms", "us", "ns")),
        cast("modified_at", pa.timestamp("ms", tz="Asia/Tokyo")),
        lambda table: table.append_column("colour", pa.array(["red"] * len(table))),
        lambda table: table.select(table.column_names[::-1]),
    ],
)
def test_mend_09_another_type_of_the_same_meaning_is_the_same_value(
    tmp_path: Path, change: Change
) -> None:
    rows = entries()
    with ManifestFile(write(tmp_path / "m", rows, change)) as manifest:
        assert list(manifest.entries()) == rows
        assert [manifest.get(row.path) for row in rows] == rows
        assert walked(manifest) == rows
        manifest.check()


@pytest.mark.parametrize(
    "options",
    [
        *({"compression": name} for name in ("none", "snappy", "gzip", "brotli", "lz4", "zstd")),
        {"write_statistics": False},
        {"write_page_index": True},
        {"data_page_version": "2.0", "data_page_size": 64},
        {"version": "1.0", "use_dictionary": False},
        {"store_schema": False},
    ],
)
def test_mend_09_how_a_writer_encodes_makes_no_difference(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    rows = entries()
    with ManifestFile(write(tmp_path / "m", rows, **options)) as manifest:
        assert list(manifest.entries()) == rows
        assert [manifest.get(row.path) for row in rows] == rows


@pytest.mark.parametrize("compression", ["none", "zstd"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("dictionary", [True, False])
@pytest.mark.parametrize("rows_of_a_page", [1, 3, 64])
def test_rows_are_found_however_columns_are_cut_into_pages(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    compression: str,
    version: str,
    dictionary: bool,
    rows_of_a_page: int,
) -> None:
    monkeypatch.setattr(pages, "_SMALL_BYTES", 0)
    rows = [replace(row, etag=None) if n % 3 else row for n, row in enumerate(entries(200))]
    rows.sort(key=lambda row: row.sort_key)
    options = {"data_page_version": version, "data_page_size": 1, "use_dictionary": dictionary}
    options |= {"compression": compression, "write_batch_size": rows_of_a_page}
    with ManifestFile(write(tmp_path / "m", rows, **options)) as manifest:
        assert walked(manifest) == rows


def test_mend_09_columns_of_nothing_but_null_may_have_no_type(tmp_path: Path) -> None:
    bare = [ManifestEntry(path="a", size=None, checksum=None, uri="http://h/a")]

    def nothing(table: pa.Table) -> pa.Table:
        for name in ("etag", "checksum"):
            table = column(name, lambda values: pa.nulls(len(values)))(table)
        return table

    assert list(ManifestFile(write(tmp_path / "m", bare, nothing)).entries()) == bare


US, NS = pa.timestamp("us", tz="UTC"), pa.timestamp("ns", tz="UTC")
YEAR_20000 = pa.scalar(569_000_000_000_000_000, US)
ODD_NANOSECOND = pa.scalar(1_777_796_130_000_000_001, NS)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (put("path", 12, None), ["row 2 of row group 1", "path", "null"]),
        (put("path", 12, ""), ["row 2 of row group 1", "not empty"]),
        (put("path", 13, entries()[12].path), ["row group 1", "/012", "a path after"]),
        (put("path", 12, "a"), ["row group 1", "'a'", "a path after"]),
        (put("path", 20, entries()[19].path), ["row group 2", "/019", "a path after"]),
        (put("path", 12, b"k\xff", pa.binary()), ["row 2 of row group 1", "UTF-8", r"k\\xff"]),
        (put("uri", 3, None), ["row 3 of row group 0", "/003", "uri", "null"]),
        (put("uri", 3, b"s3://\xff", pa.binary()), ["row 3 of", "/003", "uri", "UTF-8"]),
        (put("size", 3, -1), ["row 3 of row group 0", "/003", "size", "-1"]),
        (put("size", 3, 2**63, pa.uint64()), ["row 3 of", "/003", "size", str(2**63)]),
        (put("checksum", 3, None), ["row 3 of", "/003", "checksum"]),
        (put("checksum", 3, ""), ["row 3 of", "/003", "checksum"]),
        (put("checksum_algorithm", 3, None), ["row 3 of", "/003", "checksum_algorithm", "null"]),
        (put("checksum_algorithm", 3, "a:b"), ["row 3 of", "/003", "'a:b'"]),
        (put("etag_is_checksum", 3, None), ["row 3 of", "/003", "etag_is_checksum", "null"]),
        (put("etag_is_checksum", 3, True), ["row 3 of", "/003", "etag_is_checksum"]),
        (put("modified_at", 23, YEAR_20000, US), ["row 3 of row group 2", "/023", "20000-"]),
        (put("modified_at", 3, ODD_NANOSECOND, NS), ["row 3 of", "/003", "000000001"]),
    ],
)
def test_mend_09_a_row_that_breaks_the_format_is_named(
    tmp_path: Path, change: Change, named: list[str]
) -> None:
    path = write(tmp_path / ("a" * 64), entries(), change)
    with pytest.raises(Conflict, match="breaks the format") as caught:
        list(ManifestFile(path).entries())
    message = str(caught.value)
    assert message.isprintable()
    assert [word for word in [*named, "a" * 64, "expected", "found"] if word not in message] == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        *((lambda t, n=n: t.drop_columns(n), [repr(n)]) for n in PLAIN["ROWS"]),
        (lambda t: t.append_column("path", t.column("path")), ["'path'", "one such column"]),
        (cast("size", pa.float64()), ["'size'", "double"]),
        (cast("size", pa.string()), ["'size'", "string"]),
        (
            column("path", lambda v: pa.array(range(len(v)))),
            ["'path'", "int64"],
        ),
        (column("path", lambda v: pa.array([[p] for p in v.to_pylist()])), ["'path'", "list"]),
        (cast("modified_at", pa.timestamp("us")), ["'modified_at'", "UTC", "timestamp[us]"]),
        (cast("modified_at", pa.int64()), ["'modified_at'", "UTC", "int64"]),
        (cast("modified_at", pa.string()), ["'modified_at'", "UTC", "string"]),
        (cast("etag_is_checksum", pa.int8()), ["'etag_is_checksum'", "int8"]),
    ],
)
def test_mend_09_a_column_of_another_meaning_is_named(
    tmp_path: Path, change: Change, named: list[str]
) -> None:
    path = write(tmp_path / ("a" * 64), entries(), change)
    with pytest.raises(Conflict, match="breaks the format at column") as caught:
        ManifestFile(path)
    assert [word for word in [*named, "a" * 64] if word not in str(caught.value)] == []


def test_mend_09_times_of_old_spark_have_no_zone(tmp_path: Path) -> None:
    path = write(tmp_path / "m", entries(), use_deprecated_int96_timestamps=True)
    with pytest.raises(Conflict, match="modified_at"):
        ManifestFile(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("landfast.format", "1"),
        ("landfast.format", "one.two"),
        ("landfast.content_digest", "sha256:" + "0" * 64),
        ("landfast.content_digest", "lf1:" + "A" * 64),
        ("landfast.pin_digest", None),
        ("landfast.count", "34"),
        ("landfast.count", "3_5"),
        ("landfast.size", "-1"),
        ("landfast.size", ""),
        ("landfast.unpinned", "0.0"),
        ("landfast.folders", "12"),
        ("landfast.folders", "-4 12"),
        ("landfast.folders", None),
    ],
)
def test_mend_09_a_key_of_the_footer_that_is_not_as_it_should_be_is_named(
    tmp_path: Path, key: str, value: str | None
) -> None:
    path = write(tmp_path / ("a" * 64), entries(), footer={key: value})
    with pytest.raises(Conflict, match="breaks the format at its footer") as caught:
        ManifestFile(path)
    assert key in str(caught.value)
    assert value is None or repr(value) in str(caught.value)


@pytest.mark.parametrize("place", ["0 10", f"{10**15} 10", f"10 {10**15}"])
def test_mend_09_a_roll_up_that_is_elsewhere_is_a_conflict(tmp_path: Path, place: str) -> None:
    path = write(tmp_path / "m", entries(), footer={"landfast.folders": place})
    with ManifestFile(path) as manifest, pytest.raises(Conflict, match="damaged"):
        list(manifest.folders())


def test_mend_09_row_groups_of_the_roll_up_come_in_any_order_of_depths(tmp_path: Path) -> None:
    def deepest_first(writer: pq.ParquetWriter, totals: list[dict[str, Any]]) -> None:
        for depth in (2, 0, 1):
            level = [total for total in totals if total["depth"] == depth]
            for start in range(0, len(level), 2):
                part = PLAIN["table"](level[start : start + 2], PLAIN["FOLDERS"])
                writer.write_table(part)

    rows = entries()
    with ManifestFile(write(tmp_path / "m", rows, rollup=deepest_first)) as manifest:
        assert list(manifest.folders()) == list(MemoryManifest(rows).folders())
        manifest.check()


def all_in_one(writer: pq.ParquetWriter, totals: list[dict[str, Any]]) -> None:
    writer.write_table(PLAIN["table"](totals, PLAIN["FOLDERS"]))


def wrong_depth(writer: pq.ParquetWriter, totals: list[dict[str, Any]]) -> None:
    by_depth(writer, [total | {"depth": total["depth"] + 1} for total in totals])


def unsorted(writer: pq.ParquetWriter, totals: list[dict[str, Any]]) -> None:
    by_depth(writer, totals[::-1])


def negative(writer: pq.ParquetWriter, totals: list[dict[str, Any]]) -> None:
    by_depth(writer, [total | {"size": -1} for total in totals])


@pytest.mark.parametrize(
    ("rollup", "named"),
    [
        (all_in_one, "folders of one depth"),
        (wrong_depth, "the number of slashes"),
        (unsorted, "a path after"),
        (negative, "0 or more"),
    ],
)
def test_mend_09_a_roll_up_that_breaks_the_format_is_named(
    tmp_path: Path, rollup: Callable[..., None], named: str
) -> None:
    path = write(tmp_path / "m", entries(), rollup=rollup)
    with ManifestFile(path) as manifest:
        assert len(list(manifest.entries())) == 35
        with pytest.raises(Conflict, match=named):
            list(manifest.folders())


def test_mend_09_a_path_twice_over_two_row_groups_is_found_by_its_path(tmp_path: Path) -> None:
    twice = entries()[9].path
    manifest = ManifestFile(write(tmp_path / "m", entries(), put("path", 10, twice)))
    with pytest.raises(Conflict, match="a path after"):
        manifest.get(twice)


@pytest.mark.parametrize(
    ("change", "footer", "named"),
    [
        (put("size", 3, 4), {}, "roll-up"),
        (put("uri", 3, "s3://elsewhere/x"), {}, "footer"),
        (put("checksum", 3, "0" * 32), {}, "footer"),
        (lambda t: t, {"landfast.content_digest": "lf1:" + "0" * 64}, "footer"),
        (lambda t: t, {"landfast.unpinned": "7"}, "footer"),
        (lambda t: t, {"landfast.size": "7"}, "footer"),
    ],
)
def test_mend_09_a_check_recomputes_digests_and_totals_from_the_rows(
    tmp_path: Path, change: Change, footer: dict[str, str | None], named: str
) -> None:
    with ManifestFile(write(tmp_path / "good", entries())) as manifest:
        manifest.check()
    with ManifestFile(write(tmp_path / "m", entries(), change, footer=footer)) as manifest:
        assert len(list(manifest.entries())) == 35
        with pytest.raises(Conflict, match=f"breaks the format at its {named}"):
            manifest.check()


def test_mend_09_an_encrypted_file_is_a_conflict(tmp_path: Path) -> None:
    import base64

    import pyarrow.parquet.encryption as pe

    class Keys(pe.KmsClient):  # type: ignore[misc]
        def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
            return base64.b64encode(key_bytes)

        def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
            return base64.b64decode(wrapped_key)

    connection = pe.KmsConnectionConfig()
    crypto = pe.CryptoFactory(lambda config: Keys())
    for plain_footer in (True, False):
        config = pe.EncryptionConfiguration(
            footer_key="f", column_keys={"c": ["path"]}, plaintext_footer=plain_footer
        )
        encrypted = crypto.file_encryption_properties(connection, config)
        path = write(tmp_path / "m", entries(), encryption_properties=encrypted)
        with pytest.raises(Conflict, match="damaged"):
            list(ManifestFile(path).entries())


def test_mend_09_a_deep_verify_recomputes_the_digest(tmp_path: Path) -> None:
    footer = {"landfast.content_digest": "lf1:" + "0" * 64}
    path = write(tmp_path / "m", [], footer=dict(footer))
    with ManifestFile(path) as manifest:
        assert verify(manifest, [], Stores()).ok
        with pytest.raises(Conflict, match="breaks the format at its footer"):
            verify(manifest, [], Stores(), deep=True)
