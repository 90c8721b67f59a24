"""Blobs in a bucket keep the blob contract, and survive what networks do."""

import hashlib
import pickle
from datetime import UTC, datetime, timedelta

import pytest
from kit.servers.faults import Reset, Status, Truncate
from landfast.blobs import parts
from landfast.blobs.s3 import S3BlobStore
from landfast.clouds.retry import RetryPolicy
from landfast.errors import AccessDenied, Conflict, InvalidInput, NotFound, Unavailable
from landfast.testing.blob_suite import BlobSuite, some_bytes, write_blob

MIB = 1024 * 1024
PART = 5 * MIB  # the least that S3 takes
BIG = 2 * PART + 12345
WRITES = ("create-multipart", "upload-part", "complete-multipart")


class S3BlobSuite(BlobSuite):
    @pytest.fixture
    def blobs(self, server):
        return S3BlobStore(f"s3://{server.bucket()}/team/landfast")

    @pytest.fixture(autouse=True)
    def remember(self, server):
        self.server = server

    def damage(self, blobs, sha256, data):
        name, _, prefix = blobs.url.removeprefix("s3://").partition("/")
        key = f"{prefix}/blobs/sha256/{sha256[:2]}/{sha256}"
        self.server.client.put_object(Bucket=name, Key=key, Body=data)


class TestMoto(S3BlobSuite):
    @pytest.fixture
    def server(self, s3):
        return s3


@pytest.mark.system
class TestRadosgw(S3BlobSuite):
    @pytest.fixture
    def server(self, radosgw):
        return radosgw


@pytest.fixture
def name(s3_proxy):
    return s3_proxy.direct.bucket()


@pytest.fixture
def blobs(s3_proxy, name, monkeypatch):
    for module in ("bucket", "parts"):
        monkeypatch.setattr(f"landfast.blobs.{module}.PART_BYTES", PART)
    return S3BlobStore(f"s3://{name}")


def keys_of(server, name):
    found = server.direct.client.list_objects_v2(Bucket=name).get("Contents", ())
    return [item["Key"] for item in found]


def uploads_of(server, name):
    return server.direct.client.list_multipart_uploads(Bucket=name).get("Uploads", [])


def test_layout_is_that_of_every_blob_store(s3_proxy, name, tmp_path):
    source, digest = write_blob(tmp_path, b"x")
    S3BlobStore(f"s3://{name}/a/b/").put(source, digest)
    S3BlobStore(f"s3://{name}").put(source, digest)
    tail = f"blobs/sha256/{digest[:2]}/{digest}"
    assert keys_of(s3_proxy, name) == [f"a/b/{tail}", tail]


def test_foreign_objects_are_not_listed(s3_proxy, name, blobs, tmp_path):
    source, digest = write_blob(tmp_path, b"x")
    blobs.put(source, digest)
    for key in ("blobs/sha256/ab/readme.txt", f"blobs/sha256/zz/{digest}", "blobs/other"):
        s3_proxy.direct.put(name, key, b"foreign")
    assert [info.sha256 for info in blobs.list()] == [digest]


def test_big_blob_goes_up_in_parts_and_comes_back(s3_proxy, blobs, tmp_path):
    source, digest = write_blob(tmp_path, some_bytes(BIG))
    blobs.put(source, digest)
    assert s3_proxy.proxy.counts["upload-part"] == 3
    blobs.fetch(digest, tmp_path / "target")
    assert hashlib.sha256((tmp_path / "target").read_bytes()).hexdigest() == digest


def test_mend_02_big_blob_is_known_by_the_md5s_of_its_parts(s3_proxy, blobs, tmp_path):
    source, digest = write_blob(tmp_path, some_bytes(BIG))
    blobs.put(source, digest)
    before = s3_proxy.proxy.counts.total()
    assert blobs.holds(digest, source)
    assert s3_proxy.proxy.counts.total() - before == 1
    other = some_bytes(BIG, seed=1)
    name, key = blobs.url.removeprefix("s3://"), f"blobs/sha256/{digest[:2]}/{digest}"
    s3_proxy.direct.put(name, key, other)
    assert not blobs.holds(digest, source)
    blobs.put(source, digest)
    assert blobs.holds(digest, source)


