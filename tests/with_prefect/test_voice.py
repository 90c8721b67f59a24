"""What Prefect is told and stores is what all adapters tell and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import landfast
import pytest
import yaml
from kit.snapshots import EVERY_KEY, RECORDED
from prefect_landfast import verify_artifact
from prefect_landfast.flows import config_of, snapshot_artifact
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
