"""Pruning takes looks that found nothing new, and nothing that anybody could ask of lineage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from landfast.errors import InvalidInput, NotFound
from landfast.model.garbage import PrunedRows, PruneReport
from landfast.model.lineage import Direction
from landfast.model.names import ArtifactName
from landfast.model.run import RunKey, RunStatus
from landfast.registry import stale
from landfast.registry.database import engine
from landfast.registry.opener import init_registry, open_registry
from landfast.registry.registry import Registry
from landfast.registry.values import Stream
from landfast.testing.registry.drafts import NAME, begin, draft
from landfast.upkeep.prune import prune_history

LEASE = timedelta(seconds=60)


def key(number: int) -> RunKey:
    return RunKey(system="script", deployment="host", run_id=str(number))


class Story:
    """Runs that look, use and log, each ended before the next begins."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.runs = 0

    def run(
        self,
        content: str | None = "a",
        *,
        uses: ArtifactName | None = None,
        status: RunStatus = RunStatus.FINISHED,
        name: ArtifactName = NAME,
        **given: object,
    ) -> RunKey:
        self.runs += 1
        run = begin(self.registry, key(self.runs))
        if uses is not None:
            self.registry.add_edges(run, Direction.USED, [self.registry.get(uses).id])
        if content is not None:
            self.registry.log(draft(self.registry, content, name=name, run=run, **given))
        if status is not RunStatus.RUNNING:
            self.registry.finish_run(run, status)
        return run

    def prune(self, *, dry_run: bool = False) -> PrunedRows:
        return prune_history(self.registry, older_than=timedelta(0), dry_run=dry_run).rows

    def history(self) -> list[tuple[str, str, bool, bool, bool]]:
        """Return every look as (version, pins, created, moved, repinned), oldest first."""
        found = [
            (str(o.version), o.pin_digest, o.created, o.moved_latest, o.repinned)
            for name in {str(v.name.bare()): v.name.bare() for v in self.versions()}.values()
            for o in self.registry.observations(name)
        ]
        return found[::-1]

    def versions(self) -> list[object]:
        return list(self.registry.versions(NAME, deleted=True))

    def is_there(self, run: RunKey) -> bool:
        try:
            self.registry.run(run)
        except NotFound:
            return False
        return True


@pytest.fixture
def story(registry: Registry) -> Story:
    return Story(registry)


def test_unchanged_looks_go_with_their_runs_and_the_last_stays(story: Story) -> None:
    runs = [story.run() for _ in range(5)]
    assert story.prune(dry_run=True) == PrunedRows(looks=3, runs=3, edges=3)
    assert len(story.history()) == 5
    assert story.prune() == PrunedRows(looks=3, runs=3, edges=3)
    assert [story.is_there(run) for run in runs] == [True, False, False, False, True]
    assert [created for _, _, created, *_ in story.history()] == [True, False]
    assert story.prune() == PrunedRows()


def test_more_than_a_batch_goes_and_a_killed_run_of_it_goes_on(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stale, "_BATCH", 2)
    for _ in range(9):
        story.run()
    parts = story.registry.stale.remove(story.registry.run(key(9)).started_at, dry_run=False)
    assert next(parts) == PrunedRows(looks=2)
    parts.close()
    assert story.prune() == PrunedRows(looks=5, runs=7, edges=7)


def test_what_somebody_may_ask_for_stays(story: Story) -> None:
    story.run("a")
    kept = {
        "used something": story.run("a", uses=NAME),
        "used alone": story.run(None, uses=NAME),
        "new pins": story.run("a", pins="other"),
        "pins of before again": story.run("a", pins="p"),
        "metadata": story.run("a", metadata={"rows": 3}),
        "new content": story.run("b"),
        "content of before": story.run("a"),
        "still running": story.run("a", status=RunStatus.RUNNING),
        "did nothing": story.run(None),
    }
    gone = story.run("a")
    story.run("a")  # the last look
    edges = story.registry.edges(versions=[v.id for v in story.versions()])
    story.prune()
    assert dict.fromkeys(kept, True) == {what: story.is_there(run) for what, run in kept.items()}
    assert not story.is_there(gone)
    left = story.registry.edges(versions=[v.id for v in story.versions()])
    assert left == [edge for edge in edges if edge.run != gone]


