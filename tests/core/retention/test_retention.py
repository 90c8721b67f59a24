"""Retention of versions in real buckets: what is asked, what is told, and what may not be asked."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import landfast
import pytest
from click.testing import CliRunner
from kit.servers.faults import Status
from landfast import Client, ExpiresSoon, Outlook
from landfast.cli import main
from landfast.retention.timeline import midnight_after

YEARS = timedelta(days=4000)


@pytest.fixture
def client() -> Client:
    return Client()


def put_rules(server: Any, bucket: str, *rules: dict[str, Any]) -> None:
    named = [{"ID": f"r{at}", "Status": "Enabled", **rule} for at, rule in enumerate(rules)]
    server.client.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": named}
    )


def expire(days: int, prefix: str = "", **more: Any) -> dict[str, Any]:
    return {"Filter": {"Prefix": prefix}, "Expiration": {"Days": days}, **more}


def expire_noncurrent(days: int, prefix: str = "") -> dict[str, Any]:
    return {
        "Filter": {"Prefix": prefix},
        "NoncurrentVersionExpiration": {"NoncurrentDays": days},
    }


def test_a_bucket_without_rules_keeps_everything_and_is_not_listed(
    client: Client, s3_proxy: Any
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"x")
    version = client.log("a", f"s3://{bucket}/d/")
    s3_proxy.proxy.requests.clear()
    report = version.retention()
    assert (report.ok, report.exit_code, report.first) == (True, 0, None)
    assert report.counts[Outlook.KEPT] == 1
    kinds = [request.kind for request in s3_proxy.proxy.requests]
    assert sorted(kinds) == [
        "get-bucket-lifecycle",
        "get-bucket-replication",
        "get-bucket-versioning",
        "get-object-lock",
        "list-tiering",
    ]


def test_the_rule_the_date_and_the_smallest_change_are_told(client: Client, s3: Any) -> None:
    bucket = s3.bucket("Enabled")
    for key in ("d/old", "d/new"):
        s3.put(bucket, key, b"1")
    version = client.log("a", f"s3://{bucket}/d/")
    s3.put(bucket, "d/old", b"2")
    put_rules(s3, bucket, expire_noncurrent(10, "d/"), expire(1, "other/"))
    report = version.retention(within=timedelta(days=90))
    (row,) = report.rows
    successor = s3.client.head_object(Bucket=bucket, Key="d/old")["LastModified"]
    due = midnight_after(successor + timedelta(days=10))
    assert (row.path, row.outlook, row.first.at) == ("old", Outlook.EXPIRES, due)
    assert (row.first.rule, report.first) == ("r0", due)
    assert "NoncurrentDays 10" in row.first.action
    assert "set Status of the rule 'r0' to Disabled" in row.first.prevented_by
    assert (report.due, report.exit_code, report.counts[Outlook.KEPT]) == (1, 6, 1)
    rule, waiting = report.rules
    assert (rule.entries, rule.example, rule.at) == (1, "old", due)
    assert (waiting.entries, waiting.at, waiting.rule) == (1, None, "r0")
    with pytest.raises(ExpiresSoon, match=r"r0.*NoncurrentDays 10.*Disabled") as caught:
        report.raise_for()
    assert caught.value.subject == version.qualified_name
    report.raise_for(within=timedelta(days=5))


def test_in_an_unversioned_bucket_an_expiration_removes_what_is_current(
    client: Client, s3: Any
) -> None:
    bucket = s3.bucket()
    s3.put(bucket, "d/x", b"1")
    version = client.log("a", f"s3://{bucket}/d/")
    put_rules(s3, bucket, expire(5), expire(3))
    (row,) = version.retention().rows
    written = s3.client.head_object(Bucket=bucket, Key="d/x")["LastModified"]
    assert row.expires.at == midnight_after(written + timedelta(days=3))
    assert row.expires.rule == "r1"


def test_an_expiration_of_a_versioned_bucket_only_hides_the_recorded_version(
    client: Client, s3: Any
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"1")
    version = client.log("a", f"s3://{bucket}/d/")
    put_rules(s3, bucket, expire(5))
    report = version.retention(within=YEARS)
    assert (report.ok, report.counts) == (True, {Outlook.KEPT: 1})
    put_rules(s3, bucket, expire(5), expire_noncurrent(7))
    (row,) = version.retention(within=YEARS).rows
    written = s3.client.head_object(Bucket=bucket, Key="d/x")["LastModified"]
    hidden = midnight_after(written + timedelta(days=5))
    assert row.hides.at == hidden
    assert row.expires.at == hidden + timedelta(days=7)
    assert (row.hides.rule, row.expires.rule) == ("r0", "r1")


def test_an_archive_is_another_thing_than_an_end(client: Client, s3: Any) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"1" * 200_000)
    version = client.log("a", f"s3://{bucket}/d/")
    move = [{"Days": 2, "StorageClass": "GLACIER"}]
    put_rules(s3, bucket, {"Filter": {"Prefix": "d/"}, "Transitions": move})
    (row,) = version.retention(within=YEARS).rows
    assert (row.outlook, row.expires) == (Outlook.ARCHIVES, None)
    assert row.archives is not None


@pytest.mark.parametrize(
    ("kind", "permission", "code"),
    [
        ("get-bucket-lifecycle", "s3:GetLifecycleConfiguration", 5),
        ("get-bucket-versioning", "s3:GetBucketVersioning", 5),
        ("list-tiering", "s3:GetIntelligentTieringConfiguration", 5),
        ("get-object-lock", "s3:GetBucketObjectLockConfiguration", 0),
        ("get-bucket-replication", "s3:GetReplicationConfiguration", 0),
    ],
)
def test_a_question_that_may_not_be_asked_is_named_and_no_answer(
    client: Client, s3_proxy: Any, kind: str, permission: str, code: int
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"x")
    version = client.log("a", f"s3://{bucket}/d/")
    s3_proxy.proxy.inject(Status(status=403), kind=kind)
    report = version.retention()
    (rules,) = report.buckets
    assert permission in {one.permission for one in rules.unanswered}
    assert report.exit_code == code
    assert any(permission in line for line in report.lines())
    if code:
        assert report.counts[Outlook.UNKNOWN] == 1
        with pytest.raises(landfast.Unverifiable, match=permission):
            report.raise_for()
    else:
        report.raise_for()


def test_a_server_that_does_not_know_lifecycle_rules_is_not_one_without(
    client: Client, s3_proxy: Any
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"x")
    version = client.log("a", f"s3://{bucket}/d/")
    s3_proxy.proxy.inject(Status(status=501), kind="get-bucket-lifecycle")
    report = version.retention()
    assert (report.exit_code, report.counts[Outlook.UNKNOWN]) == (5, 1)


def test_versions_that_may_not_be_listed_are_unknown(client: Client, s3_proxy: Any) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    for key in ("d/current", "d/old"):
        s3_proxy.direct.put(bucket, key, b"x")
    version = client.log("a", f"s3://{bucket}/d/")
    s3_proxy.direct.put(bucket, "d/old", b"newer")
    put_rules(s3_proxy.direct, bucket, expire_noncurrent(10))
    s3_proxy.proxy.inject(Status(status=403), when=lambda r: r.kind.startswith("list-v"))
    report = version.retention()
    assert (report.exit_code, [row.path for row in report.rows]) == (5, ["old"])
    with pytest.raises(landfast.Unverifiable, match="s3:ListBucketVersions"):
        report.raise_for()
    assert [denial.permission for denial in report.denials] == ["s3:ListBucketVersions"]


def test_tags_are_asked_for_only_where_a_rule_goes_by_them(client: Client, s3_proxy: Any) -> None:
    bucket = s3_proxy.direct.bucket()
    for key in ("d/a", "d/b"):
        s3_proxy.direct.put(bucket, key, b"x")
    s3_proxy.direct.client.put_object_tagging(
        Bucket=bucket, Key="d/a", Tagging={"TagSet": [{"Key": "tmp", "Value": "yes"}]}
    )
    version = client.log("a", f"s3://{bucket}/d/")
    tag = {"Tag": {"Key": "tmp", "Value": "yes"}}
    put_rules(s3_proxy.direct, bucket, {"Filter": tag, "Expiration": {"Days": 3}})
    report = version.retention()
    assert [row.path for row in report.rows] == ["a"]
    assert "take the tag tmp=yes off" in report.rows[0].expires.prevented_by
    s3_proxy.proxy.requests.clear()
    elsewhere = {"And": {"Prefix": "e/", "Tags": [tag["Tag"]]}}
    put_rules(s3_proxy.direct, bucket, {"Filter": elsewhere, "Expiration": {"Days": 1}}, expire(3))
    assert len(version.retention().rows) == 2
    assert not [r for r in s3_proxy.proxy.requests if r.kind == "get-object-tagging"]


def test_without_permission_for_tags_the_worst_is_told(client: Client, s3_proxy: Any) -> None:
    bucket = s3_proxy.direct.bucket()
    s3_proxy.direct.put(bucket, "d/a", b"x")
    version = client.log("a", f"s3://{bucket}/d/")
    tag = {"Tag": {"Key": "tmp", "Value": "yes"}}
    put_rules(s3_proxy.direct, bucket, {"Filter": tag, "Expiration": {"Days": 3}})
    s3_proxy.proxy.inject(Status(status=403), kind="get-object-tagging")
    report = version.retention()
    assert "s3:GetObjectTagging" in report.rows[0].detail
    assert [denial.permission for denial in report.denials] == ["s3:GetObjectTagging"]


def test_what_is_gone_is_told(client: Client, s3: Any) -> None:
    bucket = s3.bucket("Enabled")
    first = s3.put(bucket, "d/x", b"1")
    version = client.log("a", f"s3://{bucket}/d/")
    s3.put(bucket, "d/x", b"2")
    s3.client.delete_object(Bucket=bucket, Key="d/x", VersionId=first)
    put_rules(s3, bucket, expire_noncurrent(10))
    report = version.retention()
    assert (report.exit_code, report.rows[0].outlook) == (4, Outlook.GONE)
    with pytest.raises(ExpiresSoon, match="1 gone already"):
        report.raise_for()


def test_single_objects_and_folders_without_rules(client: Client, s3: Any, tmp_path: Path) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"1")
    s3.put(bucket, "e/x", b"1")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "y").write_bytes(b"y")
    version = client.log(
        "a",
        landfast.Reference(f"s3://{bucket}/d/x", name="x"),
        landfast.Reference(f"s3://{bucket}/e/x", name="e"),
        landfast.Reference((tmp_path / "data").as_uri() + "/", name="local"),
    )
    s3.put(bucket, "d/x", b"2")
    put_rules(s3, bucket, expire_noncurrent(3, "d/"))
    report = version.retention()
    assert [(row.path, row.outlook) for row in report.rows] == [("x", Outlook.EXPIRES)]
    assert report.counts[Outlook.KEPT] == 1
    assert report.counts[Outlook.UNRULED] == 1


def test_managed_files_and_manifests_in_a_bucket_are_looked_at_too(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3.bucket()
    client = Client(f"sqlite:///{tmp_path}/r.db", store_url=f"s3://{bucket}/landfast")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "y").write_bytes(b"y")
    draft = landfast.Artifact("a", "dataset", client=client)
    draft.add_dir(tmp_path / "data")
    version = client.log_artifact(draft)
    assert version.retention().counts == {Outlook.KEPT: 2}
    put_rules(s3, bucket, expire(2, "landfast/"))
    report = version.retention()
    assert [row.path for row in report.rows] == ["y"]
    (manifest,) = report.manifests
    assert manifest.outlook is Outlook.EXPIRES
    assert report.counts == {Outlook.EXPIRES: 2}
    assert report.due == 2


def test_the_command_says_it_and_exits_with_a_code(client: Client, s3: Any) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"1")
    client.log("a", f"s3://{bucket}/d/")
    s3.put(bucket, "d/x", b"1")
    put_rules(s3, bucket, expire_noncurrent(10))
    run = CliRunner().invoke(main, ["verify", "a", "--retention", "--within", "5d"])
    assert run.exit_code == 0, run.output
    assert "by rule 'r0'" in run.output
    run = CliRunner().invoke(main, ["verify", "a", "--within", "90d"])
    assert run.exit_code == 6, run.output
    run = CliRunner().invoke(main, ["verify", "a", "--within", "90d", "--json"])
    told = json.loads(run.output)
    assert (told["exit_code"], told["retention"]["due"]) == (6, 1)
    assert told["retention_rows"][0]["expires"]["rule"] == "r0"
    assert datetime.fromisoformat(told["retention"]["first"]) > datetime.now(UTC)
