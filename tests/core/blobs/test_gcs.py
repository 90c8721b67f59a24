"""Blobs in a Cloud Storage bucket keep the blob contract, and survive what networks do."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from kit.gcs.faults import ApiStatus
from kit.servers.faults import Reset, Truncate
from landfast.blobs.gcs import GcsBlobStore
from landfast.clouds.retry import RetryPolicy
from landfast.errors import AccessDenied, Conflict, InvalidInput, NotFound, Unavailable
from landfast.testing.blob_suite import BlobSuite, some_bytes, write_blob

MIB = 1024 * 1024
BIG = 2 * MIB + 12345


class TestGcs(BlobSuite):
    @pytest.fixture
    def blobs(self, gcs):
        self.server = gcs
        return GcsBlobStore(f"gs://{gcs.bucket()}/team/landfast")

    def damage(self, blobs, sha256, data):
        name, _, prefix = blobs.url.removeprefix("gs://").partition("/")
        self.server.put(name, f"{prefix}/blobs/sha256/{sha256[:2]}/{sha256}", data)


@pytest.fixture
def name(gcs):
    return gcs.bucket()


@pytest.fixture
def blobs(gcs, name, monkeypatch):
    for module in ("bucket", "parts"):
        monkeypatch.setattr(f"landfast.blobs.{module}.PART_BYTES", MIB)
    return GcsBlobStore(f"gs://{name}")


def keys_of(gcs, name):
    return sorted(blob.name for blob in gcs.client.list_blobs(name))


def uploads_of(gcs):
    return [r for r in gcs.of("put-object") if r.method == "PUT"]


def test_layout_is_that_of_every_blob_store(gcs, name, tmp_path):
    source, digest = write_blob(tmp_path, b"x")
    GcsBlobStore(f"gs://{name}/a/b/").put(source, digest)
    GcsBlobStore(f"gs://{name}").put(source, digest)
    tail = f"blobs/sha256/{digest[:2]}/{digest}"
    assert keys_of(gcs, name) == [f"a/b/{tail}", tail]


def test_big_blob_goes_up_in_parts_and_comes_back(gcs, blobs, tmp_path):
    source, digest = write_blob(tmp_path, some_bytes(BIG))
    blobs.put(source, digest)
    assert len(uploads_of(gcs)) == 3
    blobs.fetch(digest, tmp_path / "target")
    assert hashlib.sha256((tmp_path / "target").read_bytes()).hexdigest() == digest


def test_big_blob_of_another_name_never_appears(gcs, name, blobs, tmp_path):
    source, _ = write_blob(tmp_path, some_bytes(BIG))
    other = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(InvalidInput, match=other):
        blobs.put(source, other)
    assert len(uploads_of(gcs)) == 2  # all but the last part
    assert keys_of(gcs, name) == []


@pytest.mark.parametrize("at", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "fault",
    [ApiStatus(status=503), Reset(), Reset(after_server=True)],
    ids=["busy", "reset", "lost"],
)
def test_one_failure_of_an_upload_is_survived(gcs, blobs, tmp_path, at, fault):
    source, digest = write_blob(tmp_path, some_bytes(BIG))
    rule = gcs.inject(fault, kind="put-object", at=at)
    blobs.put(source, digest)
    assert rule.hits == 1
    assert hashlib.sha256(b"".join(blobs.open(digest))).hexdigest() == digest


def test_part_whose_reply_was_lost_is_asked_for_and_not_sent_again(gcs, blobs, tmp_path):
    source, digest = write_blob(tmp_path, some_bytes(BIG))
    gcs.inject(Reset(after_server=True), kind="put-object", at=2)  # the first part
    blobs.put(source, digest)
    assert [r.headers["content-range"] for r in uploads_of(gcs)] == [
        f"bytes 0-{MIB - 1}/{BIG}",
        f"bytes */{BIG}",
        f"bytes {MIB}-{2 * MIB - 1}/{BIG}",
        f"bytes {2 * MIB}-{BIG - 1}/{BIG}",
    ]


@pytest.mark.parametrize("kind", ["head", "put-object"])
def test_one_failure_of_a_small_upload_is_survived(gcs, blobs, tmp_path, kind):
    source, digest = write_blob(tmp_path, b"small")
    rule = gcs.inject(Reset(), kind=kind, at=1)
    blobs.put(source, digest)
    assert rule.hits == 1
    assert b"".join(blobs.open(digest)) == b"small"


def test_upload_that_fails_for_good_leaves_nothing(gcs, name, blobs, tmp_path, monkeypatch):
    monkeypatch.setattr("landfast.blobs.retried.POLICY", RetryPolicy(attempts=2))
    source, digest = write_blob(tmp_path, some_bytes(BIG))
    gcs.inject(ApiStatus(status=500), kind="put-object", at=range(3, 99))
    with pytest.raises(Unavailable, match="500"):
        blobs.put(source, digest)
    assert keys_of(gcs, name) == []


def test_cut_download_goes_on_where_it_was_cut(gcs, blobs, tmp_path):
    data = some_bytes(3 * MIB)
    source, digest = write_blob(tmp_path, data)
    blobs.put(source, digest)
    gcs.clear()
    gcs.inject(Truncate(keep=2 * MIB + 7), kind="get-object", at=1)
    assert b"".join(blobs.open(digest)) == data
    first, second = gcs.of("get-object")
    assert "range" not in first.headers
    assert int(second.headers["range"].removeprefix("bytes=").rstrip("-")) >= 2 * MIB


def test_present_blob_is_not_sent_again(gcs, blobs, tmp_path):
    source, digest = write_blob(tmp_path, b"once")
    blobs.put(source, digest)
    gcs.clear()
    blobs.put(source, digest)
    assert gcs.counts == {"head": 1}


def test_old_blob_is_made_new_in_age_without_sending_it(gcs, blobs, tmp_path, monkeypatch):
    source, digest = write_blob(tmp_path, b"once")
    blobs.put(source, digest)
    monkeypatch.setattr("landfast.blobs.bucket.FRESH", timedelta(0))
    gcs.clear()
    started = datetime.now(UTC).replace(microsecond=0)
    blobs.put(source, digest)
    assert gcs.counts == {"head": 1, "patch-object": 1}
    assert blobs.stat(digest).modified_at >= started
    assert b"".join(blobs.open(digest)) == b"once"


def test_list_of_many_pages_is_whole(gcs, name, blobs):
    gcs.api.page_size = 7
    try:
        digests = {hashlib.sha256(bytes([n])).hexdigest() for n in range(30)}
        for digest in digests:
            gcs.put(name, f"blobs/sha256/{digest[:2]}/{digest}", b"x")
        gcs.put(name, "blobs/sha256/ab/readme.txt", b"foreign")
        assert [info.sha256 for info in blobs.list()] == sorted(digests)
    finally:
        gcs.api.page_size = 1000


def test_bytes_that_another_wrote_are_a_conflict(gcs, name, blobs, tmp_path):
    source, digest = write_blob(tmp_path, b"good")
    blobs.put(source, digest)
    gcs.put(name, f"blobs/sha256/{digest[:2]}/{digest}", b"evil")
    with pytest.raises(Conflict, match=digest):
        blobs.fetch(digest, tmp_path / "target")


@pytest.mark.parametrize(
    ("permission", "ask"),
    [
        ("storage.objects.create", lambda blobs, source, digest: blobs.put(source, digest)),
        ("storage.objects.delete", lambda blobs, _, digest: blobs.delete(digest)),
        ("storage.objects.list", lambda blobs, *_: list(blobs.list())),
        ("storage.objects.get", lambda blobs, _, digest: list(blobs.open(digest))),
    ],
)
def test_denied_request_names_the_missing_permission(gcs, blobs, tmp_path, permission, ask):
    source, digest = write_blob(tmp_path, b"x")
    gcs.deny(permission)
    with pytest.raises(AccessDenied) as caught:
        ask(blobs, source, digest)
    assert caught.value.details["permission"] == permission


def test_missing_bucket_is_not_taken_for_a_missing_blob(gcs, tmp_path):
    blobs = GcsBlobStore("gs://no-such-bucket-here/x")
    source, digest = write_blob(tmp_path, b"x")
    for ask in (lambda: blobs.put(source, digest), lambda: list(blobs.list())):
        with pytest.raises(NotFound, match="no-such-bucket-here"):
            ask()


@pytest.mark.parametrize("url", ["gs://key:secret@bucket/x", "s3://bucket"])
def test_url_that_is_no_bucket_is_refused(url):
    with pytest.raises(InvalidInput) as caught:
        GcsBlobStore(url)
    assert "secret" not in str(caught.value)
