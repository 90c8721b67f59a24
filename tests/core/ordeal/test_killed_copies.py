"""Copies of a registry are killed at every row, blob, statement and rename; run again, they end the same."""

from __future__ import annotations

import itertools
import re
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from kit.failpoints import arm
from kit.forks import fork
from kit.rehearsed import rehearsed
from kit.servers.moto import Moto
from kit.servers.postgres import Postgres
from landfast import Artifact, Client
from landfast.errors import AccessDenied, NotFound, Unavailable
from landfast.registry.copy import rows
from landfast.registry.copy.report import TableCopy
from landfast.registry.database.engine import Database
from landfast.registry.database.url import RegistryUrl
from landfast.registry.opener import init_registry
from landfast.registry.schema.fence import lower_fence

PATIENCE_S = 120
# So many kills are tried in the everyday run, spread evenly.
KILLS = 4
STREAM = rows._stream
# Times, tickets, and the names of half files and of databases: no two runs have the same.
MADE_UP = re.compile(
    r"\d{4}-\d\d-\d\d.\d\d:[\d:.]+|(?<=ticket)\D*\d+"
    r"|(?<=label\.db\.)\w{8}|(?<=blobs/tmp/)\w{32}|test_[0-9a-f]{12}"
)


@dataclass(frozen=True, kw_only=True)
class Move:
    """What is copied where, by a process that notes how many moments it had."""

    source: str
    target: str
    store: str | None
    journal: Path
    fork: bool = False


def copy(move: Move, kill_at: int | None) -> None:
    """Copy; end by SIGKILL at a moment of it, of which each row that is read is one."""
    points = arm(kill_at)

    def counted(*given: Any) -> Iterator[rows.Row]:
        for row in STREAM(*given):
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


@dataclass(frozen=True, kw_only=True)
class Disk:
    """Registries that are SQLite files, with stores beside them."""

    folder: Path

    def make(self, label: str) -> tuple[str, str]:
        """Name a registry and its store."""
        return f"sqlite:///{self.folder / label}.db", str(self.folder / f"{label} store")

    def drop(self, label: str) -> None:
        """Remove them."""
        for path in self.folder.glob(f"*{label}[. ]*"):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def dump(self, label: str) -> str:
        """Write down all that the database holds."""
        path = self.folder / f"{label}.db"
        if not path.exists():
            return ""
        with closing(sqlite3.connect(path)) as connection:
            return "\n".join(connection.iterdump())

    def names(self, label: str) -> list[str]:
        """Name all files and blobs."""
        found = (path.relative_to(self.folder) for path in self.folder.rglob("*"))
        return sorted(name for name in map(str, found) if label in name)


@dataclass(frozen=True, kw_only=True)
class Server:
    """Registries on PostgreSQL, with stores on S3."""

    postgres: Postgres
    s3: Moto
    bucket: str
    urls: dict[str, str] = field(default_factory=dict)

    def make(self, label: str) -> tuple[str, str]:
        self.urls[label] = self.postgres.create()
        return self.urls[label], f"s3://{self.bucket}/{label}"

    def drop(self, label: str) -> None:
        self.postgres.drop(self.urls.pop(label))

    def dump(self, label: str) -> str:
        with psycopg.connect(self.urls[label]) as connection:
            tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
            names = [str(name) for (name,) in connection.execute(tables)]
            rows = (f"SELECT '{name}', t::text FROM \"{name}\" t" for name in names)
            found = connection.execute(" UNION ALL ".join(rows)).fetchall() if names else []
        return "\n".join(map(str, sorted(found)))

    def names(self, label: str) -> list[str]:
        found = self.s3.client.list_objects_v2(Bucket=self.bucket, Prefix=f"{label}/")
        return [each["Key"] for each in found.get("Contents", [])]


Place = Disk | Server


@pytest.fixture
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Place]]:
    """Make a place by its kind: this disk, or PostgreSQL and S3."""
    servers = []

    def make(kind: str) -> Place:
        if kind == "disk":
            return Disk(folder=tmp_path)
        s3 = request.getfixturevalue("s3")
        server = Server(
            postgres=request.getfixturevalue("postgres_server"), s3=s3, bucket=s3.bucket()
        )
        servers.append(server)
        return server

    yield make
    for server in servers:
        for label in list(server.urls):
            server.drop(label)


