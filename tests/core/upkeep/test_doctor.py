"""Doctor: what is tried, what it tells, and that expected failures are no exceptions."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from kit.servers.exchange import Request, Response
from kit.servers.faults import Status
from landfast.model.doctor import CheckStatus, DoctorReport
from landfast.model.location import Location
from landfast.stores.opener import Stores
from landfast.stores.s3.permissions import minimal_permissions
from landfast.upkeep.doctor import doctor


def statuses(report: DoctorReport) -> dict[str, str]:
    return {check.name: str(check.status) for check in report.checks}


def detail(report: DoctorReport, name: str) -> str:
    (check,) = [check for check in report.checks if check.name == name]
    return f"{check.detail} {check.hint}"


def test_healthy_versioned_bucket_passes_every_check(s3: Any, stores: Stores) -> None:
    bucket = s3.bucket("Enabled")
    version = s3.put(bucket, "d/x", b"x" * 10_000)
    s3.put(bucket, "d/empty", b"")
    report = doctor(f"s3://{bucket}/d/", stores)
    assert report.ok
    assert set(statuses(report).values()) == {"ok"}
    assert report.endpoint == s3.url
    assert "2 objects" in detail(report, "listing")
    assert "enabled" in detail(report, "versioning")
    read = detail(report, "pinned read")
    assert "first 4096 bytes" in read
    assert f"s3://{bucket}/d/x version {version}" in read
    assert "s3-etag" in detail(report, "checksums")
    assert "no sha256" in detail(report, "checksums")
    told = json.loads(json.dumps(report.to_dict()))
    assert (told["ok"], told["checks"][0]["name"]) == (True, "clock")
    lines = list(report.lines())
    assert f"s3://{bucket}/d/ at {s3.url}" in lines
    policy = "\n".join(lines[lines.index("{") :])
    assert json.loads(policy) == report.permissions.policy


def test_unversioned_bucket_is_told_how_to_keep_what_is_overwritten(
    s3: Any, stores: Stores
) -> None:
    bucket = s3.bucket()
    s3.client.put_object(Bucket=bucket, Key="d/x", Body=b"x", ChecksumAlgorithm="SHA256")
    report = doctor(f"s3://{bucket}/d", stores)
    assert report.ok
    assert "off" in detail(report, "versioning")
    assert "put-bucket-versioning" in detail(report, "versioning")
    assert bucket in detail(report, "versioning")
    assert "sha256 on request" in detail(report, "checksums")


def test_one_object_needs_no_list(s3: Any, stores: Stores) -> None:
    bucket = s3.bucket("Enabled")
    version = s3.put(bucket, "d/x", b"x")
    s3.put(bucket, "d/x", b"newer")
    report = doctor(f"s3://{bucket}/d/x?versionId={version}", stores)
    assert report.ok
    assert statuses(report)["listing"] == "skipped"
    assert "first 1 bytes" in detail(report, "pinned read")
    assert str(version) in detail(report, "pinned read")


@pytest.mark.parametrize(
    ("kind", "failed", "permission"),
    [
        ("list-objects-v2", {"listing"}, "s3:ListBucket"),
        ("list-versions", {"list of versions"}, "s3:ListBucketVersions"),
        ("get-object", {"pinned read"}, "s3:GetObjectVersion"),
        ("get-bucket-versioning", set(), None),
    ],
)
def test_missing_permission_is_named(
    s3_proxy: Any, stores: Stores, kind: str, failed: set[str], permission: str | None
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"x")
    rule = s3_proxy.proxy.inject(Status(status=403), kind=kind)
    report = doctor(f"s3://{bucket}/d/", stores)
    assert rule.hits
    found = [check for check in report.checks if check.status is CheckStatus.FAILED]
    assert {check.name for check in found} == failed
    assert report.ok == (not failed)
    assert {check.permission for check in found} == ({permission} if failed else set())
    assert all(permission in check.detail for check in found if permission)


def test_object_is_read_though_listing_is_denied(s3_proxy: Any, stores: Stores) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"x")
    s3_proxy.proxy.inject(Status(status=403), when=lambda r: r.kind.startswith("list"))
    report = doctor(f"s3://{bucket}/d/x", stores)
    assert statuses(report)["address"] == "failed"
    assert statuses(report)["pinned read"] == "ok"


def test_server_without_lists_of_versions_is_no_failure(s3_proxy: Any, stores: Stores) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"x")
    s3_proxy.proxy.inject(Status(status=501), kind="list-versions")
    report = doctor(f"s3://{bucket}/d/", stores)
    assert report.ok
    assert statuses(report)["list of versions"] == "skipped"


def test_missing_bucket_and_missing_object_are_failures_and_no_exceptions(
    s3: Any, stores: Stores
) -> None:
    bucket = s3.bucket()
    report = doctor("s3://no-such-bucket/d/", stores)
    assert statuses(report)["listing"] == "failed"
    assert statuses(report)["pinned read"] == "skipped"
    report = doctor(f"s3://{bucket}/nothing", stores)
    assert statuses(report)["address"] == "failed"
    report = doctor(f"s3://{bucket}/", stores)
    assert report.ok
    assert "allow_empty" in detail(report, "listing")


def test_object_and_folder_of_one_name_is_told(s3: Any, stores: Stores) -> None:
    bucket = s3.bucket()
    s3.put(bucket, "data", b"x")
    s3.put(bucket, "data/x", b"x")
    report = doctor(f"s3://{bucket}/data", stores)
    assert f"s3://{bucket}/data/" in detail(report, "address")
    assert not report.ok


def test_archived_object_is_not_read(s3: Any, stores: Stores) -> None:
    bucket = s3.bucket()
    s3.client.put_object(Bucket=bucket, Key="d/x", Body=b"x", StorageClass="GLACIER")
    report = doctor(f"s3://{bucket}/d/", stores)
    assert statuses(report)["pinned read"] == "skipped"
    assert "restore" in detail(report, "pinned read")


def test_failing_server_is_told_in_one_line(s3_proxy: Any, stores: Stores) -> None:
    s3_proxy.proxy.inject(Status(status=500))
    report = doctor("s3://bucket/d/", stores)
    assert not report.ok
    assert all("\n" not in check.detail for check in report.checks)


@contextmanager
def other_time(proxy: Any, seconds: float) -> Iterator[None]:
    """Let the server's answers carry another Date."""

    class Late:
        def early(self, request: Request) -> Response | None:
            return None

        def late(self, request: Request, response: Response) -> Response:
            headers = {**response.headers, "date": formatdate(1_700_000_000 + seconds, usegmt=True)}
            return Response(status=response.status, headers=headers, body=response.body)

    proxy.inject(Late(), when=lambda request: request.method == "HEAD")
    yield


