"""A store tells the versions of an object, where it has any."""

from __future__ import annotations

import pytest

from landfast.errors import InvalidInput, NotFound
from landfast.stores.base import (
    Capabilities,
    ListRequest,
    Pin,
    Store,
    Versioning,
)
from landfast.stores.pager import Pager
from landfast.testing.store.place import Fixtures, Place, pin_of, read, rows


class VersionSuite(Fixtures):
    """A store tells the versions of an object, where it has any."""

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
