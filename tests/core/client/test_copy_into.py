"""Files copied into a place of the user's: under their content's address, referenced, never overwritten."""

from __future__ import annotations

import hashlib
from pathlib import Path

import landfast
import pytest
from landfast import Artifact, Client


@pytest.fixture
def client() -> Client:
    return Client(project="vision")


@pytest.fixture(params=["file", "s3", "gs"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder or bucket of the user's."""
    if request.param == "file":
        return (tmp_path / "my objects").as_uri()
    if request.param == "s3":
        return f"s3://{request.getfixturevalue('s3').bucket('Enabled')}/a b"
    return f"gs://{request.getfixturevalue('gcs').bucket(versioning=True)}/objects/"


def logged(client: Client, place: str, text: str, tmp_path: Path) -> landfast.ArtifactVersion:
    file = tmp_path / f"{len(list(tmp_path.iterdir()))}.txt"
    file.write_text(text)
    draft = Artifact("report", type="report", client=client)
    draft.add_file(file, "notes.txt", into=place)
    return draft.save()


def read(version: landfast.ArtifactVersion) -> str:
    with version.open("notes.txt") as stream:
        return stream.read().decode()


def test_each_content_has_its_own_address_and_stays(client, place, tmp_path):
    one, two, again = [logged(client, place, text, tmp_path) for text in ("one", "two", "one")]
    assert [v.version for v in (one, two, again)] == ["v0", "v1", "v0"]
    assert [read(one), read(two)] == ["one", "two"]
    (entry,) = one.entries()
    sha256 = hashlib.sha256(b"one").hexdigest()
    assert entry.path == "notes.txt"
    assert entry.uri == f"{place.rstrip('/')}/blobs/sha256/{sha256[:2]}/{sha256}"


def test_equal_bytes_are_not_written_again(client, place, tmp_path):
    pins = [
        next(iter(logged(client, place, "same", tmp_path).entries())).version_id for _ in range(2)
    ]
    assert pins[0] == pins[1]
    assert len(client.history("report")) == 2


def test_a_place_that_cannot_take_files_is_refused_before_anything_is_logged(client, tmp_path):
    with pytest.raises(landfast.InvalidInput, match="https://host"):
        logged(client, "https://host/files", "x", tmp_path)
    assert client.collections() == []


def test_a_missing_file_is_named(client, tmp_path):
    with pytest.raises(landfast.NotFound, match="missing"):
        client.copy_into(str(tmp_path / "place"), tmp_path / "missing")
