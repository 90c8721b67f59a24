"""A download that is killed leaves nothing wrong, and the next one fetches only the rest."""

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kit.forks import Printing
from kit.servers.moto import Moto
from kit.servers.scripted import Scripted
from landfast.cache import BlobCache
from landfast.download.run import download
from landfast.manifests.reader import ManifestFile
from landfast.stores.opener import Stores

MEBIBYTE = 1 << 20


def fetch(given: Any, kill_at: int | None) -> None:
    """Download, and kill this process when so many bytes are there."""
    manifest, sources, root, cache, identity = given

    def watch(done: int, _total: int | None) -> None:
        if kill_at is not None and done >= kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    report = download(
        [(ManifestFile(manifest), sources)],
        stores=Stores(),
        cache=cache and BlobCache(cache),
        identity=identity,
        root=root,
        workers=3,
        progress=watch,
    )
    print(report.fetched_bytes)


class Target:
    """A scanned version, and processes that download it into one folder."""

    def __init__(self, scanned: Any, root: Path, cache: Path | None = None) -> None:
        # `scan` numbers its manifests; the newest is the last.
        self.manifest = scanned.manifest.path
        self.sources = scanned.sources
        self.root = root
        self.cache = cache

    def start(self, kill_at: int | None = None, identity: str = "v0") -> Printing:
        given = (self.manifest, self.sources, self.root, self.cache, identity)
        return Printing(fetch, given, kill_at)

    def run(self, kill_at: int | None = None) -> int:
        """Download to the end and return the bytes that were fetched."""
        done = self.start(kill_at).wait()
        if kill_at is not None:
            assert done.returncode == -signal.SIGKILL, done.stderr
            return 0
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and ".landfast" not in path.parts
        }

    def parts(self) -> int:
        return sum(path.stat().st_size for path in (self.root / ".landfast/parts").glob("*"))


@pytest.fixture
def files() -> dict[str, bytes]:
    large = {f"large{n}": os.urandom(4 * MEBIBYTE) for n in range(3)}
    return large | {f"small{n}": os.urandom(100 + n) for n in range(20)}


def sent(proxy: Any) -> int:
    return sum(done.sent for done in proxy.exchanges if done.request.kind == "get-object")


