"""The S3 store over a server that refuses, breaks or lies: a typed error, one request, no secret."""

import traceback

import pytest
from kit.s3_place import Bucket
from kit.servers.faults import Body, Reset, Status, Truncate
from landfast.errors import (
    AccessDenied,
    InvalidInput,
    LandfastError,
    NotFound,
    ObjectChanged,
    Unavailable,
)
from landfast.stores.base import ListRequest, Pin, Versioning
from landfast.stores.s3 import S3Store
from landfast.testing.store_suite import pin_of, read, rows

MIB = 1024 * 1024


@pytest.fixture
def place(s3_proxy):
    """A versioned bucket that is filled past the proxy."""
    return Bucket(s3_proxy.direct, "Enabled")


@pytest.fixture
def proxy(s3_proxy, place):
    return s3_proxy.proxy


@pytest.fixture
def store(s3_proxy):
    return S3Store()


@pytest.fixture
def calls(store, place):
    """Every way to ask the store, by the kind of its request."""
    place.put("d/k", b"bytes")
    where = place.location("d/k")
    pin = pin_of(store.stat(where))
    return {
        "list-objects-v2": lambda: store.list_page(ListRequest(place.location("d/"))),
        "list-versions": lambda: store.list_page(ListRequest(place.location("d/"), versions=True)),
        "head": lambda: store.stat(where, version_id=pin.version_id),
        "get-object": lambda: read(store, pin),
        "get-bucket-versioning": lambda: store.versioning(where),
    }


KINDS = ("list-objects-v2", "list-versions", "head", "get-object", "get-bucket-versioning")


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_sends_one_request(proxy, calls, kind):
    proxy.clear()
    calls[kind]()
    assert proxy.counts == {kind: 1}


def test_locate_sends_at_most_two_requests(proxy, store, place):
    for key in ("both", "both/x", "folder/x", "object"):
        place.put(key, b"x")
    for key in ("both", "folder", "object", "missing"):
        proxy.clear()
        store.locate(place.location(key))
        assert set(proxy.counts) == {"list-objects-v2"}
        assert proxy.counts.total() <= 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_busy_server_is_unavailable_after_one_request(proxy, calls, kind, status):
    proxy.clear()
    proxy.inject(Status(status=status), kind=kind)
    with pytest.raises(Unavailable, match=str(status)):
        calls[kind]()
    assert proxy.counts == {kind: 1}


def test_retry_after_is_handed_on(proxy, calls):
    proxy.inject(Status(status=503, headers={"retry-after": "7"}))
    with pytest.raises(Unavailable) as caught:
        calls["list-versions"]()
    assert caught.value.details["retry_after"] == 7.0


@pytest.mark.parametrize("kind", KINDS)
def test_reset_connection_is_unavailable(proxy, calls, kind):
    proxy.clear()
    proxy.inject(Reset(), kind=kind)
    with pytest.raises(Unavailable):
        calls[kind]()
    assert proxy.counts == {kind: 1}


@pytest.mark.parametrize("kind", ["list-objects-v2", "list-versions"])
def test_truncated_list_is_unavailable(proxy, calls, kind):
    proxy.inject(Truncate(keep=300), kind=kind)
    with pytest.raises(Unavailable):
        calls[kind]()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><p>portal</html>",
        b"<ListBucketResult>",
        b"<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
        b"<ListBucketResult><Contents><Key>k</Key><Size>x</Size></Contents></ListBucketResult>",
    ],
)
def test_list_that_is_not_readable_is_unavailable(proxy, calls, body):
    proxy.inject(Body(body=body), kind="list-objects-v2")
    with pytest.raises(Unavailable, match="d/"):
        calls["list-objects-v2"]()


@pytest.mark.parametrize("keep", [0, 1, 3 * MIB + 5])
def test_cut_body_never_ends_early_without_an_error(proxy, store, place, keep):
    data = bytes(range(256)) * (16 * 1024)
    place.put("big", data)
    pin = pin_of(store.stat(place.location("big")))
    proxy.inject(Truncate(keep=keep), kind="get-object")
    got = []
    with pytest.raises(Unavailable), store.open(pin) as reader:  # noqa: PT012
        for chunk in reader:
            got.append(chunk)
    assert data.startswith(b"".join(got))


def test_reader_left_early_gives_its_connection_back(store, place):
    place.put("big", b"x" * (4 * MIB))
    pin = pin_of(store.stat(place.location("big")))
    for _ in range(100):  # more than the pool holds
        with store.open(pin) as reader:
            next(iter(reader))


