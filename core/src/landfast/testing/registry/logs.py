"""What `log` has to do: versions only on change, and `latest` never back in time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from landfast.errors import Conflict, InvalidInput, NotFound
from landfast.model.lineage import Direction
from landfast.model.source import Skipped, Source
from landfast.model.version import ChangeKind
from landfast.registry.registry import Registry
from landfast.registry.values import BlobNeeded
from landfast.testing.registry.drafts import NAME, RUN, begin, draft, hexadecimal, log, summary


class LogSuite:
    """Logging content."""

    def test_first_content_is_v0_and_latest(self, registry: Registry) -> None:
        outcome = log(registry, "a")
        assert (outcome.created, outcome.changed) == (True, True)
        assert outcome.version.name == NAME.at(0)
        assert outcome.version.aliases == ("latest",)
        assert outcome.change is not None
        assert outcome.change.kind is ChangeKind.CREATED
        assert outcome.change.previous is None
        assert registry.get(NAME) == outcome.version

    def test_a_version_keeps_everything_it_was_given(self, registry: Registry) -> None:
        begin(registry)
        source = Source(
            uri="s3://b/data/",
            name="x",
            include=("*.png", "*.jpg"),
            exclude=("tmp/**",),
            checksum="sha256",
            endpoint="http://127.0.0.1:9000",
            options={"region": "eu-west-1", "anonymous": True},
            stripped=("X-Amz-Signature",),
            versioning="enabled",
        )
        skipped = Skipped(reason="folder marker", count=2, examples=("d/", "\udcff\0/"))
        outcome = log(
            registry,
            "a",
            sources=(source,),
            skipped=(skipped,),
            metadata={"über": [1, 2.5, None, {"x": True}]},
            description="first ☃",
            aliases=("prod", "latest"),
            tags=("b", "a", "b"),
            ttl_seconds=3600,
            run=RUN,
        )
        version = registry.get(NAME)
        assert version == outcome.version
        assert version.sources == (source,)
        assert version.skipped == (skipped,)
        assert version.metadata == {"über": [1, 2.5, None, {"x": True}]}
        assert version.description == "first ☃"
        assert version.aliases == ("latest", "prod")
        assert version.tags == ("a", "b")
        assert version.ttl_seconds == 3600
        assert version.run == RUN
        assert version.summary == summary("a")
        assert version.created_at.utcoffset() is not None

    def test_equal_content_is_the_same_version(self, registry: Registry) -> None:
        first = log(registry, "a", metadata={"n": 1})
        again = log(registry, "a", metadata={"n": 2}, description="other")
        assert (again.created, again.changed, again.change) == (False, False, None)
        assert again.version == first.version
        assert again.version.metadata == {"n": 1}
        assert again.observation.metadata == {"n": 2}
        assert [o.metadata for o in registry.observations(NAME)] == [{"n": 2}, {"n": 1}]
        assert registry.head() == 1

    def test_equal_content_at_known_pins_needs_no_blob(self, registry: Registry) -> None:
        log(registry, "a")
        again = registry.log(replace(draft(registry, "a"), blob=None))
        assert not again.created

    def test_new_content_needs_a_blob_and_leaves_no_trace_without(self, registry: Registry) -> None:
        with pytest.raises(BlobNeeded):
            registry.log(replace(draft(registry, "a"), blob=None))
        assert list(registry.collections(entity="default")) == []
        assert registry.head() == 0

    def test_a_blob_that_was_never_recorded_is_needed(self, registry: Registry) -> None:
        with pytest.raises(BlobNeeded):
            registry.log(replace(draft(registry, "a"), blob=hexadecimal("unknown")))

    def test_equal_content_at_new_pins_is_a_new_pin_set(self, registry: Registry) -> None:
        version = log(registry, "a", sources=(Source(uri="s3://b/old/"),)).version
        with pytest.raises(BlobNeeded):
            registry.log(replace(draft(registry, "a", pins="q"), blob=None))
        moved = log(registry, "a", pins="q", sources=(Source(uri="s3://b/new/"),))
        assert (moved.created, moved.changed) == (False, False)
        newest, oldest = registry.pin_sets(version.id)
        assert newest.pin_digest == summary("a", "q").pin_digest == moved.observation.pin_digest
        assert newest.sources == (Source(uri="s3://b/new/"),)
        assert (oldest.pin_digest, oldest.blob) == (version.summary.pin_digest, version.blob)
        log(registry, "a", pins="p")
        again, other = registry.pin_sets(version.id)
        assert (again.pin_digest, other.pin_digest) == (oldest.pin_digest, newest.pin_digest)
        assert again.seen_at > oldest.seen_at

    def test_content_a_b_a_is_two_versions_and_three_changes(self, registry: Registry) -> None:
        outcomes = [log(registry, content) for content in "aba"]
        assert [o.version.index for o in outcomes] == [0, 1, 0]
        assert [o.created for o in outcomes] == [True, True, False]
        assert [o.changed for o in outcomes] == [True, True, True]
        assert [(c.kind.value, c.version.index) for c in registry.changes()] == [
            ("created", 0),
            ("created", 1),
            ("returned", 0),
        ]
        assert registry.get(NAME).index == 0

    def test_partitions_are_sequences_of_their_own(self, registry: Registry) -> None:
        june = replace(NAME, partition="2026-06")
        may = replace(NAME, partition="2026/05 ☃")
        log(registry, "a", name=june)
        log(registry, "b", name=june)
        backfilled = log(registry, "a", name=may)
        assert backfilled.created
        assert backfilled.version.name == may.at(0)
        assert registry.get(june).index == 1
        assert [(key, v.index) for key, v in registry.partitions(NAME)] == [
            ("2026-06", 1),
            ("2026/05 ☃", 0),
        ]

    def test_another_type_is_a_conflict_that_names_both(self, registry: Registry) -> None:
        log(registry, "a")
        with pytest.raises(Conflict, match="expected type 'dataset', found type 'model'"):
            log(registry, "b", type="model")
        assert [v.index for v in registry.versions(NAME)] == [0]

    def test_a_stale_scan_does_not_move_latest_back(self, registry: Registry) -> None:
        stale = draft(registry, "stale")
        log(registry, "fresh")
        late = registry.log(stale)
        assert (late.created, late.changed, late.change) == (True, False, None)
        assert late.version.aliases == ()
        assert registry.get(NAME).summary == summary("fresh")
        assert registry.head() == 1

    def test_a_slow_scan_moves_latest_where_newer_ones_changed_nothing(
        self, registry: Registry
    ) -> None:
        """A long scan may see a change that a quick one, begun later, was too early for."""
        log(registry, "a")
        slow = draft(registry, "b")
        assert not log(registry, "a").changed
        assert registry.log(slow).changed
        assert registry.get(NAME).summary == summary("b")

    def test_scans_that_commit_in_order_move_latest(self, registry: Registry) -> None:
        drafts = [draft(registry, content) for content in "abc"]
        assert [registry.log(request).changed for request in drafts] == [True, True, True]

    def test_a_backfill_leaves_latest_unless_there_is_none(self, registry: Registry) -> None:
        first = log(registry, "a", move_latest=False)
        assert first.changed
        second = log(registry, "b", move_latest=False)
        assert (second.created, second.changed) == (True, False)
        assert registry.get(NAME).index == 0
        assert log(registry, "b").changed

    def test_aliases_move_with_equal_content_too(self, registry: Registry) -> None:
        log(registry, "a", aliases=("prod",))
        log(registry, "b")
        log(registry, "a", aliases=("prod", "best"), move_latest=False)
        assert registry.get(NAME.at(0)).aliases == ("best", "prod")
        outcome = log(registry, "b", aliases=("prod",), tags=("t",))
        assert outcome.version.aliases == ("latest", "prod")
        assert outcome.version.tags == ("t",)
        moved = [(c.alias, c.version.index, c.previous) for c in registry.changes()]
        assert moved == [
            ("latest", 0, None),
            ("prod", 0, None),
            ("latest", 1, NAME.at(0)),
            ("best", 0, None),
            ("prod", 1, NAME.at(0)),
        ]

    def test_content_of_a_deleted_version_is_a_new_index(self, registry: Registry) -> None:
        log(registry, "a")
        registry.delete(NAME.at(0), delete_aliases=True)
        outcome = log(registry, "a")
        assert outcome.created
        assert outcome.version.index == 1
        assert [v.index for v in registry.versions(NAME)] == [1]
        assert [v.index for v in registry.versions(NAME, deleted=True)] == [1, 0]

    def test_a_log_records_the_edge_of_its_run(self, registry: Registry) -> None:
        begin(registry)
        used = log(registry, "a", run=RUN, direction=Direction.USED).version
        made = log(registry, "b", run=RUN).version
        log(registry, "b", run=RUN)
        log(registry, "c", run=RUN, direction=None)
        assert [(e.direction.value, e.version_id) for e in registry.edges(runs=[RUN])] == [
            ("used", used.id),
            ("logged", made.id),
        ]

    def test_a_run_must_have_been_begun(self, registry: Registry) -> None:
        with pytest.raises(NotFound, match="script/1"):
            log(registry, "a", run=RUN)
        assert list(registry.collections(entity="default")) == []

    @pytest.mark.parametrize(
        "given",
        [
            {"type": "no type"},
            {"aliases": ("v3",)},
            {"tags": ("two words",)},
            {"ttl_seconds": 0},
            {"metadata": {"x": {1, 2}}},
            {"name": replace(NAME, entity=None)},
        ],
    )
    def test_bad_input_is_refused_and_nothing_is_recorded(
        self, registry: Registry, given: dict[str, object]
    ) -> None:
        with pytest.raises(InvalidInput):
            log(registry, "a", **given)
        assert list(registry.collections(entity="default")) == []

    def test_tickets_ascend(self, registry: Registry) -> None:
        tickets = [registry.ticket() for _ in range(5)]
        assert tickets == sorted(set(tickets))
