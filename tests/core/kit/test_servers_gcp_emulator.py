"""gcp-storage-emulator lies about generations; the negative tests stand on that lie."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from kit.servers.gcp_emulator import gcp_storage_emulator
from kit.servers.process import ServerMissing


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    with gcp_storage_emulator() as url:
        yield url


@pytest.fixture
def bucket(emulator: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[storage.Bucket]:
    monkeypatch.setenv("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
    options = {"api_endpoint": emulator}
    with closing(storage.Client("p", AnonymousCredentials(), client_options=options)) as client:
        bucket = client.create_bucket("lies")
        yield bucket
        bucket.delete(force=True)


def test_it_answers_an_old_generation_with_the_latest_bytes(bucket: storage.Bucket) -> None:
    blob = bucket.blob("k")
    blob.upload_from_string(b"old")
    old = blob.generation
    blob.upload_from_string(b"new")
    assert blob.generation != old
    assert bucket.blob("k", generation=old).download_as_bytes() == b"new"
    assert bucket.get_blob("k", generation=old).generation == blob.generation


def test_it_overwrites_whatever_generation_is_expected(bucket: storage.Bucket) -> None:
    bucket.blob("k").upload_from_string(b"old")
    bucket.blob("k").upload_from_string(b"new", if_generation_match=0)
    assert bucket.blob("k").download_as_bytes() == b"new"


def test_it_forgets_what_is_overwritten_and_deleted(bucket: storage.Bucket) -> None:
    for body in (b"old", b"new"):
        bucket.blob("k").upload_from_string(body)
    assert len(list(bucket.list_blobs(versions=True))) == 1
    bucket.blob("k").delete()
    assert list(bucket.list_blobs(versions=True)) == []


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ServerMissing, match="gcp-storage-emulator"), gcp_storage_emulator():
        pytest.fail("it started without being installed")
