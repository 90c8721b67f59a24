"""Processes that hold and release versions of the same objects at once count them as one would."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from kit.forks import fork
from kit.servers.moto import Moto
from landfast import Client
from landfast.model.storage.holds import HoldState

pytestmark = pytest.mark.system

PATIENCE_S = 240
ROUNDS = 6
KEYS = 8
SHARED = 4


def hold_and_release(url: str, name: str, seed: int, last: str) -> None:
    """Hold and release a version many times in a random order, and end with `last`."""
    dice = random.Random(seed)
    client = Client(url, project="vision")
    for act in (*dice.choices(("hold", "release"), k=ROUNDS), last):
        (client.hold if act == "hold" else client.release)(f"{name}:v0")
    client.close()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'registry.db'}"
    make: Callable[[str], str] = request.getfixturevalue("postgres_registry")
    return make((tmp_path / "store").as_uri())


@pytest.mark.parametrize("ends", [("hold", "release"), ("release", "release"), ("hold", "hold")])
def test_two_versions_that_share_objects(url: str, s3: Moto, ends: tuple[str, str]) -> None:
    bucket = s3.bucket(lock=True)
    ids = {str(n): s3.put(bucket, f"data/{n}", b"%d" % n) for n in range(KEYS)}
    theirs = ids["0"]
    assert theirs is not None
    s3.set_held(bucket, "data/0", theirs, on=True)
    wanted = {
        "first": [str(n) for n in range(KEYS - SHARED // 2)],
        "second": [str(n) for n in range(SHARED // 2, KEYS)],
    }
    with_client = Client(url, project="vision")
    for name, keys in wanted.items():
        with_client.log(name, f"s3://{bucket}/data/", include=keys)
    processes = [
        fork(hold_and_release, url, name, seed, last)
        for seed, (name, last) in enumerate(zip(wanted, ends, strict=True))
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE_S)
    assert [process.exitcode for process in processes] == [0, 0]
    needed = {
        key
        for (name, keys), last in zip(wanted.items(), ends, strict=True)
        for key in keys
        if last == "hold"
    }
    held = {key for key, oid in ids.items() if oid and s3.is_held(bucket, f"data/{key}", oid)}
    assert held == needed | {"0"}
    for (name, keys), last in zip(wanted.items(), ends, strict=True):
        objects = dict(with_client.get(f"{name}:v0").holds.objects)
        theirs_too = {HoldState.FOREIGN: 1} if "0" in keys else {}
        ours = {HoldState.HELD: len(keys) - len(theirs_too)}
        assert objects == (ours | theirs_too if last == "hold" else {})
    with_client.close()


def test_the_same_version_in_two_names(url: str, s3: Moto) -> None:
    """Two processes hold and release one version, each in its own name; the one that keeps it wins."""
    bucket = s3.bucket(lock=True)
    oid = s3.put(bucket, "data/a", b"x")
    assert oid is not None
    client = Client(url, project="vision")
    client.log("mnist", f"s3://{bucket}/data/")
    processes = [fork(in_a_name, url, "left", "hold"), fork(in_a_name, url, "right", "release")]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE_S)
    assert [process.exitcode for process in processes] == [0, 0]
    assert [record.holder for record in client.get("mnist").holds.records] == ["left"]
    assert s3.is_held(bucket, "data/a", oid)
    client.release("mnist")
    assert not s3.is_held(bucket, "data/a", oid)
    client.close()


def in_a_name(url: str, holder: str, last: str) -> None:
    """Hold and release a version many times in one name, and end with `last`."""
    client = Client(url, project="vision")
    for act in (*("hold", "release") * ROUNDS, last):
        if act == "hold":
            client.hold("mnist:v0", holder=holder)
        else:
            client.release("mnist:v0", holder=holder)
    client.close()
