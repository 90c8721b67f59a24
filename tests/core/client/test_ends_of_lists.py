"""A listing ends only where it is proven to end, whatever the server says on its pages."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

import landfast
import pytest
from kit.servers.exchange import Request, Response
from kit.servers.faults import Body
from kit.servers.swift_pages import SwiftPages
from landfast import Client
from landfast.stores import base, pager
from landfast.upkeep.doctor import doctor


@pytest.fixture
def client() -> Client:
    return Client(project="vision")


@pytest.fixture
def bucket(s3_proxy):
    """A bucket with versioning and twelve objects; `+` and `%` are what encodings stumble over."""
    name = s3_proxy.direct.bucket("Enabled")
    for key in KEYS:
        s3_proxy.direct.put(name, f"d/{key}", key.encode())
    return name


KEYS = sorted([*(f"{number:02}" for number in range(9)), "a b", "a%2Bb", "a+b"], key=str.encode)


@pytest.fixture
def small_pages(monkeypatch):
    """Ask for pages of three rows."""
    from landfast.stores.s3 import request as s3_request

    monkeypatch.setattr(s3_request, "PAGE_SIZE", 3)


def paths(version) -> list[str]:
    return [entry.path for entry in version.entries()]


def verdicts(client, name) -> dict[str, int]:
    report = client.verify(name)
    return {str(verdict): count for verdict, count in report.counts.items() if count}


@dataclass
class Rewritten:
    """Changes the XML of list pages."""

    change: object
    seen: list[Request] = field(default_factory=list)

    def early(self, request: Request) -> Response | None:
        self.seen.append(request)
        return None

    def late(self, request: Request, response: Response) -> Response:
        page = ET.fromstring(response.body)
        for element in page.iter():
            element.tag = element.tag.rpartition("}")[2]
        self.change(page)
        body = ET.tostring(page)
        headers = {**response.headers, "content-length": str(len(body))}
        return Response(status=200, headers=headers, body=body)


def test_mend_01_swift_says_null_for_the_next_version(s3_proxy, client, bucket, small_pages):
    s3_proxy.proxy.inject(SwiftPages(), kind="list-versions")
    version = client.log("d", f"s3://{bucket}/d/")
    assert paths(version) == KEYS
    assert all(entry.version_id for entry in version.entries())
    assert verdicts(client, "d") == {"intact": len(KEYS)}
    assert not client.log("d", f"s3://{bucket}/d/").changed


def test_mend_01_swift_says_null_in_the_middle_of_a_long_history(
    s3_proxy, client, bucket, small_pages
):
    for turn in range(7):
        s3_proxy.direct.put(bucket, "d/03", b"%d" % turn)
    s3_proxy.direct.client.delete_object(Bucket=bucket, Key="d/04")
    s3_proxy.proxy.inject(SwiftPages(), kind="list-versions")
    assert paths(client.log("d", f"s3://{bucket}/d/")) == [key for key in KEYS if key != "04"]


@pytest.mark.system
def test_mend_01_swift_itself_lists_every_one_of_1200_objects(swift, client):
    bucket = swift.bucket("Enabled")
    names = [f"{number:04}" for number in range(1_200)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: swift.put(bucket, f"d/{name}", b"x"), names))
    version = client.log("d", f"s3://{bucket}/d/")
    assert paths(version) == names
    assert all(entry.version_id for entry in version.entries())
    assert verdicts(client, "d") == {"intact": len(names)}


@pytest.mark.system
@pytest.mark.parametrize("versioning", ["Enabled", "Suspended", None])
def test_mend_01_swift_itself_goes_on_within_a_key(swift, client, small_pages, versioning):
    bucket = swift.bucket("Enabled" if versioning else None)
    for key in (*KEYS, *["03"] * 5):
        swift.put(bucket, f"d/{key}", b"x")
    if versioning == "Suspended":
        swift.set_versioning(bucket, "Suspended")
        swift.put(bucket, "d/05", b"without a version")
    swift.client.delete_object(Bucket=bucket, Key="d/04")
    assert paths(client.log("d", f"s3://{bucket}/d/")) == [key for key in KEYS if key != "04"]


def test_mend_01_an_empty_page_after_one_that_promised_more_is_probed(
    s3_proxy, client, bucket, small_pages
):
    """Whatever marker a server loses its way by."""

    def lose(page):
        for row in [*page.findall("Version"), *page.findall("Contents")]:
            page.remove(row)
        page.find("IsTruncated").text = "false"

    for kind in ("list-versions", "list-objects-v2"):
        lost = Rewritten(lose)
        s3_proxy.proxy.inject(lost, kind=kind, at=2)
        if kind == "list-objects-v2":
            s3_proxy.direct.set_versioning(bucket, "Suspended")
        assert paths(client.log(f"by-{kind}", f"s3://{bucket}/d/")) == KEYS
        s3_proxy.proxy.rules.clear()


@pytest.mark.parametrize("says", ["false", "", None])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_mend_01_a_full_page_that_claims_to_be_the_last_is_probed_wherever_it_comes(
    s3_proxy, client, bucket, small_pages, says, at
):
    def end(page):
        told = page.find("IsTruncated")
        if says is None:
            page.remove(told)
        else:
            told.text = says
        for name in ("NextKeyMarker", "NextVersionIdMarker"):
            for element in page.findall(name):
                page.remove(element)

    s3_proxy.proxy.inject(Rewritten(end), kind="list-versions", at=at)
    assert paths(client.log("d", f"s3://{bucket}/d/")) == KEYS


def test_mend_01_a_page_that_does_not_say_whether_more_follows_is_probed(s3_proxy, client, bucket):
    """Also where it is not full: this server has pages of its own size."""

    def shorten(page):
        for row in page.findall("Version")[3:]:
            page.remove(row)
        page.remove(page.find("IsTruncated"))

    s3_proxy.proxy.inject(Rewritten(shorten), kind="list-versions")
    assert paths(client.log("d", f"s3://{bucket}/d/")) == KEYS


def test_mend_01_a_server_that_does_not_go_on_after_a_key_is_an_error(
    s3_proxy, client, monkeypatch, quick_retries
):
    """It answers every question with its first page."""
    from landfast.stores.s3 import request as s3_request

    monkeypatch.setattr(s3_request, "PAGE_SIZE", 3)
    bucket = s3_proxy.direct.bucket()
    for number in range(3):
        s3_proxy.direct.put(bucket, f"d/{number}", b"x")
    first = s3_proxy.client.list_objects_v2(Bucket=bucket, Prefix="d/", MaxKeys=3)
    assert not first["IsTruncated"]
    body = s3_proxy.proxy.exchanges[-1].response.body
    s3_proxy.proxy.inject(Body(body=body), kind="list-objects-v2")
    with pytest.raises(landfast.Unavailable, match="returns nothing after a key"):
        client.log("d", f"s3://{bucket}/d/")
    assert client.collections() == []


@dataclass
class Answer:
    """Answers in the server's place."""

    body: bytes

    def early(self, request: Request) -> Response | None:
        return Response(status=200, headers={"content-length": str(len(self.body))}, body=self.body)

    def late(self, request: Request, response: Response) -> Response:
        return response


