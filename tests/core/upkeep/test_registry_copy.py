"""A registry is copied whole to another database and store, or not at all, and goes on there as it was."""

from __future__ import annotations

import itertools
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from landfast import Client
from landfast.cli import main
from landfast.errors import (
    AccessDenied,
    Conflict,
    InvalidInput,
    LandfastError,
    NotFound,
    Unavailable,
)
from landfast.registry.copy.rows import RULES
from landfast.registry.copy.target import Target
from landfast.registry.opener import init_registry
from landfast.registry.schema.tables import metadata
from landfast.upkeep.blob_copy import BlobCopier

from tests.core.upkeep.rich_registry import PROJECT, answers, can_go_on, fill, short_chains

Place = tuple[str, str | None]


@pytest.fixture
def place(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_server: Any
) -> Callable[..., Place]:
    """Name places for a registry: a kind of database, and one of a store."""
    made: list[str] = []

    def name(database: str, store: str, label: str) -> Place:
        url = f"sqlite:///{tmp_path / label}.db"
        if database == "postgresql":
            url = postgres_server.create()
            made.append(url)
        stores: dict[str, Callable[[], str | None]] = {
            "beside": lambda: None,
            "folder": lambda: str(tmp_path / f"{label} store"),
            "s3": lambda: f"s3://{request.getfixturevalue('s3').bucket()}/{label}",
            "gs": lambda: f"gs://{request.getfixturevalue('gcs').bucket()}/{label}",
        }
        return url, stores[store]()

    yield name
    for url in made:
        postgres_server.drop(url)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (("sqlite", "beside"), ("postgresql", "s3")),
        pytest.param(("postgresql", "s3"), ("postgresql", "gs"), marks=pytest.mark.system),
        pytest.param(("postgresql", "gs"), ("sqlite", "folder"), marks=pytest.mark.system),
        pytest.param(("sqlite", "folder"), ("sqlite", "s3"), marks=pytest.mark.system),
    ],
    ids=str,
)
def test_a_copy_answers_every_question_as_its_source_did(
    source: tuple[str, str],
    target: tuple[str, str],
    place: Callable[..., Place],
    s3: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    short_chains(monkeypatch.setattr)
    (old, old_store), (new, new_store) = place(*source, "old"), place(*target, "new")
    init_registry(old, old_store)
    files = tmp_path / "files"
    files.mkdir()
    client = Client(old, project=PROJECT)
    content = fill(client, s3, s3.bucket("Enabled"), files)
    before = answers(client, old)
    assert len(before) > 150

    report = client.copy_registry(new, store=new_store)

    copy = Client(new, project=PROJECT)
    assert report.id == copy.registry.info.id == client.registry.info.id
    filled = {one.table for one in report.tables if one.rows}
    assert filled == set(metadata.tables) - {"registry"}, "fill every table, else this shows less"
    assert report.blobs.copied == report.blobs.read_back > 5
    after = answers(copy, new)
    for question, answer in before.items():
        assert after[question] == answer, question
    assert after.keys() == before.keys()
    assert client.get("raw").record == copy.get("raw").record, "reading goes on at the old place"
    can_go_on(copy, tmp_path, content)


def test_every_table_has_a_rule() -> None:
    assert set(RULES) == set(metadata.tables), "say in RULES what becomes of the new table's rows"


@pytest.fixture
def source(tmp_path: Path, data: Path) -> Client:
    """A registry in a file, with a version."""
    client = Client(f"sqlite:///{tmp_path / 'old.db'}", project=PROJECT)
    client.log("raw", data)
    return client


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("a")
    return tmp_path / "data"


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def still_writes(client: Client) -> None:
    client.promote("raw:v0", f"alias{client.head()}")


def test_a_dry_run_says_what_would_be_copied_and_writes_nothing(
    source: Client, tmp_path: Path
) -> None:
    url = url_of(tmp_path / "new.db")
    source.close()
    before = sorted(tmp_path.iterdir())
    plan = source.copy_registry(url, dry_run=True)
    assert sorted(tmp_path.iterdir()) == before
    still_writes(source)
    done = source.copy_registry(url)
    assert {one.table for one in plan.tables} == {one.table for one in done.tables}
    assert (plan.blobs.copied, plan.blobs.copied_bytes) == (
        done.blobs.copied,
        done.blobs.copied_bytes,
    )
    assert (plan.dry_run, plan.already, plan.id) == (True, False, done.id)


def test_the_old_place_refuses_writers_by_name_of_the_new_one_until_it_is_taken_back(
    source: Client, data: Path, tmp_path: Path
) -> None:
    long_open = Client(url_of(tmp_path / "old.db"), project=PROJECT)
    long_open.ticket()
    new = url_of(tmp_path / "new.db")
    source.copy_registry(new)
    (data / "a.txt").write_text("b")
    for client in (long_open, source, Client(url_of(tmp_path / "old.db"), project=PROJECT)):
        for write in (
            client.ticket,
            lambda client=client: client.log("raw", data),
            lambda client=client: client.promote("raw:v0", "prod"),
            lambda client=client: client.delete("raw:v0", delete_aliases=True),
            lambda client=client: client.begin_run(name="x"),
        ):
            with pytest.raises(AccessDenied, match=f"was moved to {new}"):
                write()
    assert source.get("raw").version == "v0"
    assert source.registry_info.moved_to == new
    with pytest.raises(Conflict, match=f"landfast registry copy {new} TO"):
        source.copy_registry(url_of(tmp_path / "third.db"))
    assert source.adopt_store().moved_to is None
    still_writes(long_open)


def test_reading_at_the_old_place_says_once_that_it_is_old(source: Client, tmp_path: Path) -> None:
    source.copy_registry(url_of(tmp_path / "new.db"))
    result = CliRunner().invoke(
        main, ["get", "vision/raw", "--registry", url_of(tmp_path / "old.db")]
    )
    assert result.exit_code == 0, result.output
    assert result.stderr.count("what is read here is as it was then") == 1
    assert "the use of this version is not recorded" in result.stderr


def test_what_is_at_the_target_already_is_never_touched(
    source: Client, data: Path, tmp_path: Path, postgres_url: str
) -> None:
    other = Client(url_of(tmp_path / "other.db"), project=PROJECT)
    other.log("mine", data)
    with pytest.raises(Conflict, match=r"a registry is at .*other\.db already"):
        source.copy_registry(url_of(tmp_path / "other.db"))
    with pytest.raises(Conflict, match=r"a registry is at .*old\.db already"):
        source.copy_registry(url_of(tmp_path / "old.db"))
    taken = str(tmp_path / "other.blobs")
    with pytest.raises(Conflict, match="belongs to another registry"):
        source.copy_registry(url_of(tmp_path / "new.db"), store=taken)
    with pytest.raises(Conflict, match="belongs to another registry"):
        source.copy_registry(url_of(tmp_path / "new.db"), store=taken, dry_run=True)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE runs (id INT)")
    with pytest.raises(Conflict, match=r"a database of something else.*'runs'"):
        source.copy_registry(postgres_url, store=str(tmp_path / "new"))
    assert [one.name for one in other.collections()] == ["mine"]
    still_writes(source)


def test_a_store_has_to_be_named_where_none_follows(
    source: Client, tmp_path: Path, postgres_url: str
) -> None:
    with pytest.raises(InvalidInput, match="--store URL"):
        source.copy_registry(postgres_url)
    init_registry(url_of(tmp_path / "named.db"), str(tmp_path / "named"))
    named = Client(url_of(tmp_path / "named.db"))
    with pytest.raises(InvalidInput, match="a fork needs a store of its own"):
        named.copy_registry(url_of(tmp_path / "new.db"), store=str(tmp_path / "named"), fork=True)


def test_a_store_that_stays_belongs_to_the_new_place(
    data: Path, tmp_path: Path, postgres_url: str
) -> None:
    store = str(tmp_path / "store")
    init_registry(url_of(tmp_path / "old.db"), store)
    source = Client(url_of(tmp_path / "old.db"))
    version = source.log("raw", data)
    report = source.copy_registry(postgres_url)
    assert report.blobs.kept
    copy = Client(postgres_url)
    (data / "a.txt").write_text("b")
    assert copy.log("raw", data).version == "v1"
    assert copy.get("raw:v0") == version
    with pytest.raises(AccessDenied, match="was moved to"):
        source.log("raw", data)
    # Going back is a copy like any other.
    with pytest.raises(Conflict, match="already"):
        copy.copy_registry(url_of(tmp_path / "old.db"))
    copy.copy_registry(url_of(tmp_path / "back.db"))
    assert Client(url_of(tmp_path / "back.db")).get("raw").version == "v1"


def test_no_password_is_left_at_the_old_place(
    source: Client, tmp_path: Path, postgres_url: str
) -> None:
    secret = postgres_url.replace("postgres@", "postgres:hunter2@")
    report = source.copy_registry(secret, store=str(tmp_path / "new"), skip_proven=True)
    assert "hunter2" not in str(report.to_dict())
    assert (report.blobs.copied, report.blobs.read_back) == (1, 0)
    with pytest.raises(AccessDenied) as refusal:
        source.ticket()
    assert "hunter2" not in str(refusal.value)
    assert report.target in str(refusal.value)
    source.close()
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"hunter2" not in path.read_bytes(), path


def test_a_fork_is_another_registry_and_its_source_goes_on(
    source: Client, data: Path, tmp_path: Path
) -> None:
    url = url_of(tmp_path / "trial.db")
    report = source.copy_registry(url, fork=True)
    copy = Client(url, project=PROJECT)
    assert report.id == copy.registry_info.id != source.registry_info.id
    still_writes(source)
    source.delete("raw:v0", delete_aliases=True)
    source.gc(grace=timedelta(0), dry_run=False)
    source.gc(grace=timedelta(0), dry_run=False)
    (data / "a.txt").write_text("b")
    assert copy.log("raw", data).version == "v1"
    assert copy.check_registry(deep=True).ok


def test_a_value_that_the_other_database_cannot_hold_is_said_and_writers_go_on(
    source: Client, tmp_path: Path, postgres_url: str
) -> None:
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        connection.execute("UPDATE collections SET description = 'a' || char(0) || 'b'")
        connection.commit()
    with pytest.raises(
        InvalidInput, match=r"a row of the table collections cannot be copied.*(NUL|0x00)"
    ):
        source.copy_registry(postgres_url, store=str(tmp_path / "new"))
    still_writes(source)
    with pytest.raises(NotFound):
        Client(postgres_url).registry.head()
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        connection.execute("UPDATE collections SET description = ''")
        connection.commit()
    assert source.copy_registry(postgres_url, store=str(tmp_path / "new")).blobs.present > 0


def test_what_an_earlier_run_left_is_read_and_mended(source: Client, tmp_path: Path) -> None:
    new = tmp_path / "new.blobs"
    source.copy_registry(url_of(tmp_path / "new.db"))
    source.adopt_store()
    (tmp_path / "new.db").unlink()
    (blob,) = (path for path in new.rglob("*") if len(path.name) == 64)
    size = blob.stat().st_size
    blob.chmod(0o644)
    blob.write_bytes(b"x" * size)
    report = source.copy_registry(url_of(tmp_path / "new.db"))
    assert (report.blobs.copied, report.blobs.read_back) == (1, 1)
    assert Client(url_of(tmp_path / "new.db")).check_registry(deep=True).ok


def test_a_damaged_blob_stops_the_copy_before_a_writer_is(source: Client, tmp_path: Path) -> None:
    (blob,) = (path for path in (tmp_path / "old.blobs").rglob("*") if len(path.name) == 64)
    blob.chmod(0o644)
    blob.write_bytes(b"damaged")
    with pytest.raises(LandfastError, match=blob.name):
        source.copy_registry(url_of(tmp_path / "new.db"))
    still_writes(source)


@pytest.mark.parametrize("step", ["os.open", "fcntl.flock"])
def test_a_copy_takes_a_folder_of_its_own_if_another_that_ends_removes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "copy.db"
    folder = path.with_name(".copy.db.copy")
    module, _, function = step.partition(".")
    do = getattr(sys.modules[module], function)

    def end_then_do(*arguments: Any, **options: Any) -> Any:
        monkeypatch.undo()
        folder.rmdir()
        return do(*arguments, **options)

    monkeypatch.setattr(step, end_then_do)
    Target(f"sqlite:///{path}").write(lambda tx: None)
    assert path.exists()
    assert not folder.exists()


def test_numbers_that_were_used_are_not_used_again(
    data: Path, tmp_path: Path, postgres_server: Any
) -> None:
    old, new = postgres_server.create(), postgres_server.create()
    init_registry(old, str(tmp_path / "old"))
    source = Client(old)
    source.log("raw", data)
    for _ in range(3):
        source.begin_run()
    with psycopg.connect(old, autocommit=True) as connection:
        (used,) = connection.execute("SELECT nextval('observations_id_seq')").fetchone()
    source.copy_registry(new, store=str(tmp_path / "new"))
    with psycopg.connect(new, autocommit=True) as connection:
        (following,) = connection.execute("SELECT nextval('observations_id_seq')").fetchone()
    assert following == used + 1


def test_writers_go_on_until_the_rows_are_copied_and_lose_nothing(
    source: Client, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a call returned is at the new place; the others were refused."""
    started, logged, refused = threading.Event(), [], []

    def write() -> None:
        mine = Client(url_of(tmp_path / "old.db"), project=PROJECT)
        folder = tmp_path / "mine"
        folder.mkdir()
        for turn in itertools.count():
            (folder / "file").write_text(f"turn {turn}")
            try:
                logged.append(mine.log("mine", folder).digest)
            except (AccessDenied, Unavailable) as error:
                refused.append(error)
                return
            if turn == 2:
                started.set()

    writer = threading.Thread(target=write)
    copy_listed = BlobCopier.copy_listed

    def while_another_writes(self: BlobCopier, *given: Any) -> None:
        copy_listed(self, *given)
        writer.start()
        assert started.wait(60)

    monkeypatch.setattr(BlobCopier, "copy_listed", while_another_writes)
    source.copy_registry(url_of(tmp_path / "new.db"))
    writer.join(60)
    copy = Client(url_of(tmp_path / "new.db"), project=PROJECT)
    assert [version.digest for version in copy.versions("mine")] == logged[::-1]
    assert len(logged) > 2
    assert refused
    assert copy.check_registry(deep=True).ok
