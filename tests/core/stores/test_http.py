"""What the HTTP store takes for a checksum, and that it reads what was recorded or nothing."""

import hashlib
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from kit.servers.exchange import http_kind
from kit.servers.faults import Status
from kit.servers.proxy import proxy
from landfast.errors import (
    ObjectChanged,
    Unverifiable,
)
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.stores.http import HttpStore
from landfast.stores.http import store as http
from landfast.testing.store_suite import pin_of, read

BODY = b"0123456789"


def at(url: str) -> Location:
    return Location.parse(url)


def sha256(body: bytes) -> Checksum:
    return Checksum("sha256", hashlib.sha256(body).hexdigest())


@pytest.fixture
def store():
    return HttpStore()


# What a checksum is taken from


def test_a_strong_etag_is_taken_without_reading(store, nginx_site):
    info = store.stat(at(nginx_site.put("x", BODY, modified=1_700_000_000)))
    assert info.checksum == Checksum("http-etag", '"6553f100-a"')
    assert (info.size, info.etag) == (10, '"6553f100-a"')
    assert info.modified_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert [a.method for a in nginx_site.requests(at_least=1)] == ["HEAD"]


@pytest.mark.parametrize(
    "page", [{"etag": None}, {"etag": "weak"}, {"etag": None, "modified": 0.0}]
)
def test_without_a_strong_etag_a_small_body_is_hashed(store, http_script, page):
    info = store.stat(at(http_script.put("/x", BODY, **page)))
    assert (info.checksum, info.size) == (sha256(BODY), 10)
    assert http_script.methods() == ["HEAD", "GET"]


@pytest.mark.parametrize(
    ("page", "algorithm"),
    [
        ({"etag": "weak", "modified": 0.0}, "http-weak-etag"),
        ({"etag": None, "modified": 0.0}, "http-last-modified"),
    ],
)
def test_a_large_body_is_told_by_its_weak_validator(http_script, page, algorithm):
    info = HttpStore({"hash_limit": 9}).stat(at(http_script.put("/x", BODY, **page)))
    assert info.checksum.algorithm == algorithm
    assert info.size == 10
    assert http_script.methods() == ["HEAD"]


def test_a_body_of_unknown_length_is_read_no_further_than_the_limit(http_script):
    url = http_script.put("/x", BODY * 10_000, etag="weak", length=False, ranges=False)
    info = HttpStore({"hash_limit": 1000}).stat(at(url))
    assert (info.checksum.algorithm, info.size) == ("http-weak-etag", None)


def test_a_large_body_with_no_validator_at_all_is_unverifiable(http_script):
    store = HttpStore({"hash_limit": 9})
    url = http_script.put("/x", BODY, etag=None)
    with pytest.raises(Unverifiable, match=r"checksum='sha256' reads"):
        store.stat(at(url))
    assert store.stat(at(url), checksum="sha256").checksum == sha256(BODY)
    assert store.stat(at(url), checksum=False).checksum is None


def test_sha256_on_request_hashes_whatever_the_etag_and_size(http_script):
    info = HttpStore({"hash_limit": 1}).stat(at(http_script.put("/x", BODY)), checksum="sha256")
    assert (info.checksum, info.size) == (sha256(BODY), 10)
    assert info.etag is not None
    assert http_script.methods() == ["GET"]


@pytest.mark.parametrize("kind", ["http-etag", "http-weak-etag", "http-last-modified", "md5"])
def test_a_kind_that_the_server_lacks_is_unverifiable(store, http_script, kind):
    with pytest.raises(Unverifiable, match=kind):
        store.stat(at(http_script.put("/x", BODY, etag=None)), checksum=kind)


def test_a_kind_asked_for_is_given(store, http_script):
    url = http_script.put("/x", BODY, modified=0)
    info = store.stat(at(url), checksum="http-last-modified")
    assert info.checksum == Checksum("http-last-modified", "Thu, 01 Jan 1970 00:00:00 GMT")