def endless(*, versions: bool, token):
    """A list page without a row that promises more."""
    root, markers = (
        ("ListVersionsResult", "<NextKeyMarker>{}</NextKeyMarker>")
        if versions
        else ("ListBucketResult", "<NextContinuationToken>{}</NextContinuationToken>")
    )

    @dataclass
    class Endless:
        count: int = 0

        def early(self, request: Request) -> Response | None:
            self.count += 1
            body = (
                f"<{root}><MaxKeys>1000</MaxKeys><IsTruncated>true</IsTruncated>"
                f"{markers.format(token(self.count))}</{root}>"
            ).encode()
            return Response(status=200, headers={"content-length": str(len(body))}, body=body)

        def late(self, request: Request, response: Response) -> Response:
            return response

    return Endless()


@pytest.mark.parametrize("versions", [True, False])
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    "token", [lambda n: f"t{n}", lambda n: f"t{n % 2}"], ids=["new", "alternating"]
)
def test_mend_01_empty_pages_that_promise_more_are_bounded(
    s3_proxy, client, monkeypatch, quick_retries, versions, slash, token
):
    for module in (base, pager):
        monkeypatch.setattr(module, "MOST_EMPTY_PAGES", 20)
    bucket = s3_proxy.direct.bucket("Enabled" if versions else None)
    server = endless(versions=versions, token=token)
    kind = "list-versions" if versions else "list-objects-v2"
    s3_proxy.direct.put(bucket, "d/k", b"x")
    version = client.log("before", f"s3://{bucket}/d/")
    s3_proxy.proxy.inject(server, kind=kind)
    # Without a slash the current objects are asked what it is, which is a question of its own.
    with pytest.raises(landfast.Unavailable, match=f"{bucket}.*(no end|circle)"):
        client.log("d", f"s3://{bucket}/d{slash}")
    if versions:
        with pytest.raises(landfast.Unavailable, match=r"no end|circle"):
            client.verify(version)
    assert server.count < 100
    assert [collection.name for collection in client.collections()] == ["before"]


