"""The stat cache saves hashing, and never tells a hash that is not the file's."""

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from kit.forks import context, fork
from landfast.model.location import Location
from landfast.stores.base import ListRequest
from landfast.stores.local import FileStore
from landfast.stores.local import content_hash as file_hash
from landfast.stores.opener import Stores
from landfast.system import mounts, stat_cache
from landfast.system.mounts import shows_mapped_writes
from landfast.system.ordered_work import OrderedWork
from landfast.system.stat_cache import StatCache, is_settled
from landfast.upkeep.doctor import doctor

DAY_AGO = time.time() - 86400


class Hashing:
    """Counts which files are really read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[str] = []
        real = file_hash._hash_once

        def counted(path: bytes, *more: Any) -> object:
            self.paths.append(os.fsdecode(path))
            return real(path, *more)

        monkeypatch.setattr(file_hash, "_hash_once", counted)


@pytest.fixture
def hashing(monkeypatch: pytest.MonkeyPatch) -> Hashing:
    return Hashing(monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for n in range(5):
        (folder / f"{n}").write_bytes(b"%d" % n)
    return folder


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files count as old from the moment they are written: a ctime cannot be set."""
    monkeypatch.setattr(stat_cache, "SETTLED_S", -1)
    monkeypatch.setattr(stat_cache, "SETTLED_ON_NETWORK_S", -1)


def hashes(folder: Path, **options: object) -> list[str]:
    page = FileStore({"stat_cache": True, **options}).list_page(
        ListRequest(Location.parse(f"{folder}/"))
    )
    return [row.checksum.value for row in page.rows if row.checksum]


@pytest.mark.usefixtures("settled")
def test_second_scan_reads_no_file(folder: Path, hashing: Hashing) -> None:
    first = hashes(folder)
    assert len(hashing.paths) == 5
    assert hashes(folder) == first
    assert len(hashing.paths) == 5


@pytest.mark.usefixtures("settled")
def test_files_are_read_again_where_the_cache_is_off(folder: Path, hashing: Hashing) -> None:
    first = hashes(folder)
    assert hashes(folder, stat_cache=False) == first
    assert len(hashing.paths) == 10


def test_recently_written_files_are_not_trusted(folder: Path, hashing: Hashing) -> None:
    hashes(folder)
    hashes(folder)
    assert len(hashing.paths) == 10


def test_a_day_old_mtime_does_not_make_a_new_file_trusted(folder: Path, hashing: Hashing) -> None:
    for path in folder.iterdir():
        os.utime(path, (DAY_AGO, DAY_AGO))
    hashes(folder)
    hashes(folder)
    assert len(hashing.paths) == 10


def test_two_seconds_settle_a_local_file(folder: Path) -> None:
    status = (folder / "0").stat()
    newest = max(status.st_mtime_ns, status.st_ctime_ns)
    assert not is_settled(status, newest + 1_900_000_000)
    assert is_settled(status, newest + 2_100_000_000)
    assert not is_settled(status, newest - 5_000_000_000)  # the clock there goes ahead


def test_sixty_seconds_settle_a_file_on_a_network_mount(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stat_cache, "is_network_device", lambda device: True)
    status = (folder / "0").stat()
    newest = max(status.st_mtime_ns, status.st_ctime_ns)
    assert not is_settled(status, newest + 59_000_000_000)
    assert is_settled(status, newest + 61_000_000_000)


@pytest.mark.usefixtures("settled")
def test_same_size_rewrite_with_the_old_mtime_is_noticed(folder: Path, hashing: Hashing) -> None:
    hashes(folder)
    path = folder / "3"
    status = path.stat()
    path.write_bytes(b"X")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert hashes(folder)[3] == hashlib.sha256(b"X").hexdigest()
    assert hashing.paths[5:] == [str(path)]


