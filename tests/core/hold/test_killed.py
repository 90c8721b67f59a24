"""Holds and releases are killed at every request and statement; run again, they end the same.

After each kill nothing is held by us that the registry does not know.
"""

from __future__ import annotations

import itertools
import signal
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from kit.failpoints import arm
from kit.forks import fork
from kit.servers.moto import Moto
from landfast import Client

PATIENCE_S = 120
# So many kills are tried in the everyday run, spread evenly.
KILLS = 2
ACTS = ("hold", "release", "rm")
OURS = ("a", "b", "c")


def act(ordeal: Ordeal, kind: str, kill_at: int | None) -> None:
    """Hold, release or delete two versions that share an object; end by SIGKILL at a moment of it."""
    points = arm(kill_at)
    client = Client(ordeal.url, project="ordeal")
    if kind == "hold":
        client.hold("first:v0")
        client.hold("second:v0")
    elif kind == "release":
        client.release("first:v0")
        client.release("second:v0")
    else:
        for name in ("first", "second"):
            if list(client.versions(name)):
                client.delete(f"{name}:v0", delete_aliases=True)
        client.gc(dry_run=False)
    client.close()
    ordeal.journal.write_text(str(len(points.passed)))


@dataclass(frozen=True, kw_only=True)
class Ordeal:
    """Two versions, one with a and b and a colleague's object, one with b and c."""

    server: Moto
    bucket: str
    folder: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'registry.db'}"

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    def prepare(self, kind: str) -> None:
        for name in (*OURS, "theirs"):
            self.server.put(self.bucket, f"data/{name}", name.encode())
        self._set("theirs", on=True)
        client = Client(self.url, project="ordeal")
        for name, wanted in (("first", ["a", "b", "theirs"]), ("second", ["b", "c"])):
            version = client.log(name, f"s3://{self.bucket}/data/", include=wanted)
            if kind != "hold":
                client.hold(version)
        client.close()

    def run(self, kind: str, kill_at: int | None) -> int | None:
        child = fork(act, self, kind, kill_at)
        child.start()
        child.join(PATIENCE_S)
        return child.exitcode

    def pass_a_minute(self) -> None:
        """Let the lease of whoever was killed be over."""
        with closing(sqlite3.connect(self.folder / "registry.db")) as connection:
            connection.execute("UPDATE held_objects SET worker_until = '2000-01-01 00:00:00'")
            connection.commit()

    def known(self) -> dict[str, str]:
        with closing(sqlite3.connect(self.folder / "registry.db")) as connection:
            rows = connection.execute("SELECT uri, state FROM held_objects").fetchall()
        return {uri.rpartition("/")[2]: state for uri, state in rows}

    def held(self) -> set[str]:
        return {name for name in (*OURS, "theirs") if self._is_held(name)}

    def check_that_all_is_known(self) -> None:
        known = self.known()
        for name in self.held() - {"theirs"}:
            assert known.get(name) in {"intended", "held", "releasing"}, (name, known)
        assert "theirs" in self.held()

    def check_the_end(self, kind: str) -> None:
        holds = dict.fromkeys(OURS, "held") | {"theirs": "foreign"}
        assert self.known() == (holds if kind == "hold" else {})
        assert self.held() == {"theirs", *(OURS if kind == "hold" else ())}
        client = Client(self.url, project="ordeal")
        records = list(client.registry.holds.records())
        client.close()
        assert [record.complete for record in records] == ([True] * 2 if kind == "hold" else [])

    def _is_held(self, name: str) -> bool:
        return self.server.is_held(self.bucket, f"data/{name}", self._version(name))

    def _set(self, name: str, *, on: bool) -> None:
        self.server.set_held(self.bucket, f"data/{name}", self._version(name), on=on)

    def _version(self, name: str) -> str:
        head = self.server.client.head_object(Bucket=self.bucket, Key=f"data/{name}")
        return head["VersionId"]


class Ordeals:
    """Makes a new place for each kill."""

    def __init__(self, server: Moto, folder: Path, kind: str) -> None:
        self._server, self._folder, self._kind = server, folder, kind
        self._numbers = itertools.count()

    def moments(self) -> int:
        """Run it once without a kill, and return how many moments there were."""
        ordeal = self._new()
        assert ordeal.run(self._kind, None) == 0
        ordeal.check_the_end(self._kind)
        return int(ordeal.journal.read_text())

    def survives(self, kill_at: int) -> bool:
        """Kill it at a moment and run it again; False if it has fewer moments."""
        ordeal = self._new()
        code = ordeal.run(self._kind, kill_at)
        if code == 0:
            return False
        assert code == -signal.SIGKILL
        ordeal.check_that_all_is_known()
        ordeal.pass_a_minute()
        assert ordeal.run(self._kind, None) == 0
        ordeal.check_the_end(self._kind)
        return True

    def _new(self) -> Ordeal:
        folder = self._folder / str(next(self._numbers))
        folder.mkdir()
        bucket = self._server.bucket(lock=True)
        ordeal = Ordeal(server=self._server, bucket=bucket, folder=folder)
        ordeal.prepare(self._kind)
        return ordeal


@pytest.mark.parametrize("kind", ACTS)
def test_killed_at_some_moments(s3: Moto, tmp_path: Path, kind: str) -> None:
    ordeals = Ordeals(s3, tmp_path, kind)
    moments = ordeals.moments()
    assert moments > 20
    for kill_at in range(moments // 3, moments, max(1, moments // KILLS)):
        assert ordeals.survives(kill_at)


@pytest.mark.parametrize("kind", ACTS)
@pytest.mark.system
@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_killed_at_every_moment(s3: Moto, tmp_path: Path, kind: str) -> None:
    ordeals = Ordeals(s3, tmp_path, kind)
    killed = next(kill_at for kill_at in itertools.count(1) if not ordeals.survives(kill_at))
    assert killed > 20
