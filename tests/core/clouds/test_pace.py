"""A server that is asked too often is asked for fewer things at once."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from math import inf

import pytest
from landfast.clouds.pace import Pace, is_throttled
from landfast.clouds.retry import RetryPolicy
from landfast.errors import NotFound, Unavailable


def slow_down() -> Unavailable:
    return Unavailable("slow down", subject="s3://b/k", status=503, code="SlowDown")


def refuse() -> None:
    raise slow_down()


def answer() -> str:
    return "answer"


class Crowd:
    """Calls that have begun and stay until they are told how to end."""

    def __init__(self, pace: Pace, size: int) -> None:
        self._pace = pace
        self._ends: list[threading.Event] = []
        self._errors: dict[int, Exception] = {}
        self._pool = ThreadPoolExecutor(size)
        self._futures = []
        for number in range(size):
            began, end = threading.Event(), threading.Event()
            self._ends.append(end)
            self._futures.append(
                self._pool.submit(pace.run, lambda n=number, b=began: self._stay(n, b))
            )
            assert began.wait(60)

    def _stay(self, number: int, began: threading.Event) -> None:
        began.set()
        assert self._ends[number].wait(60)
        if number in self._errors:
            raise self._errors[number]

    def end(self, number: int, error: Exception | None = None) -> None:
        if error is not None:
            self._errors[number] = error
        self._ends[number].set()
        self._futures[number].exception(20)

    def close(self) -> None:
        for end in self._ends:
            end.set()
        self._pool.shutdown()


def test_while_nobody_is_refused_there_is_no_limit():
    pace = Pace()
    assert [pace.run(answer) for _ in range(3)] == ["answer"] * 3
    with pytest.raises(NotFound):
        pace.run(lambda: (_ for _ in ()).throw(NotFound("no", subject="x")))
    assert pace.limit == inf


def test_a_refusal_halves_what_runs_once_for_all_that_were_on_their_way():
    pace = Pace()
    crowd = Crowd(pace, 16)
    crowd.end(0, slow_down())
    assert pace.limit == 8
    for number in range(1, 10):
        crowd.end(number, slow_down())
    assert pace.limit == 8
    crowd.close()


def test_it_never_comes_to_a_standstill():
    pace = Pace()
    for _ in range(10):
        with pytest.raises(Unavailable):
            pace.run(refuse)
    assert pace.limit == 1
    assert pace.run(answer) == "answer"


def test_each_round_that_is_answered_allows_one_more():
    pace = Pace()
    crowd = Crowd(pace, 8)
    crowd.end(0, slow_down())
    crowd.close()
    before = pace.limit
    for _ in range(int(before)):
        pace.run(answer)
    assert before + 0.7 < pace.limit <= before + 1


def test_no_more_run_than_may():
    pace, lock, running, seen = Pace(), threading.Lock(), Counter(), []
    crowd = Crowd(pace, 8)
    crowd.end(0, slow_down())
    crowd.close()

    def count() -> None:
        with lock:
            running["now"] += 1
            seen.append((running["now"], pace.limit))
        with lock:
            running["now"] -= 1

    with ThreadPoolExecutor(16) as pool:
        for future in [pool.submit(pace.run, count) for _ in range(200)]:
            future.result(60)
    assert all(now < limit + 1 for now, limit in seen)


def test_who_waits_to_ask_again_takes_nobodys_turn():
    pace = Pace()
    with pytest.raises(Unavailable):
        pace.run(refuse)
    assert pace.limit == 1
    errors = [slow_down()]
    others = []

    def flaky() -> str:
        if errors:
            raise errors.pop()
        return "answer"

    def sleep(_wait_s: float) -> None:
        others.append(pace.run(answer))

    assert RetryPolicy().run(lambda: pace.run(flaky), sleep=sleep) == "answer"
    assert others == ["answer"]


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"status": 503}, True),
        ({"status": 429}, True),
        ({"status": 200, "code": "SlowDown"}, True),
        ({"status": 500, "code": "InternalError"}, False),
        ({}, False),
    ],
)
def test_what_is_broken_is_not_asked_too_often(details, expected):
    assert is_throttled(Unavailable("x", subject="x", **details)) is expected
