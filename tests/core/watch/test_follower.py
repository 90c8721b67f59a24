"""A consumer hears of each change at least once, in order, whatever ends it."""

from __future__ import annotations

import itertools
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import landfast
import pytest
from kit.failpoints import arm
from kit.forks import fork
from landfast.follow.follower import Follower
from landfast.follow.turn import enter_in_turn
from landfast.registry.opener import init_registry, open_registry
from landfast.registry.registry import Registry
from landfast.registry.values import ChangeFilter, Stream
from landfast.testing.registry.drafts import NAME, RUN, begin, log

SHORT = timedelta(milliseconds=50)


@pytest.fixture
def url(tmp_path) -> str:
    made = f"sqlite:///{tmp_path}/registry.db"
    init_registry(made, "s3://bucket/store/")
    return made


@pytest.fixture
def registry(url):
    opened = open_registry(url)
    yield opened
    opened.close()


def told(registry: Registry, consumer: str = "mirror", **given: object) -> list[int]:
    with Follower(registry, consumer, **given) as follower:
        return [change.position for change in follower.changes()]


def test_a_consumer_that_nobody_knows_begins_now_and_goes_on_where_it_was(registry) -> None:
    log(registry, "a")
    assert told(registry) == []
    log(registry, "b")
    log(registry, "c")
    assert told(registry) == [2, 3]
    assert told(registry) == []
    assert told(registry, again="start") == [1, 2, 3]
    assert told(registry, again=2) == [3]
    assert told(registry, "another", begin="start") == [1, 2, 3]


def test_what_an_exception_interrupts_is_told_again(registry) -> None:
    for content in "abc":
        log(registry, content)

    def fail_at_the_second() -> None:
        with Follower(registry, "m", begin="start") as follower:
            for change in follower.changes():
                if change.position == 2:
                    raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_at_the_second()
    assert told(registry, "m") == [2, 3]


def test_a_moment_is_a_place_to_begin(registry) -> None:
    log(registry, "a")
    second = log(registry, "b").change
    assert told(registry, again=second.at) == [2]


def test_pages_of_changes_that_nobody_wants_are_passed(registry, monkeypatch) -> None:
    monkeypatch.setattr("landfast.follow.follower._PAGE", 3)
    for content in "abcdefgh":
        log(registry, content)
    with Follower(registry, "m", begin="start") as follower:
        kept = list(follower.changes(keep=lambda change: change.position in {5, 7}))
        assert [change.position for change in kept] == [5, 7]
        assert follower.position == {Stream.CHANGES: 8}
    assert registry.consumers.positions("m") == {Stream.CHANGES: 8}
    absent = ChangeFilter(name=replace(NAME, collection="not-yet"), partitions=True)
    with Follower(registry, "m", again="start") as follower:
        assert list(follower.changes(absent)) == []
        assert follower.position == {Stream.CHANGES: 8}


def test_both_streams_have_a_position(registry) -> None:
    begin(registry)
    log(registry, "a", run=RUN)
    with Follower(registry, "m", streams=tuple(Stream), begin="start") as follower:
        assert [event.kind for event in follower.run_events()] == ["started", "logged"]
        assert [change.version for change in follower.changes()] == [NAME.at(0)]
    assert registry.consumers.positions("m") == {Stream.CHANGES: 1, Stream.RUNS: 2}
    with (
        pytest.raises(landfast.InvalidInput, match="one stream"),
        Follower(registry, "other", streams=tuple(Stream), again=3),
    ):
        pass
    assert told(registry, "other", begin="start") == [1]  # nothing is held back by the one refused


def test_two_do_not_follow_in_one_name_at_once(registry) -> None:
    log(registry, "a")
    with Follower(registry, "m"):
        with pytest.raises(landfast.Conflict, match="somebody else follows as m"):
            told(registry, "m")
        with ExitStack() as held:
            waited: list[float] = []
            entered = enter_in_turn(
                Follower(registry, "m"),
                held,
                lambda seconds: waited.append(seconds) or len(waited) == 2,
                is_patient=True,
                note=lambda text: None,
            )
            assert (entered, len(waited)) == (False, 2)
    with ExitStack() as held:
        follower = Follower(registry, "m")
        assert enter_in_turn(follower, held, lambda _: True, is_patient=True, note=print)


def test_a_lease_is_renewed_for_as_long_as_it_is_held(registry) -> None:
    log(registry, "a")
    with Follower(registry, "m", lease=SHORT):
        time.sleep(4 * SHORT.total_seconds())
        with pytest.raises(landfast.Conflict):
            told(registry, "m")


def test_a_client_follows(url) -> None:
    client = landfast.Client(url)
    log(client.registry, "a")
    with client.follow("m", begin="start") as follower:
        assert [change.version for change in follower.changes()] == [NAME.at(0)]


def follow_and_die(url: str, journal: str, kill_at: int) -> None:
    registry = open_registry(url)
    arm(kill_at)
    with (
        Follower(registry, "m", begin="start", lease=SHORT) as follower,
        open(journal, "a", buffering=1) as file,
    ):
        file.writelines(f"{change.position}\n" for change in follower.changes())


def killed_at(kill_at: int, folder: Path, url: str) -> bool:
    """Follow until the kill, then again without one; tell whether there was one."""
    journal = folder / f"journal-{kill_at}"
    process = fork(follow_and_die, url, str(journal), kill_at)
    process.start()
    process.join()
    time.sleep(SHORT.total_seconds())
    with closing(open_registry(url)) as registry:
        rest = told(registry, "m", begin="start")
        before = [int(line) for line in journal.read_text().split()] if journal.exists() else []
        assert sorted({*before, *rest}) == [1, 2, 3], (before, rest)
        assert before + rest == sorted(before + rest)  # at least once, in order
        with Follower(registry, "m", again="start"):
            pass
    return process.exitcode != 0


@pytest.mark.parametrize("kill_at", [4, 12, 16])
def test_killed_and_begun_again_nothing_is_lost(tmp_path, registry, url, kill_at) -> None:
    for content in "abc":
        log(registry, content)
    registry.close()
    assert killed_at(kill_at, tmp_path, url)


@pytest.mark.system
@pytest.mark.nightly
def test_killed_at_each_moment_and_begun_again_nothing_is_lost(tmp_path, registry, url) -> None:
    for content in "abc":
        log(registry, content)
    registry.close()
    moments = itertools.takewhile(lambda moment: killed_at(moment, tmp_path, url), range(1, 200))
    assert 20 < len(list(moments)) < 199
