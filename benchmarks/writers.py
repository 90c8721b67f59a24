"""Measure many processes that log changed content to one PostgreSQL at once, beside a bare transaction.

    python benchmarks/writers.py [--writers 32] [--logs 20]

The bare transaction is psycopg's, by as many processes in the same run: one UPDATE of a shared counter that returns it,
one INSERT of a row as wide as a version's, and the commit.  It does not even look whether the content is known; nobody
can number versions without a gap and do less.  The server is durable (`fsync`): what a commit waits for is the same on
both sides.  Every writer logs contents of its own, all to one collection, and each to a collection of its own; the
numbers of the versions and the positions of the feed have to be without a gap.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from rows import Row, command

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from kit.forks import context
from kit.servers.postgres import Postgres, postgres

_PATIENCE_S = 120
# Each writer begins with some that are not measured: drivers prepare a statement when they see it again.
_WARM = 10
_COUNTED = 500
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "shared_buffers": "256MB"}
_BARE = """
CREATE TABLE counter (id int PRIMARY KEY, value bigint NOT NULL);
CREATE TABLE numbered (
    id bigint PRIMARY KEY, digest text NOT NULL UNIQUE, blob text NOT NULL, sources text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO counter VALUES (1, 0);
"""
_SOURCES = '[{"uri":"s3://bucket/datasets/mnist/","name":"","endpoint":"https://s3.example.com"}]'


def measure(given: Namespace) -> Iterator[Row]:
    """Let all of them write, several times each way."""
    total = given.writers * given.logs
    with postgres(_DURABLE) as server:

        def rate(run: Callable[..., float], *how: Any) -> float:
            return statistics.median(
                [total / run(server, given.writers, given.logs, *how) for _ in range(given.repeat)]
            )

        bare = rate(_bare)
        who = f"{given.writers} writers on PostgreSQL"
        for places, what in ((1, "one collection"), (given.writers, "a collection each")):
            yield Row(
                f"{who}, changed content, {what}",
                rate(_ours, places),
                "logs/s",
                beside=bare,
                peer="bare counter bump and INSERT",
                ratio_at_least=0.5,
                note="no gap and no duplicate, in numbers and feed",
            )
        yield _cpu(server)
        alone = total / _bare(server, 1, total)
        ours = total / _ours(server, 1, total, 1)
        yield Row("1 writer, changed content", ours, "logs/s", beside=alone, peer="bare, 1 writer")


def _cpu(server: Postgres) -> Row:
    """Tell what one log takes of the cores, beside a bare transaction: what limits writers that share them."""
    import psycopg
    from landfast.registry.opener import init_registry, open_registry
    from landfast.testing.registry.drafts import draft

    url = server.create()
    init_registry(url, "s3://bucket/store/")
    registry = open_registry(url)
    requests = [draft(registry, str(turn), ticket=1) for turn in range(_WARM + _COUNTED)]

    def log(turn: int) -> None:
        registry.log(requests[turn])

    client, behind = _cpu_of(url, log)
    registry.close()
    with psycopg.connect(url) as connection:
        connection.execute(_BARE)
    with psycopg.connect(url) as connection:
        bare = _cpu_of(url, lambda _: _bump(connection))
    server.drop(url)
    return Row(
        "1 writer, changed content",
        (client + behind) * 1000,
        "ms CPU a log",
        beside=sum(bare) * 1000,
        peer="bare counter bump and INSERT",
        note=(
            f"{client * 1000:.2f} ms in the client and {behind * 1000:.2f} ms in the server;"
            f" bare {bare[0] * 1000:.2f} and {bare[1] * 1000:.2f}. Writers share the cores with the server,"
            " so this ratio limits the ratio of their rates"
        ),
    )


def _cpu_of(url: str, write: Callable[[int], object]) -> tuple[float, float]:
    """Return the seconds of CPU that one write takes in this process, and in the server's processes."""
    import psycopg

    for turn in range(_WARM):
        write(turn)
    with psycopg.connect(url, autocommit=True) as connection:
        before = time.process_time(), _server_s(connection)
        for turn in range(_WARM, _WARM + _COUNTED):
            write(turn)
        after = time.process_time(), _server_s(connection)
    client, behind = ((late - early) / _COUNTED for early, late in zip(before, after, strict=True))
    return client, behind


def _server_s(connection: Any) -> float:
    """Return the seconds of CPU that all other sessions of a database took so far."""
    others = (
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    ticks = 0
    for (pid,) in connection.execute(others).fetchall():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _bare(server: Postgres, writers: int, each: int) -> float:
    """Return the seconds that bare transactions take."""
    import psycopg

    url = server.create()
    with psycopg.connect(url) as connection:
        connection.execute(_BARE)
    took = _together(_write_bare, url, writers, each)
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT count(*), max(id) FROM numbered").fetchone()
    total = writers * (each + _WARM)
    assert found == (total, total), found
    server.drop(url)
    return took


def _write_bare(url: str, _: int, each: int, barrier: Barrier) -> None:
    import psycopg

    with psycopg.connect(url) as connection:
        for turn in range(-_WARM, each):
            if turn == 0:
                barrier.wait(_PATIENCE_S)
            _bump(connection)
        barrier.wait(_PATIENCE_S)


def _bump(connection: Any) -> None:
    bumped = "UPDATE counter SET value = value + 1 WHERE id = 1 RETURNING value"
    row = connection.execute(bumped).fetchone()
    assert row is not None
    connection.execute(
        "INSERT INTO numbered (id, digest, blob, sources) VALUES (%s, %s, %s, %s)",
        (row[0], f"lf1:{row[0]:064}", f"{row[0]:064}", _SOURCES),
    )
    connection.commit()


def _ours(server: Postgres, writers: int, each: int, places: int) -> float:
    """Return the seconds that logs take, and check that nothing is missing."""
    import psycopg
    from landfast.registry.opener import init_registry

    url = server.create()
    init_registry(url, "s3://bucket/store/")
    took = _together(_log, url, writers, each, places)
    with psycopg.connect(url) as connection:
        ask = connection.execute
        numbers = ask(
            "SELECT count(*), sum(top + 1)::bigint FROM"
            " (SELECT count(*) AS n, max(number) AS top FROM versions GROUP BY partition_id) p"
        ).fetchone()
        positions = ask("SELECT count(*), max(position), min(position) FROM changes").fetchone()
    total = writers * (each + _WARM)
    assert numbers == (places, total), numbers
    assert positions == (total, total, 1), positions
    server.drop(url)
    return took


def _log(url: str, number: int, each: int, barrier: Barrier, places: int) -> None:
    from landfast.model.source import Source
    from landfast.registry.opener import open_registry
    from landfast.testing.registry.drafts import NAME, draft

    registry = open_registry(url)
    source = Source(uri="s3://bucket/datasets/mnist/", endpoint="https://s3.example.com")
    name = NAME if places == 1 else NAME.__class__.parse(f"default/vision/mnist{number}")
    # All began together: each log moves `latest`, and is a change of the feed.
    requests = [
        draft(registry, f"{number} {turn}", name=name, sources=(source,), ticket=1)
        for turn in range(each + _WARM)
    ]
    for turn, request in enumerate(requests):
        if turn == _WARM:
            barrier.wait(_PATIENCE_S)
        registry.log(request)
    barrier.wait(_PATIENCE_S)
    registry.close()


def _together(target: Callable[..., None], url: str, writers: int, *how: Any) -> float:
    """Start writers, and return the seconds from when all are ready until all are done."""
    barrier = context.Barrier(writers + 1)
    processes = [
        context.Process(target=target, args=(url, number, how[0], barrier, *how[1:]))
        for number in range(writers)
    ]
    for process in processes:
        process.start()
    barrier.wait(_PATIENCE_S)
    began = time.perf_counter()
    barrier.wait(_PATIENCE_S)
    took = time.perf_counter() - began
    for process in processes:
        process.join(_PATIENCE_S)
    assert all(process.exitcode == 0 for process in processes)
    return took


if __name__ == "__main__":
    command("writers", "Many writers", measure, __doc__, writers=(32, 32), logs=(20, 50))
