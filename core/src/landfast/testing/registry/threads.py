"""What threads may do with one registry at once."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from landfast.registry.registry import Registry
from landfast.registry.values import BlobNeeded, LogRequest
from landfast.testing.registry.drafts import NAME, RUN, begin, hexadecimal, log, summary

_THREADS = 8


class ThreadSuite:
    """Concurrency inside one process; processes are the business of a slower test."""

    def test_the_first_log_of_a_collection_may_be_many_at_once(self, registry: Registry) -> None:
        with ThreadPoolExecutor(_THREADS) as pool:
            outcomes = list(pool.map(lambda _: log(registry, "same"), range(_THREADS * 3)))
        assert Counter(o.created for o in outcomes)[True] == 1
        assert {o.version.id for o in outcomes} == {outcomes[0].version.id}
        assert len(list(registry.observations(NAME))) == _THREADS * 3

    def test_numbers_have_no_gap_and_the_feed_neither(self, registry: Registry) -> None:
        names = [replace(NAME, partition=str(number % 3)) for number in range(48)]
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(lambda n: log(registry, str(n), name=names[n]), range(48)))
        for partition in "012":
            found = registry.versions(replace(NAME, partition=partition))
            assert [v.index for v in found] == list(range(15, -1, -1))
        feed = [change.position for change in registry.changes()]
        assert feed == list(range(1, len(feed) + 1))

    def test_a_run_may_be_begun_many_times_at_once(self, registry: Registry) -> None:
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(lambda _: begin(registry), range(_THREADS * 2)))
        assert [run.key for run in registry.runs(entity="default")] == [RUN]

    def test_tickets_are_never_drawn_twice(self, registry: Registry) -> None:
        with ThreadPoolExecutor(_THREADS) as pool:
            tickets = list(pool.map(lambda _: registry.ticket(), range(100)))
        assert len(set(tickets)) == 100

    def test_no_alias_is_lost(self, registry: Registry) -> None:
        log(registry, "a")
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(lambda n: registry.promote(NAME, f"alias-{n}"), range(24)))
        assert len(registry.get(NAME).aliases) == 25

    def test_a_collector_in_a_loop_never_deletes_what_is_live(self, registry: Registry) -> None:
        store: set[str] = set()
        done = threading.Event()

        def collect() -> None:
            # No grace period at all: every upload may be condemned before it is logged.
            while not done.is_set():
                moment = datetime.now(UTC) + timedelta(minutes=1)
                blobs = [row.sha256 for row in registry.garbage(older_than=moment)]
                condemned = registry.condemn(blobs, older_than=moment)
                store.difference_update(condemned)
                registry.forget_blobs(condemned)

        def write(number: int) -> None:
            for turn in range(6):
                _publish(registry, store, f"{number % 3} {turn}")

        collector = threading.Thread(target=collect)
        collector.start()
        try:
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(write, range(4)))
        finally:
            done.set()
            collector.join()
        live = {version.blob for version in registry.versions(NAME)}
        assert len(live) == 18
        assert live <= store

    def test_it_works_on_after_close(self, registry: Registry) -> None:
        log(registry, "a")
        registry.close()
        assert registry.get(NAME).index == 0


def _publish(registry: Registry, store: set[str], content: str) -> None:
    """Record, upload, log; once more if the blob was collected in between."""
    blob = hexadecimal(content)
    ticket = registry.ticket()
    while True:
        registry.record_blobs({blob: 1})
        store.add(blob)
        request = LogRequest(
            name=NAME, type="dataset", summary=summary(content), blob=blob, ticket=ticket
        )
        try:
            registry.log(request)
        except BlobNeeded:
            continue
        return
