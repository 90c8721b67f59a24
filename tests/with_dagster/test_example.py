"""The example project loads, observes, materializes and asks for what changed, without a server."""

from __future__ import annotations

import os
import subprocess
import sys

import dagster as dg
import landfast
import pytest

from tests.with_dagster.example import SOURCE, module, vendor


@pytest.fixture
def definitions(s3) -> dg.Definitions:
    """The project's definitions, beside a bucket with the first readings."""
    vendor().deliver_first_readings(s3.client)
    loaded: dg.Definitions = module("weather.definitions").defs()
    return loaded


def execute(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    *assets: str,
    partition: str | None = None,
) -> dg.ExecuteInProcessResult:
    job = definitions.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey(name) for name in assets],
        partition_key=partition,
    )
    assert result.success
    return result


def requested(result: dg.EvaluateAutomationConditionsResult, key: str) -> set[str]:
    return set(result.get_requested_partitions(dg.AssetKey(key)))


def test_the_chain_is_made_and_a_change_asks_for_one_station(definitions, s3, instance) -> None:
    ask = dg.evaluate_automation_conditions(definitions, instance)
    execute(definitions, instance, "readings")
    ask = dg.evaluate_automation_conditions(definitions, instance, cursor=ask.cursor)
    assert requested(ask, "cleaned") == {"bergen", "oslo"}
    for station in ("bergen", "oslo"):
        execute(definitions, instance, "cleaned", "features", partition=station)
    execute(definitions, instance, "model")
    for _ in range(2):
        ask = dg.evaluate_automation_conditions(definitions, instance, cursor=ask.cursor)
    execute(definitions, instance, "readings")
    ask = dg.evaluate_automation_conditions(definitions, instance, cursor=ask.cursor)
    assert ask.total_requested == 0

    vendor().deliver(s3.client, "oslo", "2026-05", offset=1.5)
    execute(definitions, instance, "readings")
    ask = dg.evaluate_automation_conditions(definitions, instance, cursor=ask.cursor)
    assert requested(ask, "cleaned") == {"oslo"}
    client = landfast.Client()
    assert client.get("readings~oslo").version == "v1"
    assert client.get("readings~bergen").version == "v0"
    assert {name.collection for name in client.lineage("model").upstream} == {
        "readings",
        "cleaned",
        "features",
    }


def test_the_drift_of_all_stations_is_checked_where_they_are_observed(
    definitions, instance
) -> None:
    observed = execute(definitions, instance, "readings")
    (check,) = observed.get_asset_check_evaluations()
    assert check.passed
    assert check.check_name == "drift_within_bounds"
    events = observed.get_asset_observation_events()
    assert {event.partition for event in events} == {"bergen", "oslo"}


def test_the_vendor_delivers_by_a_job_as_the_readme_says(definitions, s3) -> None:
    before = s3.client.get_object(Bucket="weather", Key="readings/station=oslo/2026-05.csv")["ETag"]
    assert definitions.resolve_job_def("vendor_delivers").execute_in_process().success
    after = s3.client.get_object(Bucket="weather", Key="readings/station=oslo/2026-05.csv")["ETag"]
    assert before != after


def test_its_bucket_serves_the_command_that_it_is_given() -> None:
    asks = "import os, urllib.request as r; print(r.urlopen(os.environ['AWS_ENDPOINT_URL_S3']))"
    done = subprocess.run(
        [sys.executable, "-m", "weather", sys.executable, "-c", asks],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the vendor's bucket: s3://weather/ at http://127.0.0.1:" in done.stdout
