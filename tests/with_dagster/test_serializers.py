"""Objects come back as they were, and equal objects are equal bytes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster_landfast.serializers as serializers
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from dagster_landfast.serializers import SAFE, PickleSerializer, serializer_for, serializer_of
from landfast import InvalidInput

ROOT = Path(__file__).parents[2]


def stored(value: object, folder: Path, *, named: str | None = None, pickle: bool = False) -> Path:
    known = (*SAFE, PickleSerializer()) if pickle else SAFE
    chosen = serializer_for(value, known, subject="asset x", named=named)
    path = folder / f"data.{chosen.extension}"
    chosen.write(value, path)
    return path


def read(path: Path, wanted: Any = Any, *, pickle: bool = False) -> Any:
    known = (*SAFE, PickleSerializer()) if pickle else SAFE
    with path.open("rb") as stream:
        return serializer_of(path.name, known, subject="asset x").read(stream, wanted)


@pytest.mark.parametrize(
    "value",
    [
        {"b": [1, 2.5, None, True], "a": {"deep": "ä\ud800"}},
        [],
        "text",
        0,
        -0.0,
        2**80,
        False,
        None,
        {"rmse": np.float64(0.25)},
    ],
    ids=repr,
)
def test_plain_values_come_back_equal_from_json(value: object, tmp_path: Path) -> None:
    path = stored(value, tmp_path)
    assert path.name == "data.json"
    assert read(path) == value


def test_not_a_number_comes_back_from_json(tmp_path: Path) -> None:
    assert np.isnan(read(stored({"loss": float("nan")}, tmp_path))["loss"])


@pytest.mark.parametrize("value", [(1, 2), {1: "a"}, {"a": (1,)}, {"a": {1}}, object], ids=repr)
def test_what_json_would_change_is_refused(value: object, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"asset x returned .*allow_pickle=True"):
        stored(value, tmp_path)


def test_a_value_that_holds_itself_is_refused(tmp_path: Path) -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(InvalidInput, match="asset x"):
        stored(value, tmp_path)


@pytest.mark.parametrize(
    "value",
    [
        np.arange(12).reshape(3, 4),
        np.zeros((0, 2), dtype="f4"),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        np.float32(1.5),
        np.array(["2026-11-22"], dtype="M8[D]"),
    ],
    ids=lambda value: f"{value.dtype} {value.shape}",
)
def test_arrays_come_back_equal(value: Any, tmp_path: Path) -> None:
    found = read(stored(value, tmp_path))
    assert found.dtype == value.dtype
    assert found.shape == value.shape
    assert np.array_equal(found, value)


@pytest.mark.parametrize(
    "value",
    [np.array([object()]), np.ma.masked_array([1, 2], [True, False])],
    ids=["objects", "masked"],
)
def test_an_array_that_would_lose_something_is_refused(value: object, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be stored"):
        stored(value, tmp_path)


def test_bytes_come_back(tmp_path: Path) -> None:
    assert read(stored(b"\0\xff", tmp_path)) == b"\0\xff"


def pandas_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "n": [1, None],
            "word": ["a", "b"],
            "when": pd.to_datetime(["2026-01-01", "2026-01-02"], utc=True),
            "kind": pd.Categorical(["x", "y"], categories=["y", "x"], ordered=True),
        },
        index=pd.Index([10, 20], name="key"),
    )


def polars_frame() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "n": [1, None],
            "word": ["a", "b"],
            "many": [[1], [2, 3]],
            "kind": pl.Series(["x", "y"], dtype=pl.Enum(["y", "x"])),
        }
    )


def test_frames_come_back_as_what_they_were(tmp_path: Path) -> None:
    pd.testing.assert_frame_equal(read(stored(pandas_frame(), tmp_path)), pandas_frame())
    frame = read(stored(polars_frame(), tmp_path))
    assert frame.equals(polars_frame())
    assert frame.schema == polars_frame().schema
    table = pa.Table.from_pandas(pandas_frame())
    assert read(stored(table, tmp_path)).equals(table, check_metadata=True)
    bare = pa.table({"a": [1, 2]})
    assert read(stored(bare, tmp_path)).equals(bare, check_metadata=True)


@pytest.mark.parametrize("made", [pandas_frame, polars_frame], ids=["pandas", "polars"])
@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (pd.DataFrame, pd.DataFrame),
        (pl.DataFrame, pl.DataFrame),
        (pl.DataFrame | None, pl.DataFrame),
        (pl.LazyFrame, pl.LazyFrame),
        (pa.Table, pa.Table),
    ],
    ids=str,
)
def test_a_frame_is_read_as_what_the_annotation_wants(
    made: Any, wanted: Any, found: type, tmp_path: Path
) -> None:
    frame = read(stored(made(), tmp_path), wanted)
    assert isinstance(frame, found)
    rows = frame.collect() if isinstance(frame, pl.LazyFrame) else frame
    assert list(rows["word"].to_pylist() if isinstance(rows, pa.Table) else rows["word"]) == [
        "a",
        "b",
    ]


def test_a_lazy_frame_is_collected(tmp_path: Path) -> None:
    assert read(stored(polars_frame().lazy(), tmp_path)).equals(polars_frame())


def test_a_frame_is_not_read_as_something_else(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read as <class 'dict'>"):
        read(stored(polars_frame(), tmp_path), dict)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1, "x"]}),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pl.DataFrame({"a": [object()]}, schema={"a": pl.Object}),
    ],
    ids=["mixed", "twice", "object"],
)
def test_a_frame_that_parquet_has_no_form_for_is_refused(frame: object, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be written as Parquet"):
        stored(frame, tmp_path)


def test_the_pieces_that_an_object_was_made_of_do_not_show_in_its_bytes(tmp_path: Path) -> None:
    columns = {"n": list(range(5000)), "word": [str(i % 7) for i in range(5000)]}
    table, frame = pa.table(columns), pl.DataFrame(columns)
    array = np.arange(12).reshape(3, 4)
    pairs = [
        (table, pa.concat_tables([table.slice(0, 7), table.slice(7)])),
        (frame, pl.concat([frame[:7], frame[7:]], rechunk=False)),
        (table.to_pandas(), pd.concat([table.to_pandas()[:7], table.to_pandas()[7:]])),
        (array, np.asfortranarray(array)),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ]
    for one, other in pairs:
        assert stored(one, tmp_path).read_bytes() == stored(other, tmp_path).read_bytes()


def of_each_kind() -> list[object]:
    columns = {"n": list(range(1000)), "word": [f"w{i % 9}" for i in range(1000)]}
    return [
        pd.DataFrame(columns),
        pl.DataFrame(columns),
        pa.table(columns),
        np.arange(9.0),
        columns,
    ]


WRITE_ALL = """
import sys
from pathlib import Path
from tests.with_dagster.test_serializers import of_each_kind, stored

