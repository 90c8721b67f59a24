"""One place for all systems, and one story; each fixture is what happened next."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kit.servers.process import ServerMissing

from examples.together.systems import ROOT, together
from tests.conftest import skipping_if_missing
from tests.together.story import AUTOMATION, Story


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """What a delivery led to: how often each system ran by then, and the chain of the newest card."""

    story: Story
    snapshots: int
    materializations: int
    trainings: int
    releases: int
    changes: int
    lineage: dict[str, Any]

    @classmethod
    def end(cls, story: Story) -> Chapter:
        """Write down how things are."""
        return cls(
            story=story,
            snapshots=len(story.airflow.runs("readings")),
            materializations=len(story.materializations()),
            trainings=len(story.trainings()),
            releases=len(story.releases()),
            changes=len(list(story.client.changes())),
            lineage=story.lineage(),
        )


def need_environments() -> None:
    """Raise `ServerMissing` where the three orchestrators are not installed."""
    for name in ("airflow", "dagster", "prefect"):
        if not (ROOT / ".venvs" / name / "bin" / "python").exists():
            raise ServerMissing(f"no environment .venvs/{name}: ./just setup")


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Everything runs, and nothing has happened yet."""
    with skipping_if_missing():
        need_environments()
        with together(Path(os.path.realpath(tmp_path_factory.mktemp("together")))) as place:
            yield Story.of(place)


@pytest.fixture(scope="session")
def first(story: Story) -> Chapter:
    """The vendor delivered for the first time."""
    story.snapshot(10, 12, 11, 14)
    story.released()
    story.all_looked()
    return Chapter.end(story)


@pytest.fixture(scope="session")
def unchanged(first: Chapter) -> Chapter:
    """The vendor wrote the same bytes once more."""
    first.story.snapshot(10, 12, 11, 14)
    first.story.all_looked()
    return Chapter.end(first.story)


@pytest.fixture(scope="session")
def stale(unchanged: Chapter) -> tuple[Chapter, Any]:
    """The vendor wrote other bytes, while Dagster's automation was off."""
    story = unchanged.story
    story.dagster.stop(AUTOMATION)
    story.snapshot(10, 12, 11, 15)
    story.saw_readings()
    return unchanged, story.dagster.stale("features")["features"]


@pytest.fixture(scope="session")
def changed(stale: tuple[Chapter, Any]) -> Chapter:
    """The automation was turned on again."""
    story = stale[0].story
    story.dagster.start(AUTOMATION)
    story.released()
    story.all_looked()
    return Chapter.end(story)
