"""Rules of snapshots.yaml: whatever an alias names, and the newest partitions."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from kit.servers.faults import Status
from kit.servers.moto import Moto
from landfast import Artifact, Client, SnapshotConfig, SnapshotUri, init, load_holds, load_snapshots
from landfast.cli import main
from landfast.errors import InvalidInput
from landfast.model.storage.hold_rule import HoldRule

from tests.core.hold.conftest import Locked


@pytest.fixture
def locked(s3: Moto) -> Locked:
    return Locked(server=s3, bucket=s3.bucket(lock=True))


def test_whatever_an_alias_names_is_held(client: Client, locked: Locked) -> None:
    old = locked.put("a")
    client.log("mnist", locked.uri, aliases=["prod"])
    rule = HoldRule(name="mnist:prod", reason="in use")
    assert [report.held for report in client.keep_holds([rule])] == [1]
    new = locked.put("a", b"new")
    client.log("mnist", locked.uri)
    assert [report.act for report in client.keep_holds([rule])] == ["hold"]
    assert locked.is_held("a", old)
    assert not locked.is_held("a", new)
    client.promote("mnist:v1", "prod")
    assert locked.is_held("a", new)
    assert not locked.is_held("a", old)
    (record,) = client.registry.holds.records()
    assert (record.version.index, record.holder, record.reason) == (1, "alias:prod", "in use")
    client.remove_alias("mnist", "prod")
    assert not locked.is_held("a", new)


def log_again(client: Client, locked: Locked) -> None:
    client.log("mnist", locked.uri, aliases=["prod"])


def log_in_a_run(client: Client, locked: Locked) -> None:
    with init(client=client, project="vision") as run:
        draft = Artifact("mnist", "dataset", client=client)
        draft.add_reference(locked.uri)
        run.log_artifact(draft, aliases=["prod"])


def log_many(client: Client, locked: Locked) -> None:
    draft = Artifact("mnist", "dataset", client=client)
    draft.add_reference(locked.uri)
    client.log_all([draft], aliases=["prod"])


def snapshot(client: Client, locked: Locked) -> None:
    client.snapshot(
        SnapshotConfig(name="mnist", uris=(SnapshotUri(uri=locked.uri),), aliases=("prod",))
    )


def log_scans(client: Client, locked: Locked) -> None:
    plan = client.plan(locked.uri)
    scans = [client.scan_shard(shard) for shard in plan.shards]
    client.log_scans("mnist", scans, aliases=["prod"])


@pytest.mark.parametrize("move", [log_again, log_in_a_run, log_many, snapshot, log_scans])
@pytest.mark.parametrize("alias", ["prod", "latest"])
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_hold_follows_whatever_moves_the_alias(
    locked: Locked,
    move: Callable[[Client, Locked], None],
    alias: str,
    database: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    client = client_on(database, tmp_path, request)
    old = locked.put("a")
    client.log("mnist", locked.uri, aliases=["prod"])
    client.keep_holds([HoldRule(name=f"mnist:{alias}", reason="in use")])
    assert locked.is_held("a", old)
    new = locked.put("a", b"new")
    move(client, locked)
    assert locked.is_held("a", new)
    assert not locked.is_held("a", old)
    (record,) = client.registry.holds.records()
    assert (record.version.index, record.holder, record.reason) == (1, f"alias:{alias}", "in use")
    assert (record.complete, record.ending) == (True, False)
    locked.delete("a", old)
    assert client.keep_holds([HoldRule(name=f"mnist:{alias}", reason="in use")])[0].kept == 1
    client.close()


def client_on(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Client:
    if database == "sqlite":
        return Client(f"sqlite:///{tmp_path / 'moved.db'}", project="vision")
    url = request.getfixturevalue("postgres_url")
    client = Client(url, project="vision", store_url=f"file://{tmp_path / 'store'}")
    client.init_registry()
    return client


def test_content_that_returns_takes_the_hold_back(client: Client, locked: Locked) -> None:
    old = locked.put("a", b"old")
    client.log("mnist", locked.uri)
    client.keep_holds([HoldRule(name="mnist:latest")])
    new = locked.put("a", b"new")
    client.log("mnist", locked.uri)
    assert (locked.is_held("a", old), locked.is_held("a", new)) == (False, True)
    again = locked.put("a", b"old")
    client.log("mnist", locked.uri)
    assert not locked.is_held("a", new)
    assert locked.is_held("a", again)


def test_a_deleted_version_gives_the_hold_of_latest_to_the_one_before(
    client: Client, locked: Locked
) -> None:
    old = locked.put("a")
    client.log("mnist", locked.uri)
    new = locked.put("a", b"new")
    client.log("mnist", locked.uri)
    client.keep_holds([HoldRule(name="mnist:latest", reason="in use")])
    assert locked.is_held("a", new)
    client.delete("mnist:v1", delete_aliases=True)
    assert not locked.is_held("a", new)
    assert locked.is_held("a", old)
    client.delete("mnist:v0", delete_aliases=True)
    assert not locked.is_held("a", old)
    assert not list(client.registry.holds.records())


def test_a_removed_alias_releases_at_once(client: Client, locked: Locked) -> None:
    oid = locked.put("a")
    client.log("mnist", locked.uri, aliases=["prod"])
    client.keep_holds([HoldRule(name="mnist:prod")])
    client.remove_alias("mnist", "prod")
    assert not locked.is_held("a", oid)
    assert not list(client.registry.holds.records())


def test_a_log_whose_hold_cannot_follow_says_so_and_the_rule_mends_it(
    client: Client, s3_proxy, caplog: pytest.LogCaptureFixture
) -> None:
    locked = Locked(server=s3_proxy.direct, bucket=s3_proxy.direct.bucket(lock=True))
    old = locked.put("a")
    client.log("mnist", locked.uri, aliases=["prod"])
    rule = HoldRule(name="mnist:prod")
    client.keep_holds([rule])
    new = locked.put("a", b"new")
    s3_proxy.proxy.inject(Status(status=403), kind="put-object-legal-hold")
    version = client.log("mnist", locked.uri, aliases=["prod"])
    assert version.created
    assert "but its hold did not follow completely" in caplog.text
    assert locked.is_held("a", old)
    s3_proxy.proxy.clear()
    client.keep_holds([rule])
    assert (locked.is_held("a", old), locked.is_held("a", new)) == (False, True)


def test_what_is_held_by_hand_stays_where_a_rule_lets_go(client: Client, locked: Locked) -> None:
    old = locked.put("a")
    version = client.log("mnist", locked.uri, aliases=["prod"])
    client.hold(version)
    client.keep_holds([HoldRule(name="mnist:prod")])
    client.remove_alias("mnist", "prod")
    client.keep_holds([HoldRule(name="mnist:prod")])
    assert locked.is_held("a", old)
    assert version.holds.is_held


def test_nothing_is_released_if_the_new_version_cannot_be_held(client: Client, s3_proxy) -> None:
    locked = Locked(server=s3_proxy.direct, bucket=s3_proxy.direct.bucket(lock=True))
    old = locked.put("a")
    client.log("mnist", locked.uri)
    rule = HoldRule(name="mnist:latest")
    client.keep_holds([rule])
    locked.put("a", b"new")
    fault = s3_proxy.proxy.inject(Status(status=403), kind="put-object-legal-hold")
    client.log("mnist", locked.uri)
    with pytest.raises(PermissionError):
        client.keep_holds([rule])
    assert fault.hits
    assert locked.is_held("a", old)
    s3_proxy.proxy.clear()
    client.keep_holds([rule])
    assert not locked.is_held("a", old)


def test_the_newest_partitions_are_held(client: Client, locked: Locked) -> None:
    today = datetime.now(UTC)
    days = {age: f"{today - timedelta(days=age):%Y-%m-%d}" for age in (0, 29, 30, 32, 400)}
    ids = {}
    for age, day in days.items():
        ids[age] = locked.put(f"{day}/x")
        client.log("days", f"{locked.uri}{day}/", partition=day)
    rule = HoldRule(name="days", partitions=timedelta(days=30))
    assert len(client.keep_holds([rule])) == 3
    held = {age for age, day in days.items() if locked.is_held(f"{day}/x", ids[age])}
    assert held == {0, 29, 30}
    shorter = HoldRule(name="days", partitions=timedelta(days=7))
    client.keep_holds([shorter])
    client.release(f"days~{days[29]}")
    held = {age for age, day in days.items() if locked.is_held(f"{day}/x", ids[age])}
    assert held == {0, 30}


def test_log_can_hold_at_once(client: Client, locked: Locked) -> None:
    oid = locked.put("a")
    version = client.log("mnist", locked.uri, hold=True)
    assert locked.is_held("a", oid)
    assert [record.holder for record in version.holds.records] == ["log"]


FILE = """
snapshots:
  - name: mnist
    uri: {uri}
    aliases: [prod]
