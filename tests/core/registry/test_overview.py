"""What people see who look around: pages of collections and partitions, and how much there is."""

from itertools import pairwise
from typing import Any

import pytest
from landfast.errors import NotFound
from landfast.model.names import ArtifactName
from landfast.model.source import Source
from landfast.registry.registry import Registry
from landfast.registry.values import CollectionFilter, LogOutcome
from landfast.testing.registry.drafts import draft


def log(registry: Registry, name: str, content: str = "a", **given: Any) -> LogOutcome:
    named = ArtifactName.parse(name).within(entity="default", project="vision")
    source = Source(uri=f"s3://bucket/{named.collection}/")
    return registry.log(draft(registry, content, name=named, sources=(source,), **given))


def names(registry: Registry, start: int = 0, size: int = 50, **of: str) -> list[str]:
    found, _ = registry.overview.collections(CollectionFilter(**of), start=start, size=size)
    return [each.collection.name for each in found]


def test_collections_by_name_and_by_change(registry: Registry) -> None:
    for name in ("b", "a", "c", "other/d"):
        log(registry, name)
    log(registry, "a", "a")  # a look that changes nothing
    log(registry, "b", "bb")
    assert names(registry) == ["d", "a", "b", "c"]  # by project, then name
    assert names(registry, order="changed") == ["b", "d", "c", "a"]
    assert names(registry, project="vision") == ["a", "b", "c"]
    assert names(registry, text="VISION/B") == ["b"]
    assert names(registry, text="_") == []
    assert names(registry, type="model") == []
    assert names(registry, entity="nobody") == []


def test_a_page_tells_how_a_collection_stands(registry: Registry) -> None:
    first = log(registry, "a", "a")
    second = log(registry, "a", "bbb")
    again = log(registry, "a", "bbb")
    (found,), total = registry.overview.collections(CollectionFilter())
    assert total == 1
    assert found.latest == second.version
    assert second.change is not None
    assert found.changed_at is not None
    assert second.observation.at <= found.changed_at <= second.change.at
    assert found.observed_at == again.observation.at
    assert [size for _, size in found.sizes] == [1000, 3000]
    assert first.observation.at <= found.sizes[0][0]


def test_a_collection_whose_versions_are_gone_stays_in_the_list(registry: Registry) -> None:
    version = log(registry, "a").version
    registry.delete(version.name, delete_aliases=True)
    log(registry, "b")
    found, _ = registry.overview.collections(CollectionFilter(order="changed"))
    assert [(each.collection.name, each.latest is None) for each in found] == [
        ("b", False),
        ("a", True),
    ]
    assert found[1].sizes == ()


def test_pages_cut_the_list_without_gaps(registry: Registry) -> None:
    for number in range(7):
        log(registry, f"c{number}")
    for order in ("name", "changed"):
        whole = names(registry, order=order)
        parts = [names(registry, start, 3, order=order) for start in (0, 3, 6, 9)]
        assert [name for part in parts for name in part] == whole
        assert [len(part) for part in parts] == [3, 3, 1, 0]
    assert registry.overview.collections(CollectionFilter(), start=6, size=3)[1] == 7


def test_partitions_by_key_with_what_they_hold(registry: Registry) -> None:
    for key in ("2026-05-02", "2026-05-01", "50%25_off"):
        log(registry, f"a~{key}")
    log(registry, "a~2026-05-01", "bb")
    name = ArtifactName.parse("default/vision/a")
    found, total = registry.overview.partitions(name)
    assert total == 3
    assert [each.key for each in found] == ["2026-05-01", "2026-05-02", "50%_off"]
    assert [each.versions for each in found] == [2, 1, 1]
    assert [each.latest and each.latest.index for each in found] == [1, 0, 0]
    assert all(each.changed_at and each.observed_at for each in found)
    assert [each.key for each in registry.overview.partitions(name, "%_")[0]] == ["50%_off"]
    assert registry.overview.partitions(name, "05-0", start=1, size=5)[0][0].key == "2026-05-02"
    with pytest.raises(NotFound):
        registry.overview.partitions(ArtifactName.parse("default/vision/b"))


def test_the_latest_of_a_collection_is_that_of_the_partition_that_changed_last(
    registry: Registry,
) -> None:
    log(registry, "a~x", "x")
    log(registry, "a~y", "yy")
    log(registry, "a~x", "xxx")
    (found,), _ = registry.overview.collections(CollectionFilter())
    assert found.latest is not None
    assert (found.latest.name.partition, found.latest.index) == ("x", 1)


def test_the_state_counts(registry: Registry) -> None:
    version = log(registry, "a").version
    log(registry, "a", "bb")
    log(registry, "b~x", "bb", type="model")
    registry.delete(version.name)
    state = registry.overview.state()
    counts = (state.collections, state.partitions, state.versions, state.deleted)
    assert counts == (2, 2, 2, 1)
    assert (state.observations, state.blobs) == (3, 3)
    assert state.blob_bytes > 0
    assert registry.overview.types() == ["dataset", "model"]
    places = registry.overview.places()
    assert [(place.uri, place.versions) for place in places] == [
        ("s3://bucket/b/", 1),
        ("s3://bucket/a/", 2),
    ]


def test_a_look_says_whether_it_saw_other_pins_than_the_one_before(registry: Registry) -> None:
    name = ArtifactName.parse("default/vision/a")
    pins = ["p", "p", "q", "q", "p"]
    outcomes = [log(registry, "vision/a", pins=pin).observation for pin in pins]
    seen = list(registry.observations(name))[::-1]
    assert [look.repinned for look in seen] == [
        False,
        *(before != now for before, now in pairwise(pins)),
    ]
    assert seen == outcomes
    assert [look.outcome for look in seen[:3]] == ["created", "unchanged", "repinned"]
