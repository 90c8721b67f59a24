"""What servers send instead of the recorded bytes: ranges answered wrongly, and bodies without an end."""

import hashlib
import os
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kit.gcs_server import GcsServer
from kit.servers.exchange import Request, Response, http_kind
from kit.servers.faults import Truncate
from kit.servers.proxy import proxy
from kit.servers.scripted import Scripted
from landfast.blobs.opener import open_blobs
from landfast.clouds.retry import RetryPolicy
from landfast.download.open import open_entry
from landfast.download.run import download
from landfast.errors import Conflict, ObjectChanged
from landfast.manifests.memory import MemoryManifest as Entries
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.verdict import Verdict
from landfast.pins.sets import PinSets
from landfast.pins.verdicts import Finding
from landfast.stores.opener import Stores
from landfast.verify.deep import reread

CUT = 100_017
DATA = os.urandom(300_000)
Answer = Callable[[int], tuple[int, str | None, bytes]]

# What comes for a range from an offset on: status, Content-Range, body.
ANSWERS: dict[str, Answer] = {
    "200 and the whole": lambda _: (200, None, DATA),
    "200 and the rest": lambda at: (200, None, DATA[at:]),
    "416": lambda _: (416, None, b""),
    "416 and the size": lambda _: (416, f"bytes */{len(DATA)}", b""),
    "206 without a range, the rest": lambda at: (206, None, DATA[at:]),
    "206 without a range, the whole": lambda _: (206, None, DATA),
    "206 with a range that is none": lambda at: (206, "bytes=0", DATA[at:]),
    "a later range": lambda at: (206, _range(at + 5), DATA[at + 5 :]),
    "an earlier range": lambda at: (206, _range(at - 5), DATA[at - 5 :]),
    "a range that ends early": lambda at: (
        206,
        f"bytes {at}-{min(at + CUT, len(DATA)) - 1}/{len(DATA)}",
        DATA[at : at + CUT],
    ),
    "a range of something else": lambda at: (206, f"bytes {at}-{at}/{at + 1}", b"x"),
    "400": lambda _: (400, None, b""),
}


def _range(at: int) -> str:
    return f"bytes {at}-{len(DATA) - 1}/{len(DATA)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeFault:
    """Answers a range in one of these ways, with the server's own headers."""

    answer: Answer

    def early(self, request: Request) -> Response | None:
        return None

    def late(self, request: Request, response: Response) -> Response:
        at = int(request.headers["range"].removeprefix("bytes=").rstrip("-"))
        status, span, body = self.answer(at)
        dropped = {"content-range", "content-length", "transfer-encoding"}
        headers = {k: v for k, v in response.headers.items() if k not in dropped}
        headers["content-length"] = str(len(body))
        if span is not None:
            headers["content-range"] = span
        return Response(status=status, headers=headers, body=body)


def is_ranged(request: Request) -> bool:
    return request.headers.get("range", "").endswith("-")


def break_ranges(front: Any, kind: str, answer: Answer, path: str = "") -> None:
    """Cut the next whole body, and answer every range wrongly."""
    front.inject(
        Truncate(keep=CUT), kind=kind, when=lambda r: path in r.path and not is_ranged(r), at=1
    )
    front.inject(
        RangeFault(answer=answer), kind=kind, when=lambda r: path in r.path and is_ranged(r)
    )


NAMES = {f"x{number:02}": answer for number, answer in enumerate(ANSWERS.values())}


def break_all_ranges(front: Any, kind: str) -> None:
    """Answer the ranges of each file in another one of the ways."""
    for name, answer in NAMES.items():
        break_ranges(front, kind, answer, name)


def fetched(scanned: Any, root: Path, stores: Stores) -> dict[str, bytes]:
    sets = [(scanned.manifest, scanned.sources)]
    download(sets, stores=stores, cache=None, identity="v0", root=root)
    return {
        path.name: path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".landfast" not in path.parts
    }


WHOLE = dict.fromkeys(NAMES, DATA)


@pytest.mark.parametrize("page", [{}, {"etag": None}, {"etag": "weak"}], ids=str)
def test_mend_08_http_is_read_from_the_first_byte_where_a_range_is_answered_wrongly(
    http_script: Scripted, scan: Any, stores: Stores, tmp_path: Path, page: Any
) -> None:
    for name in NAMES:
        http_script.put(f"/{name}", DATA, **page)
    with proxy(http_script.url, classify=http_kind) as front:
        scanned = scan(*(f"{front.url}/{name}" for name in NAMES))
        break_all_ranges(front, "get")
        assert fetched(scanned, tmp_path / "target", stores) == WHOLE


@pytest.mark.parametrize("versioning", ["Enabled", None])
def test_mend_08_s3_is_read_from_the_first_byte_where_a_range_is_answered_wrongly(
    s3_proxy: Any, scan: Any, stores: Stores, tmp_path: Path, versioning: str | None
) -> None:
    bucket = s3_proxy.direct.bucket(versioning)
    for name in NAMES:
        s3_proxy.direct.put(bucket, f"d/{name}", DATA)
    scanned = scan(f"s3://{bucket}/d/")
    break_all_ranges(s3_proxy.proxy, "get-object")
    assert fetched(scanned, tmp_path / "target", stores) == WHOLE


def test_mend_08_gcs_is_read_from_the_first_byte_where_a_range_is_answered_wrongly(
    gcs: GcsServer, scan: Any, stores: Stores, tmp_path: Path
) -> None:
    bucket = gcs.bucket(versioning=True)
    for name in NAMES:
        gcs.put(bucket, f"d/{name}", DATA)
    scanned = scan(f"gs://{bucket}/d/")
    break_all_ranges(gcs, "get-object")
    assert fetched(scanned, tmp_path / "target", stores) == WHOLE