@pytest.mark.parametrize("kill_at", [1, 2 * MEBIBYTE, 7 * MEBIBYTE, 12 * MEBIBYTE])
def test_killed_download_fetches_at_most_the_rest_and_one_range(
    s3_proxy: Any, scan: Any, tmp_path: Path, files: dict[str, bytes], kill_at: int
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    for name, data in files.items():
        s3_proxy.direct.put(bucket, f"d/{name}", data)
    target = Target(scan(f"s3://{bucket}/d/"), tmp_path / "target")
    target.run(kill_at=kill_at)
    for name, data in target.files().items():
        assert data == files[name]  # what has a name is whole
    there = target.parts() + sum(map(len, target.files().values()))
    assert there >= kill_at
    s3_proxy.proxy.clear()
    fetched = target.run()
    total = sum(map(len, files.values()))
    assert target.files() == files
    assert fetched == total - there
    assert sent(s3_proxy.proxy) <= total - there + MEBIBYTE
    s3_proxy.proxy.clear()
    assert target.run() == 0
    assert s3_proxy.proxy.counts["get-object"] == 0
    assert not (target.root / ".landfast" / "parts").exists()


def test_download_killed_again_and_again_gets_there(
    s3_proxy: Any, scan: Any, tmp_path: Path, files: dict[str, bytes]
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    for name, data in files.items():
        s3_proxy.direct.put(bucket, f"d/{name}", data)
    target = Target(scan(f"s3://{bucket}/d/"), tmp_path / "target", tmp_path / "cache")
    total = sum(map(len, files.values()))
    for kill_at in range(MEBIBYTE, total, 2 * MEBIBYTE):
        target.run(kill_at=kill_at)
        for name, data in target.files().items():
            assert data == files[name]
    target.run()
    assert target.files() == files
    # Each kill may lose what was on its way to each of three workers, and nothing else.
    assert sent(s3_proxy.proxy) <= total + 6 * 3 * 5 * MEBIBYTE


def test_opaque_tokens_are_continued_too(s3_proxy: Any, scan: Any, tmp_path: Path) -> None:
    bucket, client = s3_proxy.direct.bucket("Enabled"), s3_proxy.direct.client
    pieces = [os.urandom(5 * MEBIBYTE), os.urandom(MEBIBYTE)]
    upload = client.create_multipart_upload(Bucket=bucket, Key="d/x")["UploadId"]
    tags = [
        client.upload_part(
            Bucket=bucket, Key="d/x", UploadId=upload, PartNumber=number, Body=piece
        )["ETag"]
        for number, piece in enumerate(pieces, 1)
    ]
    parts = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
    client.complete_multipart_upload(
        Bucket=bucket, Key="d/x", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    target = Target(scan(f"s3://{bucket}/d/"), tmp_path / "target")
    target.run(kill_at=3 * MEBIBYTE)
    there = target.parts()
    assert there >= 3 * MEBIBYTE
    assert target.run() == 6 * MEBIBYTE - there
    assert target.files() == {"x": b"".join(pieces)}


def test_part_of_an_object_that_changed_meanwhile_is_not_continued(
    s3_proxy: Any, scan: Any, tmp_path: Path
) -> None:
    bucket = s3_proxy.direct.bucket()
    s3_proxy.direct.put(bucket, "d/x", os.urandom(4 * MEBIBYTE))
    target = Target(scan(f"s3://{bucket}/d/"), tmp_path / "target")
    target.run(kill_at=2 * MEBIBYTE)
    s3_proxy.direct.put(bucket, "d/x", os.urandom(4 * MEBIBYTE))
    assert "ObjectChanged" in target.start().wait().stderr
    assert target.files() == {}


def test_two_processes_may_download_into_one_folder_at_once(
    s3: Moto, scan: Any, tmp_path: Path, files: dict[str, bytes]
) -> None:
    bucket = s3.bucket("Enabled")
    for name, data in files.items():
        s3.put(bucket, f"d/{name}", data)
    target = Target(scan(f"s3://{bucket}/d/"), tmp_path / "target", tmp_path / "cache")
    children = [target.start() for _ in range(3)]
    ends = [child.wait() for child in children]
    assert [(end.stderr, end.returncode) for end in ends] == [("", 0)] * 3
    assert target.files() == files
    assert not (target.root / ".landfast" / "parts").exists()


def test_two_versions_never_share_a_folder(
    s3: Moto, scan: Any, tmp_path: Path, files: dict[str, bytes]
) -> None:
    bucket = s3.bucket("Enabled")
    for name, data in files.items():
        s3.put(bucket, f"one/{name}", data)
        s3.put(bucket, f"two/{name}", data[::-1])
    one = Target(scan(f"s3://{bucket}/one/"), tmp_path / "target")
    two = Target(scan(f"s3://{bucket}/two/"), tmp_path / "target")
    children = [one.start(identity="v1"), two.start(identity="v2")]
    ends = [child.wait() for child in children]
    assert sorted(end.returncode == 0 for end in ends) == [False, True]
    winner = 0 if ends[0].returncode == 0 else 1
    assert "Conflict" in ends[1 - winner].stderr
    expected = files if winner == 0 else {name: data[::-1] for name, data in files.items()}
    assert one.files() == expected


def test_stopping_by_hand_leaves_the_parts(
    s3: Moto, scan: Any, tmp_path: Path, files: dict[str, bytes]
) -> None:
    bucket = s3.bucket("Enabled")
    for name, data in files.items():
        s3.put(bucket, f"d/{name}", data)
    scanned = scan(f"s3://{bucket}/d/")

    def interrupt(done: int, total: int | None) -> None:
        if done > 2 * MEBIBYTE:
            raise KeyboardInterrupt

    options = {
        "stores": Stores(),
        "cache": None,
        "identity": "v0",
        "root": tmp_path / "target",
    }
    sets = [(ManifestFile(scanned.manifest.path), scanned.sources)]
    with pytest.raises(KeyboardInterrupt):
        download(sets, progress=interrupt, **options)
    there = Target(scanned, tmp_path / "target").parts()
    assert there > 0
    report = download(sets, **options)
    assert report.fetched_bytes <= sum(map(len, files.values())) - there


# Forks a download for n = 1, 2, ... that is killed at its n-th change of the disk or connection, looks at
# what it left, and lets a second one finish, until one comes through by itself.
FAILPOINTS = """
import hashlib, os, pickle, signal, sys, traceback
from itertools import count
from pathlib import Path
from landfast.cache import BlobCache
from landfast.manifests.reader import ManifestFile
from landfast.cache import BlobCache
from landfast.download.run import download
from landfast.stores.opener import Stores

manifest, sources, folder, files = pickle.load(sys.stdin.buffer)
EVENTS = {
    "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod",
    "os.utime", "socket.connect", "sqlite3.connect",
}

def run(home, kill_at=None):
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    seen = 0
    def watch(event, arguments):
        nonlocal seen
        if event in EVENTS:
            seen += 1
            if seen == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(watch)
    try:
        download(
            [(ManifestFile(Path(manifest)), sources)], stores=Stores(cache_dir=home / "cache"),
            cache=BlobCache(home / "cache"), identity="v0", root=home / "target", workers=2,
        )
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)

def look(home, complete):
    there = {
        path.relative_to(home / "target").as_posix(): path.read_bytes()
        for path in (home / "target").rglob("*") if path.is_file() and ".landfast" not in path.parts
    }
    assert all(files[name] == data for name, data in there.items()), sorted(there)
    assert not complete or there == files, sorted(there)
    for path in (home / "cache" / "objects").glob("??/*"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name

for n in count(1):
    home = Path(folder) / str(n)
    code = run(home, kill_at=n)
    look(home, complete=code == 0)
    if code == 0:
        break
    assert code == -signal.SIGKILL, code
    assert run(home) == 0
    look(home, complete=True)
print(n)
"""


@pytest.mark.system
@pytest.mark.nightly
def test_kill_at_every_change_of_the_disk_leaves_nothing_wrong(
    http_script: Scripted, scan: Any, tmp_path: Path
) -> None:
    files = {f"{n}.bin": os.urandom(200_000 * n) for n in range(3)}
    scanned = scan(*(http_script.put(f"/{name}", data) for name, data in files.items()))
    given = (str(scanned.manifest.path), scanned.sources, str(tmp_path / "runs"), files)
    done = subprocess.run(
        [sys.executable, "-c", FAILPOINTS],
        input=pickle.dumps(given),
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    points = int(done.stdout)
    print(f"killed at {points - 1} points")
    assert points > 20