def test_the_bytes_are_those_of_identity_encoding(store, nginx_site):
    nginx_site.put("x", BODY * 100, modified=1_700_000_000)
    location = at(nginx_site.address("x", "gzip"))
    info = store.stat(location)
    assert (info.size, info.checksum.algorithm) == (1000, "http-etag")
    assert store.stat(location, checksum="sha256").checksum == sha256(BODY * 100)
    assert read(store, pin_of(info)) == BODY * 100


def test_a_server_that_encodes_all_the_same_is_taken_at_its_bytes(store, http_script):
    url = http_script.put("/x.gz", b"not really gzip", headers={"Content-Encoding": "gzip"})
    info = store.stat(at(url), checksum="sha256")
    assert info.checksum == sha256(b"not really gzip")
    assert read(store, pin_of(info)) == b"not really gzip"


# What was modified a moment ago


@pytest.mark.parametrize("ago_s", [-3600, 0, 1, 30])
def test_mend_07_same_size_overwrite_in_one_second_is_seen(store, nginx_site, ago_s):
    second = int(time.time()) - ago_s
    location = at(nginx_site.put("x", b"before", modified=second))
    before = store.stat(location)
    nginx_site.put("x", b"behind", modified=second)
    after = store.stat(location)
    assert before.etag == after.etag
    assert (before.checksum, after.checksum) == (sha256(b"before"), sha256(b"behind"))


def test_mend_07_a_large_body_is_asked_for_again_when_its_second_is_over(nginx_site, monkeypatch):
    """The ETag of that second may hide a write that was still to come; a new second brings a new one."""
    waited = []

    def wait(seconds):
        waited.append(seconds)
        nginx_site.put("x", b"behind", modified=now + 2)

    now = int(time.time())
    location = at(nginx_site.put("x", b"before", modified=now))
    monkeypatch.setattr(http, "_TICKS_S", 300.0)
    monkeypatch.setattr(http, "sleep", wait)
    info = HttpStore({"hash_limit": 5}).stat(location)
    assert waited == [300.0]
    assert info.checksum == Checksum("http-etag", f'"{now + 2:x}-6"')
    assert info.etag == info.checksum.value


@pytest.mark.parametrize("etag", ["weak", None])
def test_mend_07_so_is_one_with_a_weak_validator(http_script, monkeypatch, etag):
    url = http_script.put("/x", BODY, etag=etag, modified=time.time())
    monkeypatch.setattr(http, "_TICKS_S", 300.0)
    monkeypatch.setattr(http, "sleep", lambda seconds: http_script.change("/x", body=BODY[::-1]))
    info = HttpStore({"hash_limit": 5}).stat(at(url))
    assert http_script.methods() == ["HEAD", "HEAD"]
    assert info == HttpStore({"hash_limit": 5}).stat(at(url), checksum=info.checksum.algorithm)


def test_mend_07_without_a_last_modified_a_strong_etag_is_taken(store, http_script):
    assert store.stat(at(http_script.put("/x", BODY))).checksum.algorithm == "http-etag"
    assert http_script.methods() == ["HEAD"]


# HEAD is not to be relied on


@pytest.mark.parametrize("status", [400, 403, 405, 501])
def test_where_head_is_refused_one_byte_is_asked_for(store, http_script, status):
    info = store.stat(at(http_script.put("/x", BODY, head=status)))
    assert (info.size, info.checksum.algorithm) == (10, "http-etag")
    assert http_script.methods() == ["HEAD", "GET"]
    assert http_script.requests[1].headers["range"] == "bytes=0-0"


def test_where_head_and_ranges_are_refused_the_headers_of_the_whole_do(store, http_script):
    info = store.stat(at(http_script.put("/x", BODY, head=405, ranges=False)))
    assert (info.size, info.checksum.algorithm) == (10, "http-etag")


@pytest.mark.parametrize("head", [200, 405])
@pytest.mark.parametrize("ranges", [True, False])
def test_an_empty_object_is_an_object(store, http_script, head, ranges):
    info = store.stat(at(http_script.put("/x", b"", head=head, ranges=ranges)))
    assert (info.size, info.checksum.algorithm) == (0, "http-etag")
    assert read(store, pin_of(info)) == b""


