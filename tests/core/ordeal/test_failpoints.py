"""Processes are killed at every request, statement and rename; nothing that was logged is lost."""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kit.forks import context, fork
from kit.rehearsed import Stage, rehearsed
from kit.servers.moto import Moto
from landfast import Client
from landfast.registry.opener import init_registry

from tests.core.ordeal.killable import (
    OBJECTS,
    Job,
    collect,
    collect_all_the_time,
    model_of,
    work,
    write_all_the_time,
)
from tests.kit.digests import content_digest

PATIENCE_S = 120
# Far more than one log takes: managed files are safe for so long before their version is logged.
GRACE = timedelta(seconds=20)
# So many kills are tried in the everyday run, spread evenly.
KILLS = 12
# Beside others, each kill waits for them: every third moment, in the system run. Set it to 1 for all.
BESIDE_STEP = int(os.environ.get("LANDFAST_TEST_BESIDE_STEP", "3"))


class Ordeal:
    """A registry, its store and a bucket, and jobs on them."""

    def __init__(self, url: str, bucket: str, folder: Path, environment: dict[str, str]) -> None:
        self.url = url
        self.bucket = bucket
        self.folder = folder
        self.environment = environment
        self._stages: dict[Any, Stage] = {}

    def job(self, label: str) -> Job:
        return Job(
            url=self.url,
            bucket=self.bucket,
            label=label,
            folder=self.folder,
            environment=self.environment,
        )

    def run(self, job: Job, kill_at: int | None, target: Any = work, *more: object) -> int | None:
        if target in self._stages:
            return self._stages[target].run(job, kill_at, *more)
        child = fork(target, job, kill_at, *more)
        child.start()
        child.join(PATIENCE_S)
        return child.exitcode

    @contextmanager
    def rehearsed(self, target: Any = work) -> Iterator[None]:
        """Run all that does `target` in forks of a process that has done it before: for many runs."""
        with rehearsed(target, self.job("rehearsal"), None, patience_s=PATIENCE_S) as stage:
            self._stages[target] = stage
            yield
        del self._stages[target]

    @contextmanager
    def beside(self, *targets: tuple[Any, ...]) -> Iterator[None]:
        """Run processes that go on until the block ends."""
        stop = context.Event()
        children = [fork(target, job, stop, *more) for target, job, *more in targets]
        for child in children:
            child.start()
        try:
            yield
        finally:
            stop.set()
            for child in children:
                child.join(PATIENCE_S)
        assert [child.exitcode for child in children] == [0] * len(children)