@pytest.mark.parametrize(
    ("kind", "permission"),
    [
        ("list-objects-v2", "s3:ListBucket"),
        ("list-versions", "s3:ListBucketVersions"),
        ("head", "s3:GetObjectVersion"),
        ("get-object", "s3:GetObjectVersion"),
    ],
)
def test_denied_request_names_the_missing_permission(proxy, calls, kind, permission):
    proxy.inject(Status(status=403), kind=kind)
    with pytest.raises(AccessDenied, match=f"{permission}\\b") as caught:
        calls[kind]()
    assert caught.value.details["permission"] == permission
    assert "arn:aws:s3:::" in caught.value.hint


def test_permission_that_the_server_names_is_told(proxy, calls):
    message = "User: arn:aws:iam::1:user/u is not authorized to perform: kms:Decrypt on resource: x"
    proxy.inject(Status(status=403, message=message), kind="get-object")
    with pytest.raises(AccessDenied, match="Allow kms:Decrypt") as caught:
        calls["get-object"]()
    assert caught.value.details["permission"] == "kms:Decrypt"


def test_denied_object_without_version_names_get_object(proxy, store, place):
    proxy.inject(Status(status=403))
    with pytest.raises(AccessDenied) as caught:
        store.stat(place.location("k"))
    assert caught.value.details["permission"] == "s3:GetObject"
    with pytest.raises(AccessDenied) as caught:
        read(store, Pin(location=place.location("k"), etag="00"))
    assert caught.value.details["permission"] == "s3:GetObject"


@pytest.mark.parametrize("status", [403, 405, 501])
def test_refused_question_for_versioning_is_unknown(proxy, calls, status):
    proxy.inject(Status(status=status), kind="get-bucket-versioning")
    assert calls["get-bucket-versioning"]() is Versioning.UNKNOWN


@pytest.mark.parametrize("status", [405, 501])
def test_list_of_versions_that_is_not_supported_says_so(proxy, calls, status):
    proxy.inject(Status(status=status), kind="list-versions")
    with pytest.raises(InvalidInput) as caught:
        calls["list-versions"]()
    assert caught.value.details["unsupported"] is True


def test_server_that_ignores_the_question_for_versions_is_noticed(proxy, calls):
    current = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
    proxy.inject(Body(body=current), kind="list-versions")
    with pytest.raises(InvalidInput) as caught:
        calls["list-versions"]()
    assert caught.value.details["unsupported"] is True


def test_list_that_goes_in_a_circle_is_noticed(proxy, store, place):
    circle = (
        b"<ListBucketResult><IsTruncated>true</IsTruncated>"
        b"<NextContinuationToken>same</NextContinuationToken></ListBucketResult>"
    )
    proxy.inject(Body(body=circle), kind="list-objects-v2")
    token = store.list_page(ListRequest(place.location(""))).next
    with pytest.raises(Unavailable, match="circle"):
        store.list_page(ListRequest(place.location(""), token=token))


def test_full_last_page_says_that_it_is_full(store, place):
    for n in range(4):
        place.put(f"k{n}", b"x")
    full = store.list_page(ListRequest(place.location(""), limit=4))
    assert (full.next, full.is_full) == (None, True)
    part = store.list_page(ListRequest(place.location(""), limit=5))
    assert (part.next, part.is_full) == (None, False)


@pytest.mark.parametrize(
    "code",
    ["ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"],
)
def test_refused_credentials_say_what_to_do(proxy, calls, code):
    status = 400 if code == "ExpiredToken" else 403
    proxy.inject(Status(status=status, code=code), kind="list-versions")
    with pytest.raises(AccessDenied, match=code) as caught:
        calls["list-versions"]()
    assert caught.value.hint
    assert "permission" not in caught.value.details


@pytest.mark.parametrize(
    ("status", "code"), [(301, "PermanentRedirect"), (400, "AuthorizationHeaderMalformed")]
)
def test_bucket_of_another_region_names_the_region_after_one_request(proxy, calls, status, code):
    proxy.clear()
    headers = {"x-amz-bucket-region": "eu-north-1"}
    proxy.inject(Status(status=status, code=code, headers=headers), kind="list-versions")
    with pytest.raises(InvalidInput, match="AWS_REGION=eu-north-1"):
        calls["list-versions"]()
    assert proxy.counts == {"list-versions": 1}


