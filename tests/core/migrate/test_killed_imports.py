"""An import is killed at each moment at which it touches the world; run again, it ends as if it never was."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from kit.failpoints import arm
from kit.rehearsed import rehearsed
from landfast import Client, NotFound

from tests.core.migrate.conftest import Recorded

PATIENCE_S = 120
# So many kills are tried in the everyday run, spread evenly.
KILLS = 2


def import_all(url: str, place: str, journal: str, kill_at: int | None) -> None:
    """Import; end by SIGKILL at a moment of it."""
    points = arm(kill_at)
    client = Client(url)
    client.import_from("wandb", place, verify=False)
    client.close()
    Path(journal).write_text(str(len(points.passed)))


def state(url: str) -> list[dict[str, Any]]:
    """Describe what is recorded, as far as it does not tell when."""
    client = Client(url)
    try:
        found = [version.to_dict() for version in client.versions("vision/mnist")]
    except NotFound:
        found = []
    finally:
        client.close()
    kept = ("name", "digest", "aliases", "tags", "metadata", "description")
    return [{fact: version[fact] for fact in kept} for version in found]


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.nightly)])
def test_a_killed_import_goes_on_where_it_was(
    copied: Recorded, tmp_path: Path, every: bool
) -> None:
    place = copied("wandb") / "exported"
    journal = tmp_path / "journal"
    given = (str(place), str(journal))
    whole = f"sqlite:///{tmp_path}/whole.db"
    with rehearsed(import_all, whole, *given, None, patience_s=PATIENCE_S) as stage:
        moments = int(journal.read_text())
        wanted = state(whole)
        assert [version["aliases"] for version in wanted] == [
            ["prod"],
            ["first", "latest", "my-best"],
        ]
        step = 1 if every else moments // KILLS
        for kill_at in range(step // 2 + 1, moments + 1, step):
            url = f"sqlite:///{tmp_path}/killed-{kill_at}.db"
            assert stage.run(url, *given, kill_at) == -signal.SIGKILL
            # Of a version that is there nothing is missing.
            half = state(url) if Path(url.removeprefix("sqlite:///")).exists() else []
            for version in half:
                assert version["digest"] in {each["digest"] for each in wanted}
                assert any(tag.startswith("wandb-") for tag in version["tags"])
            assert stage.run(url, *given, None) == 0
            assert state(url) == wanted
