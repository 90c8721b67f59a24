"""The loopback Cloud Storage server, rule by rule, driven by Google's own client."""

import base64
import gc
import gzip
import hashlib
import io
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta

import google_crc32c
import pytest
import requests
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from kit.gcs.faults import ApiStatus
from kit.gcs_server import GcsServer, gcs_server
from kit.servers.faults import Delay, Reset, Truncate

ODD_KEYS = [
    "a b/c+d%2Fe.txt",
    "a//b",
    "a/./b",
    "a/../b",
    "back\\slash",
    "hash#1795357610450182",
    "question?versionId=x&y=z",
    "quote'\"<>&;=,@:!*()[]{}|^~`$",
    "percent%",
    "tab\tand\x01control",
    "trailing space ",
    "ünïcödé/日本語/🦭",
    "/leading",
    "folder/",
]


@pytest.fixture
def server() -> Iterator[GcsServer]:
    with gcs_server() as running:
        yield running


@pytest.fixture
def client(server: GcsServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[storage.Client]:
    """Google's client as the environment makes it; no credentials, no options."""
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
    with closing(storage.Client()) as made:
        yield made
    if any(
        exchange.response is None or exchange.response.status >= 400
        for exchange in server.exchanges
    ):
        forget_unread_replies()


@pytest.fixture
def bucket(server: GcsServer, client: storage.Client) -> storage.Bucket:
    return client.bucket(server.bucket(versioning=True))


@pytest.fixture
def unversioned(server: GcsServer, client: storage.Client) -> storage.Bucket:
    return client.bucket(server.bucket())


def forget_unread_replies() -> None:
    """Collect the error replies to downloads, which Google's client neither reads nor closes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def write(bucket: storage.Bucket, key: str, body: bytes) -> int:
    blob = bucket.blob(key)
    blob.upload_from_string(body)
    return blob.generation


def keys(blobs: Iterator[storage.Blob]) -> list[str]:
    return [blob.name for blob in blobs]


# Buckets


def test_a_bucket_is_created_patched_listed_and_deleted(client: storage.Client) -> None:
    made = client.create_bucket("made-by-client")
    assert not made.versioning_enabled
    made.versioning_enabled = True
    made.patch()
    assert client.get_bucket("made-by-client").versioning_enabled
    assert client.get_bucket("made-by-client").metageneration == 2
    assert [bucket.name for bucket in client.list_buckets()] == ["made-by-client"]
    made.delete()
    with pytest.raises(exceptions.NotFound, match="bucket does not exist"):
        client.get_bucket("made-by-client")


def test_a_bucket_that_exists_is_not_made_again(client: storage.Client) -> None:
    client.create_bucket("taken")
    with pytest.raises(exceptions.Conflict):
        client.create_bucket("taken")


def test_a_bucket_with_objects_is_not_deleted(bucket: storage.Bucket) -> None:
    write(bucket, "k", b"x")
    with pytest.raises(exceptions.Conflict, match="not empty"):
        bucket.delete()


def test_permissions_are_told_without_those_that_are_denied(
    server: GcsServer, bucket: storage.Bucket
) -> None:
    server.deny("storage.objects.list")
    asked = ["storage.objects.list", "storage.objects.get"]
    assert bucket.test_iam_permissions(asked) == ["storage.objects.get"]


# Uploads and metadata


def test_metadata_holds_the_digests_as_base64(bucket: storage.Bucket) -> None:
    body = os.urandom(1000)
    write(bucket, "k", body)
    blob = bucket.get_blob("k")
    assert blob.md5_hash == base64.b64encode(hashlib.md5(body).digest()).decode()
    crc32c = google_crc32c.Checksum(body).digest()
    assert blob.crc32c == base64.b64encode(crc32c).decode()
    assert (blob.size, blob.metageneration, blob.storage_class) == (1000, 1, "STANDARD")
    assert blob.id == f"{bucket.name}/k/{blob.generation}"
    assert abs(blob.time_created - datetime.now(UTC)) < timedelta(minutes=5)


def test_generations_are_microseconds_and_strictly_increase(bucket: storage.Bucket) -> None:
    def write_one(number: int) -> int:
        return write(bucket, f"k{number % 3}", b"x")

    made = [write_one(number) for number in range(30)]
    assert made == sorted(set(made))
    assert {len(str(generation)) for generation in made} == {16}
    with ThreadPoolExecutor(8) as pool:
        parallel = list(pool.map(write_one, range(40)))
    assert len(set(parallel)) == 40
    assert min(parallel) > max(made)


def test_all_three_upload_protocols_store_the_same_object(bucket: storage.Bucket) -> None:
    body = os.urandom(8 * 1024 * 1024 + 1)  # from here on the client uploads in a session
    bucket.blob("multipart").upload_from_string(body[:100])
    bucket.blob("resumable", chunk_size=4 * 1024 * 1024).upload_from_string(body)
    unknown = bucket.blob("unknown-size", chunk_size=4 * 1024 * 1024)
    unknown.upload_from_file(io.BytesIO(body))
    url = f"{bucket.client.api_endpoint}/upload/storage/v1/b/{bucket.name}/o"
    asked = {"uploadType": "media", "name": "media"}
    requests.post(url, params=asked, data=body, timeout=60).raise_for_status()
    stored = {blob.name: blob.download_as_bytes() for blob in bucket.list_blobs()}
    assert stored.pop("multipart") == body[:100]
    assert stored == dict.fromkeys(["media", "resumable", "unknown-size"], body)


def test_a_resumable_upload_goes_on_where_it_was_cut(
    server: GcsServer, bucket: storage.Bucket
) -> None:
    body = os.urandom(3 * 256 * 1024 + 17)
    rule = server.inject(
        Reset(after_server=True), when=lambda request: "content-range" in request.headers, at=2
    )
    blob = bucket.blob("k", chunk_size=256 * 1024)
    blob.upload_from_file(io.BytesIO(body))
    assert rule.hits == 1
    assert blob.download_as_bytes() == body


def test_an_upload_with_a_wrong_digest_is_refused(bucket: storage.Bucket) -> None:
    blob = bucket.blob("k")
    blob.md5_hash = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    with pytest.raises(exceptions.BadRequest, match="hash"):
        blob.upload_from_string(b"bytes", checksum=None)
    assert not bucket.blob("k").exists()


def test_a_metadata_edit_moves_metageneration_and_etag_but_not_the_generation(
    bucket: storage.Bucket,
) -> None:
    write(bucket, "k", b"x")
    blob = bucket.get_blob("k")
    before = (blob.generation, blob.etag, blob.md5_hash)
    blob.metadata = {"label": "one"}
    blob.cache_control = "no-store"
    blob.patch()
    after = bucket.get_blob("k")
    assert (after.generation, after.md5_hash) == (before[0], before[2])
    assert after.etag != before[1]
    assert after.metageneration == 2
    assert (after.metadata, after.cache_control) == ({"label": "one"}, "no-store")
    assert after.updated > after.time_created
    after.metadata = {"label": None}
    after.patch()
    assert bucket.get_blob("k").metadata is None


def test_the_etag_differs_between_generations(bucket: storage.Bucket) -> None:
    write(bucket, "k", b"x")
    first = bucket.get_blob("k").etag
    write(bucket, "k", b"x")
    assert bucket.get_blob("k").etag != first


@pytest.mark.parametrize("key", ODD_KEYS)
def test_an_odd_key_makes_the_round_trip(bucket: storage.Bucket, key: str) -> None:
    generation = write(bucket, key, key.encode())
    assert keys(bucket.list_blobs()) == [key]
    assert keys(bucket.list_blobs(prefix=key)) == [key]
    assert bucket.get_blob(key).generation == generation
    assert bucket.blob(key, generation=generation).download_as_bytes() == key.encode()
    bucket.copy_blob(bucket.blob(key), bucket, "copied/" + key)
    assert bucket.blob("copied/" + key).download_as_bytes() == key.encode()
    bucket.blob(key).delete()
    assert bucket.get_blob(key) is None


@pytest.mark.parametrize(
    "key", ["line\nfeed", "carriage\rreturn", "x" * 1025, ".well-known/acme-challenge/x"]
)
def test_a_key_that_gcs_forbids_is_refused(bucket: storage.Bucket, key: str) -> None:
    with pytest.raises(exceptions.BadRequest):
        write(bucket, key, b"x")


# Generations


def test_an_overwritten_generation_stays_readable_with_versioning(bucket: storage.Bucket) -> None:
    old, new = write(bucket, "k", b"old"), write(bucket, "k", b"new")
    assert bucket.blob("k", generation=old).download_as_bytes() == b"old"
    assert bucket.blob("k", generation=new).download_as_bytes() == b"new"
    assert bucket.blob("k").download_as_bytes() == b"new"
    described = bucket.get_blob("k", generation=old)
    assert (described.generation, described.size) == (old, 3)
    assert described.md5_hash == base64.b64encode(hashlib.md5(b"old").digest()).decode()


def test_an_overwritten_generation_is_gone_without_versioning(unversioned: storage.Bucket) -> None:
    old = write(unversioned, "k", b"old")
    write(unversioned, "k", b"new")
    with pytest.raises(exceptions.NotFound):
        unversioned.blob("k", generation=old).download_as_bytes()
    assert len(list(unversioned.list_blobs(versions=True))) == 1


def test_an_unknown_generation_is_not_found(bucket: storage.Bucket) -> None:
    write(bucket, "k", b"x")
    with pytest.raises(exceptions.NotFound, match="No such object"):
        bucket.blob("k", generation=1234567890123456).download_as_bytes()
    assert bucket.get_blob("k", generation=1234567890123456) is None


def test_a_deleted_object_keeps_its_generations_with_the_time_of_deletion(
    bucket: storage.Bucket,
) -> None:
    old, new = write(bucket, "k", b"old"), write(bucket, "k", b"new")
    bucket.blob("k").delete()
    assert bucket.get_blob("k") is None
    assert list(bucket.list_blobs()) == []
    kept = list(bucket.list_blobs(versions=True))
    assert [blob.generation for blob in kept] == [old, new]
    assert all(blob.time_deleted for blob in kept)
    assert bucket.blob("k", generation=new).download_as_bytes() == b"new"


def test_deleting_a_generation_removes_it_for_good(bucket: storage.Bucket) -> None:
    old, new = write(bucket, "k", b"old"), write(bucket, "k", b"new")
    bucket.blob("k", generation=old).delete()
    assert [blob.generation for blob in bucket.list_blobs(versions=True)] == [new]
    bucket.blob("k", generation=new).delete()
    assert list(bucket.list_blobs(versions=True)) == []
    with pytest.raises(exceptions.NotFound):
        bucket.blob("k").delete()


def test_suspending_versioning_keeps_what_is_noncurrent_already(
    server: GcsServer, bucket: storage.Bucket
) -> None:
    first = write(bucket, "k", b"1")
    write(bucket, "k", b"2")
    server.set_versioning(bucket.name, enabled=False)
    third = write(bucket, "k", b"3")
    assert [blob.generation for blob in bucket.list_blobs(versions=True)] == [first, third]


# Preconditions


def test_a_write_applies_only_to_the_generation_that_it_expects(bucket: storage.Bucket) -> None:
    blob = bucket.blob("k")
    blob.upload_from_string(b"1", if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("k").upload_from_string(b"2", if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("k").upload_from_string(b"2", if_generation_match=blob.generation + 1)
    bucket.blob("k").upload_from_string(b"2", if_generation_match=blob.generation)
    assert bucket.blob("k").download_as_bytes() == b"2"


def test_a_read_with_a_wrong_generation_or_metageneration_fails(bucket: storage.Bucket) -> None:
    generation = write(bucket, "k", b"x")
    blob = bucket.blob("k")
    with pytest.raises(exceptions.PreconditionFailed):
        blob.download_as_bytes(if_generation_match=generation + 1)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.download_as_bytes(if_metageneration_match=7)
    with pytest.raises(exceptions.NotModified):
        blob.reload(if_generation_not_match=generation)
    assert blob.download_as_bytes(if_generation_match=generation) == b"x"


def test_a_read_is_conditional_on_the_etag_too(bucket: storage.Bucket) -> None:
    write(bucket, "k", b"x")
    etag = bucket.get_blob("k").etag
    assert bucket.blob("k").download_as_bytes(if_etag_match=etag) == b"x"
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("k").download_as_bytes(if_etag_match="other")


def test_a_patch_and_a_delete_are_conditional_on_the_metageneration(
    bucket: storage.Bucket,
) -> None:
    write(bucket, "k", b"x")
    blob = bucket.get_blob("k")
    with pytest.raises(exceptions.PreconditionFailed):
        blob.patch(if_metageneration_match=2)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.delete(if_metageneration_match=2)
    blob.delete(if_metageneration_match=1)


# Media


def test_a_range_is_answered_with_these_bytes_only(bucket: storage.Bucket) -> None:
    body = bytes(range(256))
    old = write(bucket, "k", body)
    write(bucket, "k", b"overwritten")
    blob = bucket.blob("k", generation=old)
    assert blob.download_as_bytes(start=10, end=19) == body[10:20]
    assert blob.download_as_bytes(start=250) == body[250:]
    assert blob.download_as_bytes(start=-5) == body[-5:]
    with pytest.raises(exceptions.RequestRangeNotSatisfiable):
        blob.download_as_bytes(start=256)


def test_media_replies_say_what_they_are(server: GcsServer, bucket: storage.Bucket) -> None:
    generation = write(bucket, "k", b"bytes")
    for path in ("/storage/v1", "/download/storage/v1"):
        url = f"{server.url}{path}/b/{bucket.name}/o/k?alt=media"
        answer = requests.get(url, headers={"Range": "bytes=1-2"}, timeout=60)
        assert (answer.status_code, answer.content) == (206, b"yt")
        assert answer.headers["Content-Range"] == "bytes 1-2/5"
        assert answer.headers["x-goog-generation"] == str(generation)
        assert answer.headers["x-goog-metageneration"] == "1"
        assert answer.headers["x-goog-stored-content-length"] == "5"
        blob = bucket.get_blob("k")
        assert answer.headers["x-goog-hash"] == f"crc32c={blob.crc32c},md5={blob.md5_hash}"


def test_a_gzip_object_is_unpacked_only_for_who_does_not_take_gzip(
    server: GcsServer, bucket: storage.Bucket
) -> None:
    packed = gzip.compress(b"plain text")
    server.put(bucket.name, "k", packed, contentEncoding="gzip")
    assert bucket.blob("k").download_as_bytes(raw_download=True) == packed
    url = f"{server.url}/storage/v1/b/{bucket.name}/o/k?alt=media"
    headers = {"Accept-Encoding": "identity", "Range": "bytes=2-"}
    plain = requests.get(url, headers=headers, timeout=60)
    assert (plain.status_code, plain.content) == (200, b"plain text")
    assert "Content-Length" not in plain.headers
    assert plain.headers["x-goog-stored-content-length"] == str(len(packed))
    server.put(bucket.name, "k", packed, contentEncoding="gzip", cacheControl="no-transform")
    with requests.get(url, headers=headers, stream=True, timeout=60) as kept:
        assert (kept.status_code, kept.raw.read(decode_content=False)) == (206, packed[2:])


def test_an_empty_object_is_an_object(bucket: storage.Bucket) -> None:
    write(bucket, "empty", b"")
    assert bucket.get_blob("empty").size == 0
    assert bucket.blob("empty").download_as_bytes() == b""


# Listings


def test_keys_come_in_the_order_of_their_utf_8_bytes(bucket: storage.Bucket) -> None:
    names = ["a", "B", "\U0001f9ad", "\uffee", "é", "a/b", "a-b", "a b"]
    for name in names:
        write(bucket, name, b"x")
    assert keys(bucket.list_blobs()) == sorted(names, key=str.encode)


def test_pages_follow_each_other_without_gap_or_duplicate(
    server: GcsServer, bucket: storage.Bucket
) -> None:
    names = [f"k{number:04}" for number in range(2345)]
    for name in names:
        server.put(bucket.name, name, b"x")
    assert keys(bucket.list_blobs()) == names
    assert server.counts["list-objects-v2"] == 3
    pages = list(bucket.list_blobs(page_size=7, prefix="k00").pages)
    assert [page.num_items for page in pages] == [7] * 14 + [2]
    assert list(bucket.list_blobs(max_results=3))[-1].name == "k0002"


def test_prefix_and_delimiter_fold_folders(bucket: storage.Bucket) -> None:
    for name in ("a", "a/", "a/1", "a/b/2", "a/c/3", "a0", "b/4"):
        write(bucket, name, b"x")
    listing = bucket.list_blobs(delimiter="/")
    assert keys(listing) == ["a", "a0"]
    assert listing.prefixes == {"a/", "b/"}
    inner = bucket.list_blobs(prefix="a/", delimiter="/")
    assert keys(inner) == ["a/", "a/1"]
    assert inner.prefixes == {"a/b/", "a/c/"}
    trailing = bucket.list_blobs(delimiter="/", include_trailing_delimiter=True)
    assert keys(trailing) == ["a", "a/", "a0"]


def test_folded_folders_are_paged_once_each(bucket: storage.Bucket) -> None:
    for folder in "abcde":
        for number in range(3):
            write(bucket, f"{folder}/{number}", b"x")
    write(bucket, "c", b"x")
    listing = bucket.list_blobs(delimiter="/", page_size=2)
    names, prefixes = [], []
    for page in listing.pages:
        names += keys(page)
        prefixes += list(page.prefixes)
    assert names == ["c"]
    assert prefixes == ["a/", "b/", "c/", "d/", "e/"]


def test_offsets_take_the_start_and_leave_out_the_end(bucket: storage.Bucket) -> None:
    for name in "abcdef":
        write(bucket, name, b"x")
    assert keys(bucket.list_blobs(start_offset="b", end_offset="e")) == ["b", "c", "d"]
    assert keys(bucket.list_blobs(start_offset="b\0")) == ["c", "d", "e", "f"]


def test_versions_are_listed_by_key_and_then_oldest_first_across_pages(
    bucket: storage.Bucket,
) -> None:
    expected = sorted((key, write(bucket, key, b"x")) for _ in range(4) for key in ("a", "b"))
    bucket.blob("b").delete()
    for page_size in (1, 3, 1000):
        listed = list(bucket.list_blobs(versions=True, page_size=page_size))
        assert [(blob.name, blob.generation) for blob in listed] == expected
    assert [blob.time_deleted is None for blob in listed] == [False] * 3 + [True] + [False] * 4


def test_the_fields_mask_leaves_only_what_it_names(
    server: GcsServer, bucket: storage.Bucket
) -> None:
    write(bucket, "a", b"x")
    write(bucket, "b", b"x")
    mask = "items(name,generation),nextPageToken"
    listing = bucket.list_blobs(fields=mask, page_size=1)
    page = next(listing.pages)
    assert set(page.raw_page) == {"items", "nextPageToken"}
    assert set(page.raw_page["items"][0]) == {"name", "generation"}
    url = f"{server.url}/storage/v1/b/{bucket.name}/o?fields="
    slashed = requests.get(url + "items/name,kind", timeout=60).json()
    assert slashed == {"items": [{"name": "a"}, {"name": "b"}], "kind": "storage#objects"}
    assert requests.get(url + "items(name", timeout=60).status_code == 400


def test_a_page_token_that_is_none_is_refused(bucket: storage.Bucket) -> None:
    with pytest.raises(exceptions.BadRequest, match="page token"):
        list(bucket.list_blobs(page_token="nonsense"))


def test_listing_a_missing_bucket_is_not_found_and_an_empty_one_is_empty(
    client: storage.Client, bucket: storage.Bucket
) -> None:
    assert list(bucket.list_blobs(prefix="nothing/")) == []
    with pytest.raises(exceptions.NotFound):
        list(client.list_blobs("no-such-bucket"))


# Compose, copy, rewrite, batch


def test_a_composite_has_a_count_and_a_crc32c_but_no_md5(bucket: storage.Bucket) -> None:
    for name in ("1", "2"):
        write(bucket, name, name.encode() * 10)
    whole = bucket.blob("whole")
    whole.compose([bucket.blob("1"), bucket.blob("2")])
    described = bucket.get_blob("whole")
    assert described.download_as_bytes() == b"1" * 10 + b"2" * 10
    assert described.component_count == 2
    assert described.md5_hash is None
    digest = google_crc32c.Checksum(b"1" * 10 + b"2" * 10).digest()
    assert described.crc32c == base64.b64encode(digest).decode()
    again = bucket.blob("again")
    again.compose([whole, bucket.blob("1")])
    assert bucket.get_blob("again").component_count == 3
    copied = bucket.copy_blob(whole, bucket, "copied")
    assert (copied.component_count, copied.md5_hash) == (2, None)


def test_compose_takes_the_named_generations(bucket: storage.Bucket) -> None:
    old = write(bucket, "1", b"old")
    write(bucket, "1", b"new")
    whole = bucket.blob("whole")
    whole.compose([bucket.blob("1", generation=old)])
    assert whole.download_as_bytes() == b"old"
    with pytest.raises(exceptions.PreconditionFailed):
        whole.compose([bucket.blob("1")], if_source_generation_match=[old])
    with pytest.raises(exceptions.NotFound):
        whole.compose([bucket.blob("missing")])


def test_a_copy_takes_a_source_generation_and_keeps_metadata(bucket: storage.Bucket) -> None:
    blob = bucket.blob("k")
    blob.metadata = {"label": "one"}
    blob.upload_from_string(b"old", content_type="text/csv")
    write(bucket, "k", b"new")
    copied = bucket.copy_blob(bucket.blob("k"), bucket, "copy", source_generation=blob.generation)
    assert copied.download_as_bytes() == b"old"
    described = bucket.get_blob("copy")
    assert (described.content_type, described.metadata) == ("text/csv", {"label": "one"})
    with pytest.raises(exceptions.NotFound):
        bucket.copy_blob(bucket.blob("missing"), bucket, "copy")


def test_a_rewrite_changes_the_generation_and_not_the_bytes(bucket: storage.Bucket) -> None:
    generation = write(bucket, "k", b"x")
    bucket.blob("k").update_storage_class("NEARLINE")
    described = bucket.get_blob("k")
    assert described.storage_class == "NEARLINE"
    assert described.generation > generation
    assert described.download_as_bytes() == b"x"
    target = bucket.blob("target")
    token, rewritten, total = target.rewrite(bucket.blob("k"))
    assert (token, rewritten, total) == (None, 1, 1)


def test_a_batch_answers_every_call_in_one_request(
    server: GcsServer, client: storage.Client, bucket: storage.Bucket
) -> None:
    for name in ("a", "b c#1", "d"):
        write(bucket, name, b"x")
    server.requests.clear()
    with client.batch():
        bucket.blob("a").delete()
        bucket.blob("b c#1").delete()
        edited = bucket.blob("d")
        edited.metadata = {"label": "one"}
        edited.patch()
    assert server.counts == {"batch": 1}
    assert keys(bucket.list_blobs()) == ["d"]
    assert edited.metageneration == 2
    with pytest.raises(exceptions.NotFound), client.batch():
        bucket.blob("missing").delete()


# Permissions, counting, faults


@pytest.mark.parametrize(
    ("permission", "act"),
    [
        ("storage.objects.list", lambda bucket: list(bucket.list_blobs())),
        ("storage.objects.get", lambda bucket: bucket.blob("k").download_as_bytes()),
        ("storage.objects.create", lambda bucket: bucket.blob("k").upload_from_string(b"")),
        ("storage.objects.delete", lambda bucket: bucket.blob("k").delete()),
        ("storage.buckets.get", lambda bucket: bucket.reload()),
    ],
)
def test_a_denied_permission_is_named(
    server: GcsServer, bucket: storage.Bucket, permission: str, act: object
) -> None:
    write(bucket, "k", b"x")
    server.deny(permission)
    with pytest.raises(exceptions.Forbidden, match=permission):
        act(bucket)  # type: ignore[operator]


def test_a_missing_object_is_forbidden_for_who_may_not_list(
    server: GcsServer, bucket: storage.Bucket
) -> None:
    server.deny("storage.objects.list")
    with pytest.raises(exceptions.Forbidden, match=r"storage\.objects\.list"):
        bucket.blob("missing").download_as_bytes()


def test_a_requester_pays_bucket_wants_a_project(client: storage.Client) -> None:
    made = client.bucket("paying")
    made.requester_pays = True
    made.create()
    with pytest.raises(exceptions.BadRequest, match="requester pays"):
        list(client.list_blobs("paying"))
    assert list(client.list_blobs(client.bucket("paying", user_project="mine"))) == []


def test_requests_are_counted_by_kind_and_kept(server: GcsServer, bucket: storage.Bucket) -> None:
    write(bucket, "a/k", b"x")
    list(bucket.list_blobs(prefix="a/"))
    list(bucket.list_blobs(versions=True))
    bucket.blob("a/k").reload()
    bucket.blob("a/k").download_as_bytes()
    assert server.counts == {
        "put-object": 1,
        "list-objects-v2": 1,
        "list-versions": 1,
        "head": 1,
        "get-object": 1,
    }
    assert server.of("list-objects-v2")[0].query["prefix"] == "a/"
    assert [exchange.sent for exchange in server.exchanges][-1] == 1


def test_injected_statuses_are_retried_by_googles_client(
    server: GcsServer, bucket: storage.Bucket
) -> None:
    write(bucket, "k", b"x")
    rule = server.inject(ApiStatus(status=503), kind="get-object", at=1)
    assert bucket.blob("k").download_as_bytes() == b"x"
    assert rule.hits == 1
    server.inject(ApiStatus(status=429, headers={"retry-after": "1"}), kind="list-objects-v2")
    with pytest.raises(exceptions.TooManyRequests):
        list(bucket.list_blobs(retry=None))


def test_connections_are_cut_before_and_after_the_request_is_carried_out(
    server: GcsServer, bucket: storage.Bucket
) -> None:
    server.inject(Reset(), kind="put-object", at=1)
    server.inject(Reset(after_server=True), kind="put-object", at=2)
    for name in ("before", "after"):
        with pytest.raises(requests.ConnectionError):
            bucket.blob(name).upload_from_string(b"x", retry=None)
    assert keys(bucket.list_blobs()) == ["after"]


def test_a_truncated_body_declares_its_whole_length(
    server: GcsServer, bucket: storage.Bucket
) -> None:
    write(bucket, "k", b"x" * 1000)
    server.inject(Truncate(keep=10), kind="get-object")
    url = f"{server.url}/storage/v1/b/{bucket.name}/o/k?alt=media"
    with requests.get(url, stream=True, timeout=60) as answer:
        assert answer.headers["content-length"] == "1000"
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            answer.content  # noqa: B018


def test_a_slow_server_runs_into_the_timeout(server: GcsServer, bucket: storage.Bucket) -> None:
    server.inject(Delay(seconds=2), kind="list-objects-v2")
    with pytest.raises(requests.exceptions.ReadTimeout):
        list(bucket.list_blobs(timeout=0.2, retry=None))


def test_a_hook_may_change_the_bucket_before_any_request(
    server: GcsServer, bucket: storage.Bucket
) -> None:
    write(bucket, "k", b"old")
    server.before = lambda _: server.put(bucket.name, "k", b"new") and None
    assert bucket.blob("k").download_as_bytes() == b"new"


def test_one_connection_carries_many_requests(server: GcsServer, bucket: storage.Bucket) -> None:
    with requests.Session() as session:
        ports = set()
        for _ in range(3):
            url = f"{server.url}/storage/v1/b/{bucket.name}"
            with session.get(url, stream=True, timeout=60) as answer:
                ports.add(answer.raw.connection.sock.getsockname()[1])
                answer.json()
    assert len(ports) == 1


def test_it_runs_by_itself_and_ends_at_sigterm() -> None:
    command = [sys.executable, "-m", "kit.gcs_server", "--versioned-bucket", "data"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            options = {"api_endpoint": process.stdout.readline().strip()}
            made = storage.Client("p", AnonymousCredentials(), client_options=options)
            with closing(made) as client:
                assert client.get_bucket("data").versioning_enabled
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_of_many_writers_that_expect_no_object_one_wins(bucket: storage.Bucket) -> None:
    def write_first(number: int) -> bool:
        try:
            bucket.blob("k").upload_from_string(bytes([number]), if_generation_match=0)
        except exceptions.PreconditionFailed:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(write_first, range(24)))
    assert won.count(True) == 1
    assert bucket.blob("k").download_as_bytes() == bytes([won.index(True)])
