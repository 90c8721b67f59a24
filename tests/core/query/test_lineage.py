"""Lineage: transitive, both ways, as of a time, and from an object."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from landfast.blobs.local import LocalBlobStore
from landfast.manifests.base import Manifest
from landfast.manifests.memory import MemoryManifest
from landfast.manifests.reader import ManifestFile
from landfast.manifests.writer import ManifestWriter
from landfast.model.checksum import Checksum
from landfast.model.lineage import Direction, Lineage
from landfast.model.manifest import ManifestEntry
from landfast.model.names import ArtifactName
from landfast.model.run import RunKey
from landfast.model.source import Source
from landfast.model.version import VersionRecord
from landfast.publish.log import publish
from landfast.query.lineage import lineage, lineage_of_object
from landfast.registry.opener import open_registry
from landfast.registry.registry import Registry
from landfast.registry.values import LogRequest, RunStart
from sqlalchemy import event


@pytest.fixture(params=["sqlite", "postgresql"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/registry.db"
    else:
        url = request.getfixturevalue("postgres_registry")((tmp_path / "store").as_uri())
    registry = open_registry(url)
    yield registry
    registry.close()


class Graph:
    """Logs small versions by runs that are named by a letter."""

    def __init__(self, registry: Registry, folder: Path) -> None:
        self.registry = registry
        self.folder = folder
        self.blobs = LocalBlobStore(folder / "blobs")

    def run(self, name: str) -> RunKey:
        key = RunKey(system="test", deployment="here", run_id=name)
        self.registry.begin_run(RunStart(key=key, entity="e", project="p", name=name))
        return key

    def log(
        self,
        collection: str,
        *entries: ManifestEntry,
        by: str | None = None,
        sources: tuple[Source, ...] = (),
    ) -> VersionRecord:
        rows = entries or (entry(f"s3://b/{collection}/{uuid.uuid4().hex}"),)
        target = self.folder / uuid.uuid4().hex
        with ManifestWriter(target) as writer:
            writer.extend(MemoryManifest(rows).entries())
            written = writer.finish()
        request = LogRequest(
            name=ArtifactName(entity="e", project="p", collection=collection),
            type="dataset",
            summary=written.summary,
            sources=sources,
            run=None if by is None else self.run(by),
            ticket=self.registry.ticket(),
        )
        return publish(self.registry, self.blobs, request, written).version

    def use(self, run: str, *versions: VersionRecord, declared: bool = False) -> None:
        direction = Direction.DECLARED if declared else Direction.USED
        for version in versions:
            self.registry.add_edges(self.run(run), direction, [version.id])

    def open(self, version: VersionRecord) -> Manifest:
        target = self.folder / uuid.uuid4().hex
        self.blobs.fetch(version.blob, target)
        return ManifestFile(target)


@pytest.fixture
def graph(registry: Registry, tmp_path: Path) -> Graph:
    (tmp_path / "graph").mkdir()
    return Graph(registry, tmp_path / "graph")


def entry(uri: str, path: str = "x", version_id: str | None = "1") -> ManifestEntry:
    checksum = Checksum("md5", uuid.uuid5(uuid.NAMESPACE_URL, f"{uri}{version_id}").hex)
    return ManifestEntry(path=path, size=1, checksum=checksum, uri=uri, version_id=version_id)


def up(found: Lineage) -> list[str]:
    return [name.collection for name in found.upstream]


def down(found: Lineage) -> list[str]:
    return [name.collection for name in found.downstream]


def test_lineage_is_transitive_both_ways_nearest_first(graph: Graph) -> None:
    raw, labels = graph.log("raw"), graph.log("labels")
    graph.use("clean", raw)
    clean = graph.log("clean", by="clean")
    graph.use("train", clean, labels)
    model = graph.log("model", by="train")
    sibling = graph.log("sibling", by="train")
    graph.use("score", model)
    scores = graph.log("scores", by="score")
    graph.use("report", scores)
    graph.log("elsewhere", by="other")

    found = lineage(graph.registry, model)
    assert (up(found), down(found)) == (["clean", "labels", "raw"], ["scores"])
    assert found.root == model.name
    assert [run.run_id for run in found.runs] == ["clean", "train", "score", "report"]
    assert [(e.run.run_id, str(e.direction), e.version.collection) for e in found.edges] == [
        ("clean", "used", "raw"),
        ("clean", "logged", "clean"),
        ("train", "used", "clean"),
        ("train", "used", "labels"),
        ("train", "logged", "model"),
        ("score", "used", "model"),
        ("score", "logged", "scores"),
        ("report", "used", "scores"),
    ]
    from_raw = lineage(graph.registry, raw)
    assert (up(from_raw), down(from_raw)) == ([], ["clean", "model", "sibling", "scores"])
    assert up(lineage(graph.registry, sibling)) == ["clean", "labels", "raw"]


def test_version_without_runs_stands_alone(graph: Graph) -> None:
    found = lineage(graph.registry, graph.log("raw"))
    assert (found.edges, found.upstream, found.downstream, found.runs) == ((), (), (), ())


def test_cycles_end_and_the_root_is_not_its_own_ancestor(graph: Graph) -> None:
    first = graph.log("first", by="a")
    graph.use("b", first)
    second = graph.log("second", by="b")
    graph.use("a", second)
    graph.use("a", first)
    found = lineage(graph.registry, first)
    assert (up(found), down(found)) == (["second"], ["second"])
    assert len(found.edges) == 5


def test_lineage_as_of_a_time_leaves_out_what_came_later(graph: Graph) -> None:
    raw = graph.log("raw")
    graph.use("early", raw)
    graph.log("first", by="early")
    moment = max(edge.at for edge in graph.registry.edges(versions=[raw.id]))
    moment = max(moment, *(e.at for e in graph.registry.edges(runs=[graph.run("early")])))
    graph.use("late", raw)
    graph.log("second", by="late")
    assert down(lineage(graph.registry, raw, until=moment)) == ["first"]
    assert down(lineage(graph.registry, raw)) == ["first", "second"]
    before = datetime(2020, 1, 1, tzinfo=UTC)
    assert lineage(graph.registry, raw, until=before).edges == ()


def test_declared_dependencies_are_followed_only_on_request(graph: Graph) -> None:
    raw, hint = graph.log("raw"), graph.log("hint")
    graph.use("train", raw)
    graph.use("train", hint, declared=True)
    model = graph.log("model", by="train")
    assert up(lineage(graph.registry, model)) == ["raw"]
    assert down(lineage(graph.registry, hint)) == []
    found = lineage(graph.registry, model, declared=True)
    assert up(found) == ["raw", "hint"]
    assert Direction.DECLARED in {edge.direction for edge in found.edges}
    assert down(lineage(graph.registry, hint, declared=True)) == ["model"]


def test_number_of_queries_grows_with_the_depth_and_not_with_the_width(graph: Graph) -> None:
    def queries(version: VersionRecord) -> int:
        seen: list[str] = []

        def count(*arguments: Any) -> None:
            if "edges" in arguments[2]:
                seen.append(arguments[2])

        from sqlalchemy import Engine

        event.listen(Engine, "before_cursor_execute", count)
        try:
            lineage(graph.registry, version)
        finally:
            event.remove(Engine, "before_cursor_execute", count)
        return len(seen)

    def fan(name: str, width: int) -> VersionRecord:
        inputs = [graph.log(f"{name}-{n}", by=f"make-{name}-{n}") for n in range(width)]
        graph.use(name, *inputs)
        return graph.log(name, by=name)

    narrow, wide = fan("narrow", 2), fan("wide", 30)
    assert len(lineage(graph.registry, wide).upstream) == 30
    assert queries(wide) == queries(narrow)


def test_partitions_and_deleted_versions_are_named(graph: Graph) -> None:
    raw = graph.log("raw")
    graph.use("train", raw)
    model = graph.log("model", by="train")
    graph.registry.delete(raw.name, delete_aliases=True)
    assert [str(name) for name in lineage(graph.registry, model).upstream] == ["e/p/raw:v0"]


# From an object


def of(graph: Graph, uri: str, **options: Any) -> list[str]:
    found = lineage_of_object(graph.registry, graph.open, uri, **options)
    return [str(match.version.name) for match in found.matches]


def test_object_is_found_in_the_versions_that_contain_it(graph: Graph) -> None:
    inside, outside = entry("s3://b/d/sub/x", "sub/x"), entry("s3://b/d/y", "y")
    source = Source(uri="s3://b/d/")
    first = graph.log("data", inside, outside, by="snapshot", sources=(source,))
    graph.use("train", first)
    graph.log("data", outside, sources=(source,))
    graph.log(
        "named",
        replace(inside, path="in/here/x"),
        sources=(Source(uri="s3://b/d/sub/", name="in/here"),),
    )
    graph.log("single", replace(inside, path="x"), sources=(Source(uri="s3://b/d/sub/x"),))
    graph.log(
        "single-named",
        replace(inside, path="some/name"),
        sources=(Source(uri="s3://b/d/sub/x", name="some/name"),),
    )
    graph.log(
        "adopted",
        replace(inside, path="copy/x"),
        sources=(
            Source(uri="landfast://e/p/single?version=v0", name="copy"),
            Source(uri="s3://b/d/sub/x", name="copy"),
        ),
    )
    graph.log("sibling", entry("s3://b/d/sub/x2", "x2"), sources=(Source(uri="s3://b/d/sub/x2"),))
    assert of(graph, "s3://b/d/sub/x") == [
        "e/p/adopted:v0",
        "e/p/single-named:v0",
        "e/p/single:v0",
        "e/p/named:v0",
        "e/p/data:v0",
    ]
    found = lineage_of_object(graph.registry, graph.open, "s3://b/d/sub/x")
    assert [run.run_id for run in found.runs] == ["snapshot", "train"]
    assert found.versions[-1].id == first.id
    assert found.matches[-1].entry == inside
    assert of(graph, "s3://b/elsewhere/x") == []


def test_version_id_or_pin_narrows_the_search(graph: Graph) -> None:
    source = Source(uri="s3://b/d/")
    graph.log("data", entry("s3://b/d/x", version_id="one"), sources=(source,))
    graph.log("data", entry("s3://b/d/x", version_id="two"), sources=(source,))
    assert of(graph, "s3://b/d/x") == ["e/p/data:v1", "e/p/data:v0"]
    assert of(graph, "s3://b/d/x", version_id="one") == ["e/p/data:v0"]
    assert of(graph, "s3://b/d/x?versionId=two") == ["e/p/data:v1"]
    assert of(graph, "s3://b/d/x", version_id="three") == []


def test_key_that_looks_like_a_pin_is_found(graph: Graph) -> None:
    odd = entry("s3://b/d/x?versionId=odd", "x?versionId=odd")
    graph.log("data", odd, sources=(Source(uri="s3://b/d/"),))
    assert of(graph, "s3://b/d/x?versionId=odd") == ["e/p/data:v0"]


def test_later_pins_of_a_version_count(graph: Graph) -> None:
    first = entry("s3://b/d/x", version_id="one")
    graph.log("data", first, sources=(Source(uri="s3://b/d/"),))
    moved = replace(first, uri="s3://c/e/x", version_id="9")
    graph.log("data", moved, sources=(Source(uri="s3://c/e/"),))
    assert of(graph, "s3://c/e/x", version_id="9") == ["e/p/data:v0"]
    assert of(graph, "s3://b/d/x", version_id="one") == ["e/p/data:v0"]


def test_file_names_with_escapes_are_found(graph: Graph) -> None:
    odd = entry("file:///data/a%20b/%C3%A9", "a b/é", None)
    graph.log("data", odd, sources=(Source(uri="file:///data/"),))
    assert of(graph, "file:///data/a%20b/%C3%A9") == ["e/p/data:v0"]
    assert of(graph, "/data/a b/é") == ["e/p/data:v0"]


def test_deleted_versions_contain_nothing(graph: Graph) -> None:
    version = graph.log("data", entry("s3://b/d/x"), sources=(Source(uri="s3://b/d/"),))
    graph.registry.delete(version.name, delete_aliases=True)
    assert of(graph, "s3://b/d/x") == []
