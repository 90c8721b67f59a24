"""The Cloud Storage store over the loopback server: the store contract, and what is GCS's own."""

import base64
import hashlib
import os
import pickle
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from kit.gcs.faults import ApiStatus
from kit.gcs_server import GcsServer
from kit.servers.exchange import Request, Response
from kit.servers.faults import Body, Reset, Truncate
from kit.servers.gcp_emulator import gcp_storage_emulator
from landfast.errors import (
    AccessDenied,
    InvalidInput,
    LandfastError,
    MissingExtra,
    NotFound,
    ObjectChanged,
    Unavailable,
    Unverifiable,
)
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.stores.base import Kind, ListRequest, Pin, Versioning
from landfast.stores.gcs import GcsStore
from landfast.testing.store_suite import ODD_KEYS, Place, StoreSuite, pin_of, read, rows


class Bucket(Place):
    """A bucket of the loopback server."""

    # Cloud Storage forbids line breaks in names.
    odd_keys = tuple(key for key in ODD_KEYS if not {"\n", "\r"} & set(key))

    def __init__(self, server: GcsServer, *, versioning: bool) -> None:
        self.server, self.name = server, server.bucket(versioning=versioning)
        self.keeps_versions = versioning

    def location(self, key: str) -> Location:
        return Location(scheme="gs", authority=self.name, key=key)

    def put(self, key: str, data: bytes) -> str:
        return self.server.put(self.name, key, data)

    def delete(self, key: str) -> None:
        self.server.delete(self.name, key)


class TestUnversionedBucket(StoreSuite):
    @pytest.fixture
    def place(self, gcs: GcsServer) -> Place:
        return Bucket(gcs, versioning=False)

    @pytest.fixture
    def store(self, gcs: GcsServer) -> GcsStore:
        return GcsStore()


class TestVersionedBucket(TestUnversionedBucket):
    @pytest.fixture
    def place(self, gcs: GcsServer) -> Place:
        return Bucket(gcs, versioning=True)


@pytest.fixture
def place(gcs: GcsServer) -> Bucket:
    return Bucket(gcs, versioning=True)


@pytest.fixture
def store(gcs: GcsServer) -> GcsStore:
    return GcsStore()


def compose(gcs: GcsServer, bucket: str, key: str, *sources: str) -> None:
    parts = {"sourceObjects": [{"name": source} for source in sources]}
    gcs.api.state.compose(bucket, key, parts)


# What a row says


def test_the_checksum_is_the_md5_in_hexadecimal(store: GcsStore, place: Bucket) -> None:
    place.put("d/x", b"bytes")
    (row,) = rows(store, place.location("d/"))
    assert row.checksum == Checksum("md5", hashlib.md5(b"bytes").hexdigest())
    assert set(row.extra or ()) == {"md5", "crc32c"}


def test_a_composite_object_has_a_crc32c_and_no_md5(
    gcs: GcsServer, store: GcsStore, place: Bucket
) -> None:
    place.put("a", b"123")
    place.put("b", b"456789")
    compose(gcs, place.name, "whole", "a", "b")
    info = store.stat(place.location("whole"))
    assert info.checksum == Checksum("crc32c", "e3069283")  # the check value of "123456789"
    assert read(store, pin_of(info)) == b"123456789"
    with pytest.raises(Unverifiable, match="crc32c"):
        store.stat(place.location("whole"), checksum="md5")
    listed = [row for row in rows(store, place.location(""), checksum="md5") if row.size == 9]
    assert [row.checksum for row in listed] == [None]


def test_a_metadata_edit_changes_nothing_of_a_row(
    gcs: GcsServer, store: GcsStore, place: Bucket
) -> None:
    place.put("d/x", b"bytes")
    before = list(rows(store, place.location("d/")))
    blob = gcs.client.bucket(place.name).blob("d/x")
    etag = (blob.exists() and blob.reload()) or blob.etag
    blob.metadata = {"label": "one"}
    blob.patch()
    assert blob.etag != etag
    assert list(rows(store, place.location("d/"))) == before
    assert before[0].etag is None


