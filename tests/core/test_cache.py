"""The blob cache gives out what it was given and nothing else, and stays within its bound."""

import hashlib
import os
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kit.forks import context, fork
from landfast.cache import BlobCache
from landfast.cache.copying import copy_bytes
from landfast.cache.keys import keys_of, sha256_of
from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry


def hexdigest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def cache(tmp_path: Path) -> BlobCache:
    return BlobCache(tmp_path / "cache")


def put(cache: BlobCache, data: bytes, *keys: str, folder: Path) -> str:
    source = folder / "source"
    source.write_bytes(data)
    assert cache.add(source, hexdigest(data), keys)
    return hexdigest(data)


KEY, OTHER = "1" * 64, "2" * 64


def test_blob_is_found_by_its_sha256_and_by_its_keys(cache: BlobCache, tmp_path: Path) -> None:
    sha256 = put(cache, b"bytes", KEY, folder=tmp_path)
    assert cache.find(sha256) == sha256
    assert cache.find(None, [OTHER, KEY]) == sha256
    assert cache.find(None, [OTHER]) is None
    assert cache.find("0" * 64) is None
    assert cache.fetch(sha256, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"bytes"
    assert cache.usage().count == 1
    assert cache.usage().size == 5


def test_blobs_are_read_only(cache: BlobCache, tmp_path: Path) -> None:
    put(cache, b"bytes", folder=tmp_path)
    (blob,) = (cache.folder / "objects").glob("??/*")
    assert blob.stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("link", ["copy", "hard"])
def test_damaged_blob_is_removed_and_not_given(cache: BlobCache, tmp_path: Path, link: str) -> None:
    sha256 = put(cache, b"bytes", folder=tmp_path)
    (blob,) = (cache.folder / "objects").glob("??/*")
    blob.chmod(0o600)
    blob.write_bytes(b"BYTES")
    assert not cache.fetch(sha256, tmp_path / "target", link=link)
    assert not (tmp_path / "target").exists()
    assert cache.find(sha256) is None


def test_missing_blob_is_not_given(cache: BlobCache, tmp_path: Path) -> None:
    assert not cache.fetch("0" * 64, tmp_path / "target")
    assert cache.usage().count == 0


def test_blob_that_is_evicted_and_brought_back_meanwhile_is_not_given(
    cache: BlobCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = put(cache, b"bytes", folder=tmp_path)

    def bring_back(*arguments: object, **options: object) -> None:
        monkeypatch.undo()
        cache.discard(sha256)
        try:
            copy_bytes(*arguments, **options)  # type: ignore[arg-type]
        finally:
            put(cache, b"bytes", folder=tmp_path)

    monkeypatch.setattr("landfast.cache.blob_cache.copy_bytes", bring_back)
    assert not cache.fetch(sha256, tmp_path / "target")
    assert cache.fetch(sha256, tmp_path / "target")


def test_name_of_an_evicted_blob_is_forgotten(cache: BlobCache, tmp_path: Path) -> None:
    sha256 = put(cache, b"bytes", KEY, folder=tmp_path)
    (blob,) = (cache.folder / "objects").glob("??/*")
    blob.unlink()
    assert cache.find(None, [KEY]) is None
    assert list((cache.folder / "names").glob("??/*")) == []
    put(cache, b"bytes", KEY, folder=tmp_path)
    assert cache.find(None, [KEY]) == sha256


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path / "cache", max_bytes=1000)
    names = []
    for n in range(8):
        names.append(put(cache, bytes([n]) * 100, folder=tmp_path))
        age(cache, names[-1], 100 - n)
    assert cache.fetch(names[0], tmp_path / "target")  # used again just now
    put(cache, b"x" * 300, folder=tmp_path)
    kept = [cache.find(name) is not None for name in names]
    assert kept == [True, False, False, True, True, True, True, True]
    assert cache.usage().size <= 1000


def age(cache: BlobCache, sha256: str, seconds: float) -> None:
    path = cache.folder / "objects" / sha256[:2] / sha256
    os.utime(path, (time.time() - seconds, time.time() - seconds))


def test_blob_larger_than_the_cache_is_not_kept(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path / "cache", max_bytes=10)
    (tmp_path / "source").write_bytes(b"x" * 11)
    assert not cache.add(tmp_path / "source", hexdigest(b"x" * 11))
    assert cache.usage().size == 0


def test_trim_removes_names_and_old_temporary_files_too(cache: BlobCache, tmp_path: Path) -> None:
    put(cache, b"one", KEY, folder=tmp_path)
    stale, fresh = cache.folder / "tmp" / "stale", cache.folder / "tmp" / "fresh"
    stale.touch()
    fresh.touch()
    os.utime(stale, (1, 1))
    assert cache.trim(0) == 3
    assert cache.trim(0) == 0
    assert fresh.exists()
    assert not stale.exists()
    assert list((cache.folder / "names").glob("??/*")) == []


def test_clear_leaves_nothing(cache: BlobCache, tmp_path: Path) -> None:
    put(cache, b"one", KEY, folder=tmp_path)
    cache.clear()
    assert cache.usage().count == 0
    assert cache.find(None, [KEY]) is None


def test_folder_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDFAST_CACHE_DIR", str(tmp_path / "there"))
    assert BlobCache().folder == tmp_path / "there"
    assert BlobCache(tmp_path / "here").folder == tmp_path / "here"


def _work(folder: str, number: int, barrier: object) -> None:
    cache = BlobCache(folder, max_bytes=20_000)
    barrier.wait(60)
    scratch = Path(folder).parent / f"scratch{number}"
    scratch.mkdir()
    for n in range(150):
        data = bytes([n % 40]) * 1000
        (scratch / "source").write_bytes(data)
        cache.add(scratch / "source", hexdigest(data), [hexdigest(b"key" + data)])
        found = cache.find(None, [hexdigest(b"key" + data)])
        if found is not None and cache.fetch(found, scratch / "target"):
            assert (scratch / "target").read_bytes() == data


def test_many_processes_share_a_cache_that_overflows(tmp_path: Path) -> None:
    barrier = context.Barrier(4)
    folder = str(tmp_path / "cache")
    workers = [fork(_work, folder, n, barrier) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    cache = BlobCache(folder)
    cache.trim(20_000)
    assert cache.usage().size <= 20_000
    for path in (cache.folder / "objects").glob("??/*"):
        assert hexdigest(path.read_bytes()) == path.name


@pytest.fixture
def reflinking(tmp_path: Path) -> Iterator[Path]:
    """A folder on XFS, which shares blocks between copies; needs root and xfsprogs."""
    mount = tmp_path / "mount"
    mount.mkdir()
    steps = ["truncate -s 320M image", "mkfs.xfs -q image", "mount -o loop image mount"]
    for step in steps:
        try:
            done = subprocess.run(
                step.split(), cwd=tmp_path, capture_output=True, text=True, check=False
            )
        except FileNotFoundError:
            pytest.skip(f"cannot run {step}")
        if done.returncode:
            pytest.skip(f"{step}: {done.stderr[:100]}")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_copies_share_blocks_where_the_filesystem_can(reflinking: Path) -> None:
    cache, data = BlobCache(reflinking / "cache"), os.urandom(20 << 20)

    def free() -> int:
        os.sync()
        space = os.statvfs(reflinking)
        return space.f_bavail * space.f_frsize

    sha256 = put(cache, data, folder=reflinking)
    before = free()
    assert cache.fetch(sha256, reflinking / "target")
    assert before - free() < 1 << 20
    with (reflinking / "target").open("r+b") as file:
        file.write(b"edited")
    assert cache.fetch(sha256, reflinking / "other")
    assert (reflinking / "other").read_bytes() == data


# Keys


def entry(**given: object) -> ManifestEntry:
    usual = {"path": "x", "size": 5, "checksum": None, "uri": "s3://b/x"}
    return ManifestEntry(**usual | given)


def test_strong_tokens_and_pins_are_keys() -> None:
    sha256, md5 = Checksum("sha256", "a" * 64), Checksum("md5", "b" * 32)
    assert sha256_of(entry(checksum=sha256)) == "a" * 64
    assert sha256_of(entry(checksum=md5)) is None
    assert len(keys_of(entry(checksum=md5), None)) == 1
    assert len(keys_of(entry(version_id="v"), None)) == 1
    assert len(keys_of(entry(etag="e", checksum=md5), None)) == 2


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"checksum": Checksum("crc32c", "00000000")},
        {"checksum": Checksum("s3-etag", "e")},
        {"version_id": "null"},
        {"version_id": "v", "size": None},
        {"etag": 'W/"weak"'},
        {"modified_at": datetime(2026, 5, 3, tzinfo=UTC)},
    ],
    ids=str,
)
def test_crc_etag_alone_size_alone_and_weak_etags_are_no_keys(given: dict[str, object]) -> None:
    assert keys_of(entry(**given), None) == ()


def test_key_of_a_pin_speaks_of_one_object_at_one_endpoint() -> None:
    base = {"version_id": "v", "uri": "s3://b/x", "size": 5}
    others = [{"version_id": "w"}, {"uri": "s3://b/y"}, {"uri": "s3://c/x"}, {"size": 6}]
    others.append({"version_id": None, "etag": "v"})
    keys = {keys_of(entry(**base | other), None) for other in [{}, *others]}
    keys.add(keys_of(entry(**base), "http://minio"))
    assert len(keys) == 7
