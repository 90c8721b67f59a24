"""Downloads of what has changed, or is missing, at the source."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from kit.gcs_server import GcsServer
from kit.servers.faults import Status
from kit.servers.moto import Moto
from kit.servers.scripted import Scripted
from landfast.cache import BlobCache
from landfast.errors import (
    NotFound,
    ObjectChanged,
    Unavailable,
)
from landfast.model.reference import Reference

from tests.core.download.downloads import MEBIBYTE, Download, tree

# What has changed at the source


def test_overwritten_object_of_a_versioned_bucket_comes_as_recorded(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"recorded")
    s3.put(bucket, "d/y", b"deleted later")
    scanned = scan(f"s3://{bucket}/d/")
    s3.put(bucket, "d/x", b"OVERWROT")
    s3.client.delete_object(Bucket=bucket, Key="d/y")
    get(scanned)
    assert tree(root) == {"x": b"recorded", "y": b"deleted later"}


def test_overwritten_object_without_versions_is_object_changed(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket()
    s3.put(bucket, "d/x", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    s3.put(bucket, "d/x", b"OVERWROT")
    with pytest.raises(ObjectChanged, match="d/x"):
        get(scanned)
    assert tree(root) == {}


def test_overwritten_object_comes_from_the_cache(
    s3: Moto, scan: Any, get: Download, root: Path, cache: BlobCache
) -> None:
    bucket = s3.bucket()
    s3.put(bucket, "d/x", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    get(scanned, cache=cache)
    shutil.rmtree(root)
    s3.put(bucket, "d/x", b"OVERWROT")
    report = get(scanned, cache=cache)
    assert (report.from_cache, report.fetched) == (1, 0)
    assert tree(root) == {"x": b"recorded"}


def test_null_version_of_a_suspended_bucket_is_object_changed_when_overwritten(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.set_versioning(bucket, "Suspended")
    s3.put(bucket, "d/x", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    s3.put(bucket, "d/x", b"OVERWROT")
    with pytest.raises(ObjectChanged):
        get(scanned)
    assert tree(root) == {}


def test_version_that_was_deleted_for_good_is_not_found_and_named(
    s3: Moto, scan: Any, get: Download
) -> None:
    bucket = s3.bucket("Enabled")
    version = s3.put(bucket, "d/x", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    s3.put(bucket, "d/x", b"newer")
    s3.client.delete_object(Bucket=bucket, Key="d/x", VersionId=version)
    with pytest.raises(NotFound) as caught:
        get(scanned)
    assert str(version) in str(caught.value)


def test_refreshed_pin_is_used_when_the_old_version_expired(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    old = s3.put(bucket, "d/x", b"same bytes")
    first = scan(f"s3://{bucket}/d/")
    s3.put(bucket, "d/x", b"same bytes")
    second = scan(f"s3://{bucket}/d/")
    assert first.manifest.digest == second.manifest.digest
    assert first.manifest.pin_digest != second.manifest.pin_digest
    s3.client.delete_object(Bucket=bucket, Key="d/x", VersionId=old)
    get(second, first)
    assert tree(root) == {"x": b"same bytes"}


def test_older_pin_is_used_when_the_newest_is_gone(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"same bytes")
    first = scan(f"s3://{bucket}/d/")
    new = s3.put(bucket, "d/x", b"same bytes")
    second = scan(f"s3://{bucket}/d/")
    s3.client.delete_object(Bucket=bucket, Key="d/x", VersionId=new)
    get(second, first)
    assert tree(root) == {"x": b"same bytes"}


def test_newer_pins_are_never_used_without_a_content_token(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    """A same-size overwrite under checksum=False cannot be told from the recorded bytes."""
    bucket = s3.bucket()
    s3.put(bucket, "d/x", b"recorded")
    reference = Reference(f"s3://{bucket}/d/", checksum=False)
    first = scan(reference)
    s3.put(bucket, "d/x", b"OVERWROT")
    second = scan(reference)
    with pytest.raises(ObjectChanged):
        get(second, first)
    assert tree(root) == {}


def test_gcs_generation_is_read_after_an_overwrite(
    gcs: GcsServer, scan: Any, get: Download, root: Path
) -> None:
    bucket = gcs.bucket(versioning=True)
    gcs.put(bucket, "d/x", b"recorded")
    scanned = scan(f"gs://{bucket}/d/")
    gcs.put(bucket, "d/x", b"OVERWROT")
    report = get(scanned)
    assert tree(root) == {"x": b"recorded"}
    assert (report.unverified, report.opaque) == (0, 0)


def test_gcs_object_without_generations_is_object_changed_or_gone(
    gcs: GcsServer, scan: Any, get: Download, root: Path
) -> None:
    bucket = gcs.bucket()
    gcs.put(bucket, "d/x", b"recorded")
    scanned = scan(f"gs://{bucket}/d/")
    gcs.put(bucket, "d/x", b"OVERWROT")
    with pytest.raises((NotFound, ObjectChanged)):
        get(scanned)
    assert tree(root) == {}


def test_overwritten_file_is_object_changed_or_comes_from_the_cache(
    scan: Any, get: Download, root: Path, tmp_path: Path, cache: BlobCache
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "x").write_bytes(b"recorded")
    scanned = scan(f"{source}/")
    (source / "x").write_bytes(b"OVERWROT")
    with pytest.raises(ObjectChanged, match="sha256:"):
        get(scanned, cache=cache)
    assert tree(root) == {}
    (tmp_path / "kept").write_bytes(b"recorded")
    assert cache.add(tmp_path / "kept", hashlib.sha256(b"recorded").hexdigest())
    report = get(scanned, cache=cache)
    assert tree(root) == {"x": b"recorded"}
    assert report.from_cache == 1


def test_files_are_not_put_into_the_cache(
    scan: Any, get: Download, tmp_path: Path, cache: BlobCache
) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "x").write_bytes(b"local")
    get(scan(f"{tmp_path}/source/"), cache=cache)
    assert cache.usage().count == 0


def test_same_size_rewrite_of_an_unverified_file_is_object_changed(
    scan: Any, get: Download, tmp_path: Path
) -> None:
    path = tmp_path / "source" / "x"
    path.parent.mkdir()
    path.write_bytes(b"recorded")
    os.utime(path, (1_600_000_000, 1_600_000_000))
    scanned = scan(Reference(f"{path.parent}/", checksum=False))
    path.write_bytes(b"OVERWROT")
    with pytest.raises(ObjectChanged, match="was changed after"):
        get(scanned)


def test_unverified_entries_come_and_are_told(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"recorded")
    report = get(scan(Reference(f"s3://{bucket}/d/", checksum=False)))
    assert tree(root) == {"x": b"recorded"}
    assert report.unverified == 1


def test_multipart_etag_is_told_as_opaque(s3: Moto, scan: Any, get: Download, root: Path) -> None:
    bucket, client = s3.bucket("Enabled"), s3.client
    upload = client.create_multipart_upload(Bucket=bucket, Key="d/x")["UploadId"]
    parts = []
    for number, data in enumerate([b"a" * 5 * MEBIBYTE, b"b"], 1):
        reply = client.upload_part(
            Bucket=bucket, Key="d/x", UploadId=upload, PartNumber=number, Body=data
        )
        parts.append({"PartNumber": number, "ETag": reply["ETag"]})
    client.complete_multipart_upload(
        Bucket=bucket, Key="d/x", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    report = get(scan(f"s3://{bucket}/d/"))
    assert (report.opaque, report.unverified) == (1, 0)
    assert tree(root)["x"] == b"a" * 5 * MEBIBYTE + b"b"


def test_http_file_without_etag_is_checked_by_its_sha256(
    http_script: Scripted, scan: Any, get: Download, root: Path
) -> None:
    url = http_script.put("/x.bin", b"recorded", etag=None)
    scanned = scan(url)
    get(scanned)
    assert tree(root) == {"x.bin": b"recorded"}
    shutil.rmtree(root)
    http_script.put("/x.bin", b"OVERWROT", etag=None)
    with pytest.raises(ObjectChanged):
        get(scanned)
    assert tree(root) == {}


def test_stripped_signature_is_named_when_the_server_refuses(
    http_script: Scripted, scan: Any, get: Download
) -> None:
    url = http_script.put("/x.bin", b"recorded", query={"X-Amz-Signature": "s3cr3t"})
    scanned = scan(url + "?X-Amz-Signature=s3cr3t")
    with pytest.raises(Exception, match=r"\(X-Amz-Signature\) were not recorded") as caught:
        get(scanned)
    assert "s3cr3t" not in str(caught.value)


# What is missing


def test_allow_missing_reports_every_kind_and_writes_the_rest(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket()
    for name in ["changed", "gone", "here"]:
        s3.put(bucket, f"d/{name}", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    s3.put(bucket, "d/changed", b"OVERWROT")
    s3.client.delete_object(Bucket=bucket, Key="d/gone")
    report = get(scanned, allow_missing=True)
    assert tree(root) == {"here": b"recorded"}
    assert [(file.path, file.reason) for file in report.missing] == [
        ("changed", "ObjectChanged"),
        ("gone", "NotFound"),
    ]
    assert all(f"s3://{bucket}/d/{file.path}" == file.uri for file in report.missing)
    assert report.files == 1


def test_allow_missing_covers_an_archived_object(
    s3_proxy: Any, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/cold", b"cold")
    s3_proxy.direct.put(bucket, "d/warm", b"warm")
    scanned = scan(f"s3://{bucket}/d/")
    s3_proxy.proxy.inject(
        Status(status=403, code="InvalidObjectState"),
        kind="get-object",
        when=lambda request: "cold" in request.target,
    )
    report = get(scanned, allow_missing=True)
    assert [(file.path, file.reason) for file in report.missing] == [("cold", "Archived")]
    assert tree(root) == {"warm": b"warm"}


def test_outage_is_not_taken_for_missing(s3_proxy: Any, scan: Any, get: Download) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"x")
    scanned = scan(f"s3://{bucket}/d/")
    s3_proxy.proxy.inject(Status(status=503), kind="get-object")
    with pytest.raises(Unavailable):
        get(scanned, allow_missing=True)
