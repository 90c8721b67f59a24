"""Lineage of many edges: memory does not grow with them, and statements by one for each thousand nodes."""

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from kit.lineages import Recorder
from landfast.cli import main
from landfast.model.lineage import Direction
from landfast.model.version import VersionRecord
from landfast.query import lineage as query_lineage
from landfast.query.lineage import lineage, runs_using
from landfast.registry import edges as edge_rows
from landfast.registry.opener import open_registry
from landfast.registry.registry import Registry
from landfast.registry.schema.tables import edges, runs
from landfast.system import spilled_rows
from sqlalchemy import Engine, event, select

FEW, MANY = 300, 1_800


@pytest.fixture(params=["sqlite", "postgresql"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/registry.db"
    else:
        url = request.getfixturevalue("postgres_registry")((tmp_path / "store").as_uri())
    registry = open_registry(url)
    yield registry
    registry.close()


def used_by(registry: Registry, collection: str, count: int) -> VersionRecord:
    """Log a version that `count` runs used."""
    recorder = Recorder(registry)
    version = recorder.log(collection)
    recorder.use(recorder.run(f"{collection}-first"), version)

    def copy(tx: Any) -> None:
        def rows(statement: Any) -> list[dict[str, Any]]:
            found = tx.connection.execute(statement).mappings()
            return [{name: value for name, value in row.items() if name != "id"} for row in found]

        like = f"{collection}-%"
        first = select(runs.c.id).where(runs.c.run_id.like(like))
        (edge,) = rows(edges.select().where(edges.c.run_id.in_(first)))
        (run,) = rows(runs.select().where(runs.c.run_id.like(like)))
        for n in range(count - 1):
            own = {"short_id": f"{count}z{n}", "key_sha256": f"{count}{n:0>50}"}
            run |= own | {"run_id": f"{collection}-{n}"}
            more.append(dict(run))
        tx.connection.execute(runs.insert().inline(), more)
        made = select(runs.c.id).where(runs.c.run_id.like(like), runs.c.id != edge["run_id"])
        numbers = tx.connection.execute(made).scalars().all()
        tx.connection.execute(edges.insert().inline(), [{**edge, "run_id": n} for n in numbers])

    more: list[dict[str, Any]] = []
    registry._database.write(copy)
    return version


def peak(work: Any) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def statements(work: Any) -> int:
    seen: list[str] = []

    def count(*arguments: Any) -> None:
        if "edges" in arguments[2] or "runs" in arguments[2]:
            seen.append(arguments[2])

    event.listen(Engine, "before_cursor_execute", count)
    try:
        work()
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    return len(seen)


def test_memory_does_not_grow_with_the_edges(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spilled_rows, "MOST_IN_MEMORY", 100)
    monkeypatch.setattr(edge_rows, "_AT_ONCE", 100)
    monkeypatch.setattr(query_lineage, "_AT_ONCE", 100)
    few, many = (used_by(registry, f"used-{count}", count) for count in (FEW, MANY))

    def follow(version: VersionRecord, count: int) -> None:
        found = lineage(registry, version)
        assert (len(found.edges), len(found.runs)) == (count, count)
        assert sum(edge.direction is Direction.USED for edge in found.edges) == count

    def ask(version: VersionRecord, count: int) -> None:
        assert sum(1 for _ in runs_using(registry, version)) == count

    for work in (follow, ask):
        work(few, FEW)  # what is imported or compiled once is not counted
        assert peak(lambda: work(many, MANY)) < peak(lambda: work(few, FEW)) + 500_000  # noqa: B023 - run at once


def test_statements_grow_by_one_for_many_nodes(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_lineage, "_AT_ONCE", 100)
    few, many = (used_by(registry, f"used-{count}", count) for count in (FEW, MANY))
    for work in (lineage, runs_using):
        more = statements(lambda: work(registry, many)) - statements(lambda: work(registry, few))  # noqa: B023
        assert more <= (MANY - FEW) // 100


def test_command_prints_the_same_of_what_was_spilled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = open_registry(f"sqlite:///{tmp_path}/registry.db")
    recorder = Recorder(registry)
    raw = [recorder.log(f"raw-{n}") for n in range(8)]
    train = recorder.run("train")
    recorder.use(train, *raw)
    model = recorder.log("model", train)
    for n in range(8):
        score = recorder.run(f"score-{n}")
        recorder.use(score, model)
        recorder.log(f"scores-{n}", score)
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", f"sqlite:///{tmp_path}/registry.db")

    def printed(*words: str) -> str:
        done = CliRunner().invoke(main, list(words))
        assert done.exit_code == 0, done.output
        return done.output

    commands = [
        ("lineage", "vision/model"),
        ("lineage", "vision/model", "--json"),
        ("run", "show", train.id),
        ("run", "show", train.id, "--json"),
    ]
    whole = [printed(*words) for words in commands]
    held = lineage(registry, model).to_dict()
    assert json.loads(whole[1]) == held
    assert len(held["upstream"]) == len(held["downstream"]) == 8
    monkeypatch.setattr(spilled_rows, "MOST_IN_MEMORY", 3)
    found = lineage(registry, model)
    for rows in (found.edges, found.runs, found.upstream, found.downstream):
        assert isinstance(rows, spilled_rows.SpilledRows)
        assert list(reversed(rows)) == list(rows)[::-1]
    assert found.to_dict() == held
    assert [printed(*words) for words in commands] == whole
    registry.close()
