"""Parts of downloads: several processes may fetch the same bytes into one folder, and none takes another's."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from landfast.download.folder import MarkedFolder
from landfast.download.partial import PartFile
from landfast.system.open_folder import OpenFolder

NAME = "the-same-bytes"


@pytest.fixture
def folder(tmp_path: Path) -> MarkedFolder:
    folder = MarkedFolder(tmp_path / "target", "v0")
    folder.claim()
    return folder


@pytest.fixture
def began(folder: MarkedFolder) -> Iterator[Callable[[], PartFile]]:
    """Begin a part as another process does: a lock of its own, under the same name."""
    parts: list[PartFile] = []

    def begin() -> PartFile:
        parts.append(PartFile(folder.marker, NAME))
        parts[-1].write(b"bytes")
        return parts[-1]

    yield begin
    for part in parts:
        part.close()


def test_a_part_that_is_being_written_is_left_by_who_is_done(
    folder: MarkedFolder, began: Callable[[], PartFile]
) -> None:
    mine, parts = began(), folder.marker.path / "parts"
    (parts / "left-by-a-kill").touch()
    folder.close(is_complete=True)
    assert [path.name for path in parts.iterdir()] == [NAME]
    mine.close()
    folder.claim()
    folder.close(is_complete=True)
    assert not parts.exists()


def test_a_part_that_took_the_name_of_a_finished_one_is_left_by_who_is_done(
    folder: MarkedFolder, began: Callable[[], PartFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, lock = began(), fcntl.flock
    second: list[PartFile] = []

    def between(handle: Any, operation: int) -> None:
        # What is opened to be removed is moved to its target, and another process begins anew.
        monkeypatch.setattr(fcntl, "flock", lock)
        folder.place(first, "file", "fact", None)
        first.close()
        second.append(began())
        lock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", between)
    folder.close(is_complete=True)
    assert second[0].path.read_bytes() == b"bytes"
    assert (folder.root / "file").read_bytes() == b"bytes"


def test_a_part_that_took_the_name_of_a_placed_one_is_left_by_who_placed_it(
    folder: MarkedFolder, began: Callable[[], PartFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, move = began(), OpenFolder.move
    second: list[PartFile] = []

    def move_then_begin(parts: OpenFolder, *arguments: Any) -> None:
        move(parts, *arguments)
        second.append(began())

    monkeypatch.setattr(OpenFolder, "move", move_then_begin)
    folder.place(first, "file", "fact", None)
    assert second[0].path.name == NAME
    assert second[0].path.read_bytes() == b"bytes"


def test_two_names_of_one_file_become_one(folder: MarkedFolder, tmp_path: Path) -> None:
    kept, target = tmp_path / "kept", folder.root / "file"
    kept.write_bytes(b"bytes")
    part = PartFile(folder.marker, "part")
    (part.folder.path / "linked").hardlink_to(kept)
    part.become("linked")
    target.hardlink_to(kept)
    folder.place(part, "file", "fact", None)
    part.close()
    assert [path.name for path in (folder.marker.path / "parts").iterdir()] == []
    assert target.samefile(kept)
