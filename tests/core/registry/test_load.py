"""No question grows with the registry: three times the rows are the same work, and an index serves each question."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kit.registry_load import Load, fill
from kit.registry_questions import questions, upkeep
from landfast.registry.opener import open_registry
from landfast.registry.registry import Registry
from sqlalchemy import event

_SMALL = Load(collections=1_000, observations=5_000, runs=5_000)
_LARGE = Load(collections=3_000, observations=15_000, runs=15_000)

# What may grow, and why.
GROWS = {
    "state": "counts everything, in indexes",
    "garbage": "looks for what nobody names, and reads on until it finds some",
    "home page": "shows a collection whose partitions grow too, and how many collections there are",
    "collections": "counts the versions of each, and one of them grows",
    "collections page": "says how many collections there are",
    "partitions page": "says how many partitions the collection has",
    "changes of a collection": "catches up with a collection whose changes grow too",
    "changes page of a collection": "looks for changes of a collection in which nothing happened lately",
}
# Instructions of SQLite: what a page's rows and ids of another length may differ by.
_SLACK = 3_000
_STEP = 50

# Tables that have few rows in any registry.
_FEW = {"entities", "projects", "registry", "counters", "alembic_version"}
# PostgreSQL reads these as a whole, or in the order of their keys until a page is full.
_READ = {"state": "counts everything"}


def test_the_work_of_a_question_does_not_grow_with_the_registry(tmp_path: Path) -> None:
    few = work(tmp_path / "small.db", _SMALL)
    many = work(tmp_path / "large.db", _LARGE)
    grown = {name for name in few if many[name] > 1.5 * few[name] + _SLACK}
    assert grown <= set(GROWS), {name: (few[name], many[name]) for name in grown - set(GROWS)}


def work(path: Path, load: Load) -> dict[str, int]:
    """Return how many instructions SQLite runs for each question."""
    fill(f"sqlite:///{path}", load)
    registry = open_registry(f"sqlite:///{path}")
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += _STEP
        return 0

    def count(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.set_progress_handler(step, _STEP)

    event.listen(registry._database.open().engine, "checkout", count)
    found = {}
    for name, ask in {**questions(registry), **upkeep(registry)}.items():
        ask()  # what it makes is there
        steps = 0
        ask()
        found[name] = steps
    registry.close()
    return found


@pytest.fixture
def loaded(postgres_url: str) -> Iterator[Registry]:
    fill(postgres_url, _SMALL)
    registry = open_registry(postgres_url)
    yield registry
    registry.close()


def test_postgresql_has_an_index_for_every_question(loaded: Registry) -> None:
    engine = loaded._database.open().engine
    scanned = {}
    for name, ask in {**questions(loaded), **upkeep(loaded)}.items():
        with statements(engine) as asked:
            ask()
        tables = {table for statement in asked for table in read_whole(engine, *statement)}
        if tables - _FEW and name not in _READ:
            scanned[name] = tables - _FEW
    assert scanned == {}


@contextmanager
def statements(engine: Any) -> Iterator[list[tuple[str, Any]]]:
    """Take down what is asked."""
    asked: list[tuple[str, Any]] = []

    def take(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "WITH")):
            asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", take)
    yield asked
    event.remove(engine, "before_cursor_execute", take)


def read_whole(engine: Any, statement: str, parameters: Any) -> Iterator[str]:
    """Yield the tables that a statement would read from end to end for want of an index."""
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        plan = cursor.fetchone()[0]
    finally:
        raw.rollback()
        raw.close()
    yield from seq_scans(plan if isinstance(plan, list) else json.loads(plan))


def seq_scans(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from seq_scans(each)
    elif isinstance(node, dict):
        if node.get("Node Type") == "Seq Scan":
            yield node["Relation Name"]
        for value in node.values():
            yield from seq_scans(value)
