"""A webhook is signed, goes nowhere else, and shows nothing of its URL but the host."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import landfast
import pytest
from kit.servers.certificate import own_certificate
from kit.servers.scripted import scripted
from landfast.watch.signature import keys, sign
from landfast.watch.webhook import Webhook, required_secret

from tests.core.watch.test_selection import change

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_signatures_are_those_of_the_standard() -> None:
    # Made by `standardwebhooks` 1.0, the library of https://www.standardwebhooks.com.
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    message = "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert sign(keys(SECRET), message, 1614265330, b'{"test": 2432232314}') == expected


def test_a_change_is_posted_with_a_signature_of_what_arrives(http_script) -> None:
    url = http_script.put("/hook")
    assert Webhook(url, f"{SECRET} old-secret").send(change()) is None
    (request,) = http_script.requests
    assert request.method == "POST"
    assert request.headers["webhook-id"] == "r:1"
    at = request.headers["webhook-timestamp"]
    assert abs(int(at) - time.time()) < 60
    signed = b"r:1." + at.encode() + b"." + request.body
    new, old = request.headers["webhook-signature"].split()
    for key, given in ((base64.b64decode(SECRET[6:]), new), (b"old-secret", old)):
        digest = hmac.new(key, signed, hashlib.sha256).digest()
        assert given == "v1," + base64.b64encode(digest).decode()
    body = json.loads(request.body)
    assert body["type"] == "landfast.change"
    assert body["data"]["name"] == "default/vision/mnist:v3"
    assert body["data"]["change_id"] == "r:1"


def test_the_receiver_of_the_page_takes_what_is_genuine_and_nothing_else(http_script) -> None:
    page = (Path(__file__).parents[3] / "docs/watch.md").read_text()
    text = page.partition("# receiver.py\n")[2].partition("```")[0]
    receiver: dict[str, Any] = {}
    exec(text, receiver)
    Webhook(http_script.put("/hook"), SECRET).send(change())
    (request,) = http_script.requests
    assert receiver["verify"](request.headers, request.body, SECRET) == "r:1"
    old = {**request.headers, "webhook-timestamp": "1614265330"}
    other = {**request.headers, "webhook-id": "r:2"}
    for headers, body, secret in (
        (old, request.body, SECRET),
        (other, request.body, SECRET),
        (request.headers, request.body + b" ", SECRET),
        (request.headers, request.body, "whsec_b3RoZXI="),
    ):
        with pytest.raises(ValueError):
            receiver["verify"](headers, body, secret)


def test_without_a_secret_nothing_is_signed_only_where_that_is_wanted(http_script) -> None:
    assert required_secret("x", unsigned=False) == "x"
    assert required_secret(None, unsigned=True) == ""
    for none in (None, "", "  "):
        with pytest.raises(landfast.InvalidInput, match="LANDFAST_WEBHOOK_SECRET"):
            required_secret(none, unsigned=False)
    Webhook(http_script.put("/hook"), "").send(change())
    assert "webhook-signature" not in http_script.requests[0].headers


def test_a_redirect_is_not_followed(http_script) -> None:
    there = http_script.put("/there")
    url = http_script.put("/hook", location=there)
    failure = Webhook(url, "s").send(change())
    assert failure is not None
    assert failure.is_final
    assert "302, and redirects are not followed" in failure.reason
    assert http_script.methods("/there") == []


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [("7", 7, 7), ("a date", 20, 100), ("soon", None, None), ("999999", 3600, 3600)],
)
def test_retry_after_is_heard(http_script, value, low, high) -> None:
    value = formatdate(time.time() + 100, usegmt=True) if value == "a date" else value
    url = http_script.put("/hook", statuses=(503,), headers={"Retry-After": value})
    failure = Webhook(url, "s").send(change())
    assert failure is not None
    assert "503" in failure.reason
    assert not failure.is_final
    if low is None:
        assert failure.wait_s is None
    else:
        assert low <= failure.wait_s <= high


def test_a_receiver_that_is_gone_is_not_asked_again(http_script) -> None:
    failure = Webhook(http_script.put("/hook", statuses=(410,)), "s").send(change())
    assert failure is not None
    assert failure.is_final


def test_userinfo_is_sent_as_a_header(http_script) -> None:
    word = base64.b64encode(b"ann:p@ss").decode()
    url = http_script.put("/hook", basic=word).replace("http://", "http://ann:p%40ss@")
    assert Webhook(url, "s").send(change()) is None


@pytest.mark.parametrize("where", ["refused", "hangs up"])
def test_nothing_secret_is_said_of_a_receiver_that_does_not_answer(where) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        if where == "hangs up":
            server.listen()
            server.settimeout(0.0)
            server.close()
        hook = Webhook(f"http://ann:hunter2@127.0.0.1:{port}/services/T0P/S3CRET?k=S3CRET", "s")
        failure = hook.send(change())
    assert failure is not None
    said = f"{failure.reason} {hook}"
    assert f"127.0.0.1:{port}" in said
    assert not any(word in said for word in ("S3CRET", "hunter2", "T0P", "ann"))


def test_a_certificate_that_nobody_trusts_is_said(tmp_path) -> None:
    _, context = own_certificate(tmp_path)
    with scripted(tls=context) as server:
        failure = Webhook(server.put("/hook"), "s").send(change())
    assert failure is not None
    assert "certificate" in failure.reason


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h/x",
        "h/x",
        "https://",
        "http://[::1",
        "https://h:99999/",
        "",
        "http://h.example/S3CRET",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_and_not_shown(url) -> None:
    with pytest.raises(landfast.InvalidInput) as caught:
        Webhook(url, "s")
    assert "S3CRET" not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "[::1]", "a.localhost"])
def test_http_is_for_this_machine(host) -> None:
    assert str(Webhook(f"http://{host}:1/x", "s")) == f"http://{host}:1/..."
    assert Webhook("http://h.example/x", "s", allow_http=True)


def test_a_secret_that_is_no_base64_is_refused_and_not_shown() -> None:
    with pytest.raises(landfast.InvalidInput) as caught:
        keys("whsec_n!t")
    assert "n!t" not in str(caught.value)
