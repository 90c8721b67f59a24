"""`landfast import` says what it did, in lines and in JSON, and ends with a code that tells."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result
from kit.servers.moto import Moto
from landfast.cli import main

from tests.core.migrate.conftest import Recorded


def run(*words: object) -> Result:
    return CliRunner().invoke(main, ["import", *map(str, words)])


def test_json_tells_every_version_and_its_verdicts(recorded: Recorded) -> None:
    done = run("wandb", recorded("wandb") / "exported", "--json")
    assert done.exit_code == 0
    said = json.loads(done.stdout)
    assert (said["peer"], said["ok"], said["summary"]) == ("wandb", True, "2 created, 1 returned")
    assert said["versions"][1] | {"digest": ""} == {
        "theirs": "acme/vision/mnist:v1",
        "name": "default/vision/mnist:v1",
        "state": "created",
        "tag": "wandb-v1",
        "aliases": ["prod"],
        "digest": "",
        "files": 5,
        "bytes": 19,
        "left_out": [],
        "left_out_count": 0,
        "notes": [],
        "verdicts": {"intact": 3, "overwritten": 1, "deleted": 1},
    }


def test_lost_bytes_are_an_exit_code_of_their_own(recorded: Recorded, s3: Moto) -> None:
    place = recorded("wandb") / "exported"
    rows = s3.client.list_object_versions(Bucket="peer-data", Prefix="mnist/train/2.png")
    for row in rows["Versions"]:
        s3.client.delete_object(Bucket="peer-data", Key=row["Key"], VersionId=row["VersionId"])
    done = run("wandb", place)
    assert done.exit_code == 4
    assert "1 gone" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["wandb", "nothing"], 10, "does not exist"),
        (["mlflow", "."], 2, "is not one of"),
        (["wandb", ".", "--rename", "a"], 2, "THEIRS=OURS"),
        (["quilt", "."], 10, "holds no packages of Quilt"),
    ],
)
def test_what_is_wrong_is_one_line(words: list[str], code: int, said: str) -> None:
    done = run(*words)
    assert done.exit_code == code
    assert said in done.stderr


def test_an_entry_that_cannot_come_over_is_named_with_what_to_type(copied: Recorded) -> None:
    done = run("wandb", copied("wandb") / "wandb")
    assert done.exit_code == 2
    assert "'notes.txt' of acme/vision/mixed" in done.stderr
    assert "--allow-missing" in done.stderr
