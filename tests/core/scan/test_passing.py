"""Shards and what they found travel as JSON text."""

import json
import pickle
from pathlib import Path

import landfast
import pytest


@pytest.fixture
def client(tmp_path: Path) -> landfast.Client:
    return landfast.Client(f"sqlite:///{tmp_path / 'registry.db'}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(9):
        (folder / f"{number} ä.csv").write_text(str(number))
    return folder


def test_shards_that_went_through_json_give_the_digest_of_one_scan(
    client: landfast.Client, folder: Path
) -> None:
    plan = client.plan(landfast.Reference(f"{folder}/", exclude=["8*"]), shards=3)
    texts = [shard.to_json() for shard in plan.shards]
    found = [client.scan_shard(landfast.Shard.from_json(text)).to_json() for text in texts]
    version = client.log_scans("a", [landfast.ShardScan.from_json(text) for text in found])
    assert version.file_count == 8
    assert version.digest == client.probe(f"{folder}/", exclude=["8*"])


def test_a_shard_comes_back_as_a_pickle_of_it_would(client: landfast.Client, folder: Path) -> None:
    for shard in client.plan(f"{folder}/", shards=2).shards:
        assert landfast.Shard.from_json(shard.to_json()) == pickle.loads(pickle.dumps(shard))


def test_a_secret_of_a_plan_is_not_written(client: landfast.Client, folder: Path) -> None:
    secret = {"secret_access_key": "do-not-write-me"}
    shard = client.plan(f"{folder}/").shards[0]
    given = landfast.Reference(f"{folder}/", options={**secret, "region": "eu-west-1"})
    object.__setattr__(shard.plan, "reference", given)
    text = shard.to_json()
    assert "do-not-write-me" not in text
    assert "eu-west-1" in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"__landfast__": "Path", "path": "/x"}',
        '{"__landfast__": "Popen", "args": 1}',
    ],
)
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(landfast.InvalidInput, match="no Shard"):
        landfast.Shard.from_json(text)


def test_a_result_is_no_shard(client: landfast.Client, folder: Path) -> None:
    scan = client.scan_shard(client.plan(f"{folder}/").shards[0])
    assert json.loads(scan.to_json())["__landfast__"] == "ShardScan"
    with pytest.raises(landfast.InvalidInput, match="no Shard"):
        landfast.Shard.from_json(scan.to_json())
