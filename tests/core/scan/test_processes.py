"""Children list ranges too; whatever becomes of them, a listing is complete or an error, and none is left."""

import contextlib
import os
import select
import signal
import subprocess
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from landfast.errors import AccessDenied, LimitExceeded, Unavailable
from landfast.manifests.batch import EntryBatch
from landfast.manifests.reader import ManifestFile
from landfast.manifests.writer import ManifestWriter
from landfast.scan.ranges import SharedRanges
from landfast.scan.spread import Breadth
from landfast.stores.base import ListRequest, Page, Versioning

from tests.core.scan.keys import Listed, listed

ONE = Breadth(streams=1)
TWO = Breadth(streams=2, least=2, workers=2, after_pages=1)
EACH_ONE = Breadth(workers=2, streams=1, after_pages=1)
BEGUN: list[subprocess.Popen[bytes]] = []
"""The children of the test that runs."""
OVER = threading.Event()
"""Whether the main thread's own part is listed, or has failed: it begins no child any more."""
KEYS = {f"d/{number:05}": number % 3 for number in range(2_000)}


@dataclass
class Waiting(Listed):
    """A store that answers here only once it is asked by a child so often, which then does what it is told."""

    fifo: Path = Path()
    parent: int = 0
    meeting: threading.Lock = field(default_factory=threading.Lock)
    then: str = "list"
    often: int = 1
    is_met: bool = False

    def list_page(self, request: ListRequest) -> Page:
        is_here = os.getpid() == self.parent
        # Who looks for a cut is let go on, so that there is something to do for the child.
        is_often = len(self.requests) + 1 >= self.often
        if (is_here and request.token is not None and self._is_begun()) or (
            not is_here and is_often
        ):
            with self.meeting:
                if not self.is_met:
                    self.is_met = True
                    self._meet(is_here)
        if os.getpid() != self.parent and self.then == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if not is_here and not request.versions:
            (self.fifo.parent / "current").touch()
        if os.getpid() != self.parent and self.then == "refuse":
            raise AccessDenied("nothing for children")
        return super().list_page(request)

    def _is_begun(self) -> bool:
        """Tell whether there is a child to wait for; only the main thread begins one, and others wait for that."""
        if threading.current_thread() is not threading.main_thread():
            while not BEGUN and not OVER.wait(0.01):
                pass
        return bool(BEGUN)

    def _meet(self, is_here: bool) -> None:
        """Wait for the other end, however long it takes to begin; not for a child that has ended, as one is where
        another stream comes to the limit."""
        if not is_here:
            self.fifo.open("w").close()
            return
        end = os.open(self.fifo, os.O_RDONLY | os.O_NONBLOCK)
        met = select.poll()
        met.register(end)
        while not met.poll(100) and all(child.poll() is None for child in BEGUN):
            pass
        os.close(end)


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    begin = subprocess.Popen

    def record(*arguments, **named):
        BEGUN.append(begin(*arguments, **named))
        return BEGUN[-1]

    def telling(act):
        def tell(self, *arguments):
            OVER.set()
            return act(self, *arguments)

        return tell

    BEGUN.clear()
    OVER.clear()
    for name in ("finish", "fail"):
        monkeypatch.setattr(SharedRanges, name, telling(getattr(SharedRanges, name)))
    monkeypatch.setattr("landfast.scan.processes.subprocess.Popen", record)
    return BEGUN


@pytest.fixture
def store(tmp_path: Path) -> Waiting:
    os.mkfifo(tmp_path / "fifo")
    return Waiting(KEYS, versioning_=Versioning.ENABLED, fifo=tmp_path / "fifo", parent=os.getpid())


def test_children_list_what_one_stream_lists(store, tmp_path, children):
    alone, left_out = listed(
        Listed(KEYS, versioning_=Versioning.ENABLED), tmp_path, ONE, exclude=["*7"]
    )
    together, too = listed(store, tmp_path, TWO, exclude=["*7"])
    assert together == alone
    assert too.result() == left_out.result()
    assert too.matched() == left_out.matched()
    assert len(children) == 1
    assert None not in [child.returncode for child in children]
    assert not list(tmp_path.glob("*.arrow"))


def test_children_list_current_objects_where_history_is_deep(store, tmp_path, children):
    deep = {f"d/{number:04}": 12 if number >= 7_000 else 0 for number in range(10_000)}
    with_history = replace(store, keys=deep, page=250, often=100)
    alone, _ = listed(replace(with_history, requests=[], is_met=True), tmp_path, ONE)
    with ManifestWriter(tmp_path / "before.parquet") as writer:
        writer.add_batch(EntryBatch.from_rows(alone))
        writer.finish()
    together, told = listed(
        with_history, tmp_path, EACH_ONE, previous=lambda: ManifestFile(tmp_path / "before.parquet")
    )
    assert together == alone
    assert len(children) == 1
    assert (tmp_path / "current").exists()
    assert any("asked about one by one (HEAD)" in note for note in told.notes())


@pytest.mark.parametrize(
    ("then", "error", "words"),
    [("die", Unavailable, "died"), ("refuse", AccessDenied, "nothing for children")],
)
def test_an_error_of_a_child_is_raised_here(store, tmp_path, children, then, error, words):
    with pytest.raises(error, match=words):
        listed(replace(store, then=then), tmp_path, TWO)
    assert None not in [child.returncode for child in children]


def test_the_limit_is_that_of_all_processes(store, tmp_path, children):
    with pytest.raises(LimitExceeded):
        listed(store, tmp_path, TWO, limit=500)
    assert None not in [child.returncode for child in children]


def test_an_interrupt_ends_children(store, tmp_path, children, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("landfast.scan.parts.Part.read", interrupt)
    with contextlib.suppress(KeyboardInterrupt):
        listed(store, tmp_path, TWO)
    assert children
    assert None not in [child.returncode for child in children]


def test_a_store_that_cannot_be_sent_is_listed_here(tmp_path, children):
    store = Listed(KEYS)
    store.capabilities = lambda: Listed.capabilities(store)
    found, _ = listed(store, tmp_path, TWO)
    assert len(found) == len(KEYS)
    assert not children
