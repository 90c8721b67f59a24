"""What lies in the registry's own store is held on request, as other people's objects are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from google.api_core.exceptions import Forbidden
from kit.gcs_server import GcsServer
from kit.servers.s3 import S3Server
from landfast import Artifact, ArtifactVersion, Client
from landfast.errors import AccessDenied, InvalidInput


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a").write_bytes(b"one")
    (folder / "b").write_bytes(b"two")
    return folder


@pytest.fixture
def store(server: S3Server) -> str:
    return f"s3://{server.bucket(lock=True)}/registry"


@pytest.fixture
def owner(tmp_path: Path, store: str) -> Iterator[Client]:
    url = f"sqlite:///{tmp_path / 'own.db'}"
    client = Client(url, project="vision", store_url=store)
    client.init_registry()
    yield client
    client.close()


def put(client: Client, name: str, folder: Path) -> ArtifactVersion:
    draft = Artifact(name, "dataset", client=client)
    draft.add_dir(folder)
    return client.log_artifact(draft)


def objects(server: S3Server, store: str) -> dict[str, bool]:
    """Return every version of the store's blobs, and whether it is held."""
    bucket = store.split("/")[2]
    found = server.client.list_object_versions(Bucket=bucket, Prefix="registry/blobs/")
    return {
        f"{one['Key']}@{one['VersionId']}": server.is_held(bucket, one["Key"], one["VersionId"])
        for one in found.get("Versions", ())
    }


def test_managed_files_and_the_manifest_are_held(
    owner: Client, server: S3Server, store: str, files: Path
) -> None:
    version = put(owner, "mnist", files)
    plan = owner.plan_hold(version, own_store=True)
    assert (plan.ok, plan.objects) == (True, 3)
    assert not any(objects(server, store).values())
    done = owner.hold(version, own_store=True)
    assert done.held == 3
    assert dict(done.requests) == dict(plan.requests)
    assert list(objects(server, store).values()) == [True] * 3
    key, _, oid = next(iter(objects(server, store))).partition("@")
    with pytest.raises(ClientError, match=r"AccessDenied|locked|WORM"):
        server.client.delete_object(Bucket=store.split("/")[2], Key=key, VersionId=oid)
    assert owner.hold(version, own_store=True).kept == 3
    assert owner.release(version).released == 3
    assert not any(objects(server, store).values())


def test_without_being_asked_for_nothing_of_our_store_is_held(
    owner: Client, server: S3Server, store: str, files: Path
) -> None:
    assert owner.hold(put(owner, "mnist", files)).held == 0
    assert not any(objects(server, store).values())


def test_shared_blobs_are_released_with_the_last_version(
    owner: Client, server: S3Server, store: str, files: Path
) -> None:
    first = put(owner, "mnist", files)
    owner.hold(first, own_store=True)
    (files / "b").write_bytes(b"three")
    second = put(owner, "mnist", files)
    owner.hold(second, own_store=True)
    assert sum(objects(server, store).values()) == 5
    assert owner.release(first).released == 2
    assert sum(objects(server, store).values()) == 3


def test_copies_are_held_with_the_manifest_that_names_them(
    owner: Client, server: S3Server, store: str, files: Path
) -> None:
    version = owner.log("mnist", files)
    owner.copy(version)
    assert owner.hold(version, own_store=True).held == 4
    assert list(objects(server, store).values()) == [True] * 4


def test_an_alias_that_moves_takes_the_hold_of_our_store_along(
    owner: Client, server: S3Server, store: str, files: Path
) -> None:
    first = put(owner, "mnist", files)
    first.promote("prod")
    owner.hold(first, own_store=True, holder="alias:prod")
    (files / "a").write_bytes(b"new")
    second = put(owner, "mnist", files)
    second.promote("prod")
    assert not first.holds.records
    assert second.holds.is_held
    assert sum(objects(server, store).values()) == 3


def test_gc_releases_and_then_deletes(
    owner: Client, server: S3Server, store: str, files: Path
) -> None:
    version = put(owner, "mnist", files)
    owner.hold(version, own_store=True)
    assert owner.gc(grace=timedelta(0), dry_run=False).deleted.count == 0
    assert sum(objects(server, store).values()) == 3
    owner.registry.delete(version.full_name, delete_aliases=True)
    report = owner.gc(grace=timedelta(0), dry_run=False)
    assert (report.released, report.deleted.count) == (3, 3)
    assert not any(objects(server, store).values())


def test_a_folder_says_that_it_cannot(client: Client, files: Path) -> None:
    version = put(client, "mnist", files)
    plan = client.plan_hold(version, own_store=True)
    assert [(one.message, one.count) for one in plan.problems] == [("file:// has no holds", 3)]
    assert "landfast registry copy" in plan.problems[0].hint
    with pytest.raises(InvalidInput, match="no holds"):
        client.hold(version, own_store=True)
    assert not list(client.registry.holds.records())


def test_cloud_storage_holds_blobs_and_gc_waits_for_none(
    gcs: GcsServer, tmp_path: Path, files: Path
) -> None:
    bucket = gcs.bucket(versioning=True)
    url = f"sqlite:///{tmp_path / 'own.db'}"
    client = Client(url, project="vision", store_url=f"gs://{bucket}/registry")
    client.init_registry()
    version = put(client, "mnist", files)
    assert client.hold(version, own_store=True).held == 3
    blobs = list(gcs.client.bucket(bucket).list_blobs(prefix="registry/blobs/"))
    assert [blob.temporary_hold for blob in blobs] == [True] * 3
    with pytest.raises(Forbidden):
        blobs[0].delete()
    client.registry.delete(version.full_name, delete_aliases=True)
    report = client.gc(grace=timedelta(0), dry_run=False)
    assert (report.released, report.deleted.count) == (3, 3)
    client.close()


