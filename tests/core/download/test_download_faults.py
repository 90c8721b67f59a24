"""Downloads over faults on the way."""

import os
from pathlib import Path
from typing import Any

import pytest
from kit.gcs_server import GcsServer
from kit.servers.exchange import http_kind
from kit.servers.faults import Body, Delay, Reset, Status, Truncate
from kit.servers.proxy import proxy
from kit.servers.s3 import S3Server
from kit.servers.scripted import Scripted
from landfast.errors import (
    NotFound,
    ObjectChanged,
    Unavailable,
)
from landfast.model.reference import Reference
from landfast.stores.opener import Stores

from tests.core.download.downloads import MEBIBYTE, Download, tree

# Faults on the way


def test_cut_bodies_are_continued_where_they_ended(
    s3_proxy: Any, scan: Any, get: Download, root: Path
) -> None:
    bucket, data = s3_proxy.direct.bucket("Enabled"), os.urandom(5 * MEBIBYTE)
    s3_proxy.direct.put(bucket, "d/x", data)
    scanned = scan(f"s3://{bucket}/d/")
    s3_proxy.proxy.inject(Truncate(keep=MEBIBYTE + 17), kind="get-object", at=range(1, 4))
    report = get(scanned)
    assert tree(root) == {"x": data}
    ranges = [r.headers.get("range") for r in s3_proxy.proxy.of("get-object")]
    assert len(ranges) == 4
    assert ranges[0] is None
    assert all(ranges[1:])
    assert report.fetched_bytes == len(data)


def test_reset_connections_are_asked_again(
    s3_proxy: Any, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"bytes")
    scanned = scan(f"s3://{bucket}/d/")
    s3_proxy.proxy.inject(Reset(), kind="get-object", at=1)
    get(scanned)
    assert tree(root) == {"x": b"bytes"}


def test_a_server_that_is_asked_too_often_is_asked_for_less_at_once(
    s3_proxy: Any, scan: Any, get: Download, root: Path, stores: Stores
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    files = {f"file{number}": b"%d" % number for number in range(40)}
    for name, data in files.items():
        s3_proxy.direct.put(bucket, f"d/{name}", data)
    scanned = scan(f"s3://{bucket}/d/")
    s3_proxy.proxy.inject(Status(status=503, code="SlowDown"), kind="get-object", at=3)
    get(scanned, workers=16)
    assert tree(root) == files
    assert min(store.pace().limit for store in stores._made.values()) < 16


def test_body_that_an_opaque_token_does_not_prove_is_told(
    s3_proxy: Any, scan: Any, get: Download, root: Path
) -> None:
    """A proxy on the way alters the body and leaves the headers."""
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.client.put_object(
        Bucket=bucket, Key="d/x", Body=b"recorded", ServerSideEncryption="aws:kms"
    )
    scanned = scan(Reference(f"s3://{bucket}/d/"))
    s3_proxy.proxy.inject(Body(body=b"TAMPERED"), kind="get-object")
    # Under KMS an ETag is no MD5, so it proves and never refutes: the report says so.
    assert get(scanned).opaque == 1


def test_tampered_body_of_an_object_without_kms_is_object_changed(
    s3_proxy: Any, scan: Any, get: Download, root: Path
) -> None:
    """The ETag of one piece is the MD5 of its bytes, unless the reply says otherwise."""
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"recorded")
    scanned = scan(Reference(f"s3://{bucket}/d/"))
    s3_proxy.proxy.inject(Body(body=b"TAMPERED"), kind="get-object")
    with pytest.raises(ObjectChanged, match="md5:"):
        get(scanned)
    assert tree(root) == {}


def test_tampered_body_with_a_computable_token_is_object_changed(
    gcs: GcsServer, scan: Any, get: Download, root: Path
) -> None:
    bucket = gcs.bucket(versioning=True)
    gcs.put(bucket, "d/x", b"recorded")
    scanned = scan(f"gs://{bucket}/d/")
    gcs.inject(Body(body=b"TAMPERED"), kind="get-object")
    with pytest.raises(ObjectChanged, match="md5:"):
        get(scanned)
    assert tree(root) == {}