def test_a_look_that_promoted_keeps_its_run(story: Story) -> None:
    story.run("a")
    promoting = story.run("a", aliases=("prod",))
    story.run("a")
    story.run("a")
    assert story.prune().runs == 1
    assert story.is_there(promoting)
    assert [change.run for change in story.registry.changes()][-1] == promoting


def test_only_what_is_older_goes(story: Story) -> None:
    for _ in range(4):
        story.run()
    week = prune_history(story.registry, older_than=timedelta(days=7), dry_run=False)
    assert week.rows == PrunedRows()
    with pytest.raises(InvalidInput):
        prune_history(story.registry, older_than=timedelta(days=-1))


def test_a_run_that_a_consumer_has_still_to_be_told_of_stays(story: Story) -> None:
    consumers = story.registry.consumers
    for _ in range(4):
        story.run()
    consumers.take("slow", "me", LEASE)
    consumers.remember("slow", "me", LEASE, {Stream.RUNS: 0})
    assert story.prune().runs == 0
    told = consumers.heads()[Stream.RUNS]
    consumers.remember("slow", "me", LEASE, {Stream.RUNS: told})
    story.run()
    assert story.prune().runs == 3  # with what was the last look before
    head = consumers.heads()[Stream.RUNS]
    events = list(consumers.run_events())
    assert [event.position for event in events] == sorted({event.position for event in events})
    assert events[-1].position == head


def test_the_stream_goes_on_behind_any_gap(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_PAGE", 2)
    for content in ("a", *"a" * 8, "b"):
        story.run(content)
    before = list(story.registry.consumers.run_events())
    story.registry.consumers.heads()
    before = list(story.registry.consumers.run_events())
    assert story.prune().runs == 7
    left = [event for event in before if story.is_there(event.run)]
    assert list(story.registry.consumers.run_events()) == left
    assert len(left) == 9
    assert list(story.registry.consumers.run_events(after=left[4].position)) == left[5:]


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", None]),
        st.sampled_from(["p", "q"]),
        st.booleans(),
        st.sampled_from([(), ("prod",)]),
    ),
    max_size=14,
)


@settings(deadline=None, max_examples=40)
@given(acts=ACTS)
def test_lineage_survives_whatever_happened(
    acts: list[tuple[str | None, str, bool, tuple[str, ...]]],
) -> None:
    with TemporaryDirectory() as folder:
        init_registry(f"sqlite:///{folder}/registry.db", "s3://bucket/store/")
        registry = open_registry(f"sqlite:///{folder}/registry.db")
        story = Story(registry)
        story.run("a", name=NAME)
        other = ArtifactName(entity="default", project="vision", collection="made")
        for content, pins, uses, aliases in acts:
            story.run(
                content,
                uses=NAME if uses else None,
                name=other if uses else NAME,
                pins=pins,
                aliases=aliases,
            )
        before, asked = story.history(), _asked(registry)
        planned = story.prune(dry_run=True)
        assert story.prune() == planned
        assert _asked(registry) == asked
        after = story.history()
        assert [look for look in before if any(look[2:])] == [
            look for look in after if any(look[2:])
        ]
        assert after[-1:] == before[-1:]
        assert story.prune() == PrunedRows()


def _asked(registry: Registry) -> object:
    """Return what lineage and downloads need: derivations, versions, pins, changes."""
    found = []
    for name in registry.collections(entity="default"):
        bare = ArtifactName(entity="default", project=name.project, collection=name.name)
        for version in registry.versions(bare, deleted=True):
            edges = registry.edges(versions=[version.id])
            used = {edge.run for edge in edges if edge.direction is not Direction.LOGGED}
            makers = {edge.run for edge in edges if edge.direction is Direction.LOGGED}
            inputs = {
                (run, edge.version_id)
                for run in makers
                for edge in registry.edges(runs=[run])
                if edge.direction is not Direction.LOGGED
            }
            found.append((version, registry.pin_sets(version.id), used, inputs))
    return found, list(registry.changes())


def test_the_report_says_what_was_done() -> None:
    rows = PrunedRows(looks=1_200, runs=3) + PrunedRows(edges=4)
    report = PruneReport(dry_run=True, older_than=datetime(2026, 5, 1, tzinfo=UTC), rows=rows)
    assert report.summary.startswith("would remove 1,200 looks")
    assert report.to_dict()["edges"] == 4