@dataclass(frozen=True, kw_only=True)
class Left:
    """All that a killed copy left in the world, but for what is made up anew each time."""

    source: str
    target: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, source: Place, target: Place, label: str) -> Left:
        def plain(text: str) -> str:
            return MADE_UP.sub("-", text.replace(label, "label"))

        return cls(
            source=plain(source.dump("old")),
            target=plain(target.dump(label)),
            names=tuple(plain(name) for name in [*source.names("old"), *target.names(label)]),
        )


@pytest.mark.parametrize("kind", ["move", "kept store", "fork"])
def test_killed_at_some_moments(places: Callable[[str], Place], tmp_path: Path, kind: str) -> None:
    ordeal = Ordeal(places("disk"), places("disk"), tmp_path, kind)
    with ordeal.rehearsed() as moments:
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
    places: Callable[[str], Place], tmp_path: Path, source: str, target: str, kind: str
) -> None:
    ordeal = Ordeal(places(source), places(target), tmp_path, kind)
    with ordeal.rehearsed():
        killed = next(kill_at for kill_at in itertools.count(1) if not ordeal.survives(kill_at))
    assert killed > 100


@pytest.mark.parametrize(
    ("source", "target"),
    [("disk", "disk"), pytest.param("server", "server", marks=pytest.mark.system)],
)
def test_several_at_once_make_one_copy(
    places: Callable[[str], Place], tmp_path: Path, source: str, target: str
) -> None:
    ordeal = Ordeal(places(source), places(target), tmp_path, "move")
    for turn in range(3):
        ordeal.race(f"race {turn}")


class Ordeal:
    """A registry that is copied again and again, each time to another place."""

    def __init__(self, source: Place, target: Place, folder: Path, kind: str) -> None:
        self._url, store = source.make("old")
        self._source = source
        self._target = target
        self._seen: set[Left] = set()
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
        target, store = self._target.make(f"new {label}")
        return Move(
            source=self._url,
            target=target,
            store=None if self._keeps_store else store,
            journal=self._folder / f"{label}.journal",
            fork=self._is_fork,
        )

    @contextmanager
    def rehearsed(self) -> Iterator[int]:
        """Run each copy in a fork of a process that made one without a kill; yield how many moments that had."""
        move = self._move("whole")
        with rehearsed(copy, move, None, patience_s=PATIENCE_S) as self._stage:
            self._check_done(move)
            yield int(move.journal.read_text().split()[0])

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
            self.client.copy_registry(move.target, store=move.store)  # each was in another's way
        self._check_done(move)

    def survives(self, kill_at: int) -> bool:
        """Kill a copy, and end it by a second; False if it had ended before.

        What was left as it was after an earlier kill, the second has ended already.
        """
        label = f"k{kill_at}"
        move = self._move(label)
        ended = self._stage.run(move, kill_at)
        if ended == 0:
            print(
                f"{move.source} to {move.target}: {move.journal.read_text()}; "
                f"{len(self._seen)} states were left"
            )
            return False
        assert ended == -signal.SIGKILL, f"moment {kill_at}: {ended}"
        left = Left.of(self._source, self._target, f"new {label}")
        if left in self._seen:
            self._put_back()
        else:
            self._seen.add(left)
            self._check_killed(move)
            assert self._stage.run(move, None) == 0, f"after moment {kill_at}"
            self._check_done(move)
        self._target.drop(f"new {label}")
        return True

    def _put_back(self) -> None:
        """Let the old registry be written to again."""
        database = Database(RegistryUrl.parse(self._url))
        try:
            lower_fence(database)
        finally:
            database.close()

    def _check_killed(self, move: Move) -> None:
        """Nothing is at the new place, or everything; nothing is written at the old one if it might be lost."""
        assert self.client.get("data:prod").version == "v1"
        try:
            there = Client(move.target).registry.info
        except NotFound:
            there = None
        if there is not None:
            assert digests(move.target) == digests(self._url)
            if self._is_fork:
                return  # a ticket of the original would tell the two apart
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
        found = copied.check_registry(deep=True)
        assert (found.ok, found.label) == (True, "")
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
