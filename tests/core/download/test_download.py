"""A download writes the recorded bytes under their names, or says why not; on real servers."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kit.gcs_server import GcsServer
from kit.servers.exchange import http_kind
from kit.servers.faults import Body, Delay, Reset, Status, Truncate
from kit.servers.moto import Moto
from kit.servers.proxy import proxy
from kit.servers.s3 import S3Server
from kit.servers.scripted import Scripted
from landfast.cache import BlobCache
from landfast.download.open import open_entry, path_in_place
from landfast.download.run import DownloadReport, download
from landfast.errors import (
    AccessDenied,
    Conflict,
    InvalidInput,
    NotFound,
    ObjectChanged,
    Unavailable,
)
from landfast.model.reference import Reference
from landfast.pins.sets import PinSets
from landfast.stores.opener import Stores

Download = Callable[..., DownloadReport]
MEBIBYTE = 1 << 20


def tree(root: Path) -> dict[str, bytes]:
    """Read every file below a folder but the marker's."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.relative_to(root).parts[0] != ".landfast"
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "target"


@pytest.fixture
def cache(tmp_path: Path) -> BlobCache:
    return BlobCache(tmp_path / "cache")


@pytest.fixture
def get(stores: Stores, root: Path) -> Download:
    """Download scans into `root`, newest pins first; without a cache unless one is given."""

    def get(*scans: Any, **options: Any) -> DownloadReport:
        usual = {"stores": stores, "cache": None, "identity": "e/p/c:v0 lf1:0", "root": root}
        sets = [(scan.manifest, scan.sources) for scan in scans]
        return download(sets, **usual | options)

    return get


def read(scan: Any, path: str, stores: Stores, cache: BlobCache | None = None) -> bytes:
    pins = PinSets([(scan.manifest, scan.sources)], stores)
    with open_entry(pins, scan.manifest.get(path), cache=cache) as stream:
        return stream.read()


# Whole and in part


def test_every_file_comes_with_its_bytes(s3: Moto, scan: Any, get: Download, root: Path) -> None:
    bucket = s3.bucket("Enabled")
    files = {"a.txt": b"a", "empty": b"", "deep/er/b": b"b" * 3_000_000, "é #1?x%20": b"odd"}
    for name, data in files.items():
        s3.put(bucket, f"data/{name}", data)
    report = get(scan(f"s3://{bucket}/data/"))
    assert tree(root) == files
    assert (report.files, report.bytes) == (4, 3_000_004)
    assert (report.fetched, report.from_cache, report.already_there) == (4, 0, 0)
    assert report.fetched_bytes == 3_000_004
    assert (report.missing, report.unverified, report.opaque) == ([], 0, 0)
    assert json.loads(json.dumps(report.to_dict()))["files"] == 4


def test_folder_holds_nothing_else_but_its_marker(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "data/x", b"x")
    get(scan(f"s3://{bucket}/data/"))
    left = {path.relative_to(root).as_posix() for path in root.rglob("*")}
    assert left == {"x", ".landfast", ".landfast/identity.json", ".landfast/state.sqlite3"}


def test_paths_and_globs_select(s3: Moto, scan: Any, get: Download, root: Path) -> None:
    bucket = s3.bucket()
    for name in ["a/1.csv", "a/2.txt", "a/b/3.csv", "ab/4.csv", "c"]:
        s3.put(bucket, f"data/{name}", name.encode())
    scanned = scan(f"s3://{bucket}/data/")

    def names(**selected: Any) -> list[str]:
        shutil.rmtree(root, ignore_errors=True)
        get(scanned, **selected)
        return list(tree(root))

    assert names(paths=["a"]) == ["a/1.csv", "a/2.txt", "a/b/3.csv"]
    assert names(paths=["a/", "a/b", "c"]) == ["a/1.csv", "a/2.txt", "a/b/3.csv", "c"]
    assert names(paths="c") == ["c"]
    assert names(include=["a/*.csv"]) == ["a/1.csv"]
    assert names(include=["**/*.csv"], exclude=["a/b/**"]) == ["a/1.csv", "ab/4.csv"]
    assert names(paths=["a"], exclude=["**/*.csv"]) == ["a/2.txt"]


