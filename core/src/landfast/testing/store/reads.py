"""A store reads the bytes that were asked for, or says why not; from threads and processes too."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from landfast.errors import NotFound, ObjectChanged
from landfast.stores.base import (
    Capabilities,
    Store,
)
from landfast.testing.store.place import Fixtures, Place, in_fork, pin_of, read


class ReadSuite(Fixtures):
    """A store reads the bytes that were asked for, or says why not; from threads and processes too."""

    def test_opens_from_an_offset(self, store: Store, place: Place) -> None:
        data = bytes(range(256)) * 64
        place.put("x", data)
        pin = pin_of(store.stat(place.location("x")))
        for start in (0, 1, 5000, len(data) - 1):
            with store.open(pin, start=start) as reader:
                assert reader.start in {0, start}
                assert b"".join(reader) == data[reader.start :]
                assert reader.info.size == len(data)

    def test_stops_no_earlier_than_it_may(self, store: Store, place: Place) -> None:
        data = bytes(range(256)) * 64
        place.put("x", data)
        pin = pin_of(store.stat(place.location("x")))
        for start, end in ((0, 1), (0, 300), (5000, 5001), (5000, len(data) - 1)):
            with store.open(replace(pin, end=end), start=start) as reader:
                found = b"".join(reader)
                assert found == data[reader.start : reader.start + len(found)]
                assert reader.start + len(found) >= end
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
