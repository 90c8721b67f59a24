"""Which URL opens which blob store."""

import os
from pathlib import Path

import pytest
from landfast.blobs.local import LocalBlobStore
from landfast.blobs.names import blob_key, sha256_of_key
from landfast.blobs.opener import open_blobs
from landfast.errors import InvalidInput


@pytest.mark.parametrize("spelling", ["{}", "{}/", "file://{}", "file://{}/"])
def test_every_spelling_of_a_folder_is_the_same_store(tmp_path: Path, spelling: str) -> None:
    blobs = open_blobs(spelling.format(tmp_path))
    assert isinstance(blobs, LocalBlobStore)
    assert blobs.url == f"file://{tmp_path}"


def test_a_relative_folder_is_taken_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_blobs("store").url == f"file://{os.fspath(tmp_path)}/store"


def test_the_url_of_a_store_opens_it_again(tmp_path: Path) -> None:
    blobs = open_blobs(str(tmp_path / "a b#c?d%e"))
    again = open_blobs(blobs.url)
    assert again.url == blobs.url
    assert repr(again) == repr(blobs)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("s3://bucket/team/landfast", "S3BlobStore"),
        ("gs://bucket/team/landfast", "GcsBlobStore"),
        ("s3://bucket", "S3BlobStore"),
    ],
)
def test_a_bucket_is_opened_without_a_request(url: str, kind: str) -> None:
    blobs = open_blobs(url, options={})
    assert type(blobs).__name__ == kind
    assert blobs.url == url


@pytest.mark.parametrize("url", ["https://h/blobs", "ftp://h/blobs", "landfast://e/p/c", "blob:x"])
def test_another_scheme_is_refused_with_what_is_possible(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"s3://BUCKET|sha256"):
        open_blobs(url)


def test_a_password_in_a_refused_url_is_not_told() -> None:
    with pytest.raises(InvalidInput) as caught:
        open_blobs("https://ann:hunter2@h/blobs?X-Amz-Signature=abc")
    assert "hunter2" not in str(caught.value)
    assert "abc" not in str(caught.value)


def test_only_a_blob_of_ours_has_a_key() -> None:
    name = "ab" + "0" * 62
    assert blob_key(name) == f"blobs/sha256/ab/{name}"
    assert sha256_of_key(blob_key(name)) == name
    assert sha256_of_key(f"blobs/sha256/ac/{name}") is None
    assert sha256_of_key(f"blobs/sha256/ab/{name}.part") is None
