"""Verify objects of S3: what became of every one, by list pages."""

import json
from typing import Any, ClassVar

import pytest
from kit.servers.faults import Body
from kit.servers.loopback import LoopbackHandler, LoopbackServer, serving
from landfast.model.location import Location
from landfast.model.reference import Reference
from landfast.model.verdict import Verdict
from landfast.stores.base import ListRequest
from landfast.stores.opener import Stores
from landfast.stores.s3 import S3Store

from tests.core.verify.reports import check, row, verdicts

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
