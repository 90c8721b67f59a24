"""Blobs in a folder: the conformance suite, and what only a folder can do."""

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from landfast.blobs.base import BlobStore, LocalFile
from landfast.blobs.local import LocalBlobStore
from landfast.blobs.names import blob_key
from landfast.errors import AccessDenied, InvalidInput, NotFound, Unavailable
from landfast.system.disk_errors import of_os_error
from landfast.system.open_folder import OpenFolder
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


def many(tmp_path: Path, count: int) -> list[LocalFile]:
    files = []
    for number in range(count):
        source, digest = write_blob(tmp_path, b"%d" % number)
        source = source.rename(tmp_path / f"source-{number}")
        files.append(LocalFile(source, digest, source.stat().st_size))
    return files


@pytest.mark.parametrize("together", [True, False])
def test_bytes_are_durable_before_their_names_and_these_before_the_end(
    blobs: LocalBlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    files, done = many(tmp_path, 20), list[str]()
    sync_all, fsync, replace = OpenFolder.sync_all, os.fsync, os.replace

    def syncing_all(folder: OpenFolder) -> bool:
        if not together or not sync_all(folder):
            return False
        done.append("all")
        return True

    def syncing(handle: int) -> None:
        fsync(handle)
        is_folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        done.append("folder" if is_folder else "file")

    def replacing(source: str, target: str) -> None:
        replace(source, target)
        done.append("name")

    monkeypatch.setattr(OpenFolder, "sync_all", syncing_all)
    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "replace", replacing)
    blobs.put_all(files)
    folders = {int(file.sha256[:2], 16) for file in files}
    if "all" in done:
        assert done == ["all", *["name"] * 20, "all"]
    else:
        assert done == [*["file"] * 20, *["name"] * 20, *["folder"] * (len(folders) + 1)]
    assert sorted(files_of(tmp_path / "store")) == sorted(blob_key(f.sha256) for f in files)


@pytest.mark.parametrize("at", [0, 1])
def test_a_writer_of_many_that_is_killed_leaves_whole_blobs_or_none(
    blobs: LocalBlobStore, tmp_path: Path, at: int
) -> None:
    files = many(tmp_path, 20)
    script = f"""
import os, signal, sys
from pathlib import Path
from landfast.blobs.base import LocalFile
from landfast.blobs.local import LocalBlobStore
from landfast.system.open_folder import OpenFolder
calls = []
def kill(folder):
    calls.append(folder)
    if len(calls) > {at}: os.kill(os.getpid(), signal.SIGKILL)
    return True
OpenFolder.sync_all = kill
top = Path(sys.argv[1])
files = [LocalFile(top / f"source-{{n}}", name, len(str(n))) for n, name in enumerate(sys.argv[2:])]
LocalBlobStore(top / "store").put_all(files)
"""
    command = [sys.executable, "-c", script, str(tmp_path), *(file.sha256 for file in files)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert len(list(blobs.list())) == 20 * at
    blobs.put_all(files)
    for file in files:
        assert b"".join(blobs.open(file.sha256)) == file.path.read_bytes()
    left = tmp_path / "store" / "blobs" / "tmp"
    two_days_ago = time.time() - 2 * 24 * 3600
    for folder in left.iterdir():
        os.utime(folder, (two_days_ago, two_days_ago))
    blobs.put(*_source(tmp_path))
    assert list(left.iterdir()) == []


def _source(tmp_path: Path) -> tuple[Path, str]:
    return write_blob(tmp_path, b"one more")


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