holds:
  - name: mnist:prod
    reason: in use
  - name: days
    partitions: 30d
"""


def test_a_file_says_it_and_snapshot_does_it(client: Client, locked: Locked, tmp_path) -> None:
    oid = locked.put("a")
    file = tmp_path / "snapshots.yaml"
    file.write_text(FILE.format(uri=locked.uri))
    assert [config.name for config in load_snapshots(file)] == ["mnist"]
    assert [rule.holder for rule in load_holds(file)] == ["alias:prod", "rule:days newer than 30d"]
    words = ("--registry", f"sqlite:///{tmp_path / 'registry.db'}", "--project", "vision")
    done = CliRunner().invoke(main, ["snapshot", "--config", str(file), *words])
    assert done.exit_code == 0, done.output
    assert "hold       default/vision/mnist:v0  1 object versions held" in done.output
    assert locked.is_held("a", oid)
    again = CliRunner().invoke(main, ["hold", "--config", str(file), "--json", *words])
    assert [report["kept"] for report in json.loads(again.stdout)] == [1]
    listed = CliRunner().invoke(main, ["hold", *words])
    assert listed.stdout == "held  default/vision/mnist:v0  alias:prod  in use\n"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("holds:\n  - name: mnist", "says no alias"),
        ("holds:\n  - name: mnist:prod\n    partitions: 30d", "says an alias, and partitions"),
        ("holds:\n  - name: mnist:prod\n    kind: forever", "line 2: there is no hold 'forever'"),
        ("holds:\n  - names: mnist", "line 2: unknown key 'names'"),
        ("holds: mnist:prod", "holds: is not a list"),
        ("holds:\n  - partitions: 30d", "has no name"),
    ],
)
def test_a_wrong_rule_is_named(tmp_path: Path, text: str, match: str) -> None:
    file = tmp_path / "snapshots.yaml"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=match):
        load_holds(file)


def test_a_rule_can_hold_what_lies_in_the_own_store_too(s3: Moto, tmp_path: Path) -> None:
    bucket = s3.bucket(lock=True)
    url = f"sqlite:///{tmp_path / 'own.db'}"
    client = Client(url, project="vision", store_url=f"s3://{bucket}/registry")
    client.init_registry()
    file = tmp_path / "file"

    def put(text: str) -> None:
        file.write_text(text)
        draft = Artifact("mnist", "dataset", client=client)
        draft.add_file(file)
        client.log_artifact(draft, aliases=["prod"])

    def held() -> int:
        found = s3.client.list_object_versions(Bucket=bucket, Prefix="registry/blobs/")["Versions"]
        return sum(s3.is_held(bucket, one["Key"], one["VersionId"]) for one in found)

    put("one")
    rules = tmp_path / "snapshots.yaml"
    rules.write_text("holds:\n  - name: mnist:prod\n    own_store: true\n")
    (rule,) = load_holds(rules)
    assert rule.to_dict()["own_store"] is True
    assert [report.held for report in client.keep_holds([rule])] == [2]
    assert held() == 2
    put("two")
    assert held() == 2
    assert [report.kept for report in client.keep_holds([rule])] == [2]
    (old, *_) = [one for one in client.versions("mnist") if one.version == "v0"]
    assert not old.holds.records
    without = HoldRule(name="mnist:prod")
    assert [report.held for report in client.keep_holds([without])] == [0]
    client.close()
