"""Every question that verbs and pages ask of a registry, as of a `registry_load`: none of them may grow with it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from kit.registry_load import HOT, WIDE
from landfast.model.lineage import Direction
from landfast.model.names import ArtifactName
from landfast.model.run import RunKey
from landfast.registry.registry import Registry
from landfast.registry.values import (
    ChangeFilter,
    ChangeWindow,
    CollectionFilter,
    NeighbourRequest,
    RunFilter,
)
from landfast.testing.registry.drafts import RUN, begin, draft

_NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
_ALL = tuple(Direction)
_DAY = replace(WIDE, partition="d151")
_NEW = ArtifactName(entity="default", project="p1", collection="new")

Ask = Callable[[], Any]


def few(rows: Iterable[Any], count: int = 50) -> list[Any]:
    """Take what a page takes."""
    return list(itertools.islice(rows, count))


def questions(registry: Registry) -> dict[str, Ask]:
    """Return each question by name; some of them write."""
    return _log(registry) | _ask(registry) | _trace(registry) | _look_around(registry)


def _log(registry: Registry) -> dict[str, Ask]:
    begin(registry)
    contents = itertools.count()

    def changed(name: ArtifactName) -> Any:
        return registry.log(draft(registry, f"new {next(contents)}", name=name, run=RUN))

    def unchanged(name: ArtifactName) -> Any:
        return registry.log(draft(registry, "the same", name=name, run=RUN))

    def batch() -> Any:
        names = [replace(WIDE, partition=f"d{n}") for n in range(150, 170)]
        return registry.log_unchanged([draft(registry, "?", name=name) for name in names])

    return {
        "log of changed content": lambda: changed(HOT),
        "log into a new collection": lambda: changed(
            replace(_NEW, collection=f"new{next(contents)}")
        ),
        "log of unchanged content": lambda: unchanged(HOT),
        "log of many, unchanged": batch,
        "start ticket": registry.ticket,
        "promote": lambda: registry.promote(HOT.at(next(contents) % 3), "canary"),
        "record blobs": lambda: registry.record_blobs({"a" * 64: 1}),
        "pending announcement": lambda: registry.pending_announcement(HOT, "bell", run=RUN),
        "announced position": lambda: registry.announced_position("bell", HOT),
        "announced position of all": lambda: registry.announced_position("bell"),
    }


def _ask(registry: Registry) -> dict[str, Ask]:
    return {
        "get latest": lambda: registry.get(HOT),
        "get by index": lambda: registry.get(HOT.at(3)),
        "get by digest": lambda: registry.get(replace(HOT, digest=f"lf1:{1:064}")),
        "get what is not there": lambda: _missing(lambda: registry.get(HOT.at(10**9))),
        "pin sets": lambda: registry.pin_sets(1),
        "as of": lambda: registry.as_of(HOT, _NOON),
        "history": lambda: few(registry.observations(HOT)),
        "history of a version": lambda: few(registry.observations(HOT.at(4))),
        "versions": lambda: few(registry.versions(HOT)),
        "collections": lambda: few(registry.collections(entity="default")),
        "collections of a project": lambda: few(
            registry.collections(entity="default", project="p3")
        ),
        "partitions": lambda: few(registry.partitions(WIDE)),
        "some partitions": lambda: list(registry.partitions(WIDE, keys=["d151", "d152"])),
        "containing an object": lambda: few(
            registry.containing("s3://bucket/place7/x", entity="default")
        ),
        "changes": lambda: few(registry.changes(after=100)),
        "changes of a partition": lambda: few(registry.changes(ChangeFilter(name=_DAY))),
        "changes of a collection": lambda: few(
            registry.changes(ChangeFilter(name=WIDE, partitions=True))
        ),
        "changes of an entity": lambda: few(registry.changes(ChangeFilter(entity="default"))),
        "head of the feed": registry.head,
        "expire": registry.expire,
        "verifications": lambda: registry.verifications(1),
        "known blobs": lambda: registry.known_blobs(["blob1", "blob2"]),
    }


def _trace(registry: Registry) -> dict[str, Ask]:
    cold = 17  # a version that few runs used
    return {
        "runs": lambda: few(registry.runs(entity="default")),
        "runs of a project": lambda: few(registry.runs(entity="default", project="p3")),
        "run by id": lambda: registry.run("r77"),
        "edges of a run": lambda: registry.edges(runs=[RUN]),
        "edges of a version": lambda: registry.edges(versions=[cold]),
        "latest uses": lambda: few(
            registry.latest_uses(_DAY, RunKey(system="script", deployment="d", run_id="run"))
        ),
    }


def _look_around(registry: Registry) -> dict[str, Ask]:
    overview = registry.overview
    near = NeighbourRequest(versions=(17,), directions=_ALL)
    far = NeighbourRequest(runs=("r77", "r78"), directions=_ALL)
    return {
        "home page": lambda: overview.collections(CollectionFilter(order="changed")),
        "collections page": lambda: overview.collections(CollectionFilter(project="p3")),
        "types": overview.types,
        "partitions page": lambda: overview.partitions(WIDE),
        "runs page": lambda: overview.runs(RunFilter()),
        "runs page of a project": lambda: overview.runs(RunFilter(project="p3")),
        "runs page of a system": lambda: overview.runs(RunFilter(system="airflow")),
        "runs page of a run id": lambda: overview.runs(RunFilter(run_ids=("run5", "run6"))),
        "runs page of a status": lambda: overview.runs(RunFilter(status="running")),
        "systems": overview.systems,
        "runs by id": lambda: overview.runs_by_id(["r5", "r6"]),
        "counts of edges": lambda: overview.edge_counts(RUN),
        "edges page of a run": lambda: overview.edges_of_run(RUN, Direction.LOGGED),
        "neighbours of a version": lambda: overview.neighbours(near),
        "neighbours of runs": lambda: overview.neighbours(far),
        "counts of neighbours": lambda: overview.neighbour_totals(near),
        "edges page of a version": lambda: overview.edges_touching(near),
        "changes page": lambda: overview.changes(ChangeFilter(), ChangeWindow()),
        "changes page of a collection": lambda: overview.changes(
            ChangeFilter(name=WIDE, partitions=True), ChangeWindow()
        ),
        "changes page of an alias": lambda: overview.changes(
            ChangeFilter(name=replace(HOT, alias="latest")), ChangeWindow()
        ),
        "places": overview.places,
        "state": overview.state,
    }


def _missing(ask: Ask) -> None:
    try:
        ask()
    except LookupError:
        return
    raise AssertionError("it is there")


def upkeep(registry: Registry) -> dict[str, Ask]:
    """Return what has to look at everything; each page of it may not grow."""
    return {
        "garbage": lambda: few(registry.garbage(older_than=_NOON)),
        "needed manifests": lambda: few(registry.needed_manifests()),
        "candidates of managed files": lambda: few(registry.containing("blob:")),
    }
