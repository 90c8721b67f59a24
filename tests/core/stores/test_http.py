"""The HTTP store against nginx, http.server and a scripted server that is good or bad on demand."""

import hashlib
import logging
import pickle
import ssl
import traceback
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from landfast.errors import (
    AccessDenied,
    InvalidInput,
    NotFound,
    ObjectChanged,
    Unavailable,
    Unverifiable,
)
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.stores.base import Kind, Pin, Versioning
from landfast.stores.http import HttpStore
from landfast.testing.servers import nginx as nginx_module
from landfast.testing.servers.exchange import http_kind
from landfast.testing.servers.faults import Body, Reset, Status, Truncate
from landfast.testing.servers.plain import plain
from landfast.testing.servers.process import free_port
from landfast.testing.servers.proxy import proxy
from landfast.testing.servers.scripted import scripted
from landfast.testing.store_suite import ODD_KEYS, Place, StoreSuite, pin_of, read

BODY = b"0123456789"


def at(url: str) -> Location:
    return Location.parse(url)


def sha256(body: bytes) -> Checksum:
    return Checksum("sha256", hashlib.sha256(body).hexdigest())


@pytest.fixture
def store():
    return HttpStore()


# RFC 3986 has clients remove dot segments, so such URLs cannot be told from those without.
NORMALISED = {"odd/../up", "odd/./dot"}


class HttpPlace(Place):
    flat = False
    markers = False
    odd_keys = tuple(key for key in ODD_KEYS if key not in NORMALISED)

    def location(self, key: str) -> Location:
        return at(f"{self.url}/{quote(key)}")


class ScriptPlace(HttpPlace):
    def __init__(self, script):
        self.script, self.url = script, script.url

    def put(self, key, data):
        self.script.put(f"/{quote(key)}", data)

    def delete(self, key):
        self.script.remove(f"/{quote(key)}")


class FolderPlace(HttpPlace):
    # Servers of folders collapse slashes, and a file system has no such names.
    odd_keys = tuple(key for key in HttpPlace.odd_keys if key != "odd//double")

    def __init__(self, server):
        self.folder, self.url = server.folder, server.url

    def put(self, key, data):
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def delete(self, key):
        (self.folder / key).unlink()


class TestOnAScript(StoreSuite):
    @pytest.fixture
    def store(self):
        return HttpStore({"headers": {"X-Api-Key": "hunter2"}, "password": "hunter3"})

    @pytest.fixture
    def place(self, http_script):
        return ScriptPlace(http_script)

    @pytest.fixture
    def secrets(self):
        return ("hunter2", "hunter3")


class TestOnNginx(StoreSuite):
    @pytest.fixture
    def store(self):
        return HttpStore()

    @pytest.fixture
    def place(self, nginx_site):
        # nginx's ETag is size and modification second: an overwrite within that second, of equal
        # size, is invisible to anyone, so the suite's overwrites are dated.
        return DatedPlace(nginx_site)


class DatedPlace(FolderPlace):
    clock = 1_700_000_000

    def put(self, key, data):
        super().put(key, data)
        import os

        self.clock += 10
        os.utime(self.folder / key, (self.clock, self.clock))


class TestOnAPoorServer(StoreSuite):
    @pytest.fixture
    def store(self):
        return HttpStore()

    @pytest.fixture
    def place(self):
        with plain() as server:
            yield FolderPlace(server)


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
    nginx_site.put("x", BODY * 100)
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
    nginx_site.put("x", BODY)
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


# Faults


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_failing_server_is_worth_a_retry_and_is_not_retried_here(store, http_script, status):
    location = at(http_script.put("/x", BODY, statuses=(status,)))
    with pytest.raises(Unavailable, match=str(status)):
        store.stat(location)
    assert http_script.methods() == ["HEAD"]
    assert store.stat(location).size == 10


def test_the_time_to_wait_is_passed_on(store, http_script):
    url = http_script.put("/x", BODY, statuses=(503,), headers={"Retry-After": "7"})
    with pytest.raises(Unavailable) as caught:
        store.stat(at(url))
    assert caught.value.details["retry_after"] == 7.0


def test_a_truncated_body_never_ends_quietly(store, http_script):
    for page in ({}, {"length": False}):
        http_script.put("/x", BODY * 1000, **page)
        with proxy(http_script.url, http_kind) as front:
            front.inject(Truncate(keep=5000), kind="get")
            pin = Pin(location=at(f"{front.url}/x"))
            with pytest.raises(Unavailable, match="broke off"):
                read(store, pin)
            with pytest.raises(Unavailable, match="broke off"):
                store.stat(pin.location, checksum="sha256")


def test_a_reset_is_unavailable(store, http_script):
    http_script.put("/x", BODY)
    with proxy(http_script.url, http_kind) as front:
        front.inject(Reset())
        with pytest.raises(Unavailable, match="connection"):
            store.stat(at(f"{front.url}/x"))


