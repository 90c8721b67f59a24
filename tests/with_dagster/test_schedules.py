"""A schedule observes all its assets in one run, with all their partitions."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
import dagster_landfast as dl
import pytest

DAYS = dg.DailyPartitionsDefinition("2026-05-01", end_date="2026-05-04")


def test_a_tick_is_one_run_that_observes_everything(instance, data, client):
    folder = data("days/2026-05-01", f="1").parent
    data("days/2026-05-03", f="3")
    client.log("vision/mnist", data("mnist", f="m"))
    assets = [
        dl.observable_prefix_asset("raw/days", f"{folder}/{{partition_key}}/", partitions_def=DAYS),
        dl.observable_prefix_asset("raw/one", f"{data('one', f='1')}/"),
        dl.artifact_asset("vision/mnist"),
    ]
    schedule = dl.build_snapshot_schedule(assets, "0 6 * * *", name="daily")
    repository = dg.Definitions(assets=assets, schedules=[schedule]).get_repository_def()
    moment = datetime(2026, 5, 5, 6, tzinfo=UTC)
    with dg.build_schedule_context(
        instance, scheduled_execution_time=moment, repository_def=repository
    ) as context:
        [request] = schedule.evaluate_tick(context).run_requests
    assert request.partition_key is None
    job = repository.get_job(schedule.job_name)
    done = job.execute_in_process(instance=instance, run_config=request.run_config)
    seen = [
        event.asset_observation_data.asset_observation
        for event in done.all_events
        if event.event_type is dg.DagsterEventType.ASSET_OBSERVATION
    ]
    assert sorted((event.asset_key.to_user_string(), event.partition or "") for event in seen) == [
        ("raw/days", "2026-05-01"),
        ("raw/days", "2026-05-03"),
        ("raw/one", ""),
        ("vision/mnist", ""),
    ]
    assert sorted(client.partitions("raw/days")) == ["2026-05-01", "2026-05-03"]


def test_it_can_be_said_when_and_whether_it_runs():
    raw = dl.observable_prefix_asset("raw/flowers", "s3://b/flowers/")
    plain = dl.build_snapshot_schedule([raw], "0 6 * * *")
    assert (plain.name, plain.cron_schedule) == ("snapshot__raw__flowers", "0 6 * * *")
    assert plain.execution_timezone == "UTC"
    assert plain.default_status is dg.DefaultScheduleStatus.STOPPED
    running = dl.build_snapshot_schedule(
        [raw],
        "0 6 * * *",
        timezone="Europe/Berlin",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    assert running.execution_timezone == "Europe/Berlin"
    assert running.default_status is dg.DefaultScheduleStatus.RUNNING


def test_a_cron_that_is_none_is_refused_by_dagster():
    raw = dl.observable_prefix_asset("raw", "s3://b/flowers/")
    with pytest.raises(dg.DagsterInvalidDefinitionError):
        dl.build_snapshot_schedule([raw], "every day")
