"""Many processes log to one collection at once: no gap, no duplicate, no lost alias, every manifest whole."""

from __future__ import annotations

import hashlib
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from kit.forks import context, fork
from landfast import Client
from sqlalchemy import NullPool, create_engine, text

from tests.kit.digests import content_digest

DISTINCT, SHARED = 20, 5
PATIENCE_S = 1000


def contents(number: int) -> list[str]:
    """What a process logs: its own contents, those that everybody logs strewn among them."""
    mine = [f"process {number}, turn {turn}" for turn in range(DISTINCT)]
    for turn in range(SHARED):
        mine.insert(turn * 4 + number % 4, f"shared, turn {turn}")
    return mine


def write(url: str, folder: Path, number: int, barrier: Barrier) -> None:
    """Log every content through a client of this process's own."""
    client = Client(url, project="crowd")
    client.ticket()  # everything is imported and connected before the start
    barrier.wait(PATIENCE_S)
    for turn, content in enumerate(contents(number)):
        place = folder / str(number) / str(turn)
        place.mkdir(parents=True)
        (place / "file").write_text(content)
        client.log("data", str(place), aliases=[f"writer-{number}"])
    client.close()


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "processes",
    [8, pytest.param(32, marks=[pytest.mark.system, pytest.mark.nightly])],
    ids="{}-processes".format,
)
def test_processes_log_to_one_collection_at_once(
    registry_url: str, tmp_path: Path, processes: int
) -> None:
    barrier = context.Barrier(processes)
    children = [fork(write, registry_url, tmp_path, number, barrier) for number in range(processes)]
    for child in children:
        child.start()
    for child in children:
        child.join(PATIENCE_S)
    assert [child.exitcode for child in children] == [0] * processes
    check_rows(registry_url, processes)
    check_manifests(registry_url, processes)


def check_rows(url: str, processes: int) -> None:
    versions = processes * DISTINCT + SHARED
    driver = url.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(driver, poolclass=NullPool)
    with engine.connect() as connection:

        def column(statement: str) -> list[int]:
            return list(connection.execute(text(statement)).scalars())

        assert column("SELECT number FROM versions ORDER BY number") == list(range(versions))
        assert column("SELECT count(DISTINCT digest) FROM versions") == [versions]
        assert column("SELECT count(*) FROM observations") == [processes * (DISTINCT + SHARED)]
        positions = column("SELECT position FROM changes ORDER BY position")
        assert positions == list(range(1, len(positions) + 1))
        for table in ("collections", "partitions"):
            assert column(f"SELECT count(*) FROM {table}") == [1]
        assert column("SELECT count(*) FROM runs") == [processes]
    engine.dispose()


def check_manifests(url: str, processes: int) -> None:
    client = Client(url, project="crowd")
    found = {}
    for version in client.versions("data"):
        (entry,) = version.entries()
        assert entry.path == "file"
        assert entry.checksum is not None
        assert version.digest == version.manifest.summary.digest == content_digest([entry])
        assert entry.checksum.value not in found
        found[entry.checksum.value] = version
    expected = {sha256(content) for number in range(processes) for content in contents(number)}
    assert set(found) == expected
    for number in range(processes):
        last = found[sha256(contents(number)[-1])]
        assert client.get(f"data:writer-{number}") == last
    moved = [change for change in client.changes() if change.alias == "latest"]
    assert str(client.get("data").full_name) == str(moved[-1].version)
    client.close()


def sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