def test_a_head_that_claims_no_bytes_is_not_believed(store, http_script):
    url = http_script.put("/x", BODY, etag=None)
    with proxy(http_script.url, http_kind) as front:
        front.inject(Status(status=200, headers={"content-length": "0"}), kind="head")
        info = store.stat(at(front.url + urlsplit(url).path))
    assert (info.size, info.checksum) == (10, sha256(BODY))


def test_head_refused_by_nginx(store, nginx_site):
    nginx_site.put("x", BODY, modified=1_700_000_000)
    info = store.stat(at(nginx_site.address("x", "no-head")))
    assert (info.size, info.checksum.algorithm) == (10, "http-etag")


# Reading what was recorded, or nothing


@pytest.mark.parametrize("conditions", [True, False])
@pytest.mark.parametrize("etag", ["strong", "weak"])
def test_a_changed_etag_is_an_error_whether_or_not_the_server_checks(
    store, http_script, etag, conditions
):
    location = at(http_script.put("/x", BODY, etag=etag, conditions=conditions))
    pin = pin_of(store.stat(location))
    http_script.change("/x", body=b"9876543210")
    with pytest.raises(ObjectChanged, match="ETag") as caught:
        read(store, pin)
    assert caught.value.subject == location.uri


def test_strong_etags_are_conditions_and_weak_ones_are_not(store, http_script):
    for etag in ("strong", "weak"):
        read(store, pin_of(store.stat(at(http_script.put(f"/{etag}", BODY, etag=etag)))))
    sent = [r.headers.get("if-match") for r in http_script.requests if r.method == "GET"]
    assert sent[0] == f'"{hashlib.sha256(BODY).hexdigest()[:16]}"'
    assert sent[1:] == [None, None]


def test_an_etag_that_the_server_no_longer_sends_is_an_error(store, http_script):
    pin = pin_of(store.stat(at(http_script.put("/x", BODY, conditions=False))))
    http_script.change("/x", etag=None)
    with pytest.raises(ObjectChanged, match="found no ETag"):
        read(store, pin)


def test_a_changed_last_modified_is_an_error(http_script):
    store = HttpStore({"hash_limit": 0})
    pin = pin_of(store.stat(at(http_script.put("/x", BODY, etag=None, modified=0))))
    assert read(store, pin) == BODY
    http_script.change("/x", modified=1)
    with pytest.raises(ObjectChanged, match="Last-Modified"):
        read(store, pin)


def test_another_size_under_the_same_etag_is_an_error(store, http_script):
    pin = pin_of(store.stat(at(http_script.put("/x", BODY, etag='"fixed"'))))
    http_script.change("/x", body=BODY + b"!")
    with pytest.raises(ObjectChanged, match=r"expected 10 bytes, found 11 bytes"):
        read(store, pin)


def test_equal_size_under_an_etag_that_lies_is_left_to_the_checksum(store, http_script):
    """No client can see this one but by a hash, so the caller has it on request."""
    location = at(http_script.put("/x", BODY, etag='"fixed"'))
    recorded = store.stat(location, checksum="sha256")
    http_script.change("/x", body=BODY[::-1])
    assert sha256(read(store, pin_of(recorded))) != recorded.checksum


def test_bytes_come_from_an_offset_where_the_server_can(store, nginx_site):
    pin = pin_of(store.stat(at(nginx_site.put("x", BODY))))
    with store.open(pin, start=4) as reader:
        assert (reader.start, reader.info.size) == (4, 10)
        assert b"".join(reader) == BODY[4:]


def test_an_ignored_range_starts_at_the_beginning_and_says_so(store, nginx_site):
    nginx_site.put("x", BODY)
    pin = pin_of(store.stat(at(nginx_site.address("x", "bare"))))
    with store.open(pin, start=4) as reader:
        assert reader.start == 0
        assert b"".join(reader) == BODY


def test_an_offset_beyond_a_shrunken_object_is_a_change(store, http_script):
    pin = pin_of(store.stat(at(http_script.put("/x", BODY, etag=None))))
    http_script.change("/x", body=b"01")
    with (
        pytest.raises(ObjectChanged, match=r"expected 10 bytes, found 2 bytes"),
        store.open(pin, start=5),
    ):
        pytest.fail("a shrunken object was opened")
