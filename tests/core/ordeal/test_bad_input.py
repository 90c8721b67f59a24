"""What goes wrong on the command line is one line that says what to do, and an exit code; never a traceback."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kit.confined import mount_disk, obey_permissions
from kit.servers.moto import Moto
from kit.servers.process import free_port
from landfast.registry.database import filesystem


def refused(done: subprocess.CompletedProcess[str], code: int, *says: str) -> str:
    """Check that a command failed as it should, and return its one line."""
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert done.stderr.startswith("landfast: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    for text in says:
        assert text in done.stderr, done.stderr
    return done.stderr


@pytest.fixture
def here(machine: Callable[..., Any]) -> Any:
    """A machine with a folder to log and a registry of its own."""
    made = machine("here")
    data = made.work / "d"
    data.mkdir()
    (data / "file").write_text("content")
    made.environment["LANDFAST_REGISTRY_URL"] = f"sqlite:///{made.folder / 'r' / 'registry.db'}"
    return made


@pytest.fixture
def logged(here: Any) -> Any:
    """The same with a version of managed files."""
    done = here.cli("put", "d", "--name", "data")
    assert done.returncode == 0, done.stderr
    return here


# What the caller wrote


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["put", "nosuch://bucket/x", "-n", "d"], 2, ["nosuch://", "s3", "file"]),
        (["put", "s3://", "-n", "d"], 2, ["s3://", "bucket"]),
        (["put", "d", "-n", "two words"], 2, ["two words", "expected"]),
        (["put", "d", "-n", "a/b/c/d"], 2, ["a/b/c/d"]),
        (["put", "d", "-n", "d:v7"], 2, ["registry chooses the numbers"]),
        (["put", "d", "-n", "d", "--partition", "x" * 1025], 2, ["1024", "partition"]),
        (["put", "d", "-n", "d~p", "--partition", "q"], 11, ["d~p", "'q'"]),
        (["put", "d", "-n", "d", "--alias", "v3"], 2, ["v3"]),
        (["put", "d", "-n", "d", "--type", "a type"], 2, ["a type"]),
        (["put", "d", "-n", "d", "--metadata", "[1]"], 2, ["--metadata", "JSON object"]),
        (["put", "--reference", "d", "-n", "d", "--max-objects", "0"], 2, ["--max-objects"]),
        (["put", "--reference", "d", "-n", "d", "--checksum", "rot13"], 2, ["rot13", "sha256"]),
        (["put", "--reference", "d", "-n", "d", "--include", "["], 10, ["d/"]),
        (["put", "missing", "-n", "d"], 10, ["missing"]),
        (["put", "--reference", "missing", "-n", "d"], 10, ["missing"]),
        (["get", "a:b:c"], 2, ["a:b:c"]),
        (["show", "d@lf1:xyz"], 2, ["lf1:"]),
        (["snapshot", "--config", "none.yaml"], 10, ["none.yaml"]),
        (["ls", "--registry", "oracle://h/x"], 2, ["oracle", "sqlite:///PATH", "postgresql://"]),
        (["ls", "--registry", "registry.db"], 2, ["sqlite:///PATH"]),
        (["ls", "--project", "my project"], 2, ["my project"]),
    ],
    ids=lambda given: " ".join(given)[:40] if isinstance(given, list) else None,
)
def test_what_makes_no_sense_is_refused(
    here: Any, words: list[str], code: int, says: list[str]
) -> None:
    refused(here.cli(*words), code, *says)


def test_nothing_is_stored_beyond_the_limit(here: Any) -> None:
    (here.work / "d" / "second").write_text("more")
    done = here.cli("put", "--reference", "d", "-n", "d", "--max-objects", "1")
    refused(done, 14, "at most 1", "Give --max-objects (or LANDFAST_MAX_OBJECTS)")
    assert "d" not in here.cli("ls").stdout


def test_a_traceback_is_for_who_asks(here: Any) -> None:
    done = here.cli("get", "nothing", "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "NotFound" in done.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("project = ", ["landfast.toml", "TOML"]),
        ('projekt = "x"\n', ["projekt", "project"]),
        ('project = "my project"\n', ["my project"]),
        ("max_objects = -1\n", ["landfast.toml", "-1", "unlimited"]),
        ('cache_size = "big"\n', ["big", "500 MB"]),
        ('options = "x"\n', ["options", "mapping"]),
        ('options = {"s3://b/" = 1}\n', ["options"]),
        ("registry_url = 5\n", ["registry_url"]),
    ],
)
def test_bad_settings_name_the_file_and_the_setting(here: Any, text: str, says: list[str]) -> None:
    (here.work / "landfast.toml").write_text(text)
    refused(here.cli("ls", LANDFAST_REGISTRY_URL=""), 2, *says)


def test_bad_variables_are_named(here: Any) -> None:
    refused(here.cli("ls", LANDFAST_MAX_OBJECTS="many"), 2, "LANDFAST_MAX_OBJECTS", "many")
    refused(here.cli("put", "d", "-n", "d", LANDFAST_RUN="?"), 2, "LANDFAST_RUN")
    (here.work / "snapshots.yaml").write_text("snapshots: [")
    refused(here.cli("snapshot", "--config", "snapshots.yaml"), 2, "snapshots.yaml")


# What is in the way


def test_damaged_manifests_are_named(logged: Any) -> None:
    store = logged.folder / "r" / "registry.blobs"
    manifest = next(p for p in store.rglob("*") if p.is_file() and p.read_bytes()[:4] == b"PAR1")
    whole = manifest.read_bytes()
    manifest.chmod(0o644)
    for damage in (b"", b"garbage", whole[:-10], whole[: len(whole) // 2]):
        manifest.write_bytes(damage)
        refused(logged.cli("get", "data"), 11, manifest.name, "manifest")
    for place in range(4, len(whole), len(whole) // 5):
        manifest.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        refused(logged.cli("get", "data"), 11, manifest.name)
    manifest.unlink()
    refused(logged.cli("get", "data"), 10, manifest.name)


def test_a_newer_registry_says_how_to_upgrade(logged: Any) -> None:
    with closing(sqlite3.connect(logged.folder / "r" / "registry.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.execute("UPDATE registry SET oldest_writer = '99.0'")
        database.commit()
        assert logged.cli("get", "data", "--no-use").returncode == 0  # it may read
        says = ["99.0", "pip install --upgrade landfast"]
        refused(logged.cli("put", "d", "--name", "data"), 11, "write", *says)
        database.execute("UPDATE registry SET oldest_reader = '99.0'")
        database.commit()
        refused(logged.cli("ls"), 11, "read", *says)


def test_a_file_that_is_no_registry_is_left_alone(here: Any) -> None:
    place = here.work / "thesis.db"
    place.write_text("not a database, but a thesis. " * 50)
    refused(here.cli("ls", "--registry", f"sqlite:///{place}"), 11, "thesis.db", "not a")
    assert place.read_text().startswith("not a database")
    refused(here.cli("ls", "--registry", f"sqlite:///{here.work}"), 11, "is not a file")


@pytest.mark.parametrize("words", ["get nothing", "get nothing:v1", "run show nothing"])
def test_what_is_not_there_is_named(logged: Any, words: str) -> None:
    refused(logged.cli(*words.split()), 10, "nothing")


def test_places_that_cannot_be_written_are_named(logged: Any) -> None:
    cli = partial(logged.cli, prepare=obey_permissions)
    folder = logged.folder / "r"
    (logged.work / "d" / "file").write_text("other content")
    (folder / "registry.db").chmod(0o444)
    refused(cli("put", "d", "--name", "data"), 13, "permission to write", "registry.db")
    folder.chmod(0o555)
    refused(cli("put", "d", "--name", "data"), 13, "permission to write", "registry.db")
    new = f"sqlite:///{folder / 'sub' / 'new.db'}"
    refused(
        cli("put", "d", "--name", "data", "--registry", new), 13, "permission to write", str(folder)
    )
    (folder / "registry.db").chmod(0o000)
    refused(cli("ls"), 13, "permission to read", "registry.db")
    (folder / "registry.db").chmod(0o600)
    folder.chmod(0o755)
    for left in (folder / "registry.db-wal", folder / "registry.db-shm"):
        left.write_bytes(bytes(32_768))
        left.chmod(0o444)  # as SQLite makes them for one who may only read the file
    refused(cli("put", "d", "--name", "data"), 13, "permission to write", "registry.db-")
    for left in (folder / "registry.db-wal", folder / "registry.db-shm"):
        left.chmod(0o600)

    closed = logged.folder / "closed"
    closed.mkdir(mode=0o555)
    refused(cli("get", "data", "--root", str(closed / "target")), 13, str(closed), "permission")
    assert cli("get", "data", LANDFAST_CACHE_DIR=str(closed / "cache")).returncode == 0
    for blobs in [folder / "registry.blobs", *(folder / "registry.blobs").rglob("*")]:
        blobs.chmod(0o555)
    refused(cli("put", "d", "--name", "data"), 13, str(folder / "registry.blobs"), "permission")
    (logged.work / "d" / "file").chmod(0o000)
    refused(cli("put", "--reference", "d", "--name", "data"), 13, "d/file", "may not be read")


@pytest.fixture
def may_mount() -> None:
    if subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("mounting is not permitted here")


@pytest.mark.usefixtures("may_mount")
def test_full_disks_are_named(here: Any) -> None:
    (here.work / "d" / "large").write_bytes(b"x" * 2_000_000)
    full = here.folder / "full"
    full.mkdir()

    def cli(size: int, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        done: subprocess.CompletedProcess[str] = here.cli(
            *words, prepare=partial(mount_disk, full, size), **more
        )
        return done

    new = f"sqlite:///{full / 'registry.db'}"
    refused(cli(64 << 10, "put", "d", "-n", "d", "--registry", new), 15, "full", "Free")
    refused(cli(1 << 20, "put", "d", "-n", "d", "--registry", new), 15, "No space left", "Free")
    assert here.cli("put", "d", "-n", "d").returncode == 0
    got = cli(1 << 20, "get", "d", "--root", str(full / "target"))
    refused(got, 15, str(full), "No space left", "Free")
    temporary = cli(4 << 10, "put", "--reference", "d", "-n", "e", TMPDIR=str(full))
    refused(temporary, 15, str(full), "No space left")
    cached = cli(1 << 20, "get", "d", "--root", "fine", LANDFAST_CACHE_DIR=str(full))
    assert cached.returncode == 0, cached.stderr


@pytest.mark.usefixtures("may_mount")
def test_read_only_disks_are_named(here: Any) -> None:
    closed = here.folder / "closed"
    closed.mkdir()
    prepare = partial(mount_disk, closed, 1 << 20, read_only=True)
    assert here.cli("put", "d", "-n", "d").returncode == 0
    got = here.cli("get", "d", "--root", str(closed / "target"), prepare=prepare)
    refused(got, 13, str(closed), "read-only")
    new = f"sqlite:///{closed / 'registry.db'}"
    made = here.cli("put", "d", "-n", "d", "--registry", new, prepare=prepare)
    refused(made, 13, str(closed), "Read-only")


def test_sqlite_on_a_network_filesystem_names_the_way_out(here: Any, tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nnas:/x {here.work} nfs4 rw 0 0\n")
    words = ("put", "d", "-n", "d", "--registry", f"sqlite:///{here.work / 'registry.db'}")
    cli = partial(here.cli, *words, prepare=partial(see_mounts, mounts))
    says = ("nfs4", "postgresql://", "LANDFAST_ALLOW_NETWORK_SQLITE=1")
    refused(cli(), 11, *says)
    assert cli(LANDFAST_ALLOW_NETWORK_SQLITE="1").returncode == 0


def see_mounts(table: Path) -> None:
    """Take a file for the table of mounts."""
    filesystem._MOUNTS = table


# What is missing


@pytest.mark.parametrize(
    ("module", "words", "extra"),
    [
        ("boto3", ["put", "s3://bucket/x/", "-n", "d"], "s3"),
        ("google.cloud.storage", ["put", "gs://bucket/x/", "-n", "d"], "gcs"),
        ("psycopg", ["ls", "--registry", "postgresql://h/x"], "postgres"),
        ("moto", ["demo"], "demo"),
        ("sklearn", ["demo"], "demo"),
    ],
)
def test_a_missing_extra_names_the_command(
    here: Any, module: str, words: list[str], extra: str
) -> None:
    program = f"import sys; sys.modules[{module!r}] = None; from landfast.cli import main; main()"
    refused(here.python("-c", program, *words), 17, f"pip install 'landfast[{extra}]'")


def test_no_credentials_says_where_they_are_looked_for(here: Any) -> None:
    server = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}", "AWS_REGION": "us-east-1"}
    refused(here.cli("put", "s3://bucket/x/", "-n", "d", **server), 13, "credentials")
    refused(here.cli("put", "gs://bucket/x/", "-n", "d"), 13, "credentials")


def test_a_missing_permission_is_named(here: Any, s3_proxy: Any) -> None:
    from kit.servers.faults import Status

    bucket = s3_proxy.direct.bucket()
    s3_proxy.direct.put(bucket, "x/y", b"z")
    here.environment.update(s3_proxy.environment())
    assert here.cli("put", f"s3://{bucket}/x/", "-n", "d").returncode == 0
    s3_proxy.proxy.inject(Status(status=403))
    refused(here.cli("put", f"s3://{bucket}/x/", "-n", "d"), 13, "s3:ListBucket", bucket)
    refused(here.cli("get", "d"), 13, "s3:GetObject", bucket)


def test_missing_buckets_and_prefixes_are_named(here: Any, s3: Moto) -> None:
    here.environment.update(s3.environment())
    bucket = s3.bucket("Enabled")
    refused(here.cli("put", f"s3://{bucket}/x/", "-n", "d"), 10, f"s3://{bucket}/x/")
    refused(here.cli("put", "s3://no-such-bucket/x/", "-n", "d"), 10, "no-such-bucket")


# PostgreSQL


def test_databases_that_do_not_answer_are_named(here: Any) -> None:
    url = f"postgresql://ann:hunter2@127.0.0.1:{free_port()}/x"
    line = refused(here.cli("ls", "--registry", url), 15, "ann:***@127.0.0.1", "refused")
    assert "hunter2" not in line
    refused(here.cli("ls", "--registry", "postgresql://h:port/x"), 2, "@HOST:PORT/DATABASE")


def test_databases_that_refuse_are_named(
    here: Any, postgres_url: str, with_password: Callable[..., str]
) -> None:
    right = with_password(postgres_url, "right")
    wrong = right.replace(":right@", ":wrong@")
    line = refused(here.cli("ls", "--registry", wrong), 13, "password authentication failed")
    assert ":***@" in line
    assert ":wrong@" not in line
    refused(here.cli("ls", "--registry", right), 10, "landfast registry init")
    store = str(here.folder / "store")
    init = here.cli("registry", "init", right, "--store", store)
    refused(init, 13, "permission denied")
    nowhere = f"{postgres_url.rpartition('/')[0]}/nowhere"
    refused(here.cli("ls", "--registry", nowhere), 10, "does not exist", "Create the database")
