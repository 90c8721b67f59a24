"""The cache of downloads."""

import shutil
from pathlib import Path
from typing import Any

from kit.gcs_server import GcsServer
from kit.servers.moto import Moto
from landfast.cache import BlobCache
from landfast.model.reference import Reference

from tests.core.download.downloads import Download, tree

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
