"""The snapshot flow's parameters, and the deployments that snapshots.yaml becomes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import landfast
import pytest
from prefect.flows import load_flow_from_entrypoint
from prefect_landfast.flows import config_of, snapshot_artifact, verify_aliases
from prefect_landfast.serving import parameters_of, snapshot_deployments

SNAPSHOTS = """
snapshots:
  - name: vision/flowers
    uri: s3://example-bucket/flowers/
    schedule: "0 6 * * *"
    include: ["**/*.jpg"]
    exclude: ["**/thumbnails/**"]
    max_objects: unlimited
    aliases: [newest]
    tags: [raw]
    metadata: {owner: data-team}
    ttl: 30d
  - name: sales/orders
    uri: s3://example-bucket/orders/dt={partition_key}/
    schedule: "30 2 * * mon-fri"
    max_objects: 200
  - name: labels
    type: labels
    description: what annotators drew
    uris:
      - s3://example-labels/all/
      - uri: gs://example-labels/train/
        name: train
    checksum: false
    allow_empty: true
    options: {region: eu-west-1}
"""


@pytest.fixture
def file() -> Path:
    path = Path("snapshots.yaml")
    path.write_text(SNAPSHOTS)
    return path


def given(deployment: Any) -> dict[str, Any]:
    return {name: value for name, value in deployment.parameters.items() if name != "shards"}


def test_every_snapshot_of_a_file_becomes_a_deployment(file) -> None:
    flowers, orders, labels = snapshot_deployments(file)
    names = [deployment.name for deployment in (flowers, orders, labels)]
    assert names == ["vision:flowers", "sales:orders", "labels"]
    assert [s.schedule.cron for s in flowers.schedules] == ["0 6 * * *"]
    assert not orders.schedules
    assert not labels.schedules


def test_what_a_deployment_is_given_describes_the_same_snapshot(file) -> None:
    for config, deployment in zip(
        landfast.load_snapshots(file), snapshot_deployments(file), strict=True
    ):
        sent = json.loads(json.dumps(deployment.parameters))
        again = config_of(**snapshot_artifact.validate_parameters(sent))
        for field in ("name", "type", "partition", "max_objects", "checksum", "ttl", "metadata"):
            assert getattr(again, field) == getattr(config, field), field
        for field in ("uris", "include", "exclude", "aliases", "tags"):
            assert list(getattr(again, field)) == list(getattr(config, field)), field
        assert (again.options, again.allow_empty) == (config.options, config.allow_empty)


def test_a_partitioned_snapshot_is_scheduled_where_the_key_is_the_date(file) -> None:
    _, orders, _ = snapshot_deployments(file, partition_format="%Y-%m-%d")
    assert [s.schedule.cron for s in orders.schedules] == ["30 2 * * mon-fri"]
    assert given(orders)["partition_format"] == "%Y-%m-%d"


VERIFY = """
verify:
  - name: vision/flowers
    aliases: [prod, latest]
    schedule: "0 * * * *"
    fail_on: loss
  - aliases: [prod]
"""


def test_every_verification_of_a_file_becomes_a_deployment_of_a_flow() -> None:
    path = Path("snapshots.yaml")
    path.write_text(SNAPSHOTS + VERIFY)
    *_, flowers, project = snapshot_deployments(path, registry="default")
    assert [flowers.name, project.name] == ["vision:flowers:prod,latest", "prod"]
    assert [s.schedule.cron for s in flowers.schedules] == ["0 * * * *"]
    assert not project.schedules
    for made in (flowers, project):
        found = load_flow_from_entrypoint(made.entrypoint)
        assert (found.name, made.concurrency_limit) == ("verify-aliases", 1)
        verify_aliases.validate_parameters(json.loads(json.dumps(made.parameters)))
    assert flowers.parameters == {
        "artifact": "vision/flowers",
        "aliases": ["prod", "latest"],
        "fail_on": "loss",
        "registry": "default",
    }
    path.write_text("verify:\n  - aliases: [v3]\n")
    with pytest.raises(landfast.InvalidInput, match=r"snapshots.yaml, line 2: 'v3'"):
        snapshot_deployments(path)


def test_one_run_at_a_time_and_the_next_is_cancelled(file) -> None:
    for deployment in snapshot_deployments(file):
        assert deployment.concurrency_limit == 1
        assert deployment.concurrency_options.collision_strategy.value == "CANCEL_NEW"


def test_a_deployment_names_the_installed_package_and_no_path(file) -> None:
    for deployment in snapshot_deployments(file):
        assert deployment.entrypoint == "prefect_landfast.flows.snapshot_artifact"
        assert load_flow_from_entrypoint(deployment.entrypoint).name == "snapshot-artifact"


@pytest.mark.parametrize(
    "line",
    ["uri: https://h/a?X-Amz-Signature=s3cr3t", "uri: s3://b/a\n    options: {secret: s3cr3t}"],
)
def test_a_secret_is_refused_before_prefect_stores_it(line) -> None:
    Path("snapshots.yaml").write_text(f"snapshots:\n  - name: flowers\n    {line}\n")
    with pytest.raises(landfast.InvalidInput, match="flowers holds a secret") as caught:
        snapshot_deployments("snapshots.yaml")
    assert "s3cr3t" not in str(caught.value)


def test_parameters_are_json_and_have_a_form() -> None:
    schema = snapshot_artifact.parameters.model_dump()
    assert schema["required"] == ["name", "uri"]
    assert json.loads(json.dumps(schema)) == schema


def test_a_partition_key_fills_the_place_and_the_partition() -> None:
    config = config_of("orders", "s3://b/dt={partition_key}/")
    filled = config.for_partition("2026-05-01")
    assert filled.partition == "2026-05-01"
    assert filled.references()[0].uri == "s3://b/dt=2026-05-01/"


def test_parameters_leave_out_what_a_snapshot_does_not_say() -> None:
    config = landfast.SnapshotConfig(name="a", uris=[landfast.SnapshotUri(uri="s3://b/a/")])
    assert {k: v for k, v in parameters_of(config).items() if v is not None} == {
        "name": "a",
        "uri": "s3://b/a/",
    }


def test_a_scheduled_time_gives_the_key(monkeypatch) -> None:
    from prefect_landfast import flows

    monkeypatch.setattr(flows, "_scheduled", lambda: datetime(2026, 5, 1, 2, 30, tzinfo=UTC))
    assert flows.partition_key_of(None, "%Y-%m-%d") == "2026-05-01"
    assert flows.partition_key_of("given", "%Y-%m-%d") == "given"
    assert flows.partition_key_of(None, None) is None


@pytest.mark.parametrize(
    ("error", "again"),
    [(landfast.Unavailable("503"), True), (landfast.NotFound("no bucket"), False)],
)
def test_only_what_may_pass_is_tried_again(error: Exception, again: bool) -> None:
    from prefect.states import Failed
    from prefect_landfast.shards import scan_shard, with_retries

    tried = with_retries(scan_shard)
    assert tried.retries == 3
    assert tried.retry_condition_fn(tried, None, Failed(data=error)) is again
