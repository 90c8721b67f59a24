"""Copies of a registry are killed at every row, blob, statement and rename; run again, they end the same."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kit.failpoints import arm
from kit.forks import fork
from landfast import Artifact, Client
from landfast.errors import AccessDenied, NotFound, Unavailable
from landfast.registry.copy import rows
from landfast.registry.copy.report import TableCopy
from landfast.registry.database.engine import Database
from landfast.registry.database.url import RegistryUrl
from landfast.registry.opener import init_registry

PATIENCE_S = 120
# So many kills are tried in the everyday run, spread evenly.
KILLS = 4


@dataclass(frozen=True, kw_only=True)
class Move:
    """What is copied where, by a process that notes how many moments it had."""

    source: str
    target: str
    store: str | None
    journal: Path
    fork: bool = False

    def run(self, kill_at: int | None) -> int | None:
        child = fork(copy, self, kill_at)
        child.start()
        child.join(PATIENCE_S)
        return child.exitcode


def copy(move: Move, kill_at: int | None) -> None:
    """Copy; end by SIGKILL at a moment of it, of which each row that is read is one."""
    points, stream = arm(kill_at), rows._stream

    def counted(*given: Any) -> Iterator[rows.Row]:
        for row in stream(*given):
            points.reach("row")
            yield row

    rows._stream = counted
    client = Client(move.source)
    client.copy_registry(move.target, store=move.store, fork=move.fork)
    client.close()
    move.journal.write_text(f"{len(points.passed)} {points.summary}")


def digests(url: str) -> list[TableCopy]:
    database = Database(RegistryUrl.parse(url))
    try:
        return database.read(rows.digest_rows)
    finally:
        database.close()


Place = Callable[[str], tuple[str, str]]


@pytest.fixture
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Place]]:
    """Name a registry and a store by a label: on this disk, or on PostgreSQL and S3."""
    made = []

    def remote(label: str) -> tuple[str, str]:
        url: str = request.getfixturevalue("postgres_server").create()
        made.append(url)
        return url, f"s3://{request.getfixturevalue('s3').bucket()}/{label}"

    yield {
        "disk": lambda label: (
            f"sqlite:///{tmp_path / label}.db",
            str(tmp_path / f"{label} store"),
        ),
        "server": remote,
    }
    for url in made:
        request.getfixturevalue("postgres_server").drop(url)


@pytest.mark.parametrize("kind", ["move", "kept store", "fork"])
def test_killed_at_some_moments(places: dict[str, Place], tmp_path: Path, kind: str) -> None:
    ordeal = Ordeal(places["disk"], places["disk"], tmp_path, kind)
    moments = ordeal.moments()
    for kill_at in range(1, moments, max(1, moments // KILLS)):
        assert ordeal.survives(kill_at)


@pytest.mark.parametrize("kind", ["move", "kept store", "fork"])
@pytest.mark.parametrize(
    ("source", "target"),
    [("disk", "disk"), ("disk", "server"), ("server", "server"), ("server", "disk")],
)
@pytest.mark.system
@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_killed_at_every_moment(
    places: dict[str, Place], tmp_path: Path, source: str, target: str, kind: str
) -> None:
    ordeal = Ordeal(places[source], places[target], tmp_path, kind)
    killed = next(kill_at for kill_at in itertools.count(1) if not ordeal.survives(kill_at))
    assert killed > 100


@pytest.mark.parametrize(
    ("source", "target"),
    [("disk", "disk"), pytest.param("server", "server", marks=pytest.mark.system)],
)
def test_several_at_once_make_one_copy(
    places: dict[str, Place], tmp_path: Path, source: str, target: str
) -> None:
    ordeal = Ordeal(places[source], places[target], tmp_path, "move")
    for turn in range(3):
        ordeal.race(f"race {turn}")


class Ordeal:
    """A registry that is copied again and again, each time to another place."""

    def __init__(self, source: Place, target: Place, folder: Path, kind: str) -> None:
        self._url, store = source("old")
        self._target = target
        self._folder = folder
        self._is_fork = kind == "fork"
        self._keeps_store = kind == "kept store"
        init_registry(self._url, store)
        self.client = Client(self._url, project="ordeal")
        data = folder / "data"
        data.mkdir()
        for turn in range(2):
            (data / "file").write_text(f"turn {turn}")
            self.client.promote(self.client.log("data", data), "prod")
        draft = Artifact("model", "model", client=self.client)
        with draft.new_file("weights") as weights:
            weights.write("weights")
        self.client.log_artifact(draft)

    def _move(self, label: str) -> Move:
        target, store = self._target(f"new {label}")
        return Move(
            source=self._url,
            target=target,
            store=None if self._keeps_store else store,
            journal=self._folder / f"{label}.journal",
            fork=self._is_fork,
        )

    def moments(self) -> int:
        """Copy without a kill, and return how many moments that has."""
        move = self._move("whole")
        assert move.run(None) == 0
        self._check_done(move)
        return int(move.journal.read_text().split()[0])

    def race(self, label: str) -> None:
        """Copy by several processes at once: some may fail, what is there is whole."""
        move = self._move(label)
        children = [fork(copy, move, None) for _ in range(3)]
        for child in children:
            child.start()
        for child in children:
            child.join(PATIENCE_S)
        assert {child.exitcode for child in children} <= {0, 1}
        if not any(child.exitcode == 0 for child in children):
            assert move.run(None) == 0  # each was in another's way
        self._check_done(move)

    def survives(self, kill_at: int) -> bool:
        """Kill a copy, and end it by a second; False if it had ended before."""
        move = self._move(f"k{kill_at}")
        ended = move.run(kill_at)
        if ended == 0:
            print(f"{self._url.partition(':')[0]} to {move.target}: {move.journal.read_text()}")
            return False
        assert ended == -signal.SIGKILL, f"moment {kill_at}: {ended}"
        self._check_killed(move)
        assert move.run(None) == 0, f"after moment {kill_at}"
        self._check_done(move)
        return True

    def _check_killed(self, move: Move) -> None:
        """Nothing is at the new place, or everything; nothing is written at the old one if it might be lost."""
        assert self.client.get("data:prod").version == "v1"
        try:
            there = Client(move.target).registry.info
        except NotFound:
            there = None
        if there is not None:
            assert digests(move.target) == digests(self._url)
            if not self._is_fork:
                with pytest.raises((Unavailable, AccessDenied), match="moved to"):
                    self.client.ticket()
        try:
            self.client.ticket()
        except Unavailable as refusal:
            assert "landfast registry adopt" in str(refusal)  # noqa: PT017

    def _check_done(self, move: Move) -> None:
        copied = Client(move.target, project="ordeal")
        assert digests(move.target) == digests(self._url)
        assert (copied.registry.info.id == self.client.registry.info.id) is not self._is_fork
        assert copied.check_registry(deep=True).ok
        assert copied.check_registry().label == ""
        with copied.open("model", "weights") as stream:
            assert stream.read() == b"weights"
        assert not list(self._folder.glob(".*.copy")), "nothing that is half stays behind"
        if not self._is_fork:
            with pytest.raises(AccessDenied, match=r"was moved to .*LANDFAST_REGISTRY_URL"):
                self.client.ticket()
        again = self.client.copy_registry(move.target, store=move.store, fork=self._is_fork)
        assert (again.already, again.id) == (True, copied.registry.info.id)
        copied.close()
        self.client.adopt_store()
        self.client.ticket()