def test_mend_08_wrong_bytes_in_the_right_range_are_noticed_by_a_computed_token(
    gcs: GcsServer, scan: Any, stores: Stores, tmp_path: Path
) -> None:
    bucket = gcs.bucket(versioning=True)
    gcs.put(bucket, "d/x", DATA)
    scanned = scan(f"gs://{bucket}/d/")
    break_ranges(gcs, "get-object", lambda at: (206, _range(at), bytes(len(DATA) - at)))
    assert fetched(scanned, tmp_path / "target", stores) == {"x": DATA}


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_mend_08_blobs_are_read_from_the_first_byte_where_a_range_is_answered_wrongly(
    s3_proxy: Any, gcs: GcsServer, tmp_path: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = RetryPolicy(first_s=0.01)
    monkeypatch.setattr("landfast.blobs.retried.POLICY", soon)
    monkeypatch.setattr("landfast.blobs.bucket.POLICY", soon)
    front = s3_proxy.proxy if scheme == "s3" else gcs
    bucket = s3_proxy.direct.bucket() if scheme == "s3" else gcs.bucket()
    blobs, sha256 = open_blobs(f"{scheme}://{bucket}/blobs"), hashlib.sha256(DATA).hexdigest()
    (tmp_path / "source").write_bytes(DATA)
    blobs.put(tmp_path / "source", sha256)
    for answer in ANSWERS.values():
        front.rules.clear()
        break_ranges(front, "get-object", answer)
        blobs.fetch(sha256, tmp_path / "manifest")
        assert (tmp_path / "manifest").read_bytes() == DATA
        front.rules.clear()
        break_ranges(front, "get-object", answer)
        assert managed(sha256, Stores(blobs=blobs)) == DATA


def managed(sha256: str, stores: Stores) -> bytes:
    entry = ManifestEntry(
        path="x",
        size=len(DATA),
        checksum=Checksum("sha256", sha256),
        uri=f"blob:sha256:{sha256}",
    )
    with open_entry(PinSets([(Entries([entry]), ())], stores), entry, cache=None) as stream:
        return stream.read()


# Bodies that are longer than recorded


@contextmanager
def endless(head: bytes, chunk: bytes, described: bytes = b"") -> Iterator[tuple[str, list[bytes]]]:
    """Answer GET with a body that never ends; yield the URL, and what was asked for so."""
    asked: list[bytes] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            request = self.request.recv(65536)
            if request.startswith(b"HEAD"):
                self.wfile.write(described)
                return
            asked.append(request)
            with suppress(OSError):
                self.wfile.write(head)
                while True:
                    self.wfile.write(chunk)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


def recorded(url: str, **facts: Any) -> ManifestEntry:
    return ManifestEntry(path="x", uri=f"{url}/x", **{"size": 10, "checksum": None, **facts})


PIECE = b"40000\r\n" + b"x" * 0x40000 + b"\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"


@pytest.mark.parametrize("headers", [b"", b"Content-Encoding: gzip\r\n"])
@pytest.mark.parametrize("framing", ["chunked", "until it is closed"])
def test_mend_05_at_most_the_recorded_bytes_are_written_of_a_body_without_an_end(
    stores: Stores, tmp_path: Path, headers: bytes, framing: str
) -> None:
    is_chunked = framing == "chunked"
    head = HEAD + headers + (b"Transfer-Encoding: chunked\r\n" if is_chunked else b"") + b"\r\n"
    largest: list[int] = []

    def watch(done: int, total: int | None) -> None:
        parts = (tmp_path / "target/.landfast/parts").glob("*")
        largest.extend((done, *(path.stat().st_size for path in parts)))

    with endless(head, PIECE if is_chunked else b"x" * 0x40000) as (url, asked):
        entry = recorded(url)
        sets: Any = [(Entries([entry]), ())]
        with pytest.raises(ObjectChanged, match="more than the 10 bytes that are recorded"):
            download(
                sets,
                stores=stores,
                cache=None,
                identity="v0",
                root=tmp_path / "target",
                progress=watch,
            )
        with (
            pytest.raises(ObjectChanged, match="more than the 10 bytes that are recorded"),
            open_entry(PinSets(sets, stores), entry, cache=None),
        ):
            pytest.fail("a body without an end was opened")
    assert len(asked) == 2
    assert max(largest) == 10
    assert not list((tmp_path / "target").glob("x"))


def test_mend_05_deep_verification_reads_no_further_than_the_recorded_size(stores: Stores) -> None:
    with endless(HEAD + b"\r\n", b"x" * 0x40000) as (url, _):
        entry = recorded(url, checksum=Checksum("sha256", "0" * 64))
        store = stores.at(Location.parse(entry.uri))
        found = reread(entry, Finding(verdict=Verdict.INTACT), store)
    assert found.verdict is Verdict.CHANGED
    assert found.detail == "more than 10 bytes were read, 10 are recorded."


def test_mend_05_a_blob_of_another_length_than_the_reply_told_is_read_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    described = HEAD + b"Content-Length: 10\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n"
    with endless(head, PIECE, described) as (url, asked):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-for-tests-only")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-for-tests-only")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        blobs = open_blobs("s3://bucket/blobs")
        with pytest.raises(Conflict, match="damaged"):
            blobs.fetch("0" * 64, tmp_path / "manifest")
    assert len(asked) == 1
    assert not list(tmp_path.glob("*manifest*"))