FAULTS = {
    "403": (Status(status=403, code="AccessDenied"), PermissionError),
    "404": (Status(status=404, code="NoSuchKey"), NotFound),
    "429": (Status(status=429, code="SlowDown"), None),
    "500": (Status(status=500, code="InternalError"), None),
    "503": (Status(status=503, code="SlowDown"), None),
    "slow": (Delay(seconds=0.3), None),
    "cut": (Truncate(keep=40_000), None),
    "empty": (Truncate(keep=0), None),
    "reset": (Reset(), None),
    "reset after": (Reset(after_server=True), None),
    "other bytes, shorter": (Body(body=b"nonsense"), (ObjectChanged, Unavailable)),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("how_often", ["once", "always"])
def test_fault_is_overcome_or_a_typed_error_and_never_a_wrong_file(
    s3_proxy: Any, scan: Any, get: Download, root: Path, name: str, how_often: str
) -> None:
    bucket, data = s3_proxy.direct.bucket("Enabled"), os.urandom(100_000)
    s3_proxy.direct.put(bucket, "d/x", data)
    scanned = scan(f"s3://{bucket}/d/")
    fault, error = FAULTS[name]
    rule = s3_proxy.proxy.inject(fault, kind="get-object", at=1 if how_often == "once" else None)
    if how_often == "once":
        error = None  # the current object is the recorded one
    if how_often == "always" and name not in {"slow", "cut"}:
        error = error or Unavailable
    if error is None:
        get(scanned)
        assert tree(root) == {"x": data}
    else:
        with pytest.raises(error, match="d/x"):
            get(scanned)
        assert tree(root) == {}
    assert rule.hits >= 1


def test_first_error_leaves_no_unfinished_file_under_a_name(
    s3_proxy: Any, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    for n in range(30):
        s3_proxy.direct.put(bucket, f"d/{n:02}", b"%d" % n * 1000)
    scanned = scan(f"s3://{bucket}/d/")
    s3_proxy.proxy.inject(
        Status(status=403, code="AccessDenied"),
        kind="get-object",
        when=lambda request: "/15" in request.target,
    )
    with pytest.raises(PermissionError, match="d/15"):
        get(scanned, workers=4)
    for name, data in tree(root).items():
        assert data == b"%d" % int(name) * 1000
    s3_proxy.proxy.clear()
    get(scanned)
    assert len(tree(root)) == 30


def test_server_without_ranges_is_read_from_the_beginning_again(
    http_script: Scripted, scan: Any, get: Download, root: Path
) -> None:
    data = os.urandom(3 * MEBIBYTE)
    http_script.put("/x.bin", data, ranges=False)
    with proxy(http_script.url, classify=http_kind) as front:
        scanned = scan(f"{front.url}/x.bin")
        front.inject(Truncate(keep=2 * MEBIBYTE), kind="get", at=front.counts["get"] + 1)
        report = get(scanned)
    assert tree(root) == {"x.bin": data}
    assert report.files == 1


def test_server_that_gives_the_latest_for_any_version_is_not_believed(
    s3rver_server: S3Server,
    scan: Any,
    get: Download,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in s3rver_server.environment().items():
        monkeypatch.setenv(name, value)
    bucket = s3rver_server.bucket()
    s3rver_server.put(bucket, "d/x", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    s3rver_server.put(bucket, "d/x", b"OVERWROT")
    with pytest.raises(ObjectChanged):
        get(scanned)
    assert tree(root) == {}


@pytest.mark.system
def test_ceph_gives_recorded_versions_after_overwrite_and_deletion(
    radosgw: S3Server, scan: Any, get: Download, root: Path
) -> None:
    bucket = radosgw.bucket("Enabled")
    for name in "xyz":
        radosgw.put(bucket, f"d/{name}", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    radosgw.put(bucket, "d/x", b"OVERWROT")
    radosgw.client.delete_object(Bucket=bucket, Key="d/y")
    get(scanned)
    assert tree(root) == dict.fromkeys("xyz", b"recorded")


@pytest.mark.system
def test_ceph_null_version_is_object_changed_when_overwritten(
    radosgw: S3Server, scan: Any, get: Download, root: Path
) -> None:
    bucket = radosgw.bucket("Enabled")
    radosgw.set_versioning(bucket, "Suspended")
    radosgw.put(bucket, "d/x", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    assert scanned.manifest.get("x").version_id == "null"
    radosgw.put(bucket, "d/x", b"OVERWROT")
    with pytest.raises(ObjectChanged):
        get(scanned)
    assert tree(root) == {}
