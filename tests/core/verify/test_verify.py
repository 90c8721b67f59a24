"""Verify: every verdict, on real stores."""

import json
import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from kit.servers.faults import Body, Status
from kit.servers.loopback import LoopbackHandler, LoopbackServer, serving
from landfast.blobs.local import LocalBlobStore
from landfast.errors import Conflict, NotFound, ObjectChanged, Unavailable
from landfast.manifests.memory import MemoryManifest
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.reference import Reference
from landfast.model.verdict import EntryVerdict, Verdict, VerifyReport
from landfast.stores.base import Capabilities, ListRequest, ObjectBatch, ObjectInfo, Page, Pin
from landfast.stores.local import FileStore
from landfast.stores.opener import Stores
from landfast.stores.s3 import S3Store
from landfast.verify.run import verify


def check(scanned: Any, stores: Stores, **options: Any) -> VerifyReport:
    return verify(scanned.manifest, scanned.sources, stores, **options)


def verdicts(report: VerifyReport) -> dict[str, str]:
    return {row.path: str(row.verdict) for row in report.rows}


def row(report: VerifyReport, path: str) -> EntryVerdict:
    (found,) = [row for row in report.rows if row.path == path]
    return found


# S3


def test_versioned_bucket_shows_what_became_of_every_object(
    s3: Any, stores: Stores, scan: Any
) -> None:
    every_verdict(s3, stores, scan, archives=True)


@pytest.mark.system
def test_real_versioned_bucket_shows_what_became_of_every_object(
    radosgw: Any, stores: Stores, scan: Any
) -> None:
    every_verdict(radosgw, stores, scan, archives=False)


def every_verdict(s3: Any, stores: Stores, scan: Any, *, archives: bool) -> None:
    bucket = s3.bucket("Enabled")
    names = ["changed", "deleted", "gone", "intact", "moved", "overwritten"]
    names += ["archived"] if archives else []
    first = {name: s3.put(bucket, f"d/{name}", name.encode()) for name in names}
    s3.put(bucket, "d2/sibling", b"never part of it")
    scanned = scan(f"s3://{bucket}/d/")
    if archives:
        s3.client.put_object(
            Bucket=bucket, Key="d/archived", Body=b"archived", StorageClass="GLACIER"
        )
        s3.client.delete_object(Bucket=bucket, Key="d/archived", VersionId=first["archived"])
    s3.put(bucket, "d/changed", b"other bytes")
    s3.client.delete_object(Bucket=bucket, Key="d/changed", VersionId=first["changed"])
    s3.client.delete_object(Bucket=bucket, Key="d/deleted")
    s3.client.delete_object(Bucket=bucket, Key="d/gone")
    s3.client.delete_object(Bucket=bucket, Key="d/gone", VersionId=first["gone"])
    moved = s3.put(bucket, "d/moved", b"moved")
    newer = s3.put(bucket, "d/overwritten", b"newer bytes")
    s3.put(bucket, "d/new", b"new")

    report = check(scanned, stores)

    assert verdicts(report) == {name: name for name in names if name != "intact"}
    assert report.counts[Verdict.INTACT] == 1
    assert report.sizes[Verdict.INTACT] == len("intact")
    assert (report.added, report.added_examples) == (1, (f"s3://{bucket}/d/new",))
    assert (report.worst, report.ok, report.exit_code) == (Verdict.GONE, False, 4)
    found = row(report, "overwritten").found
    assert found is not None
    assert (found.version_id, found.size) == (newer, len(b"newer bytes"))
    assert row(report, "overwritten").entry.version_id == first["overwritten"]
    moved_to = row(report, "moved").found
    assert moved_to is not None
    assert moved_to.version_id == moved
    told = json.loads(json.dumps(report.to_dict()))
    assert told["counts"]["gone"] == 1
    assert [entry["path"] for entry in told["rows"]] == sorted(set(names) - {"intact"})


