"""The fsspec store on a local filesystem under a scheme of its own, on FTP, and on memory."""

import builtins
import hashlib
import os
import pickle
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from kit.servers.ftp import ftp
from kit.servers.process import ServerMissing
from landfast.errors import (
    AccessDenied,
    InvalidInput,
    MissingExtra,
    NotFound,
    ObjectChanged,
    Unavailable,
    Unverifiable,
)
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.stores.base import Kind, Pin, Versioning
from landfast.stores.fsspec import FsspecStore
from landfast.stores.fsspec.info import modified_at, tokens
from landfast.testing.store_suite import ODD_KEYS, Place, StoreSuite, pin_of, read, rows

NO_FILE_NAMES = {"odd//double", "odd/../up", "odd/./dot"}


class MountFileSystem(LocalFileSystem):
    """Local files under `mount://`: what a mount point of some service is to fsspec."""

    protocol = "mount"

    @classmethod
    def _strip_protocol(cls, path):
        path = str(path).removeprefix("mount://").rstrip("/")
        return path or "/"


@pytest.fixture(autouse=True, scope="module")
def schemes():
    fsspec.register_implementation("mount", MountFileSystem, clobber=True)


@pytest.fixture
def store():
    return FsspecStore()


def at(uri: str) -> Location:
    return Location.parse(uri)


class MountPlace(Place):
    flat = False
    markers = False
    odd_keys = tuple(key for key in ODD_KEYS if key not in NO_FILE_NAMES)

    def __init__(self, folder):
        self.folder = folder

    def location(self, key):
        return at(f"mount://{self.folder}/{key}")

    def put(self, key, data):
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def delete(self, key):
        (self.folder / key).unlink()


class TestOnAMount(StoreSuite):
    @pytest.fixture
    def store(self):
        return FsspecStore()

    @pytest.fixture
    def place(self, tmp_path):
        return MountPlace(tmp_path)


class FtpPlace(Place):
    flat = False
    markers = False
    # ftplib refuses line breaks; they would be commands of their own.
    odd_keys = tuple(key for key in MountPlace.odd_keys if "\n" not in key)
    clock = 1_700_000_000

    def __init__(self, server):
        self.server = server

    def location(self, key):
        return at(f"{self.server.url}/{key}")

    def put(self, key, data):
        path = self.server.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.clock += 10  # FTP tells whole seconds
        os.utime(path, (self.clock, self.clock))

    def delete(self, key):
        (self.server.folder / key).unlink()


@pytest.fixture
def ftp_server():
    try:
        with ftp() as server:
            yield server
    except ServerMissing as missing:
        pytest.skip(str(missing))


def login(server) -> FsspecStore:
    return FsspecStore({"username": server.username, "password": server.password})


class TestOnFtp(StoreSuite):
    @pytest.fixture
    def store(self, ftp_server):
        return login(ftp_server)

    @pytest.fixture
    def place(self, ftp_server):
        return FtpPlace(ftp_server)

    @pytest.fixture
    def secrets(self, ftp_server):
        return (ftp_server.password,)


# What is told, and under which label


@pytest.mark.parametrize(
    ("info", "kind", "value"),
    [
        ({"sha256": "AB" * 32, "md5": "0" * 32}, "sha256", "ab" * 32),
        ({"md5": "0" * 31 + "F"}, "md5", "0" * 31 + "f"),
        ({"md5Hash": "AAAAAAAAAAAAAAAAAAAAAA=="}, "md5", "0" * 32),
        ({"content_settings": {"content_md5": bytearray(16)}, "etag": "1"}, "md5", "0" * 32),
        ({"content_settings": {"content_md5": None}, "etag": "0x8D"}, "fsspec-etag", "0x8D"),
        ({"ETag": '"a"', "mtime": 0.5}, "fsspec-etag", '"a"'),
        ({"mtime": 0.5}, "fsspec-mtime", "1970-01-01T00:00:00.500000+00:00"),
    ],
)
def test_the_best_that_info_offers_is_taken_and_labelled(info, kind, value):
    assert next(iter(tokens(info).values())) == Checksum(kind, value)