def test_the_time_is_that_of_the_generation_in_utc(store: GcsStore, place: Bucket) -> None:
    place.put("d/x", b"bytes")
    (row,) = rows(store, place.location("d/"))
    assert row.modified_at is not None
    assert row.modified_at.tzinfo is UTC
    assert abs(row.modified_at - datetime.now(UTC)) < timedelta(minutes=5)


def test_plain_rows_carry_generations(store: GcsStore, place: Bucket) -> None:
    place.put("d/x", b"old")
    new = place.put("d/x", b"new")
    assert [row.version_id for row in rows(store, place.location("d/"))] == [new]
    assert store.capabilities().pinned_listing


def test_versioning_is_told_and_a_refused_question_is_unknown(
    gcs: GcsServer, store: GcsStore, place: Bucket
) -> None:
    assert store.versioning(place.location("")) is Versioning.ENABLED
    gcs.set_versioning(place.name, enabled=False)
    assert store.versioning(place.location("")) is Versioning.OFF
    gcs.deny("storage.buckets.get")
    assert store.versioning(place.location("")) is Versioning.UNKNOWN


def test_the_command_that_turns_versioning_on_names_the_bucket(store: GcsStore) -> None:
    command = store.capabilities().versioning_command.format(bucket="b")
    assert command == "gcloud storage buckets update gs://b --versioning"


# Requests


def test_every_method_sends_one_request(gcs: GcsServer, store: GcsStore, place: Bucket) -> None:
    place.put("d/x", b"bytes")
    where = place.location("d/x")

    def cost(act: object) -> dict[str, int]:
        gcs.clear()
        act()  # type: ignore[operator]
        return dict(gcs.counts)

    assert cost(lambda: store.versioning(where)) == {"get-bucket": 1}
    assert cost(lambda: store.list_page(ListRequest(place.location("d/")))) == {
        "list-objects-v2": 1
    }
    assert cost(lambda: store.list_page(ListRequest(place.location(""), versions=True))) == {
        "list-versions": 1
    }
    assert cost(lambda: store.stat(where)) == {"head": 1}
    pin = pin_of(store.stat(where))
    assert cost(lambda: read(store, pin)) == {"get-object": 1}
    assert cost(lambda: store.locate(where)) == {"list-objects-v2": 2}
    assert cost(lambda: store.capabilities() and store.endpoint) == {}


def test_ten_thousand_objects_cost_ten_list_requests_and_no_other(
    gcs: GcsServer, store: GcsStore, place: Bucket
) -> None:
    for number in range(10_000):
        place.put(f"d/{number:05}", b"x")
    found = [row.location.key for row in rows(store, place.location("d/"))]
    assert found == [f"d/{number:05}" for number in range(10_000)]
    assert gcs.counts == {"list-objects-v2": 10}


def test_a_listing_asks_for_the_fields_that_it_needs_only(
    gcs: GcsServer, store: GcsStore, place: Bucket
) -> None:
    place.put("d/x", b"bytes")
    page = store.list_page(ListRequest(place.location("d/"), after="d/a", before="d/z", limit=5))
    (request,) = gcs.of("list-objects-v2")
    assert [row.location.key for row in page.rows] == ["d/x"]
    assert request.query["fields"].startswith("items(name,size,generation,md5Hash,")
    assert (request.query["prefix"], request.query["endOffset"]) == ("d/", "d/z")
    assert "versions" not in request.query


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_nothing_is_retried_here(
    gcs: GcsServer, store: GcsStore, place: Bucket, status: int
) -> None:
    place.put("x", b"x")
    where = place.location("x")
    gcs.inject(ApiStatus(status=status, headers={"retry-after": "7"}))
    pin = Pin(location=where)
    for act in (
        lambda: store.list_page(ListRequest(place.location(""))),
        lambda: store.stat(where),
        lambda: read(store, pin),
        lambda: store.versioning(where),
    ):
        gcs.requests.clear()
        with pytest.raises(Unavailable) as caught:
            act()
        assert len(gcs.requests) == 1
        assert caught.value.details["retry_after"] == 7
        assert caught.value.details["status"] == status


