"""The file store keeps the contract of stores, and hashes, links and paths as documented."""

import hashlib
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from landfast.errors import (
    AccessDenied,
    InvalidInput,
    NotFound,
    ObjectChanged,
    Unavailable,
)
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.stores.base import Kind, ListRequest, Pin, Store, Versioning
from landfast.stores.local import FileStore
from landfast.testing.store_suite import ODD_KEYS, Place, StoreSuite, pin_of, read, rows


class Folder(Place):
    flat = False
    markers = False
    odd_keys = tuple(key for key in ODD_KEYS if not {"", ".", ".."} & set(key.split("/")))

    def __init__(self, root: Path) -> None:
        self.root = root

    def location(self, key: str) -> Location:
        return Location(scheme="file", authority="", key=f"{self.root}/{key}")

    def put(self, key: str, data: bytes) -> None:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def delete(self, key: str) -> None:
        (self.root / key).unlink()


class TestFileStore(StoreSuite):
    @pytest.fixture
    def store(self) -> Store:
        return FileStore()

    @pytest.fixture
    def place(self, tmp_path: Path) -> Folder:
        (tmp_path / "place").mkdir()
        return Folder(tmp_path / "place")


class TestFileStoreOfAMappedFolder(StoreSuite):
    """The same contract where the recorded folder is mounted elsewhere."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return FileStore({"path_map": {"/recorded/there": str(tmp_path / "here")}})

    @pytest.fixture
    def place(self, tmp_path: Path) -> Folder:
        class Mapped(Folder):
            def location(self, key: str) -> Location:
                return Location(scheme="file", authority="", key=f"/recorded/there/{key}")

        (tmp_path / "here").mkdir()
        return Mapped(tmp_path / "here")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    root.mkdir()
    return root


def at(path: Path) -> Location:
    return Location.parse(str(path))


def names(store: Store, root: Path) -> list[str]:
    return [row.location.key[len(f"{root}/") :] for row in rows(store, at(root).as_folder())]


def test_rows_carry_the_sha256_of_the_bytes(root: Path) -> None:
    (root / "small").write_bytes(b"abc")
    (root / "zbig").write_bytes(b"x" * (3 << 20))
    small, big = rows(FileStore(), at(root).as_folder())
    assert small.checksum == Checksum("sha256", hashlib.sha256(b"abc").hexdigest())
    assert big.checksum == Checksum("sha256", hashlib.sha256(b"x" * (3 << 20)).hexdigest())
    assert FileStore().stat(at(root / "zbig")).checksum == big.checksum


def test_order_is_kept_among_large_and_small_files(root: Path) -> None:
    for n in range(60):
        (root / f"{n:03}").write_bytes(bytes([n]) * (2 << 20 if n % 7 == 0 else 10))
    found = list(rows(FileStore(), at(root).as_folder()))
    assert [row.location.key for row in found] == [str(root / f"{n:03}") for n in range(60)]
    for row in found:
        data = Path(row.location.key).read_bytes()
        assert row.checksum == Checksum("sha256", hashlib.sha256(data).hexdigest())


def test_stat_checksum_reads_no_byte_and_tells_a_rewrite(root: Path) -> None:
    path = root / "unreadable"
    path.write_bytes(b"abc")
    os.utime(path, ns=(5, 1_700_000_000_123_456_789))
    store = FileStore()
    (row,) = rows(store, at(root).as_folder(), checksum="stat")
    assert row.checksum == Checksum("stat", "3-1700000000123456789")
    assert read(store, pin_of(row)) == b"abc"
    path.write_bytes(b"abd")
    with pytest.raises(ObjectChanged, match="changed after"):
        read(store, pin_of(row))


def test_listing_a_tree_takes_one_page_and_is_lazy(root: Path) -> None:
    for n in range(2500):
        (root / f"{n:05}").touch()
    page = FileStore().list_page(ListRequest(at(root).as_folder()))
    assert page.next is None
    iterator = iter(page.rows)
    assert next(iterator).location.key == str(root / "00000")
    (root / "02499").unlink()  # not hashed yet: its turn comes, and then it is missed
    last = list(iterator)[-1]
    assert (last.location.key, last.skip) == (str(root / "02499"), "deleted during the scan")


def test_folder_that_vanishes_during_the_scan_is_told(root: Path) -> None:
    for name in ["a/x", "b/x", "c/x"]:
        (root / name).parent.mkdir()
        (root / name).touch()
    iterator = iter(FileStore().list_page(ListRequest(at(root).as_folder())).rows)
    assert next(iterator).skip == ""
    (root / "b" / "x").unlink()
    (root / "b").rmdir()
    assert [(row.location.key, row.skip) for row in iterator] == [
        (f"{root}/b", "deleted during the scan"),
        (f"{root}/c/x", ""),
    ]


def test_after_below_a_folder_does_not_enter_folders_before_it(root: Path) -> None:
    (root / "a").mkdir()
    (root / "a" / "x").write_bytes(b"")
    (root / "b").mkdir()
    (root / "b" / "x").write_bytes(b"")
    (root / "a").chmod(0)
    try:
        page = FileStore().list_page(ListRequest(at(root).as_folder(), after=f"{root}/b/"))
        assert [row.location.key for row in page.rows] == [f"{root}/b/x"]
    finally:
        (root / "a").chmod(0o700)


def test_bounds_outside_the_folder_mean_all_or_nothing(root: Path) -> None:
    (root / "x").write_bytes(b"")
    store, folder = FileStore(), at(root).as_folder()

    def count(**bounds: str) -> int:
        return len(list(store.list_page(ListRequest(folder, **bounds)).rows))

    above, below = f"{root}!", f"{root}0"
    assert (count(after=above), count(after=below)) == (1, 0)
    assert (count(before=above), count(before=below)) == (0, 1)
    assert (count(before=f"{root}/x"), count(before=f"{root}/y")) == (0, 1)


def test_empty_folders_vanish(root: Path) -> None:
    (root / "empty" / "emptier").mkdir(parents=True)
    (root / "x").touch()
    assert names(FileStore(), root) == ["x"]


# Links and what is no file


def test_links_to_files_and_folders_are_followed_at_their_own_path(
    root: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "inside").write_bytes(b"inside")
    (root / "z").write_bytes(b"z")
    (root / "file-link").symlink_to(root / "z")
    (root / "folder-link").symlink_to(other)
    store = FileStore()
    assert names(store, root) == ["file-link", "folder-link/inside", "z"]
    link, inside, _ = rows(store, at(root).as_folder())
    assert link.checksum == Checksum("sha256", hashlib.sha256(b"z").hexdigest())
    assert (link.size, inside.size) == (1, 6)
    assert read(store, pin_of(inside)) == b"inside"


def test_linked_folders_sort_as_folders(root: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x").touch()
    (root / "a").symlink_to(tmp_path / "other")
    for name in ("a!", "a0", "a.b"):
        (root / name).touch()
    assert names(FileStore(), root) == ["a!", "a.b", "a/x", "a0"]


def test_link_to_a_folder_above_is_skipped_with_its_reason(root: Path) -> None:
    (root / "sub").mkdir()
    (root / "sub" / "x").touch()
    (root / "sub" / "up").symlink_to(root)
    (root / "sub" / "here").symlink_to(".")
    found = {
        row.location.key[len(f"{root}/") :]: row.skip
        for row in rows(FileStore(), at(root).as_folder())
    }
    loop = "symlink to a folder that holds it"
    assert found == {"sub/here": loop, "sub/up": loop, "sub/x": ""}


def test_two_links_to_one_folder_are_both_followed(root: Path) -> None:
    (root / "real").mkdir()
    (root / "real" / "x").touch()
    (root / "one").symlink_to("real")
    (root / "two").symlink_to("real")
    assert names(FileStore(), root) == ["one/x", "real/x", "two/x"]


@pytest.mark.parametrize("target", ["nowhere", "broken"])
def test_link_that_leads_nowhere_is_an_error_that_names_it(root: Path, target: str) -> None:
    (root / "a").touch()
    (root / "broken").symlink_to(target)
    with pytest.raises(NotFound, match=f"{root}/broken is a symlink"):
        names(FileStore(), root)
    with pytest.raises(NotFound, match=f"{root}/broken is a symlink"):
        FileStore().locate(at(root / "broken"))
    with pytest.raises(NotFound, match=f"{root}/broken is a symlink"):
        read(FileStore(), Pin(location=at(root / "broken")))


def test_links_are_skipped_on_request_and_told(root: Path) -> None:
    (root / "x").touch()
    (root / "link").symlink_to("x")
    (root / "broken").symlink_to("nowhere")
    (root / "folder").symlink_to("/")
    found = [
        (row.location.key[len(f"{root}/") :], row.skip)
        for row in rows(FileStore({"symlinks": "skip"}), at(root).as_folder())
    ]
    skipped = [(name, "symlink") for name in ("broken", "folder", "link")]
    assert found == [*skipped, ("x", "")]


def test_pipes_and_sockets_are_skipped_with_the_reason_and_never_opened(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        where = os.getcwd()
        os.chdir(root)  # the address of a socket has little room
        listener.bind("socket")
        os.chdir(where)
        found = [(row.location.key, row.skip) for row in rows(FileStore(), at(root).as_folder())]
    assert found == [(f"{root}/pipe", "named pipe"), (f"{root}/socket", "socket")]
    with pytest.raises(InvalidInput, match="a named pipe"):
        FileStore().stat(at(root / "pipe"))
    with pytest.raises(InvalidInput, match="a named pipe"):
        read(FileStore(), Pin(location=at(root / "pipe")))


def test_marker_of_a_download_is_skipped_with_the_reason(root: Path) -> None:
    (root / ".landfast").mkdir()
    (root / ".landfast" / "identity.json").touch()
    (root / "x").touch()
    found = [(row.location.key, row.skip) for row in rows(FileStore(), at(root).as_folder())]
    assert found == [(f"{root}/.landfast", "marker of a download"), (f"{root}/x", "")]


def test_name_that_is_not_utf8_is_an_error_that_names_it(root: Path) -> None:
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.txt")).touch()
    with pytest.raises(InvalidInput, match=r"caf\\xe9.txt is not UTF-8"):
        names(FileStore(), root)


def test_path_with_nul_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="not a path"):
        FileStore().stat(Location(scheme="file", authority="", key="/a\0b"))


def test_unreadable_file_and_folder_are_access_denied() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        (root / "file").write_bytes(b"secret")
        (root / "file").chmod(0)
        (root / "sub").mkdir(mode=0)
        for path in ["file", "sub"]:
            with somebody(), pytest.raises(AccessDenied, match=f"{root}/{path}") as caught:
                names(FileStore({"stat_cache": False}), root)
            assert caught.value.details["permission"] == "read"
            (root / path).chmod(0o755)


@contextmanager
def somebody() -> Iterator[None]:
    """Be a user without privileges: root may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_folder_is_no_file(root: Path) -> None:
    store = FileStore()
    assert store.locate(at(root)) is Kind.FOLDER
    with pytest.raises(NotFound, match="it is a folder"):
        store.stat(at(root))
    with pytest.raises(NotFound, match="it is a folder"):
        read(store, Pin(location=at(root)))