@pytest.mark.parametrize("value", ["short", "zz" * 16, "AAAA", b"short", 7])
def test_what_only_looks_like_a_hash_is_not_taken_for_one(value):
    assert tokens({"md5": value}) == {}


MOMENT = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "told",
    [
        {"mtime": 1_700_000_000},
        {"mtime": 1_700_000_000.0},
        {"modificationTime": 1_700_000_000_000},
        {"modify": "20231114221320"},
        {"modify": "20231114221320.000"},
        {"last_modified": MOMENT},
        {"last_modified": MOMENT.replace(tzinfo=None)},
        {"LastModified": "2023-11-14T22:13:20Z"},
        {"updated": "2023-11-14T23:13:20+01:00"},
        {"Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT"},
    ],
)
def test_modification_times_are_read_as_services_write_them(told):
    assert modified_at(told) == MOMENT


def test_a_time_of_creation_or_of_unknown_form_is_no_modification_time():
    assert modified_at({"created": MOMENT, "modify": "Nov 22 14:00"}) is None


# Memory tells nothing but name and size


@pytest.fixture
def memory():
    filesystem = fsspec.filesystem("memory")
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]
    yield filesystem
    filesystem.store.clear()


def test_where_nothing_is_told_the_caller_has_to_choose(store, memory):
    memory.pipe("/bucket/d/x", b"body")
    for ask in (
        lambda: store.stat(at("memory://bucket/d/x")),
        lambda: list(rows(store, at("memory://bucket/d/"))),
    ):
        with pytest.raises(Unverifiable, match="checksum='sha256' reads"):
            ask()
    (row,) = rows(store, at("memory://bucket/d/"), checksum=False)
    assert (row.location, row.size, row.checksum) == (at("memory://bucket/d/x"), 4, None)


def test_sha256_on_request_is_computed(store, memory):
    memory.pipe("/bucket/x", b"body")
    info = store.stat(at("memory://bucket/x"), checksum="sha256")
    assert info.checksum == Checksum("sha256", hashlib.sha256(b"body").hexdigest())
    assert read(store, pin_of(info)) == b"body"


@pytest.mark.parametrize("kind", ["md5", "fsspec-etag", "fsspec-mtime", "crc32c"])
def test_a_kind_that_is_not_told_is_unverifiable(store, memory, kind):
    memory.pipe("/bucket/x", b"body")
    with pytest.raises(Unverifiable, match=kind):
        store.stat(at("memory://bucket/x"), checksum=kind)


# Listing is complete or an error


def test_a_folder_that_cannot_be_listed_is_an_error(store, tmp_path, monkeypatch):
    place = MountPlace(tmp_path)
    place.put("a/x", b"1")
    place.put("b/closed/y", b"2")
    original = MountFileSystem.ls

    def ls(self, path, detail=False, **kwargs):
        if path.endswith("/closed"):
            raise PermissionError(13, "Permission denied", path)
        return original(self, path, detail=detail, **kwargs)

    monkeypatch.setattr(MountFileSystem, "ls", ls)
    listed = fsspec.filesystem("mount").find(str(tmp_path))
    assert [os.path.basename(path) for path in listed] == ["x"]  # what fsspec itself makes of it
    with pytest.raises(AccessDenied, match="b/closed"):
        list(rows(store, place.location("")))


def test_a_name_from_elsewhere_is_an_error(store, tmp_path, monkeypatch):
    foreign = [{"name": "/elsewhere/x", "type": "file", "size": 1, "mtime": 0}]
    monkeypatch.setattr(MountFileSystem, "ls", lambda *_, **__: foreign)
    with pytest.raises(InvalidInput, match="/elsewhere/x"):
        list(rows(store, MountPlace(tmp_path).location("d/")))


