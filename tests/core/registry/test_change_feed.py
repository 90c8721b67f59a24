"""Two transactions at once leave no gap in the change feed, whoever reads in between."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from landfast.registry.registry import Registry
from landfast.registry.values import LogOutcome
from landfast.testing.registry.drafts import NAME, begin, draft, log
from sqlalchemy import event

_PATIENCE_S = 120
_OTHER = replace(NAME, collection="other")

Open = Callable[[], Registry]


class Pause:
    """Hold a registry's transaction at a statement, or at its commit, until it is released."""

    def __init__(self, registry: Registry, before: str) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        engine = registry._database.open().engine
        if before == "COMMIT":
            event.listen(engine, "commit", lambda _connection: self._wait())
        else:
            event.listen(engine, "before_cursor_execute", self._statement)
        self._before = before

    def _statement(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if self._before in statement:
            self._wait()

    def _wait(self) -> None:
        self.reached.set()
        assert self.go_on.wait(_PATIENCE_S)


def positions(reader: Registry) -> list[int]:
    return [change.position for change in reader.changes()]


def is_waiting(future: Future[LogOutcome]) -> bool:
    try:
        future.result(timeout=0.5)
    except TimeoutError:
        return True
    return False


def test_nobody_overtakes_a_transaction_that_has_its_position(open_again: Open) -> None:
    first, second, reader = open_again(), open_again(), open_again()
    request, other = draft(first, "a"), draft(second, "b", name=_OTHER)
    pause = Pause(first, "COMMIT")
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(first.log, request)
        assert pause.reached.wait(_PATIENCE_S)
        quick = pool.submit(second.log, other)
        assert is_waiting(quick)  # it would have position 2, and 1 is not to be seen yet
        assert positions(reader) == []
        assert reader.head() == 0
        pause.go_on.set()
        assert slow.result(_PATIENCE_S).change.position == 1
        assert quick.result(_PATIENCE_S).change.position == 2
    assert positions(reader) == [1, 2]


def test_who_begins_first_but_commits_last_comes_last_in_the_feed(open_again: Open) -> None:
    first, second, reader = open_again(), open_again(), open_again()
    if first.info.url.startswith("sqlite"):
        interleaved_on_sqlite(first, second, reader)
        return
    begin(first)  # the project exists, so that the two have nothing in common but the feed
    request, other = draft(first, "a"), draft(second, "b", name=_OTHER)
    pause = Pause(first, "UPDATE counters")
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(first.log, request)
        assert pause.reached.wait(_PATIENCE_S)  # its version is written, its position not taken
        assert second.log(other).change.position == 1
        assert positions(reader) == [1]
        pause.go_on.set()
        assert slow.result(_PATIENCE_S).change.position == 2
    assert positions(reader) == [1, 2]


def interleaved_on_sqlite(first: Registry, second: Registry, reader: Registry) -> None:
    """One writer at a time: the second waits even before the first has taken its position."""
    request, other = draft(first, "a"), draft(second, "b", name=_OTHER)
    pause = Pause(first, "UPDATE counters")
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(first.log, request)
        assert pause.reached.wait(_PATIENCE_S)
        quick = pool.submit(second.log, other)
        assert is_waiting(quick)
        assert positions(reader) == []
        pause.go_on.set()
        assert slow.result(_PATIENCE_S).change.position == 1
        assert quick.result(_PATIENCE_S).change.position == 2
    assert positions(reader) == [1, 2]


def test_a_transaction_that_fails_late_leaves_no_gap(open_again: Open) -> None:
    first, reader = open_again(), open_again()

    def fail(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "INSERT INTO changes" in statement:
            raise RuntimeError("the machine stops here")

    engine = first._database.open().engine
    request = draft(first, "a")
    event.listen(engine, "before_cursor_execute", fail)
    try:
        first.log(request)
    except RuntimeError:
        pass
    else:
        raise AssertionError("the failpoint was not reached")
    event.remove(engine, "before_cursor_execute", fail)
    assert positions(reader) == []
    assert log(first, "b").version.index == 0
    assert positions(reader) == [1]


def test_a_reader_that_polls_beside_writers_never_sees_a_gap(open_again: Open) -> None:
    reader, seen, done = open_again(), [], threading.Event()

    def poll() -> None:
        while True:
            finished = done.is_set()
            seen.extend(positions_after(reader, seen[-1] if seen else 0))
            if finished:
                return

    def write(number: int) -> None:
        registry = open_again()
        for turn in range(8):
            log(registry, f"{number} {turn}", name=replace(NAME, partition=str(number)))

    with ThreadPoolExecutor(7) as pool:
        polling = pool.submit(poll)
        list(pool.map(write, range(6)))
        done.set()
        polling.result(_PATIENCE_S)
    assert seen == list(range(1, 49))


def positions_after(reader: Registry, after: int) -> list[int]:
    return [change.position for change in reader.changes(after=after)]
