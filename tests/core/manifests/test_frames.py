"""Rows of a manifest as Arrow, pandas and Polars: what entries say, column by column."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from landfast import Client, InvalidInput, Manifest, ManifestEntry, MissingExtra
from landfast.manifests.batch import in_batches
from landfast.manifests.memory import MemoryManifest
from landfast.manifests.reader import ManifestFile
from landfast.manifests.schema import ROWS_PER_GROUP
from landfast.manifests.writer import ManifestWriter
from landfast.model.checksum import Checksum
from landfast.testing import strategies

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
PLAIN = ManifestEntry(
    path="a/ü x",
    size=2**53 + 1,
    checksum=Checksum("s3-etag", "abc"),
    uri="s3://b/a/ü x",
    version_id="v1",
    etag="abc",
    modified_at=NOON,
)
BARE = ManifestEntry(path="b", size=None, checksum=None, uri="https://h/b", etag="other")
MANIFEST = MemoryManifest([PLAIN, BARE])


def as_row(entry: ManifestEntry) -> dict[str, object]:
    token = entry.checksum
    return {
        "path": entry.path,
        "size": entry.size,
        "checksum_algorithm": token and token.algorithm,
        "checksum": token and token.value,
        "uri": entry.uri,
        "version_id": entry.version_id,
        "etag": entry.etag,
        "modified_at": entry.modified_at,
    }


@given(strategies.manifests())
def test_a_table_says_what_the_entries_say(manifest: MemoryManifest) -> None:
    assert manifest.to_arrow().to_pylist() == [as_row(entry) for entry in manifest]


def test_an_etag_is_in_its_column_also_where_it_is_the_checksum() -> None:
    assert MANIFEST.to_arrow()["etag"].to_pylist() == ["abc", "other"]


def test_columns_come_in_the_order_asked_for() -> None:
    table = MANIFEST.to_arrow(columns=["size", "path"])
    assert table.to_pylist() == [
        {"size": 2**53 + 1, "path": "a/ü x"},
        {"size": None, "path": "b"},
    ]


def test_a_column_that_is_not_there_is_an_error_that_names_those_that_are() -> None:
    with pytest.raises(InvalidInput, match=r"no column 'etag_is_checksum'.* path, size, .*etag"):
        MANIFEST.to_arrow(columns=["etag_is_checksum"])


def test_a_prefix_is_text_as_for_entries() -> None:
    assert MANIFEST.to_arrow("a/").num_rows == 1
    assert MANIFEST.to_polars("none").shape == (0, 8)
    assert MANIFEST.to_pandas("none").shape == (0, 8)


def test_no_entries_are_a_table_without_rows() -> None:
    assert MemoryManifest().to_arrow().schema == MANIFEST.to_arrow().schema


def test_pandas_loses_no_byte_of_a_size_beside_an_unknown_one() -> None:
    frame = MANIFEST.to_pandas()
    assert frame["size"].dtype == pd.Int64Dtype()
    assert frame["size"][0] == 2**53 + 1
    assert frame["size"][1] is pd.NA
    assert frame["modified_at"][0] == pd.Timestamp(NOON)
    assert MANIFEST.to_pandas("a")["size"].dtype == pd.Int64Dtype()


def test_polars_has_the_same_rows() -> None:
    assert MANIFEST.to_polars().to_dicts() == [as_row(PLAIN), as_row(BARE)]


@pytest.fixture
def large(tmp_path: Path) -> ManifestFile:
    """A manifest of several row groups."""
    count = 2 * ROWS_PER_GROUP + 5
    paths = [f"d{number // 1000:03}/{number:06}" for number in range(count)]
    entries = [
        ManifestEntry(path=path, size=number, checksum=None, uri=f"s3://b/{path}")
        for number, path in enumerate(paths)
    ]
    with ManifestWriter(tmp_path / "m.parquet") as writer:
        for batch in in_batches(entries):
            writer.add_batch(batch)
        writer.finish()
    return ManifestFile(tmp_path / "m.parquet")


def test_a_stream_has_a_row_group_at_a_time(large: ManifestFile) -> None:
    sizes = [batch.num_rows for batch in large.to_arrow_batch_reader(columns=["path"])]
    assert sum(sizes) == len(large)
    assert max(sizes) <= ROWS_PER_GROUP
    assert large.to_arrow("d007/")["size"].to_pylist() == list(range(7000, 8000))


@pytest.mark.parametrize("take", [pa.table, pl.DataFrame])
def test_whoever_reads_arrow_streams_takes_a_version_as_it_is(tmp_path: Path, take) -> None:
    (tmp_path / "x.csv").write_text("1")
    version = Client().log("points", tmp_path / "x.csv")
    for held in (version, version.manifest):
        assert take(held).shape == (1, 8)


def test_a_logged_draft_forwards_to_its_version(tmp_path: Path) -> None:
    from landfast import Artifact, NotLogged

    (tmp_path / "x.csv").write_text("1")
    draft = Artifact("points", "dataset")
    draft.add_file(str(tmp_path / "x.csv"))
    with pytest.raises(NotLogged):
        draft.to_arrow()
    Client().log_artifact(draft)
    assert draft.to_arrow(columns=["path"]).to_pylist() == [{"path": "x.csv"}]
    assert draft.to_pandas().shape == draft.to_polars().shape == (1, 8)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_without_the_library_the_error_names_what_installs_it(library: str, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=rf"pip install 'landfast\[{library}\]'"):
        getattr(MANIFEST, f"to_{library}")()


def test_a_library_that_lacks_something_of_its_own_says_so(monkeypatch) -> None:
    def broken(name: str, *_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'numpy'", name="numpy")

    monkeypatch.delitem(sys.modules, "pandas")
    monkeypatch.setattr("builtins.__import__", broken)
    with pytest.raises(ModuleNotFoundError, match="numpy"):
        MANIFEST.to_pandas()


def test_every_manifest_has_the_methods() -> None:
    assert {"to_arrow", "to_pandas", "to_polars", "to_arrow_batch_reader"} <= set(dir(Manifest))
