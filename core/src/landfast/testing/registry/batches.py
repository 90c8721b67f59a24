"""What `log_unchanged` has to do: exactly what `log` does of what changes nothing, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from landfast.errors import NotFound
from landfast.model.lineage import Direction
from landfast.model.names import ArtifactName
from landfast.registry.registry import Registry
from landfast.registry.values import LogRequest
from landfast.testing.registry.drafts import NAME, RUN, begin, log, summary


class BatchSuite:
    """Logging many at once."""

    def test_what_is_as_it_was_is_observed_as_log_does(self, registry: Registry) -> None:
        begin(registry)
        names = [replace(NAME, partition=f"p{number}") for number in range(3)]
        first = [log(registry, "a", name=name) for name in names]
        given: dict[str, Any] = {"run": RUN, "metadata": {"seen": "again"}}
        outcomes = registry.log_unchanged([_again(name, **given) for name in names])
        for name, created, outcome in zip(names, first, outcomes, strict=True):
            assert outcome is not None
            alike = log(registry, "a", name=name, **given)
            assert outcome.version.id == created.version.id
            assert replace(outcome, observation=alike.observation) == alike
            seen, at = alike.observation, outcome.observation.at
            assert replace(seen, id=outcome.observation.id, at=at) == outcome.observation
            newest = list(registry.observations(name))
            assert [each.id for each in newest] == sorted(
                (each.id for each in newest), reverse=True
            )
            assert newest[1] == outcome.observation
            assert [pin.seen_at for pin in registry.pin_sets(created.version.id)] == [newest[0].at]
        edges = registry.edges(runs=[RUN])
        assert [(edge.direction, edge.version_id) for edge in edges] == [
            (Direction.LOGGED, each.version.id) for each in first
        ]
        assert registry.head() == len(names)

    def test_what_changes_something_is_left_to_log(self, registry: Registry) -> None:
        log(registry, "a", tags=("t",), aliases=("prod",))
        log(registry, "b")
        deleted = replace(NAME, partition="deleted")
        log(registry, "b", name=deleted)
        registry.delete(deleted, delete_aliases=True)
        other = replace(NAME, collection="other")
        asked = [
            _again(NAME, content="c"),
            _again(NAME, content="a"),
            _again(NAME, content="b", pins="new"),
            _again(NAME, content="b", tags=("t",)),
            _again(NAME, content="b", aliases=("prod",)),
            _again(NAME, content="b", type="model"),
            _again(deleted, content="b"),
            _again(other, content="b"),
            _again(replace(NAME, partition="new"), content="b"),
        ]
        before = len(list(registry.observations(NAME)))
        for request in asked:
            assert registry.log_unchanged([request]) == [None]
        assert registry.log_unchanged(asked) == [None] * len(asked)
        assert len(list(registry.observations(NAME))) == before
        assert registry.collection_type(other) is None

    def test_aliases_and_tags_that_are_there_change_nothing(self, registry: Registry) -> None:
        log(registry, "a", tags=("t", "u"), aliases=("prod",))
        [outcome] = registry.log_unchanged([_again(NAME, tags=("t",), aliases=("prod",))])
        assert outcome is not None
        assert outcome.version.aliases == ("latest", "prod")

    def test_a_partition_that_is_there_twice_is_left_to_log(self, registry: Registry) -> None:
        log(registry, "a")
        first, second = registry.log_unchanged([_again(NAME)] * 2)
        assert first is not None
        assert second is None
        assert len(list(registry.observations(NAME))) == 2

    def test_no_request_is_no_outcome(self, registry: Registry) -> None:
        assert registry.log_unchanged([]) == []

    def test_a_run_that_was_not_begun_is_not_found(self, registry: Registry) -> None:
        log(registry, "a")
        with pytest.raises(NotFound):
            registry.log_unchanged([_again(NAME, run=RUN)])

    def test_the_latest_of_some_partitions_is_asked_for_at_once(self, registry: Registry) -> None:
        names = [replace(NAME, partition=f"p{number}") for number in range(4)]
        logged = {name.partition: log(registry, "a", name=name).version for name in names}
        some = ["p3", "p1", "nobody", "p1", ""]
        found = list(registry.partitions(NAME, keys=some))
        assert found == [("p1", logged["p1"]), ("p3", logged["p3"])]
        assert list(registry.partitions(NAME, keys=[])) == []
        assert dict(registry.partitions(NAME)) == logged
        with pytest.raises(NotFound):
            registry.partitions(replace(NAME, collection="other"), keys=some)

    def test_a_thousand_are_one_batch(self, registry: Registry) -> None:
        names = [replace(NAME, partition=f"{number:04}") for number in range(3)]
        for name in names:
            log(registry, "a", name=name)
        many = [_again(replace(NAME, partition=f"{number:04}")) for number in range(2_500)]
        outcomes = registry.log_unchanged(many)
        assert [outcome is not None for outcome in outcomes[:5]] == [True, True, True, False, False]
        assert not any(outcomes[3:])


def _again(
    name: ArtifactName,
    *,
    content: str = "a",
    pins: str = "p",
    type: str = "dataset",
    **given: Any,
) -> LogRequest:
    request = LogRequest(name=name, type=type, summary=summary(content, pins), ticket=10**6)
    return replace(request, **given)