def test_wrong_clock_is_told(s3_proxy: Any, stores: Stores) -> None:
    bucket = s3_proxy.direct.bucket()
    with other_time(s3_proxy.proxy, 0):
        report = doctor(f"s3://{bucket}/", stores)
    assert statuses(report)["clock"] == "failed"
    assert "Set the clock" in detail(report, "clock")


def test_unreachable_server_is_told_and_tells_no_time(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    report = doctor("s3://bucket/d/", stores)
    assert statuses(report)["clock"] == "skipped"
    assert statuses(report)["listing"] == "failed"


def test_bad_addresses_are_told(stores: Stores) -> None:
    for uri in ("nosuch://x/y", "s3:///x", ""):
        report = doctor(uri, stores)
        assert statuses(report) == {"address": "failed"}
        assert list(report.lines())


def test_secrets_are_not_repeated(http_script: Any, stores: Stores) -> None:
    url = http_script.put("/x", b"x", query={"X-Amz-Signature": "hush"})
    report = doctor(f"{url}?X-Amz-Signature=hush", stores)
    assert statuses(report)["pinned read"] == "ok"
    assert "hush" not in json.dumps(report.to_dict()) + "\n".join(report.lines())


def test_http_object_is_read_and_its_validator_explained(http_script: Any, stores: Stores) -> None:
    report = doctor(http_script.put("/x", b"x" * 10), stores)
    assert report.ok
    assert statuses(report)["listing"] == "skipped"
    assert "http-etag" in detail(report, "checksums")
    assert "moves and copies" in detail(report, "checksums")
    assert "GET" in report.permissions.names
    gone = doctor(http_script.url + "/nothing", stores)
    assert statuses(gone)["address"] == "failed"


def test_folder_and_file_are_examined(tmp_path: Path, stores: Stores) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_bytes(b"hello")
    report = doctor(f"{tmp_path}/data", stores)
    assert report.ok
    assert statuses(report)["clock"] == "skipped"
    assert "1 objects" in detail(report, "listing")
    assert "first 5 bytes" in detail(report, "pinned read")
    assert "sha256" in detail(report, "checksums")
    assert "r-x" in " ".join(report.permissions.words)
    assert doctor(f"{tmp_path}/data/x", stores).ok
    assert not doctor(f"{tmp_path}/nothing", stores).ok


def test_gcs_bucket_is_examined(gcs: Any, stores: Stores) -> None:
    bucket = gcs.bucket(versioning=True)
    generation = gcs.put(bucket, "d/x", b"hello")
    report = doctor(f"gs://{bucket}/d/", stores)
    assert report.ok
    assert generation in detail(report, "pinned read")
    assert "md5" in detail(report, "checksums")
    assert "storage.objects.list" in report.permissions.names
    gcs.deny("storage.objects.get")
    report = doctor(f"gs://{bucket}/d/", stores)
    failed = [check for check in report.checks if check.status is CheckStatus.FAILED]
    assert {check.permission for check in failed} == {"storage.objects.get"}


# Permissions


def test_policy_names_bucket_and_prefix() -> None:
    policy = minimal_permissions(Location.parse("s3://b/some/data/")).policy
    listing, versioning, reading = policy["Statement"]
    assert listing["Resource"] == versioning["Resource"] == "arn:aws:s3:::b"
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["some/data/*"]}}
    assert reading["Resource"] == "arn:aws:s3:::b/some/data/*"
    assert reading["Action"] == ["s3:GetObject", "s3:GetObjectVersion"]


def test_policy_of_a_whole_bucket_has_no_condition() -> None:
    listing, _, reading = minimal_permissions(Location.parse("s3://b")).policy["Statement"]
    assert "Condition" not in listing
    assert reading["Resource"] == "arn:aws:s3:::b/*"


def test_policy_of_an_object_does_not_open_its_siblings() -> None:
    listing, _, reading = minimal_permissions(Location.parse("s3://b/data")).policy["Statement"]
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["data", "data/*"]}}
    assert reading["Resource"] == ["arn:aws:s3:::b/data", "arn:aws:s3:::b/data/*"]


def test_wildcards_in_keys_are_meant_literally() -> None:
    listing, _, reading = minimal_permissions(Location.parse("s3://b/a*b?c$d/")).policy["Statement"]
    assert reading["Resource"] == "arn:aws:s3:::b/a${*}b${?}c${$}d/*"
    assert listing["Condition"]["StringLike"]["s3:prefix"] == ["a${*}b${?}c${$}d/*"]