def test_a_cut_connection_is_unavailable_and_not_retried(
    gcs: GcsServer, store: GcsStore, place: Bucket
) -> None:
    gcs.inject(Reset())
    with pytest.raises(Unavailable, match=place.name):
        store.list_page(ListRequest(place.location("")))
    assert len(gcs.requests) == 1


def test_a_server_that_is_not_there_is_unavailable(place: Bucket) -> None:
    store = GcsStore({"endpoint": "http://127.0.0.1:9", "anonymous": True})
    with pytest.raises(Unavailable, match="could not be described"):
        store.stat(place.location("x"))


@pytest.mark.parametrize(
    "body",
    [
        b'{"items": [{"na',
        b"<html>a proxy speaks</html>",
        b"[]",
        b'{"items": [{"name": "x"}]}',
        b'{"items": [{"name": "x", "size": "many", "generation": "1"}]}',
        b'{"items": [{"name": "x", "size": "1", "generation": "1", "md5Hash": "?"}]}',
    ],
)
def test_a_page_that_is_no_answer_of_the_api_is_unavailable(
    gcs: GcsServer, store: GcsStore, place: Bucket, body: bytes
) -> None:
    place.put("x", b"x")
    gcs.inject(Body(body=body))
    with pytest.raises(Unavailable, match="not readable"):
        store.list_page(ListRequest(place.location("")))
    with pytest.raises(Unavailable, match="not readable"):
        store.stat(place.location("x"))


# Listing generations


def test_generations_come_newest_first_across_server_pages(
    gcs: GcsServer, store: GcsStore, place: Bucket
) -> None:
    expected = {key: [place.put(key, b"x") for _ in range(4)][::-1] for key in ("a", "b", "c")}
    place.delete("b")
    wanted = [(key, generation) for key, made in expected.items() for generation in made]
    for page_size in (5, 6, 7, 9, 11, 1000):
        gcs.api.page_size = page_size
        found = list(rows(store, place.location(""), versions=True))
        assert [(row.location.key, row.version_id) for row in found] == wanted, page_size
    assert [row.is_latest for row in found] == [True, *[False] * 7, True, *[False] * 3]
    gcs.api.page_size = 1000


def test_a_small_limit_cuts_the_history_of_a_key_without_loss(
    store: GcsStore, place: Bucket
) -> None:
    expected = [(key, place.put(key, b"x")) for key in ("a", "b") for _ in range(3)]
    wanted = sorted(expected, key=lambda pair: (pair[0], -int(pair[1])))
    for limit in (1, 2, 3, 4, 5):
        found, token = [], None
        while True:
            page = store.list_page(
                ListRequest(place.location(""), versions=True, limit=limit, token=token)
            )
            found += [(row.location.key, row.version_id) for row in page.rows]
            token = page.next
            if token is None:
                break
        assert found == wanted, limit


def test_a_key_that_fills_a_whole_page_loses_no_generation(
    gcs: GcsServer, store: GcsStore, place: Bucket
) -> None:
    made = {place.put("k", bytes([number])) for number in range(7)} | {place.put("l", b"x")}
    gcs.api.page_size = 3
    found = [row.version_id for row in rows(store, place.location(""), versions=True)]
    gcs.api.page_size = 1000
    assert len(found) == len(made)
    assert set(found) == made


def test_a_token_of_something_else_is_invalid(store: GcsStore, place: Bucket) -> None:
    for token in ("nonsense", "[]", "1", '["nonsense", null, null, null]'):
        with pytest.raises(InvalidInput):
            store.list_page(ListRequest(place.location(""), token=token))


# Reading


def test_an_overwritten_generation_is_read_by_its_number(store: GcsStore, place: Bucket) -> None:
    place.put("x", b"recorded")
    pin = pin_of(store.stat(place.location("x")))
    place.put("x", b"RECORDED")
    assert read(store, pin) == b"recorded"
    with store.open(pin, start=3) as reader:
        assert (reader.start, b"".join(reader)) == (3, b"orded")
        assert reader.info.version_id == pin.version_id
        assert reader.info.checksum == pin.checksum


