"""pandas, Polars, PyArrow, DuckDB and Dask read pinned bytes by name; the objects were overwritten since."""

from __future__ import annotations

import duckdb
import fsspec
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from landfast import ObjectChanged
from pyarrow.fs import FileSystem, FSSpecHandler, PyFileSystem

from tests.core.analysis.conftest import URL, Points

SUM = sum(range(200))


@pytest.mark.usefixtures("points")
def test_pandas() -> None:
    assert pd.read_csv(f"{URL}/c/a.csv").to_dict("list") == {"x": [1], "y": [2]}
    assert pd.read_parquet(f"{URL}/p/a.parquet")["n"].tolist() == list(range(100))
    assert pd.read_parquet(f"{URL}/p")["n"].sum() == SUM
    options = {"project": "vision"}
    assert len(pd.read_csv("landfast://points:v0/c/b.csv", storage_options=options)) == 1
    with pytest.raises(FileNotFoundError, match="none"):
        pd.read_csv(f"{URL}/none.csv")
    with pytest.raises(OSError, match="cannot be written"):
        pd.DataFrame({"a": [1]}).to_csv(f"{URL}/new.csv")


@pytest.mark.usefixtures("points")
def test_polars() -> None:
    fs = fsspec.filesystem("landfast")
    with fs.open(f"{URL}/c/a.csv") as file:
        assert pl.read_csv(file).to_dicts() == [{"x": 1, "y": 2}]
    dataset = ds.dataset("vision/points:prod/p", filesystem=fs)
    assert pl.scan_pyarrow_dataset(dataset).select(pl.col("n").sum()).collect().item() == SUM
    files = [fs.open(path) for path in fs.glob(f"{URL}/p/*.parquet")]
    assert pl.scan_parquet(files).select(pl.col("n").sum()).collect().item() == SUM
    for file in files:
        file.close()


@pytest.mark.usefixtures("points")
def test_pyarrow() -> None:
    arrow = PyFileSystem(FSSpecHandler(fsspec.filesystem("landfast")))
    assert pq.read_table("vision/points:prod/p/b.parquet", filesystem=arrow).num_rows == 100
    dataset = ds.dataset("vision/points:prod/p", filesystem=arrow)
    assert dataset.count_rows(filter=ds.field("n") < 50) == 50
    found, path = FileSystem.from_uri(f"fsspec+{URL}/p")
    assert ds.dataset(path, filesystem=found).to_table(columns=["n"])["n"].to_pylist()[-1] == 199
    with pytest.raises(FileNotFoundError):
        pq.read_table("vision/points:prod/none.parquet", filesystem=arrow)


@pytest.mark.usefixtures("points")
def test_duckdb() -> None:
    with duckdb.connect() as connection:
        connection.register_filesystem(fsspec.filesystem("landfast"))
        query = f"select sum(n) from read_parquet('{URL}/p/*.parquet')"
        assert connection.sql(query).fetchall() == [(SUM,)]
        rows = connection.sql(f"from '{URL}/c/*.csv' order by x").fetchall()
        assert rows == [(1, 2), (3, 4)]


@pytest.mark.usefixtures("points")
@pytest.mark.parametrize(
    "scheduler", ["threads", pytest.param("processes", marks=pytest.mark.system)]
)
def test_dask(scheduler: str) -> None:
    import dask  # here, as it takes 2 s, which each worker would spend on collecting
    import dask.dataframe as dd

    with dask.config.set(scheduler=scheduler, num_workers=2):
        assert dd.read_parquet(f"{URL}/p")["n"].sum().compute() == SUM
        assert dd.read_csv(f"{URL}/c/*.csv")["x"].sum().compute() == 4


def test_whoever_reads_gets_the_error_and_not_other_bytes(unversioned: Points) -> None:
    unversioned.overwrite("p/a.parquet", "c/a.csv")
    with pytest.raises(ObjectChanged):
        pd.read_parquet(f"{URL}/p")
    with pytest.raises(ObjectChanged):
        pd.read_csv(f"{URL}/c/a.csv")
    with duckdb.connect() as connection:
        connection.register_filesystem(fsspec.filesystem("landfast"))
        with pytest.raises(duckdb.Error, match="ObjectChanged"):
            connection.sql(f"from '{URL}/c/a.csv'").fetchall()
