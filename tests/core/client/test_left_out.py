"""What a scan leaves out, and that it is told: globs, folder markers, an object named like the folder itself."""

from __future__ import annotations

import pickle
from pathlib import Path

import landfast
import pytest
from kit.servers.faults import Status
from landfast import Client
from landfast.scan import markers


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def client(notes) -> Client:
    return Client(project="vision", note=notes.append)


def paths(version: landfast.ArtifactVersion) -> list[str]:
    return [entry.path for entry in version.entries()]


def reasons(version: landfast.ArtifactVersion) -> dict[str, int]:
    return {skip.reason: skip.count for skip in version.skipped}


def others(client: Client, name: str) -> int:
    report = client.verify(name)
    assert report.ok
    return report.added


# -- an object named like the folder ----------------------------------------------------------


@pytest.mark.parametrize("name", [None, "sub"])
@pytest.mark.parametrize("shards", [1, 3])
def test_mend_10_a_full_object_named_like_its_folder_is_skipped_and_told(
    s3, client, notes, name, shards
):
    bucket = s3.bucket("Enabled")
    for key in ("d/f/", "d/f/a", "d/f/b", "d/g"):
        s3.put(bucket, key, b"bytes")
    version = client.log("f", landfast.Reference(f"s3://{bucket}/d/f/", name=name), shards=shards)
    prefix = f"{name}/" if name else ""
    assert paths(version) == [f"{prefix}a", f"{prefix}b"]
    assert reasons(version) == {"object named like the folder itself": 1}
    assert any(f"s3://{bucket}/d/f/" in note and "not empty" in note for note in notes)
    assert others(client, "f") == 0


@pytest.mark.parametrize("place", ["s3", "gs"])
def test_mend_10_a_subtree_has_the_digest_of_that_folder_alone(s3, gcs, client, place):
    if place == "s3":
        bucket = s3.bucket("Enabled")
        put = lambda key: s3.put(bucket, key, b"bytes")  # noqa: E731
    else:
        bucket = gcs.bucket()
        put = lambda key: gcs.put(bucket, key, b"bytes")  # noqa: E731
    for key in ("d/f/", "d/f/a", "d/f/g/", "d/f/g/x", "d/z"):
        put(key)
    whole = client.log("d", f"{place}://{bucket}/d/")
    assert paths(whole) == ["f/", "f/a", "f/g/", "f/g/x", "z"]
    for folder in ("f/", "f/g/"):
        assert whole.subtree_digest(folder) == client.probe(f"{place}://{bucket}/d/{folder}")


# -- globs ------------------------------------------------------------------------------------


@pytest.fixture
def pictures(s3) -> str:
    bucket = s3.bucket()
    for key in ("a.jpg", "thumbs/a.jpg", "thumbs/b/c.jpg", "thumbs2/a.jpg", "x/thumbs/a.jpg"):
        s3.put(bucket, f"d/{key}", b"x")
    return f"s3://{bucket}/d/"


@pytest.mark.parametrize(
    "spelling",
    ["thumbs", "thumbs/", "/thumbs", "./thumbs", "/thumbs/**", "./thumbs/**", ".//thumbs/"],
)
def test_mend_14_a_folder_name_means_the_folder(client, notes, pictures, spelling):
    kept = paths(client.log("without", pictures, exclude=[spelling]))
    assert kept == ["a.jpg", "thumbs2/a.jpg", "x/thumbs/a.jpg"]
    kept = paths(client.log("only", pictures, include=[spelling]))
    assert kept == ["thumbs/a.jpg", "thumbs/b/c.jpg"]
    assert not any("matched nothing" in note for note in notes)


def test_mend_14_a_folder_name_means_the_folder_wherever_globs_are_taken(client, pictures):
    version = client.log("d", pictures)
    assert paths(client.log("copy", version.uri, exclude=["thumbs"])) == [
        "a.jpg",
        "thumbs2/a.jpg",
        "x/thumbs/a.jpg",
    ]
    version.download("out", include=["thumbs/"])
    assert sorted(str(p) for p in Path("out").rglob("*.jpg")) == [
        "out/thumbs/a.jpg",
        "out/thumbs/b/c.jpg",
    ]


