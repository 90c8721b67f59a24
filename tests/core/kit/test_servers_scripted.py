"""The scripted server says exactly what the test wrote."""

import pytest
import urllib3


@pytest.fixture
def http():
    with urllib3.PoolManager(retries=False) as pool:
        yield pool


def test_an_unscripted_path_is_not_there(http_script, http):
    assert http.request("GET", http_script.url + "/nothing").status == 404


def test_etags_follow_the_body_unless_they_are_fixed(http_script, http):
    def etags(**page):
        url = http_script.put("/x", b"one", **page)
        first = http.request("HEAD", url).headers.get("ETag")
        http_script.change("/x", body=b"two")
        return first, http.request("HEAD", url).headers.get("ETag")

    strong, weak = etags(etag="strong"), etags(etag="weak")
    assert strong[0] != strong[1]
    assert not strong[0].startswith("W/")
    assert weak[0].startswith('W/"')
    assert weak[0] != weak[1]
    assert etags(etag='"fixed"') == ('"fixed"', '"fixed"')
    assert etags(etag=None) == (None, None)


def test_last_modified_is_as_scripted(http_script, http):
    url = http_script.put("/x", modified=0)
    assert http.request("GET", url).headers["Last-Modified"] == "Thu, 01 Jan 1970 00:00:00 GMT"


def test_head_can_be_refused(http_script, http):
    url = http_script.put("/x", b"body", head=405)
    assert [http.request(m, url).status for m in ("HEAD", "GET")] == [405, 200]


def test_ranges_are_honoured_or_ignored(http_script, http):
    url = http_script.put("/x", b"0123456789")
    asked = {"Range": "bytes=2-4"}
    part = http.request("GET", url, headers=asked)
    assert (part.status, part.data) == (206, b"234")
    assert part.headers["Content-Range"] == "bytes 2-4/10"
    assert http.request("GET", url, headers={"Range": "bytes=10-"}).status == 416
    http_script.change("/x", ranges=False)
    assert http.request("GET", url, headers=asked).data == b"0123456789"


def test_conditions_are_honoured_or_ignored(http_script, http):
    url = http_script.put("/x", b"body")
    etag = http.request("HEAD", url).headers["ETag"]
    assert http.request("GET", url, headers={"If-Match": etag}).status == 200
    assert http.request("GET", url, headers={"If-Match": '"other"'}).status == 412
    assert http.request("GET", url, headers={"If-None-Match": etag}).status == 304
    http_script.change("/x", conditions=False)
    assert http.request("GET", url, headers={"If-Match": '"other"'}).status == 200


def test_a_page_without_length_is_chunked(http_script, http):
    reply = http.request("GET", http_script.put("/x", b"body", length=False))
    assert "Content-Length" not in reply.headers
    assert reply.data == b"body"


def test_statuses_come_first_one_each(http_script, http):
    url = http_script.put("/x", b"body", statuses=(503, 429))
    assert [http.request("GET", url).status for _ in range(3)] == [503, 429, 200]


def test_redirects_signatures_and_passwords(http_script, http):
    url = http_script.put("/old", location="/new")
    assert http.request("GET", url, redirect=False).headers["Location"] == "/new"
    url = http_script.put("/signed", b"body", query={"sig": "a/b"})
    assert [http.request("GET", url + q).status for q in ("", "?sig=no", "?sig=a%2Fb")] == [
        *(403, 403, 200)
    ]
    keys = urllib3.make_headers(basic_auth="user:pass")
    url = http_script.put("/basic", b"body", basic=keys["authorization"].removeprefix("Basic "))
    assert [http.request("GET", url, headers=h).status for h in ({}, keys)] == [401, 200]


def test_requests_are_recorded_as_sent(http_script, http):
    http_script.put("/x%2Fy", b"body")
    http.request("GET", http_script.url + "/x%2Fy?a=%20", headers={"Accept-Encoding": "identity"})
    (request,) = http_script.requests
    assert request.target == "/x%2Fy?a=%20"
    assert request.headers["accept-encoding"] == "identity"
    assert http_script.methods("/x%2Fy") == ["GET"]