for number, value in enumerate(of_each_kind()):
    folder = Path(sys.argv[1], str(number))
    folder.mkdir()
    stored(value, folder)
"""


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITE_ALL, str(tmp_path)]
    environment = {"PYTHONHASHSEED": "1", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    subprocess.run(command, env=environment, check=True)
    here = tmp_path / "here"
    here.mkdir()
    for number, value in enumerate(of_each_kind()):
        (there,) = (tmp_path / str(number)).iterdir()
        assert there.read_bytes() == stored(value, here).read_bytes(), there.name


def test_pickle_is_written_only_where_it_was_asked_for(tmp_path: Path) -> None:
    value = {1, 2}
    with pytest.raises(InvalidInput, match="allow_pickle=True"):
        stored(value, tmp_path)
    with pytest.raises(InvalidInput, match=r"serializer 'pickle'.*allow_pickle=True"):
        stored(value, tmp_path, named="pickle")
    assert read(stored(value, tmp_path, pickle=True), pickle=True) == value


def test_pickle_is_read_only_where_it_was_asked_for(tmp_path: Path) -> None:
    path = stored({1, 2}, tmp_path, pickle=True)
    with pytest.raises(InvalidInput, match=r"runs code.*allow_pickle=True"):
        read(path)


def test_what_cannot_be_pickled_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be pickled"):
        stored(lambda: None, tmp_path, pickle=True)


def test_a_serializer_can_be_named(tmp_path: Path) -> None:
    assert stored({"a": 1}, tmp_path, named="pickle", pickle=True).name == "data.pkl"
    with pytest.raises(InvalidInput, match="serializer 'yaml': expected one of bytes, json"):
        stored(1, tmp_path, named="yaml")
    with pytest.raises(InvalidInput, match="expected frames"):
        stored({"a": 1}, tmp_path, named="parquet")


def test_a_file_that_nobody_wrote_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(InvalidInput, match="ArtifactVersion or Path"):
        read(tmp_path / "photo.jpg")


def test_every_serializer_has_a_name_and_extension_of_its_own() -> None:
    known = (*SAFE, PickleSerializer())
    assert len({serializer.name for serializer in known}) == len(known)
    assert len({serializer.extension for serializer in known}) == len(known)
    assert serializers.STEM == "data"
