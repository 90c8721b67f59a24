"""Retrying, counting and limiting are wrappers: they keep the contract and add their one thing."""

import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from kit.counting import CountingStore, RequestCounts
from kit.limiting import LimitingStore
from kit.wrapper import Wrapper
from landfast.clouds.retry import RetryPolicy
from landfast.errors import NotFound, Unavailable
from landfast.model.location import Location
from landfast.stores.base import Kind, ListRequest, Pin, Store
from landfast.stores.local import FileStore
from landfast.stores.retrying import RetryingStore
from landfast.testing.store_suite import Place, StoreSuite, pin_of, read

from .test_file import Folder


class WrapperSuite(StoreSuite):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        (tmp_path / "place").mkdir()
        return Folder(tmp_path / "place")


class TestRetryingStore(WrapperSuite):
    @pytest.fixture
    def store(self) -> Store:
        return RetryingStore(FileStore())


class TestCountingStore(WrapperSuite):
    @pytest.fixture
    def store(self) -> Store:
        return CountingStore(FileStore())


class TestLimitingStore(WrapperSuite):
    @pytest.fixture
    def store(self) -> Store:
        return LimitingStore(FileStore(), 2)


class Failing(Wrapper):
    """A file store whose first answers are errors."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__(CountingStore(FileStore()))
        self.errors = list(errors)

    def fail(self) -> None:
        if self.errors:
            raise self.errors.pop(0)

    def versioning(self, location):
        self.fail()
        return super().versioning(location)

    def locate(self, location):
        self.fail()
        return super().locate(location)

    def list_page(self, request):
        self.fail()
        return super().list_page(request)

    def stat(self, location, **asked):
        self.fail()
        return super().stat(location, **asked)

    @contextmanager
    def open(self, pin, *, start=0):
        self.fail()
        with super().open(pin, start=start) as reader:
            yield reader


@pytest.fixture
def where(tmp_path: Path) -> Location:
    (tmp_path / "x").write_bytes(b"bytes")
    return Location.parse(str(tmp_path / "x"))


@pytest.fixture
def waits() -> list[float]:
    return []


def lost() -> Unavailable:
    return Unavailable("the server is away")


def test_every_method_is_tried_again(where: Location, waits: list[float]) -> None:
    calls = {
        "versioning": lambda store: store.versioning(where),
        "locate": lambda store: store.locate(where) is Kind.OBJECT,
        "list_page": lambda store: list(store.list_page(ListRequest(where)).rows),
        "stat": lambda store: store.stat(where).size == 5,
        "open": lambda store: read(store, Pin(location=where)) == b"bytes",
    }
    for n, call in enumerate(calls.values(), 1):
        call(RetryingStore(Failing(lost(), lost()), sleep=waits.append))
        assert len(waits) == 2 * n


def test_tries_are_bounded_and_the_last_error_is_raised(
    where: Location, waits: list[float]
) -> None:
    errors = [Unavailable(f"try {n}") for n in range(1, 10)]
    store = RetryingStore(Failing(*errors), RetryPolicy(attempts=4), sleep=waits.append)
    with pytest.raises(Unavailable, match="try 4"):
        store.stat(where)
    assert len(waits) == 3


def test_waits_grow_with_jitter_up_to_the_most(where: Location, waits: list[float]) -> None:
    policy = RetryPolicy(attempts=7, first_s=1, most_s=8)
    store = RetryingStore(Failing(*(lost() for _ in range(6))), policy, sleep=waits.append)
    store.stat(where)
    for ceiling, wait in zip([1, 2, 4, 8, 8, 8], waits, strict=True):
        assert ceiling / 2 <= wait <= ceiling
    assert len(set(waits)) == 6


def test_what_the_server_asks_for_is_waited_but_not_forever(
    where: Location, waits: list[float]
) -> None:
    errors = [Unavailable("busy", retry_after=7), Unavailable("busy", retry_after=9999)]
    store = RetryingStore(Failing(*errors), RetryPolicy(most_s=20), sleep=waits.append)
    store.stat(where)
    assert waits == [7, 20]


def test_other_errors_are_not_tried_again(where: Location, waits: list[float]) -> None:
    inner = Failing(NotFound("gone"))
    with pytest.raises(NotFound):
        RetryingStore(inner, sleep=waits.append).stat(where)
    assert waits == []


def test_error_in_the_body_is_the_readers_business(where: Location, waits: list[float]) -> None:
    store = RetryingStore(Failing(), sleep=waits.append)
    with pytest.raises(Unavailable, match="cut"), store.open(Pin(location=where)):
        raise Unavailable("cut in the middle")
    assert waits == []
    assert store.inner.inner.counts["open"] == 1


def test_counts_are_by_method_and_shared(where: Location) -> None:
    counts = RequestCounts()
    one, two = CountingStore(FileStore(), counts), CountingStore(FileStore(), counts)
    read(one, pin_of(two.stat(where)))
    two.locate(where)
    two.list_page(ListRequest(where))
    one.versioning(where)
    one.capabilities()
    assert counts.as_dict() == {
        "list_page": 1, "locate": 1, "open": 1, "stat": 1, "versioning": 1,
    }  # fmt: skip
    assert pickle.loads(pickle.dumps(counts)).as_dict() == counts.as_dict()


def test_limit_holds_while_bodies_are_read(where: Location) -> None:
    running, most, lock = 0, 0, threading.Lock()
    store = LimitingStore(FileStore(), 3)

    def work(_: int) -> None:
        nonlocal running, most
        with store.open(Pin(location=where)) as reader:
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.005)
            b"".join(reader)
            with lock:
                running -= 1

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, range(40)))
    assert most == 3
