"""The HTTP store uses credentials and signatures, and tells nobody."""

import hashlib
import logging
import pickle
import traceback
from urllib.parse import quote

import pytest
from kit.servers import nginx as nginx_module
from kit.servers.exchange import http_kind
from kit.servers.process import free_port
from kit.servers.proxy import proxy
from landfast.errors import (
    AccessDenied,
    InvalidInput,
)
from landfast.model.location import Location
from landfast.stores.base import Pin
from landfast.stores.http import HttpStore
from landfast.testing.store_suite import pin_of, read

BODY = b"0123456789"


def at(url: str) -> Location:
    return Location.parse(url)


@pytest.fixture
def store():
    return HttpStore()


# Redirects, credentials, secrets


def test_redirects_are_followed_and_the_asked_url_is_recorded(store, nginx_site):
    nginx_site.put("x", BODY)
    location = at(nginx_site.address("x", "redirect"))
    info = store.stat(location)
    assert (info.location, info.size) == (location, 10)
    assert read(store, pin_of(info)) == BODY


def test_a_circle_of_redirects_is_an_error(store, http_script):
    http_script.put("/a", location="/b")
    http_script.put("/b", location="/a")
    with pytest.raises(InvalidInput, match="redirects more than 10 times"):
        store.stat(at(f"{http_script.url}/a"))


def test_a_redirect_to_another_scheme_is_an_error(store, http_script):
    url = http_script.put("/a", location="file:///etc/passwd")
    with pytest.raises(InvalidInput, match="not an HTTP URL"):
        store.stat(at(url))


def test_secret_headers_do_not_follow_a_redirect_to_another_host(http_script):
    http_script.put("/x", BODY)
    with proxy(http_script.url, http_kind) as elsewhere:
        http_script.put("/away", location=f"{elsewhere.url}/x")
        store = HttpStore({"headers": {"X-Api-Key": "hunter2", "Authorization": "Bearer hunter3"}})
        assert store.stat(at(f"{http_script.url}/away")).size == 10
        first, second = http_script.requests
    assert {"x-api-key", "authorization"} <= first.headers.keys()
    assert {"x-api-key", "authorization"}.isdisjoint(second.headers)


def test_passwords_come_from_options_url_or_netrc(nginx_site, tmp_path, monkeypatch):
    nginx_site.put("x", BODY)
    url = nginx_site.address("x", "basic")
    user, word = nginx_module.USER, nginx_module.PASSWORD
    with pytest.raises(AccessDenied, match="username= and password="):
        HttpStore().stat(at(url))
    assert HttpStore({"username": user, "password": word}).stat(at(url)).size == 10
    inside = at(url.replace("//", f"//{user}:{quote(word)}@", 1))
    assert HttpStore().stat(inside).size == 10
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {user} password {word}\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert HttpStore().stat(at(url)).size == 10


def test_a_signed_url_works_as_given_and_needs_a_signer_once_stripped(nginx_site):
    nginx_site.put("x", BODY)
    secret = nginx_module.SIGNATURE
    url = nginx_site.address("x", "signed")
    signed = at(f"{url}?part=1&X-Amz-Signature={secret}")
    info = HttpStore().stat(signed)
    assert info.size == 10
    recorded, stripped = info.location.without_secrets()
    assert (recorded.uri, stripped) == (f"{url}?part=1", ("X-Amz-Signature",))
    pin = Pin(location=recorded, etag=info.etag, size=10, checksum=info.checksum)
    with pytest.raises(AccessDenied, match="signer="):
        read(HttpStore(), pin)
    seen = []

    def sign(uri):
        seen.append(uri)
        return f"{uri}&X-Amz-Signature={secret}"

    assert read(HttpStore({"signer": sign}), pin) == BODY
    assert seen == [recorded.uri]


def test_an_expired_signature_is_said_to_be_that(store, nginx_site):
    nginx_site.put("x", BODY)
    url = nginx_site.address("x", "signed") + "?sig=expired-secret"
    with pytest.raises(AccessDenied, match="may have expired") as caught:
        store.stat(at(url))
    assert "expired-secret" not in str(caught.value)


SECRETS = ("sig-secret", "user-secret", "pass-secret", "key-secret")