@pytest.mark.usefixtures("settled")
def test_replaced_file_with_the_old_mtime_is_noticed(folder: Path, hashing: Hashing) -> None:
    hashes(folder)
    status = (folder / "3").stat()
    (folder / "new").write_bytes(b"Y")
    os.utime(folder / "new", ns=(status.st_atime_ns, status.st_mtime_ns))
    (folder / "new").rename(folder / "3")
    assert hashes(folder)[3] == hashlib.sha256(b"Y").hexdigest()


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("damage", [b"", b"this is no database" * 100, None])
def test_corrupt_cache_is_thrown_away_in_silence(
    folder: Path, tmp_path: Path, damage: bytes | None, hashing: Hashing
) -> None:
    store = FileStore({"stat_cache": True}, cache_dir=tmp_path / "cache")
    page = Location.parse(f"{folder}/")
    first = [row.checksum for row in store.list_page(ListRequest(page)).rows]
    store._stat_cache.close()
    file = tmp_path / "cache" / "stat-cache-3.sqlite3"
    if damage is None:
        data = bytearray(file.read_bytes())
        data[4096:] = os.urandom(len(data) - 4096)
        file.write_bytes(data)
    else:
        file.write_bytes(damage)
    for _ in range(3):
        store = FileStore({"stat_cache": True}, cache_dir=tmp_path / "cache")
        assert [row.checksum for row in store.list_page(ListRequest(page)).rows] == first
    assert 10 <= len(hashing.paths) <= 15  # usable again at the latest after the second scan


@pytest.mark.usefixtures("settled")
def test_folder_that_cannot_be_made_is_no_error(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = FileStore({"stat_cache": True}, cache_dir=tmp_path / "file" / "cache")
    assert len(list(store.list_page(ListRequest(Location.parse(f"{folder}/"))).rows)) == 5


def test_old_rows_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stat_cache, "SETTLED_S", -1)
    path = tmp_path / "x"
    path.touch()
    cache = StatCache(tmp_path / "cache", everywhere=True)
    cache.put(b"/old", path.stat(), "0" * 64, hashed_at_ns=time.time_ns())
    cache.close()
    file = tmp_path / "cache" / "stat-cache-3.sqlite3"
    connection = sqlite3.connect(file)
    connection.execute("UPDATE files SET day = day - 91")
    connection.execute("UPDATE pruned SET day = day - 91")
    connection.commit()
    connection.close()
    cache.put(b"/new", path.stat(), "1" * 64, hashed_at_ns=time.time_ns())
    cache.flush()
    assert cache.get(b"/old", path.stat()) is None
    assert cache.get(b"/new", path.stat()) == "1" * 64
    cache.close()


# What is written through memory mappings


WRITER = """
import mmap, sys
with open(sys.argv[1], "r+b") as file, mmap.mmap(file.fileno(), 0) as view:
    print("ready", flush=True)
    for line in sys.stdin:
        at, text = line.split()
        view[int(at) : int(at) + len(text)] = text.encode()
        print("written", flush=True)
"""