def test_links_are_skipped_with_a_reason(store, tmp_path):
    place = MountPlace(tmp_path)
    place.put("d/x", b"1")
    (tmp_path / "d/loop").symlink_to(tmp_path / "d")
    found = {row.location: row.skip for row in rows(store, place.location("d/"))}
    assert found == {
        place.location("d/loop"): "symlink",
        place.location("d/x"): "",
    }


def test_what_was_listed_before_is_asked_for_again(ftp_server):
    store, place = login(ftp_server), FtpPlace(ftp_server)
    place.put("d/x", b"1")
    before = [row.location for row in rows(store, place.location("d/"))]
    place.put("d/y", b"2")
    after = [row.location for row in rows(store, place.location("d/"))]
    assert [len(before), len(after)] == [1, 2]


# Reading what was recorded


def test_a_file_that_changes_while_it_is_read_is_an_error(store, tmp_path):
    place = MountPlace(tmp_path)
    place.put("x", b"a" * (3 << 20))
    pin = pin_of(store.stat(place.location("x")))

    def overwrite_meanwhile():
        with store.open(pin) as reader:
            for _ in reader:
                place.put("x", b"b" * (3 << 20))

    with pytest.raises(ObjectChanged, match="until its end"):
        overwrite_meanwhile()


def test_a_file_that_ends_early_is_an_error(store, tmp_path, monkeypatch):
    place = MountPlace(tmp_path)
    place.put("x", b"a" * 100)

    class Short:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def read(self, size):
            return self.file.read(60) if self.file.tell() == 0 else b""

    original = MountFileSystem.open
    monkeypatch.setattr(
        MountFileSystem, "open", lambda self, *a, **k: Short(original(self, *a, **k))
    )
    with pytest.raises(Unavailable, match="expected 100 bytes, found 60 bytes"):
        read(store, pin_of(store.stat(place.location("x"))))


def test_an_overwrite_of_equal_size_is_seen_by_its_time(ftp_server):
    store, place = login(ftp_server), FtpPlace(ftp_server)
    place.put("x", b"recorded")
    pin = pin_of(store.stat(place.location("x")))
    assert pin.checksum.algorithm == "fsspec-mtime"
    place.put("x", b"RECORDED")
    with pytest.raises(ObjectChanged, match="fsspec-mtime"):
        read(store, pin)


def test_an_etag_that_is_no_longer_told_is_an_error(store, tmp_path):
    place = MountPlace(tmp_path)
    place.put("x", b"body")
    with pytest.raises(ObjectChanged, match="no ETag"):
        read(store, Pin(location=place.location("x"), etag="1", size=4))


def test_a_folder_is_no_object(store, tmp_path):
    place = MountPlace(tmp_path)
    place.put("d/x", b"1")
    with pytest.raises(NotFound, match="found a directory"):
        store.stat(place.location("d"))


# Options, credentials, threads


def test_user_and_password_may_stand_in_the_uri(ftp_server):
    FtpPlace(ftp_server).put("x", b"body")
    user, word = ftp_server.username, ftp_server.password
    location = at(ftp_server.url.replace("//", f"//{user}:{word}@") + "/x")
    info = FsspecStore().stat(location)
    assert info.size == 4
    recorded, stripped = info.location.without_secrets()
    assert word not in recorded.uri
    assert stripped == ("password",)


def test_a_refused_login_is_denied_and_tells_no_password(ftp_server):
    for store, location in (
        (FsspecStore({"username": "reader", "password": "hunter2"}), f"{ftp_server.url}/x"),
        (FsspecStore(), ftp_server.url.replace("//", "//reader:hunter2@") + "/x"),
    ):
        with pytest.raises(AccessDenied, match="530") as caught:
            store.stat(at(location))
        error = caught.value
        assert "hunter2" not in str(error) + repr(error.__context__) + repr(error.__cause__)