def test_selecting_nothing_is_an_error(s3: Moto, scan: Any, get: Download, root: Path) -> None:
    bucket = s3.bucket()
    s3.put(bucket, "data/x", b"x")
    scanned = scan(f"s3://{bucket}/data/")
    with pytest.raises(NotFound, match="no file or folder 'y'"):
        get(scanned, paths=["x", "y"])
    with pytest.raises(NotFound, match="no file of the version is selected"):
        get(scanned, include=["*.csv"])
    assert not root.exists()


def test_a_part_then_the_rest_fetches_each_file_once(
    s3_proxy: Any, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    for n in range(4):
        s3_proxy.direct.put(bucket, f"data/{n}", b"%d" % n)
    scanned = scan(f"s3://{bucket}/data/")
    get(scanned, paths=["1", "2"])
    report = get(scanned)
    assert s3_proxy.proxy.counts["get-object"] == 4
    assert (report.fetched, report.already_there) == (2, 2)
    assert len(tree(root)) == 4


@pytest.mark.parametrize("workers", [1, 3, 40])
def test_many_files_come_with_any_number_of_workers(
    s3: Moto, scan: Any, get: Download, root: Path, workers: int
) -> None:
    bucket = s3.bucket()
    files = {f"{n % 5}/{n:03}": b"%d" % n for n in range(120)}
    for name, data in files.items():
        s3.put(bucket, f"d/{name}", data)
    seen: list[tuple[int, int | None]] = []
    scanned = scan(f"s3://{bucket}/d/")
    get(scanned, workers=workers, progress=lambda *done: seen.append(done))
    assert tree(root) == files
    total = sum(map(len, files.values()))
    assert seen[-1] == (total, total)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


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
    with pytest.raises(ObjectChanged, match="was written to since"):
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
    assert [(file.path, file.reason) for file in report.missing] == [("cold", "AccessDenied")]
    assert tree(root) == {"warm": b"warm"}


def test_outage_is_not_taken_for_missing(s3_proxy: Any, scan: Any, get: Download) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"x")
    scanned = scan(f"s3://{bucket}/d/")
    s3_proxy.proxy.inject(Status(status=503), kind="get-object")
    with pytest.raises(Unavailable):
        get(scanned, allow_missing=True)


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


def test_body_that_an_opaque_token_does_not_prove_is_told(
    s3_proxy: Any, scan: Any, get: Download, root: Path
) -> None:
    """A proxy on the way alters the body and leaves the headers."""
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(
        bucket,
        "d/x",
        b"recorded",
    )
    scanned = scan(Reference(f"s3://{bucket}/d/"))
    s3_proxy.proxy.inject(Body(body=b"TAMPERED"), kind="get-object")
    # An ETag of S3 may be no MD5 at all, so it proves and never refutes: the report says so.
    assert get(scanned).opaque == 1


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


# The second time


