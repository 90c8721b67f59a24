"""What reading has to do: names, lists in order, history, and what contains an object."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from landfast.errors import InvalidInput, NotFound
from landfast.model.source import Source
from landfast.registry.registry import Registry
from landfast.testing.registry.drafts import NAME, begin, drafts, log, summary


class ReadSuite:
    """Reading versions."""

    def test_every_spelling_finds_its_version(self, registry: Registry) -> None:
        log(registry, "a", aliases=("prod",))
        log(registry, "b")
        assert registry.get(NAME).index == 1
        assert registry.get(replace(NAME, alias="latest")).index == 1
        assert registry.get(replace(NAME, alias="prod")).index == 0
        assert registry.get(NAME.at(0)).index == 0
        assert registry.get(replace(NAME, digest=summary("a").digest)).index == 0

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"entity": "defualt"}, "an entity 'defualt', found 'default'"),
            ({"project": "visoin"}, "a project 'visoin', found 'vision'"),
            ({"collection": "minst"}, "a collection 'minst', found 'mnist'"),
            ({"partition": "x"}, "a partition 'x', found ''"),
            ({"index": 7}, "a version 'v7', found 'v0'"),
            ({"alias": "pord"}, "an alias 'pord', found 'prod', 'latest'"),
            ({"digest": "lf1:" + "0" * 64}, "found 'v0'"),
        ],
    )
    def test_what_is_missing_is_named_with_what_there_is(
        self, registry: Registry, change: dict[str, object], message: str
    ) -> None:
        log(registry, "a", aliases=("prod",))
        with pytest.raises(NotFound, match=message):
            registry.get(replace(NAME, **change))  # type: ignore[arg-type]

    def test_a_deleted_version_is_found_only_on_request(self, registry: Registry) -> None:
        log(registry, "a")
        log(registry, "b")
        registry.delete(NAME.at(0))
        with pytest.raises(NotFound, match="was deleted at"):
            registry.get(NAME.at(0))
        assert registry.get(NAME.at(0), deleted=True).deleted_at is not None
        by_digest = replace(NAME, digest=summary("a").digest)
        with pytest.raises(NotFound):
            registry.get(by_digest)
        assert registry.get(by_digest, deleted=True).index == 0

    def test_collections_come_by_project_and_name_with_their_counts(
        self, registry: Registry
    ) -> None:
        for project, collection in [("b", "x"), ("a", "y"), ("a", "X"), ("B", "x")]:
            log(registry, "a", name=replace(NAME, project=project, collection=collection))
        log(registry, "b", name=replace(NAME, project="a", collection="y", partition="p"))
        log(registry, "c", name=replace(NAME, project="a", collection="y", partition="p"))
        log(registry, "a", name=replace(NAME, entity="other"))
        found = list(registry.collections(entity="default"))
        assert [(c.project, c.name) for c in found] == [
            ("B", "x"),
            ("a", "X"),
            ("a", "y"),
            ("b", "x"),
        ]
        assert [(c.partitions, c.versions) for c in found] == [(1, 1), (1, 1), (2, 3), (1, 1)]
        assert [c.name for c in registry.collections(entity="default", project="a")] == ["X", "y"]
        assert list(registry.collections(entity="nobody")) == []

    def test_a_collection_is_described(self, registry: Registry) -> None:
        log(registry, "a", type="model")
        registry.delete(NAME.at(0), delete_aliases=True)
        log(registry, "b", type="model")
        (found,) = registry.collections(entity="default", project="vision")
        assert registry.collection_type(NAME) == found.type
        assert (found.type, found.description, found.versions) == ("model", "", 1)
        assert registry.collection_type(replace(NAME, collection="other")) is None

    def test_versions_come_newest_first_whatever_their_number(self, registry: Registry) -> None:
        for request in drafts(registry, map(str, range(450))):
            registry.log(request)
        assert [v.index for v in registry.versions(NAME)] == list(range(449, -1, -1))
        assert [o.version.index for o in registry.observations(NAME)] == list(range(449, -1, -1))
        assert [c.version.index for c in registry.changes()] == list(range(450))
        assert [o.version.index for o in registry.observations(NAME, limit=2)] == [449, 448]

    def test_a_list_may_be_read_while_the_registry_is_written(self, registry: Registry) -> None:
        for content in "abc":
            log(registry, content)
        seen = []
        for version in registry.versions(NAME):
            seen.append(version.index)
            log(registry, f"new {version.index}")
        assert seen == [2, 1, 0]

    def test_lists_of_what_does_not_exist_are_errors(self, registry: Registry) -> None:
        for listing in (registry.versions, registry.observations, registry.partitions):
            with pytest.raises(NotFound):
                list(listing(NAME))

    def test_observations_of_one_version(self, registry: Registry) -> None:
        begin(registry)
        for content in "aba":
            log(registry, content)
        found = list(registry.observations(NAME.at(0)))
        assert [(o.version.index, o.created, o.moved_latest) for o in found] == [
            (0, False, True),
            (0, True, True),
        ]
        assert found[0].id > found[1].id
        assert found[0].at >= found[1].at

    def test_pin_sets_of_no_version(self, registry: Registry) -> None:
        with pytest.raises(NotFound):
            registry.pin_sets(4711)


class AsOfSuite:
    """What was current then."""

    def test_latest_as_of_each_change(self, registry: Registry) -> None:
        outcomes = [log(registry, content) for content in "aba"]
        moments = [outcome.change.at for outcome in outcomes if outcome.change is not None]
        assert [registry.as_of(NAME, moment).index for moment in moments] == [0, 1, 0]
        assert registry.as_of(NAME, datetime.now(UTC) + timedelta(days=1)).index == 0
        created = [outcome.version.created_at for outcome in outcomes[:2]]
        assert [registry.as_of(NAME, moment).index for moment in created] == [0, 1]
        with pytest.raises(NotFound, match="had no 'latest'"):
            registry.as_of(NAME, created[0] - timedelta(microseconds=1))

    def test_an_alias_as_of_then_even_if_removed_since(self, registry: Registry) -> None:
        prod = replace(NAME, alias="prod")
        first = log(registry, "a", aliases=("prod",)).change
        assert first is not None
        registry.remove_alias(NAME, "prod")
        with pytest.raises(NotFound):
            registry.as_of(prod, datetime.now(UTC) + timedelta(days=1))
        assert registry.as_of(prod, first.at).index == 0
        registry.promote(NAME.at(0), "prod")
        assert registry.as_of(prod, datetime.now(UTC) + timedelta(days=1)).index == 0

    def test_deleted_versions_were_current_once(self, registry: Registry) -> None:
        change = log(registry, "a").change
        assert change is not None
        registry.delete(NAME.at(0), delete_aliases=True)
        old = registry.as_of(NAME, change.at)
        assert old.index == 0
        assert old.deleted_at is not None
        with pytest.raises(NotFound):
            registry.as_of(NAME, datetime.now(UTC) + timedelta(days=1))

    def test_a_moment_needs_a_time_zone_and_a_name_no_version(self, registry: Registry) -> None:
        log(registry, "a")
        with pytest.raises(InvalidInput):
            registry.as_of(NAME, datetime(2026, 5, 3))  # noqa: DTZ001 - the point of the test
        with pytest.raises(InvalidInput):
            registry.as_of(NAME.at(0), datetime.now(UTC))


class ContainingSuite:
    """Which versions may hold an object."""

    @pytest.mark.parametrize(
        ("source", "uri", "holds"),
        [
            ("s3://b/data/", "s3://b/data/x/y.png", True),
            ("s3://b/data/", "s3://b/data/", True),
            ("s3://b/data/", "s3://b/data", True),
            ("s3://b/data/", "s3://b/data2", False),
            ("s3://b/data/", "s3://b/data2/x", False),
            ("s3://b/data/", "s3://b/dat", False),
            ("s3://b/data/", "s3://b/", True),
            ("s3://b/data/", "s3://b", True),
            ("s3://b/data/", "s3://bb/", False),
            ("s3://b/data/a", "s3://b/data/", True),
            ("s3://b/data/a", "s3://b/data", True),
            ("s3://b/data/a", "s3://b/data/a", True),
            ("s3://b/data/a", "s3://b/data/a/b", False),
            ("s3://b/data/a", "s3://b/data/a?versionId=3sL4", True),
            ("s3://b/data/a?versionId=3sL4", "s3://b/data/a", True),
            ("gs://b/data/a#17", "gs://b/data/a", True),
            ("s3://b/d_ta/", "s3://b/data/x", False),
            ("s3://b/d%/", "s3://b/data/x", False),
            ("s3://b/data/", "s3://b/d_ta/x", False),
            ("s3://b/data/", "s3://b/%/", False),
            ("s3://b/a//", "s3://b/a//b", True),
            ("s3://b/ü/", "s3://b/ü/☃", True),
            ("file:///mnt/a%20b/", "/mnt/a b/c", True),
            ("s3://b/" + "k" * 900 + "/", "s3://b/" + "k" * 900 + "/x", True),
            ("s3://b/" + "k" * 900 + "/", "s3://b/" + "k" * 899 + "j/x", False),
            ("s3://b/" + "k" * 900 + "/x", "s3://b/" + "k" * 900, True),
        ],
    )
    def test_by_the_source_not_by_wildcards(
        self, registry: Registry, source: str, uri: str, holds: bool
    ) -> None:
        log(registry, "a", sources=(Source(uri=source),))
        log(registry, "unrelated", sources=(Source(uri="s3://elsewhere/data/x/"),))
        assert [v.index for v in registry.containing(uri)] == ([0] if holds else [])

    def test_each_live_version_once_newest_first_and_by_entity(self, registry: Registry) -> None:
        twice = (Source(uri="s3://b/x/"), Source(uri="s3://b/x/y/", name="y"))
        other = replace(NAME, entity="other")
        for content, name in [("a", NAME), ("b", NAME), ("a", other)]:
            log(registry, content, name=name, sources=twice)
        registry.delete(NAME.at(0))
        assert [str(v.name) for v in registry.containing("s3://b/x/y/z")] == [
            "other/vision/mnist:v0",
            "default/vision/mnist:v1",
        ]
        found = list(registry.containing("s3://b/", entity="default"))
        assert [v.name for v in found] == [NAME.at(1)]

    def test_a_source_seen_later_with_equal_content_counts(self, registry: Registry) -> None:
        log(registry, "a", sources=(Source(uri="s3://old/"),))
        log(registry, "a", pins="q", sources=(Source(uri="s3://new/"),))
        assert [v.index for v in registry.containing("s3://new/x")] == [0]
        assert [v.index for v in registry.containing("s3://old/x")] == [0]
