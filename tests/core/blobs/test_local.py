"""Blobs in a folder: the conformance suite, and what only a folder can do."""

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from landfast.blobs.base import BlobStore
from landfast.blobs.local import LocalBlobStore
from landfast.blobs.names import blob_key
from landfast.errors import AccessDenied, InvalidInput, NotFound, Unavailable
from landfast.system.disk_errors import of_os_error
from landfast.testing.blob_suite import BlobSuite, some_bytes, write_blob


class TestLocalBlobStore(BlobSuite):
    @pytest.fixture
    def blobs(self, tmp_path: Path) -> BlobStore:
        return LocalBlobStore(tmp_path / "store with space")

    def damage(self, blobs: BlobStore, sha256: str, data: bytes) -> None:
        path = blobs.path(sha256)
        assert path is not None
        path.unlink()
        path.write_bytes(data)


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobStore:
    return LocalBlobStore(tmp_path / "store")


def files_of(root: Path) -> list[str]:
    return sorted(str(file.relative_to(root)) for file in root.rglob("*") if file.is_file())


def test_a_blob_is_a_read_only_file_at_its_place(blobs: LocalBlobStore, tmp_path: Path) -> None:
    source, digest = write_blob(tmp_path, b"abc")
    blobs.put(source, digest)
    place = tmp_path / "store" / "blobs" / "sha256" / digest[:2] / digest
    assert blobs.path(digest) == place
    assert place.stat().st_mode & 0o777 == 0o444
    assert files_of(tmp_path / "store") == [blob_key(digest)]


def test_put_respects_the_umask(blobs: LocalBlobStore, tmp_path: Path) -> None:
    source, digest = write_blob(tmp_path, b"private")
    before = os.umask(0o077)
    try:
        blobs.put(source, digest)
    finally:
        os.umask(before)
    path = blobs.path(digest)
    assert path is not None
    assert path.stat().st_mode & 0o777 == 0o400


def test_put_of_a_present_blob_sets_its_time_to_now(blobs: LocalBlobStore, tmp_path: Path) -> None:
    source, digest = write_blob(tmp_path, b"old")
    blobs.put(source, digest)
    path = blobs.path(digest)
    assert path is not None
    os.utime(path, (1_000_000, 1_000_000))
    blobs.put(source, digest)
    assert abs(path.stat().st_mtime - time.time()) < 600


def test_strangers_in_the_folder_are_not_listed(blobs: LocalBlobStore, tmp_path: Path) -> None:
    source, digest = write_blob(tmp_path, b"mine")
    blobs.put(source, digest)
    top = tmp_path / "store" / "blobs" / "sha256"
    (top / "README").write_text("hands off")
    (top / digest[:2] / "notes.txt").write_text("?")
    (top / "zz").mkdir()
    (top / "zz" / digest).write_text("in another's folder")
    assert [info.sha256 for info in blobs.list()] == [digest]


def test_the_temporary_file_of_a_killed_writer_goes_after_a_day(
    blobs: LocalBlobStore, tmp_path: Path
) -> None:
    source, digest = write_blob(tmp_path, b"next")
    folder = tmp_path / "store" / "blobs" / "tmp"
    folder.mkdir(parents=True)
    (folder / "abandoned").write_bytes(b"half")
    (folder / "in-use").write_bytes(b"half")
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(folder / "abandoned", (two_days_ago, two_days_ago))
    blobs.put(source, digest)
    assert [file.name for file in folder.iterdir()] == ["in-use"]


def test_a_killed_writer_leaves_no_blob(blobs: LocalBlobStore, tmp_path: Path) -> None:
    data = some_bytes(3 << 20)
    source, digest = write_blob(tmp_path, data)
    script = """
import os, signal, sys
from pathlib import Path
from landfast.blobs import local
def kill(handle): os.kill(os.getpid(), signal.SIGKILL)
local.os.fsync = kill  # all bytes are written, nothing is renamed
local.LocalBlobStore(Path(sys.argv[1])).put(Path(sys.argv[2]), sys.argv[3])
"""
    command = [sys.executable, "-c", script, str(tmp_path / "store"), str(source), digest]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert blobs.stat(digest) is None
    assert list(blobs.list()) == []
    blobs.put(source, digest)
    assert b"".join(blobs.open(digest)) == data


def test_a_full_disk_is_unavailable_and_says_so(blobs: LocalBlobStore, tmp_path: Path) -> None:
    # A limit on the size of files is the one full disk that needs no mount.
    source, digest = write_blob(tmp_path, some_bytes(2 << 20))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(Unavailable, match=r"Free some space") as caught:
            blobs.put(source, digest)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert str(tmp_path / "store") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert files_of(tmp_path / "store") == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_enospc_is_unavailable() -> None:
    with pytest.raises(OSError) as caught, open("/dev/full", "wb", buffering=0) as full:
        full.write(b"x")
    error = of_os_error(caught.value, Path("/mnt/store"), "write a blob below")
    assert isinstance(error, Unavailable)
    assert str(error).startswith("cannot write a blob below /mnt/store: found No space left")


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EROFS, AccessDenied),
        (errno.EACCES, AccessDenied),
        (errno.EPERM, AccessDenied),
        (errno.EDQUOT, Unavailable),
        (errno.EIO, Unavailable),
        (errno.ESTALE, Unavailable),
        (errno.ENOENT, NotFound),
        (errno.ENAMETOOLONG, InvalidInput),
    ],
)
def test_each_os_error_has_its_family(number: int, kind: type[Exception]) -> None:
    error = of_os_error(OSError(number, os.strerror(number)), Path("/x"), "write")
    assert type(error) is kind
    assert os.strerror(number) in str(error)


@pytest.mark.skipif(not Path("/sys/kernel").exists(), reason="needs Linux")
def test_a_place_that_nobody_may_write_to_is_access_denied(tmp_path: Path) -> None:
    source, digest = write_blob(tmp_path, b"x")
    with pytest.raises(AccessDenied, match="cannot write a blob below /sys/landfast"):
        LocalBlobStore(Path("/sys/landfast")).put(source, digest)


def test_a_root_that_is_a_file_is_invalid(tmp_path: Path) -> None:
    source, digest = write_blob(tmp_path, b"x")
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InvalidInput, match="Not a directory"):
        LocalBlobStore(tmp_path / "file").put(source, digest)


def test_fetch_into_a_missing_folder_names_the_target(
    blobs: LocalBlobStore, tmp_path: Path
) -> None:
    source, digest = write_blob(tmp_path, b"x")
    blobs.put(source, digest)
    with pytest.raises(NotFound, match="nowhere/target"):
        blobs.fetch(digest, tmp_path / "nowhere" / "target")