def test_mend_14_a_star_stops_at_a_slash_as_before(client, pictures):
    assert paths(client.log("d", pictures, include=["*"])) == ["a.jpg"]
    assert paths(client.log("d", pictures, exclude=["thumbs*"])) == [
        "a.jpg",
        "thumbs/a.jpg",
        "thumbs/b/c.jpg",
        "thumbs2/a.jpg",
        "x/thumbs/a.jpg",
    ]
    assert paths(client.log("d", pictures, exclude=["thumbs*/", "**/thumbs"])) == ["a.jpg"]


@pytest.mark.parametrize("shards", [1, 4])
def test_mend_14_a_glob_that_matched_nothing_is_told(client, notes, pictures, shards):
    version = client.log(
        "d", pictures, include=["thumbs/**", "photos"], exclude=["*.tmp", "*.jpg"], shards=shards
    )
    told = [note for note in notes if "matched nothing" in note]
    assert [note.partition(" matched")[0] for note in told] == [
        "include 'photos'",
        "exclude '*.tmp'",
    ]
    assert {reason for reason, count in reasons(version).items() if not count} == {
        "include 'photos' matched nothing",
        "exclude '*.tmp' matched nothing",
    }
    assert "include 'photos' matched nothing" in str(version.to_dict()["skipped"])


def test_mend_14_a_glob_that_matched_nothing_is_told_of_shards_that_workers_scanned(
    client, notes, pictures
):
    plan = client.plan(landfast.Reference(pictures, exclude=["thumbs", "nothing"]), shards=5)
    scans = [
        type(found).from_json(pickle.loads(pickle.dumps(found)).to_json())
        for found in map(client.scan_shard, plan.shards)
    ]
    client.log_scans("d", scans)
    assert [note[:17] for note in notes if "matched nothing" in note] == ["exclude 'nothing'"]


def test_mend_14_a_glob_that_matches_in_one_partition_is_not_told(s3, client, notes):
    bucket = s3.bucket()
    for key in ("p=1/a", "p=2/a", "p=2/tmp/x"):
        s3.put(bucket, key, b"x")
    drafts = []
    for day in ("p=1", "p=2"):
        draft = landfast.Artifact("d", "dataset", partition=day, client=client)
        draft.add_reference(f"s3://{bucket}/{day}/", exclude=["tmp"])
        drafts.append(draft)
    client.log_all(drafts)
    assert not any("matched nothing" in note for note in notes)


def test_mend_14_one_object_is_filtered_too(s3, client):
    bucket = s3.bucket()
    s3.put(bucket, "d/k.csv", b"x")
    assert paths(client.log("d", f"s3://{bucket}/d/k.csv", include=["*.csv"])) == ["k.csv"]
    with pytest.raises(landfast.NotFound, match="1 excluded"):
        client.log("d", f"s3://{bucket}/d/k.csv", exclude=["*.csv"])


@pytest.mark.parametrize("place", ["s3://{}/d/*", "s3://{}/d/*/", "s3://{}/d/[ab].jpg"])
def test_mend_14_a_place_written_as_a_glob_points_to_include(s3, client, place):
    bucket = s3.bucket()
    s3.put(bucket, "d/a.jpg", b"x")
    with pytest.raises(landfast.NotFound, match=rf"give s3://{bucket}/d/ with --include"):
        client.log("d", place.format(bucket))


def test_mend_14_a_key_with_a_star_is_still_a_key(s3, client):
    bucket = s3.bucket()
    s3.put(bucket, "d/*", b"x")
    assert paths(client.log("d", f"s3://{bucket}/d/*")) == ["*"]


# -- folder markers without a slash -----------------------------------------------------------

TREE = ("d/a", "d/a!", "d/a-1", "d/a-1/x", "d/a.txt", "d/a/b", "d/a/b/c", "d/empty", "d/z", "d/z/y")
FULL = {"d/a!", "d/a-1/x", "d/a.txt", "d/a/b/c", "d/z/y"}


@pytest.fixture
def marked(s3_proxy) -> str:
    """Zero-byte objects for folders, one a place, among files, one of them empty."""
    bucket = s3_proxy.direct.bucket("Enabled")
    for key in TREE:
        s3_proxy.direct.put(bucket, key, b"bytes" if key in FULL else b"")
    return f"s3://{bucket}/d/"


FILES = ["a!", "a-1/x", "a.txt", "a/b/c", "empty", "z/y"]


