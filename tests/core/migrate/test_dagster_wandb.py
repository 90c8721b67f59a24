"""What the IO manager of dagster-wandb logged comes over as assets and their partitions."""

from __future__ import annotations

from pathlib import Path

import pytest
from landfast import Client, InvalidInput, NotFound

from tests.core.migrate.conftest import Recorded, files


@pytest.fixture
def runs(recorded: Recorded) -> Path:
    """The folder in which the IO manager keeps its runs."""
    return recorded("dagster-wandb") / "dagster"


def test_partitions_of_an_asset_are_partitions_here(
    client: Client, runs: Path, tmp_path: Path
) -> None:
    report = client.import_from("dagster-wandb", runs, allow_missing=True)
    assert report.exit_code == 0
    assert list(client.partitions("vision/mnist")) == ["2026-05-01", "2026-05-02"]
    for day in ("2026-05-01", "2026-05-02"):
        assert [v.version for v in client.versions(f"vision/mnist~{day}")] == ["v1", "v0"]
        latest = client.get(f"vision/mnist~{day}")
        assert (latest.version, latest.type, set(latest.aliases)) == (
            "v0",
            "dataset",
            {"candidate", "latest"},
        )
        assert latest.metadata["source_integration_version"] == "0.29.27"
        assert latest.metadata["imported"]["from"] == "dagster-wandb"
    client.download("vision/mnist~2026-05-02:v1", tmp_path / "there")
    assert set(files(tmp_path / "there")) == {
        "a b%20+ü.txt",
        "labels.csv",
        "train/0.png",
        "train/1.png",
        "train/2.png",
    }


def test_an_object_that_was_pickled_stays_behind_and_is_named(
    client: Client, copied: Recorded
) -> None:
    runs = copied("dagster-wandb") / "dagster"
    with pytest.raises(InvalidInput, match=r"'output\.pickle' of acme/vision/scores:.*W&B keeps"):
        client.import_from("dagster-wandb", runs)
    client.import_from("dagster-wandb", runs, allow_missing=True, verify=False)
    scores = client.get("vision/scores")
    assert scores.type == "model"
    assert [skip.examples for skip in scores.skipped] == [("output.pickle",)]
    position = client.head()
    client.import_from("dagster-wandb", runs, allow_missing=True, verify=False)
    assert client.head() == position


def test_artifacts_of_others_are_not_taken(client: Client, copied: Recorded) -> None:
    with pytest.raises(NotFound, match="holds no artifacts of dagster-wandb"):
        client.import_from("dagster-wandb", copied("wandb") / "wandb")