def test_very_deep_trees_are_walked(root: Path) -> None:
    where, depth = os.getcwd(), 1200
    os.chdir(root)
    try:
        for _ in range(depth):
            os.mkdir("d")
            os.chdir("d")
        Path("x").write_bytes(b"deep")
        (found,) = names(FileStore(), root)
        os.unlink("x")
        for _ in range(depth):  # pytest itself could not remove it
            os.chdir("..")
            os.rmdir("d")
    finally:
        os.chdir(where)
    assert found == "d/" * depth + "x"


# Files that change


def test_file_written_to_while_it_is_hashed_never_gets_a_wrong_checksum(root: Path) -> None:
    path = root / "x"
    path.write_bytes(b"0" * (8 << 20))
    done = threading.Event()

    def write() -> None:
        with path.open("r+b", buffering=0) as file:
            n = 0
            while not done.is_set():
                file.seek(n % 8 << 20)
                file.write(bytes([n % 256]) * 64)
                n += 1

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            with pytest.raises(Unavailable, match=f"{root}/x changed while it was hashed"):
                list(rows(FileStore(), at(root).as_folder()))
        finally:
            done.set()
        writing.result()


def test_file_that_changes_while_it_is_read_is_object_changed(root: Path) -> None:
    path = root / "x"
    path.write_bytes(b"0" * (3 << 20))
    store = FileStore()
    pin = replace(pin_of(store.stat(at(path))), checksum=None)
    with store.open(pin) as reader:
        chunks = iter(reader)
        next(chunks)
        with path.open("r+b") as file:
            file.write(b"1")
        os.utime(path, ns=(1, 1))
        with pytest.raises(ObjectChanged, match="changed while it was read"):
            list(chunks)


