"""Large objects in several ranges at once: every reply is checked, and what is there is not asked for again."""

import os
import re
import signal
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit.forks import Printing
from kit.gcs_server import GcsServer
from kit.servers.exchange import Request, Response, http_kind
from kit.servers.faults import Truncate
from kit.servers.proxy import proxy
from kit.servers.scripted import Scripted
from landfast.download.blocks import BlockTable, Ranges
from landfast.download.open import open_entry
from landfast.download.partial import PartFile
from landfast.download.run import download
from landfast.errors import ObjectChanged, Unavailable
from landfast.manifests.reader import ManifestFile
from landfast.pins.sets import PinSets
from landfast.stores.opener import Stores
from landfast.system.open_folder import OpenFolder

from tests.core.download.downloads import Download, tree

DATA = os.urandom(400_003)
FEW = Ranges(count=4, threshold=1)  # blocks of a quarter
ASKED = re.compile(r"bytes=(\d+)-(\d*)")


def span_of(request: Request) -> tuple[int, int | None] | None:
    found = ASKED.fullmatch(request.headers.get("range", ""))
    return None if found is None else (int(found[1]), int(found[2]) + 1 if found[2] else None)


def spans(front: Any, kind: str = "get-object") -> list[tuple[int, int | None] | None]:
    return [span_of(done.request) for done in front.exchanges if done.request.kind == kind]


def sent(front: Any, kind: str = "get-object") -> int:
    return sum(done.sent for done in front.exchanges if done.request.kind == kind)


QUARTERS = {(0, 100_001), (100_001, 200_002), (200_002, 300_003), (300_003, None)}


