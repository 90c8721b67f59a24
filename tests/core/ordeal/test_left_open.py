"""A client that nobody closes leaves no connection behind and no warning."""

from __future__ import annotations

import gc
import os
import warnings
from pathlib import Path

import landfast
import psycopg
import pytest


def log_once(url: str, folder: Path) -> None:
    (folder / "file").write_text("content")
    landfast.Client(url).log("d", str(folder))


def test_a_dropped_client_closes_its_connections(registry_url: str, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        log_once(registry_url, tmp_path / "d")
        gc.collect()
    assert [w.message for w in caught if w.category is ResourceWarning] == []
    if registry_url.startswith("postgresql"):
        assert connections(registry_url) == 0


def connections(url: str) -> int:
    database = url.rpartition("/")[2]
    with psycopg.connect(url.replace(database, "postgres")) as own:
        asked = own.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [database]
        ).fetchone()
    assert asked is not None
    return int(asked[0])


@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_client_dropped_in_a_fork_leaves_the_parents_connection(
    registry_url: str, tmp_path: Path
) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "file").write_text("content")
    client = landfast.Client(registry_url)
    client.log("d", str(tmp_path / "d"))
    child = os.fork()
    if child == 0:
        del client
        gc.collect()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert client.get("d").version == "v0"
    client.close()
