"""A store lists every object, in order, page by page, and locates them."""

from __future__ import annotations

from datetime import UTC

import pytest

from landfast.errors import InvalidInput, NotFound, Unverifiable
from landfast.model.location import Location
from landfast.stores.base import (
    Kind,
    ListRequest,
    Pin,
    Store,
)
from landfast.testing.store.place import Fixtures, Place, pin_of, read, rows


class ListSuite(Fixtures):
    """A store lists every object, in order, page by page, and locates them."""

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
