"""What no hold can keep is copied into the registry's store, and is the same version all the same."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import landfast
import pytest
from kit.servers.scripted import Scripted
from landfast import Client
from landfast.errors import NotFound, ObjectChanged
from landfast.model.verdict import Verdict

BODIES = {"a.txt": b"alpha", "b/c.bin": b"\x00" * 2_000, "b/d.txt": b""}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, body in BODIES.items():
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return tmp_path / "source"


def read(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.relative_to(root).parts[0].startswith(".landfast")
    }


def test_a_copied_folder_downloads_when_its_source_is_gone(
    client: Client, folder: Path, tmp_path: Path
) -> None:
    version = client.log("mnist", folder)
    told = client.plan_copy(version)
    done = client.copy(version)
    assert (done.copied, done.bytes, done.kept, done.left) == (3, 2_005, 0, 0)
    assert (told.objects, told.bytes, told.requests["upload"]) == (3, 2_005, 3)
    shutil.rmtree(folder)
    assert read(client.download("mnist", root=tmp_path / "out").root) == BODIES
    with client.open("mnist", "a.txt") as stream:
        assert stream.read() == b"alpha"


def test_a_copy_is_no_new_version_and_moves_nothing(client: Client, folder: Path) -> None:
    version = client.log("mnist", folder)
    before = list(client.changes())
    client.copy(version)
    found = client.get("mnist")
    assert (found, found.digest, found.record) == (version, version.digest, version.record)
    assert list(client.changes()) == before
    again = client.log("mnist", folder)
    assert (again.created, again.changed) == (False, False)
    assert [entry.uri for entry in again.entries()] == [e.uri for e in version.entries()]


def test_a_second_copy_reads_nothing(client: Client, folder: Path) -> None:
    version = client.log("mnist", folder)
    client.copy(version)
    shutil.rmtree(folder)
    again = client.copy(version)
    assert (again.copied, again.kept) == (0, 3)
    assert client.plan_copy(version).objects == 0
    assert len(client.registry.pin_sets(version.record.id)) == 2


def test_changed_bytes_are_refused_and_no_copy_is_named(client: Client, folder: Path) -> None:
    version = client.log("mnist", folder)
    (folder / "b/c.bin").write_bytes(b"\x01" * 2_000)
    with pytest.raises(ObjectChanged, match=r"c\.bin"):
        client.copy(version)
    assert len(client.registry.pin_sets(version.record.id)) == 1
    assert not version.copies
    (folder / "b/c.bin").write_bytes(BODIES["b/c.bin"])
    assert client.copy(version).copied == 3


def test_a_source_that_went_away_is_refused(client: Client, folder: Path) -> None:
    version = client.log("mnist", folder)
    (folder / "a.txt").unlink()
    with pytest.raises(NotFound, match=r"a\.txt"):
        client.copy(version)
    assert len(client.registry.pin_sets(version.record.id)) == 1


def test_what_validators_name_is_copied_too(
    client: Client, http_script: Scripted, tmp_path: Path
) -> None:
    version = client.log("page", http_script.put("/x.bin", b"of the web", etag='"1"'))
    (entry,) = version.entries()
    assert entry.checksum is not None
    assert not entry.checksum.is_content_token
    digest = version.digest
    assert client.copy(version).copied == 1
    http_script.remove("/x.bin")
    out = client.download("page", root=tmp_path / "out").root
    assert [path.read_bytes() for path in out.glob("*.bin")] == [b"of the web"]
    assert client.get("page").digest == digest
    report = client.verify("page", deep=True)
    assert report.counts == {Verdict.MOVED: 1}
    assert report.ok


def test_verify_tells_the_source_and_falls_back_to_the_copy(client: Client, folder: Path) -> None:
    version = client.log("mnist", folder)
    client.copy(version)
    assert set(version.verify().counts) == {Verdict.INTACT}
    (folder / "a.txt").write_bytes(b"other")
    report = version.verify()
    assert report.counts == {Verdict.INTACT: 2, Verdict.MOVED: 1}
    (row,) = report.rows
    assert "copy in the registry's store" in row.detail
    assert report.digest == version.digest


def test_only_what_cannot_be_held_is_copied(client: Client, locked, folder: Path) -> None:
    held = locked.put("h")
    version = client.log("mixed", locked.uri, landfast.Reference(str(folder), name="local"))
    plan = client.plan_hold(version)
    assert not plan.ok
    assert "landfast copy NAME" in plan.problems[0].hint
    done = client.copy(version)
    assert (done.copied, done.left) == (3, 1)
    assert version.copies == "3 of 4 files are in the registry's store"
    assert client.hold(version).held == 1
    assert locked.is_held("h", held)
    client.release(version)
    assert client.copy(version, everything=True).copied == 1
    assert version.copies == "all 4 files are in the registry's store"


def test_a_bucket_without_object_lock_is_copied(client: Client, server, tmp_path: Path) -> None:
    bucket = server.bucket()
    server.put(bucket, "data/a", b"one")
    server.put(bucket, "data/b", b"two")
    version = client.log("plain", f"s3://{bucket}/data/")
    plan = client.plan_copy(version)
    assert plan.requests["GetObject"] == 2
    assert client.copy(version).copied == 2
    for key in ("data/a", "data/b"):
        for one in server.client.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]:
            server.client.delete_object(Bucket=bucket, Key=key, VersionId=one["VersionId"])
    found = read(client.download("plain", root=tmp_path / "out").root)
    assert found == {"a": b"one", "b": b"two"}
    assert client.plan_hold(version).ok


def test_gc_keeps_copies_as_long_as_their_version(
    client: Client, folder: Path, tmp_path: Path
) -> None:
    version = client.log("mnist", folder)
    client.copy(version)
    shutil.rmtree(folder)
    assert client.gc(grace=timedelta(0), dry_run=False).deleted.count == 0
    assert client.check_registry(deep=True).ok
    client.delete("mnist", delete_aliases=True)
    client.undelete("mnist:v0")
    assert read(client.download("mnist:v0", root=tmp_path / "out").root) == BODIES
    client.delete("mnist:v0", delete_aliases=True)
    # The manifest of the version, that of its copies, and three files.
    assert client.gc(grace=timedelta(0), dry_run=False).deleted.count == 5


def test_a_lost_copy_is_told_and_made_again(client: Client, folder: Path) -> None:
    version = client.log("mnist", folder)
    client.copy(version)
    (digest,) = {e.checksum.value for e in version.entries() if e.path == "a.txt" and e.checksum}
    client.context.blobs.delete(digest)
    check = client.check_registry()
    assert [problem.path for problem in check.problems] == ["a.txt"]
    assert client.copy(version).copied == 1
    assert client.check_registry().ok


def test_a_killed_copy_goes_on_where_it_was(
    client: Client, server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes that were stored are not read again, without a cache of downloads to help."""
    bucket = server.bucket()
    for number in range(6):
        server.put(bucket, f"data/{number}", b"%d" % number)
    version = client.log("plain", f"s3://{bucket}/data/")
    monkeypatch.setattr("landfast.own_store.copies._AT_ONCE_BYTES", 2)

    class Killed(BaseException): ...

    from landfast.registry.registry import Registry

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Registry, "add_copy", die)
        with pytest.raises(Killed):
            client.copy(version)
    shutil.rmtree(client.context.cache.folder / "blobs", ignore_errors=True)
    for number in range(6):
        server.put(bucket, f"data/{number}", b"gone")
        for one in server.client.list_object_versions(Bucket=bucket, Prefix=f"data/{number}")[
            "Versions"
        ]:
            server.client.delete_object(
                Bucket=bucket, Key=f"data/{number}", VersionId=one["VersionId"]
            )
    assert client.copy(version).copied == 6
    left = client.settings.cache_dir / "copies"
    assert not any(left.iterdir())


def test_copies_survive_a_fork_of_the_registry(
    client: Client, folder: Path, tmp_path: Path
) -> None:
    client.copy(client.log("mnist", folder))
    url = f"sqlite:///{tmp_path / 'other.db'}"
    client.copy_registry(url, store=(tmp_path / "store").as_uri(), fork=True)
    shutil.rmtree(folder)
    other = Client(url, project="vision")
    assert read(other.download("mnist", root=tmp_path / "out").root) == BODIES
    other.close()


def test_another_collection_takes_the_recorded_pins_not_the_copies(
    client: Client, folder: Path
) -> None:
    version = client.log("mnist", folder)
    client.copy(version)
    other = client.log("twin", f"landfast://{version.qualified_name.replace(':v0', '')}?version=v0")
    assert [e.uri for e in other.entries()] == [e.uri for e in version.entries()]
