"""The restore drill: what was backed up answers every question in new places; a backup that is torn is told."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from kit.servers.postgres import Postgres
from kit.servers.s3 import S3Server
from landfast import Client
from landfast.cli import main
from landfast.errors import Conflict
from landfast.registry.opener import init_registry

from tests.core.operate.backups import copy_bucket, dump, empty, keys_of, load
from tests.core.upkeep.rich_registry import PROJECT, answers, can_go_on, fill, short_chains

INCOMPLETE = 6


@dataclass(frozen=True, kw_only=True)
class Team:
    """A registry in PostgreSQL whose store is a bucket, and where its backup goes."""

    server: S3Server
    databases: Postgres
    url: str
    bucket: str
    folder: Path

    @property
    def dumped(self) -> Path:
        return self.folder / "registry.dump"

    def client(self, url: str | None = None) -> Client:
        return Client(url or self.url, project=PROJECT)


@pytest.fixture(params=["moto", pytest.param("radosgw", marks=pytest.mark.system)])
def team(
    request: pytest.FixtureRequest, postgres_server: Postgres, tmp_path: Path
) -> Iterator[Team]:
    server = request.getfixturevalue({"moto": "s3"}.get(request.param, request.param))
    url, bucket = postgres_server.create(), server.bucket("Enabled")
    init_registry(url, f"s3://{bucket}/landfast")
    folder = tmp_path / "team"
    folder.mkdir()
    yield Team(server=server, databases=postgres_server, url=url, bucket=bucket, folder=folder)
    postgres_server.drop(url)


@pytest.fixture
def new_url(postgres_server: Postgres) -> Iterator[str]:
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


def files(team: Team, text: str) -> Path:
    folder = team.folder / "data"
    folder.mkdir(exist_ok=True)
    (folder / "a.txt").write_text(text)
    return folder


def test_a_team_is_restored_into_new_places(
    team: Team, new_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_chains(monkeypatch.setattr)
    (tmp_path / "files").mkdir()
    with closing(team.client()) as client:
        content = fill(client, team.server, team.server.bucket("Enabled"), tmp_path / "files")
        before, number = answers(client, team.url), client.registry_info.id
        dump(team.url, team.dumped)
        backup = team.server.bucket()
        assert copy_bucket(team.server, team.bucket, backup)
    team.databases.drop(team.url)
    empty(team.server, team.bucket)

    load(team.dumped, new_url)
    new_bucket = team.server.bucket("Enabled")
    copy_bucket(team.server, backup, new_bucket)
    with closing(team.client(new_url)) as restored:
        assert not restored.check_registry().ok, "its store is where it was, and empty"
        info = restored.adopt_store(f"s3://{new_bucket}/landfast")
        assert (info.id, info.store_url) == (number, f"s3://{new_bucket}/landfast")
    with closing(team.client(new_url)) as restored:
        assert restored.check_registry(deep=True).ok
        after = answers(restored, new_url)
        assert after.keys() == before.keys()
        for question, answer in before.items():
            assert after[question] == answer, question
        can_go_on(restored, tmp_path, content)


def test_what_was_logged_between_the_database_and_the_bucket_is_lost_and_nothing_else(
    team: Team, new_url: str
) -> None:
    with closing(team.client()) as client:
        first = client.log("data", files(team, "first"))
        dump(team.url, team.dumped)
        client.log("data", files(team, "between"))
        backup = team.server.bucket()
        copy_bucket(team.server, team.bucket, backup)
    load(team.dumped, new_url)
    with closing(team.client(new_url)) as restored:
        restored.adopt_store(f"s3://{backup}/landfast")
    with closing(team.client(new_url)) as restored:
        assert [one.version for one in restored.versions("data")] == ["v0"]
        assert restored.get("data") == first
        assert restored.check_registry(deep=True).ok
        blobs = len(keys_of(team.server, backup))
        again = restored.log("data", team.folder / "data")
        assert (again.version, len(keys_of(team.server, backup))) == ("v1", blobs)
        assert restored.check_registry(deep=True).ok


def test_a_bucket_that_is_older_than_its_database_is_told_by_name(team: Team, new_url: str) -> None:
    with closing(team.client()) as client:
        client.log("data", files(team, "first"))
        backup = team.server.bucket()
        copy_bucket(team.server, team.bucket, backup)
        client.log("data", files(team, "between"))
        dump(team.url, team.dumped)
    load(team.dumped, new_url)
    command = ["registry", "adopt", new_url, "--store", f"s3://{backup}/landfast"]
    assert CliRunner().invoke(main, command).exit_code == 0
    told = CliRunner().invoke(main, ["registry", "check", "--registry", new_url])
    assert told.exit_code == INCOMPLETE
    assert "default/vision/data:v1" in told.output
    assert "default/vision/data:v0" not in told.output
    with closing(team.client(new_url)) as restored:
        restored.log("data", files(team, "between"))
        assert restored.check_registry(deep=True).ok, "logged again, it is whole again"


def test_what_gc_took_after_the_backup_comes_back_from_the_versions_of_the_bucket(
    team: Team, new_url: str
) -> None:
    with closing(team.client()) as client:
        client.log("data", files(team, "first"))
        client.log("data", files(team, "second"))
        dump(team.url, team.dumped)
        client.delete("data:v0", delete_aliases=True)
        assert client.gc(grace=timedelta(0), dry_run=False).deleted
    load(team.dumped, new_url)
    with closing(team.client(new_url)) as restored:
        assert not restored.check_registry().ok
        undelete(team.server, team.bucket)
        restored.adopt_store()
        assert restored.check_registry(deep=True).ok


def undelete(server: S3Server, bucket: str) -> None:
    """Take away every delete marker."""
    for page in server.client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for one in page.get("DeleteMarkers", ()):
            if one["IsLatest"]:
                server.client.delete_object(
                    Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"]
                )


def test_a_store_is_named_only_where_it_was_restored(team: Team, tmp_path: Path) -> None:
    with closing(team.client()) as client:
        client.log("data", files(team, "first"))
        with pytest.raises(Conflict, match="no blob lies in"):
            client.adopt_store(f"s3://{team.server.bucket()}/landfast")
        with closing(Client(f"sqlite:///{tmp_path / 'other.db'}")) as other:
            other.log("theirs", files(team, "theirs"))
            theirs = other.registry_info.store_url
        with pytest.raises(Conflict, match="belongs to another registry"):
            client.adopt_store(theirs)
        assert client.registry_info.store_url == f"s3://{team.bucket}/landfast"


def test_a_file_is_restored_from_its_own_backup(tmp_path: Path) -> None:
    """`sqlite3 registry.db ".backup copy.db"` while somebody writes, then the folder of the store."""
    old, safe, new = tmp_path / "old", tmp_path / "safe", tmp_path / "new"
    for folder in (old, safe, tmp_path / "data"):
        folder.mkdir()
    (tmp_path / "data" / "a.txt").write_text("first")
    with closing(Client(f"sqlite:///{old / 'registry.db'}")) as client:
        version = client.log("data", tmp_path / "data")
        with (
            closing(sqlite3.connect(old / "registry.db")) as source,
            closing(sqlite3.connect(safe / "registry.db")) as target,
        ):
            source.backup(target)
        (tmp_path / "data" / "a.txt").write_text("between")
        client.log("data", tmp_path / "data")
        shutil.copytree(old / "registry.blobs", safe / "registry.blobs")
    shutil.rmtree(old)
    shutil.copytree(safe, new)
    with closing(Client(f"sqlite:///{new / 'registry.db'}")) as restored:
        assert restored.get("data") == version
        assert restored.check_registry(deep=True).ok
        assert restored.log("data", tmp_path / "data").version == "v1"