def test_nobody_there_is_unavailable():
    with pytest.raises(Unavailable, match="refused"):
        FsspecStore().stat(at("ftp://127.0.0.1:9/x"))


class Verbose(MountFileSystem):
    """A filesystem whose errors quote its credentials."""

    protocol = "verbose"

    def __init__(self, account_key=None, **kwargs):
        super().__init__(**kwargs)
        self.account_key = account_key

    def info(self, path, **kwargs):
        raise RuntimeError(f"failed with key {self.account_key} for https://h/?sig=abc\nmore")


def test_an_error_of_the_filesystems_is_quoted_without_options_and_signatures():
    fsspec.register_implementation("verbose", Verbose, clobber=True)
    store = FsspecStore({"account_key": "hunter2"})
    with pytest.raises(Unavailable) as caught:
        store.stat(at("verbose://c/x"))
    assert caught.value.found == "RuntimeError: failed with key *** for https://h/?sig=***"
    assert caught.value.__context__ is None
    assert "hunter2" not in repr(store)


class Strict(MountFileSystem):
    protocol = "strict"

    def __init__(self, account_name, account_key=None, **kwargs):
        super().__init__(**kwargs)
        if account_key != "right":
            raise ValueError(f"the key {account_key} is wrong")


def test_options_that_do_not_suit_are_told_without_their_values():
    fsspec.register_implementation("strict", Strict, clobber=True)
    with pytest.raises(InvalidInput, match=r"options do not suit strict://.*account_name.*Strict"):
        FsspecStore().stat(at("strict://c/x"))
    with pytest.raises(InvalidInput, match=r"ValueError: the key \*\*\* is wrong"):
        FsspecStore({"account_name": "a", "account_key": "hunter2"}).stat(at("strict://c/x"))


def test_a_client_of_ones_own_is_made_once_in_each_thread(tmp_path):
    made = []

    def make():
        made.append(threading.get_ident())
        return MountFileSystem(skip_instance_cache=True)

    store = FsspecStore(client=make)
    place = MountPlace(tmp_path)
    place.put("x", b"body")
    pin = pin_of(store.stat(place.location("x")))
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: read(store, pin), range(6))) == [b"body"] * 6
    assert len(made) == len(set(made))
    assert len(made) in {2, 3}


def test_the_endpoint_is_the_account_or_server_of_the_options():
    assert FsspecStore().endpoint is None
    assert FsspecStore({"account_name": "ours", "account_key": "hunter2"}).endpoint == "ours"
    store = FsspecStore({"endpoint_url": "https://user:hunter2@h:1/"})
    assert "hunter2" not in store.endpoint
    assert pickle.loads(pickle.dumps(store)).endpoint == store.endpoint


# What is missing


def test_a_filesystem_whose_package_is_missing_names_it():
    with pytest.raises(MissingExtra, match="adlfs"):
        FsspecStore().stat(at("az://container/x"))


def test_a_missing_fsspec_names_the_extra(monkeypatch):
    original = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.partition(".")[0] == "fsspec":
            raise ImportError(name)
        return original(name, *args, **kwargs)

    for name in [name for name in sys.modules if name.partition(".")[0] == "fsspec"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtra, match=r"landfast\[fsspec\]"):
        FsspecStore().stat(at("memory://bucket/x"))


def test_an_unknown_scheme_is_named():
    with pytest.raises(InvalidInput, match="fsspec knows no nowhere://"):
        FsspecStore().stat(at("nowhere://bucket/x"))


def test_there_are_no_versions(store, tmp_path):
    place = MountPlace(tmp_path)
    place.put("x", b"1")
    assert store.versioning(place.location("x")) is Versioning.NONE
    assert store.locate(place.location("x")) is Kind.OBJECT
    with pytest.raises(InvalidInput, match="no version 'v'"):
        store.stat(place.location("x"), version_id="v")
