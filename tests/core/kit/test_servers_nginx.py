"""nginx is a good HTTP server, and a worse one in each of its variants."""

import gzip

import pytest
import urllib3
from kit.servers import nginx as module
from kit.servers.process import ServerMissing


@pytest.fixture
def http():
    with urllib3.PoolManager(retries=False) as pool:
        yield pool


def test_it_has_validators_ranges_and_conditions(nginx_site, http):
    url = nginx_site.put("a b/é#1.txt", b"0123456789", modified=1_700_000_000)
    head = http.request("HEAD", url)
    assert head.headers["ETag"] == '"6553f100-a"'
    assert head.headers["Last-Modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    part = http.request("GET", url, headers={"Range": "bytes=2-4"})
    assert (part.status, part.data) == (206, b"234")
    assert http.request("GET", url, headers={"If-Match": '"other"'}).status == 412


def test_two_files_of_equal_size_and_time_share_an_etag(nginx_site, http):
    urls = [nginx_site.put(name, name.encode(), modified=1_700_000_000) for name in ("x", "y")]
    first, second = (http.request("GET", url) for url in urls)
    assert first.headers["ETag"] == second.headers["ETag"]
    assert first.data != second.data


@pytest.mark.parametrize(
    ("variant", "absent"),
    [("no-etag", {"ETag"}), ("bare", {"ETag", "Last-Modified", "Accept-Ranges"})],
)
def test_poor_variants_lack_validators(nginx_site, http, variant, absent):
    nginx_site.put("file", b"0123456789")
    reply = http.request("GET", nginx_site.address("file", variant), headers={"Range": "bytes=2-4"})
    assert absent.isdisjoint(reply.headers)
    assert reply.status == (200 if variant == "bare" else 206)


def test_gzip_changes_bytes_length_and_etag_unless_identity_is_asked_for(nginx_site, http):
    nginx_site.put("file", b"0123456789" * 100)
    url = nginx_site.address("file", "gzip")
    packed = http.request("GET", url, headers={"Accept-Encoding": "gzip"}, decode_content=False)
    assert gzip.decompress(packed.data) == b"0123456789" * 100
    assert packed.headers["ETag"].startswith("W/")
    plain = http.request("GET", url, headers={"Accept-Encoding": "identity"})
    assert plain.headers["Content-Length"] == "1000"
    assert not plain.headers["ETag"].startswith("W/")


def test_access_variants_want_a_signature_or_a_password(nginx_site, http):
    nginx_site.put("file", b"secret")
    signed, basic = nginx_site.address("file", "signed"), nginx_site.address("file", "basic")
    assert http.request("GET", signed).status == 403
    assert http.request("GET", f"{signed}?X-Amz-Signature=wrong").status == 403
    assert http.request("GET", f"{signed}?a=b&X-Amz-Signature={module.SIGNATURE}").data == b"secret"
    assert http.request("GET", basic).status == 401
    keys = urllib3.make_headers(basic_auth=f"{module.USER}:{module.PASSWORD}")
    assert http.request("GET", basic, headers=keys).data == b"secret"


def test_a_redirect_points_at_the_good_variant(nginx_site, http):
    url = nginx_site.put("file", b"here")
    reply = http.request("GET", nginx_site.address("file", "redirect"), redirect=False)
    assert (reply.status, reply.headers["Location"]) == (302, url)


def test_head_is_refused_where_said(nginx_site, http):
    nginx_site.put("file", b"here")
    url = nginx_site.address("file", "no-head")
    assert [http.request(method, url).status for method in ("HEAD", "GET")] == [405, 200]


def test_requests_are_counted_by_the_server(nginx_site, http):
    url = nginx_site.put("file", b"12345")
    http.request("HEAD", url)
    http.request("GET", f"{url}?x=%2F")
    seen = [(a.method, a.target, a.status, a.sent) for a in nginx_site.requests(at_least=2)]
    assert seen == [("HEAD", "/file", 200, 0), ("GET", "/file?x=%2F", 200, 5)]


def test_a_missing_nginx_names_its_package(monkeypatch):
    monkeypatch.setattr(module.shutil, "which", lambda *_, **__: None)
    with pytest.raises(ServerMissing, match="nginx-light"), module.nginx():
        pytest.fail("a missing server started")
