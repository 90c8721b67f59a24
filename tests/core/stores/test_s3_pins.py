"""What a pin gives: the recorded bytes or an error, whatever happened to the object since."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from kit.s3_place import Bucket
from kit.servers.moto import Moto
from landfast.errors import InvalidInput, NotFound, ObjectChanged, Unverifiable
from landfast.model.checksum import Checksum
from landfast.stores.base import ListRequest, Pin, Versioning
from landfast.stores.s3 import S3Store
from landfast.testing.store_suite import pin_of, read, rows

MIB = 1024 * 1024


@pytest.fixture(params=["moto", pytest.param("radosgw", marks=pytest.mark.system)])
def server(request):
    return request.getfixturevalue({"moto": "s3"}.get(request.param, request.param))


@pytest.fixture
def store(server):
    return S3Store()


def listed(store, place, key, **options):
    """The only row of a key, as a scan records it."""
    (row,) = [r for r in rows(store, place.location(""), **options) if r.location.key == key]
    return row


# Versions


def test_overwritten_version_is_read_by_its_id(server, store):
    place = Bucket(server, "Enabled")
    place.put("k", b"recorded")
    pin = pin_of(listed(store, place, "k", versions=True))
    place.put("k", b"replaced")
    assert read(store, pin) == b"recorded"


def test_bytes_under_a_delete_marker_are_read_by_their_id(server, store):
    place = Bucket(server, "Enabled")
    place.put("k", b"recorded")
    pin = pin_of(listed(store, place, "k", versions=True))
    place.delete("k")
    assert read(store, pin) == b"recorded"
    with pytest.raises(NotFound):
        store.stat(place.location("k"))


def test_permanently_deleted_version_is_not_found_by_name(server, store):
    place = Bucket(server, "Enabled")
    version = place.put("k", b"recorded")
    place.put("k", b"replaced")
    place.delete_version("k", version)
    with pytest.raises(NotFound, match=version) as caught:
        read(store, Pin(location=place.location("k"), version_id=version))
    assert caught.value.details["version_id"] == version
    with pytest.raises(NotFound, match=version):
        store.stat(place.location("k"), version_id=version)


def test_delete_marker_itself_is_not_found(server, store):
    place = Bucket(server, "Enabled")
    place.put("k", b"x")
    place.delete("k")
    (marker,) = [r for r in rows(store, place.location(""), versions=True) if r.is_delete_marker]
    assert (marker.size, marker.checksum, marker.etag) == (None, None, None)
    with pytest.raises(NotFound):
        store.stat(marker.location, version_id=marker.version_id)
    with pytest.raises(NotFound):
        read(store, pin_of(marker))


def test_null_version_of_a_suspended_bucket_is_no_pin(server, store):
    place = Bucket(server, "Suspended")
    place.put("k", b"recorded")
    row = listed(store, place, "k", versions=True)
    assert row.version_id == "null"
    assert read(store, pin_of(row)) == b"recorded"
    place.put("k", b"replaced")
    with pytest.raises(ObjectChanged, match="k"):
        read(store, pin_of(row))


def test_object_from_before_versioning_is_read_after_it_was_overwritten(server, store):
    place = Bucket(server)
    place.put("k", b"recorded")
    pin = pin_of(listed(store, place, "k"))
    assert pin.version_id is None
    server.set_versioning(place.name, "Enabled")
    place.put("k", b"replaced")
    assert read(store, pin) == b"recorded"
    with store.open(pin, start=3) as reader:
        assert (reader.start, b"".join(reader)) == (3, b"orded")


def test_object_from_before_versioning_is_read_after_it_was_deleted(server, store):
    place = Bucket(server)
    place.put("k", b"recorded")
    pin = pin_of(listed(store, place, "k"))
    server.set_versioning(place.name, "Enabled")
    place.delete("k")
    assert read(store, pin) == b"recorded"


def test_overwritten_without_versioning_is_object_changed(server, store):
    place = Bucket(server)
    place.put("k", b"recorded")
    pin = pin_of(listed(store, place, "k"))
    place.put("k", b"replaced")
    with pytest.raises(ObjectChanged, match="k"):
        read(store, pin)


def test_pin_without_token_is_held_by_its_etag(server, store):
    place = Bucket(server)
    place.put("k", b"recorded")
    row = listed(store, place, "k", checksum=False)
    assert row.checksum is None
    pin = pin_of(row)
    assert read(store, pin) == b"recorded"
    place.put("k", b"replaced")
    with pytest.raises(ObjectChanged):
        read(store, pin)


def test_reply_is_compared_with_every_part_of_the_pin(server, store):
    place = Bucket(server, "Enabled")
    place.put("k", b"recorded")
    pin = pin_of(listed(store, place, "k", versions=True))
    for wrong in (
        {"etag": "00"},
        {"size": 7},
        {"etag": None, "checksum": Checksum("s3-etag", "00")},
    ):
        with pytest.raises(ObjectChanged, match="expected"):
            read(store, replace(pin, **wrong))


def test_versions_and_delete_markers_come_in_order_and_newest_first(server, store):
    place = Bucket(server, "Enabled")
    history = {"b": [b"1", None, b"2", None], "a": [b"1", b"2"], "b/c": [b"1"]}
    for key, contents in history.items():
        for content in contents:
            place.delete(key) if content is None else place.put(key, content)
    found = list(rows(store, place.location(""), versions=True))
    assert [r.location.key for r in found] == ["a"] * 2 + ["b"] * 4 + ["b/c"]
    assert [r.is_latest for r in found] == [True, False, True, False, False, False, True]
    assert found[2].is_delete_marker
    assert sum(r.is_delete_marker for r in found) == 2
    # moto tells versions and markers apart, and moments in whole seconds.
    if not isinstance(server, Moto):
        assert [r.is_delete_marker for r in found[2:6]] == [True, False, True, False]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_of_versions_hold_every_row_once(server, store, limit):
    place = Bucket(server, "Enabled")
    for n in range(9):
        place.put(f"k{n % 4}", bytes([n]))
    whole = list(store.list_page(ListRequest(place.location(""), versions=True)).rows)
    found, token = [], None
    while True:
        page = store.list_page(
            ListRequest(place.location(""), versions=True, limit=limit, token=token)
        )
        batch = list(page.rows)
        assert page.is_full is (len(batch) == limit)
        found += batch
        token = page.next
        if token is None:
            break
    assert len(whole) == 9
    assert found == whole


def test_page_that_reaches_the_upper_bound_is_the_last(server, store):
    place = Bucket(server)
    for n in range(6):
        place.put(f"k{n}", b"x")
    page = store.list_page(ListRequest(place.location(""), after="k0", before="k2x", limit=3))
    assert [row.location.key for row in page.rows] == ["k1", "k2"]
    assert (page.next, page.is_full) == (None, False)
    page = store.list_page(ListRequest(place.location(""), after="k0", before="k5x", limit=3))
    assert [row.location.key for row in page.rows] == ["k1", "k2", "k3"]
    assert page.next is not None


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (None, Versioning.OFF),
        ("Enabled", Versioning.ENABLED),
        ("Suspended", Versioning.SUSPENDED),
    ],
)
def test_versioning_is_told(server, store, status, answer):
    place = Bucket(server, status)
    assert store.versioning(place.location("any/")) is answer


# Tokens


def test_multipart_etag_is_an_opaque_token(server, store):
    place = Bucket(server)
    body = b"a" * (5 * MIB) + b"tail"
    client, name = server.client, place.name
    upload = client.create_multipart_upload(Bucket=name, Key="k")["UploadId"]
    parts = []
    for number, piece in enumerate((body[: 5 * MIB], body[5 * MIB :]), 1):
        done = client.upload_part(
            Bucket=name, Key="k", UploadId=upload, PartNumber=number, Body=piece
        )
        parts.append({"PartNumber": number, "ETag": done["ETag"]})
    client.complete_multipart_upload(
        Bucket=name, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    row = listed(store, place, "k")
    assert row.checksum.algorithm == "s3-etag"
    assert row.checksum.value.endswith("-2")
    assert read(store, pin_of(row)) == body


def test_provider_checksum_is_a_token(s3):
    place, store = Bucket(s3), S3Store()
    digest = hashlib.sha256(b"recorded").hexdigest()
    s3.client.put_object(Bucket=place.name, Key="k", Body=b"recorded", ChecksumAlgorithm="SHA256")
    info = store.stat(place.location("k"), checksum="sha256")
    assert info.checksum == Checksum("sha256", digest)
    assert store.stat(place.location("k")).checksum.algorithm == "s3-etag"
    assert read(store, pin_of(info)) == b"recorded"
    wrong = replace(pin_of(info), checksum=Checksum("sha256", "0" * 64))
    with pytest.raises(ObjectChanged, match="sha256"):
        read(store, wrong)


def test_crc64nvme_of_the_provider_is_a_token(s3):
    place, store = Bucket(s3), S3Store()
    s3.client.put_object(
        Bucket=place.name, Key="k", Body=b"123456789", ChecksumAlgorithm="CRC64NVME"
    )
    info = store.stat(place.location("k"), checksum="crc64nvme")
    # The check value of CRC-64/NVME in the published catalogue of CRCs.
    assert info.checksum == Checksum("crc64nvme", "ae8b14860a799888")


def test_object_without_provider_checksum_is_unverifiable(server, store):
    place = Bucket(server)
    place.put("k", b"x")
    with pytest.raises(Unverifiable, match="sha256"):
        store.stat(place.location("k"), checksum="sha256")


def test_delete_marker_is_told_by_the_header_of_the_reply(s3):
    place = Bucket(s3, "Enabled")
    place.put("k", b"x")
    place.delete("k")
    with pytest.raises(NotFound, match="delete marker") as caught:
        S3Store().stat(place.location("k"))
    assert caught.value.details["delete_marker"] is True


def test_provider_checksum_is_refused_in_lists(server, store):
    with pytest.raises(InvalidInput, match="s3-etag"):
        store.list_page(ListRequest(Bucket(server).location(""), checksum="sha256"))


def test_token_of_another_listing_is_refused(server, store):
    place = Bucket(server)
    for n in range(3):
        place.put(f"k{n}", b"x")
    token = store.list_page(ListRequest(place.location(""), limit=1)).next
    with pytest.raises(InvalidInput, match="token"):
        store.list_page(ListRequest(place.location(""), versions=True, token=token))
    with pytest.raises(InvalidInput, match="token"):
        store.list_page(ListRequest(place.location(""), token="rubbish"))


def test_missing_bucket_is_not_found(server, store):
    where = replace(Bucket(server).location(""), authority="no-such-bucket-here")
    for ask in (
        lambda: store.list_page(ListRequest(where)),
        lambda: store.locate(where),
        lambda: store.versioning(where),
    ):
        with pytest.raises(NotFound, match="no-such-bucket-here"):
            ask()


# Keys


def key_texts(forbidden):
    odd = st.sampled_from(
        ["/", "//", ".", "..", "#", "?", "%", "+", " ", "%2F", "\\", "versionId="]
    )
    character = st.characters(codec="utf-8", exclude_characters=forbidden)
    return st.lists(odd | character, min_size=1, max_size=12).map("".join)


def store_of(server):
    keys = {"access_key_id": server.access_key, "secret_access_key": server.secret_key}
    return S3Store({"endpoint": server.url, "region": server.region, **keys})


@pytest.fixture
def moto_bucket(s3):
    """One bucket for all examples of a property."""
    return store_of(s3), Bucket(s3)


@pytest.fixture
def radosgw_bucket(radosgw_server):
    """One bucket for all examples of a property."""
    return store_of(radosgw_server), Bucket(radosgw_server, "Enabled")


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(key=key_texts("\n\r\x00"))
@example(key="/")
@example(key="a/../b")
@example(key="./a//b/.")
@example(key="?versionId=x#1")
@example(key="\x01\x1f\x7f")
def test_every_key_comes_back_from_the_list_and_reads(moto_bucket, key):
    store, place = moto_bucket
    place.put("p/" + key, b"bytes")
    try:
        (row,) = rows(store, place.location("p/"))
        assert row.location == place.location("p/" + key)
        assert store.stat(row.location).size == 5
        assert read(store, pin_of(row)) == b"bytes"
    finally:
        place.delete("p/" + key)


@pytest.mark.system
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(key=key_texts("\x00"))
@example(key="a/../b")
@example(key="?versionId=x#1")
@example(key="\r\n\t")
@example(key="\x01\x1f\x7f")
def test_every_key_comes_back_from_a_list_of_versions(radosgw_bucket, key):
    store, place = radosgw_bucket
    version = place.put("p/" + key, b"bytes")
    try:
        (row,) = rows(store, place.location("p/"), versions=True)
        assert (row.location.key, row.version_id) == ("p/" + key, version)
        assert read(store, pin_of(row)) == b"bytes"
    finally:
        place.delete_version("p/" + key, version)