def test_a_generation_that_is_gone_is_not_found_and_named(
    gcs: GcsServer, store: GcsStore, place: Bucket
) -> None:
    place.put("x", b"recorded")
    pin = pin_of(store.stat(place.location("x")))
    place.put("x", b"RECORDED")
    gcs.delete(place.name, "x", pin.version_id)
    with pytest.raises(NotFound, match=f"x#{pin.version_id}") as caught:
        read(store, pin)
    assert caught.value.details["version_id"] == pin.version_id
    with pytest.raises(NotFound, match=f"x#{pin.version_id}"):
        store.stat(pin.location, version_id=pin.version_id)


def test_an_overwritten_object_of_a_bucket_without_versioning_is_changed(
    gcs: GcsServer, store: GcsStore
) -> None:
    place = Bucket(gcs, versioning=False)
    place.put("x", b"recorded")
    pin = pin_of(store.stat(place.location("x")))
    live = place.put("x", b"RECORDED")
    with pytest.raises(ObjectChanged, match=f"{live}.*--versioning") as caught:
        read(store, pin)
    assert caught.value.__context__ is None
    place.delete("x")
    with pytest.raises(NotFound, match=f"x#{pin.version_id}"):
        read(store, pin)


def test_a_read_without_generation_is_compared_with_size_and_checksum(
    store: GcsStore, place: Bucket
) -> None:
    place.put("x", b"recorded")
    pin = replace(pin_of(store.stat(place.location("x"))), version_id=None)
    assert read(store, pin) == b"recorded"
    place.put("x", b"RECORDED")
    with pytest.raises(ObjectChanged, match="md5") as caught:
        read(store, pin)
    assert caught.value.details["differs"] == "md5"


def test_a_shortened_object_is_changed_when_resumed_behind_its_end(
    store: GcsStore, place: Bucket
) -> None:
    place.put("x", b"0123456789")
    where = place.location("x")
    with store.open(Pin(location=where, size=10), start=10) as reader:
        assert b"".join(reader) == b""
    place.put("x", b"01234")
    with pytest.raises(ObjectChanged), store.open(Pin(location=where), start=7) as reader:
        b"".join(reader)


def test_a_cut_body_is_unavailable_and_never_short(
    gcs: GcsServer, store: GcsStore, place: Bucket
) -> None:
    data = os.urandom(3 * 1024 * 1024)
    place.put("x", data)
    pin = pin_of(store.stat(place.location("x")))
    gcs.inject(Truncate(keep=2 * 1024 * 1024 + 5), kind="get-object", at=1)
    chunks: list[bytes] = []
    with pytest.raises(Unavailable), store.open(pin) as reader:
        chunks.extend(reader)
    taken = b"".join(chunks)
    assert len(taken) > 1024 * 1024
    assert data.startswith(taken)
    with store.open(pin, start=len(taken)) as reader:
        assert taken + b"".join(reader) == data


def test_a_body_that_is_complete_but_short_is_unavailable(
    gcs: GcsServer, store: GcsStore, place: Bucket
) -> None:
    place.put("x", b"recorded")
    pin = pin_of(store.stat(place.location("x")))
    gcs.inject(Body(body=b"rec"), kind="get-object")
    with pytest.raises(Unavailable, match="ended early"):
        read(store, pin)


def test_an_object_stored_as_gzip_is_read_as_it_is_stored(
    gcs: GcsServer, store: GcsStore, place: Bucket
) -> None:
    import gzip

    packed = gzip.compress(b"plain text" * 100)
    gcs.put(place.name, "x", packed, contentEncoding="gzip", contentType="text/plain")
    info = store.stat(place.location("x"))
    assert read(store, pin_of(info)) == packed
    with store.open(pin_of(info), start=5) as reader:
        assert b"".join(reader) == packed[5:]


def test_one_connection_is_reused_after_reads_and_errors(
    gcs: GcsServer, store: GcsStore, place: Bucket
) -> None:
    place.put("x", b"x" * 100)
    pin = pin_of(store.stat(place.location("x")))
    session = store._connection()._session
    for _ in range(3):
        read(store, pin)
        with pytest.raises(NotFound):
            read(store, Pin(location=place.location("absent")))
        store.list_page(ListRequest(place.location("")))
    pools = session.get_adapter(gcs.url).poolmanager.pools
    (pool,) = (pools[key] for key in pools.keys())  # noqa: SIM118 - no mapping
    assert (pool.num_connections, pool.num_requests) == (1, 10)


