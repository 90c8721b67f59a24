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