def failures(http_script):
    """Every way to fail while holding secrets."""
    query = "?X-Amz-Signature=sig-secret&part=1"
    login = "user-secret:pass-secret@"
    for path, page in {
        "/denied": {"statuses": (403, 403)},
        "/missing": {"statuses": (404,)},
        "/busy": {"statuses": (503,)},
        "/circle": {"location": f"/circle{query}"},
        "/elsewhere": {"location": f"ftp://h/{query}"},
    }.items():
        http_script.put(path, BODY, **page)
        yield http_script.url.replace("//", f"//{login}", 1) + path + query
    yield f"http://{login}127.0.0.1:{free_port()}/x{query}"
    yield f"https://{login}{http_script.url.partition('//')[2]}/x{query}"


def test_no_secret_is_in_any_error_traceback_or_log(http_script, caplog):
    caplog.set_level(logging.DEBUG)
    store = HttpStore({"headers": {"X-Api-Key": "key-secret"}})
    for url in failures(http_script):
        with pytest.raises(Exception) as caught:
            store.stat(at(url))
        error = caught.value
        texts = [*traceback.format_exception(error), repr(error), str(vars(error))]
        assert error.__cause__ is None
        assert error.__context__ is None
        texts.append(pickle.dumps(error).decode("latin-1"))
        assert [s for s in SECRETS for text in texts if s in text] == [], url
    assert [s for s in SECRETS if s in caplog.text] == []
    assert "/denied" in caplog.text


def test_a_successful_read_logs_no_signature(store, http_script, caplog):
    caplog.set_level(logging.DEBUG)
    http_script.put("/x", location="/y?token=sig-secret")
    http_script.put("/y", BODY)
    assert store.stat(at(f"{http_script.url}/x?token=sig-secret")).size == 10
    assert "token=***" in caplog.text
    assert "sig-secret" not in caplog.text


# A real signed URL


@pytest.mark.system
def test_a_presigned_url_of_a_real_server_that_checks_it(radosgw):
    """It is signed for GET, so HEAD is refused, and it reads no other key."""

    def presign(key, expires_s=60):
        params = {"Bucket": bucket, "Key": key}
        return radosgw.client.generate_presigned_url("get_object", params, ExpiresIn=expires_s)

    bucket = radosgw.bucket()
    radosgw.put(bucket, "a b+c", BODY)
    info = HttpStore().stat(at(presign("a b+c")))
    assert (info.size, info.etag) == (10, f'"{hashlib.md5(BODY).hexdigest()}"')
    # The second read takes the sha256: an ETag of a page that was modified a moment ago may come again.
    kinds = [access.kind for access in radosgw.requests(bucket)]
    assert kinds[-3:] == ["head", "get-object", "get-object"]
    recorded, _ = info.location.without_secrets()
    assert recorded.uri == f"{radosgw.url}/{bucket}/a%20b%2Bc"
    pin = Pin(location=recorded, etag=info.etag, size=10, checksum=info.checksum)
    with pytest.raises(AccessDenied, match="signer="):
        read(HttpStore(), pin)
    assert read(HttpStore({"signer": lambda _: presign("a b+c")}), pin) == BODY
    wrong = presign("a b+c").replace("a%20b%2Bc", "other")
    with pytest.raises(AccessDenied, match="may have expired"):
        HttpStore().stat(at(wrong))


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Date=c&X-Amz-Expires=d&X-Amz-Security-Token=e"
        "&X-Amz-SignedHeaders=f&X-Amz-Signature=g",
        "AWSAccessKeyId=a&Expires=b&Signature=c",
        "X-Goog-Algorithm=a&X-Goog-Credential=b&X-Goog-Signature=c",
        "GoogleAccessId=a&Expires=b&Signature=c",
        "sv=a&ss=b&srt=c&sp=d&se=e&st=f&spr=g&sig=h&sr=i",
        "token=a",
        "access_token=a",
        "signature=a",
        "key=a",
        "api_key=a",
    ],
)
def test_what_signs_a_url_is_not_recorded_and_named(query):
    recorded, stripped = at(f"https://h/x?part=1&{query}&format=csv").without_secrets()
    assert recorded.uri == "https://h/x?part=1&format=csv"
    assert stripped == tuple(pair.partition("=")[0] for pair in query.split("&"))
