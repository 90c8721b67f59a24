"""What a scan of S3 records, on a real server: complete or an error, one row one truth, few requests."""

from __future__ import annotations

import itertools
from pathlib import Path

import landfast
import pytest
from landfast import Client, Reference


@pytest.fixture
def client() -> Client:
    return Client(project="vision")


def paths(version: landfast.ArtifactVersion) -> list[str]:
    return [entry.path for entry in version.entries()]


def test_a_folder_without_slash_does_not_swallow_its_sibling(s3, client):
    bucket = s3.bucket("Enabled")
    for key in ("data/a", "data/b", "data2/c", "data-x", "dat"):
        s3.put(bucket, key, b"x")
    assert paths(client.log("d", f"s3://{bucket}/data")) == ["a", "b"]


def test_a_key_that_is_object_and_folder_names_the_two_spellings(s3, client):
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "data", b"object")
    s3.put(bucket, "data/a", b"below")
    with pytest.raises(landfast.InvalidInput, match=r"s3://.*/data/ or the object as Reference\("):
        client.log("d", f"s3://{bucket}/data")
    assert paths(client.log("folder", f"s3://{bucket}/data/")) == ["a"]
    exact = client.log("object", Reference(bucket=bucket, key="data"))
    assert [(e.path, e.size) for e in exact.entries()] == [("data", 6)]


def test_zero_bytes_are_kept_and_folder_markers_are_told(s3, client):
    bucket = s3.bucket("Enabled")
    for key, body in (("d/", b""), ("d/empty", b""), ("d/sub/", b""), ("d/sub/x", b"x")):
        s3.put(bucket, key, body)
    version = client.log("d", f"s3://{bucket}/d/")
    assert paths(version) == ["empty", "sub/x"]
    assert [(s.reason, s.count) for s in version.skipped] == [("folder marker", 2)]


@pytest.mark.parametrize("spelling", ["nothing", "nothing/"])
def test_a_missing_prefix_is_an_error_unless_allowed(s3, client, spelling):
    bucket = s3.bucket("Enabled")
    with pytest.raises(landfast.NotFound, match="allow_empty"):
        client.log("d", f"s3://{bucket}/{spelling}")
    assert client.collections() == []
    assert len(client.log("d", f"s3://{bucket}/{spelling}", allow_empty=True).manifest) == 0


def test_a_lone_folder_marker_is_an_error_that_says_so(s3, client):
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/", b"")
    with pytest.raises(landfast.NotFound, match="1 folder marker"):
        client.log("d", f"s3://{bucket}/d/")


def test_more_objects_than_allowed_store_nothing_and_tell_the_limit(s3, client, tmp_path):
    bucket = s3.bucket("Enabled")
    for number in range(5):
        s3.put(bucket, f"d/{number}", b"x")
    with pytest.raises(landfast.LimitExceeded, match="at most 4") as caught:
        client.log("d", f"s3://{bucket}/d/", max_objects=4)
    assert caught.value.details["limit"] == 4
    assert client.collections() == []
    assert list(client.context.blobs.list()) == []
    assert len(client.log("d", f"s3://{bucket}/d/", max_objects=5).manifest) == 5


def test_the_limit_counts_entries_not_what_is_left_out(s3, client):
    bucket = s3.bucket("Enabled")
    for number in range(6):
        s3.put(bucket, f"d/{number}.{'csv' if number < 3 else 'tmp'}", b"x")
    version = client.log("d", f"s3://{bucket}/d/", max_objects=3, exclude=["*.tmp"])
    assert paths(version) == ["0.csv", "1.csv", "2.csv"]
    assert [(s.reason, s.count) for s in version.skipped] == [("excluded", 3)]


ODD = ["a#b", "a?b", "a%20b", "a+b", "a b", "a//b", "a\\b", "ü/é/日本", "q\"'<>&", "z?versionId=1"]
# moto's web framework resolves or strips these before it looks at them.
DOTTED = ["..", "x/../y", "./z", "t\tn\n"]


def record_and_read(server, client, keys):
    bucket = server.bucket("Enabled")
    for key in keys:
        server.put(bucket, f"d/{key}", key.encode())
    version = client.log("d", f"s3://{bucket}/d/")
    assert paths(version) == sorted(keys, key=str.encode)
    for entry in version.entries():
        with version.open(entry.path) as stream:
            assert stream.read() == entry.path.encode()


def test_odd_keys_round_trip(s3, client):
    record_and_read(s3, client, ODD)


@pytest.mark.system
def test_dotted_keys_round_trip(radosgw, client):
    record_and_read(radosgw, client, ODD + DOTTED)


def test_an_explicit_version_records_that_version(s3, client):
    bucket = s3.bucket("Enabled")
    old = s3.put(bucket, "k", b"old")
    s3.put(bucket, "k", b"newer")
    [entry] = client.log("k", f"s3://{bucket}/k?versionId={old}").entries()
    assert (entry.version_id, entry.size, entry.path) == (old, 3, "k")


def test_token_size_and_version_come_with_the_current_object_only(s3, client):
    bucket = s3.bucket("Enabled")
    for body in (b"1", b"22", b"333"):
        newest = s3.put(bucket, "d/k", body)
    s3.put(bucket, "d/gone", b"x")
    s3.client.delete_object(Bucket=bucket, Key="d/gone")
    [entry] = client.log("d", f"s3://{bucket}/d").entries()
    assert (entry.path, entry.size, entry.version_id) == ("k", 3, newest)


