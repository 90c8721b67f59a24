"""Verify where lists, permissions or servers do not tell everything."""

from pathlib import Path
from typing import Any

import pytest
from kit.servers.faults import Status
from landfast.errors import Conflict, Unavailable
from landfast.manifests.memory import MemoryManifest
from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry
from landfast.model.reference import Reference
from landfast.model.verdict import Verdict
from landfast.stores.opener import Stores
from landfast.verify.run import verify

from tests.core.verify.reports import check, row, verdicts


@pytest.mark.parametrize("status", [403, 405, 501])
def test_without_the_list_of_versions_changed_objects_are_asked_about(
    s3_proxy: Any, stores: Stores, scan: Any, status: int
) -> None:
    server = s3_proxy.direct
    bucket = server.bucket("Enabled")
    names = ["changed", "deleted", "gone", "intact", "overwritten"]
    first = {name: server.put(bucket, f"d/{name}", name.encode()) for name in names}
    scanned = scan(f"s3://{bucket}/d/")
    server.put(bucket, "d/changed", b"other")
    server.client.delete_object(Bucket=bucket, Key="d/changed", VersionId=first["changed"])
    server.client.delete_object(Bucket=bucket, Key="d/deleted")
    server.client.delete_object(Bucket=bucket, Key="d/gone", VersionId=first["gone"])
    server.put(bucket, "d/overwritten", b"newer")
    s3_proxy.proxy.clear()
    s3_proxy.proxy.inject(Status(status=status), kind="list-versions")
    report = check(scanned, stores)
    assert verdicts(report) == {name: name for name in names if name != "intact"}
    counts = s3_proxy.proxy.counts
    assert (counts["list-objects-v2"], counts["head"]) == (1, 4)


def test_denied_folder_names_the_permission_once(s3_proxy: Any, stores: Stores, scan: Any) -> None:
    server = s3_proxy.direct
    open_bucket, closed = server.bucket("Enabled"), server.bucket("Enabled")
    for number in range(5):
        server.put(open_bucket, f"d/{number}", b"x")
        server.put(closed, f"d/{number}", b"x")
    scanned = scan(
        Reference(f"s3://{open_bucket}/d/", name="open"),
        Reference(f"s3://{closed}/d/", name="closed"),
    )
    s3_proxy.proxy.clear()
    s3_proxy.proxy.inject(Status(status=403), when=lambda r: closed in r.target)
    report = check(scanned, stores)
    assert report.counts == {Verdict.INTACT: 5, Verdict.DENIED: 5}
    (denial,) = report.denials
    assert (denial.uri, denial.permission) == (f"s3://{closed}/d/", "s3:ListBucket")
    assert all(row.detail == "" for row in report.rows)
    assert report.exit_code == 5


def test_single_object_needs_no_permission_to_list(
    s3_proxy: Any, stores: Stores, scan: Any
) -> None:
    server = s3_proxy.direct
    bucket = server.bucket("Enabled")
    for name in ("intact", "overwritten"):
        server.put(bucket, name, b"x")
    scanned = scan(f"s3://{bucket}/intact", f"s3://{bucket}/overwritten")
    server.put(bucket, "overwritten", b"newer")
    s3_proxy.proxy.clear()
    s3_proxy.proxy.inject(Status(status=403), when=lambda r: r.kind.startswith("list"))
    assert verdicts(check(scanned, stores)) == {"overwritten": "overwritten"}
    s3_proxy.proxy.inject(Status(status=403), kind="head")
    report = check(scanned, stores)
    assert report.counts == {Verdict.DENIED: 2}
    assert report.denials


def test_missing_bucket_is_gone(s3: Any, stores: Stores, scan: Any) -> None:
    bucket = s3.bucket()
    s3.put(bucket, "d/x", b"x")
    scanned = scan(f"s3://{bucket}/d/")
    s3.client.delete_object(Bucket=bucket, Key="d/x")
    s3.client.delete_bucket(Bucket=bucket)
    assert verdicts(check(scanned, stores)) == {"x": "gone"}


def test_server_that_fails_is_an_error_and_no_verdict(
    s3_proxy: Any, stores: Stores, scan: Any
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"x")
    scanned = scan(f"s3://{bucket}/d/")
    s3_proxy.proxy.inject(Status(status=500))
    with pytest.raises(Unavailable):
        check(scanned, stores)


def test_other_endpoint_is_a_conflict_unless_allowed(
    s3_proxy: Any, stores: Stores, scan: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"x")
    scanned = scan(f"s3://{bucket}/d/")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_proxy.direct.url)
    elsewhere = Stores(cache_dir=tmp_path / "cache")
    with pytest.raises(Conflict) as caught:
        check(scanned, elsewhere)
    assert s3_proxy.url in str(caught.value)
    assert s3_proxy.direct.url in str(caught.value)
    assert check(scanned, elsewhere, any_endpoint=True).ok


