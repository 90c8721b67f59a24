"""External data declared in snapshots.yaml, in a `dg` project."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import dagster as dg
import dagster_landfast as dl
import landfast
import pytest
import yaml
from dagster.components.testing import DefsFolderSandbox, create_defs_folder_sandbox

# Dagster reads defs.yaml with what Pydantic had before 2.0.
pytestmark = pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated:DeprecationWarning")

FILE = """
snapshots:
  - name: vision/flowers
    uri: {there}/flowers/
    schedule: "0 6 * * *"
    include: ["*.jpg"]
    description: Flowers of the vendor.
  - name: sales/orders
    uri: {there}/orders/dt={{partition_key}}/
    schedule: "0 6 * * *"
    metadata: {{owner: sales}}
  - name: labels
    uri: {there}/labels/
    schedule: "30 2 * * mon-fri"
"""
ORDERS = {
    "snapshot": "sales/orders",
    "lookback": 2,
    "asset": {
        "key": "raw/orders",
        "group_name": "raw",
        "kinds": ["csv"],
        "owners": ["team:sales"],
        "tags": {"tier": "raw"},
        "metadata": {"note": "n"},
        "partitions_def": {"type": "static", "partition_keys": ["d1", "d2", "d3"]},
    },
}


@pytest.fixture
def sandbox() -> Iterator[DefsFolderSandbox]:
    """An empty `dg` project."""
    with create_defs_folder_sandbox() as made:
        yield made


def write(
    sandbox: DefsFolderSandbox, attributes: dict[str, Any], *, file: str | None = None
) -> None:
    """Write a component's folder."""
    folder = sandbox.defs_folder_path / "vendor"
    folder.mkdir(parents=True)
    body = {"type": "dagster_landfast.LandfastSnapshotsComponent", "attributes": attributes}
    (folder / "defs.yaml").write_text(yaml.safe_dump(body))
    if file is not None:
        (folder / "snapshots.yaml").write_text(file)


def build(sandbox: DefsFolderSandbox, attributes: dict[str, Any], **files: Any) -> dg.Definitions:
    write(sandbox, attributes, **files)
    with sandbox.build_all_defs() as defs:
        return defs


