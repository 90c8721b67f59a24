"""StoreSuite: the contract of `landfast.stores.base.Store` as tests, to run over any implementation.

Subclass it, give it the fixtures `store` and `place`, and pytest runs every test.  What a store
declares that it lacks is skipped, nothing else is.

    class TestMyStore(StoreSuite):
        @pytest.fixture
        def store(self): return MyStore({"endpoint": ...})

        @pytest.fixture
        def place(self): return MyPlace(...)
"""

from __future__ import annotations

import multiprocessing
import pickle
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from landfast.errors import InvalidInput, LandfastError, NotFound, ObjectChanged, Unverifiable
from landfast.model.location import Location
from landfast.stores.base import (
    Capabilities,
    ChecksumKind,
    Kind,
    ListRequest,
    ObjectInfo,
    Pin,
    Store,
    Versioning,
)
from landfast.stores.pager import Pager

# Every one is a legal key of S3.
ODD_KEYS = (
    "odd/a b+c&d=e",
    "odd/a#1",
    "odd/a%20b%",
    "odd/a?versionId=x",
    "odd/a\\b",
    "odd/back\\\\slash.txt",
    "odd/é-combined e\u0301 日本語 \U0001f600",
    "odd/quote'\"<>|*[]{}~^`",
    "odd/ leading and trailing ",
    "odd/.hidden",
    "odd/...",
    "odd//double",
    "odd/../up",
    "odd/./dot",
    "odd/line\nfeed\ttab\rreturn",
)


class Place(ABC):
    """Somewhere to write what the store shall read; empty at the start of every test.

    Attributes:
        odd_keys: Which of `ODD_KEYS`, and more, an object may have here.
        flat: Whether ``a`` and ``a/b`` can both be objects, as in a bucket.
        markers: Whether ``put("folder/", b"")`` makes a folder marker.
        keeps_versions: Whether what is overwritten here stays readable by version id.
    """

    odd_keys: tuple[str, ...] = ODD_KEYS
    flat: bool = True
    markers: bool = True
    keeps_versions: bool = False

    @abstractmethod
    def location(self, key: str) -> Location:
        """Return where `key` lies, or will lie; ``""`` and ``"a/"`` are folders."""

    @abstractmethod
    def put(self, key: str, data: bytes) -> str | None:
        """Write an object, or overwrite it; return its version id, if it gets one."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Delete an object, as a user would: where versions are kept, they stay."""