@pytest.mark.parametrize("shards", [1, 2, 7])
@pytest.mark.parametrize("waiting", [1000, 2])
def test_mend_15_folder_markers_without_a_slash_are_skipped_and_told_once(
    client, notes, marked, monkeypatch, shards, waiting
):
    monkeypatch.setattr(markers, "_WAITING", waiting)
    version = client.log("d", marked, shards=shards)
    assert paths(version) == FILES
    assert reasons(version) == {"folder marker without a slash": 4}
    assert len([note for note in notes if "folder markers" in note]) == 1
    version.download("out")
    assert Path("out/empty").read_bytes() == b""
    assert others(client, "d") == 0


def test_mend_15_rows_alone_tell_what_is_a_marker(s3_proxy, client, marked):
    s3_proxy.proxy.clear()
    client.log("d", marked)
    assert s3_proxy.proxy.counts["list-versions"] == 1
    assert s3_proxy.proxy.counts["list-objects-v2"] == 0


def test_mend_15_markers_in_folders_that_are_scanned_together(s3_proxy, client, tmp_path):
    bucket = s3_proxy.direct.bucket()
    for key in ("p/1/m", "p/1/m/x", "p/2/e", "p/3/m", "p/3/m/x"):
        s3_proxy.direct.put(bucket, key, b"x" if key.endswith("x") else b"")
    references = [landfast.Reference(f"s3://{bucket}/p/{n}/") for n in (1, 2, 3)]
    scans = client.scan_folders(tmp_path, references)
    found = [[e.path for e in client.open_scan(scan).entries()] for scan in scans]
    assert found == [["m/x"], ["e"], ["m/x"]]


def test_mend_15_markers_of_cloud_storage(gcs, client):
    bucket = gcs.bucket()
    for key in ("d/a", "d/a/x", "d/b"):
        gcs.put(bucket, key, b"x" if key.endswith("x") else b"")
    assert paths(client.log("d", f"gs://{bucket}/d/")) == ["a/x", "b"]


# -- versions that may not be listed ----------------------------------------------------------


def test_mend_13_version_ids_that_may_not_be_listed_are_told(s3_proxy, client, notes):
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/k", b"x")
    s3_proxy.proxy.inject(Status(status=403), kind="list-versions")
    version = client.log("d", f"s3://{bucket}/d/")
    assert [note for note in notes if "s3:ListBucketVersions is not permitted" in note]
    assert not version.is_restorable


def test_mend_13_version_ids_that_may_not_be_listed_are_told_wherever_it_is_scanned(
    s3_proxy, client, notes, tmp_path
):
    bucket = s3_proxy.direct.bucket("Enabled")
    for key in ("p/1/k", "p/2/k"):
        s3_proxy.direct.put(bucket, key, b"x")
    s3_proxy.proxy.inject(Status(status=403), kind="list-versions")
    s3_proxy.proxy.inject(Status(status=403), kind="get-bucket-versioning")
    references = [landfast.Reference(f"s3://{bucket}/p/{n}/") for n in (1, 2)]
    client.scan_folders(tmp_path, references)
    assert len([note for note in notes if "s3:ListBucketVersions" in note]) == 1


def test_mend_13_a_version_is_restorable_once_its_pins_were_seen(s3_proxy, client):
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/k", b"x")
    s3_proxy.proxy.inject(Status(status=403), kind="list-versions")
    before = client.log("d", f"s3://{bucket}/d/")
    assert not before.is_restorable
    s3_proxy.proxy.rules.clear()
    again = client.log("d", f"s3://{bucket}/d/")
    assert (again.created, again.version) == (False, "v0")
    assert again.is_restorable
    assert client.get("d").is_restorable
    assert client.get("d").to_dict()["restorable"]
    # It stays so when the permission is taken away once more: the older pins are still tried.
    s3_proxy.proxy.inject(Status(status=403), kind="list-versions")
    assert client.log("d", f"s3://{bucket}/d/").is_restorable
    s3_proxy.direct.put(bucket, "d/k", b"y")
    client.get("d:v0").download("out")
    assert Path("out/k").read_bytes() == b"x"


def test_mend_13_a_version_is_restorable_once_versioning_was_turned_on(s3, client):
    bucket = s3.bucket()
    s3.put(bucket, "d/k", b"x")
    assert not client.log("d", f"s3://{bucket}/d/").is_restorable
    s3.set_versioning(bucket, "Enabled")
    assert not client.log("d", f"s3://{bucket}/d/").is_restorable
    s3.put(bucket, "d/k", b"x")
    assert client.log("d", f"s3://{bucket}/d/").version == "v0"
    assert client.get("d").is_restorable