@pytest.fixture(params=["sqlite and a folder", "postgresql and a bucket"])
def ordeal(
    request: pytest.FixtureRequest, s3: Moto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Ordeal:
    return made_ordeal(request, s3, tmp_path, monkeypatch)


def made_ordeal(
    request: pytest.FixtureRequest, s3: Moto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Ordeal:
    """Make what `request.param` names."""
    if request.param.startswith("sqlite"):
        url, store = f"sqlite:///{tmp_path / 'registry.db'}", str(tmp_path / "store")
    else:
        url, store = request.getfixturevalue("postgres_url"), f"s3://{s3.bucket()}/store"
    init_registry(url, store_url=store)
    bucket = s3.bucket("Enabled")
    for key, body in OBJECTS.items():
        s3.put(bucket, key, body)
    environment = {
        **s3.environment(),
        "HOME": str(tmp_path / "home"),
        "LANDFAST_CACHE_DIR": str(tmp_path / "cache"),
    }
    monkeypatch.setenv("LANDFAST_CACHE_DIR", str(tmp_path / "cache"))
    return Ordeal(url, bucket, tmp_path, environment)


@pytest.mark.system
@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_killed_at_every_moment_until_the_work_completes(ordeal: Ordeal) -> None:
    with ordeal.rehearsed():
        sweep(ordeal, itertools.count(1))


def test_killed_at_some_moments_beside_a_writer_and_a_collector(ordeal: Ordeal) -> None:
    live, gc = ordeal.job("writer"), ordeal.job("collector")
    with ordeal.rehearsed():
        first = ordeal.job("whole")
        assert ordeal.run(first, None) == 0
        moments = first.notes()[-1]["moments"]
        with ordeal.beside((write_all_the_time, live), (collect_all_the_time, gc, GRACE)):
            sweep(ordeal, range(2, moments + 2, max(1, moments // KILLS)), moments)
    check_beside(ordeal, live, gc)


@pytest.mark.system
@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_killed_at_many_moments_beside_a_writer_and_a_collector(ordeal: Ordeal) -> None:
    live, gc = ordeal.job("writer"), ordeal.job("collector")
    others = (write_all_the_time, live), (collect_all_the_time, gc, GRACE)
    with ordeal.rehearsed(), ordeal.beside(*others):
        sweep(ordeal, itertools.count(1, BESIDE_STEP))
    check_beside(ordeal, live, gc)
    assert sum(note["blobs"] for note in gc.notes()) > 10, "there was nothing to collect"


def sweep(ordeal: Ordeal, kills: Any, expected: int | None = None) -> None:
    """Kill one process after the other, each a little later, until one completes."""
    killed = 0
    for kill_at in kills:
        job = ordeal.job(f"k{kill_at}")
        ended = ordeal.run(job, kill_at)
        if ended == 0:
            break
        assert ended == -signal.SIGKILL, f"moment {kill_at}: {ended}"
        killed += 1
        check(job, complete=False)
        assert ordeal.run(job, None) == 0, f"after moment {kill_at}"  # the same again, as a retry
        check(job, complete=True)
    print(
        f"{ordeal.url.partition(':')[0]}: killed {killed} times; {job.notes()[-1].get('summary')}"
    )
    assert killed > 10
    if ended == 0:
        assert expected is None or abs(kill_at - expected) < expected
    check_everything(ordeal)


def check(job: Job, *, complete: bool) -> None:
    """What a call returned is there; what is there is whole; a retry makes nothing twice."""
    client = job.client()
    for note in job.notes():
        if note["what"] == "logged":
            assert client.get(note["name"]).digest == note["digest"]
            if "alias" in note:
                bare = note["name"].rpartition(":")[0]
                assert client.get(f"{bare}:{note['alias']}").qualified_name == note["name"]
    names = {collection.name for collection in client.collections()}
    found = {
        name: [version.version for version in client.versions(name)]
        for name in (f"data-{job.label}", f"model-{job.label}")
        if name in names
    }
    for name in found:
        for version in client.versions(name):
            check_whole(client, version)
    check_target(job, complete=complete)
    if complete:
        assert found == {f"data-{job.label}": ["v1", "v0"], f"model-{job.label}": ["v0"]}
    client.close()


def check_whole(client: Client, version: Any) -> set[str]:
    """Every row of the manifest is there and every managed file can be read; return its blobs."""
    entries = list(version.entries())
    assert len(entries) == version.file_count
    assert content_digest(entries) == version.digest
    blobs = {version.record.blob}
    for entry in entries:
        if entry.uri.startswith("blob:sha256:"):
            blobs.add(entry.uri.removeprefix("blob:sha256:"))
            with version.open(entry.path) as stream:
                assert len(stream.read()) == entry.size
    return blobs


def check_target(job: Job, *, complete: bool) -> None:
    """A file that has its name has its bytes."""
    expected = {"one": OBJECTS["d/one"], "weights": f"weights {job.label}".encode()}
    found = {path.name: path.read_bytes() for path in job.target.glob("*") if path.is_file()}
    assert found.items() <= expected.items()
    if complete or any(note["what"] == "downloaded" for note in job.notes()):
        assert found == expected


def check_everything(ordeal: Ordeal) -> None:
    """The feed has no gap, the database is sound, and the collector takes orphans and only orphans."""
    client = ordeal.job("check").client()
    head = client.head()  # asked first: others may still write
    assert [c.position for c in client.changes(limit=head)] == list(range(1, head + 1))
    if ordeal.url.startswith("sqlite"):
        with closing(sqlite3.connect(ordeal.folder / "registry.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    client.close()


def check_beside(ordeal: Ordeal, live: Job, gc: Job) -> None:
    """Nothing that the living wrote was lost to those who were killed, or to the collector."""
    client = live.client()
    logged = [note for note in live.notes() if note["what"] == "logged"]
    assert len(logged) > 2
    for note in logged:
        version = client.get(note["name"])
        assert version.digest == note["digest"]
        check_whole(client, version)
    assert gc.notes()
    client.close()


def test_what_the_killed_leave_behind_is_collected(ordeal: Ordeal) -> None:
    with ordeal.rehearsed():
        for kill_at in range(40, 400, 20):
            ended = ordeal.run(ordeal.job(f"k{kill_at}"), kill_at)
            assert ended in {0, -signal.SIGKILL}
            if ended == 0:
                break
    client = ordeal.job("check").client()
    stored = {info.sha256 for info in client.context.blobs.list()}
    needed = set()
    for collection in client.collections():
        for version in client.versions(collection.name):
            needed |= check_whole(client, version)
    assert needed <= stored
    assert needed != stored, "no kill left an orphan, so this shows nothing"
    client.gc(grace=timedelta(0), dry_run=False)
    assert {info.sha256 for info in client.context.blobs.list()} == needed
    client.close()


@pytest.mark.parametrize(
    "step", [5, pytest.param(1, marks=[pytest.mark.system, pytest.mark.nightly])]
)
def test_a_killed_collector_takes_nothing_that_lives(ordeal: Ordeal, step: int) -> None:
    assert ordeal.run(ordeal.job("whole"), None) == 0
    client = ordeal.job("check").client()
    live = [
        version
        for collection in list(client.collections())
        for version in client.versions(collection.name)
    ]
    with ordeal.rehearsed(collect):
        for kill_at in itertools.count(1, step):
            job = ordeal.job(f"gc{kill_at}")
            client.log_artifact(model_of(job, client)).delete(delete_aliases=True)  # garbage
            ended = ordeal.run(job, kill_at, collect)
            assert ended in {0, -signal.SIGKILL}
            for version in live:
                check_whole(client, client.get(version.qualified_name))
            if ended == 0:
                break
    print(f"{ordeal.url.partition(':')[0]}: killed up to {kill_at}; {job.notes()}")
    assert kill_at > 10
    assert job.notes()[-1]["blobs"] > 0
    client.close()