class StoreSuite:
    """One test per promise of the store's contract."""

    @pytest.fixture
    def store(self) -> Store:
        """The store to test."""
        raise NotImplementedError

    @pytest.fixture
    def place(self) -> Place:
        """Where to write what the store reads."""
        raise NotImplementedError

    @pytest.fixture
    def secrets(self) -> tuple[str, ...]:
        """Texts that must not be seen in the store's repr."""
        return ()

    @pytest.fixture
    def able(self, store: Store) -> Capabilities:
        """What the store says that it can do."""
        return store.capabilities()

    @pytest.fixture
    def listing(self, able: Capabilities) -> None:
        """Skip what a store without listing cannot do."""
        if not able.listing:
            pytest.skip("the store declares no listing")

    @pytest.fixture
    def versioned(self, able: Capabilities, place: Place) -> None:
        """Skip what needs kept versions."""
        if not able.versions or not place.keeps_versions:
            pytest.skip("the store declares no versions, or the place keeps none")

    # Listing

    @pytest.mark.usefixtures("listing")
    def test_lists_every_object_in_utf8_byte_order(self, store: Store, place: Place) -> None:
        keys = ["Z", "a!b", "a.txt", "a/b", "a/b.c/d", "a/bc", "a0", "é", "\uff5e", "\U0001f600"]
        for key in reversed(keys):
            place.put(key, key.encode())
        found = [row.location for row in rows(store, place.location(""))]
        if not store.capabilities().stable_order:
            found.sort(key=lambda location: location.key.encode())
        assert found == [place.location(key) for key in keys]

    @pytest.mark.usefixtures("listing")
    def test_pages_of_a_small_limit_follow_each_other(self, store: Store, place: Place) -> None:
        keys = [f"d{n % 3}/f{n}" for n in range(7)]
        for key in keys:
            place.put(key, b"x")
        sizes, found, token = [], [], None
        for _ in range(20):
            page = store.list_page(ListRequest(place.location(""), limit=2, token=token))
            chunk = [row.location.key for row in page.rows]
            sizes.append(len(chunk))
            found += chunk
            token = page.next
            if token is None:
                break
        assert max(sizes) <= 2
        assert sorted(found) == sorted(place.location(key).key for key in keys)
        assert len(set(found)) == len(found)

    @pytest.mark.usefixtures("listing")
    def test_after_leaves_out_keys_up_to_it(self, store: Store, place: Place) -> None:
        if not store.capabilities().stable_order:
            pytest.skip("the store declares no stable order")
        keys = ["a", "b/1", "b/2", "b/3/x", "b0", "c"]
        for key in keys:
            place.put(key, b"x")
        for cut in ["b/2", "b/", "b/2x", "b/3/", "b0", "c"]:
            page = store.list_page(ListRequest(place.location(""), after=place.location(cut).key))
            found = [row.location for row in page.rows]
            assert found == [place.location(key) for key in keys if key > cut], cut

    @pytest.mark.usefixtures("listing")
    def test_before_keeps_at_least_the_keys_before_it(self, store: Store, place: Place) -> None:
        for key in ["a", "b/1", "b/2", "c"]:
            place.put(key, b"x")
        page = store.list_page(ListRequest(place.location(""), before=place.location("b/2").key))
        found = {row.location for row in page.rows}
        assert {place.location("a"), place.location("b/1")} <= found

    @pytest.mark.usefixtures("listing")
    def test_sibling_with_the_same_beginning_is_not_listed(
        self, store: Store, place: Place
    ) -> None:
        for key in ["data/x", "data2/x", "data.txt"]:
            place.put(key, b"x")
        found = [row.location for row in rows(store, place.location("data/"))]
        assert found == [place.location("data/x")]

    @pytest.mark.usefixtures("listing")
    def test_missing_folder_lists_nothing(self, store: Store, place: Place) -> None:
        place.put("other/x", b"x")
        assert list(rows(store, place.location("nothing/"))) == []

    @pytest.mark.usefixtures("listing")
    def test_zero_byte_objects_are_rows(self, store: Store, place: Place) -> None:
        place.put("d/empty", b"")
        (row,) = rows(store, place.location("d/"))
        assert (row.size, row.skip) == (0, "")
        with store.open(pin_of(row)) as reader:
            assert b"".join(reader) == b""

    @pytest.mark.usefixtures("listing")
    def test_folder_markers_are_skipped_with_a_reason(self, store: Store, place: Place) -> None:
        if not place.markers:
            pytest.skip("the place has no folder markers")
        place.put("d/sub/", b"")
        place.put("d/x", b"x")
        kept = [row.location for row in rows(store, place.location("d/")) if not row.skip]
        skipped = [row for row in rows(store, place.location("d/")) if row.skip]
        assert kept == [place.location("d/x")]
        assert [(row.location, row.skip) for row in skipped] == [
            (place.location("d/sub/"), "folder marker")
        ]

    @pytest.mark.usefixtures("listing")
    def test_every_declared_list_checksum_comes(self, store: Store, place: Place) -> None:
        place.put("d/x", b"some bytes")
        for kind in (None, *store.capabilities().list_checksums):
            (row,) = rows(store, place.location("d/"), checksum=kind)
            assert row.checksum is not None
            assert row.checksum.value
            assert kind is None or row.checksum.algorithm == kind

    @pytest.mark.usefixtures("listing")
    def test_checksum_false_lists_the_same_rows_without_one(
        self, store: Store, place: Place
    ) -> None:
        place.put("d/x", b"some bytes")
        (row,) = rows(store, place.location("d/"), checksum=False)
        (full,) = rows(store, place.location("d/"))
        assert row.checksum is None
        assert (row.location, row.size, row.version_id) == (
            full.location,
            full.size,
            full.version_id,
        )

    @pytest.mark.usefixtures("listing")
    def test_content_tokens_tell_contents_apart(self, store: Store, place: Place) -> None:
        if not store.capabilities().content_tokens:
            pytest.skip("the store declares validators only")
        for key, data in {"d/a": b"same", "d/b": b"same", "d/c": b"else"}.items():
            place.put(key, data)
        a, b, c = (row.checksum for row in rows(store, place.location("d/")))
        assert a == b
        assert a != c

    # Locating

    @pytest.mark.usefixtures("listing")
    def test_locates_object_folder_and_nothing(self, store: Store, place: Place) -> None:
        for key in ["data/x", "data2/x", "data.txt"]:
            place.put(key, b"x")
        assert store.locate(place.location("data")) is Kind.FOLDER
        assert store.locate(place.location("data.txt")) is Kind.OBJECT
        assert store.locate(place.location("dat")) is Kind.MISSING

    @pytest.mark.usefixtures("listing")
    def test_locates_folder_behind_a_sibling_that_sorts_first(
        self, store: Store, place: Place
    ) -> None:
        for key in ["data!", "data-1/x", "data/x"]:
            place.put(key, b"x")
        assert store.locate(place.location("data")) is Kind.FOLDER

    @pytest.mark.usefixtures("listing")
    def test_exact_key_and_folder_of_one_name_are_both(self, store: Store, place: Place) -> None:
        if not place.flat:
            pytest.skip("an object and a folder cannot have one name here")
        for key in ["data", "data.txt", "data/x"]:
            place.put(key, b"x")
        assert store.locate(place.location("data")) is Kind.BOTH

    # One object

    def test_missing_object_is_not_found(self, store: Store, place: Place) -> None:
        place.put("present", b"x")
        where = place.location("absent")
        with pytest.raises(NotFound, match="absent"):
            store.stat(where)
        with pytest.raises(NotFound, match="absent"), store.open(Pin(location=where)) as reader:
            b"".join(reader)

    def test_odd_keys_round_trip(self, store: Store, place: Place) -> None:
        for key in place.odd_keys:
            place.put(key, key.encode())
        if store.capabilities().listing:
            found = {row.location for row in rows(store, place.location("odd/"))}
            assert found == {place.location(key) for key in place.odd_keys}
        for key in place.odd_keys:
            info = store.stat(place.location(key))
            assert (info.location, info.size) == (place.location(key), len(key.encode()))
            assert read(store, pin_of(info)) == key.encode()
            again = Location.parse(info.location.uri, pins=False)
            assert again == info.location

    @pytest.mark.usefixtures("listing")
    def test_rows_agree_with_stat(self, store: Store, place: Place) -> None:
        place.put("d/a", b"some bytes")
        place.put("d/b", b"")
        for row in rows(store, place.location("d/")):
            info = store.stat(row.location)
            assert (info.location, info.size, info.checksum, info.etag) == (
                row.location,
                row.size,
                row.checksum,
                row.etag,
            )
            if row.version_id is not None:
                assert info.version_id == row.version_id

    def test_moments_are_in_utc(self, store: Store, place: Place) -> None:
        place.put("x", b"x")
        moment = store.stat(place.location("x")).modified_at
        assert moment is None or moment.tzinfo is UTC

    def test_unknown_checksum_kind_is_a_typed_error(self, store: Store, place: Place) -> None:
        place.put("x", b"x")
        with pytest.raises((Unverifiable, InvalidInput), match="sha999"):
            store.stat(place.location("x"), checksum="sha999")

    def test_opens_from_an_offset(self, store: Store, place: Place) -> None:
        data = bytes(range(256)) * 64
        place.put("x", data)
        pin = pin_of(store.stat(place.location("x")))
        for start in (0, 1, 5000, len(data) - 1):
            with store.open(pin, start=start) as reader:
                assert reader.start in {0, start}
                assert b"".join(reader) == data[reader.start :]
                assert reader.info.size == len(data)

    def test_chunks_are_at_most_one_mebibyte(self, store: Store, place: Place) -> None:
        data = b"0123456789abcdef" * (3 << 16)
        place.put("x", data)
        with store.open(pin_of(store.stat(place.location("x")))) as reader:
            chunks = list(reader)
        assert b"".join(chunks) == data
        assert max(map(len, chunks)) <= 1 << 20

    def test_reply_of_another_size_is_object_changed(self, store: Store, place: Place) -> None:
        place.put("x", b"some bytes")
        pin = replace(pin_of(store.stat(place.location("x"))), size=11)
        with pytest.raises(ObjectChanged, match="x"), store.open(pin) as reader:
            b"".join(reader)

    # Overwriting, versions

    def test_overwritten_object_never_gives_other_bytes(self, store: Store, place: Place) -> None:
        place.put("x", b"recorded")
        pin = pin_of(store.stat(place.location("x")))
        telling = pin.version_id not in {None, "null"} or pin.etag is not None
        # Where nothing but the size can tell, the caller compares the bytes with the checksum.
        place.put("x", b"RECORDED" if telling else b"something longer")
        try:
            assert read(store, pin) == b"recorded"
        except ObjectChanged:
            assert not place.keeps_versions

    def test_deleted_object_never_gives_other_bytes(self, store: Store, place: Place) -> None:
        place.put("x", b"recorded")
        pin = pin_of(store.stat(place.location("x")))
        place.delete("x")
        try:
            assert read(store, pin) == b"recorded"
        except (NotFound, ObjectChanged):
            assert not place.keeps_versions

    @pytest.mark.usefixtures("versioned", "listing")
    def test_version_history_comes_newest_first(self, store: Store, place: Place) -> None:
        ids = [place.put("d/x", data) for data in (b"one", b"second", b"the third")]
        place.put("d/y", b"other")
        found = list(rows(store, place.location("d/"), versions=True))
        history = [row for row in found if row.location == place.location("d/x")]
        assert [row.version_id for row in history] == ids[::-1]
        assert [row.size for row in history] == [9, 6, 3]
        assert [row.is_latest for row in history] == [True, False, False]
        assert all(row.version_id for row in found)
        assert [read(store, pin_of(row)) for row in history] == [b"the third", b"second", b"one"]

    @pytest.mark.usefixtures("versioned", "listing")
    def test_version_history_pages_follow_each_other(self, store: Store, place: Place) -> None:
        ids = [place.put("d/x", bytes([n])) for n in range(5)]
        found, token = [], None
        for _ in range(20):
            page = store.list_page(
                ListRequest(place.location("d/"), versions=True, limit=2, token=token)
            )
            found += [row.version_id for row in page.rows]
            token = page.next
            if token is None:
                break
        assert found == ids[::-1]

    @pytest.mark.usefixtures("versioned", "listing")
    def test_deletion_hides_the_object_and_keeps_its_version(
        self, store: Store, place: Place
    ) -> None:
        version = place.put("d/x", b"kept")
        place.delete("d/x")
        assert list(rows(store, place.location("d/"))) == []
        with pytest.raises(NotFound):
            store.stat(place.location("d/x"))
        found = list(rows(store, place.location("d/"), versions=True))
        (kept,) = [row for row in found if not row.is_delete_marker]
        assert (kept.version_id, kept.is_latest) == (version, False)
        assert all(row.is_latest for row in found if row.is_delete_marker)
        assert read(store, pin_of(kept)) == b"kept"

    @pytest.mark.usefixtures("versioned", "listing")
    @pytest.mark.parametrize("limit", [1, 2, 3])
    def test_small_pages_of_versions_hold_every_row_once(
        self, store: Store, place: Place, limit: int
    ) -> None:
        for key in ("d/a b", "d/a%20b", "d/a+b", "d/x", "d/x", "d/x", "d/é"):
            place.put(key, b"x")
        place.delete("d/x")
        folder = place.location("d/")
        request = ListRequest(folder, versions=True, checksum=False, limit=limit)
        found = [(row.location.key, row.version_id) for row in Pager(store, request).rows()]
        whole = list(rows(store, folder, versions=True))
        assert sorted(found) == sorted((row.location.key, row.version_id) for row in whole)
        assert {row.location.key for row in whole if not row.is_delete_marker} == {
            place.location(key).key for key in ("d/a b", "d/a%20b", "d/a+b", "d/x", "d/é")
        }

    @pytest.mark.usefixtures("versioned")
    def test_stat_describes_an_older_version(self, store: Store, place: Place) -> None:
        older = place.put("x", b"older")
        newer = place.put("x", b"the newer")
        where = place.location("x")
        assert store.stat(where, version_id=older).size == 5
        assert store.stat(where, version_id=older).version_id == older
        assert store.stat(where).version_id == newer

    @pytest.mark.usefixtures("versioned")
    def test_version_of_another_object_is_not_given(self, store: Store, place: Place) -> None:
        place.put("x", b"x")
        foreign = place.put("y", b"y")
        assert foreign is not None
        pin = Pin(location=place.location("x"), version_id=foreign, size=1)
        with pytest.raises((NotFound, InvalidInput)) as caught, store.open(pin) as reader:
            b"".join(reader)
        if isinstance(caught.value, NotFound):
            assert caught.value.details["version_id"] == foreign

    @pytest.mark.usefixtures("listing")
    def test_versions_are_refused_where_there_are_none(
        self, store: Store, place: Place, able: Capabilities
    ) -> None:
        if able.versions:
            pytest.skip("the store has versions")
        with pytest.raises(InvalidInput):
            list(store.list_page(ListRequest(place.location(""), versions=True)).rows)

    def test_versioning_is_told(self, store: Store, place: Place, able: Capabilities) -> None:
        answer = store.versioning(place.location(""))
        assert isinstance(answer, Versioning)
        if place.keeps_versions and able.versions:
            assert answer in {Versioning.ENABLED, Versioning.UNKNOWN}

    # Threads, processes, pickles, secrets

    def test_many_threads_may_use_one_store(self, store: Store, place: Place) -> None:
        for n in range(4):
            place.put(f"x{n}", bytes([n]) * (n + 1))

        def work(n: int) -> bytes:
            return read(store, pin_of(store.stat(place.location(f"x{n % 4}"))))

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(work, range(32))) == [
                bytes([n % 4]) * (n % 4 + 1) for n in range(32)
            ]

    def test_store_works_in_a_forked_child(self, store: Store, place: Place) -> None:
        place.put("x", b"across the fork")
        where = place.location("x")
        assert read(store, pin_of(store.stat(where))) == b"across the fork"
        assert in_fork(store, where) == b"across the fork"
        assert read(store, pin_of(store.stat(where))) == b"across the fork"

    def test_store_pickles_by_its_options(self, store: Store, place: Place) -> None:
        place.put("x", b"x")
        where = place.location("x")
        store.stat(where)
        copy = pickle.loads(pickle.dumps(store))
        assert copy.stat(where) == store.stat(where)
        assert copy.endpoint == store.endpoint

    def test_repr_tells_no_secret(
        self, store: Store, place: Place, secrets: tuple[str, ...]
    ) -> None:
        place.put("x", b"x")
        store.stat(place.location("x"))
        text = repr(store) + str(store) + str(store.endpoint)
        assert [secret for secret in secrets if secret in text] == []

    def test_errors_pickle(self, store: Store, place: Place) -> None:
        with pytest.raises(NotFound) as caught:
            store.stat(place.location("absent"))
        copy = pickle.loads(pickle.dumps(caught.value))
        assert (type(copy), str(copy)) == (type(caught.value), str(caught.value))

    def test_there_is_a_path_only_in_place(
        self, store: Store, place: Place, able: Capabilities
    ) -> None:
        place.put("x", b"in place")
        path = store.path(place.location("x"))
        if able.in_place:
            assert path is not None
            assert path.read_bytes() == b"in place"
        else:
            assert path is None


