"""Pages of runs, of the feed and of neighbours, on both databases."""

from datetime import timedelta

import pytest
from kit.lineages import Recorder
from landfast.errors import NotFound
from landfast.model.lineage import Direction, Neighbour
from landfast.model.run import RunKey
from landfast.model.version import ChangeKind
from landfast.registry.registry import Registry
from landfast.registry.values import ChangeFilter, ChangeWindow, NeighbourRequest, RunFilter

USES = (Direction.USED, Direction.DECLARED)


@pytest.fixture
def recorder(registry: Registry) -> Recorder:
    return Recorder(registry)


def test_runs_by_each_part_of_the_key(registry: Registry, recorder: Recorder) -> None:
    whole, part = recorder.run("a", node="n"), recorder.run("a", node="n", part="1")
    other = recorder.run("B", name="Run b")

    def found(**of: object) -> list[str]:
        return [each.run.id for each in registry.overview.runs(RunFilter(**of))]  # type: ignore[arg-type]

    assert found() == [other.id, part.id, whole.id]
    assert found(run_ids=("a",)) == [part.id, whole.id]
    assert found(node="n", part="") == [whole.id]
    assert found(part="1") == [part.id]
    assert found(text="run b") == [other.id]
    assert found(text="%") == []
    assert found(system="test", deployment="there") == []
    assert registry.overview.systems() == ["test"]
    assert registry.overview.runs_by_key([other.key, whole.key]).keys() == {other.key, whole.key}


def test_edges_of_a_run_are_paged_and_counted(registry: Registry, recorder: Recorder) -> None:
    worker = recorder.run("a")
    ids = [recorder.log("c").id for number in range(5)]
    registry.add_edges(worker.key, Direction.USED, ids)
    registry.add_edges(worker.key, Direction.LOGGED, ids[:1])
    overview = registry.overview
    assert overview.edge_counts(worker.key) == {Direction.USED: 5, Direction.LOGGED: 1}
    page = overview.edges_of_run(worker.key, Direction.USED, start=3, size=3)
    assert [edge.version_id for edge in page] == ids[3:]
    assert overview.runs(RunFilter())[0].edges == {"used": 5, "logged": 1}
    with pytest.raises(NotFound):
        overview.edge_counts(RunKey(system="test", deployment="here", run_id="nobody"))


def test_the_feed_from_either_end(registry: Registry, recorder: Recorder) -> None:
    first = recorder.log("c")
    recorder.log("c")
    recorder.log("d")
    registry.promote(first.name, "good")

    def positions(of: ChangeFilter, window: ChangeWindow) -> list[int]:
        return [change.position for change in registry.overview.changes(of, window)]

    assert positions(ChangeFilter(), ChangeWindow()) == [4, 3, 2, 1]
    assert positions(ChangeFilter(), ChangeWindow(before=3)) == [2, 1]
    assert positions(ChangeFilter(), ChangeWindow(after=2, newest_first=False)) == [3, 4]
    of_c = ChangeFilter(name=first.name.bare(), partitions=True)
    assert positions(of_c, ChangeWindow(size=2)) == [4, 2]
    assert positions(ChangeFilter(kind=ChangeKind.ALIAS), ChangeWindow()) == [4]


def near(registry: Registry, of: NeighbourRequest) -> list[Neighbour]:
    return registry.overview.neighbours(of)


def test_neighbours_are_few_of_each_kind_and_all_are_counted(
    registry: Registry, recorder: Recorder
) -> None:
    worker = recorder.run("a")
    many = [recorder.log("many").id for number in range(20)]
    one = recorder.log("one").id
    registry.add_edges(worker.key, Direction.USED, [one, *many])
    request = NeighbourRequest(runs=(worker.id,), directions=USES, of_group=3, each=10)
    found = near(registry, request)
    # The newest of each collection first, and then more.
    assert [each.edge.version_id for each in found] == [many[-1], one, many[-2], many[-3]]
    assert {each.total for each in found} == {21}
    assert [each.group_total for each in found] == [20, 1, 20, 20]
    assert {each.run_id for each in found} == {worker.id}
    few = NeighbourRequest(runs=(worker.id,), directions=USES, of_group=3, each=2)
    assert [each.edge.version_id for each in near(registry, few)] == [many[-1], one]
    some = NeighbourRequest(runs=(worker.id,), directions=USES, of_group=3, each=10, among=5)
    assert [each.edge.version_id for each in near(registry, some)] == many[:-6:-1]
    assert {(each.total, each.group_total) for each in near(registry, some)} == {(21, 5)}
    # Two more than are shown of a kind are shown too, rather than counted.
    almost = NeighbourRequest(runs=(worker.id,), directions=USES, of_group=18, each=50)
    assert len(near(registry, almost)) == 21


def test_runs_beside_a_version_are_alike_by_step(registry: Registry, recorder: Recorder) -> None:
    version = recorder.log("c").id
    fits = [recorder.run(f"fit{number}", node="fit") for number in range(4)]
    score = recorder.run("score", node="score")
    for each in (*fits, score):
        registry.add_edges(each.key, Direction.USED, [version])
    request = NeighbourRequest(versions=(version,), directions=USES, of_group=1, each=10)
    found = near(registry, request)
    assert [(each.run_id, each.group_total) for each in found] == [(score.id, 1), (fits[-1].id, 4)]


def test_a_use_that_was_declared_too_is_one_neighbour(
    registry: Registry, recorder: Recorder
) -> None:
    worker, version, other = recorder.run("a"), recorder.log("c").id, recorder.log("d").id
    registry.add_edges(worker.key, Direction.DECLARED, [version, other])
    registry.add_edges(worker.key, Direction.USED, [version])
    request = NeighbourRequest(runs=(worker.id,), directions=USES)
    found = {each.edge.version_id: each.edge.direction for each in near(registry, request)}
    assert found == {version: Direction.USED, other: Direction.DECLARED}
    both = NeighbourRequest(versions=(version, other), runs=(worker.id,), directions=USES)
    assert registry.overview.neighbour_totals(both) == {
        (version, Direction.USED): 1,
        (other, Direction.DECLARED): 1,
        (worker.id, Direction.USED): 1,
        (worker.id, Direction.DECLARED): 1,
    }
    assert [edge.version_id for _, edge in registry.overview.edges_between(both)] == [
        version,
        other,
    ]
    rows, total = registry.overview.edges_touching(both, size=1)
    assert (len(rows), total) == (1, 2)
    earliest = min(each.edge.at for each in near(registry, request))
    before = NeighbourRequest(
        runs=(worker.id,), directions=USES, until=earliest - timedelta(microseconds=1)
    )
    assert near(registry, before) == []