def test_big_blob_of_another_name_never_appears(s3_proxy, name, blobs, tmp_path):
    source, _ = write_blob(tmp_path, some_bytes(BIG))
    other = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(InvalidInput, match=other):
        blobs.put(source, other)
    assert s3_proxy.proxy.counts["complete-multipart"] == 0
    assert keys_of(s3_proxy, name) == []
    assert uploads_of(s3_proxy, name) == []


@pytest.mark.parametrize("kind", WRITES)
@pytest.mark.parametrize(
    "fault", [Status(status=503), Reset(), Reset(after_server=True)], ids=["busy", "reset", "lost"]
)
def test_one_failure_of_an_upload_is_survived(s3_proxy, blobs, tmp_path, kind, fault):
    source, digest = write_blob(tmp_path, some_bytes(BIG))
    rule = s3_proxy.proxy.inject(fault, kind=kind, at=1)
    blobs.put(source, digest)
    assert rule.hits == 1
    assert hashlib.sha256(b"".join(blobs.open(digest))).hexdigest() == digest


def test_upload_that_was_completed_though_its_reply_was_lost_is_no_error(s3_proxy, blobs, tmp_path):
    source, digest = write_blob(tmp_path, some_bytes(BIG))
    s3_proxy.proxy.inject(Reset(after_server=True), kind="complete-multipart", at=1)
    gone = Status(status=404, code="NoSuchUpload")
    s3_proxy.proxy.inject(gone, kind="complete-multipart", at=2)
    blobs.put(source, digest)
    assert hashlib.sha256(b"".join(blobs.open(digest))).hexdigest() == digest


def test_upload_that_the_server_forgot_is_an_error(s3_proxy, name, blobs, tmp_path):
    source, digest = write_blob(tmp_path, some_bytes(BIG))
    s3_proxy.proxy.inject(Status(status=404, code="NoSuchUpload"), kind="complete-multipart")
    with pytest.raises(NotFound):
        blobs.put(source, digest)
    assert keys_of(s3_proxy, name) == []


@pytest.mark.parametrize("kind", ["head", "put-object"])
def test_one_failure_of_a_small_upload_is_survived(s3_proxy, blobs, tmp_path, kind):
    source, digest = write_blob(tmp_path, b"small")
    rule = s3_proxy.proxy.inject(Reset(), kind=kind, at=1)
    blobs.put(source, digest)
    assert rule.hits == 1
    assert b"".join(blobs.open(digest)) == b"small"


def test_upload_that_fails_for_good_leaves_nothing(s3_proxy, name, blobs, tmp_path, monkeypatch):
    monkeypatch.setattr("landfast.blobs.retried.POLICY", RetryPolicy(attempts=2))
    source, digest = write_blob(tmp_path, some_bytes(BIG))
    s3_proxy.proxy.inject(Status(status=500), kind="upload-part", at=range(2, 99))
    with pytest.raises(Unavailable, match="500"):
        blobs.put(source, digest)
    assert keys_of(s3_proxy, name) == []
    assert uploads_of(s3_proxy, name) == []


def test_cut_download_goes_on_where_it_was_cut(s3_proxy, blobs, tmp_path):
    data = some_bytes(5 * MIB)
    source, digest = write_blob(tmp_path, data)
    blobs.put(source, digest)
    s3_proxy.proxy.clear()
    s3_proxy.proxy.inject(Truncate(keep=2 * MIB + 7), kind="get-object", at=1)
    assert b"".join(blobs.open(digest)) == data
    first, second = s3_proxy.proxy.of("get-object")
    assert "range" not in first.headers
    assert int(second.headers["range"].removeprefix("bytes=").rstrip("-")) >= 2 * MIB


