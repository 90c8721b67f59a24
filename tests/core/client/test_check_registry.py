"""The check of a registry finds what its store has lost; deleted versions come back while it has not."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from landfast import Artifact, ArtifactVersion, Client
from landfast.blobs.base import BlobStore
from landfast.blobs.names import blob_key
from landfast.cli import main
from landfast.errors import Conflict, InvalidInput, NotFound

NOW = timedelta(0)


@pytest.fixture
def client(tmp_path: Path, store: str) -> Client:
    return Client(f"sqlite:///{tmp_path / 'a.db'}", store_url=store)


def with_a_file(client: Client, data: Path, name: str = "f") -> ArtifactVersion:
    draft = Artifact(name, "dataset", client=client)
    draft.add_dir(data)
    return client.log_artifact(draft)


def file_of(version: ArtifactVersion) -> str:
    return next(iter(version.entries())).uri.removeprefix("blob:sha256:")


def overwrite(blobs: BlobStore, sha256: str, data: bytes) -> None:
    if blobs.url.startswith("file:"):
        path = Path(blobs.url.removeprefix("file://")) / blob_key(sha256)
        path.chmod(0o644)
        path.write_bytes(data)
    else:
        blobs._objects.put(blobs._key(sha256), data)


def check(tmp_path: Path, *arguments: str) -> tuple[int, str]:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    result = CliRunner().invoke(main, ["registry", "check", "--registry", url, *arguments])
    return result.exit_code, result.output


def test_mend_21b_a_whole_store_is_fine(client: Client, data: Path, tmp_path: Path) -> None:
    client.ticket()
    assert client.check_registry().summary == "no blobs are needed"
    client.log("d", data)
    with_a_file(client, data)
    for deep in (False, True):
        report = client.check_registry(deep=deep)
        assert (report.ok, report.exit_code) == (True, 0)
        assert report.summary == "2 manifests intact, 1 file intact"
    assert check(tmp_path)[0] == 0


def test_mend_21b_what_is_lost_is_found_with_what_mends_it(
    client: Client, data: Path, tmp_path: Path
) -> None:
    lost = client.log("d", data)
    file = file_of(with_a_file(client, data))
    client.context.blobs.delete(lost.record.blob)
    client.context.blobs.delete(file)
    code, text = check(tmp_path, "--json")
    told = json.loads(text)
    assert (code, told["exit_code"], told["ok"]) == (6, 6, False)
    manifest, managed = told["problems"]
    assert (manifest["kind"], manifest["verdict"]) == ("manifest", "missing")
    assert (manifest["version"], manifest["sha256"]) == (lost.qualified_name, lost.record.blob)
    assert (managed["kind"], managed["path"], managed["sha256"]) == ("file", "a.txt", file)
    assert "Put the same file again" in managed["mend"]
    assert "Log the same content again" in check(tmp_path)[1]
    # What it tells to do mends it.
    client.log("d", data)
    with_a_file(client, data)
    assert client.check_registry(deep=True).ok


@pytest.mark.parametrize(("harm", "deep"), [(b"", False), (b"longer than a", False), (b"b", True)])
def test_mend_21b_what_is_damaged_is_found(
    client: Client, data: Path, harm: bytes, deep: bool
) -> None:
    version = with_a_file(client, data)
    overwrite(client.context.blobs, file_of(version), harm)
    assert client.check_registry().ok is deep
    (problem,) = client.check_registry(deep=True).problems
    assert (problem.kind, problem.verdict) == ("file", "damaged")
    manifest = client.log("d", data).record.blob
    overwrite(client.context.blobs, manifest, b"x" * client.context.blobs.stat(manifest).size)
    assert [row.kind for row in client.check_registry(deep=True).problems] == ["manifest", "file"]


def test_mend_21b_a_manifest_that_cannot_be_read_is_damaged(client: Client, data: Path) -> None:
    version = with_a_file(client, data)
    overwrite(
        client.context.blobs,
        version.record.blob,
        b"x" * client.context.blobs.stat(version.record.blob).size,
    )
    if client.context.blobs.url.startswith("file:"):
        assert client.check_registry().problems[0].verdict == "damaged"
    assert client.check_registry(deep=True).problems[0].verdict == "damaged"


def test_mend_21b_every_set_of_pins_partition_project_and_copy_counts(
    client: Client, data: Path, s3
) -> None:
    bucket = s3.bucket("Enabled")
    blobs = {}
    for _ in range(2):
        s3.put(bucket, "d/a.txt", b"a")
        client.log("d", f"s3://{bucket}/d/")
    for number, pins in enumerate(pins for pins, _ in client.pinned_manifests("d")):
        blobs[f"pins {number}"] = pins.blob
    blobs["partition"] = client.log("p", data, partition="may").record.blob
    blobs["project"] = client.log("elsewhere/p", data, aliases=["x"]).record.blob
    blobs["entity"] = client.log("somebody/else/p", data / "a.txt").record.blob
    source = with_a_file(client, data)
    copy = client.log("copy", source.uri)
    client.delete(source, delete_aliases=True)
    assert client.check_registry().ok
    client.context.blobs.delete(file_of(copy))
    (problem,) = client.check_registry().problems
    assert (problem.version, problem.path) == (copy.qualified_name, "a.txt")
    for blob in {*blobs.values()}:
        client.context.blobs.delete(blob)
        assert blob in {row.sha256 for row in client.check_registry().problems}


def test_mend_21b_deleted_versions_need_nothing(client: Client, data: Path) -> None:
    version = with_a_file(client, data)
    client.context.blobs.delete(file_of(version))
    client.context.blobs.delete(version.record.blob)
    client.delete(version, delete_aliases=True)
    assert client.check_registry(deep=True).ok


def test_mend_21b_problems_beyond_a_thousand_are_counted(tmp_path: Path) -> None:
    client = Client(f"sqlite:///{tmp_path / 'a.db'}")
    many = tmp_path / "many"
    many.mkdir()
    for number in range(1_100):
        (many / f"{number}").write_text(str(number))
    version = with_a_file(client, many)
    for entry in version.entries():
        client.context.blobs.delete(entry.uri.removeprefix("blob:sha256:"))
    report = client.check_registry()
    assert report.summary == "1 manifest intact, 1,100 files missing"
    assert len(report.problems) == 1_000


def test_mend_00_a_restored_older_database_whose_blobs_were_collected_is_found(
    tmp_path: Path, data: Path
) -> None:
    path = tmp_path / "a.db"
    client = Client(f"sqlite:///{path}")
    client.log("d", data)
    with closing(sqlite3.connect(path)) as one, closing(sqlite3.connect(tmp_path / "b")) as other:
        one.backup(other)
    client.delete("d", delete_aliases=True)
    client.gc(grace=NOW, dry_run=False)
    client.close()
    (tmp_path / "b").replace(path)
    code, text = check(tmp_path)
    assert code == 6
    assert "missing: manifest of default/uncategorized/d:v0" in text
    assert "from before a `landfast gc`, restore the store of that time as well" in text


def test_mend_21b_a_store_of_another_registry_is_said(tmp_path: Path, data: Path) -> None:
    store = str(tmp_path / "store")
    Client(f"sqlite:///{tmp_path / 'other.db'}", store_url=store).init_registry()
    from landfast.registry.opener import init_registry

    init_registry(f"sqlite:///{tmp_path / 'a.db'}", store)
    code, text = check(tmp_path)
    assert code == 6
    assert "belongs to another registry" in text


def test_mend_21c_a_deleted_version_comes_back(client: Client, data: Path, tmp_path: Path) -> None:
    version = with_a_file(client, data)
    client.update(version, add_tags=["kept"])
    client.delete("f", delete_aliases=True)
    client.gc(dry_run=False)
    url = f"sqlite:///{tmp_path / 'a.db'}"
    result = CliRunner().invoke(main, ["undelete", "f:v0", "--registry", url])
    assert (result.exit_code, result.output) == (0, "default/uncategorized/f:v0 is back\n")
    client.gc(grace=NOW, dry_run=False)
    assert client.check_registry(deep=True).ok
    assert client.get("f:latest").version == "v0"
    assert client.get("f").tags == ("kept",)
    assert [change.kind for change in client.changes()][-1] == "returned"
    assert client.undelete("f:v0").version == "v0"


def test_mend_21c_latest_stays_where_it_is_if_it_names_something(
    client: Client, data: Path
) -> None:
    client.log("d", data)
    (data / "b.txt").write_bytes(b"b")
    client.log("d", data)
    client.delete("d:v1", delete_aliases=True)
    assert client.undelete("d:v1").aliases == ()
    assert client.get("d").version == "v0"


def test_mend_21c_what_was_collected_or_logged_again_stays_deleted(
    client: Client, data: Path
) -> None:
    client.log("d", data)
    client.delete("d", delete_aliases=True)
    assert client.log("d", data).version == "v1"
    with pytest.raises(Conflict, match=r"logged again since: found default/uncategorized/d:v1"):
        client.undelete("d:v0")
    with_a_file(client, data)
    client.delete("f", delete_aliases=True)
    client.gc(grace=NOW, dry_run=False)
    with pytest.raises(NotFound, match="was garbage-collected"):
        client.undelete("f:v0")
    assert not client.versions("f")
    with pytest.raises(InvalidInput, match="with a number"):
        client.undelete("f")
    with pytest.raises(NotFound):
        client.undelete("f:v7")


def test_mend_21c_a_managed_file_that_is_lost_keeps_a_version_deleted(
    client: Client, data: Path
) -> None:
    version = with_a_file(client, data)
    client.delete("f", delete_aliases=True)
    client.context.blobs.delete(file_of(version))
    with pytest.raises(NotFound, match=r"the managed file a\.txt was garbage-collected"):
        client.undelete("f:v0")


def test_mend_21c_a_version_past_its_time_is_kept_once_it_is_back(
    client: Client, data: Path
) -> None:
    client.log("d", data, ttl=timedelta(seconds=1))
    (data / "b.txt").write_bytes(b"b")
    client.log("d", data)
    from datetime import UTC, datetime

    client.registry.expire(datetime.now(UTC) + timedelta(hours=1), dry_run=False)
    with closing(sqlite3.connect(client.registry_info.database)) as connection:
        connection.execute(
            "UPDATE versions SET expires_at = '2000-01-01 00:00:00.000000' WHERE expires_at IS NOT NULL"
        )
        connection.commit()
    client.undelete("d:v0")
    client.gc(dry_run=False)
    assert [version.version for version in client.versions("d")] == ["v1", "v0"]
