"""The cache of downloads."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kit.gcs_server import GcsServer
from kit.servers.moto import Moto
from landfast.cache import BlobCache
from landfast.download.fetch import Transfer
from landfast.download.report import DownloadReport
from landfast.model.reference import Reference

from tests.core.download.downloads import Download, tree


@pytest.fixture
def tmp_path(disk: Path) -> Path:
    """Links from the cache are told by status, which memory does not show."""
    return disk


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


# Hard links of blobs that status proves to be untouched


@pytest.fixture
def linked(
    s3: Moto, scan: Any, get: Download, tmp_path: Path, cache: BlobCache
) -> Callable[[str], DownloadReport]:
    """Download three files into a new folder, by links of blobs that were read once."""
    bucket = s3.bucket("Enabled")
    for key, data in {"x": b"recorded", "sub/y": b"also", "sub/z": b"recorded"}.items():
        s3.put(bucket, f"d/{key}", data)
    scanned = scan(f"s3://{bucket}/d/")

    def get_into(name: str) -> DownloadReport:
        return get(scanned, cache=cache, root=tmp_path / name, link="hard")

    get_into("fetched")
    get_into("read")
    return get_into


_FILES = {"x": b"recorded", "sub/y": b"also", "sub/z": b"recorded"}


def test_untouched_blobs_are_linked_without_being_read(
    linked: Callable[[str], DownloadReport],
    cache: BlobCache,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not cache.notes.is_told:
        pytest.skip("status does not show every write here")
    monkeypatch.delattr(Transfer, "bring")
    for name in ("one", "two"):
        report = linked(name)
        assert (report.files, report.from_cache, report.fetched) == (3, 3, 0)
        assert report.bytes == 20
        assert tree(tmp_path / name) == _FILES
    blobs = list((cache.folder / "objects").glob("??/*"))
    assert any((tmp_path / "two" / "x").samefile(blob) for blob in blobs)
    assert linked("two").already_there == 3


@pytest.mark.parametrize("where", ["cache", "folder"])
def test_blob_that_was_written_to_is_not_linked_though_its_status_was_put_back(
    linked: Callable[[str], DownloadReport], cache: BlobCache, tmp_path: Path, where: str
) -> None:
    kept = tmp_path / "read" / "sub" / "y"
    if where == "cache":
        blobs = (cache.folder / "objects").glob("??/*")
        (kept,) = (blob for blob in blobs if blob.samefile(kept))
    before = kept.stat()
    kept.chmod(0o600)
    kept.write_bytes(b"EVIL")
    kept.chmod(before.st_mode)
    os.utime(kept, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = kept.stat()
    same = ("st_size", "st_mtime_ns", "st_ino", "st_mode")
    assert all(getattr(before, name) == getattr(after, name) for name in same)
    report = linked("new")
    assert (report.from_cache, report.fetched) == (2, 1)
    assert tree(tmp_path / "new") == _FILES


def test_blob_that_another_file_took_the_place_of_is_not_linked(
    linked: Callable[[str], DownloadReport], cache: BlobCache, tmp_path: Path
) -> None:
    (blob,) = (b for b in (cache.folder / "objects").glob("??/*") if b.read_bytes() == b"also")
    before = blob.stat()
    blob.unlink()
    blob.write_bytes(b"EVIL")
    os.utime(blob, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (linked("new").fetched, tree(tmp_path / "new")) == (1, _FILES)


def test_file_that_another_process_moved_over_a_link_is_left_to_it(
    linked: Callable[[str], DownloadReport],
    cache: BlobCache,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That of the other counts from the moment on at which it says that the file is there."""
    if not cache.notes.is_told:
        pytest.skip("status does not show every write here")
    link, others = os.link, tmp_path / "others"
    others.write_bytes(b"recorded")
    inode = others.stat().st_ino
    seen: list[int] = []

    def link_then_move(source: str, name: str, **options: Any) -> None:
        link(source, name, **options)
        if name == "x" and not seen:
            seen.append(inode)
            others.rename(tmp_path / "new" / "x")

    bring = Transfer.bring

    def look_then_bring(*arguments: Any) -> Any:
        seen.append((tmp_path / "new" / "x").stat().st_ino)
        return bring(*arguments)

    monkeypatch.setattr(os, "link", link_then_move)
    monkeypatch.setattr(Transfer, "bring", look_then_bring)
    assert (linked("new").from_cache, tree(tmp_path / "new")) == (3, _FILES)
    assert seen[:2] == [inode, inode]


def test_links_of_others_make_blobs_be_read_again(
    linked: Callable[[str], DownloadReport], tmp_path: Path
) -> None:
    (tmp_path / "mine").hardlink_to(tmp_path / "read" / "x")
    assert (linked("new").from_cache, tree(tmp_path / "new")) == (3, _FILES)


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 100])
def test_notes_that_are_damaged_are_no_error(
    linked: Callable[[str], DownloadReport], cache: BlobCache, tmp_path: Path, damage: bytes
) -> None:
    cache.notes.close()
    for name in ("notes.sqlite3-wal", "notes.sqlite3-shm"):
        (cache.folder / name).unlink(missing_ok=True)
    (cache.folder / "notes.sqlite3").write_bytes(damage)
    assert (linked("new").from_cache, tree(tmp_path / "new")) == (3, _FILES)


def test_linked_blobs_count_as_used(
    linked: Callable[[str], DownloadReport], cache: BlobCache, tmp_path: Path
) -> None:
    blobs = list((cache.folder / "objects").glob("??/*"))
    (other,) = (blob for blob in blobs if blob.read_bytes() == b"also")
    cache.notes.forget([other.name])
    assert cache.trim(8) == 4
    assert not other.exists()
    cache.clear()
    assert (linked("new").fetched, tree(tmp_path / "new")) == (3, _FILES)
