"""Processes are killed while they write deltas and make chains short; nothing that was logged is lost."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from kit.servers.moto import Moto

from tests.core.ordeal.killable import CHAINS, TURNS, Job, collect_all_the_time, log_deltas
from tests.core.ordeal.test_failpoints import GRACE, Ordeal, made_ordeal

# So many kills are tried in the everyday run, spread evenly.
KILLS = 2


NIGHTLY = [pytest.mark.system, pytest.mark.nightly]


@pytest.fixture(
    params=["sqlite and a folder", pytest.param("postgresql and a bucket", marks=NIGHTLY)]
)
def ordeal(
    request: pytest.FixtureRequest, s3: Moto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Ordeal:
    return made_ordeal(request, s3, tmp_path, monkeypatch)


def test_killed_at_some_moments_beside_a_collector(ordeal: Ordeal) -> None:
    first = ordeal.job("whole")
    assert ordeal.run(first, None, log_deltas) == 0
    assert chains(first) == CHAINS
    moments = first.notes()[-1]["moments"]
    with ordeal.beside((collect_all_the_time, ordeal.job("collector"), GRACE)):
        sweep(ordeal, range(7, moments, moments // KILLS))
    check_everything(ordeal)


@pytest.mark.system
@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_killed_at_every_moment(ordeal: Ordeal) -> None:
    killed = dict.fromkeys(TURNS, 0)
    with ordeal.rehearsed(log_deltas):
        for kill_at in itertools.count(1):
            kills = [turn for turn in TURNS if killed_in(ordeal, turn, kill_at)]
            for turn in kills:
                killed[turn] = kill_at
            if not kills:
                break
            assert chains(ordeal.job(f"k{kill_at}")) == CHAINS
    print(f"{ordeal.url.partition(':')[0]}: killed at so many moments of each turn: {killed}")
    assert min(killed.values()) > 30
    check_everything(ordeal)


def killed_in(ordeal: Ordeal, turn: int, kill_at: int) -> bool:
    """Do one turn by a process that is killed, and again by one that is not; False if it had ended before."""
    job = ordeal.job(f"k{kill_at}")
    ended = ordeal.run(job, kill_at, log_deltas, [turn])
    assert ended in {0, -signal.SIGKILL}
    check(job)
    if ended == 0:
        return False
    assert ordeal.run(job, None, log_deltas, [turn]) == 0, f"turn {turn}, after moment {kill_at}"
    check(job)
    return True


def chains(job: Job) -> list[int]:
    """Of how many files the manifest of each version is made that was logged, by the last who said it."""
    return list(
        {note["name"]: note["files"] for note in job.notes() if note["what"] == "logged"}.values()
    )


def sweep(ordeal: Ordeal, kills: Iterable[int]) -> None:
    """Kill one process after the other, each a little later; let each begin again, and end."""
    for kill_at in kills:
        job = ordeal.job(f"k{kill_at}")
        ended = ordeal.run(job, kill_at, log_deltas)
        assert ended in {0, -signal.SIGKILL}
        check(job)
        if ended == 0:
            return
        assert ordeal.run(job, None, log_deltas) == 0, f"after moment {kill_at}"
        check(job)


def check(job: Job) -> None:
    """What was logged is there, and is what all its files make together."""
    client = job.client()
    for note in job.notes():
        if note["what"] == "logged":
            version = client.get(note["name"])
            assert version.digest == note["digest"]
            with version.manifest as manifest:
                manifest.check()
    client.close()


def check_everything(ordeal: Ordeal) -> None:
    """Nothing is missing, before all that is no longer needed is collected and after."""
    client = ordeal.job("check").client()
    assert client.check_registry(deep=True).ok
    for collection in list(client.collections()):
        for version in list(client.versions(collection.name))[1:]:
            version.delete(delete_aliases=True)
    client.gc(grace=timedelta(0), dry_run=False)
    assert client.check_registry(deep=True).ok
    for collection in list(client.collections()):
        with client.get(collection.name).manifest as manifest:
            manifest.check()
    client.close()
