"""What Airflow is told and stores is what all adapters tell and refuse."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import MagicMock

import landfast
import pytest
from kit import voice
from kit.snapshots import EVERY_KEY, KEYS
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


@pytest.mark.parametrize("row", voice.rows("airflow"), ids=lambda row: row.target)
def test_parameters_are_named_ordered_and_defaulted_as_in_all_integrations(row: voice.Row) -> None:
    assert voice.problems(row) == []


def recorded(registry: str, folder: Path, partition: str | None) -> MagicMock:
    """Run a snapshot, and return Airflow's accessor of the events of its asset."""
    (folder / "a.txt").write_text("a")
    operator = LandfastSnapshotOperator(
        task_id="s", artifact="sales/orders", uri=str(folder / "a.txt"), partition=partition
    )
    ti = MagicMock(
        dag_id="d",
        run_id="r",
        task_id="s",
        map_index=-1,
        try_number=1,
        log_url="http://x/",
        task=operator,
    )
    events = MagicMock()
    operator.execute({"ti": ti, "outlet_events": events})
    return events


@pytest.mark.parametrize("key", KEYS)
def test_a_partition_is_the_key_that_airflow_was_given(
    key: str, registry: str, tmp_path: Path
) -> None:
    events = recorded(registry, tmp_path, key)
    assert landfast.Client(registry).partitions("sales/orders").keys() == {key}
    assert [each.args[0] for each in events[0].add_partitions.call_args_list] == [key]


def test_an_event_says_what_all_integrations_say_in_the_same_words(
    registry: str, tmp_path: Path
) -> None:
    (told,) = recorded(registry, tmp_path, None)[0].add.call_args_list
    assert voice.event_problems("airflow", told.kwargs["extra"]) == []