class Writer:
    """Another process that has a file mapped and writes to it when told."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-c", WRITER, str(path)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._answered()

    def write(self, at: int, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{at} {text}\n")
        self._answered()

    def _answered(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline()


@pytest.fixture
def mapped() -> Iterator[Callable[[Path], Writer]]:
    writers: list[Writer] = []

    def start(path: Path) -> Writer:
        writers.append(Writer(path))
        return writers[-1]

    yield start
    for writer in writers:
        writer.process.communicate(timeout=120)


@pytest.fixture
def on_disk(disk: Path) -> Path:
    if shows_mapped_writes(disk) is not True:
        pytest.skip("there is no disk of a known kind")
    return disk / "large"


@pytest.fixture
def in_memory() -> Iterator[Path]:
    folder = Path("/dev/shm") / f"landfast-test-{os.getpid()}"
    if shows_mapped_writes("/dev/shm") is not False:
        pytest.skip("there is no folder in memory")
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def sha256_now(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("page", [0, 3, 999])
def test_mend_06_a_page_that_is_written_to_again_through_a_mapping_is_noticed(
    on_disk: Path, mapped: Callable[[Path], Writer], page: int
) -> None:
    on_disk.mkdir()
    path = on_disk / "x"
    path.write_bytes(bytes(4096 * 1000))
    store, writer = FileStore(), mapped(path)
    for text in ("one", "two", "six", "ten"):
        writer.write(page * 4096 + 7, text)
        for _ in range(2):
            (row,) = store.list_page(ListRequest(Location.parse(f"{on_disk}/"))).rows
            assert row.checksum is not None
            assert row.checksum.value == sha256_now(path)
        assert store.stat(row.location).checksum == row.checksum


@pytest.mark.parametrize("stat_cache", [None, False])
def test_mend_06_a_store_through_a_mapping_while_a_file_is_hashed_is_noticed(
    on_disk: Path,
    mapped: Callable[[Path], Writer],
    monkeypatch: pytest.MonkeyPatch,
    stat_cache: bool | None,
) -> None:
    """The page is dirty already when hashing begins, and written to again behind the hash."""
    on_disk.mkdir()
    path = on_disk / "x"
    path.write_bytes(bytes(8 << 20))
    writer = mapped(path)
    writer.write(0, "before")
    reading, reads = os.read, 0

    def read(handle: int, size: int) -> bytes:
        nonlocal reads
        chunk = reading(handle, size)
        reads += 1
        if reads == 2:
            writer.write(0, "during")
        return chunk

    monkeypatch.setattr(os, "read", read)
    row = FileStore({"stat_cache": stat_cache}).stat(Location.parse(str(path)))
    assert reads > 9  # hashed twice
    assert row.checksum is not None
    assert row.checksum.value == sha256_now(path)


@pytest.mark.usefixtures("settled")
def test_mend_06_hashes_of_files_in_memory_are_not_remembered(
    in_memory: Path, mapped: Callable[[Path], Writer], hashing: Hashing
) -> None:
    path = in_memory / "x"
    path.write_bytes(bytes(4096))
    writer = mapped(path)
    for text in ("one", "two"):
        writer.write(7, text)
        (row,) = FileStore().list_page(ListRequest(Location.parse(f"{in_memory}/"))).rows
        assert row.checksum is not None
        assert row.checksum.value == sha256_now(path)
    assert len(hashing.paths) == 2
    for _ in range(2):  # unless it is said that nobody writes so
        list(
            FileStore({"stat_cache": True})
            .list_page(ListRequest(Location.parse(f"{in_memory}/")))
            .rows
        )
    assert len(hashing.paths) == 3


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("kind", ["nfs4", "fuse.sshfs", "9p", "exfat", "something"])
def test_mend_06_hashes_on_network_and_unknown_filesystems_are_not_remembered(
    folder: Path, hashing: Hashing, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(mounts, "_kind_of", lambda place: kind)
    for _ in range(2):
        list(FileStore().list_page(ListRequest(Location.parse(f"{folder}/"))).rows)
    assert len(hashing.paths) == 10


def test_mend_06_doctor_says_where_hashes_are_not_remembered(
    in_memory: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (in_memory / "x").write_bytes(b"x")

    def told(place: Path) -> str:
        report = doctor(f"{place}/", Stores())
        (check,) = [check for check in report.checks if check.name == "checksums"]
        return f"{check.detail} {check.hint}"

    assert "hashed at every scan" in told(in_memory)
    assert "stat_cache=True" in told(in_memory)
    monkeypatch.setattr(mounts, "_kind_of", lambda place: "ext4")
    assert "every scan" not in told(folder)


def _scan(folder: str, cache: str, barrier: object, answers: object) -> None:
    stat_cache.SETTLED_S = -1
    barrier.wait(60)
    found = []
    for _ in range(5):
        store = FileStore({"stat_cache": True}, cache_dir=cache)
        rows = store.list_page(ListRequest(Location.parse(f"{folder}/"))).rows
        found.append([row.checksum.value for row in rows])
    answers.put(found)


def test_many_processes_share_one_cache(folder: Path, tmp_path: Path) -> None:
    for n in range(200):
        (folder / f"more{n:03}").write_bytes(b"m%d" % n)
    expected = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())]
    barrier, answers = context.Barrier(4), context.Queue()
    arguments = (str(folder), str(tmp_path / "cache"), barrier, answers)
    processes = [fork(_scan, *arguments) for _ in range(4)]
    for process in processes:
        process.start()
    for _ in processes:
        assert answers.get(timeout=60) == [expected] * 5
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    answers.close()


# Runs of rows


@pytest.mark.usefixtures("settled")
def test_what_is_remembered_outlasts_files_that_come_and_go_between(
    folder: Path, hashing: Hashing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stat_cache, "_RUN", 4)
    for n in range(40):
        (folder / f"{n:03}").write_bytes(b"%d" % n)
    assert hashes(folder) == expected(folder)
    hashing.paths.clear()
    (folder / "017").unlink()
    for name in ("!", "0175", "zzz"):
        (folder / name).write_bytes(name.encode())
    assert hashes(folder) == expected(folder)
    assert sorted(hashing.paths) == [str(folder / name) for name in ("!", "0175", "zzz")]
    assert hashes(folder) == expected(folder)
    assert len(hashing.paths) == 3


@pytest.mark.usefixtures("settled")
def test_scan_of_a_part_and_of_one_file_know_what_the_whole_has_hashed(
    folder: Path, hashing: Hashing
) -> None:
    for name in ("sub/a", "sub/b", "sub2/a", "é/ü"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(name.encode())
    hashes(folder)
    hashing.paths.clear()
    assert hashes(folder / "sub") == expected(folder / "sub")
    assert hashes(folder / "é") == expected(folder / "é")
    row = FileStore({"stat_cache": True}).stat(Location.parse(str(folder / "sub2" / "a")))
    assert row.checksum is not None
    assert row.checksum.value == hashlib.sha256(b"sub2/a").hexdigest()
    assert hashing.paths == []


def test_times_beyond_64_bits_are_told_apart(tmp_path: Path) -> None:
    cache = StatCache(tmp_path / "cache", everywhere=True)

    def status(mtime_ns: int, inode: int) -> SimpleNamespace:
        return SimpleNamespace(
            st_size=1, st_mtime_ns=mtime_ns, st_ctime_ns=1, st_ino=inode, st_dev=7
        )

    late, odd = status(2**63 + 5, 1), status(5, 2**64 - 1)
    cache.put(b"/late", late, "1" * 64, hashed_at_ns=2**64)
    cache.put(b"/odd", odd, "2" * 64, hashed_at_ns=2**64)
    for _ in range(2):  # before and after it is written
        known = cache.get_all(pa.array([b"/late", b"/odd"]), [late, odd])
        assert known.to_pylist() == ["1" * 64, "2" * 64]
        other = cache.get_all(
            pa.array([b"/late", b"/odd"]), [status(2**63 + 6, 1), status(5, 2**63)]
        )
        assert other.to_pylist() == [None, None]
        cache.flush()
    cache.close()


@pytest.mark.usefixtures("settled")
def test_hash_that_was_damaged_on_the_disk_is_never_told(folder: Path, tmp_path: Path) -> None:
    store = FileStore({"stat_cache": True}, cache_dir=tmp_path / "cache")
    page = ListRequest(Location.parse(f"{folder}/"))
    first = [row.checksum for row in store.list_page(page).rows]
    store._stat_cache.close()
    connection = sqlite3.connect(tmp_path / "cache" / "stat-cache-3.sqlite3")
    ((key, rows),) = connection.execute("SELECT first, rows FROM files").fetchall()
    at = rows.index(first[2].value.encode())
    damaged = rows[:at] + b"0" * 64 + rows[at + 64 :]
    connection.execute("UPDATE files SET rows = ? WHERE first = ?", (damaged, key))
    connection.commit()
    connection.close()
    for _ in range(2):
        assert [row.checksum for row in store.list_page(page).rows] == first


def expected(folder: Path) -> list[str]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return [sha256_now(path) for path in sorted(paths, key=lambda path: str(path).encode())]


def test_small_files_are_hashed_side_by_side_where_each_waits(folder: Path) -> None:
    hashers, meeting = OrderedWork(), threading.Barrier(2, timeout=120)
    hashers._seen, hashers._waited_s = 100, 1.0

    def work(number: int) -> int:
        if number in {3, 11}:  # of different groups: they meet only if both are at work
            meeting.wait()
        return number * 2

    done = list(hashers.run(range(40), work, is_heavy=lambda _: False))
    assert done == [number * 2 for number in range(40)]


def test_small_files_on_a_quick_disk_are_hashed_in_one_thread() -> None:
    hashers, threads = OrderedWork(), set()
    hashers._seen, hashers._worked_s = 100, 1.0
    for _ in hashers.run(range(40), lambda _: threads.add(threading.get_ident()), is_heavy=never):
        pass
    assert threads == {threading.get_ident()}


def never(_: object) -> bool:
    return False


def test_files_that_are_read_come_in_few_batches(tmp_path: Path) -> None:
    for n in range(700):
        (tmp_path / f"{n:04}").write_bytes(b"%d" % n)
    page = ListRequest(location=Location.parse(f"{tmp_path}/"), checksum="sha256")
    store = FileStore({"stat_cache": False})
    # One row comes at once, then twice as many each time.
    assert [len(batch) for batch in store.list_page(page).batches] == [
        1,
        2,
        4,
        8,
        16,
        32,
        64,
        128,
        256,
        189,
    ]


def test_large_files_that_are_read_come_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(7):
        (tmp_path / f"{n}").write_bytes(b"%d" % n * 100)
    page = ListRequest(location=Location.parse(f"{tmp_path}/"), checksum="sha256")
    monkeypatch.setattr("landfast.stores.local.store._MOST_READ_BYTES", 100)
    store = FileStore({"stat_cache": False})
    assert [len(batch) for batch in store.list_page(page).batches] == [1] * 7