def test_the_next_objects_are_read_without_the_work_of_a_session(
    gcs: GcsServer, store: GcsStore, place: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = ["x", "ä b/+%2F~", "deep/er?x=1&y"]
    for key in keys:
        place.put(key, key.encode() * 10)
    pins = [pin_of(store.stat(place.location(key))) for key in keys]
    read(store, pins[0])
    monkeypatch.setattr(requests.Session, "request", None)
    for key, pin in zip(keys, pins, strict=True):
        assert read(store, pin) == key.encode() * 10
        with store.open(pin, start=3) as reader:
            assert b"".join(reader) == (key.encode() * 10)[3:]
    asked = gcs.requests[-1]
    assert asked.headers["range"] == "bytes=3-"
    assert asked.headers["accept-encoding"] == "gzip"
    gcs.requests.clear()
    with pytest.raises(NotFound):
        read(store, Pin(location=place.location("absent")))
    gcs.inject(ApiStatus(status=503, headers={"retry-after": "7"}))
    with pytest.raises(Unavailable) as caught:
        read(store, pins[0])
    assert caught.value.details["retry_after"] == 7
    assert len(gcs.requests) == 2


def test_what_breaks_on_the_short_way_is_asked_once_more(
    gcs: GcsServer, store: GcsStore, place: Bucket
) -> None:
    place.put("x", b"bytes")
    pin = pin_of(store.stat(place.location("x")))
    read(store, pin)
    gcs.inject(Reset(), at=1)
    assert read(store, pin) == b"bytes"


@dataclass(frozen=True, slots=True)
class Header:
    """Changes a header of the answer."""

    name: str
    value: str

    def early(self, request: Request) -> Response | None:
        return None

    def late(self, request: Request, response: Response) -> Response:
        return replace(response, headers={**response.headers, self.name: self.value})


@pytest.mark.parametrize(
    ("name", "value", "differs"),
    [
        ("x-goog-generation", "1795357610450182", "generation"),
        ("x-goog-stored-content-length", "7", "size"),
        ("x-goog-hash", "crc32c=AAAAAA==,md5=FJYD5sA1FjYqjaI/Yk25RQ==", "md5"),
    ],
)
def test_a_reply_that_says_something_else_is_refused_before_its_first_byte(
    gcs: GcsServer, store: GcsStore, place: Bucket, name: str, value: str, differs: str
) -> None:
    place.put("x", b"recorded")
    pin = pin_of(store.stat(place.location("x")))
    gcs.inject(Header(name, value), kind="get-object")
    with pytest.raises(ObjectChanged, match=differs) as caught, store.open(pin):
        pytest.fail("it was opened")
    assert caught.value.details["differs"] == differs


def test_headers_that_mean_nothing_are_unavailable(
    gcs: GcsServer, store: GcsStore, place: Bucket
) -> None:
    place.put("x", b"recorded")
    pin = pin_of(store.stat(place.location("x")))
    for name, value in (("x-goog-hash", "md5=?"), ("x-goog-stored-content-length", "many")):
        rule = gcs.inject(Header(name, value), kind="get-object")
        with pytest.raises(Unavailable, match="not readable"), store.open(pin):
            pytest.fail("it was opened")
        gcs.rules.remove(rule)


# Errors


@pytest.mark.parametrize(
    ("permission", "act"),
    [
        (
            "storage.objects.list",
            lambda store, place: store.list_page(ListRequest(place.location(""))),
        ),
        ("storage.objects.get", lambda store, place: store.stat(place.location("x"))),
        (
            "storage.objects.get",
            lambda store, place: read(store, Pin(location=place.location("x"))),
        ),
    ],
)
def test_a_missing_permission_is_named(
    gcs: GcsServer, store: GcsStore, place: Bucket, permission: str, act: object
) -> None:
    place.put("x", b"x")
    gcs.deny(permission)
    with pytest.raises(AccessDenied, match=permission) as caught:
        act(store, place)  # type: ignore[operator]
    assert caught.value.details["permission"] == permission
    assert f"gs://{place.name}" in str(caught.value)


def test_who_may_not_list_hears_which_permission_hides_a_missing_object(
    gcs: GcsServer, store: GcsStore, place: Bucket
) -> None:
    gcs.deny("storage.objects.list")
    with pytest.raises(AccessDenied, match=r"storage\.objects\.list.*missing"):
        store.stat(place.location("absent"))


def test_a_403_that_is_a_rate_limit_is_unavailable(
    gcs: GcsServer, store: GcsStore, place: Bucket
) -> None:
    gcs.inject(ApiStatus(status=403, reason="rateLimitExceeded", message="slow down"))
    with pytest.raises(Unavailable, match="slow down"):
        store.stat(place.location("x"))


def test_a_missing_bucket_is_named(store: GcsStore, gcs: GcsServer) -> None:
    where = Location.parse("gs://no-such-bucket/x")
    for act in (
        lambda: store.list_page(ListRequest(where.unpinned())),
        lambda: store.stat(where),
        lambda: read(store, Pin(location=where)),
        lambda: store.versioning(where),
    ):
        with pytest.raises(NotFound, match="bucket 'no-such-bucket' does not exist"):
            act()


def test_a_requester_pays_bucket_wants_user_project(gcs: GcsServer) -> None:
    gcs.api.state.create_bucket("paying", {"billing": {"requesterPays": True}})
    gcs.put("paying", "x", b"x")
    where = Location.parse("gs://paying/x")
    with pytest.raises(AccessDenied, match="user_project"):
        GcsStore().stat(where)
    store = GcsStore({"user_project": "mine"})
    assert read(store, pin_of(store.stat(where))) == b"x"
    assert {request.query["userProject"] for request in gcs.requests[1:]} == {"mine"}


def test_a_server_without_a_method_is_unsupported(
    gcs: GcsServer, store: GcsStore, place: Bucket
) -> None:
    gcs.inject(ApiStatus(status=501))
    with pytest.raises(InvalidInput) as caught:
        store.list_page(ListRequest(place.location(""), versions=True))
    assert caught.value.details["unsupported"]


@pytest.mark.parametrize("key", [".", ".."])
def test_a_key_that_no_url_can_carry_is_invalid(
    gcs: GcsServer, store: GcsStore, place: Bucket, key: str
) -> None:
    with pytest.raises(InvalidInput):
        store.stat(place.location(key))
    assert gcs.counts == {}


def test_a_version_that_is_no_generation_is_invalid(store: GcsStore, place: Bucket) -> None:
    place.put("x", b"x")
    for version in ("null", "3sL4kqtJlcpXroDTDmJ", "", "-1", "\u0661"):
        with pytest.raises(InvalidInput, match="digits"):
            store.stat(place.location("x"), version_id=version)
        with pytest.raises(InvalidInput, match="digits"):
            read(store, Pin(location=place.location("x"), version_id=version))


def test_an_error_holds_nothing_of_the_provider(
    gcs: GcsServer, store: GcsStore, place: Bucket
) -> None:
    gcs.inject(Reset(), at=1)
    for _ in range(2):
        with pytest.raises(LandfastError) as caught:
            store.stat(place.location("absent"))
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None


# Endpoint, options, clients


def test_the_endpoint_is_the_option_or_the_environment_or_googles(
    gcs: GcsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert GcsStore().endpoint == gcs.url
    assert GcsStore({"endpoint": "http://127.0.0.1:1"}).endpoint == "http://127.0.0.1:1"
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:4443")
    assert GcsStore().endpoint == "http://127.0.0.1:4443"
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    assert GcsStore().endpoint is None
    assert GcsStore({"endpoint": "https://storage.googleapis.com"}).endpoint is None


def test_an_emulator_without_scheme_works(gcs: GcsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Bucket(gcs, versioning=False)
    place.put("x", b"x")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs.url.removeprefix("http://"))
    assert GcsStore().stat(place.location("x")).size == 1


@pytest.mark.parametrize(
    "options",
    [
        {"unknown": 1},
        {"anonymous": "yes"},
        {"project": 7},
        {"anonymous": True, "key_file": "k.json"},
        {"endpoint": "storage.example"},
        {"endpoint": "http://user:secret@127.0.0.1"},
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(options))) as caught:
        GcsStore(options)
    assert "secret" not in str(caught.value)


class Factory:
    """Makes a client for one endpoint; picklable, and counts."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.made = 0

    def __call__(self) -> storage.Client:
        self.made += 1
        options = {"api_endpoint": self.url}
        return storage.Client("handed-in", AnonymousCredentials(), client_options=options)


def test_a_client_that_is_handed_in_wins(gcs: GcsServer) -> None:
    place = Bucket(gcs, versioning=False)
    place.put("x", b"x")
    factory = Factory(gcs.url)
    store = GcsStore({"endpoint": "http://127.0.0.1:9"}, client=factory)
    assert store.stat(place.location("x")).size == 1
    assert store.stat(place.location("x")).size == 1
    assert store.endpoint == gcs.url
    assert factory.made == 1
    assert pickle.loads(pickle.dumps(store)).stat(place.location("x")).size == 1


def test_a_factory_that_gives_no_client_is_named(place: Bucket) -> None:
    with pytest.raises(InvalidInput, match=r"google\.cloud\.storage\.Client"):
        GcsStore(client=lambda: 7).stat(place.location("x"))


def test_without_the_extra_it_says_what_to_install(
    place: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "google.cloud.storage", None)
    monkeypatch.delattr("google.cloud.storage", raising=False)
    with pytest.raises(MissingExtra, match=r"pip install 'landfast\[gcs\]'"):
        GcsStore().stat(place.location("x"))


# A server that lies


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    with gcp_storage_emulator() as url:
        yield url


@pytest.fixture
def lying(emulator: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[storage.Bucket]:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator)
    monkeypatch.setenv("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
    with closing(storage.Client()) as client:
        bucket = client.create_bucket("lies")
        yield bucket
        bucket.delete(force=True)


def test_other_bytes_under_a_recorded_generation_are_never_given(lying: storage.Bucket) -> None:
    store, where = GcsStore(), Location.parse("gs://lies/d/x")
    lying.blob("d/x").upload_from_string(b"recorded")
    (row,) = rows(store, Location.parse("gs://lies/d/"))
    assert row.checksum == Checksum("md5", hashlib.md5(b"recorded").hexdigest())
    lying.blob("d/x").upload_from_string(b"RECORDED")
    with pytest.raises(ObjectChanged, match="generation"):
        read(store, pin_of(row))
    with pytest.raises(ObjectChanged, match="generation"):
        store.stat(where, version_id=row.version_id)
    assert store.locate(Location.parse("gs://lies/d")) is Kind.FOLDER


def test_a_reply_that_does_not_tell_its_generation_is_not_trusted(lying: storage.Bucket) -> None:
    store = GcsStore()
    lying.blob("x").upload_from_string(b"recorded")
    info = store.stat(Location.parse("gs://lies/x"))
    with pytest.raises(ObjectChanged, match="none in the reply"):
        read(store, pin_of(info))
    assert read(store, replace(pin_of(info), version_id=None)) == b"recorded"


def test_offsets_that_a_server_ignores_are_applied_here(lying: storage.Bucket) -> None:
    for key in ("a", "b", "c"):
        lying.blob(key).upload_from_string(b"x")
    page = GcsStore().list_page(ListRequest(Location.parse("gs://lies/"), after="a", before="c"))
    assert [row.location.key for row in page.rows] == ["b"]


def test_the_digest_in_metadata_is_the_base64_of_ours(gcs: GcsServer, place: Bucket) -> None:
    place.put("x", b"bytes")
    blob = gcs.client.bucket(place.name).get_blob("x")
    info = GcsStore().stat(place.location("x"))
    assert info.checksum is not None
    assert base64.b64decode(blob.md5_hash).hex() == info.checksum.value
