"""A folder that is cut while it is listed gives what one stream gives, whatever its keys are made of."""

import itertools
import json
import threading
from bisect import bisect_right
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from landfast.errors import LimitExceeded, Unavailable
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.model.reference import UNLIMITED, Reference
from landfast.scan.keyspace import KeySpace
from landfast.scan.listing import Bounds
from landfast.scan.plan import plan
from landfast.scan.skips import SkipLog
from landfast.scan.spread import Breadth, Job, spread
from landfast.scan.values import ScanWindow
from landfast.stores.base import (
    Capabilities,
    Kind,
    ListRequest,
    ObjectBatch,
    ObjectInfo,
    Page,
    Versioning,
)

ALL = ScanWindow()
FOLDER = Location.parse("s3://bucket/d/")


@dataclass
class Listed:
    """A store of keys in memory, with the older versions that each has."""

    keys: dict[str, int]
    page: int = 10
    versioning_: Versioning = Versioning.OFF
    loses_first: bool = False
    """Whether the first key after a marker that is no key is lost, as some servers do with versions."""
    fails_at: int = 0
    requests: list[ListRequest] = field(default_factory=list)
    lists: dict[bool, tuple[list[ObjectInfo], list[str]]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self):
        every = []
        for key, older in sorted(self.keys.items()):
            for age in range(older + 1):
                version = f"{key}-{age}"
                every.append(
                    ObjectInfo(
                        location=Location(scheme="s3", authority="bucket", key=key),
                        size=len(key) if not key.endswith("empty") else 0,
                        checksum=Checksum("s3-etag", version),
                        etag=version,
                        version_id=version,
                        is_latest=age == 0,
                    )
                )

        for versions in (True, False):
            rows = [row for row in every if versions or row.is_latest]
            self.lists[versions] = rows, [row.location.key for row in rows]

    endpoint = None

    def capabilities(self):
        return Capabilities(versions=True, seeks=True, list_checksums=("s3-etag",))

    def versioning(self, location):
        return self.versioning_

    def locate(self, location):
        return Kind.FOLDER

    def list_page(self, request):
        with self.lock:
            self.requests.append(request)
            if len(self.requests) == self.fails_at:
                raise Unavailable("the server is gone")
        rows, names = self.lists[request.versions]
        start = 0
        if request.token is not None:
            start = json.loads(request.token)
        elif request.after is not None:
            start = bisect_right(names, request.after)
            if self.loses_first and request.versions and request.after not in names:
                start = bisect_right(names, names[start]) if start < len(names) else start
        size = min(self.page, request.limit or self.page)
        found, more = rows[start : start + size], start + size < len(rows)
        return Page(
            batches=[ObjectBatch.from_rows(found)],
            next=json.dumps(start + size) if more else None,
            is_full=False,
        )


class OneStore:
    def __init__(self, store):
        self.store = store

    def at(self, location, options=None):
        return self.store

    def options_for(self, location, options=None):
        return {}


def listed(store, folder, breadth, *, window=ALL, limit=UNLIMITED, **how):
    reference = Reference(str(FOLDER), max_objects=limit, **how)
    scan = plan(reference, OneStore(store), max_objects=UNLIMITED)
    job = Job(scan=scan, store=store, folder=folder, previous=lambda: None)
    skips = SkipLog()
    batches = spread(job, Bounds.of(scan, window), skips, breadth)
    return [row for batch in batches for row in batch.rows()], skips


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
