"""Rules of snapshots.yaml: whatever an alias names, and the newest partitions."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from kit.servers.faults import Status
from kit.servers.moto import Moto
from landfast import Client, load_holds, load_snapshots
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
    client.gc(dry_run=False)
    assert not locked.is_held("a", new)


def test_a_log_that_moves_the_alias_ends_the_hold_too(client: Client, locked: Locked) -> None:
    old = locked.put("a")
    client.log("mnist", locked.uri, aliases=["prod"])
    rule = HoldRule(name="mnist:prod")
    client.keep_holds([rule])
    new = locked.put("a", b"new")
    client.log("mnist", locked.uri, aliases=["prod"])
    assert [(report.act, report.held, report.released) for report in client.keep_holds([rule])] == [
        ("hold", 1, 0),
        ("release", 0, 1),
    ]
    assert locked.is_held("a", new)
    assert not locked.is_held("a", old)


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
    client.log("mnist", locked.uri)
    fault = s3_proxy.proxy.inject(Status(status=403), kind="put-object-legal-hold")
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
        ("holds: mnist:prod", "holds: is no list"),
        ("holds:\n  - partitions: 30d", "has no name"),
    ],
)
def test_a_wrong_rule_is_named(tmp_path: Path, text: str, match: str) -> None:
    file = tmp_path / "snapshots.yaml"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=match):
        load_holds(file)
