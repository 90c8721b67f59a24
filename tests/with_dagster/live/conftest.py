"""One server and one story for all live tests; each fixture is what happened next."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import landfast
import pytest
from kit.servers.moto import Moto, moto

from tests.conftest import skipping_if_missing
from tests.with_dagster.example import PROJECT, SOURCE, vendor
from tests.with_dagster.live.dagster_dev import DagsterDev, LiveRun, dagster_dev

SENSOR = "automation"
ALARM = "alarms"
WATCHED = """\
import dagster as dg
import dagster_landfast as dl


@dg.job
def alarm() -> None: ...


alarms = dl.build_verdict_sensor(
    "vision/watched",
    job=alarm,
    name="alarms",
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
"""
"""What a team adds to the example, to hear of what becomes of its recorded bytes."""
UI = "https://landfast.example"
ASSETS = ("cleaned", "features", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The vendor's bucket, the registry, and the server."""

    s3: Moto
    registry_url: str
    server: DagsterDev

    @property
    def client(self) -> landfast.Client:
        return landfast.Client(self.registry_url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """What an observation led to: the runs that followed, and what was stale right after it."""

    world: World
    runs: list[LiveRun]
    stale: dict[str, object]

    @property
    def fired(self) -> set[tuple[tuple[str, ...], str | None]]:
        """The assets and partition of every run but the observation's own."""
        return {(run.assets, run.partition) for run in self.runs if run.assets != ("readings",)}


@pytest.fixture(scope="session")
def bucket() -> Iterator[Moto]:
    """The vendor's own server: that of other tests is emptied after each of them."""
    with skipping_if_missing(), moto() as server:
        vendor().deliver_first_readings(server.client)
        yield server


@pytest.fixture(scope="session")
def world(bucket: Moto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server that runs the example's project, with an empty registry."""
    folder = tmp_path_factory.mktemp("live")
    registry_url = f"sqlite:///{folder / 'registry.db'}"
    project = folder / "project"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("__pycache__"))
    source = project / SOURCE.relative_to(PROJECT)
    (source / "weather" / "defs" / "alarms.py").write_text(WATCHED, encoding="utf-8")
    environment = {
        **bucket.environment(),
        "PYTHONPATH": str(source),
        "LANDFAST_REGISTRY_URL": registry_url,
        "LANDFAST_CACHE_DIR": str(folder / "cache"),
        "LANDFAST_UI_URL": UI,
    }
    with dagster_dev(project, folder, environment) as server:
        yield World(s3=bucket, registry_url=registry_url, server=server)


def begin(world: World) -> tuple[set[str], dict[str, object]]:
    """Observe the readings; return the runs before, and what is stale right afterwards."""
    before = {run.id for run in world.server.runs()}
    world.server.finish(world.server.launch("readings"))
    return before, world.server.stale(*ASSETS)


def end(world: World, before: set[str], stale: dict[str, object]) -> Chapter:
    """Wait until nothing follows any more."""
    runs = [run for run in world.server.wait_for_quiet(SENSOR) if run.id not in before]
    failed = [run for run in runs if run.status != "SUCCESS"]
    assert not failed, "\n".join(world.server.why(run.id) for run in failed)
    return Chapter(world=world, runs=runs, stale=stale)


@pytest.fixture(scope="session")
def first(world: World) -> Chapter:
    """The first content, A, was observed."""
    world.server.next_tick(SENSOR)  # it compares with what it saw before
    return end(world, *begin(world))


@pytest.fixture(scope="session")
def unchanged(first: Chapter) -> Chapter:
    """It was observed again, without a change."""
    return end(first.world, *begin(first.world))


@pytest.fixture(scope="session")
def outdated(unchanged: Chapter) -> tuple[World, set[str], dict[str, object]]:
    """One object of one station was overwritten (content B) and observed while the sensor was off."""
    world = unchanged.world
    world.server.stop(SENSOR)
    vendor().deliver(world.s3.client, "oslo", "2026-05", offset=1.5)
    return world, *begin(world)


@pytest.fixture(scope="session")
def changed(outdated: tuple[World, set[str], dict[str, object]]) -> Chapter:
    """The same sensor goes on."""
    outdated[0].server.start(SENSOR)
    return end(*outdated)


@pytest.fixture(scope="session")
def returned(changed: Chapter) -> Chapter:
    """The first content was delivered once more: A, B, A."""
    world = changed.world
    vendor().deliver(world.s3.client, "oslo", "2026-05")
    return end(world, *begin(world))