def specs(defs: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


def test_every_snapshot_of_the_file_is_an_asset_that_logs_when_it_is_observed(
    sandbox, instance, data, client
):
    there = data("flowers", **{"a.jpg": "A", "b.txt": "B"}).parent
    data("labels", l="L")
    for day in ("d1", "d2", "d3"):
        data(f"orders/dt={day}", f=day)
    defs = build(sandbox, {"assets": [ORDERS]}, file=FILE.format(there=there))
    assert set(specs(defs)) == {"vision/flowers", "raw/orders", "labels"}
    job = defs.resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(instance=instance).success
    assert [entry.path for entry in client.get("vision/flowers").entries()] == ["a.jpg"]
    assert client.get("labels").version == "v0"
    assert sorted(client.partitions("sales/orders")) == ["d2", "d3"]
    assert client.get("sales/orders~d2").metadata == {"owner": "sales"}
    keys = [dg.AssetKey(["raw", "orders"]), dg.AssetKey(["vision", "flowers"])]
    found = [len(instance.fetch_observations(key, limit=9).records) for key in keys]
    assert found == [2, 1]


def test_an_asset_is_what_the_file_and_the_attributes_say(sandbox, tmp_path):
    defs = build(sandbox, {"assets": [ORDERS]}, file=FILE.format(there=tmp_path))
    orders, flowers = specs(defs)["raw/orders"], specs(defs)["vision/flowers"]
    assert (orders.group_name, orders.kinds, orders.tags["tier"]) == ("raw", {"csv"}, "raw")
    assert list(orders.owners) == ["team:sales"]
    assert orders.metadata["note"] == "n"
    assert orders.metadata["landfast/artifact"] == "sales/orders"
    assert orders.partitions_def.get_partition_keys() == ["d1", "d2", "d3"]
    assert flowers.description == "Flowers of the vendor."


def test_mend_27_an_asset_needs_no_key_of_its_own(sandbox, tmp_path):
    said = {key: value for key, value in ORDERS["asset"].items() if key != "key"}
    defs = build(sandbox, {"assets": [{**ORDERS, "asset": said}]}, file=FILE.format(there=tmp_path))
    orders = specs(defs)["sales/orders"]
    assert (orders.group_name, orders.kinds, orders.tags["tier"]) == ("raw", {"csv"}, "raw")
    assert orders.metadata["landfast/artifact"] == "sales/orders"
    assert orders.partitions_def.get_partition_keys() == ["d1", "d2", "d3"]


def test_snapshots_of_one_time_share_a_schedule(sandbox, tmp_path):
    attributes = {"assets": [ORDERS], "timezone": "Europe/Berlin"}
    defs = build(sandbox, attributes, file=FILE.format(there=tmp_path))
    found = {each.name: each for each in defs.schedules}
    assert {name: each.cron_schedule for name, each in found.items()} == {
        "snapshot__vision__flowers": "0 6 * * *",
        "snapshot__labels": "30 2 * * mon-fri",
    }
    assert {each.execution_timezone for each in found.values()} == {"Europe/Berlin"}
    assert {each.default_status for each in found.values()} == {dg.DefaultScheduleStatus.STOPPED}
    assert all(spec.automation_condition is None for spec in specs(defs).values())


def test_checks_and_sensor_come_when_they_are_asked_for(sandbox, tmp_path):
    file = FILE.format(there=tmp_path)
    attributes = {"assets": [ORDERS], "checks": True, "sensor": True, "running": True}
    defs = build(sandbox, attributes, file=file)
    graph = defs.resolve_asset_graph()
    checked = {key.asset_key.to_user_string() for key in graph.asset_check_keys}
    assert checked == {"vision/flowers", "raw/orders", "labels"}
    [sensor] = [each for each in defs.sensors if each.name.startswith("landfast_changes")]
    assert sensor.name == "landfast_changes__vision__flowers"
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert {each.default_status for each in defs.schedules} == {dg.DefaultScheduleStatus.RUNNING}


def test_nothing_comes_that_is_not_asked_for(sandbox, tmp_path):
    defs = build(sandbox, {"assets": [ORDERS]}, file=FILE.format(there=tmp_path))
    assert not list(defs.sensors or ())
    assert not defs.resolve_asset_graph().asset_check_keys


def test_entries_may_stand_in_the_component_itself_or_in_a_file_elsewhere(sandbox, tmp_path):
    entries = [{"name": "vision/flowers", "uri": "s3://b/flowers/", "max_objects": "unlimited"}]
    defs = build(sandbox, {"snapshots": entries})
    assert specs(defs)["vision/flowers"].kinds == {"s3"}
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_text(yaml.safe_dump({"snapshots": entries}))
    with (
        sandbox.swap_defs_file(
            sandbox.defs_folder_path / "vendor" / "defs.yaml",
            {
                "type": "dagster_landfast.components.LandfastSnapshotsComponent",
                "attributes": {"config": str(elsewhere)},
            },
        ),
        sandbox.build_all_defs() as again,
    ):
        assert set(specs(again)) == {"vision/flowers"}


@pytest.mark.parametrize(
    ("attributes", "file", "told"),
    [
        ({}, None, "there is no file .*vendor/snapshots.yaml"),
        ({}, "snapshots:\n  - name: a\n    url: s3://b/\n", "line 3: unknown key 'url'"),
        ({"snapshots": [{"name": "a"}]}, None, "defs.yaml: snapshot 'a' needs one of uri:"),
        (
            {"config": "x.yaml", "snapshots": [{"name": "a", "uri": "s3://b/"}]},
            None,
            "config and snapshots are given",
        ),
        (
            {"assets": [{"snapshot": "nope", "asset": {"key": "x"}}]},
            FILE,
            "'nope', which is not described: expected one of vision/flowers, sales/orders",
        ),
        ({}, FILE, "sales/orders has a partition in its URI, but no partitions_def"),
    ],
    ids=["no file", "unknown key", "no place", "both", "unknown snapshot", "no partitions"],
)
def test_what_is_wrong_is_told(sandbox, tmp_path, attributes, file, told):
    with pytest.raises(Exception) as caught:
        build(sandbox, attributes, file=file and file.format(there=tmp_path))
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, landfast.LandfastError):
        error = error.__cause__
    assert re.search(told, str(error))


