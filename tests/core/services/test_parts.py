"""Parts of downloads: several processes may fetch the same bytes into one folder, and none takes another's."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from landfast.services.marked_folder import MarkedFolder
from landfast.services.part_file import PartFile

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
        parts.append(PartFile(folder.parts, NAME))
        parts[-1].write(b"bytes")
        return parts[-1]

    yield begin
    for part in parts:
        part.close()


def test_a_part_that_is_being_written_is_left_by_who_is_done(
    folder: MarkedFolder, began: Callable[[], PartFile]
) -> None:
    mine = began()
    (folder.parts / "left-by-a-kill").touch()
    folder.close(is_complete=True)
    assert [path.name for path in folder.parts.iterdir()] == [NAME]
    mine.close()
    folder.close(is_complete=True)
    assert not folder.parts.exists()


def test_a_part_that_took_the_name_of_a_finished_one_is_left_by_who_is_done(
    folder: MarkedFolder, began: Callable[[], PartFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, lock = began(), fcntl.flock
    second: list[PartFile] = []

    def between(handle: Any, operation: int) -> None:
        # What is opened to be removed is moved to its target, and another process begins anew.
        monkeypatch.setattr(fcntl, "flock", lock)
        folder.place(first.path, folder.target("file"))
        first.close()
        second.append(began())
        lock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", between)
    folder.close(is_complete=True)
    assert second[0].path.read_bytes() == b"bytes"
    assert folder.target("file").read_bytes() == b"bytes"


def test_a_part_that_took_the_name_of_a_placed_one_is_left_by_who_placed_it(
    folder: MarkedFolder, began: Callable[[], PartFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, replace = began(), Path.replace
    second: list[PartFile] = []

    def replace_then_begin(part: Path, target: Path) -> Path:
        moved = replace(part, target)
        first.close()
        second.append(began())
        return moved

    monkeypatch.setattr(Path, "replace", replace_then_begin)
    folder.place(first.path, folder.target("file"))
    assert second[0].path == first.path
    assert second[0].path.read_bytes() == b"bytes"


def test_two_names_of_one_file_become_one(folder: MarkedFolder, tmp_path: Path) -> None:
    kept, part, target = tmp_path / "kept", folder.parts / "part", folder.target("file")
    kept.write_bytes(b"bytes")
    part.hardlink_to(kept)
    target.hardlink_to(kept)
    folder.place(part, target)
    assert not part.exists()
    assert target.samefile(kept)
