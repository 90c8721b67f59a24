"""What Prefect is told and stores is what all adapters tell and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import landfast
import pytest
import yaml
from kit import voice
from kit.snapshots import EVERY_KEY, KEYS, RECORDED
from prefect_landfast import log_reference, verify_artifact
from prefect_landfast.events import event_of
from prefect_landfast.flows import config_of, snapshot_artifact
from prefect_landfast.report import facts
from prefect_landfast.serving import snapshot_deployments


def test_every_key_of_the_file_reaches_what_is_recorded() -> None:
    Path("snapshots.yaml").write_text(yaml.safe_dump({"snapshots": [EVERY_KEY.to_dict()]}))
    (deployment,) = snapshot_deployments("snapshots.yaml")
    sent = json.loads(json.dumps(deployment.parameters))
    again = config_of(**snapshot_artifact.validate_parameters(sent))
    assert {name: getattr(again, name) for name in RECORDED} == {
        name: getattr(EVERY_KEY, name) for name in RECORDED
    }


def test_a_secret_in_a_parameter_of_the_flow_is_refused() -> None:
    with pytest.raises(landfast.InvalidInput, match="holds a secret, and Prefect stores") as caught:
        config_of("flowers", "https://h/a?X-Amz-Signature=s3cr3t")
    assert "s3cr3t" not in str(caught.value)


def test_the_old_name_of_fail_on_is_an_error_that_says_the_new_one() -> None:
    with pytest.raises(landfast.InvalidInput, match="it is fail_on= now"):
        verify_artifact.fn("flowers", raise_on_drift=False)


@pytest.mark.parametrize("row", voice.rows("prefect"), ids=lambda row: row.target)
def test_parameters_are_named_ordered_and_defaulted_as_in_all_integrations(row: voice.Row) -> None:
    assert voice.problems(row) == []


@pytest.mark.parametrize("key", KEYS)
def test_a_partition_is_the_key_that_prefect_was_given(key: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(key)
    logged = log_reference.fn("sales/orders", tmp_path / "a.txt", partition=key)
    assert logged.partition == key
    assert landfast.Client().partitions("sales/orders").keys() == {key}
    config = config_of("orders", "s3://b/dt={partition_key}/")
    assert config.for_partition(key).partition == key


def test_an_event_says_what_all_integrations_say_in_the_same_words(tmp_path: Path) -> None:
    client = landfast.Client()
    for text in ("one", "two"):
        (tmp_path / "a.txt").write_text(text)
        version = client.log("sales/orders", tmp_path / "a.txt")
    assert version.change is not None
    assert voice.event_problems("prefect", event_of(version, version.change).payload) == []
    assert voice.event_problems("prefect", facts(client, version)) == []