def test_intact_bucket_is_ok_and_costs_one_request_a_page(
    s3_proxy: Any, stores: Stores, scan: Any
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    for number in range(1_010):
        s3_proxy.direct.put(bucket, f"d/{number:05}", b"x")
    scanned = scan(f"s3://{bucket}/d/")
    s3_proxy.proxy.clear()
    seen: list[tuple[int, int | None]] = []
    report = check(scanned, stores, progress=lambda done, total: seen.append((done, total)))
    assert (report.ok, report.exit_code, report.rows) == (True, 0, ())
    assert report.counts == {Verdict.INTACT: 1_010}
    assert s3_proxy.proxy.counts == {"list-versions": 2}
    assert seen[-1] == (1_010, 1_010)
    assert report.summary == "1,010 intact"


def test_unversioned_bucket_has_nothing_to_fall_back_to(s3: Any, stores: Stores, scan: Any) -> None:
    bucket = s3.bucket()
    for name in ("changed", "gone", "intact", "rewritten"):
        s3.put(bucket, f"d/{name}", name.encode())
    scanned = scan(f"s3://{bucket}/d/")
    s3.put(bucket, "d/changed", b"CHANGED")
    s3.client.delete_object(Bucket=bucket, Key="d/gone")
    s3.put(bucket, "d/rewritten", b"rewritten")
    report = check(scanned, stores)
    assert verdicts(report) == {"changed": "changed", "gone": "gone"}
    assert report.counts[Verdict.INTACT] == 2


def test_archived_object_of_an_unversioned_bucket_is_archived(
    s3: Any, stores: Stores, scan: Any
) -> None:
    bucket = s3.bucket()
    s3.client.put_object(Bucket=bucket, Key="d/cold", Body=b"cold", StorageClass="DEEP_ARCHIVE")
    report = check(scan(f"s3://{bucket}/d/"), stores)
    assert verdicts(report) == {"cold": "archived"}
    assert report.exit_code == 3


def test_mend_11_restored_objects_are_no_longer_archived(
    s3_proxy: Any, stores: Stores, scan: Any
) -> None:
    server = s3_proxy.direct
    client = server.client
    for versioning in (None, "Enabled"):
        bucket = server.bucket(versioning)
        for name in ("cold", "restored", "overwritten"):
            client.put_object(
                Bucket=bucket, Key=f"d/{name}", Body=name.encode(), StorageClass="GLACIER"
            )
        scanned = scan(f"s3://{bucket}/d/")
        for name in ("restored", "overwritten"):
            client.restore_object(Bucket=bucket, Key=f"d/{name}", RestoreRequest={"Days": 7})
        server.put(bucket, "d/overwritten", b"OVERWRITTEN" if versioning else b"overwritten")
        assert verdicts(check(scanned, stores)) == {
            "cold": "archived",
            **({"overwritten": "overwritten"} if versioning else {}),
        }


class _Amazon(LoopbackHandler):
    """A forward proxy that answers for Amazon: a page with an object that was restored and one that was not."""

    seen: ClassVar[list[dict[str, str]]] = []

    def respond(self) -> None:
        self.seen.append(self.header_map())
        told = "<RestoreStatus><IsRestoreInProgress>{}</IsRestoreInProgress></RestoreStatus>"
        rows = "".join(
            f"<{{row}}><Key>{key}</Key><Size>1</Size><ETag>x</ETag><StorageClass>GLACIER</StorageClass>"
            f"<VersionId>v</VersionId><IsLatest>true</IsLatest>{status}</{{row}}>"
            for key, status in (
                ("d/cold", ""),
                ("d/coming", told.format("true")),
                ("d/restored", told.format("false")),
            )
        )
        root, row = (
            ("ListVersionsResult", "Version")
            if "versions" in self.target
            else ("ListBucketResult", "Contents")
        )
        body = f"<{root}>{rows.format(row=row)}</{root}>".encode()
        self.write_head(200, {"Content-Length": str(len(body))})
        self.wfile.write(body)


def test_mend_11_lists_of_amazon_tell_what_is_restored() -> None:
    import boto3
    from botocore.config import Config

    server = LoopbackServer(_Amazon)

    def client() -> Any:
        return boto3.client(
            "s3",
            endpoint_url="http://s3.us-east-1.amazonaws.com",
            aws_access_key_id="AKIATEST",
            aws_secret_access_key="secret",
            region_name="us-east-1",
            config=Config(proxies={"http": server.url}, s3={"addressing_style": "path"}),
        )

    with serving(server):
        store = S3Store(client=client)
        assert store.capabilities().lists_restores
        for versions in (True, False):
            page = store.list_page(ListRequest(Location.parse("s3://bucket/d/"), versions=versions))
            told = {row.location.key: row.is_archived for row in page.rows}
            assert told == {"d/cold": True, "d/coming": True, "d/restored": False}
    asked = {seen.get("x-amz-optional-object-attributes") for seen in _Amazon.seen}
    assert asked == {"RestoreStatus"}


@pytest.mark.parametrize("kind", [None, "crc64nvme", "sha256"])
def test_mend_11_deep_compares_every_checksum_that_a_download_compares(
    s3_proxy: Any, stores: Stores, scan: Any, kind: str | None
) -> None:
    """A disk or a proxy alters the body and leaves the headers."""
    bucket = s3_proxy.direct.bucket("Enabled")
    sums: Any = {"ChecksumAlgorithm": kind.upper()} if kind else {}
    s3_proxy.direct.client.put_object(Bucket=bucket, Key="d/x", Body=b"recorded", **sums)
    scanned = scan(Reference(f"s3://{bucket}/d/", checksum=kind))
    assert check(scanned, stores, deep=True).ok
    s3_proxy.proxy.inject(Body(body=b"TAMPERED"), kind="get-object")
    assert check(scanned, stores).ok
    report = check(scanned, stores, deep=True)
    assert verdicts(report) == {"x": "changed"}
    assert (kind or "md5") in row(report, "x").detail


def test_mend_11_deep_takes_no_etag_under_kms_for_an_md5(
    s3_proxy: Any, stores: Stores, scan: Any
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.client.put_object(
        Bucket=bucket, Key="d/x", Body=b"recorded", ServerSideEncryption="aws:kms"
    )
    scanned = scan(f"s3://{bucket}/d/")
    s3_proxy.proxy.inject(Body(body=b"unsealed"), kind="get-object")
    assert check(scanned, stores, deep=True).ok


def test_object_from_before_versioning_is_kept_as_null(s3: Any, stores: Stores, scan: Any) -> None:
    bucket = s3.bucket()
    for name in ("deleted", "intact", "moved", "overwritten"):
        s3.put(bucket, f"d/{name}", name.encode())
    scanned = scan(f"s3://{bucket}/d/")
    s3.set_versioning(bucket, "Enabled")
    s3.client.delete_object(Bucket=bucket, Key="d/deleted")
    s3.put(bucket, "d/moved", b"moved")
    s3.put(bucket, "d/overwritten", b"other")
    report = check(scanned, stores)
    assert verdicts(report) == {
        "deleted": "deleted",
        "moved": "moved",
        "overwritten": "overwritten",
    }


def test_null_version_of_a_suspended_bucket_is_overwritten_for_good(
    s3: Any, stores: Stores, scan: Any
) -> None:
    bucket = s3.bucket("Suspended")
    s3.put(bucket, "d/x", b"one")
    scanned = scan(f"s3://{bucket}/d/")
    assert check(scanned, stores).ok
    s3.put(bucket, "d/x", b"two")
    assert verdicts(check(scanned, stores)) == {"x": "changed"}


def test_other_version_with_the_recorded_content_is_named(
    s3: Any, stores: Stores, scan: Any
) -> None:
    bucket = s3.bucket("Enabled")
    recorded = s3.put(bucket, "d/x", b"one")
    scanned = scan(f"s3://{bucket}/d/")
    again = s3.put(bucket, "d/x", b"one")
    s3.put(bucket, "d/x", b"two")
    s3.client.delete_object(Bucket=bucket, Key="d/x", VersionId=recorded)
    report = check(scanned, stores)
    assert verdicts(report) == {"x": "changed"}
    assert str(again) in row(report, "x").detail


def test_older_pins_are_tried_where_the_newest_are_not_intact(
    s3: Any, stores: Stores, scan: Any
) -> None:
    old, new = s3.bucket("Enabled"), s3.bucket("Enabled")
    for bucket in (old, new):
        for name in ("a", "b", "c"):
            s3.put(bucket, f"d/{name}", name.encode())
    older, newest = scan(f"s3://{old}/d/"), scan(f"s3://{new}/d/")
    assert older.manifest.digest == newest.manifest.digest
    s3.client.delete_object(Bucket=new, Key="d/a")
    s3.client.delete_object(Bucket=new, Key="d/b")
    s3.client.delete_object(Bucket=old, Key="d/b")
    assert verdicts(check(newest, stores)) == {"a": "deleted", "b": "deleted"}
    report = check(newest, stores, older=[(older.manifest, older.sources)])
    assert verdicts(report) == {"b": "deleted"}
    assert report.counts == {Verdict.INTACT: 2, Verdict.DELETED: 1}


def test_expired_old_version_is_found_at_the_refreshed_pin(
    s3: Any, stores: Stores, scan: Any
) -> None:
    bucket = s3.bucket("Enabled")
    first = s3.put(bucket, "d/a", b"a")
    older = scan(f"s3://{bucket}/d/")
    s3.put(bucket, "d/a", b"a")
    newest = scan(f"s3://{bucket}/d/")
    s3.client.delete_object(Bucket=bucket, Key="d/a", VersionId=first)
    assert check(newest, stores, older=[(older.manifest, older.sources)]).ok
    report = check(older, stores)
    assert verdicts(report) == {"a": "moved"}
    assert "log it again" in row(report, "a").detail


def test_single_objects_are_listed_together(s3_proxy: Any, stores: Stores, scan: Any) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    names = [f"some/{n}" for n in range(20)] + ["other/deep/down/x", "top"]
    for name in names:
        s3_proxy.direct.put(bucket, name, name.encode())
    scanned = scan(*(Reference(f"s3://{bucket}/{name}", name=name) for name in names))
    s3_proxy.direct.put(bucket, "some/7", b"newer")
    s3_proxy.direct.client.delete_object(Bucket=bucket, Key="top")
    s3_proxy.proxy.clear()
    report = check(scanned, stores)
    assert verdicts(report) == {"some/7": "overwritten", "top": "deleted"}
    assert report.counts[Verdict.INTACT] == 20
    assert report.added == 0
    # One page, and one more because this server leaves out the first row of a page with a start.
    assert s3_proxy.proxy.counts == {"list-versions": 2}


def test_one_object_costs_one_list_request_and_no_sibling_is_taken_for_it(
    s3_proxy: Any, stores: Stores, scan: Any
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    for name in ("data", "data/x", "data2"):
        s3_proxy.direct.put(bucket, name, name.encode())
    scanned = scan(Reference(bucket=bucket, key="data"))
    assert check(scanned, stores).ok
    s3_proxy.direct.client.delete_object(Bucket=bucket, Key="data")
    s3_proxy.proxy.clear()
    assert verdicts(check(scanned, stores)) == {"data": "deleted"}
    assert s3_proxy.proxy.counts == {"list-versions": 1}


def test_scattered_objects_skip_what_lies_between_them(gcs: Any, stores: Stores, scan: Any) -> None:
    bucket = gcs.bucket(versioning=True)
    for number in range(5_000):
        gcs.put(bucket, f"m/{number:05}", b"x")
    for name in ("a/first", "m/02500", "z/last", "z/missing"):
        gcs.put(bucket, name, b"x")
    scanned = scan(*(f"gs://{bucket}/{name}" for name in ("a/first", "z/last", "z/missing")))
    gcs.delete(bucket, "z/missing")
    gcs.requests.clear()
    report = check(scanned, stores)
    assert verdicts(report) == {"missing": "deleted"}
    assert report.counts[Verdict.INTACT] == 2
    assert gcs.counts["list-versions"] <= 3


def test_two_references_of_one_folder_are_one_answer(s3: Any, stores: Stores, scan: Any) -> None:
    bucket = s3.bucket("Enabled")
    for name in ("a.csv", "b.png", "sub/c.csv", "d.txt"):
        s3.put(bucket, f"d/{name}", name.encode())
    scanned = scan(
        Reference(f"s3://{bucket}/d/", include=["*.csv"]),
        Reference(f"s3://{bucket}/d/", include=["*.png"]),
        Reference(f"s3://{bucket}/d/sub/", name="sub"),
    )
    s3.put(bucket, "d/a.csv", b"newer")
    s3.put(bucket, "d/new.png", b"new")
    report = check(scanned, stores)
    assert verdicts(report) == {"a.csv": "overwritten"}
    assert report.counts == {Verdict.INTACT: 2, Verdict.OVERWRITTEN: 1}
    assert report.added_examples == (f"s3://{bucket}/d/new.png",)


def test_odd_keys_are_matched_with_their_rows(s3: Any, stores: Stores, scan: Any) -> None:
    bucket = s3.bucket("Enabled")
    keys = ["a b", "a#1", "a%20b", "a+b", "a//b", "a?versionId=x", "é", "\U0001f600", "a\\b"]
    for key in keys:
        s3.put(bucket, f"d/{key}", key.encode())
    scanned = scan(f"s3://{bucket}/d/")
    s3.put(bucket, "d/a?versionId=x", b"newer")
    report = check(scanned, stores)
    assert verdicts(report) == {"a?versionId=x": "overwritten"}
    assert report.counts[Verdict.INTACT] == len(keys) - 1
    assert report.added == 0


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


# Files


def folder(tmp_path: Path, **files: bytes) -> Path:
    root = tmp_path / "data"
    root.mkdir()
    for name, body in files.items():
        (root / name).write_bytes(body)
    return root


def test_files_are_compared_by_their_bytes(tmp_path: Path, stores: Stores, scan: Any) -> None:
    root = folder(tmp_path, changed=b"one", gone=b"gone", intact=b"intact", touched=b"touched")
    (root / "a b#é").write_bytes(b"odd")
    scanned = scan(f"{root}/")
    assert check(scanned, stores).ok
    (root / "changed").write_bytes(b"two")
    (root / "gone").unlink()
    os.utime(root / "touched", (1, 1))
    (root / "new").write_bytes(b"new")
    report = check(scanned, stores)
    assert verdicts(report) == {"changed": "changed", "gone": "gone"}
    assert report.counts[Verdict.INTACT] == 3
    assert report.added == 1


def test_missing_folder_is_gone(tmp_path: Path, stores: Stores, scan: Any) -> None:
    root = folder(tmp_path, x=b"x")
    scanned = scan(f"{root}/")
    (root / "x").unlink()
    root.rmdir()
    assert verdicts(check(scanned, stores)) == {"x": "gone"}


def test_single_file_is_verified_in_place(tmp_path: Path, stores: Stores, scan: Any) -> None:
    root = folder(tmp_path, x=b"x", y=b"y")
    scanned = scan(str(root / "x"), str(root / "y"))
    (root / "y").write_bytes(b"longer")
    assert verdicts(check(scanned, stores)) == {"y": "changed"}


def test_stat_checksum_believes_size_and_time_and_deep_does_too(
    tmp_path: Path, stores: Stores, scan: Any
) -> None:
    root = folder(tmp_path, x=b"one", y=b"one")
    scanned = scan(Reference(f"{root}/", checksum="stat"))
    before = (root / "x").stat()
    (root / "x").write_bytes(b"two")
    os.utime(root / "x", ns=(before.st_atime_ns, before.st_mtime_ns))
    (root / "y").write_bytes(b"three")
    report = check(scanned, stores)
    assert verdicts(report) == {"y": "changed"}


def test_deep_reads_files_again_past_the_stat_cache(
    tmp_path: Path, stores: Stores, scan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder(tmp_path, x=b"one", y=b"yes")
    scanned = scan(f"{root}/")
    lie = scanned.manifest.get("x")
    (root / "x").write_bytes(b"two")
    # What a stat cache would say that trusts a restored time: the recorded token.
    from landfast.stores.local import store as file_store

    monkeypatch.setattr(
        file_store,
        "sha256_of_file",
        lambda path, status, cache: (
            scanned.manifest.get(os.path.basename(os.fsdecode(path))).checksum.value,
            status,
        ),
    )
    assert check(scanned, stores).ok
    report = check(scanned, stores, deep=True)
    assert verdicts(report) == {"x": "changed"}
    assert "sha256" in row(report, "x").detail
    assert lie.checksum is not None
    assert lie.checksum.value not in row(report, "x").detail


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be nobody for a while: root may read everything."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(was)


def test_unreadable_file_is_denied_and_the_others_are_judged(stores: Stores, scan: Any) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        for file in ("a", "b", "c"):
            (root / file).write_bytes(file.encode())
        scanned = scan(Reference(f"{root}/", options={"stat_cache": False}))
        (root / "b").write_bytes(b"B")
        (root / "b").chmod(0)
        (root / "c").write_bytes(b"C")
        with unprivileged():
            report = check(scanned, stores)
    assert verdicts(report) == {"b": "denied", "c": "changed"}
    assert report.counts[Verdict.INTACT] == 1


def test_managed_files_are_looked_up_in_the_blob_store(tmp_path: Path) -> None:
    import hashlib

    blobs = LocalBlobStore(tmp_path / "blobs")
    rows = []
    for name in ("gone", "intact", "rotten"):
        file = tmp_path / name
        file.write_bytes(name.encode())
        sha256 = hashlib.sha256(name.encode()).hexdigest()
        blobs.put(file, sha256)
        rows.append(
            ManifestEntry(
                path=name,
                size=len(name),
                checksum=Checksum("sha256", sha256),
                uri=f"blob:sha256:{sha256}",
            )
        )
    manifest = MemoryManifest(rows)
    stores = Stores(blobs=blobs)
    assert verify(manifest, [], stores).ok
    gone, _, rotten = (hashlib.sha256(entry.path.encode()).hexdigest() for entry in rows)
    blobs.delete(gone)
    path = blobs.path(rotten)
    assert path is not None
    path.chmod(0o644)
    path.write_bytes(b"ROTTEN")
    assert verdicts(verify(manifest, [], stores)) == {"gone": "gone"}
    assert verdicts(verify(manifest, [], stores, deep=True)) == {
        "gone": "gone",
        "rotten": "changed",
    }


# What only own stores have


class Dated(FileStore):
    """Files that have versions: by their time, as some servers do, and with a validator only."""

    def capabilities(self) -> Capabilities:
        return replace(super().capabilities(), versions=True, in_place=False)

    def stat(
        self, location: Location, *, version_id: str | None = None, checksum: Any = None
    ) -> ObjectInfo:
        info = super().stat(location, checksum="stat")
        version = str(info.modified_at)
        if version_id not in {None, version}:
            raise NotFound(f"no version {version_id}")
        return replace(info, version_id=version, checksum=Checksum("own", "the same"))

    def list_page(self, request: ListRequest) -> Page:
        page = super().list_page(ListRequest(request.location))
        return Page(batches=[ObjectBatch.from_rows(self.stat(row.location) for row in page.rows)])


def test_validator_never_says_that_content_moved(tmp_path: Path, scan: Any) -> None:
    root = folder(tmp_path, x=b"one")
    stores = Stores(own={"file": Dated()})
    scanned = scan(f"{root}/", stores=stores)
    assert check(scanned, stores).ok
    os.utime(root / "x", (1, 1))
    report = check(scanned, stores)
    assert verdicts(report) == {"x": "unverifiable"}
    assert "own does not speak" in row(report, "x").detail


# HTTP


def test_http_objects_are_asked_about_one_by_one(
    http_script: Any, stores: Stores, scan: Any
) -> None:
    urls = {
        "changed": http_script.put("/changed", b"one"),
        "gone": http_script.put("/gone", b"gone"),
        "intact": http_script.put("/intact", b"intact"),
        "plain": http_script.put("/plain", b"no etag", etag=None),
        "plain2": http_script.put("/plain2", b"no etag", etag=None),
        "weak": http_script.put("/weak", b"weak", etag="weak", modified=1_700_000_000.0),
    }
    scanned = scan(*urls.values())
    assert check(scanned, stores).ok
    http_script.change("/changed", body=b"two")
    http_script.remove("/gone")
    http_script.change("/plain2", body=b"NO ETAG")
    http_script.requests.clear()
    report = check(scanned, stores)
    assert verdicts(report) == {"changed": "changed", "gone": "gone", "plain2": "changed"}
    assert http_script.methods("/intact") == ["HEAD"]


def test_http_answers_403_as_denied(http_script: Any, stores: Stores, scan: Any) -> None:
    url = http_script.put("/x", b"x")
    scanned = scan(url)
    http_script.change("/x", query={"token": "needed"})
    report = check(scanned, stores)
    assert verdicts(report) == {"x": "denied"}
    assert len(report.denials) == 1


def test_http_validator_is_never_moved(http_script: Any, stores: Stores, scan: Any) -> None:
    scanned = scan(http_script.put("/x", b"x"))
    http_script.change("/x", body=b"y")
    assert verdicts(check(scanned, stores)) == {"x": "changed"}
    http_script.change("/x", body=b"x")
    assert check(scanned, stores).ok


def test_http_server_that_stops_sending_etags_cannot_be_verified(
    http_script: Any, stores: Stores, scan: Any
) -> None:
    scanned = scan(http_script.put("/x", b"x"))
    http_script.change("/x", etag=None)
    report = check(scanned, stores)
    assert verdicts(report) == {"x": "unverifiable"}
    assert "http-etag" in row(report, "x").detail


# Google Cloud Storage


def test_versioned_gcs_bucket_shows_what_became_of_every_object(
    gcs: Any, stores: Stores, scan: Any
) -> None:
    bucket = gcs.bucket(versioning=True)
    names = ["changed", "deleted", "gone", "intact", "moved", "overwritten"]
    first = {name: gcs.put(bucket, f"d/{name}", name.encode()) for name in names}
    scanned = scan(f"gs://{bucket}/d/")
    gcs.put(bucket, "d/changed", b"other")
    gcs.delete(bucket, "d/changed", first["changed"])
    gcs.delete(bucket, "d/deleted")
    gcs.delete(bucket, "d/gone", first["gone"])
    gcs.put(bucket, "d/moved", b"moved")
    gcs.put(bucket, "d/overwritten", b"newer")
    gcs.put(bucket, "d/new", b"new")
    gcs.requests.clear()
    report = check(scanned, stores)
    assert verdicts(report) == {name: name for name in names if name != "intact"}
    assert report.added == 1
    assert gcs.counts == {"list-versions": 1}


def test_unversioned_gcs_bucket_has_nothing_to_fall_back_to(
    gcs: Any, stores: Stores, scan: Any
) -> None:
    bucket = gcs.bucket()
    for name in ("changed", "gone", "intact", "moved"):
        gcs.put(bucket, f"d/{name}", name.encode())
    scanned = scan(f"gs://{bucket}/d/")
    gcs.put(bucket, "d/changed", b"other")
    gcs.delete(bucket, "d/gone")
    gcs.put(bucket, "d/moved", b"moved")
    report = check(scanned, stores)
    assert verdicts(report) == {"changed": "changed", "gone": "gone", "moved": "moved"}


def test_denied_gcs_bucket_names_the_permission(gcs: Any, stores: Stores, scan: Any) -> None:
    bucket = gcs.bucket(versioning=True)
    gcs.put(bucket, "d/x", b"x")
    scanned = scan(f"gs://{bucket}/d/")
    gcs.deny("storage.objects.list")
    report = check(scanned, stores)
    assert verdicts(report) == {"x": "denied"}
    assert report.denials[0].permission == "storage.objects.list"


# Whatever fsspec opens


@pytest.mark.parametrize("checksum", ["sha256", False])
def test_places_that_fsspec_opens_are_verified(stores: Stores, scan: Any, checksum: Any) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    for name in ("b/2", "a/1", "c", "single"):
        memory.pipe_file(f"/verify/{name}", name.encode())
    scanned = scan(
        Reference("memory://verify/", name="all", checksum=checksum),
        Reference("memory://verify/single", checksum=checksum),
    )
    assert check(scanned, stores).worst is (Verdict.INTACT if checksum else Verdict.UNVERIFIABLE)
    memory.pipe_file("/verify/c", b"longer than before")
    memory.rm_file("/verify/a/1")
    memory.rm_file("/verify/single")
    memory.pipe_file("/verify/new", b"new")
    report = check(scanned, stores)
    told = verdicts(report)
    assert told.pop("all/a/1") == told.pop("all/single") == told.pop("single") == "gone"
    assert told.pop("all/c") == "changed"
    assert told == ({} if checksum else {"all/b/2": "unverifiable"})
    assert report.added == 1
    memory.store.clear()


# All of them


def readable(stores: Stores, entry: ManifestEntry) -> bool:
    """Whether the recorded bytes come under the recorded pins."""
    location = Location.parse(entry.uri, pins=False)
    pin = Pin(
        location=location,
        version_id=entry.version_id,
        etag=entry.etag,
        size=entry.size,
        checksum=entry.checksum,
    )
    try:
        with stores.at(location).open(pin) as reader:
            return b"".join(reader) == entry.path.encode()
    except (NotFound, ObjectChanged):
        return False


def shake(chance: random.Random, server: Any, bucket: str, keys: list[str]) -> None:
    """Do something to some of the keys."""
    for key in keys:
        for _ in range(chance.randint(0, 3)):
            match chance.choice(["same", "other", "delete", "versioning", "expire"]):
                case "same":
                    server.put(bucket, f"d/{key}", key.encode())
                case "other":
                    server.put(bucket, f"d/{key}", f"other {chance.random()}".encode())
                case "delete":
                    server.remove(bucket, f"d/{key}")
                case "versioning":
                    server.switch(bucket, chance.choice([True, False]))
                case "expire":
                    server.expire(bucket, f"d/{key}")


class S3Hand:
    """Changes objects; suspends versioning only where `suspends`: moto then breaks its own state."""

    suspends = True

    def __init__(self, server: Any, chance: random.Random) -> None:
        self.server, self.chance, self.put = server, chance, server.put

    def bucket(self) -> str:
        states = [None, "Enabled", "Suspended"] if self.suspends else [None, "Enabled"]
        return f"s3://{self.server.bucket(self.chance.choice(states))}/"

    def remove(self, bucket: str, key: str, **version: str) -> None:
        self.server.client.delete_object(Bucket=bucket, Key=key, **version)

    def switch(self, bucket: str, on: bool) -> None:
        on = on or not self.suspends
        self.server.set_versioning(bucket, "Enabled" if on else "Suspended")

    def expire(self, bucket: str, key: str) -> None:
        found = self.server.client.list_object_versions(Bucket=bucket, Prefix=key)
        rows = [row for row in found.get("Versions", ()) if row["Key"] == key]
        if rows:
            self.remove(bucket, key, VersionId=self.chance.choice(rows)["VersionId"])


class MotoHand(S3Hand):
    suspends = False


class GcsHand:
    def __init__(self, server: Any, chance: random.Random) -> None:
        self.server, self.chance, self.put = server, chance, server.put

    def bucket(self) -> str:
        return f"gs://{self.server.bucket(versioning=self.chance.choice([True, False]))}/"

    def remove(self, bucket: str, key: str) -> None:
        with suppress(Exception):
            self.server.delete(bucket, key)

    def switch(self, bucket: str, on: bool) -> None:
        self.server.set_versioning(bucket, enabled=on)

    def expire(self, bucket: str, key: str) -> None:
        blobs = list(self.server.client.list_blobs(bucket, prefix=key, versions=True))
        if blobs:
            self.server.delete(bucket, key, str(self.chance.choice(blobs).generation))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("fixture", "hand"),
    [
        ("s3", MotoHand),
        ("gcs", GcsHand),
        pytest.param("radosgw", S3Hand, marks=pytest.mark.system),
    ],
)
def test_verdicts_agree_with_what_can_be_read(
    request: pytest.FixtureRequest, stores: Stores, scan: Any, fixture: str, hand: Any, seed: int
) -> None:
    chance = random.Random(seed)
    server = hand(request.getfixturevalue(fixture), chance)
    place = server.bucket()
    bucket = Location.parse(place).authority
    keys = [f"k{n}" for n in range(10)]
    for key in keys:
        server.put(bucket, f"d/{key}", key.encode())
    scanned = scan(f"{place}d/")
    shake(chance, server, bucket, keys)
    report = check(scanned, stores)
    told = verdicts(report)
    for entry in scanned.manifest.entries():
        verdict = told.get(entry.path, "intact")
        can = readable(stores, entry)
        if verdict in {"intact", "overwritten", "deleted"}:
            assert can, (entry, verdict)
        elif verdict in {"changed", "gone"}:
            assert not can, (entry, verdict)
        else:
            assert verdict == "moved"
            now = stores.at(Location.parse(entry.uri)).stat(Location.parse(entry.uri))
            assert (now.checksum, now.size) == (entry.checksum, entry.size)
            assert now.version_id != entry.version_id


def test_sources_of_every_kind_are_verified_together(
    s3: Any, http_script: Any, tmp_path: Path, stores: Stores, scan: Any
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"x")
    root = folder(tmp_path, x=b"x")
    scanned = scan(
        Reference(f"s3://{bucket}/d/", name="s3"),
        Reference(f"{root}/", name="file"),
        Reference(http_script.put("/x", b"x"), name="http/x"),
    )
    assert check(scanned, stores).counts == {Verdict.INTACT: 3}
    s3.put(bucket, "d/x", b"y")
    (root / "x").write_bytes(b"y")
    http_script.remove("/x")
    assert verdicts(check(scanned, stores)) == {
        "s3/x": "overwritten",
        "file/x": "changed",
        "http/x": "gone",
    }


def test_entries_of_no_recorded_source_are_found_by_their_own_uri(
    s3: Any, stores: Stores, scan: Any
) -> None:
    bucket = s3.bucket("Enabled")
    for name in ("a", "b", "sub/c"):
        s3.put(bucket, f"d/{name}", name.encode())
    scanned = scan(f"s3://{bucket}/d/")
    copied = MemoryManifest(
        replace(entry, path=f"else/{entry.path}") for entry in scanned.manifest.entries()
    )
    s3.put(bucket, "d/b", b"newer")
    report = verify(copied, [], stores, any_endpoint=True)
    assert verdicts(report) == {"else/b": "overwritten"}
    assert report.counts[Verdict.INTACT] == 2


def test_version_without_entries_is_ok(stores: Stores) -> None:
    report = verify(MemoryManifest([]), [], stores)
    assert (report.ok, report.exit_code, report.summary) == (True, 0, "no entries")
