"""The file of a SQLite registry is removed, renamed or replaced under a client that has it open."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from landfast import Client
from landfast.errors import Conflict, NotFound, Unavailable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "place"
    found.mkdir()
    return found


@pytest.fixture
def client(folder: Path) -> Iterator[Client]:
    client = Client(f"sqlite:///{folder / 'registry.db'}", project="vision")
    client.log("first", data(folder, "a"))
    yield client
    client.close()


def data(folder: Path, text: str) -> Path:
    file = folder.parent / "data"
    file.write_text(text)
    return file


def back_up(folder: Path, name: str = "copy.db") -> Path:
    target = folder / name
    with (
        closing(sqlite3.connect(folder / "registry.db")) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
    return target


def remove(folder: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        (folder / f"registry.db{suffix}").unlink(missing_ok=True)


def restore(folder: Path, copy: Path) -> None:
    remove(folder)
    copy.rename(folder / "registry.db")


def test_a_removed_file_is_an_error_that_names_it_and_makes_none(
    client: Client, folder: Path
) -> None:
    remove(folder)
    for act in (
        lambda: client.log("second", data(folder, "b")),
        lambda: client.get("first"),
        lambda: list(client.versions("first")),
        lambda: client.promote("first:v0", "prod"),
    ):
        with pytest.raises(Unavailable, match=r"registry\.db was removed or renamed") as caught:
            act()
        assert caught.value.hint is not None
        assert "backup" in caught.value.hint
    assert not (folder / "registry.db").exists()


def test_a_renamed_folder_is_an_error_until_it_is_back(client: Client, folder: Path) -> None:
    elsewhere = folder.with_name("elsewhere")
    folder.rename(elsewhere)
    with pytest.raises(Unavailable, match="removed or renamed"):
        client.promote("first:v0", "prod")
    assert not folder.exists()
    elsewhere.rename(folder)
    client.promote("first:v0", "prod")
    assert client.get("first:prod").version == "v0"


def test_a_restored_backup_is_used_from_then_on(client: Client, folder: Path) -> None:
    copy = back_up(folder)
    client.log("lost", data(folder, "b"))
    restore(folder, copy)
    with pytest.raises(NotFound):
        client.get("lost")
    client.log("kept", data(folder, "c"))
    with closing(Client(client.registry.info.url, project="vision")) as other:
        assert sorted(found.name for found in other.collections()) == ["first", "kept"]


def test_a_restored_backup_serves_a_list_that_was_begun(client: Client, folder: Path) -> None:
    for number in range(300):
        client.log(f"n{number:03}", data(folder, str(number)), partition="x")
    rows = client.registry.changes()
    next(iter(rows))
    restore(folder, back_up(folder))
    assert len(list(rows)) > 200


def test_another_registry_in_its_place_is_refused_until_the_first_is_back(
    client: Client, folder: Path
) -> None:
    copy = back_up(folder)
    with closing(Client(f"sqlite:///{folder.parent / 'other.db'}", project="vision")) as other:
        other.log("theirs", data(folder, "b"))
    remove(folder)
    os.replace(folder.parent / "other.db", folder / "registry.db")
    for _ in range(2):
        with pytest.raises(Conflict, match="replaced by another registry's"):
            client.log("second", data(folder, "c"))
    with closing(Client(f"sqlite:///{folder / 'registry.db'}", project="vision")) as other:
        assert [found.name for found in other.collections()] == ["theirs"]
    restore(folder, copy)
    assert client.log("second", data(folder, "c")).created


def test_what_is_no_database_is_refused(client: Client, folder: Path) -> None:
    remove(folder)
    (folder / "registry.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(Conflict, match="not a usable SQLite database"):
        client.log("second", data(folder, "b"))
