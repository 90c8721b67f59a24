"""What W&B wrote comes over as it was: names, versions, aliases, metadata, pins; and it can be read."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from kit.gcs_server import GcsServer
from kit.servers.moto import Moto
from landfast import Client, ImportState, InvalidInput, NotFound, Verdict
from landfast.errors import Conflict

from tests.core.migrate.conftest import Recorded, files

WITH_TWO = {"a b%20+ü.txt": b"odd", "labels.csv": b"0,1,2\n", "train/0.png": b"zero"} | {
    "train/1.png": b"one",
    "train/2.png": b"two",
}


def test_versions_of_the_server_come_over_in_their_order(
    client: Client, recorded: Recorded
) -> None:
    report = client.import_from("wandb", recorded("wandb") / "exported")
    assert [(each.theirs, str(each.name), each.state) for each in report.versions] == [
        ("acme/vision/mnist:v0", "default/vision/mnist:v0", ImportState.CREATED),
        ("acme/vision/mnist:v1", "default/vision/mnist:v1", ImportState.CREATED),
        ("acme/vision/mnist:v2", "default/vision/mnist:v0", ImportState.RETURNED),
    ]
    first, second = client.get("vision/mnist:v0"), client.get("vision/mnist:v1")
    assert first.type == "dataset"
    assert set(first.tags) == {"checked", "wandb-v0", "wandb-v2"}
    assert set(first.aliases) == {"first", "latest", "my-best"}
    assert second.aliases == ("prod",)
    assert second.description == "digits"
    assert second.metadata["step"] == 1
    assert second.metadata["imported"] == {
        "from": "wandb",
        "version": "acme/vision/mnist:v1",
        "digest": "fbd06bc6b319ed1c721862455e4e84ca",
        "created_at": "2026-05-02T00:00:00.000000Z",
    }


def test_an_old_version_is_verified_and_downloaded_by_its_pins(
    client: Client, recorded: Recorded, tmp_path: Path
) -> None:
    report = client.import_from("wandb", recorded("wandb") / "exported")
    assert [dict(each.verdicts or {}) for each in report.versions] == [
        {Verdict.INTACT: 4},
        {Verdict.INTACT: 3, Verdict.OVERWRITTEN: 1, Verdict.DELETED: 1},
        {Verdict.INTACT: 4},
    ]
    assert report.exit_code == 0
    client.download("vision/mnist:prod", tmp_path / "there")
    assert files(tmp_path / "there") == WITH_TWO


def test_what_was_imported_is_what_logging_the_place_finds(
    client: Client, recorded: Recorded
) -> None:
    client.import_from("wandb", recorded("wandb") / "exported")
    logged = client.log("vision/mnist", "s3://peer-data/mnist")
    assert (logged.version, logged.changed) == ("v0", False)


def test_artifacts_of_offline_runs_come_over_without_a_server(
    client: Client, recorded: Recorded, tmp_path: Path
) -> None:
    runs = recorded("wandb") / "wandb"
    with pytest.raises(
        InvalidInput, match=r"'notes\.txt' of acme/vision/mixed:.*W&B keeps the file itself"
    ):
        client.import_from("wandb", runs)
    assert not (tmp_path / "registry.db").exists()
    report = client.import_from("wandb", runs, allow_missing=True)
    assert [str(each.name) for each in report.versions] == [
        "default/vision/mnist:v0",
        "default/vision/mixed:v0",
        "default/vision/mnist:v1",
        "default/vision/mnist:v0",
    ]
    mixed = client.get("vision/mixed")
    assert mixed.type == "model"
    assert [entry.path for entry in mixed.entries()] == ["in/labels.txt"]
    assert [(skip.count, skip.examples) for skip in mixed.skipped] == [(1, ("notes.txt",))]
    assert [each.left_out_count for each in report.versions] == [0, 1, 0, 0]


def test_importing_again_adds_nothing(client: Client, recorded: Recorded) -> None:
    exported = recorded("wandb") / "exported"
    client.import_from("wandb", exported)
    position = client.head()
    looks = list(client.history("vision/mnist"))
    again = client.import_from("wandb", exported)
    assert [each.state for each in again.versions] == [ImportState.PRESENT] * 3
    assert client.head() == position
    assert list(client.history("vision/mnist")) == looks


def test_what_is_new_there_is_imported_later(
    client: Client, recorded: Recorded, tmp_path: Path
) -> None:
    exported = recorded("wandb") / "exported"
    newest = exported / "acme/vision/mnist/v2"
    shutil.move(newest, tmp_path / "v2")
    client.import_from("wandb", exported)
    assert client.get("vision/mnist:latest").version == "v1"
    shutil.move(tmp_path / "v2", newest)
    report = client.import_from("wandb", exported)
    assert [each.state for each in report.versions] == ["present", "present", "returned"]
    assert client.get("vision/mnist:latest").version == "v0"


def test_what_was_logged_here_since_stays_the_latest(
    client: Client, recorded: Recorded, s3: Moto
) -> None:
    exported = recorded("wandb") / "exported"
    s3.put("peer-data", "mnist/labels.csv", b"ours\n")
    own = client.log("vision/mnist", "s3://peer-data/mnist")
    client.import_from("wandb", exported)
    assert client.get("vision/mnist:latest").version == own.version
    assert client.get("vision/mnist:prod").metadata["step"] == 1


def test_a_dry_run_records_nothing(client: Client, copied: Recorded, tmp_path: Path) -> None:
    report = client.import_from("wandb", copied("wandb") / "wandb", dry_run=True)
    assert {each.state for each in report.versions} == {ImportState.NEW}
    assert [left.path for each in report.versions for left in each.left_out] == ["notes.txt"]
    assert not (tmp_path / "registry.db").exists()


@pytest.mark.parametrize(
    ("theirs", "ours", "name"),
    [
        ("acme/vision", "ml/images", "ml/images/mnist"),
        ("acme/vision", "images", "default/images/mnist"),
        ("acme/vision/mnist", "digits", "default/uncategorized/digits"),
        ("acme/vis", "no", "default/vision/mnist"),
    ],
)
def test_names_can_be_given(
    client: Client, copied: Recorded, theirs: str, ours: str, name: str
) -> None:
    exported = copied("wandb") / "exported"
    report = client.import_from("wandb", exported, rename={theirs: ours}, dry_run=True)
    assert {str(each.name.bare()) for each in report.versions} == {name}


def test_a_name_that_cannot_be_one_here_says_how_to_give_another(
    client: Client, copied: Recorded
) -> None:
    with pytest.raises(
        InvalidInput, match=r"rename=.*--rename 'acme/vision/mnist=project/collection'"
    ):
        client.import_from("wandb", copied("wandb") / "exported", rename={"acme": "a/b"})


def test_a_manifest_by_itself_needs_a_name(client: Client, copied: Recorded) -> None:
    manifest = copied("wandb") / "exported/acme/vision/mnist/v1/wandb_manifest.json"
    (manifest.parent / "artifact.json").unlink()
    with pytest.raises(InvalidInput, match="--name"):
        client.import_from("wandb", manifest)
    report = client.import_from("wandb", manifest, name="vision/digits", type="images")
    assert str(report.versions[0].name) == "default/vision/digits:v0"
    assert client.get("vision/digits").type == "images"


def test_another_artifact_of_the_same_name_is_not_taken_for_the_first(
    client: Client, copied: Recorded
) -> None:
    exported = copied("wandb") / "exported"
    client.import_from("wandb", exported)
    (exported / "acme").rename(exported / "other")
    versions = exported / "other/vision/mnist"
    shutil.copy(versions / "v1/wandb_manifest.json", versions / "v0/wandb_manifest.json")
    with pytest.raises(Conflict, match=r"imported as wandb-v0, .* has other content"):
        client.import_from("wandb", exported)


def manifest_of(contents: Any, **more: Any) -> dict[str, Any]:
    """Write a manifest as W&B does."""
    return {
        "version": 1,
        "storagePolicy": "wandb-storage-policy-v1",
        "storagePolicyConfig": {"storageLayout": "V2"},
        "contents": contents,
    } | more


S3 = {"digest": "0" * 32, "ref": "s3://b/k", "size": 1, "extra": {"etag": "0" * 32}}


@pytest.mark.parametrize(
    ("path", "entry", "reason"),
    [
        ("../a", S3, "stays under the artifact"),
        ("/etc/passwd", S3, "stays under the artifact"),
        ("a/./b", S3, "stays under the artifact"),
        ("a\0b", S3, "NUL"),
        ("\ud800", S3, "UTF-8"),
        ("x" * 5000, S3, "at most 4,096 bytes"),
        ("a", [], "expected an object"),
        ("a", S3 | {"size": -1}, "size"),
        ("a", S3 | {"size": 2**63}, "size"),
        ("a", S3 | {"size": True}, "size"),
        ("a", S3 | {"size": "1"}, "size"),
        ("a", S3 | {"ref": 7}, "reference"),
        ("a", S3 | {"ref": "s3://b/"}, "not a folder"),
        ("a", S3 | {"ref": "s3://key:secret@b/k"}, "cannot be referenced"),
        ("a", S3 | {"extra": {"etag": 3}}, "ETag"),
        ("a", S3 | {"extra": {"etag": "e", "versionID": {}}}, "version id"),
        ("a", S3 | {"extra": "no"}, "extra"),
        ("a", S3 | {"extra": {}}, "checksum=False"),
        ("a", {"digest": "x", "ref": "gs://b/k", "size": 1}, "checksum=False"),
        ("a", {"digest": "no", "ref": "file:///a", "size": 1}, "MD5 in Base64"),
        ("a", {"digest": "x", "ref": "file://relative", "size": 1}, "absolute path"),
        ("a", {"digest": "x", "ref": "wandb-artifact://ab/c", "size": 0}, "another artifact"),
        ("a", {"digest": "x", "ref": "hdfs://b/k"}, "knows nothing of its content"),
        ("a", {"digest": "XUFAKrxLKna5cZ2REBfFkg==", "size": 5}, "keeps the file itself"),
    ],
)
def test_an_entry_that_cannot_come_over_is_named(
    client: Client, tmp_path: Path, path: str, entry: Any, reason: str
) -> None:
    file = tmp_path / "wandb_manifest.json"
    file.write_text(json.dumps(manifest_of({path: entry})))
    with pytest.raises(InvalidInput, match=re.escape(reason)) as caught:
        client.import_from("wandb", file, name="a")
    assert "secret" not in str(caught.value)
    report = client.import_from("wandb", file, name="a", dry_run=True)
    assert report.versions[0].left_out_count == 1


@pytest.mark.parametrize(
    ("text", "error", "found"),
    [
        ("", Conflict, "cannot be read as JSON"),
        ("[" * 100_000, Conflict, "nested too deeply"),
        ('{"version": 1', Conflict, "cannot be read as JSON"),
        ("[]", Conflict, "a manifest of W&B"),
        (json.dumps(manifest_of([])), Conflict, "a manifest of W&B"),
        (
            json.dumps(manifest_of({}, version=2)),
            InvalidInput,
            "another version: expected 1, found 2",
        ),
        (json.dumps(manifest_of({}, version=True)), InvalidInput, "another version"),
        (
            json.dumps(manifest_of({}, storagePolicy="s3")),
            InvalidInput,
            "storage policy: .* found 's3'",
        ),
    ],
)
def test_a_manifest_that_is_none_is_a_typed_error(
    client: Client, tmp_path: Path, text: str, error: type[Exception], found: str
) -> None:
    file = tmp_path / "wandb_manifest.json"
    file.write_text(text)
    with pytest.raises(error, match=found):
        client.import_from("wandb", file, name="a")


def test_references_of_all_kinds_keep_what_tells_their_content(
    client: Client, tmp_path: Path
) -> None:
    contents = {
        "s3": S3 | {"extra": {"etag": '"abc-2"', "versionID": "v1"}},
        "gs": {
            "digest": "CJ=",
            "ref": "gs://b/k",
            "size": 2,
            "extra": {"etag": "CJ=", "versionID": "17"},
        },
        "url": {
            "digest": "abc",
            "ref": "https://h/k?token=secret&part=1",
            "size": 3,
            "extra": {"etag": '"abc"'},
        },
        "weak": {"digest": 'W/"abc', "ref": "https://h/w", "extra": {"etag": 'W/"abc"'}},
        "plain": {"digest": "https://h/p", "ref": "https://h/p", "size": 3},
        "file": {"digest": "XUFAKrxLKna5cZ2REBfFkg==", "ref": "file:///d/a b#1", "size": 5},
    }
    file = tmp_path / "wandb_manifest.json"
    file.write_text(json.dumps(manifest_of(contents)))
    client.import_from("wandb", file, name="a", verify=False)
    version = client.get("a")
    found = {
        e.path: (str(e.checksum), e.uri, e.version_id, e.etag, e.size) for e in version.entries()
    }
    assert found == {
        "s3": ("s3-etag:abc-2", "s3://b/k", "v1", "abc-2", 1),
        "gs": ("None", "gs://b/k", "17", None, 2),
        "url": ('http-etag:"abc"', "https://h/k?part=1", None, '"abc"', 3),
        "weak": ('http-weak-etag:W/"abc"', "https://h/w", None, 'W/"abc"', None),
        "plain": ("None", "https://h/p", None, None, 3),
        "file": ("md5:5d41402abc4b2a76b9719d911017c592", "file:///d/a%20b%231", None, None, 5),
    }
    assert any(source.stripped == ("token",) for source in version.sources)


def test_an_object_of_google_is_pinned_by_its_generation(
    client: Client, gcs: GcsServer, tmp_path: Path
) -> None:
    gcs.bucket(name="photos", versioning=True)
    generation = str(gcs.put("photos", "a.jpg", b"old"))
    said = {"ref": "gs://photos/a.jpg", "size": 3, "digest": "CJ="}
    said |= {"extra": {"etag": "CJ=", "versionID": generation}}
    file = tmp_path / "wandb_manifest.json"
    file.write_text(json.dumps(manifest_of({"a.jpg": said})))
    report = client.import_from("wandb", file, name="photos")
    assert report.versions[0].verified == "1 intact"
    gcs.put("photos", "a.jpg", b"new!")
    client.download("photos", tmp_path / "there")
    assert files(tmp_path / "there") == {"a.jpg": b"old"}


def test_a_damaged_run_is_a_typed_error_at_every_byte(
    client: Client, copied: Recorded, tmp_path: Path
) -> None:
    (whole,) = (copied("wandb") / "wandb").glob("*-ts3a02g4/*.wandb")
    data = whole.read_bytes()
    file = tmp_path / "run-x.wandb"
    for at in range(0, len(data), 97):
        file.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        with pytest.raises((Conflict, InvalidInput)):
            client.import_from("wandb", file, dry_run=True)
    file.write_bytes(data[:-3])
    with pytest.raises(Conflict, match="cut off"):
        client.import_from("wandb", file, dry_run=True)


def test_a_place_without_artifacts_says_what_was_looked_for(client: Client, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"run-\*\.wandb"):
        client.import_from("wandb", tmp_path)
    with pytest.raises(NotFound, match="does not exist"):
        client.import_from("wandb", tmp_path / "nothing")
    with pytest.raises(InvalidInput, match=r"'mlflow'.*one of wandb"):
        client.import_from("mlflow", tmp_path)
