"""What DataChain wrote comes over as it was: datasets, versions, the files that rows are about, and their pins."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from landfast import Client, ImportState, InvalidInput, NotFound
from landfast.errors import Conflict

from tests.core.migrate.conftest import Recorded, files


@pytest.fixture
def root(recorded: Recorded) -> Path:
    """A folder with a database of DataChain."""
    return recorded("datachain") / "root"


@pytest.fixture
def files_alone(copied: Recorded) -> Path:
    """The same, without the objects."""
    return copied("datachain") / "root"


@pytest.fixture
def change(files_alone: Path) -> Callable[..., None]:
    """Change the database: `change(statement, *values)`."""

    def run(statement: str, *values: object) -> None:
        with closing(sqlite3.connect(files_alone / ".datachain/db")) as database, database:
            database.execute(statement, values)

    return run


def test_versions_come_over_in_their_order(client: Client, root: Path) -> None:
    report = client.import_from("datachain", root)
    found = [(each.theirs, str(each.name), each.state, each.verified) for each in report.versions]
    assert found == [
        ("mnist:1.0.0", "default/uncategorized/mnist:v0", "created", "4 intact"),
        (
            "mnist:1.0.1",
            "default/uncategorized/mnist:v1",
            "created",
            "3 intact, 1 overwritten, 1 deleted",
        ),
        ("mnist:1.0.2", "default/uncategorized/mnist:v0", "returned", "4 intact"),
        ("words:1.0.0", "default/uncategorized/words", "empty", ""),
    ]
    assert report.versions[-1].notes == ("its other columns stay behind: word",)
    assert report.exit_code == 0
    first = client.get("mnist:v0")
    assert {"checked", "datachain-1.0.0", "datachain-1.0.2"} <= set(first.tags)
    assert first.description == "digits"
    assert all(entry.modified_at for entry in first.entries())


def test_an_old_version_is_downloaded_by_its_pins(
    client: Client, root: Path, tmp_path: Path
) -> None:
    client.import_from("datachain", root, verify=False)
    client.download("mnist:v1", tmp_path / "there")
    assert files(tmp_path / "there") == {
        "mnist/a b%20+ü.txt": b"odd",
        "mnist/labels.csv": b"0,1,2\n",
        "mnist/train/0.png": b"zero",
        "mnist/train/1.png": b"one",
        "mnist/train/2.png": b"two",
    }


def test_importing_again_adds_nothing(client: Client, root: Path) -> None:
    client.import_from("datachain", root, verify=False)
    position = client.head()
    again = client.import_from("datachain", root, verify=False)
    assert {each.state for each in again.versions} == {ImportState.PRESENT, ImportState.EMPTY}
    assert client.head() == position


def test_the_database_itself_and_what_is_above_it_are_the_same(
    client: Client, files_alone: Path
) -> None:
    seen = [
        client.import_from("datachain", place, dry_run=True).versions
        for place in (
            files_alone.parent,
            files_alone,
            files_alone / ".datachain",
            files_alone / ".datachain/db",
        )
    ]
    assert all(each == seen[0] for each in seen)


TABLE = "ds_local_local_mnist_1_0_0"


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("path", "../x", "stays under"),
        ("path", None, "no path"),
        ("path", b"\xff", "UTF-8"),
        ("size", -1, "size"),
        ("size", "many", "size"),
        ("source", "az://c", "az://, which cannot be imported"),
        ("source", None, "no source"),
        ("version", b"\xff", "version"),
        ("last_modified", "yesterday", "ISO 8601"),
        ("location", '[{"vtype": "tar"}]', "part of another file"),
    ],
)
def test_a_row_that_cannot_come_over_is_named(
    client: Client,
    files_alone: Path,
    change: Callable[..., None],
    column: str,
    value: object,
    reason: str,
) -> None:
    change(f"UPDATE {TABLE} SET file__{column} = ? WHERE sys__id = 1", value)
    with pytest.raises(InvalidInput, match=reason):
        client.import_from("datachain", files_alone)
    report = client.import_from("datachain", files_alone, dry_run=True)
    assert [each.left_out_count for each in report.versions] == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("statement", "error", "found"),
    [
        ("UPDATE meta SET schema_version = 2", InvalidInput, "another schema: expected 1, found 2"),
        ("DELETE FROM meta", InvalidInput, "another schema"),
        ("DROP TABLE meta", Conflict, "cannot be read as a database of DataChain"),
        ("DROP TABLE projects", Conflict, "cannot be read as a database of DataChain"),
        (f"DROP TABLE {TABLE}", NotFound, f"a table {TABLE}"),
        ("UPDATE datasets SET attrs = '{'", Conflict, "cannot be read as a database of DataChain"),
        ("UPDATE datasets SET attrs = '{}'", Conflict, "attrs that are no list"),
        ("DELETE FROM datasets_versions", NotFound, "no datasets"),
        ("UPDATE datasets_versions SET created_at = 'x'", InvalidInput, "ISO 8601"),
    ],
)
def test_a_database_that_is_none_is_a_typed_error(
    client: Client,
    files_alone: Path,
    change: Callable[..., None],
    statement: str,
    error: type[Exception],
    found: str,
) -> None:
    change(statement)
    with pytest.raises(error, match=found):
        client.import_from("datachain", files_alone)


def test_a_damaged_database_is_a_conflict(client: Client, files_alone: Path) -> None:
    file = files_alone / ".datachain/db"
    whole = file.read_bytes()
    for data in (b"", b"no database at all" * 100, whole[:4096], whole[: len(whole) // 2]):
        file.write_bytes(data)
        with pytest.raises((Conflict, NotFound)):
            client.import_from("datachain", files_alone)


def test_what_is_not_complete_is_not_imported(
    client: Client, files_alone: Path, change: Callable[..., None]
) -> None:
    change("UPDATE datasets_versions SET status = 3 WHERE version = '1.0.1'")
    report = client.import_from("datachain", files_alone, dry_run=True)
    assert [each.theirs for each in report.versions] == [
        "mnist:1.0.0",
        "mnist:1.0.2",
        "words:1.0.0",
    ]