def test_download_that_is_always_cut_is_unavailable(s3_proxy, blobs, tmp_path, monkeypatch):
    monkeypatch.setattr("landfast.blobs.bucket.POLICY", RetryPolicy(attempts=2))
    source, digest = write_blob(tmp_path, some_bytes(MIB))
    blobs.put(source, digest)
    s3_proxy.proxy.inject(Truncate(keep=0), kind="get-object")
    with pytest.raises(Unavailable):
        blobs.fetch(digest, tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_present_blob_is_not_sent_again(s3_proxy, blobs, tmp_path):
    source, digest = write_blob(tmp_path, b"once")
    blobs.put(source, digest)
    s3_proxy.proxy.clear()
    blobs.put(source, digest)
    assert s3_proxy.proxy.counts == {"head": 1}


def test_old_blob_is_made_new_in_age_without_sending_it(s3_proxy, blobs, tmp_path, monkeypatch):
    source, digest = write_blob(tmp_path, b"once")
    blobs.put(source, digest)
    monkeypatch.setattr("landfast.blobs.bucket.FRESH", timedelta(0))
    s3_proxy.proxy.clear()
    started = datetime.now(UTC).replace(microsecond=0)
    blobs.put(source, digest)
    assert s3_proxy.proxy.counts == {"head": 1, "copy-object": 1}
    assert blobs.stat(digest).modified_at >= started
    assert b"".join(blobs.open(digest)) == b"once"


def test_bytes_that_another_wrote_are_a_conflict(s3_proxy, name, blobs, tmp_path):
    source, digest = write_blob(tmp_path, b"good")
    blobs.put(source, digest)
    s3_proxy.direct.put(name, f"blobs/sha256/{digest[:2]}/{digest}", b"evil")
    with pytest.raises(Conflict, match=digest):
        blobs.fetch(digest, tmp_path / "target")


@pytest.mark.parametrize(
    ("kind", "permission", "ask"),
    [
        ("put-object", "s3:PutObject", lambda blobs, source, digest: blobs.put(source, digest)),
        ("delete-object", "s3:DeleteObject", lambda blobs, _, digest: blobs.delete(digest)),
        ("list-objects-v2", "s3:ListBucket", lambda blobs, *_: list(blobs.list())),
        ("get-object", "s3:GetObject", lambda blobs, _, digest: list(blobs.open(digest))),
    ],
)
def test_denied_request_names_the_missing_permission(
    s3_proxy, blobs, tmp_path, kind, permission, ask
):
    source, digest = write_blob(tmp_path, b"x")
    s3_proxy.proxy.inject(Status(status=403), kind=kind)
    with pytest.raises(AccessDenied) as caught:
        ask(blobs, source, digest)
    assert caught.value.details["permission"] == permission


def test_missing_bucket_is_not_taken_for_a_missing_blob(s3, tmp_path):
    blobs = S3BlobStore("s3://no-such-bucket-here/x")
    source, digest = write_blob(tmp_path, b"x")
    for ask in (lambda: blobs.put(source, digest), lambda: list(blobs.list())):
        with pytest.raises(NotFound, match="no-such-bucket-here"):
            ask()


@pytest.mark.parametrize("url", ["s3://key:secret@bucket/x", "gs://bucket", "s3://"])
def test_url_that_is_no_bucket_is_refused(url):
    with pytest.raises(InvalidInput) as caught:
        S3BlobStore(url)
    assert "secret" not in str(caught.value)


def test_explicit_keys_do_not_travel_in_a_pickle():
    keys = {"access_key_id": "EXPLICIT", "secret_access_key": "hunter2"}
    blobs = S3BlobStore("s3://bucket", keys)
    assert "hunter2" not in repr(blobs)
    with pytest.raises(InvalidInput):
        pickle.dumps(blobs)


@pytest.mark.parametrize("size", [0, parts.PART_BYTES, 200 * 1024**3, 5 * 1024**4])
def test_parts_of_any_size_are_few_enough(size):
    step = parts.part_size(size)
    assert step % MIB == 0
    assert -(-size // step) <= 10_000
