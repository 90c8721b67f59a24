"""Previews that the browser loads from the bucket: signed for one version, in one page, and said nowhere else."""

import contextlib
import html
import http.client
import logging
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from kit.browser import browser
from kit.pages import Served, serving
from landfast.client import Client

from tests.conftest import ProxiedS3
from tests.core.web.test_preview import PNG, at, log_bucket, shown

# The smallest picture that a browser shows: one transparent pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000a49444154789c63000100000500010d0a2db40000000049454e44ae426082"
)


@pytest.fixture
def bucket(s3_proxy: ProxiedS3) -> str:
    """A versioned bucket."""
    return s3_proxy.bucket("Enabled")


@pytest.fixture
def recorded(client: Client, s3_proxy: ProxiedS3, bucket: str) -> str:
    """A bucket with a picture that was recorded and then overwritten, and a text."""
    log_bucket(client, s3_proxy, bucket, **{"a.png": PIXEL, "b.txt": b"text", "c.svg": b"<svg/>"})
    s3_proxy.put(bucket, "d/a.png", b"overwritten")
    return bucket


def address_in(page: str) -> str:
    """Return the address of the picture on a page."""
    match = re.search(r'<img src="([^"]+)"', page)
    assert match is not None
    return html.unescape(match[1])


def fetch(url: str) -> tuple[int, bytes, str]:
    """Send what a browser would."""
    parts = urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(parts.netloc, timeout=30)) as connection:
        connection.request("GET", f"{parts.path}?{parts.query}")
        reply = connection.getresponse()
        return reply.status, reply.read(), reply.headers["content-type"]


def test_a_picture_comes_from_the_bucket_as_it_was_recorded(
    pages: Served, recorded: str, s3_proxy: ProxiedS3
) -> None:
    reply = pages.get(at("file", "a.png"))
    url = address_in(reply.text)
    assert url.startswith(s3_proxy.url)
    assert fetch(url) == (200, PIXEL, "image/png")
    query = parse_qs(urlsplit(url).query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == ["300"]
    assert query["versionId"]
    policy = dict(
        part.strip().split(" ", 1) for part in reply.headers["content-security-policy"].split(";")
    )
    assert policy["img-src"] == policy["media-src"] == f"'self' {s3_proxy.url}"
    assert policy["default-src"] == "'none'"
    assert "'self'" in policy["script-src"]
    assert s3_proxy.url not in policy["script-src"] + policy["connect-src"]
    assert reply.headers["cache-control"] == "no-store"


def test_the_address_stands_nowhere_else(
    pages: Served, recorded: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        page = pages.get(at("file", "a.png"))
        twin = pages.get(at("file.json", "a.png"))
    signature = parse_qs(urlsplit(address_in(page.text)).query)["X-Amz-Signature"][0]
    assert "signature" not in twin.text.lower()
    assert "X-Amz" not in twin.text
    assert twin.data["preview"]["mode"] == "presigned"
    ours = [record for record in caplog.records if record.name.startswith("landfast")]
    assert signature not in "".join(record.getMessage() for record in ours)


def test_a_page_says_why_nothing_may_be_seen_and_how_to_mend_it(
    pages: Served, recorded: str
) -> None:
    page = html.unescape(pages.get(at("file", "a.png")).text)
    assert f"aws s3api put-bucket-cors --bucket {recorded}" in page
    assert f'"AllowedOrigins": ["{pages.url}"]' in page
    assert "previews=proxy" in page


def test_what_the_server_reads_or_boxes_is_never_signed(
    pages: Served, recorded: str, client: Client
) -> None:
    for path in ("b.txt", "c.svg"):
        reply = pages.get(at("file", path))
        assert "X-Amz" not in reply.text
        assert "127.0.0.1" not in reply.headers["content-security-policy"]
    assert address_in(pages.get(at("file", "a.png", previews="proxy")).text).startswith("/default/")
    with serving(client, previews="proxy") as quiet:
        assert "X-Amz" not in quiet.get(at("file", "a.png")).text
        assert quiet.get(at("file", "a.png", previews="presigned")).status == 200
        assert "X-Amz" not in quiet.get(at("file", "a.png", previews="presigned")).text
    with serving(client, previews="none") as none:
        assert shown(none, "a.png", previews="proxy")["preview"]["kind"] == "none"


def test_what_no_version_id_pins_comes_through_the_server(
    client: Client, pages: Served, s3_proxy: ProxiedS3
) -> None:
    plain = s3_proxy.bucket()
    log_bucket(client, s3_proxy, plain, **{"a.png": PNG})
    assert shown(pages, "a.png")["preview"]["mode"] == "proxy"


def is_seen(page: Any) -> bool:
    """Whether the picture of a page was loaded; a script of the page's own may not be asked."""
    page.wait_for_load_state("load")
    picture = page.locator(".picture img")
    return bool(picture.evaluate("image => image.decode().then(() => image.naturalWidth > 0)"))


@pytest.mark.system
def test_a_browser_shows_the_picture_in_both_modes_and_says_why_not(
    client: Client, recorded: str, s3_proxy: ProxiedS3
) -> None:
    with serving(client) as pages, browser() as window:
        asked: list[str] = []
        window.page.on("request", lambda request: asked.append(request.url))
        for mode, server in (("presigned", s3_proxy.url), ("proxy", pages.url)):
            asked.clear()
            window.open(pages.url + at("file", "a.png", previews=mode), "a.png")
            assert is_seen(window.page)
            pictures = [url for url in asked if "a.png" in url and "/file?" not in url]
            assert pictures
            assert all(url.startswith(server) for url in pictures)
            assert {urlsplit(url).netloc for url in asked} <= {
                urlsplit(pages.url).netloc,
                urlsplit(server).netloc,
            }
        window.page.route(f"{s3_proxy.url}/**", lambda route: route.abort())
        window.open(pages.url + at("file", "a.png"), "put-bucket-cors")
        assert window.page.locator(".picture img").is_hidden()
        window.page.get_by_role("link", name="Show it through this server").click()
        assert is_seen(window.page)