def test_each_range_of_an_object_of_s3_is_asked_for_once(
    s3_proxy: Any, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", DATA)
    scanned = scan(f"s3://{bucket}/d/")
    s3_proxy.direct.put(bucket, "d/x", DATA[::-1])
    seen: list[tuple[int, int | None]] = []
    report = get(scanned, ranges=FEW, progress=lambda *counts: seen.append(counts))
    assert tree(root) == {"x": DATA}
    assert sorted(spans(s3_proxy.proxy), key=str) == sorted(QUARTERS, key=str)
    asked = [e.request for e in s3_proxy.proxy.exchanges if e.request.kind == "get-object"]
    assert all("versionId" in request.query for request in asked)
    assert report.fetched_bytes == len(DATA)
    assert max(done for done, _ in seen) == seen[-1][0] == seen[-1][1] == len(DATA)


@pytest.mark.parametrize("checksum", [None, "crc32c"])
def test_each_range_of_an_object_of_gcs_is_asked_for_once(
    gcs: GcsServer, scan: Any, get: Download, root: Path, checksum: str | None
) -> None:
    bucket = gcs.bucket(versioning=True)
    gcs.put(bucket, "d/x", DATA)
    scanned = scan(f"gs://{bucket}/d/")
    gcs.put(bucket, "d/x", DATA[::-1])
    get(scanned, ranges=FEW)
    assert tree(root) == {"x": DATA}
    assert sorted(spans(gcs), key=str) == sorted(QUARTERS, key=str)


@pytest.mark.parametrize("etag", ["strong", None])
def test_a_page_of_http_comes_in_ranges_if_something_tells_a_mixture(
    http_script: Scripted, scan: Any, get: Download, root: Path, etag: str | None
) -> None:
    scanned = scan(http_script.put("/x", DATA, etag=etag))
    http_script.requests.clear()
    get(scanned, ranges=FEW)
    assert tree(root) == {"x": DATA}
    asked = [span_of(request) for request in http_script.requests if request.method == "GET"]
    assert sorted(asked, key=str) == sorted(QUARTERS, key=str)


def test_below_the_threshold_one_request_brings_an_object(
    s3_proxy: Any, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", DATA)
    scanned = scan(f"s3://{bucket}/d/")
    get(scanned, ranges=Ranges(count=4, threshold=len(DATA) + 1))
    get(scanned, ranges=Ranges(count=1, threshold=1), root=root / "other")
    assert spans(s3_proxy.proxy) == [None, None]


def test_what_nothing_ties_together_is_read_by_one_request(
    http_script: Scripted, scan: Any, get: Download
) -> None:
    from landfast.model.reference import Reference

    url = http_script.put("/x", DATA, etag=None)
    scanned = scan(Reference(url, checksum=False))
    http_script.requests.clear()
    get(scanned, ranges=FEW)
    assert [span_of(request) for request in http_script.requests] == [None]


def test_one_entry_is_opened_by_ranges(s3_proxy: Any, scan: Any, stores: Stores) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", DATA)
    scanned = scan(f"s3://{bucket}/d/")
    pins = PinSets([(scanned.manifest, scanned.sources)], stores)
    with open_entry(pins, scanned.manifest.get("x"), cache=None, ranges=FEW) as stream:
        assert stream.read() == DATA
    assert len(spans(s3_proxy.proxy)) == 4


# Servers that do not do what was asked


@dataclass(kw_only=True)
class InPlaceOf:
    """Answers with what a function makes of the range that was asked for and the server's own answer."""

    answer: Callable[[int, int, Response], Response]

    def early(self, request: Request) -> Response | None:
        return None

    def late(self, request: Request, response: Response) -> Response:
        start, end = span_of(request) or (0, None)
        return self.answer(start, end or len(DATA), response)


def reply(response: Response, status: int, body: bytes, span: str | None) -> Response:
    dropped = {"content-range", "content-length", "transfer-encoding"}
    headers = {k: v for k, v in response.headers.items() if k not in dropped}
    headers["content-length"] = str(len(body))
    if span is not None:
        headers["content-range"] = span
    return Response(status=status, headers=headers, body=body)


def told(start: int, end: int) -> str:
    return f"bytes {start}-{end - 1}/{len(DATA)}"


WRONG: dict[str, Callable[[int, int, Response], Response]] = {
    "200 and the whole": lambda _s, _e, r: reply(r, 200, DATA, None),
    "200 and the piece": lambda s, e, r: reply(r, 200, DATA[s:e], None),
    "206 that does not say of what": lambda s, e, r: reply(r, 206, DATA[s:e], None),
    "a later range": lambda s, e, r: reply(r, 206, DATA[s + 5 : e], told(s + 5, e)),
    "an earlier range": lambda s, e, r: reply(
        r, 206, DATA[max(s - 5, 0) : e], told(max(s - 5, 0), e)
    ),
    "416": lambda _s, _e, r: reply(r, 416, b"", f"bytes */{len(DATA)}"),
    "400": lambda _s, _e, r: reply(r, 400, b"", None),
    "of something else": lambda s, e, r: reply(
        r, 206, DATA[s:e], f"bytes {s}-{e - 1}/{len(DATA) + 1}"
    ),
    "other bytes": lambda s, e, r: reply(r, 206, bytes(e - s), told(s, e)),
}


CASES = [(s, a) for s in ("s3", "gs", "http") for a in WRONG]


@pytest.mark.parametrize(("scheme", "answer"), CASES)
def test_a_server_that_answers_ranges_wrongly_is_read_whole(
    request: pytest.FixtureRequest,
    scan: Any,
    get: Download,
    root: Path,
    answer: str,
    scheme: str,
) -> None:
    fault = InPlaceOf(answer=WRONG[answer])
    if scheme == "http":
        script: Scripted = request.getfixturevalue("http_script")
        script.put("/x", DATA)
        with proxy(script.url, classify=http_kind) as front:
            scanned = scan(_hashed(f"{front.url}/x"))
            front.inject(fault, kind="get", when=lambda r: span_of(r) is not None)
            get(scanned, ranges=FEW)
    elif scheme == "s3":
        place = request.getfixturevalue("s3_proxy")
        bucket = place.direct.bucket("Enabled")
        place.direct.put(bucket, "d/x", DATA)
        scanned = scan(f"s3://{bucket}/d/")
        place.proxy.inject(fault, kind="get-object", when=lambda r: span_of(r) is not None)
        get(scanned, ranges=FEW)
    else:
        server: GcsServer = request.getfixturevalue("gcs")
        bucket = server.bucket(versioning=True)
        server.put(bucket, "d/x", DATA)
        scanned = scan(f"gs://{bucket}/d/")
        server.inject(fault, kind="get-object", when=lambda r: span_of(r) is not None)
        get(scanned, ranges=FEW)
    assert tree(root) == {"x": DATA}
    assert not (root / ".landfast" / "parts").exists()


def _hashed(url: str) -> Any:
    from landfast.model.reference import Reference

    return Reference(url, checksum="sha256")


def test_a_server_without_ranges_is_found_out_by_one_request(
    http_script: Scripted, scan: Any, get: Download, root: Path
) -> None:
    scanned = scan(http_script.put("/x", DATA, ranges=False))
    http_script.requests.clear()
    get(scanned, ranges=FEW)
    assert tree(root) == {"x": DATA}
    asked = [span_of(request) for request in http_script.requests]
    assert asked == [(100_001, 200_002), None]


@pytest.mark.parametrize("keep", [0, 1, 60_000])
def test_replies_that_are_cut_are_continued(
    s3_proxy: Any, scan: Any, get: Download, root: Path, keep: int
) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", DATA)
    scanned = scan(f"s3://{bucket}/d/")
    s3_proxy.proxy.inject(Truncate(keep=keep), kind="get-object", at=range(1, 7))
    get(scanned, ranges=FEW)
    assert tree(root) == {"x": DATA}
    assert sent(s3_proxy.proxy) <= len(DATA) + 6 * keep


def test_a_source_that_cuts_every_reply_is_an_error_and_the_rest_comes_later(
    s3_proxy: Any, scan: Any, get: Download, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("landfast.download.blocks.time.sleep", lambda _: None)
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", DATA)
    scanned = scan(f"s3://{bucket}/d/")

    def is_third(request: Request) -> bool:
        return (span_of(request) or (0, 0))[0] >= 200_002 and span_of(request) != (300_003, None)

    s3_proxy.proxy.inject(Truncate(keep=0), kind="get-object", when=is_third)
    with pytest.raises(Unavailable):
        get(scanned, ranges=FEW)
    assert tree(root) == {}
    s3_proxy.proxy.clear()
    report = get(scanned, ranges=FEW)
    assert tree(root) == {"x": DATA}
    assert report.fetched_bytes == sent(s3_proxy.proxy) <= 2 * 100_001


@dataclass(kw_only=True)
class Overwriting:
    """Has something done after the first reply, before the others are sent."""

    act: Callable[[], None]
    done: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def early(self, request: Request) -> Response | None:
        return None

    def late(self, request: Request, response: Response) -> Response:
        with self.lock:
            if not self.done.is_set():
                self.act()
                self.done.set()
        return response


@pytest.mark.parametrize("versioning", ["Enabled", None])
def test_an_object_that_is_overwritten_meanwhile_comes_as_recorded_or_not_at_all(
    s3_proxy: Any, scan: Any, get: Download, root: Path, versioning: str | None
) -> None:
    place, bucket = s3_proxy.direct, s3_proxy.direct.bucket(versioning)
    place.put(bucket, "d/x", DATA)
    scanned = scan(f"s3://{bucket}/d/")
    other = Overwriting(act=lambda: place.put(bucket, "d/x", DATA[::-1]))
    s3_proxy.proxy.inject(other, kind="get-object", when=lambda r: span_of(r) is not None)
    if versioning:
        get(scanned, ranges=FEW)
        assert tree(root) == {"x": DATA}
    else:
        with pytest.raises(ObjectChanged):
            get(scanned, ranges=FEW)
        assert tree(root) == {}
    assert other.done.is_set()


@pytest.mark.parametrize("etag", ["strong", None])
def test_a_page_that_changes_meanwhile_comes_as_recorded_or_not_at_all(
    http_script: Scripted, scan: Any, get: Download, root: Path, etag: str | None
) -> None:
    http_script.put("/x", DATA, etag=etag, conditions=False)
    with proxy(http_script.url, classify=http_kind) as front:
        scanned = scan(f"{front.url}/x")
        other = Overwriting(act=lambda: http_script.change("/x", body=DATA[::-1]))
        front.inject(other, kind="get", when=lambda r: span_of(r) is not None)
        with pytest.raises(ObjectChanged):
            get(scanned, ranges=FEW)
    assert tree(root) == {}


def test_a_last_range_that_goes_on_behind_the_recorded_size_is_refused(
    http_script: Scripted, scan: Any, get: Download, root: Path
) -> None:
    http_script.put("/x", DATA)
    with proxy(http_script.url, classify=http_kind) as front:
        scanned = scan(f"{front.url}/x")
        more = InPlaceOf(answer=lambda s, _e, r: reply(r, r.status, DATA[s:] + b"more", None))
        front.inject(more, kind="get", when=lambda r: span_of(r) in {None, (300_003, None)})
        with pytest.raises(ObjectChanged):
            get(scanned, ranges=FEW)
    assert tree(root) == {}


def test_an_error_of_one_file_ends_the_ranges_of_another(
    s3_proxy: Any, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3_proxy.direct.bucket()
    s3_proxy.direct.put(bucket, "d/gone", b"small")
    s3_proxy.direct.put(bucket, "d/large", DATA)
    scanned = scan(f"s3://{bucket}/d/")
    s3_proxy.direct.client.delete_object(Bucket=bucket, Key="d/gone")
    with pytest.raises(Exception, match="d/gone"):
        get(scanned, ranges=Ranges(count=4, threshold=10))
    assert not [t for t in threading.enumerate() if t.name.startswith("landfast-range")]


# What is there


def part_of(folder: Path, name: str = "part") -> PartFile:
    folder.mkdir(exist_ok=True)
    return PartFile(OpenFolder.of(folder), name)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.integers(1, 400),
    block=st.integers(1, 80),
    adds=st.lists(st.tuples(st.integers(0, 400), st.integers(1, 60)), max_size=30),
    other=st.integers(1, 80),
)
def test_a_table_read_again_says_what_is_there(
    tmp_path: Path, size: int, block: int, adds: list[tuple[int, int]], other: int
) -> None:
    data = DATA[:size]
    part = part_of(tmp_path)
    try:
        part.cut(0)
        table = BlockTable(part, size, block)
        for number, count in adds:
            n = number % len(table.there)
            at = table.next(n)
            table.add(n, data[at : min(at + count, table.end(n))])
        again = BlockTable(part, size, other)
        assert (again.block, again.there) == (table.block, table.there)
        for n, count in enumerate(again.there):
            at = n * again.block
            assert os.pread(part.handle, count, at) == data[at : at + count]
        for n in again.open_blocks():
            again.add(n, data[again.next(n) : again.end(n)])
        assert os.pread(part.handle, size, 0) == data
    finally:
        part.close()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(1, 200), left=st.integers(0, 400), fill=st.binary(max_size=80))
def test_of_a_part_that_is_no_table_only_a_beginning_counts(
    tmp_path: Path, size: int, left: int, fill: bytes
) -> None:
    part = part_of(tmp_path)
    try:
        part.cut(0)
        part.write(DATA[:left] + (fill if left >= size else b""))
        length = part.size
        table = BlockTable(part, size, 16)
        assert sum(table.there) == (length if length <= size else 0)
        assert table.open_blocks() or length == size
    finally:
        part.close()


@pytest.mark.parametrize(
    "damage", ["a block of no bytes", "more than a block", "a count is missing"]
)
def test_a_table_that_cannot_be_is_not_believed(tmp_path: Path, damage: str) -> None:
    numbers = {
        "a block of no bytes": (0, 1, 1),
        "more than a block": (50, 51, 50),
        "a count is missing": (50, 50),
    }[damage]
    part = part_of(tmp_path)
    part.write(DATA[:100] + b"lfblocks" + struct.pack(f"<{len(numbers)}Q", *numbers))
    assert sum(BlockTable(part, 100, 50).there) == 0
    part.close()


def fetch(given: Any, kill_at: int | None) -> None:
    """Download by ranges, and kill this process when so many bytes are there."""
    manifest, sources, root, identity = given

    def watch(done: int, _total: int | None) -> None:
        if kill_at is not None and done >= kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    report = download(
        [(ManifestFile(manifest), sources)],
        stores=Stores(),
        cache=None,
        identity=identity,
        root=root,
        progress=watch,
        ranges=FEW,
    )
    print(report.fetched_bytes)


@pytest.mark.parametrize("scheme", ["s3", "gs", "http"])
def test_a_download_killed_again_and_again_asks_for_no_byte_twice(
    request: pytest.FixtureRequest, scan: Any, tmp_path: Path, scheme: str
) -> None:
    data = os.urandom(8 << 20)
    if scheme == "s3":
        place = request.getfixturevalue("s3_proxy")
        front, bucket = place.proxy, place.direct.bucket("Enabled")
        place.direct.put(bucket, "d/x", data)
        scanned = scan(f"s3://{bucket}/d/")
    elif scheme == "gs":
        front = request.getfixturevalue("gcs")
        bucket = front.bucket(versioning=True)
        front.put(bucket, "d/x", data)
        scanned = scan(f"gs://{bucket}/d/")
    else:
        front = request.getfixturevalue("http_script")
        scanned = scan(front.put("/x", data))
    root = tmp_path / "target"
    given = (scanned.manifest.path, scanned.sources, root, "v0")
    for kill_at in range(1 << 20, 8 << 20, 2 << 20):
        assert Printing(fetch, given, kill_at).wait().returncode == -signal.SIGKILL
        assert tree(root) == {}
    (part,) = (root / ".landfast/parts").iterdir()
    at = len(data) + 16
    there = sum(struct.unpack("<4Q", part.read_bytes()[at : at + 32]))
    assert there >= 7 << 20
    done = Printing(fetch, given, None).wait()
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(data) - there
    assert tree(root) == {"x": data}


def test_what_a_single_reply_left_is_continued_in_blocks_and_the_other_way_begins_anew(
    s3_proxy: Any, scan: Any, get: Download, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("landfast.download.fetch.time.sleep", lambda _: None)
    monkeypatch.setattr("landfast.download.blocks.time.sleep", lambda _: None)
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", DATA)
    scanned = scan(f"s3://{bucket}/d/")
    one = Ranges(count=1)

    def fail(ranges: Ranges) -> None:
        s3_proxy.proxy.inject(Truncate(keep=50_000), kind="get-object", at=1)
        s3_proxy.proxy.inject(Truncate(keep=0), kind="get-object", at=range(2, 100))
        with pytest.raises(Unavailable):
            get(scanned, ranges=ranges)
        s3_proxy.proxy.clear()

    fail(one)
    assert get(scanned, ranges=FEW).fetched_bytes <= len(DATA)
    assert tree(root) == {"x": DATA}
    (root / "x").unlink()
    fail(FEW)
    assert get(scanned, ranges=one).fetched_bytes == len(DATA)
    assert tree(root) == {"x": DATA}
