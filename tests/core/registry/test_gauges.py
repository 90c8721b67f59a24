"""What a monitor reads of each collection, and that ten thousand cost as many questions as one."""

from __future__ import annotations

from landfast.model.names import ArtifactName
from landfast.model.verdict import Verdict, VerifyReport
from landfast.registry.registry import Registry
from landfast.registry.values import LogOutcome
from landfast.testing.registry.drafts import draft


def log(registry: Registry, name: str, content: str = "a") -> LogOutcome:
    named = ArtifactName.parse(name).within(entity="default", project="vision")
    return registry.log(draft(registry, content, name=named))


def test_an_empty_registry_has_none(registry: Registry) -> None:
    assert registry.overview.gauges() == []


def test_numbers_are_over_all_partitions(registry: Registry) -> None:
    log(registry, "a~1", "a")
    log(registry, "a~2", "a")
    moved = log(registry, "a~2", "bbb")
    looked = log(registry, "a~1", "a")
    other = log(registry, "other/b", "a")
    second, found = registry.overview.gauges()
    assert (second.project, second.name, found.project, found.name) == ("other", "b", "vision", "a")
    assert (found.partitions, found.versions) == (2, 3)
    assert (found.latest_files, found.latest_bytes) == (
        looked.version.summary.count + moved.version.summary.count,
        looked.version.summary.size + moved.version.summary.size,
    )
    assert found.observed_at == looked.observation.at
    assert found.changed_at is not None
    assert found.changed_at <= looked.observation.at
    assert second.observed_at == other.observation.at


def test_verdicts_are_the_last_of_what_aliases_name(registry: Registry) -> None:
    old = log(registry, "a", "a").version
    new = log(registry, "a", "bbb").version
    registry.promote(old.name, "prod")
    log(registry, "a", "cc")  # `latest` goes on, and nothing names `new`
    (found,) = registry.overview.gauges()
    assert (found.unseen, found.verdicts, found.verified_at) == (2, {}, None)
    for counts in ({Verdict.INTACT: 2}, {Verdict.INTACT: 1, Verdict.GONE: 1}):
        registry.add_verification(old.id, VerifyReport(digest="lf1:0", counts=counts))
    registry.add_verification(new.id, VerifyReport(digest="lf1:0", counts={Verdict.INTACT: 9}))
    (found,) = registry.overview.gauges()
    assert (found.unseen, found.verdicts) == (1, {"intact": 1, "gone": 1})
    assert found.verified_at == registry.verifications(old.id)[0].at


def test_a_collection_whose_versions_are_gone_counts_none(registry: Registry) -> None:
    version = log(registry, "a").version
    registry.delete(version.name, delete_aliases=True)
    (found,) = registry.overview.gauges()
    assert (found.partitions, found.versions, found.latest_files) == (1, 0, 0)
    assert found.changed_at is None
    assert found.observed_at is not None