def test_without_a_token_only_the_recorded_version_is_evidence(
    s3: Any, stores: Stores, scan: Any
) -> None:
    versioned, plain = s3.bucket("Enabled"), s3.bucket()
    for bucket in (versioned, plain):
        for name in ("deleted", "longer", "overwritten", "same"):
            s3.put(bucket, f"d/{name}", b"xyz")
    scanned = scan(
        Reference(f"s3://{versioned}/d/", name="v", checksum=False),
        Reference(f"s3://{plain}/d/", name="p", checksum=False),
    )
    assert scanned.manifest.summary.unverified == 8
    for bucket in (versioned, plain):
        s3.client.delete_object(Bucket=bucket, Key="d/deleted")
        s3.put(bucket, "d/longer", b"longer")
        s3.put(bucket, "d/overwritten", b"abc")
    report = check(scanned, stores)
    assert verdicts(report) == {
        "v/deleted": "deleted",
        "v/longer": "overwritten",
        "v/overwritten": "overwritten",
        "p/deleted": "gone",
        "p/longer": "changed",
        "p/overwritten": "changed",
        "p/same": "unverifiable",
    }


def test_version_without_token_that_is_gone_cannot_be_judged(
    s3: Any, stores: Stores, scan: Any
) -> None:
    bucket = s3.bucket("Enabled")
    first = s3.put(bucket, "d/x", b"xyz")
    scanned = scan(Reference(f"s3://{bucket}/d/", checksum=False))
    s3.put(bucket, "d/x", b"xyz")
    s3.client.delete_object(Bucket=bucket, Key="d/x", VersionId=first)
    report = check(scanned, stores)
    assert verdicts(report) == {"x": "unverifiable"}
    assert "without a checksum" in row(report, "x").detail


def test_provider_checksums_are_asked_for_only_where_the_etag_differs(
    s3_proxy: Any, stores: Stores, scan: Any
) -> None:
    client = s3_proxy.direct.client
    bucket = s3_proxy.direct.bucket()

    def put(key: str, body: bytes, *, parts: bool = False) -> None:
        if not parts:
            client.put_object(Bucket=bucket, Key=key, Body=body, ChecksumAlgorithm="SHA256")
            return
        upload = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        etag = client.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=body)[
            "ETag"
        ]
        client.complete_multipart_upload(
            Bucket=bucket,
            Key=key,
            UploadId=upload,
            MultipartUpload={"Parts": [{"ETag": etag, "PartNumber": 1}]},
        )

    for name in ("changed", "intact", "reuploaded"):
        put(f"d/{name}", name.encode())
    scanned = scan(Reference(f"s3://{bucket}/d/", checksum="sha256"))
    put("d/changed", b"CHANGED")
    put("d/reuploaded", b"reuploaded", parts=True)
    s3_proxy.proxy.clear()
    report = check(scanned, stores)
    assert verdicts(report) == {"changed": "changed", "reuploaded": "unverifiable"}
    assert "sha256" in row(report, "reuploaded").detail
    assert s3_proxy.proxy.of("head")
    assert not [r for r in s3_proxy.proxy.of("head") if r.target.endswith("intact")]


def test_server_that_ignores_version_ids_is_not_believed(
    s3rver_server: Any, monkeypatch: pytest.MonkeyPatch, stores: Stores
) -> None:
    for name, value in s3rver_server.environment().items():
        monkeypatch.setenv(name, value)
    bucket = s3rver_server.bucket()
    s3rver_server.put(bucket, "d/x", b"other bytes")
    entry = ManifestEntry(
        path="x",
        size=3,
        checksum=Checksum("s3-etag", "0" * 32),
        uri=f"s3://{bucket}/d/x",
        version_id="recorded-elsewhere",
        etag="0" * 32,
    )
    report = verify(MemoryManifest([entry]), [], stores)
    assert verdicts(report) == {"x": "changed"}


def test_deep_reads_the_recorded_version(s3_proxy: Any, stores: Stores, scan: Any) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    first = s3_proxy.direct.put(bucket, "d/x", b"one")
    s3_proxy.direct.put(bucket, "d/y", b"y")
    scanned = scan(f"s3://{bucket}/d/")
    s3_proxy.direct.put(bucket, "d/x", b"two")
    s3_proxy.proxy.clear()
    report = check(scanned, stores, deep=True)
    assert report.deep
    assert verdicts(report) == {"x": "overwritten"}
    reads = s3_proxy.proxy.of("get-object")
    assert len(reads) == 2
    assert [r for r in reads if f"versionId={first}" in r.target]