def test_archived_object_says_how_to_restore_it(proxy, calls):
    proxy.inject(Status(status=403, code="InvalidObjectState"), kind="get-object")
    with pytest.raises(AccessDenied, match="restore-object") as caught:
        calls["get-object"]()
    assert caught.value.details["archived"] is True


def test_archived_storage_classes_are_told(s3, place, store):
    for storage in ("GLACIER", "DEEP_ARCHIVE", "GLACIER_IR", "STANDARD_IA"):
        s3.client.put_object(Bucket=place.name, Key=storage, Body=b"x", StorageClass=storage)
    for versions in (False, True):
        found = {
            row.location.key: row.is_archived
            for row in rows(store, place.location(""), versions=versions)
        }
        assert found == {
            "DEEP_ARCHIVE": True,
            "GLACIER": True,
            "GLACIER_IR": False,
            "STANDARD_IA": False,
        }
    assert store.stat(place.location("GLACIER")).is_archived
    with pytest.raises(AccessDenied, match="archived"):
        read(store, pin_of(store.stat(place.location("GLACIER"))))


def test_condition_that_fails_is_object_changed(proxy, store, place):
    place.put("k", b"x")
    proxy.inject(Status(status=412), kind="get-object", at=1)
    proxy.inject(Status(status=404, code="NoSuchVersion"), kind="get-object", at=2)
    with pytest.raises(ObjectChanged):
        read(store, Pin(location=place.location("k"), etag="00"))
    assert proxy.counts["get-object"] == 2


def test_failed_second_question_is_not_taken_for_an_answer(proxy, store, place):
    place.put("k", b"x")
    proxy.inject(Status(status=412), kind="get-object", at=1)
    proxy.inject(Status(status=503), kind="get-object", at=2)
    with pytest.raises(Unavailable):
        read(store, Pin(location=place.location("k"), etag="00"))


# Servers that lie


@pytest.fixture
def liar(s3rver_server):
    keys = {
        "access_key_id": s3rver_server.access_key,
        "secret_access_key": s3rver_server.secret_key,
    }
    return S3Store({"endpoint": s3rver_server.url, **keys}), Bucket(s3rver_server)


def test_server_that_ignores_version_ids_is_not_believed(liar):
    store, place = liar
    place.put("k", b"latest")
    pin = Pin(location=place.location("k"), version_id="made-up", size=6)
    with pytest.raises(ObjectChanged, match="made-up"):
        read(store, pin)
    with pytest.raises(ObjectChanged, match="made-up"):
        store.stat(place.location("k"), version_id="made-up")


def test_server_that_ignores_conditions_is_not_believed(liar):
    store, place = liar
    place.put("k", b"recorded")
    pin = pin_of(store.stat(place.location("k")))
    assert read(store, pin) == b"recorded"
    place.put("k", b"replaced")
    with pytest.raises(ObjectChanged):
        read(store, pin)


def test_server_without_versions_says_so(liar):
    store, place = liar
    place.put("k", b"x")
    with pytest.raises(InvalidInput) as caught:
        store.list_page(ListRequest(place.location(""), versions=True))
    assert caught.value.details["unsupported"] is True
    assert store.versioning(place.location("")) in {Versioning.UNKNOWN, Versioning.OFF}


# Secrets


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "fault",
    [
        Status(status=403, message="AKIATESTTESTTESTTEST is refused"),
        Status(status=500, headers={"x-amz-security-token": "secret-for-tests-only"}),
        Status(status=404, code="NoSuchBucket"),
        Reset(),
    ],
)
def test_no_secret_in_an_error_its_traceback_or_its_causes(proxy, calls, s3, kind, fault):
    proxy.inject(fault, kind=kind)
    if kind == "get-bucket-versioning" and getattr(fault, "status", None) == 403:
        assert calls[kind]() is Versioning.UNKNOWN
        return
    with pytest.raises(LandfastError) as caught:
        calls[kind]()
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    text = "".join(traceback.format_exception(error)) + repr(error) + repr(error.details)
    for secret in (s3.access_key, s3.secret_key, "AWS4-HMAC-SHA256", "Signature="):
        assert secret not in text


def test_version_ids_that_no_server_gave_are_not_found(proxy, store, place):
    place.put("k", b"x")
    proxy.inject(Status(status=400, code="InvalidArgument", message="Invalid version id specified"))
    with pytest.raises(NotFound, match="rubbish"):
        read(store, Pin(location=place.location("k"), version_id="rubbish"))