def test_file_that_is_cut_while_it_is_read_is_object_changed(root: Path) -> None:
    path = root / "x"
    path.write_bytes(b"0" * (3 << 20))
    store = FileStore()
    with store.open(pin_of(store.stat(at(path)))) as reader:
        chunks = iter(reader)
        next(chunks)
        os.truncate(path, 1 << 20)
        with pytest.raises(ObjectChanged):
            list(chunks)


def test_a_version_of_a_file_is_not_found(root: Path) -> None:
    (root / "x").touch()
    with pytest.raises(NotFound) as caught:
        FileStore().stat(at(root / "x"), version_id="3")
    assert caught.value.details == {"version_id": "3"}
    assert FileStore().versioning(at(root)) is Versioning.NONE


# Options


def test_path_map_takes_the_longest_folder_and_whole_names(tmp_path: Path) -> None:
    for name in ("a", "b", "ab"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_bytes(name.encode())
    store = FileStore(
        {"path_map": {"/mnt": str(tmp_path), "/mnt/deep/": str(tmp_path / "b"), "/m": "/nowhere"}}
    )

    def content(key: str) -> bytes:
        return read(store, Pin(location=Location(scheme="file", authority="", key=key)))

    assert content("/mnt/a/x") == b"a"
    assert content("/mnt/deep/x") == b"b"
    assert content("/mnt/ab/x") == b"ab"
    assert store.path(Location.parse("/mnt/a/x")) == tmp_path / "a" / "x"
    assert store.path(Location.parse("/mntx/a/x")) == Path("/mntx/a/x")


@pytest.mark.parametrize(
    "options",
    [{"symlinks": "ignore"}, {"path_map": {"a": "/b"}}, {"endpoint": "http://h"}],
    ids=["symlinks", "path_map", "unknown"],
)
def test_wrong_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        FileStore(options)