def test_two_folders_with_equal_names_need_their_own_names(s3, client):
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "one/x", b"1")
    s3.put(bucket, "two/x", b"2")
    draft = landfast.Artifact("both", type="dataset", client=client)
    draft.add_reference(f"s3://{bucket}/one/")
    with pytest.raises(landfast.Conflict, match=r"one/x.*two/x.*name=|name=.*one/x.*two/x"):
        draft.add_reference(f"s3://{bucket}/two/")
    named = landfast.Artifact("both", type="dataset", client=client)
    named.add_reference(f"s3://{bucket}/one/", name="one")
    named.add_reference(f"s3://{bucket}/two/", name="two")
    named.add_reference(f"s3://{bucket}/two/", name="two")
    assert paths(client.log_artifact(named)) == ["one/x", "two/x"]


def test_checksum_false_records_pins_but_no_token(s3, client):
    bucket = s3.bucket("Enabled")
    first = s3.put(bucket, "d/k", b"x")
    version = client.log("d", f"s3://{bucket}/d", checksum=False)
    [entry] = version.entries()
    assert (entry.checksum, entry.version_id, version.is_verified) == (None, first, False)
    s3.put(bucket, "d/k", b"y")
    assert client.log("d", f"s3://{bucket}/d", checksum=False).created


def test_listing_sends_no_head_and_reads_no_data(s3_proxy, client):
    bucket = s3_proxy.direct.bucket("Enabled")
    for number in range(25):
        s3_proxy.direct.put(bucket, f"d/{number:03}", b"data that stays")
    s3_proxy.proxy.clear()
    client.log("d", f"s3://{bucket}/d/")
    counts = s3_proxy.proxy.counts
    assert counts["list-versions"] == 1
    assert counts["head"] == counts["get-object"] == 0
    s3_proxy.proxy.clear()
    again = client.log("d", f"s3://{bucket}/d/")
    assert (again.created, again.changed) == (False, False)
    assert s3_proxy.proxy.counts["list-versions"] == 1
    assert len(list(client.context.blobs.list())) == 1
    assert len(client.history("d")) == 2


def test_no_object_bytes_are_kept_anywhere(s3, client, tmp_path, caplog):
    secret = b"THESE-BYTES-STAY-IN-THE-BUCKET"
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/k", secret)
    caplog.set_level("DEBUG")
    client.log("d", f"s3://{bucket}/d/")
    client.close()
    for path in Path(tmp_path).rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes(), path
    assert secret.decode() not in caplog.text


def test_any_number_of_shards_gives_the_same_digest(s3, client):
    bucket = s3.bucket("Enabled")
    for key in itertools.product("aAzZ09~ü", repeat=2):
        s3.put(bucket, "d/" + "".join(key), b"x")
    whole = client.probe(f"s3://{bucket}/d/")
    for shards in (2, 3, 7, 50):
        assert client.probe(f"s3://{bucket}/d/", shards=shards) == whole


def test_workers_scan_shards_into_one_version(s3, client):
    import pickle

    bucket = s3.bucket("Enabled")
    for number in range(40):
        s3.put(bucket, f"d/{number:02}", b"x")
    ticket = client.ticket()
    plan = client.plan(f"s3://{bucket}/d/", shards=4)
    scans = [
        pickle.loads(pickle.dumps(client.scan_shard(pickle.loads(pickle.dumps(shard)))))
        for shard in plan.shards
    ]
    version = client.log_scans("d", scans, ticket=ticket)
    assert version.created
    assert version.digest == client.probe(f"s3://{bucket}/d/")
    assert not client.log("d", f"s3://{bucket}/d/", shards=3).created


def test_a_bucket_without_versioning_is_said_with_the_command(s3):
    notes: list[str] = []
    client = Client(note=notes.append)
    bucket = s3.bucket()
    s3.put(bucket, "d/k", b"x")
    version = client.log("d", f"s3://{bucket}/d/")
    assert not version.is_restorable
    assert any("put-bucket-versioning" in note and bucket in note for note in notes)


def test_deep_history_is_listed_by_current_objects(s3_proxy, client, monkeypatch):
    monkeypatch.setattr("landfast.scan.listing._DEEP_AFTER_ROWS", 20)
    monkeypatch.setattr("landfast.scan.listing._CHECK_EVERY", 10)
    bucket = s3_proxy.direct.bucket("Enabled")
    for key in ("a", "b", "c", "d"):
        for turn in range(15):
            s3_proxy.direct.put(bucket, f"p/{key}", f"{key}{turn}".encode())
    first = client.log("p", f"s3://{bucket}/p/")
    newest = s3_proxy.direct.put(bucket, "p/c", b"changed")
    s3_proxy.proxy.clear()
    second = client.log("p", f"s3://{bucket}/p/")
    assert s3_proxy.proxy.counts["head"] == 1
    assert second.manifest.get("c").version_id == newest
    for key in ("a", "b", "d"):
        assert second.manifest.get(key) == first.manifest.get(key)


def test_data_that_moved_to_another_bucket_is_the_same_version(s3, client, tmp_path):
    old, new = s3.bucket(), s3.bucket()
    for bucket in (old, new):
        s3.put(bucket, "data/a", b"bytes")
    version = client.log("d", f"s3://{old}/data/")
    s3.client.delete_object(Bucket=old, Key="data/a")
    again = client.log("d", f"s3://{new}/data/")
    assert (again.version, again.created) == (version.version, False)
    assert Path(again.download(tmp_path / "out"), "a").read_bytes() == b"bytes"