def test_second_download_makes_no_request_for_bytes(
    s3_proxy: Any, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    for n in range(10):
        s3_proxy.direct.put(bucket, f"d/{n}", b"%d" % n)
    scans = [
        scan(f"s3://{bucket}/d/"),
        scan(Reference(f"s3://{bucket}/d/", checksum=False)),
    ]
    for number, scanned in enumerate(scans):
        options = {"root": root / str(number), "identity": str(number)}
        get(scanned, **options)
        before = len(s3_proxy.proxy.requests)
        report = get(scanned, **options)
        assert report.already_there == 10
        assert len(s3_proxy.proxy.requests) == before


def test_second_download_hashes_where_the_state_is_lost(
    s3_proxy: Any, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    get(scanned)
    for path in (root / ".landfast").glob("state*"):
        path.unlink()
    assert get(scanned).already_there == 1
    assert s3_proxy.proxy.counts["get-object"] == 1


def test_edited_file_is_replaced_by_the_recorded_one(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    for name in "xyz":
        s3.put(bucket, f"d/{name}", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    get(scanned)
    (root / "x").write_bytes(b"EDITED!!")
    (root / "y").unlink()
    report = get(scanned)
    assert tree(root) == dict.fromkeys("xyz", b"recorded")
    assert (report.fetched, report.already_there) == (2, 1)


def test_progress_ends_at_the_total_when_the_newest_pins_fail_on_the_way(
    gcs: GcsServer, scan: Any, get: Download, root: Path
) -> None:
    bucket, data = gcs.bucket(versioning=True), os.urandom(2 * MEBIBYTE)
    gcs.put(bucket, "d/x", data)
    first = scan(f"gs://{bucket}/d/")
    gcs.put(bucket, "d/x", data)
    second = scan(f"gs://{bucket}/d/")
    gcs.inject(Body(body=os.urandom(2 * MEBIBYTE)), kind="get-object", at=1)
    seen: list[tuple[int, int | None]] = []
    get(second, first, progress=lambda *done: seen.append(done))
    assert seen[-1] == (2 * MEBIBYTE, 2 * MEBIBYTE)
    assert tree(root) == {"x": data}


def test_file_in_a_part_of_an_earlier_download_is_never_trusted_unchecked(
    gcs: GcsServer, scan: Any, get: Download, root: Path
) -> None:
    """What a kill left behind is damaged: the whole is noticed to be wrong and fetched again."""
    bucket, data = gcs.bucket(versioning=True), os.urandom(3 * MEBIBYTE)
    gcs.put(bucket, "d/x", data)
    scanned = scan(f"gs://{bucket}/d/")
    gcs.inject(Truncate(keep=2 * MEBIBYTE), kind="get-object", at=1)
    gcs.inject(Status(status=503), kind="get-object", when=lambda r: "range" in r.headers)
    with pytest.raises(Unavailable):
        get(scanned)
    (part,) = (root / ".landfast" / "parts").iterdir()
    assert part.stat().st_size == 2 * MEBIBYTE
    with part.open("r+b") as file:
        file.write(b"damaged")
    gcs.rules.clear()
    report = get(scanned)
    assert tree(root) == {"x": data}
    assert report.fetched_bytes == MEBIBYTE + len(data)


# The folder


def test_folder_of_another_version_is_refused_before_anything_is_written(
    s3_proxy: Any, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"x")
    scanned = scan(f"s3://{bucket}/d/")
    get(scanned, identity="c:v0")
    before = tree(root)
    with pytest.raises(Conflict, match=r"expected c:v1, found c:v0"):
        get(scanned, identity="c:v1")
    assert tree(root) == before
    assert s3_proxy.proxy.counts["get-object"] == 1


def test_other_files_under_the_same_names_are_not_replaced(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    for name in ["mine", "same", "new"]:
        s3.put(bucket, f"d/{name}", b"recorded")
    root.mkdir()
    (root / "mine").write_bytes(b"my own work")
    (root / "same").write_bytes(b"recorded")
    (root / "more").write_bytes(b"untouched")
    scanned = scan(f"s3://{bucket}/d/")
    with pytest.raises(Conflict, match=r"'mine', 'same'.*replace=True") as caught:
        get(scanned)
    assert caught.value.details["paths"] == ("mine", "same")
    assert tree(root) == {"mine": b"my own work", "same": b"recorded", "more": b"untouched"}
    (root / "mine").unlink()
    report = get(scanned, replace=True)
    assert (report.fetched, report.already_there) == (2, 1)
    assert tree(root)["more"] == b"untouched"


def test_target_that_is_a_file_is_refused(s3: Moto, scan: Any, get: Download, root: Path) -> None:
    bucket = s3.bucket()
    s3.put(bucket, "d/x", b"x")
    root.write_bytes(b"a file")
    with pytest.raises(InvalidInput, match="is a file, not a folder"):
        get(scan(f"s3://{bucket}/d/"))
    assert root.read_bytes() == b"a file"


def test_keys_that_cannot_be_files_are_all_named_before_a_byte_is_written(
    s3_proxy: Any, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3_proxy.direct.bucket()
    bad = ["a//b", "a/./b", "../up", "k/l", "x/../y", "n" * 300]
    for key in ["a/b", "k", *bad]:
        s3_proxy.direct.put(bucket, f"d/{key}", b"x")
    with pytest.raises(InvalidInput) as caught:
        get(scan(f"s3://{bucket}/d/"))
    assert sorted(caught.value.details["paths"]) == sorted(bad)
    assert not root.exists()
    assert s3_proxy.proxy.counts["get-object"] == 0


def test_mend_15_leaving_out_the_empty_objects_that_are_named_is_enough(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    folders = ("a", "b", "b/c")
    for folder in folders:
        s3.put(bucket, f"d/{folder}", b"")
        for name in "xyz":
            s3.put(bucket, f"d/{folder}/{name}", b"x")
    s3.put(bucket, "d/empty", b"")
    # A scan of the folder skips them as markers: they are recorded where somebody names them.
    named = [
        Reference(scheme="s3", bucket=bucket, key=f"d/{folder}", name=folder) for folder in folders
    ]
    scanned = scan(f"s3://{bucket}/d/", *named)
    with pytest.raises(InvalidInput, match="exclude=") as caught:
        get(scanned)
    paths = caught.value.details["paths"]
    assert paths == folders
    assert get(scanned, exclude=caught.value.details["exclude"]).files == 10
    assert "empty" in tree(root)


def test_symlinks_are_not_followed_out_of_the_folder(
    s3: Moto, scan: Any, get: Download, root: Path, tmp_path: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/sub/x", b"recorded")
    s3.put(bucket, "d/y", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    get(scanned)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "y").write_bytes(b"precious")
    (root / "y").unlink()
    (root / "y").symlink_to(outside / "y")
    get(scanned)
    assert not (root / "y").is_symlink()
    shutil.rmtree(root / "sub")
    (root / "sub").symlink_to(outside)
    with pytest.raises(Conflict, match="leads out of"):
        get(scanned)
    assert tree(outside) == {"y": b"precious"}


def test_folder_in_the_place_of_a_file_and_file_in_that_of_a_folder_are_named(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/sub/x", b"recorded")
    s3.put(bucket, "d/y", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    get(scanned)
    (root / "y").unlink()
    (root / "y").mkdir()
    with pytest.raises(Conflict, match="/y must be a file"):
        get(scanned)
    (root / "y").rmdir()
    shutil.rmtree(root / "sub")
    (root / "sub").write_bytes(b"")
    with pytest.raises(Conflict, match="/sub must be a folder"):
        get(scanned)


def test_exact_removes_what_is_not_in_the_version(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/sub/x", b"x")
    scanned = scan(f"s3://{bucket}/d/")
    get(scanned)
    (root / "more" / "deep").mkdir(parents=True)
    (root / "more" / "deep" / "y").touch()
    (root / "sub" / "z").touch()
    (root / "link").symlink_to("/")
    assert get(scanned, exact=True).removed == 3
    assert sorted(path.name for path in root.iterdir()) == [".landfast", "sub"]
    assert tree(root) == {"sub/x": b"x"}


def test_mend_36_replace_turns_another_versions_folder_into_this_one(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/same", b"same")
    s3.put(bucket, "d/old", b"old")
    s3.put(bucket, "d/both", b"0")
    get(scan(f"s3://{bucket}/d/"), identity="e/p/c:v0 lf1:0")
    s3.client.delete_object(Bucket=bucket, Key="d/old")
    s3.put(bucket, "d/both", b"1")
    newer = scan(f"s3://{bucket}/d/")
    with pytest.raises(Conflict, match=r"replace=True \(--replace\)"):
        get(newer, identity="e/p/c:v1 lf1:1")
    report = get(newer, identity="e/p/c:v1 lf1:1", replace=True)
    assert (report.removed, report.fetched, report.already_there) == (1, 1, 1)
    assert tree(root) == {"same": b"same", "both": b"1"}
    assert get(newer, identity="e/p/c:v1 lf1:1").already_there == 2
    for other in ("e/p/other:v0 lf1:0", "e/q/c:v0 lf1:0", "f/p/c:v0 lf1:0"):
        with pytest.raises(Conflict, match="holds another version"):
            get(newer, identity=other, replace=True)
    assert get(newer, identity="e/p/c~2026:v0 lf1:2", replace=True).already_there == 2


def test_mend_36_a_replacement_that_was_cut_short_leaves_no_old_bytes_under_the_new_name(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket()
    for key in ("d/a", "d/b", "d/old"):
        s3.put(bucket, key, b"0")
    get(scan(f"s3://{bucket}/d/"), identity="e/p/c:v0 lf1:0")
    s3.client.delete_object(Bucket=bucket, Key="d/old")
    s3.put(bucket, "d/a", b"one")
    s3.put(bucket, "d/b", b"one")
    newer = scan(f"s3://{bucket}/d/")
    s3.client.delete_object(Bucket=bucket, Key="d/b")
    with pytest.raises(NotFound):
        get(newer, identity="e/p/c:v1 lf1:1", replace=True)
    report = get(newer, identity="e/p/c:v1 lf1:1", allow_missing=True)
    assert [file.path for file in report.missing] == ["b"]
    assert tree(root) == {"a": b"one"}


def test_mend_36_replace_never_empties_a_folder_of_ones_own(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket()
    s3.put(bucket, "d/x", b"x")
    root.mkdir()
    (root / "x").write_bytes(b"years of work")
    with pytest.raises(Conflict, match="other files"):
        get(scan(f"s3://{bucket}/d/"), replace=True)
    assert tree(root) == {"x": b"years of work"}


def test_exact_never_empties_a_folder_of_ones_own(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket()
    s3.put(bucket, "d/x", b"x")
    root.mkdir()
    (root / "thesis").write_bytes(b"years of work")
    with pytest.raises(Conflict, match="exact="):
        get(scan(f"s3://{bucket}/d/"), exact=True)
    assert tree(root) == {"thesis": b"years of work"}


def test_other_endpoint_than_the_recorded_one_is_refused_without_an_override(
    s3_proxy: Any, scan: Any, get: Download, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"x")
    scanned = scan(f"s3://{bucket}/d/")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_proxy.direct.url)
    with pytest.raises(Conflict, match=s3_proxy.url):
        get(scanned, stores=Stores())
    assert not root.exists()
    get(scanned, stores=Stores(), any_endpoint=True)
    assert tree(root) == {"x": b"x"}


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of one mebibyte; needs root."""
    mount = tmp_path / "tiny"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", str(mount)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root mounts a filesystem")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_full_disk_is_told_and_a_retry_continues(
    s3_proxy: Any, scan: Any, get: Download, tiny_disk: Path
) -> None:
    bucket, data = s3_proxy.direct.bucket("Enabled"), os.urandom(2 * MEBIBYTE)
    s3_proxy.direct.put(bucket, "d/x", data)
    scanned = scan(f"s3://{bucket}/d/")
    with pytest.raises(Unavailable, match=r"No space left on device.*Free some space"):
        get(scanned, root=tiny_disk / "target")
    assert s3_proxy.proxy.counts["get-object"] == 1
    assert tree(tiny_disk / "target") == {}
    subprocess.run(["mount", "-o", "remount,size=8M", str(tiny_disk)], check=True)
    assert get(scanned, root=tiny_disk / "target").fetched_bytes < len(data)
    assert tree(tiny_disk / "target") == {"x": data}


def test_read_only_disk_is_told_before_anything_is_fetched(
    s3_proxy: Any, scan: Any, get: Download, tiny_disk: Path
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"x")
    scanned = scan(f"s3://{bucket}/d/")
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    with pytest.raises(AccessDenied, match="read-only"):
        get(scanned, root=tiny_disk / "target")
    assert s3_proxy.proxy.counts["get-object"] == 0


def test_what_is_all_there_on_a_read_only_disk_is_not_touched(
    s3_proxy: Any, scan: Any, get: Download, tiny_disk: Path
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"recorded")
    scanned = scan(Reference(f"s3://{bucket}/d/", checksum=False))
    get(scanned, root=tiny_disk / "target")
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    assert get(scanned, root=tiny_disk / "target").already_there == 1
    assert s3_proxy.proxy.counts["get-object"] == 1


def test_disk_without_locks_will_do(
    s3: Moto, scan: Any, get: Download, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    monkeypatch.setattr("fcntl.flock", refuse)
    get(scanned)
    assert tree(root) == {"x": b"recorded"}


# The cache


def test_cache_saves_the_request_in_another_folder(
    s3_proxy: Any, scan: Any, get: Download, tmp_path: Path, cache: BlobCache
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    get(scanned, cache=cache)
    report = get(scanned, cache=cache, root=tmp_path / "other")
    assert report.from_cache == 1
    assert tree(tmp_path / "other") == {"x": b"recorded"}
    assert s3_proxy.proxy.counts["get-object"] == 1


def test_damaged_blob_in_the_cache_is_fetched_again(
    s3_proxy: Any, scan: Any, get: Download, tmp_path: Path, cache: BlobCache
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    get(scanned, cache=cache)
    (blob,) = (cache.folder / "objects").glob("??/*")
    blob.chmod(0o600)
    blob.write_bytes(b"DAMAGED!")
    report = get(scanned, cache=cache, root=tmp_path / "other")
    assert (report.fetched, report.from_cache) == (1, 0)
    assert tree(tmp_path / "other") == {"x": b"recorded"}


def test_md5_of_another_object_finds_the_cached_bytes(
    gcs: GcsServer, scan: Any, get: Download, tmp_path: Path, cache: BlobCache
) -> None:
    bucket = gcs.bucket(versioning=True)
    gcs.put(bucket, "one/x", b"the same bytes")
    gcs.put(bucket, "two/x", b"the same bytes")
    get(scan(f"gs://{bucket}/one/"), cache=cache)
    report = get(scan(f"gs://{bucket}/two/"), cache=cache, root=tmp_path / "other")
    assert (report.from_cache, report.fetched) == (1, 0)


def test_equal_etag_and_size_of_another_object_do_not_find_it(
    s3: Moto, scan: Any, get: Download, tmp_path: Path, cache: BlobCache
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "one/x", b"the same bytes")
    s3.put(bucket, "two/x", b"the same bytes")
    get(scan(f"s3://{bucket}/one/"), cache=cache)
    report = get(scan(f"s3://{bucket}/two/"), cache=cache, root=tmp_path / "other")
    assert (report.from_cache, report.fetched) == (0, 1)


def test_hard_links_share_the_read_only_file_of_the_cache(
    s3: Moto, scan: Any, get: Download, root: Path, cache: BlobCache
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"recorded")
    scanned = scan(Reference(f"s3://{bucket}/d/", checksum=False))
    get(scanned, cache=cache, link="hard")
    (blob,) = (cache.folder / "objects").glob("??/*")
    assert (root / "x").samefile(blob)
    assert (root / "x").stat().st_mode & 0o222 == 0
    shutil.rmtree(root)
    assert get(scanned, cache=cache, link="hard").from_cache == 1
    assert (root / "x").samefile(blob)
    assert get(scanned, cache=cache, link="hard").already_there == 1
    for path in (root / ".landfast").glob("state*"):
        path.unlink()
    get(scanned, cache=cache, link="hard")
    assert not (root / ".landfast" / "parts").exists()


def test_copies_may_be_written_to_and_leave_the_cache_alone(
    s3: Moto, scan: Any, get: Download, root: Path, cache: BlobCache
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"recorded")
    get(scan(f"s3://{bucket}/d/"), cache=cache)
    (root / "x").write_bytes(b"edited")
    (blob,) = (cache.folder / "objects").glob("??/*")
    assert blob.read_bytes() == b"recorded"


def test_cache_that_cannot_be_written_is_no_error(
    s3: Moto, scan: Any, get: Download, root: Path, tmp_path: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"recorded")
    (tmp_path / "file").touch()
    get(scan(f"s3://{bucket}/d/"), cache=BlobCache(tmp_path / "file" / "cache"))
    assert tree(root) == {"x": b"recorded"}


# One file


def test_one_file_opens_with_the_recorded_bytes(
    s3: Moto, scan: Any, stores: Stores, cache: BlobCache, tmp_path: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    s3.put(bucket, "d/x", b"OVERWROT")
    assert read(scanned, "x", stores) == b"recorded"
    assert read(scanned, "x", stores, cache) == b"recorded"
    with open_entry(
        PinSets([(scanned.manifest, scanned.sources)], stores),
        scanned.manifest.get("x"),
        cache=cache,
    ) as stream:
        assert (stream.read(3), stream.seekable()) == (b"rec", True)
    assert list((cache.folder / "tmp").iterdir()) == []


def test_one_changed_file_does_not_open(scan: Any, stores: Stores, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"recorded")
    scanned = scan(str(tmp_path / "x"))
    (tmp_path / "x").write_bytes(b"OVERWROT")
    with pytest.raises(ObjectChanged):
        read(scanned, "x", stores)


def test_file_in_place_is_verified(scan: Any, stores: Stores, tmp_path: Path, s3: Moto) -> None:
    (tmp_path / "x").write_bytes(b"recorded")
    scanned = scan(str(tmp_path / "x"))
    pins = PinSets([(scanned.manifest, scanned.sources)], stores)
    assert path_in_place(pins, scanned.manifest.get("x")) == tmp_path / "x"
    (tmp_path / "x").write_bytes(b"OVERWROT")
    with pytest.raises(ObjectChanged):
        path_in_place(pins, scanned.manifest.get("x"))
    bucket = s3.bucket()
    s3.put(bucket, "d/x", b"x")
    remote = scan(f"s3://{bucket}/d/")
    with pytest.raises(InvalidInput, match="no file on this machine"):
        path_in_place(
            PinSets([(remote.manifest, remote.sources)], stores), remote.manifest.get("x")
        )
