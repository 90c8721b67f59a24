"""How the HTTP store sends requests: faults, redirects, connections, TLS."""

import pytest
import urllib3
from kit.servers.exchange import http_kind
from kit.servers.faults import Body, Reset, Truncate
from kit.servers.process import free_port
from kit.servers.proxy import proxy
from kit.servers.scripted import scripted
from landfast.errors import (
    InvalidInput,
    NotFound,
    ObjectChanged,
    Unavailable,
)
from landfast.model.location import Location
from landfast.stores.base import Kind, ListRequest, Pin, Versioning
from landfast.stores.http import HttpStore
from landfast.testing.store_suite import pin_of, read

BODY = b"0123456789"


def at(url: str) -> Location:
    return Location.parse(url)


@pytest.fixture
def store():
    return HttpStore()


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


# The rest of the seam


def test_there_is_nothing_to_list_and_no_version(store, http_script):
    location = at(http_script.put("/x", BODY))
    assert store.locate(location) is Kind.OBJECT
    assert store.versioning(location) is Versioning.NONE
    with pytest.raises(InvalidInput, match="cannot be listed"):
        store.list_page(ListRequest(location))
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
