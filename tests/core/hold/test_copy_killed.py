"""Copies are killed at every moment; run again, they end the same: nothing is lost, and nothing is there twice."""

from __future__ import annotations

import itertools
import signal
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from kit.failpoints import arm
from kit.forks import fork
from kit.servers.moto import Moto
from landfast import Client
from landfast.own_store import copies
from landfast.settings import Settings

PATIENCE_S = 120
# So many kills are tried in the everyday run, spread evenly.
KILLS = 3
BODIES = {"a": b"alpha", "b": b"beta", "c": b"alpha", "d": b""}
STORES = ("folder", "bucket")


def client_of(ordeal: Ordeal) -> Client:
    return Client(
        settings=Settings(
            registry_url=ordeal.url, project="ordeal", cache_dir=ordeal.folder / "cache"
        )
    )


def act(ordeal: Ordeal, kill_at: int | None) -> None:
    """Copy a version whose files take several turns; end by SIGKILL at a moment of it."""
    copies._AT_ONCE_BYTES = 6
    points = arm(kill_at)
    client = client_of(ordeal)
    client.copy("plain:v0")
    client.close()
    ordeal.journal.write_text(str(len(points.passed)))


@dataclass(frozen=True, kw_only=True)
class Ordeal:
    """A version of a bucket without Object Lock, where two files have the same bytes and one has none."""

    server: Moto
    source: str
    store: str
    folder: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'registry.db'}"

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    def prepare(self) -> None:
        for name, body in BODIES.items():
            self.server.put(self.source, f"data/{name}", body)
        client = Client(self.url, project="ordeal", store_url=self.store)
        client.init_registry()
        client.log("plain", f"s3://{self.source}/data/")
        client.close()

    def run(self, kill_at: int | None) -> int | None:
        child = fork(act, self, kill_at)
        child.start()
        child.join(PATIENCE_S)
        return child.exitcode

    def check_between(self) -> None:
        """Whatever was stored by then: the version is what it was, and its copies are named whole or not at all."""
        client = client_of(self)
        version = client.get("plain:v0")
        assert version.copies in {"", "all 4 files are in the registry's store"}
        assert client.check_registry(deep=True).ok
        client.close()

    def check_the_end(self) -> None:
        client = client_of(self)
        version = client.get("plain:v0")
        assert version.copies == "all 4 files are in the registry's store"
        assert len(client.registry.pin_sets(version.record.id)) == 2
        assert client.check_registry(deep=True).ok
        left = self.folder / "cache" / "copies"
        assert not left.exists() or not any(left.iterdir())
        # Two manifests and three different bodies; what else a killed copy stored, gc takes.
        client.gc(grace=timedelta(0), dry_run=False)
        client.gc(grace=timedelta(0), dry_run=False)
        assert len(list(client.context.blobs.list())) == 5
        for name in BODIES:
            self.server.put(self.source, f"data/{name}", b"overwritten")
        root = client.download("plain:v0", root=self.folder / "out").root
        assert {name: (root / name).read_bytes() for name in BODIES} == BODIES
        with closing(sqlite3.connect(self.folder / "registry.db")) as connection:
            assert connection.execute("SELECT count(*) FROM versions").fetchone() == (1,)
            assert connection.execute("SELECT count(*) FROM changes").fetchone() == (1,)
        client.close()


class Ordeals:
    """Makes a new place for each kill."""

    def __init__(self, server: Moto, folder: Path, kind: str) -> None:
        self._server, self._folder, self._kind = server, folder, kind
        self._numbers = itertools.count()

    def moments(self) -> int:
        """Run it once without a kill, and return how many moments there were."""
        ordeal = self._new()
        assert ordeal.run(None) == 0
        ordeal.check_the_end()
        return int(ordeal.journal.read_text())

    def survives(self, kill_at: int) -> bool:
        """Kill it at a moment and run it again; False if it has fewer moments."""
        ordeal = self._new()
        code = ordeal.run(kill_at)
        if code == 0:
            return False
        assert code == -signal.SIGKILL
        ordeal.check_between()
        assert ordeal.run(None) == 0
        ordeal.check_the_end()
        return True

    def _new(self) -> Ordeal:
        folder = self._folder / str(next(self._numbers))
        folder.mkdir()
        bucket = self._server.bucket()
        store = str(folder / "store") if self._kind == "folder" else f"s3://{bucket}/registry"
        ordeal = Ordeal(
            server=self._server, source=self._server.bucket(), store=store, folder=folder
        )
        ordeal.prepare()
        return ordeal


@pytest.mark.parametrize("kind", STORES)
def test_killed_at_some_moments(s3: Moto, tmp_path: Path, kind: str) -> None:
    ordeals = Ordeals(s3, tmp_path, kind)
    moments = ordeals.moments()
    assert moments > 20
    for kill_at in range(moments // 4, moments, max(1, moments // KILLS)):
        assert ordeals.survives(kill_at)


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.system
@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_killed_at_every_moment(s3: Moto, tmp_path: Path, kind: str) -> None:
    ordeals = Ordeals(s3, tmp_path, kind)
    killed = next(kill_at for kill_at in itertools.count(1) if not ordeals.survives(kill_at))
    assert killed > 20
