"""What consumers and the stream of run events have to do."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from landfast.errors import Conflict, InvalidInput
from landfast.model.lineage import Direction, RunEvent, RunEventKind
from landfast.model.run import RunKey, RunStatus
from landfast.registry.registry import Registry
from landfast.registry.values import Stream
from landfast.testing.registry.drafts import NAME, OTHER_RUN, RUN, begin, log

LEASE = timedelta(minutes=1)
SHORT = timedelta(milliseconds=1)


class ConsumerSuite:
    """Who follows, and how far they have come."""

    def test_one_at_a_time_follows_in_a_consumers_name(self, registry: Registry) -> None:
        log(registry, "a")
        registry.consumers.take("watch", "one", LEASE)
        registry.consumers.take("watch", "one", LEASE)
        with pytest.raises(Conflict, match="one") as caught:
            registry.consumers.take("watch", "two", LEASE)
        assert caught.value.details["until"]
        registry.consumers.take("another", "two", LEASE)
        registry.consumers.release("watch", "two")  # which it does not hold
        with pytest.raises(Conflict):
            registry.consumers.take("watch", "two", LEASE)
        registry.consumers.release("watch", "one")
        registry.consumers.take("watch", "two", LEASE)

    def test_a_lease_that_is_over_passes_to_the_next_and_the_first_cannot_move_the_position(
        self, registry: Registry
    ) -> None:
        log(registry, "a")
        registry.consumers.take("watch", "one", SHORT)
        time.sleep(0.01)
        registry.consumers.take("watch", "two", LEASE)
        registry.consumers.remember("watch", "two", LEASE, {Stream.CHANGES: 1})
        with pytest.raises(Conflict, match="somebody else follows"):
            registry.consumers.remember("watch", "one", LEASE, {Stream.CHANGES: 0})
        with pytest.raises(Conflict, match="somebody else follows"):
            registry.consumers.renew("watch", "one", LEASE)
        assert registry.consumers.positions("watch") == {Stream.CHANGES: 1}

    def test_a_lease_that_is_over_is_kept_by_its_holder_if_nobody_came(
        self, registry: Registry
    ) -> None:
        log(registry, "a")
        registry.consumers.take("watch", "one", SHORT)
        time.sleep(0.01)
        registry.consumers.remember("watch", "one", LEASE, {Stream.CHANGES: 1})
        with pytest.raises(Conflict):
            registry.consumers.take("watch", "two", LEASE)

    def test_positions_are_kept_by_stream_and_may_be_set_back(self, registry: Registry) -> None:
        log(registry, "a")
        assert registry.consumers.positions("watch") == {}
        registry.consumers.take("watch", "one", LEASE)
        for told in ({Stream.CHANGES: 5, Stream.RUNS: 7}, {Stream.CHANGES: 2}):
            registry.consumers.remember("watch", "one", LEASE, told)
        assert registry.consumers.positions("watch") == {Stream.CHANGES: 2, Stream.RUNS: 7}

    def test_who_follows_and_how_far_behind_can_be_seen(self, registry: Registry) -> None:
        log(registry, "a", run=begin(registry))
        log(registry, "b")
        assert registry.consumers.records() == []
        registry.consumers.take("watch", "one", LEASE)
        registry.consumers.take("catalog", "two", SHORT)
        registry.consumers.remember("watch", "one", LEASE, {Stream.CHANGES: 1})
        registry.consumers.remember("catalog", "two", SHORT, {Stream.RUNS: 0, Stream.CHANGES: 2})
        time.sleep(0.01)
        found = registry.consumers.records()
        told = [(one.name, one.stream, one.position, one.behind, one.holder) for one in found]
        assert told == [
            ("catalog", Stream.CHANGES, 2, 0, None),
            ("catalog", Stream.RUNS, 0, 2, None),
            ("watch", Stream.CHANGES, 1, 1, "one"),
        ]

    def test_a_consumer_has_a_name(self, registry: Registry) -> None:
        log(registry, "a")
        for name in ("", "x" * 1025):
            with pytest.raises(InvalidInput, match="name"):
                registry.consumers.take(name, "one", LEASE)


class RunEventSuite:
    """The stream of what runs did."""

    def test_a_run_begins_before_what_it_does_and_ends_after_it(self, registry: Registry) -> None:
        begin(registry, name="first", job_type="train", link="https://h/1")
        used = log(registry, "a").version
        registry.add_edges(RUN, Direction.USED, [used.id])
        made = log(registry, "b", run=RUN).version
        registry.finish_run(RUN, RunStatus.FINISHED)
        registry.finish_run(RUN, RunStatus.FINISHED)  # said twice, told once
        registry.consumers.give_positions()
        found = list(registry.consumers.run_events())
        assert [event.kind for event in found] == [
            RunEventKind.STARTED,
            RunEventKind.USED,
            RunEventKind.LOGGED,
            RunEventKind.FINISHED,
        ]
        assert [event.position for event in found] == [1, 2, 3, 4]
        assert [event.version for event in found] == [None, used.name, made.name, None]
        assert (found[0].name, found[0].job_type, found[0].link) == (
            "first",
            "train",
            "https://h/1",
        )
        assert (found[0].attempt, found[3].attempt, found[1].attempt) == (1, 1, None)
        assert {(event.entity, event.project) for event in found} == {("default", "vision")}
        assert all(one.at <= two.at for one, two in pairwise(found))
        assert len({event.id for event in found}) == 4
        assert registry.consumers.events_of_run(RUN) == found
        assert registry.consumers.events_of_run(RUN, until=2) == found[:2]

    def test_each_attempt_begins_and_ends(self, registry: Registry) -> None:
        begin(registry, name="as it was")
        registry.finish_run(RUN, RunStatus.FAILED)
        begin(registry, attempt=2, name="as it is")
        begin(registry, attempt=2)  # met again
        begin(registry, attempt=1)  # an old process
        registry.finish_run(RUN, RunStatus.FINISHED)
        registry.consumers.give_positions()
        told = [(e.kind, e.attempt, e.name) for e in registry.consumers.run_events()]
        assert told == [
            ("started", 1, "as it was"),
            ("failed", 1, "as it was"),
            ("started", 2, "as it is"),
            ("finished", 2, "as it is"),
        ]

    def test_positions_stay_and_go_on(self, registry: Registry) -> None:
        begin(registry)
        assert registry.consumers.heads()[Stream.RUNS] == 1
        first = list(registry.consumers.run_events())
        for content in "abc":
            log(registry, content, run=begin(registry, OTHER_RUN))
        waiting = registry.consumers.events_of_run(OTHER_RUN)
        assert {event.position for event in waiting} == {0}
        assert waiting[0].kind is RunEventKind.STARTED
        assert registry.consumers.heads() == {Stream.CHANGES: 3, Stream.RUNS: 5}
        found = list(registry.consumers.run_events())
        assert found[:1] == first
        assert [event.position for event in found] == [1, 2, 3, 4, 5]
        assert list(registry.consumers.run_events(after=3)) == found[3:]
        assert list(registry.consumers.run_events(after=5)) == []

    def test_who_follows_while_others_write_misses_nothing(self, registry: Registry) -> None:
        made = [log(registry, content).version.id for content in "abcd"]
        keys = [replace(RUN, run_id=f"run-{n}") for n in range(12)]

        def work(key: RunKey) -> None:
            begin(registry, key)
            for version_id in made:
                registry.add_edges(key, Direction.USED, [version_id])
            registry.finish_run(key, RunStatus.FINISHED)

        seen: list[RunEvent] = []
        with ThreadPoolExecutor(4) as pool:
            jobs = [pool.submit(work, key) for key in keys]
            is_over = False
            while not is_over:
                is_over = all(job.done() for job in jobs)
                registry.consumers.give_positions()
                seen += registry.consumers.run_events(after=len(seen))
            for job in jobs:
                job.result()
        assert [event.position for event in seen] == list(range(1, 12 * 6 + 1))
        assert seen == list(registry.consumers.run_events())
        for key in keys:
            kinds = [event.kind for event in seen if event.run == key]
            assert kinds == ["started", *["used"] * 4, "finished"]

    def test_a_moment_is_a_position_in_each_stream(self, registry: Registry) -> None:
        begin(registry)
        log(registry, "a", run=RUN)
        second = log(registry, "b", run=RUN)
        assert second.change is not None
        at = registry.consumers.positions_at(second.observation.at)
        told = list(registry.consumers.run_events(after=at[Stream.RUNS]))
        assert [event.version for event in told] == [NAME.at(1)]
        assert [c.version for c in registry.changes(after=at[Stream.CHANGES])] == [NAME.at(1)]
        assert registry.consumers.positions_at(second.change.at + timedelta(days=1)) == {
            Stream.CHANGES: 2,
            Stream.RUNS: 3,
        }
