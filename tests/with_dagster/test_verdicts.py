"""The sensor on verdicts asks for one run of a job for each change that a scheduled verification finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import dagster_landfast as dl
import landfast
import pytest


@dg.job
def alarm() -> None: ...


def tick(instance: dg.DagsterInstance, cursor: str | None, **how: Any) -> Any:
    sensor = dl.build_verdict_sensor("flowers", job=alarm, **how)
    repository = dg.Definitions(sensors=[sensor]).get_repository_def()
    with dg.build_sensor_context(instance, cursor=cursor, repository_def=repository) as context:
        return sensor.evaluate_tick(context)


def test_each_change_of_a_verdict_asks_for_one_run(
    instance: dg.DagsterInstance, client: landfast.Client, tmp_path: Path
) -> None:
    place = tmp_path / "a.txt"
    place.write_text("A")
    client.log("flowers", place, aliases=["prod"])
    begun = tick(instance, None)
    assert not begun.run_requests
    client.log("other", place)
    place.write_text("B")
    for name in ("flowers", "other"):
        client.verify_aliases(name, aliases=["latest"])
    told = tick(instance, begun.cursor)
    (request,) = told.run_requests
    said = {
        "landfast/name": "default/uncategorized/flowers:v0",
        "landfast/verdict": "changed",
        "landfast/previous_verdict": "intact",
    }
    assert request.tags.items() >= said.items()
    client.verify_aliases("flowers", aliases=["prod"])
    again = tick(instance, told.cursor)
    assert not again.run_requests, "it stands as before"
    place.write_text("A")
    client.verify_aliases("flowers", aliases=["prod"])
    (back,) = tick(instance, told.cursor).run_requests
    assert back.tags["landfast/verdict"] == "intact"
    assert back.run_key != request.run_key
    run = alarm.execute_in_process(instance=instance, tags=dict(back.tags))
    assert run.dagster_run.tags["landfast/verdict"] == "intact"


def test_a_name_with_a_version_is_refused() -> None:
    with pytest.raises(landfast.InvalidInput, match="what a sensor follows is the whole artifact"):
        dl.build_verdict_sensor("flowers:v3", job=alarm)


def evaluate(instance: dg.DagsterInstance, **how: Any) -> dg.AssetCheckEvaluation:
    flowers = dg.AssetSpec("flowers")
    checks = dl.build_alias_checks([flowers], **how)
    job = dg.Definitions(
        assets=[flowers], asset_checks=checks
    ).resolve_implicit_global_asset_job_def()
    done = job.execute_in_process(instance=instance)
    (found,) = done.get_asset_check_evaluations()
    return found


def test_a_check_looks_at_what_aliases_name_and_the_sensor_hears_of_it(
    instance: dg.DagsterInstance, client: landfast.Client, tmp_path: Path
) -> None:
    missing = evaluate(instance, aliases=["prod"])
    assert (missing.passed, missing.check_name) == (False, "verify_prod")
    assert "no version of default/uncategorized/flowers is named 'prod'" in str(missing.description)
    for day in ("d1", "d2"):
        (tmp_path / day).write_text(day)
        client.log(f"flowers~{day}", tmp_path / day, aliases=["prod"])
    found = evaluate(instance, aliases=["prod"])
    assert (found.passed, found.metadata["landfast/checked"].value) == (True, 2)
    cursor = tick(instance, None).cursor
    (tmp_path / "d2").unlink()
    lost = evaluate(instance, aliases=["prod"], fail_on="loss")
    assert not lost.passed
    (row,) = lost.metadata["landfast/first_problems"].value.records
    assert row.data["version"] == "default/uncategorized/flowers~d2:v0"
    assert row.data["verdict"] == "gone"
    assert evaluate(instance, aliases=["prod"], fail_on="never").passed
    (request,) = tick(instance, cursor).run_requests
    assert request.tags["landfast/verdict"] == "gone"


def test_an_alias_that_cannot_be_one_is_refused() -> None:
    for how in ({"aliases": []}, {"aliases": ["v3"]}, {"aliases": ["a"], "fail_on": "always"}):
        with pytest.raises(landfast.InvalidInput):
            dl.build_alias_checks(["flowers"], **how)


def test_a_sensor_may_wait_for_some_verdicts_alone(
    instance: dg.DagsterInstance, client: landfast.Client, tmp_path: Path
) -> None:
    place = tmp_path / "a.txt"
    place.write_text("A")
    client.log("flowers", place)
    only = {"verdicts": ["changed"]}
    cursor = tick(instance, None, **only).cursor
    for content in ("B", None, "A"):
        place.unlink() if content is None else place.write_text(content)
        client.verify_aliases("flowers")
    told = tick(instance, cursor, **only)
    assert [each.tags["landfast/verdict"] for each in told.run_requests] == ["changed"]
    assert not tick(instance, told.cursor, **only).run_requests
    assert len(tick(instance, cursor).run_requests) == 3
    with pytest.raises(landfast.InvalidInput, match="no version stands as 'moved'"):
        dl.build_verdict_sensor("flowers", job=alarm, verdicts=["moved"])