def rows(
    store: Store, location: Location, *, versions: bool = False, checksum: ChecksumKind = None
) -> Iterator[ObjectInfo]:
    """Yield the rows of every page."""
    token = None
    while True:
        page = store.list_page(
            ListRequest(location, versions=versions, checksum=checksum, token=token)
        )
        yield from page.rows
        token = page.next
        if token is None:
            return


def pin_of(row: ObjectInfo) -> Pin:
    """Pin exactly what a row describes."""
    return Pin(
        location=row.location,
        version_id=row.version_id,
        etag=row.etag,
        size=row.size,
        checksum=row.checksum,
    )


def read(store: Store, pin: Pin) -> bytes:
    """Read the pinned bytes."""
    with store.open(pin) as reader:
        return b"".join(reader)


def in_fork(store: Store, location: Location) -> bytes:
    """Read an object in a forked child of this process."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_send, args=(store, location, sender))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: fork beside threads, on purpose
        child.start()
    answer = receiver.recv() if receiver.poll(60) else TimeoutError("the forked child hangs")
    child.join(5)
    if child.is_alive():
        child.kill()
    if isinstance(answer, BaseException):
        raise answer
    assert isinstance(answer, bytes)
    return answer


def _send(store: Store, location: Location, sender: Any) -> None:
    try:
        sender.send(read(store, pin_of(store.stat(location))))
    except LandfastError as error:
        sender.send(error)