@pytest.mark.parametrize("style", ["yaml", "python"])
def test_what_is_scaffolded_loads(sandbox, style):
    path = sandbox.scaffold_component(
        dl.LandfastSnapshotsComponent,
        defs_path="vendor",
        scaffold_format=style,
        scaffold_params={"name": "vision/flowers", "uri": 's3://b/{{odd}}/"x"/'},
    )
    [config] = landfast.load_snapshots(path / "snapshots.yaml")
    assert (config.name, config.schedule) == ("vision/flowers", "0 6 * * *")
    assert config.references()[0].uri == 's3://b/{odd}/"x"/'
    if style == "yaml":
        with sandbox.build_all_defs() as defs:
            assert set(specs(defs)) == {"vision/flowers"}


def test_scaffolding_without_arguments_loads_too_and_keeps_a_file_that_is_there(sandbox):
    path = sandbox.scaffold_component(dl.LandfastSnapshotsComponent, defs_path="vendor")
    with sandbox.build_all_defs() as defs:
        assert set(specs(defs)) == {"raw/example"}
    (path / "snapshots.yaml").write_text("snapshots: [{name: mine, uri: s3://b/}]\n")
    sandbox.scaffold_component(dl.LandfastSnapshotsComponent, defs_path="vendor")
    with sandbox.build_all_defs() as defs:
        assert set(specs(defs)) == {"mine"}


VERIFY = """
verify:
  - name: vision/flowers
    aliases: [prod, latest]
    schedule: "0 * * * *"
  - name: elsewhere/corpus
    aliases: [prod]
    fail_on: loss
  - aliases: [prod]
    schedule: "30 4 * * *"
"""


def test_what_the_file_verifies_is_a_check_and_of_the_project_a_job(
    sandbox, instance, data, client, tmp_path
):
    there = data("flowers", **{"a.jpg": "A"}).parent
    place = data("corpus", c="C")
    client.log("vision/flowers", there / "flowers", aliases=["prod"])
    client.log("elsewhere/corpus", place, aliases=["prod"])
    client.log("mine", place, aliases=["prod"])
    attributes = {"assets": [ORDERS], "timezone": "Europe/Berlin"}
    defs = build(sandbox, attributes, file=FILE.format(there=there) + VERIFY)
    checks = {key.to_user_string() for key in defs.resolve_asset_graph().asset_check_keys}
    assert checks == {
        "vision/flowers:verify_prod_latest",
        "elsewhere/corpus:verify_prod",
    }
    schedules = {each.name: each for each in defs.schedules}
    hourly = schedules["verify_prod_latest__vision__flowers_schedule"]
    daily = schedules["landfast_verify_prod_schedule"]
    assert (hourly.cron_schedule, daily.cron_schedule) == ("0 * * * *", "30 4 * * *")
    assert daily.execution_timezone == "Europe/Berlin"

    def passed() -> list[tuple[bool, Any]]:
        done = defs.resolve_job_def(hourly.job_name).execute_in_process(instance=instance)
        return [
            (each.passed, each.metadata["landfast/changes"].value)
            for each in done.get_asset_check_evaluations()
        ]

    assert passed() == [(True, 0)]
    (there / "flowers" / "a.jpg").write_text("B")
    assert passed() == [(False, 1)]
    assert passed() == [(False, 0)]
    verdicts = [row for row in client.changes(verdicts=True) if row.verdict is not None]
    assert [str(row.version) for row in verdicts] == ["default/vision/flowers:v0"]

    project = defs.resolve_job_def(daily.job_name)
    assert project.execute_in_process(instance=instance).success
    (place / "c").unlink()
    with pytest.raises(landfast.ObjectChanged, match=r"what \*:prod names"):
        project.execute_in_process(instance=instance)


def test_verify_may_stand_in_the_component_itself(sandbox):
    defs = build(sandbox, {"verify": [{"name": "corpus", "aliases": ["prod"]}], "sensor": True})
    checks = {key.to_user_string() for key in defs.resolve_asset_graph().asset_check_keys}
    assert checks == {"corpus:verify_prod"}


@pytest.mark.parametrize(
    ("attributes", "file", "told"),
    [
        ({}, "verify:\n  - aliases: []\n", "snapshots.yaml, line 2: no alias is named"),
        ({"verify": [{"name": "a"}]}, None, "defs.yaml: a verification has no aliases"),
        ({"config": "x.yaml", "verify": [{"aliases": ["a"]}]}, None, "config and verify are given"),
    ],
)
def test_what_is_wrong_with_a_verification_is_told(sandbox, tmp_path, attributes, file, told):
    test_what_is_wrong_is_told(sandbox, tmp_path, attributes, file, told)
