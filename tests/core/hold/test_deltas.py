"""A version whose manifest is a delta is held with every file that the delta stands on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from kit.gcs_server import GcsServer
from kit.servers.s3 import S3Server
from landfast import ArtifactVersion, Client
from landfast.publish import shrink

NOW = timedelta(0)


@pytest.fixture(autouse=True)
def small_deltas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Store deltas of manifests of any size."""
    monkeypatch.setattr(shrink, "SMALL_BYTES", 0)
    monkeypatch.setattr(shrink, "_MOST_BYTES", 100)
    monkeypatch.setattr(shrink, "_MOST_ROWS", 1 / 2)


class Store:
    """A registry's store in a bucket, and which of its blobs are held."""

    url: str

    def held(self) -> set[str]:
        raise NotImplementedError

    def blobs(self) -> set[str]:
        raise NotImplementedError


class S3Store(Store):
    def __init__(self, server: S3Server) -> None:
        self.server, self.bucket = server, server.bucket(lock=True)
        self.url = f"s3://{self.bucket}/registry"

    def held(self) -> set[str]:
        found = self.server.client.list_object_versions(Bucket=self.bucket, Prefix="registry/blobs")
        return {
            one["Key"].rpartition("/")[2]
            for one in found.get("Versions", ())
            if self.server.is_held(self.bucket, one["Key"], one["VersionId"])
        }

    def blobs(self) -> set[str]:
        found = self.server.client.list_objects_v2(Bucket=self.bucket, Prefix="registry/blobs")
        return {one["Key"].rpartition("/")[2] for one in found.get("Contents", ())}


class GcsStore(Store):
    def __init__(self, server: GcsServer) -> None:
        self.bucket = server.client.bucket(server.bucket(versioning=True))
        self.url = f"gs://{self.bucket.name}/registry"

    def held(self) -> set[str]:
        return {
            blob.name.rpartition("/")[2]
            for blob in self.bucket.list_blobs(prefix="registry/blobs", versions=True)
            if blob.temporary_hold
        }

    def blobs(self) -> set[str]:
        found = self.bucket.list_blobs(prefix="registry/blobs")
        return {blob.name.rpartition("/")[2] for blob in found}


@pytest.fixture(params=["moto", pytest.param("radosgw", marks=pytest.mark.system), "gcs"])
def store(request: pytest.FixtureRequest) -> Store:
    server = request.getfixturevalue({"moto": "s3"}.get(request.param, request.param))
    return GcsStore(server) if request.param == "gcs" else S3Store(server)


@pytest.fixture
def owner(tmp_path: Path, store: Store) -> Iterator[Client]:
    client = Client(f"sqlite:///{tmp_path / 'own.db'}", project="vision", store_url=store.url)
    client.init_registry()
    yield client
    client.close()


def log(client: Client, folder: Path, *numbers: int) -> ArtifactVersion:
    folder.mkdir(exist_ok=True)
    for number in numbers:
        (folder / f"{number:02}").write_text(f"turn {len(numbers)} {number}")
    return client.log("d", folder)


def test_the_whole_chain_is_held_and_released(owner: Client, store: Store, tmp_path: Path) -> None:
    first = log(owner, tmp_path / "d", *range(16))
    second = log(owner, tmp_path / "d", 1)
    third = log(owner, tmp_path / "d", 2, 3)
    chain = third.manifest.chain
    assert chain == (first.record.blob, second.record.blob, third.record.blob)
    # Files of this machine have no holds; what is asked for is what lies in the store.
    done = owner.hold(third, own_store=True, partial=True)
    assert (done.held, store.held()) == (3, set(chain))
    first.delete()
    second.delete()
    assert owner.gc(grace=NOW, dry_run=False).deleted.count == 0
    assert (store.blobs(), store.held()) == (set(chain), set(chain))
    assert owner.check_registry(deep=True, holds=True).holds == ()
    assert owner.release(third).released == 3
    assert store.held() == set()
    third.delete(delete_aliases=True)
    report = owner.gc(grace=NOW, dry_run=False)
    assert (report.deleted.count, report.held_blobs.count) == (3, 0)
    assert store.blobs() == set()


def test_files_of_a_chain_that_two_held_versions_share_go_with_the_last(
    owner: Client, store: Store, tmp_path: Path
) -> None:
    log(owner, tmp_path / "d", *range(16))
    second = log(owner, tmp_path / "d", 1)
    third = log(owner, tmp_path / "d", 2, 3)
    owner.hold(second, own_store=True, partial=True)
    assert owner.hold(third, own_store=True, partial=True).held == 1
    assert owner.release(third).released == 1
    assert store.held() == set(second.manifest.chain)
    owner.registry.delete(second.full_name, delete_aliases=True)
    report = owner.gc(grace=NOW, dry_run=False)
    assert (report.released, report.deleted.count) == (2, 0)
    assert store.held() == set()
    assert owner.get("d").manifest.chain == third.manifest.chain


def test_a_chain_that_is_made_short_stays_held_as_long_as_its_version_is(
    owner: Client, store: Store, tmp_path: Path
) -> None:
    versions = [log(owner, tmp_path / "d", *range(16))]
    for number in range(shrink.MOST_DELTAS + 1):
        versions.append(log(owner, tmp_path / "d", *range(number % 3 + 1)))
        (tmp_path / "d" / "15").write_text(f"only {number}")
    longest = max(versions, key=lambda version: len(version.manifest.chain))
    newest = owner.get("d")
    assert len(newest.manifest.chain) < len(longest.manifest.chain)
    owner.hold(longest, own_store=True, partial=True)
    for version in versions:
        if version.record.id not in {longest.record.id, newest.record.id}:
            version.delete(delete_aliases=True)
    owner.gc(grace=NOW, dry_run=False)
    assert store.held() == set(longest.manifest.chain)
    assert store.blobs() == {*longest.manifest.chain, *newest.manifest.chain}
