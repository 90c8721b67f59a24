"""Blanks around a header's value are none of it."""

from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.stores.base import Pin
from landfast.stores.http import HttpStore

PADDED = '"a b" \t'


def test_mend_21_headers_are_recorded_without_blanks_around_them(http_script) -> None:
    modified = "Sun, 03 May 2026 08:15:30 GMT"
    http_script.put("/a", b"x", headers={"ETag": PADDED, "Last-Modified": f"{modified}  "})
    place = Location.parse(f"{http_script.url}/a")
    store = HttpStore()
    assert (store.stat(place).etag, store.stat(place).checksum) == (
        '"a b"',
        Checksum("http-etag", '"a b"'),
    )
    assert store.stat(place, checksum="http-last-modified").checksum.value == modified


def test_mend_21_what_was_recorded_with_blanks_is_still_the_same(http_script) -> None:
    http_script.put("/a", b"x", conditions=False, headers={"ETag": PADDED})
    pin = Pin(
        location=Location.parse(f"{http_script.url}/a"),
        size=1,
        checksum=Checksum("http-etag", PADDED),
        etag=PADDED,
    )
    with HttpStore().open(pin) as stream:
        assert b"".join(stream) == b"x"
