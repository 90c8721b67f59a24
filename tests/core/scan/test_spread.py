"""A folder that is cut while it is listed gives what one stream gives, whatever its keys are made of."""

import itertools
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from landfast.errors import LimitExceeded, Unavailable
from landfast.scan.keyspace import KeySpace
from landfast.scan.spread import Breadth
from landfast.scan.values import ScanWindow
from landfast.stores.base import Versioning

from tests.core.scan.keys import Listed, listed

ONE = Breadth(streams=1)
EAGER = Breadth(streams=7, least=7, after_pages=1)

SHAPES = {
    "hexadecimal": [f"{number * 2654435761 % 2**32:08x}" for number in range(900)],
    "numbers": [f"{number:012}" for number in range(900)],
    "one long prefix": [f"{'very/long/' * 9}part-{number:05}.gz" for number in range(900)],
    "dates": [
        f"dt=2026-{month:02}-{day:02}/part-{part:03}.parquet"
        for month in range(1, 13)
        for day in range(1, 29)
        for part in range(3)
    ],
    "not ASCII": [f"{chr(0x430 + number % 32)}{number:04}é" for number in range(900)],
    "encoded": [f"a b+%2f&=/{number:05} %" for number in range(900)],
    "control characters": [f"{chr(1 + number % 31)}{number:04}" for number in range(900)],
    "nearly all in one": [*(f"{c}/x" for c in "abcdefghijk"), *(f"g/{n:06}" for n in range(900))],
    "words": [f"{''.join(w)}/{''.join(w)}.txt" for w in itertools.product("aeiou", repeat=4)],
}


@pytest.mark.parametrize("versioning", [Versioning.OFF, Versioning.ENABLED])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_cut_listing_is_that_of_one_stream_for_few_requests_more(tmp_path, shape, versioning):
    keys = {f"d/{key}": number % 3 for number, key in enumerate(SHAPES[shape])}
    one, cut = (Listed(keys, versioning_=versioning) for _ in range(2))
    alone, _ = listed(one, tmp_path, ONE)
    together, _ = listed(cut, tmp_path, EAGER)
    assert together == alone
    assert [entry.uri for entry in alone] == [f"s3://bucket/{key}" for key in sorted(keys)]
    assert any(request.after for request in cut.requests)
    # As many as a scan of a million objects may spend beside its thousand pages.
    assert len(cut.requests) <= len(one.requests) + 30
    assert not list(tmp_path.glob("*.arrow"))


KEYS = st.text(st.sampled_from(["\x01", "0", "5", "a", "f", "z", "/", "%", "é", "\U0001f733"]), min_size=1)  # fmt: skip


@settings(max_examples=60)
@given(
    keys=st.dictionaries(KEYS, st.integers(0, 4), min_size=1, max_size=60),
    page=st.integers(1, 7),
    versioning=st.sampled_from([Versioning.OFF, Versioning.ENABLED]),
    loses_first=st.booleans(),
    streams=st.sampled_from([2, 7, 64]),
)
def test_ranges_tile(tmp_path_factory, keys, page, versioning, loses_first, streams):
    folder = tmp_path_factory.mktemp("parts")
    named = {f"d/{key}": older for key, older in keys.items()}
    breadth = Breadth(streams=streams, least=streams, after_pages=1)
    results = []
    for how in (ONE, breadth):
        store = Listed(named, page=page, versioning_=versioning, loses_first=loses_first)
        found, skips = listed(store, folder, how)
        results.append((found, skips.result()))
    assert results[0] == results[1]


@given(keys=st.lists(KEYS, min_size=2, max_size=20, unique=True), data=st.data())
def test_what_lies_between_two_keys_does(keys, data):
    space = KeySpace("")
    for key in data.draw(st.lists(st.sampled_from(keys))):
        space.observe(key)
    low, high = sorted(data.draw(st.permutations(keys))[:2])
    for start in (None, min(keys)):
        made = space.between(low, high, start=start)
        assert made is None or low < made < high
        made = space.between(low, None, start=start)
        assert made is None or low < made


def test_a_limit_is_that_of_all_streams_together(tmp_path):
    store = Listed({f"d/{number:05}": 0 for number in range(5_000)})
    with pytest.raises(LimitExceeded):
        listed(store, tmp_path, EAGER, limit=1_000)
    # Each stream had at most a page under way.
    assert len(store.requests) <= 130


def test_an_error_of_one_stream_stops_all(tmp_path):
    store = Listed({f"d/{number:05}": 0 for number in range(5_000)}, fails_at=40)
    with pytest.raises(Unavailable, match="gone"):
        listed(store, tmp_path, EAGER)
    assert not [each for each in threading.enumerate() if each.name.startswith("landfast-list")]
    assert len(store.requests) <= 50


def test_what_was_left_out_is_told_in_order(tmp_path):
    keys = {f"d/{number:05}{'.tmp' if number % 10 == 0 else ''}": 0 for number in range(900)}
    (one, alone), (cut, together) = (
        listed(Listed(keys), tmp_path, how, exclude=["*.tmp", "*.bak"]) for how in (ONE, EAGER)
    )
    assert one == cut
    assert alone.result() == together.result()
    assert alone.matched() == together.matched() == ("exclude '*.tmp'",)


def test_a_listing_ends_in_its_window(tmp_path):
    store = Listed({f"d/{number:05}": 1 for number in range(900)}, versioning_=Versioning.ENABLED)
    window = ScanWindow(after="00100", upto="00700")
    found, _ = listed(store, tmp_path, EAGER, window=window)
    assert [entry.path for entry in found] == [f"{number:05}" for number in range(101, 701)]


def test_few_pages_are_listed_as_one_stream(tmp_path):
    store = Listed({f"d/{number:05}": 0 for number in range(70)})
    listed(store, tmp_path, Breadth(least=16))
    assert not [request for request in store.requests if request.after]
