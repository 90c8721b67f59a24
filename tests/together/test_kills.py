"""Each process is killed once, in the middle of a named step, started again, and the end is the same."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from kit.servers.exchange import Request
from kit.servers.faults import ConnectionCut
from kit.servers.moto import moto
from kit.servers.proxy import Proxy, proxy
from kit.servers.s3 import S3Server

from examples.together.systems import together
from tests.conftest import skipping_if_missing
from tests.together.conftest import need_environments
from tests.together.story import CHAIN, Story, steps, versions

pytestmark = [pytest.mark.system, pytest.mark.nightly, pytest.mark.timeout(3600)]

PATIENCE_S = 600
COLLECTIONS = ("readings", "features", "model", "card")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A request to the bucket at which a process is killed, and who that is."""

    system: str
    process: str
    does: Callable[[Request], bool]


def writes(key: str) -> Callable[[Request], bool]:
    return lambda request: request.method == "PUT" and f"/{key}" in request.target


def reads(key: str) -> Callable[[Request], bool]:
    return lambda request: request.method == "GET" and f"/{key}" in request.target


def lists(prefix: str) -> Callable[[Request], bool]:
    return lambda request: (
        request.method == "GET" and f"prefix={prefix}" in request.target.replace("%2F", "/")
    )


STEPS = {
    "airflow's scheduler and task, as the task lists the readings": Step(
        system="airflow", process="scheduler", does=lists("readings/")
    ),
    "dagster with its run, as the run writes the features": Step(
        system="dagster", process="dagster", does=writes("features/")
    ),
    "prefect's server, as the training writes the model": Step(
        system="prefect", process="prefect-server", does=writes("models/")
    ),
    "prefect's runner and flow run, as the training writes the model": Step(
        system="trainer", process="trainer", does=writes("models/")
    ),
    "the shell step, as it downloads the model": Step(
        system="shell", process="watch", does=reads("models/")
    ),
}


@dataclass(slots=True)
class Held:
    """The first request of a kind waits here before it reaches the bucket."""

    does: Callable[[Request], bool]
    cuts: bool
    reached: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    def __call__(self, request: Request) -> None:
        if not self.reached.is_set() and self.does(request):
            self.reached.set()
            assert self.go.wait(PATIENCE_S)
            if self.cuts:  # who sent it is dead
                raise ConnectionCut


@contextmanager
def held(front: Proxy, step: Step) -> Iterator[Held]:
    """Hold the step's first request until the block ends."""
    front.before = hold = Held(step.does, cuts=step.system != "prefect")
    try:
        yield hold
    finally:
        hold.go.set()
        front.before = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The live systems, and the proxy before their bucket."""

    story: Story
    front: Proxy
    deliveries: Iterator[int] = field(default_factory=count)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = Path(os.path.realpath(tmp_path_factory.mktemp("killed")))
    with skipping_if_missing():
        need_environments()
        with moto() as server, proxy(server.url) as front:
            through = S3Server(
                url=front.url, access_key=server.access_key, secret_key=server.secret_key
            )
            with together(folder, through) as place:
                yield Stage(story=Story.of(place), front=front)


@pytest.mark.parametrize("name", STEPS)
def test_a_process_that_is_killed_and_started_again_changes_nothing(
    stage: Stage, name: str
) -> None:
    step, story, number = STEPS[name], stage.story, next(stage.deliveries)
    with held(stage.front, step) as hold:
        run = story.deliver(10, 12, 11, 14 + number)
        assert hold.reached.wait(PATIENCE_S), story.logs()
        system = story.place.systems[step.system]
        system.kill(step.process)
        system.start()
        system.wait()
    story.airflow.succeeded("readings", run)
    model = story.released()
    story.all_looked()

    chain = story.lineage()
    assert steps(chain) == CHAIN
    assert versions(chain) == dict.fromkeys(COLLECTIONS, f"v{number}")
    assert story.client.get("weather/model:prod").qualified_name == model.qualified_name
    told = [
        change.version.collection for change in story.client.changes() if change.alias == "latest"
    ]
    assert told == [*COLLECTIONS] * (number + 1)
