"""The stat cache saves hashing, and never tells a hash that is not the file's."""

import hashlib
import multiprocessing
import os
import sqlite3
import time
from pathlib import Path

import pytest
from landfast.model.location import Location
from landfast.stores import file_hash, stat_cache
from landfast.stores.file import FileStore
from landfast.stores.stat_cache import StatCache, is_settled

DAY_AGO = time.time() - 86400


class Hashing:
    """Counts which files are really read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[str] = []
        real = file_hash._hash_once

        def counted(path: bytes) -> object:
            self.paths.append(os.fsdecode(path))
            return real(path)

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
    page = FileStore(options).list_page(Location.parse(f"{folder}/"))
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
    store = FileStore(cache_dir=tmp_path / "cache")
    page = Location.parse(f"{folder}/")
    first = [row.checksum for row in store.list_page(page).rows]
    store._stat_cache.close()
    file = tmp_path / "cache" / "stat-cache-1.sqlite3"
    if damage is None:
        data = bytearray(file.read_bytes())
        data[4096:] = os.urandom(len(data) - 4096)
        file.write_bytes(data)
    else:
        file.write_bytes(damage)
    for _ in range(3):
        store = FileStore(cache_dir=tmp_path / "cache")
        assert [row.checksum for row in store.list_page(page).rows] == first
    assert 10 <= len(hashing.paths) <= 15  # usable again at the latest after the second scan


@pytest.mark.usefixtures("settled")
def test_folder_that_cannot_be_made_is_no_error(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = FileStore(cache_dir=tmp_path / "file" / "cache")
    assert len(list(store.list_page(Location.parse(f"{folder}/")).rows)) == 5


def test_old_rows_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stat_cache, "SETTLED_S", -1)
    path = tmp_path / "x"
    path.touch()
    cache = StatCache(tmp_path / "cache")
    cache.put(b"/old", path.stat(), "0" * 64, hashed_at_ns=time.time_ns())
    cache.close()
    file = tmp_path / "cache" / "stat-cache-1.sqlite3"
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


def _scan(folder: str, cache: str, barrier: object, answers: object) -> None:
    stat_cache.SETTLED_S = -1
    barrier.wait(60)
    found = []
    for _ in range(5):
        store = FileStore(cache_dir=cache)
        rows = store.list_page(Location.parse(f"{folder}/")).rows
        found.append([row.checksum.value for row in rows])
    answers.put(found)


def test_many_processes_share_one_cache(folder: Path, tmp_path: Path) -> None:
    for n in range(200):
        (folder / f"more{n:03}").write_bytes(b"m%d" % n)
    expected = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())]
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(4), context.Queue()
    arguments = (str(folder), str(tmp_path / "cache"), barrier, answers)
    processes = [context.Process(target=_scan, args=arguments) for _ in range(4)]
    for process in processes:
        process.start()
    for _ in processes:
        assert answers.get(timeout=60) == [expected] * 5
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    answers.close()