def keep_one(server: S3Server, store: str, how: str) -> str:
    """Keep one blob as a colleague would; return its key."""
    bucket = store.split("/")[2]
    one = server.client.list_object_versions(Bucket=bucket, Prefix="registry/blobs/")["Versions"][0]
    key, oid = one["Key"], one["VersionId"]
    if how == "legal hold":
        server.set_held(bucket, key, oid, on=True)
    else:
        server.client.put_object_retention(
            Bucket=bucket,
            Key=key,
            VersionId=oid,
            Retention={
                "Mode": "GOVERNANCE",
                "RetainUntilDate": datetime.now(UTC) + timedelta(days=1),
            },
        )
    return str(key)


def current_keys(server: S3Server, store: str) -> set[str]:
    found = server.client.list_objects_v2(Bucket=store.split("/")[2], Prefix="registry/blobs/")
    return {one["Key"] for one in found.get("Contents", ())}


@pytest.mark.parametrize("how", ["legal hold", "retention"])
def test_gc_leaves_what_somebody_else_keeps_and_says_it(
    owner: Client, server: S3Server, store: str, files: Path, how: str
) -> None:
    version = put(owner, "mnist", files)
    key = keep_one(server, store, how)
    owner.registry.delete(version.full_name, delete_aliases=True)
    report = owner.gc(grace=timedelta(0), dry_run=False)
    assert (report.deleted.count, report.held_blobs.count, report.left.count) == (2, 1, 0)
    assert report.held_blobs.examples == (key.rpartition("/")[2],)
    assert how in report.held_by
    assert "1 blobs left because they are held" in report.summary
    assert current_keys(server, store) == {key}
    again = owner.gc(grace=timedelta(0), dry_run=False)
    assert (again.deleted.count, again.held_blobs.count) == (0, 1)
    if how == "legal hold":
        server.set_held(store.split("/")[2], key, objects_of(server, store, key), on=False)
        last = owner.gc(grace=timedelta(0), dry_run=False)
        assert (last.deleted.count, last.held_blobs.count) == (1, 0)
        assert current_keys(server, store) == set()


def objects_of(server: S3Server, store: str, key: str) -> str:
    bucket = store.split("/")[2]
    (one,) = server.client.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
    return one["VersionId"]


def test_what_is_logged_again_comes_back_from_what_gc_left(
    owner: Client, server: S3Server, store: str, files: Path
) -> None:
    version = put(owner, "mnist", files)
    keep_one(server, store, "legal hold")
    owner.registry.delete(version.full_name, delete_aliases=True)
    assert owner.gc(grace=timedelta(0), dry_run=False).held_blobs.count == 1
    again = put(owner, "mnist", files)
    assert again.digest == version.digest
    assert not owner.check_registry().problems
    assert owner.gc(grace=timedelta(0), dry_run=False).deleted.count == 0


@pytest.mark.parametrize("name", ["temporary_hold", "event_based_hold"])
def test_gc_on_cloud_storage_leaves_what_somebody_else_holds_and_says_it(
    gcs: GcsServer, tmp_path: Path, files: Path, name: str
) -> None:
    bucket = gcs.bucket(versioning=True)
    url = f"sqlite:///{tmp_path / 'own.db'}"
    client = Client(url, project="vision", store_url=f"gs://{bucket}/registry")
    client.init_registry()
    version = put(client, "mnist", files)
    blob = next(iter(gcs.client.bucket(bucket).list_blobs(prefix="registry/blobs/")))
    setattr(blob, name, True)
    blob.patch()
    client.registry.delete(version.full_name, delete_aliases=True)
    report = client.gc(grace=timedelta(0), dry_run=False)
    assert (report.deleted.count, report.held_blobs.count) == (2, 1)
    assert report.held_blobs.examples == (blob.name.rpartition("/")[2],)
    assert "hold" in report.held_by
    left = gcs.client.bucket(bucket).list_blobs(prefix="registry/blobs/")
    assert [one.name for one in left] == [blob.name]
    again = put(client, "mnist", files)
    assert (again.digest, client.check_registry().problems) == (version.digest, ())
    blob.reload()
    setattr(blob, name, False)
    blob.patch()
    client.registry.delete(again.full_name, delete_aliases=True)
    assert client.gc(grace=timedelta(0), dry_run=False).held_blobs.count == 0
    client.close()


def test_gc_without_the_permission_to_delete_still_fails_and_names_it(
    gcs: GcsServer, tmp_path: Path, files: Path
) -> None:
    bucket = gcs.bucket(versioning=True)
    url = f"sqlite:///{tmp_path / 'own.db'}"
    client = Client(url, project="vision", store_url=f"gs://{bucket}/registry")
    client.init_registry()
    version = put(client, "mnist", files)
    client.registry.delete(version.full_name, delete_aliases=True)
    gcs.deny("storage.objects.delete")
    with pytest.raises(AccessDenied, match=r"storage\.objects\.delete"):
        client.gc(grace=timedelta(0), dry_run=False)
    gcs.api.denied.clear()
    client.close()
