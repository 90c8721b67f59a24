"""What Airflow is told and stores is what all adapters tell and refuse."""

from __future__ import annotations

import landfast
import pytest
from kit.snapshots import EVERY_KEY
from landfast_provider.operators import (
    LandfastPlanOperator,
    LandfastSnapshotOperator,
    LandfastVerifyOperator,
)
from landfast_provider.operators.config import LandfastConfigOperator
from landfast_provider.sensors import LandfastPrefixSensor

SIGNED = "https://h/a?X-Amz-Signature=s3cr3t"


@pytest.mark.parametrize(
    "make",
    [
        lambda: LandfastSnapshotOperator(task_id="t", artifact="a", uri=SIGNED),
        lambda: LandfastSnapshotOperator(task_id="t", artifact="a", uri=["s3://b/", SIGNED]),
        lambda: LandfastPlanOperator(task_id="t", artifact="a", uri=SIGNED, shards=2),
        lambda: LandfastPrefixSensor(task_id="t", against="a", uri=SIGNED),
    ],
    ids=["snapshot", "several", "plan", "sensor"],
)
def test_a_secret_in_a_place_that_airflow_stores_is_refused(make) -> None:
    with pytest.raises(landfast.InvalidInput, match="task t holds a secret, and Airflow") as caught:
        make()
    assert "s3cr3t" not in str(caught.value)


def test_the_operator_of_a_file_has_its_entry_as_it_was_read() -> None:
    task = LandfastConfigOperator(task_id="t", config=EVERY_KEY, partition_key="2026-05-01")
    assert task.config is EVERY_KEY
    assert "uri" not in task.template_fields, "what Airflow stores of a task"


def test_a_wrong_choice_names_all() -> None:
    with pytest.raises(landfast.InvalidInput, match="'drift', 'loss', 'never'"):
        LandfastVerifyOperator(task_id="t", artifact="a", fail_on="maybe")
