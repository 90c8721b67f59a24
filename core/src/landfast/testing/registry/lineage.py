"""What runs and edges have to do: once each, whoever repeats them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from landfast.errors import InvalidInput, NotFound
from landfast.model.lineage import Direction
from landfast.model.names import ArtifactName
from landfast.model.run import RunKey, RunStatus
from landfast.registry.registry import Registry
from landfast.registry.values import RunStart
from landfast.testing.registry.drafts import NAME, OTHER_RUN, RUN, add_edge, begin, log


def start(project: str, key: RunKey = RUN, **given: Any) -> RunStart:
    """Let a run begin in a project."""
    return RunStart(key=key, entity="default", project=project, **given)


class RunSuite:
    """Runs."""

    def test_a_run_is_found_by_its_key_and_by_its_short_id(self, registry: Registry) -> None:
        begun = registry.begin_run(
            RunStart(
                key=RUN,
                entity="default",
                project="vision",
                name="fit",
                job_type="train",
                link="https://h/run?token=abc&x=1",
                config={"lr": 0.1},
            )
        )
        assert registry.run(RUN) == registry.run(begun.id) == begun
        assert len(begun.id) <= 12
        assert (begun.name, begun.job_type, begun.config) == ("fit", "train", {"lr": 0.1})
        assert (begun.status, begun.attempt, begun.finished_at) == (RunStatus.RUNNING, 1, None)
        assert begun.link == "https://h/run?token=***&x=1"

    def test_a_run_met_again_is_the_same(self, registry: Registry) -> None:
        first = registry.begin_run(start("vision", config={"a": 1}))
        again = registry.begin_run(start("elsewhere", name="late"))
        assert replace(again, name="") == first

    def test_the_highest_attempt_is_kept(self, registry: Registry) -> None:
        begin(registry)
        registry.finish_run(RUN, RunStatus.FAILED)
        begin(registry, attempt=3)
        retried = registry.run(RUN)
        assert (retried.attempt, retried.status, retried.finished_at) == (
            3,
            RunStatus.RUNNING,
            None,
        )
        begin(registry, attempt=2, name="late")
        assert (registry.run(RUN).attempt, registry.run(RUN).name) == (3, "")

    def test_a_run_ends(self, registry: Registry) -> None:
        begin(registry)
        registry.finish_run(RUN, RunStatus.FINISHED)
        ended = registry.run(RUN)
        assert ended.status is RunStatus.FINISHED
        assert ended.finished_at is not None
        assert ended.finished_at >= ended.started_at
        with pytest.raises(NotFound):
            registry.finish_run(OTHER_RUN, RunStatus.FAILED)

    def test_keys_differ_by_every_part(self, registry: Registry) -> None:
        keys = [
            RunKey(system="a", deployment="d", run_id="1"),
            RunKey(system="b", deployment="d", run_id="1"),
            RunKey(system="a", deployment="e", run_id="1"),
            RunKey(system="a", deployment="d", run_id="1", node="n"),
            RunKey(system="a", deployment="d", run_id="1", part="n"),
            RunKey(system="a", deployment="d" * 5000, run_id="☃"),
        ]
        ids = {registry.run(begin(registry, key)).id for key in keys}
        assert len(ids) == len(keys)
        assert [run.key for run in registry.runs(entity="default")] == keys[::-1]

    def test_a_password_in_a_deployment_is_not_recorded(self, registry: Registry) -> None:
        key = RunKey(system="airflow", deployment="https://u:hunter2@h/", run_id="1")
        assert "hunter2" not in repr(registry.run(begin(registry, key)))
        version = log(registry, "a", run=key).version
        assert version.run is not None
        assert registry.run(version.run).key == version.run

    def test_runs_are_listed_newest_first(self, registry: Registry) -> None:
        begin(registry)
        registry.begin_run(start("other", OTHER_RUN))
        assert [r.key for r in registry.runs(entity="default")] == [OTHER_RUN, RUN]
        assert [r.key for r in registry.runs(entity="default", project="vision")] == [RUN]
        assert [r.key for r in registry.runs(entity="default", limit=1)] == [OTHER_RUN]
        assert list(registry.runs(entity="nobody")) == []

    def test_an_unknown_run_is_named(self, registry: Registry) -> None:
        with pytest.raises(NotFound, match="nope"):
            registry.run("nope")
        with pytest.raises(NotFound, match="script/1"):
            registry.run(RUN)
        with pytest.raises(InvalidInput):
            begin(registry, attempt=0)


class EdgeSuite:
    """Edges."""

    def test_an_edge_is_recorded_once(self, registry: Registry) -> None:
        begin(registry)
        version = log(registry, "a").version
        first = add_edge(registry, RUN, Direction.USED, version.id)
        assert add_edge(registry, RUN, Direction.USED, version.id) == first
        add_edge(registry, RUN, Direction.DECLARED, version.id)
        found = registry.edges(versions=[version.id])
        assert [e.direction for e in found] == [Direction.USED, Direction.DECLARED]
        assert found[0] == first
        assert (first.run, first.version, first.version_id) == (RUN, NAME.at(0), version.id)

    def test_edges_of_versions_and_runs_come_together_oldest_first(
        self, registry: Registry
    ) -> None:
        begin(registry)
        begin(registry, OTHER_RUN)
        a, b = log(registry, "a").version, log(registry, "b").version
        edges = [
            add_edge(registry, RUN, Direction.USED, a.id),
            add_edge(registry, RUN, Direction.LOGGED, b.id),
            add_edge(registry, OTHER_RUN, Direction.USED, b.id),
        ]
        assert registry.edges(versions=[a.id]) == edges[:1]
        assert registry.edges(runs=[OTHER_RUN]) == edges[2:]
        assert registry.edges(versions=[b.id], runs=[RUN]) == edges
        assert registry.edges(versions=list(range(5000))) == edges
        assert registry.edges() == []
        assert registry.edges(runs=[RUN], until=edges[0].at) == edges[:1]
        before = edges[0].at - timedelta(microseconds=1)
        assert registry.edges(runs=[RUN], until=before) == []

    def test_the_latest_uses_by_some_runs_come_newest_first(self, registry: Registry) -> None:
        like = RunKey(system="airflow", deployment="here", run_id="dag/")
        keys = [replace(like, run_id=f"dag/{number}") for number in range(3)]
        others = [replace(keys[0], run_id="DAG/0"), replace(keys[0], deployment="there"), RUN]
        may = replace(NAME, partition="may")
        for key in (*keys, *others):
            begin(registry, key)
        plain, other = log(registry, "a"), log(registry, "b", name=may)
        for key in (*keys[:2], *others):
            add_edge(registry, key, Direction.USED, plain.version.id)
        add_edge(registry, keys[2], Direction.DECLARED, other.version.id)
        add_edge(registry, keys[2], Direction.LOGGED, other.version.id)

        def users(name: ArtifactName, **options: bool) -> list[RunKey]:
            return [edge.run for edge in registry.latest_uses(name, like, **options)]

        assert users(NAME) == [keys[1], keys[0]]
        assert users(may) == [keys[2]]
        assert users(NAME, partitions=True) == [keys[2], keys[1], keys[0]]
        for whole in (False, True):
            assert users(replace(NAME, collection="not-yet"), partitions=whole) == []

    def test_many_edges_are_recorded_at_once_and_once(self, registry: Registry) -> None:
        begin(registry)
        found = [log(registry, content).version for content in "abc"]
        first = add_edge(registry, RUN, Direction.USED, found[1].id)
        ids = [version.id for version in found]
        registry.add_edges(RUN, Direction.USED, [*ids, ids[0]])
        registry.add_edges(RUN, Direction.USED, ids)
        registry.add_edges(RUN, Direction.USED, [])
        edges = [edge for edge in registry.edges(versions=ids) if edge.direction is Direction.USED]
        assert sorted(edge.version_id for edge in edges) == ids
        assert first in edges

    def test_of_many_edges_all_or_none_are_recorded(self, registry: Registry) -> None:
        begin(registry)
        version = log(registry, "a").version
        with pytest.raises(NotFound, match="no version with id 4711"):
            registry.add_edges(RUN, Direction.USED, [version.id, 4711])
        with pytest.raises(NotFound, match="no run"):
            registry.add_edges(OTHER_RUN, Direction.USED, [version.id])
        edges = registry.edges(versions=[version.id])
        assert Direction.USED not in {edge.direction for edge in edges}

    def test_an_edge_needs_a_run_and_a_version(self, registry: Registry) -> None:
        with pytest.raises(NotFound, match="no run"):
            add_edge(registry, RUN, Direction.USED, 1)
        begin(registry)
        with pytest.raises(NotFound, match="no version"):
            add_edge(registry, RUN, Direction.USED, 4711)