def test_mend_01_an_empty_first_page_does_not_hide_what_follows(s3_proxy, client):
    """What a name without a slash is may be said on the second page."""
    bucket = s3_proxy.direct.bucket()
    s3_proxy.direct.put(bucket, "d/k", b"x")
    s3_proxy.client.list_objects_v2(Bucket=bucket, Prefix="d")
    page = s3_proxy.proxy.exchanges[-1].response.body
    goes_on = lambda request: "continuation-token" in request.query  # noqa: E731
    s3_proxy.proxy.inject(Answer(body=page), kind="list-objects-v2", when=goes_on)
    empty = endless(versions=False, token=lambda _: "more")
    s3_proxy.proxy.inject(empty, kind="list-objects-v2", when=lambda request: not goes_on(request))
    assert paths(client.log("d", f"s3://{bucket}/d")) == ["k"]
    report = doctor(f"s3://{bucket}/d/", client.context.stores)
    assert [c.detail for c in report.checks if c.name == "listing"] == ["works; 1 objects"]


@pytest.mark.parametrize("jump", [False, True])
def test_mend_01_a_page_that_goes_back_is_an_error(
    s3_proxy, client, bucket, small_pages, quick_retries, jump
):
    """Also within one key: its versions come once."""
    first = s3_proxy.client.list_object_versions(Bucket=bucket, Prefix="d/", MaxKeys=3)
    body = s3_proxy.proxy.exchanges[-1].response.body
    assert first["IsTruncated"]
    version = client.log("good", f"s3://{bucket}/d/")
    again = body.replace(b"<NextVersionIdMarker>", b"<NextVersionIdMarker>x")
    s3_proxy.proxy.inject(Body(body=again), kind="list-versions", at=range(2, 50))
    with pytest.raises(landfast.Unavailable, match=r"out of order|circle"):
        client.verify(version) if jump else client.log("d", f"s3://{bucket}/d/")


def test_mend_01_gcs_rows_without_a_size_fail_nothing(gcs, client, http_script):
    """Servers that write protocol buffers as JSON leave out a size of zero."""
    items = [
        {"name": "d/a", "generation": "1", "size": "3", "crc32c": "NT3Yvg=="},
        {"name": "d/empty", "generation": "2", "crc32c": "AAAAAA=="},
        {"name": "d/marker/", "generation": "3", "md5Hash": "1B2M2Y8AsgTpgAmY7PhCfg=="},
        {"name": "d/unknown", "generation": "4", "crc32c": "NT3Yvg=="},
    ]
    http_script.put("/storage/v1/b/data/o", json.dumps({"items": items}).encode())
    http_script.put("/storage/v1/b/data", b"{}")
    options = {"endpoint": http_script.url, "anonymous": True}
    version = client.log("d", "gs://data/d/", options=options)
    assert [(e.path, e.size, e.version_id) for e in version.entries()] == [
        ("a", 3, "1"),
        ("empty", 0, "2"),
        ("unknown", None, "4"),
    ]
    assert [(skip.reason, skip.examples) for skip in version.skipped] == [
        ("folder marker", ("marker/",))
    ]


def test_mend_01_a_gcs_row_that_cannot_be_read_is_named(client, http_script, quick_retries):
    items = [{"name": "d/a", "generation": "1", "size": "3", "md5Hash": "AAAA"}]
    http_script.put("/storage/v1/b/data/o", json.dumps({"items": items}).encode())
    http_script.put("/storage/v1/b/data", b"{}")
    options = {"endpoint": http_script.url, "anonymous": True}
    with pytest.raises(landfast.Unavailable, match="gs://data/d/a"):
        client.log("d", "gs://data/d/", options=options)