def test_a_silent_server_runs_into_the_timeout(http_script):
    url = http_script.put("/x", BODY, delay_s=0.6)
    with pytest.raises(Unavailable, match="no answer in time"):
        HttpStore({"timeout_s": 0.1}).stat(at(url))


def test_nobody_there_is_unavailable(store):
    with pytest.raises(Unavailable, match="no connection"):
        store.stat(at(f"http://127.0.0.1:{free_port()}/x"))


@pytest.mark.parametrize("status", [404, 410])
def test_an_object_that_went_is_not_found(store, http_script, status):
    pin = pin_of(store.stat(at(http_script.put("/x", BODY))))
    http_script.change("/x", statuses=(status,))
    with pytest.raises(NotFound):
        read(store, pin)


def test_another_body_of_the_reply_is_seen_by_its_length(store, http_script):
    http_script.put("/x", BODY)
    with proxy(http_script.url, http_kind) as front:
        pin = pin_of(store.stat(at(f"{front.url}/x")))
        front.inject(Body(body=b"short"), kind="get")
        with pytest.raises(ObjectChanged, match="5 bytes"):
            read(store, pin)


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
    with pytest.raises(InvalidInput, match="no HTTP URL"):
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


# The rest of the seam


def test_there_is_nothing_to_list_and_no_version(store, http_script):
    location = at(http_script.put("/x", BODY))
    assert store.locate(location) is Kind.OBJECT
    assert store.versioning(location) is Versioning.NONE
    with pytest.raises(InvalidInput, match="cannot be listed"):
        store.list_page(location)
    with pytest.raises(InvalidInput, match="no version 'v'"):
        store.stat(location, version_id="v")
    assert http_script.requests == []


def test_an_unknown_option_is_named():
    with pytest.raises(InvalidInput, match=r"no option tiemout.*timeout_s"):
        HttpStore({"tiemout": 1})


def test_connections_are_reused(store, http_script):
    with proxy(http_script.url, http_kind) as front:
        http_script.put("/x", BODY)
        for _ in range(5):
            read(store, pin_of(store.stat(at(f"{front.url}/x"))))
        manager = store._pool._managers[""]
        pool = manager.connection_from_url(front.url)
        assert (pool.num_connections, pool.num_requests) == (1, 10)


def test_a_client_of_ones_own_is_made_once_and_used(http_script):
    made = []

    def make():
        made.append(urllib3.PoolManager(headers={"X-Unused": "1"}))
        return made[0]

    store = HttpStore(client=make)
    location = at(http_script.put("/x", BODY))
    assert read(store, pin_of(store.stat(location))) == BODY
    (manager,) = made
    assert manager.connection_from_url(http_script.url).num_requests == 2


def test_the_environments_proxy_is_used(http_script, monkeypatch):
    """A proxy is asked for the whole URL; the scripted server shows that it was."""
    monkeypatch.setenv("http_proxy", http_script.url)
    with pytest.raises(NotFound):
        HttpStore().stat(at("http://elsewhere.invalid/x"))
    assert http_script.requests[0].target == "http://elsewhere.invalid/x"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert HttpStore().stat(at(http_script.put("/x", BODY))).size == 10


def test_urllib3_is_not_asked_to_retry(monkeypatch, http_script):
    seen = []
    original = urllib3.PoolManager.request

    def spy(self, *args, **kwargs):
        seen.append(kwargs["retries"])
        return original(self, *args, **kwargs)

    monkeypatch.setattr(urllib3.PoolManager, "request", spy)
    HttpStore().stat(at(http_script.put("/x", BODY)))
    (retries,) = seen
    assert (retries.connect, retries.read, retries.respect_retry_after_header) == (
        *(False, False, False),
    )


# TLS


@pytest.fixture
def authority(tmp_path):
    """A certificate that signs itself, for 127.0.0.1: its PEM file and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "landfast test")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = tmp_path / "ca.pem", tmp_path / "key.pem"
    public.write_bytes(certificate.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context


def test_https_is_read_with_an_authority_of_ones_own(authority, monkeypatch):
    public, context = authority
    with scripted(tls=context) as server:
        location = at(server.put("/x", BODY))
        with pytest.raises(InvalidInput, match=r"certificate of 127.0.0.1:\d+ .*ca_file="):
            HttpStore().stat(location)
        assert server.requests == []
        store = HttpStore({"ca_file": str(public)})
        assert read(store, pin_of(store.stat(location))) == BODY
        monkeypatch.setenv("SSL_CERT_FILE", str(public))
        assert HttpStore().stat(location).size == 10


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
    assert [access.kind for access in radosgw.requests(bucket)][-2:] == ["head", "get-object"]
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
