"""Parts of downloads: several processes may fetch the same bytes into one folder, and none takes another's."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from kit.servers.scripted import Scripted
from landfast.cache import BlobCache
from landfast.download.fetch import Transfer
from landfast.download.folder import MarkedFolder
from landfast.download.partial import PartFile
from landfast.model.manifest import ManifestEntry
from landfast.pins.sets import PinSets
from landfast.stores.opener import Stores
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
    (part.folder.path / part.twin).hardlink_to(kept)
    part.become_twin()
    target.hardlink_to(kept)
    folder.place(part, "file", "fact", None)
    part.close()
    assert [path.name for path in (folder.marker.path / "parts").iterdir()] == []
    assert target.samefile(kept)


def end_another(folder: MarkedFolder) -> None:
    """End a download of the same folder in another process: it removes what is left behind."""
    other = MarkedFolder(folder.root, folder.identity)
    other.claim()
    other.close(is_complete=True)


def test_a_part_under_another_name_is_left_while_it_is_being_opened(
    folder: MarkedFolder, began: Callable[[], PartFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first writer has the name; who ends has the second writer's own locked before that locks it."""
    began()
    lock, unlink = fcntl.flock, OpenFolder.unlink
    is_about_to_remove, may_remove = threading.Event(), threading.Event()
    ending = threading.Thread(target=end_another, args=(folder,))

    def lock_late(handle: Any, operation: int) -> None:
        is_second = threading.current_thread() is not ending and not ending.ident
        if is_second and Path(f"/proc/self/fd/{handle}").readlink().name != NAME:
            ending.start()
            assert is_about_to_remove.wait(60)
        lock(handle, operation)

    def unlink_late(parts: OpenFolder, name: str) -> None:
        if threading.current_thread() is ending and name.startswith(NAME):
            is_about_to_remove.set()
            assert may_remove.wait(60)
        unlink(parts, name)

    monkeypatch.setattr(fcntl, "flock", lock_late)
    monkeypatch.setattr(OpenFolder, "unlink", unlink_late)
    second = began()
    may_remove.set()
    ending.join()
    folder.place(second, "file", "fact", None)
    assert (folder.root / "file").read_bytes() == b"bytes"


def test_a_part_is_continued_by_one_while_its_twin_takes_its_place(
    folder: MarkedFolder, began: Callable[[], PartFile], tmp_path: Path
) -> None:
    """Who begins the same bytes at any moment has a part of its own, until they are where they shall be."""
    first, kept = began(), tmp_path / "kept"
    kept.write_bytes(b"bytes")
    (first.folder.path / first.twin).hardlink_to(kept)
    first.become_twin()
    second = began()
    assert second.name != NAME
    for part in (first, second):
        folder.place(part, "file", "fact", None)
        part.close()
    assert (folder.root / "file").read_bytes() == b"bytes"
    assert not list((folder.marker.path / "parts").iterdir())


def test_a_twin_that_a_kill_left_goes_with_its_part_or_alone(folder: MarkedFolder) -> None:
    parts = folder.marker.path / "parts"
    parts.mkdir()
    for name in ("one", "one.twin", "alone.twin"):
        (parts / name).touch()
    folder.close(is_complete=True)
    assert not parts.exists()


def test_a_part_begins_however_often_others_remove_the_empty_folder(
    folder: MarkedFolder, began: Callable[[], PartFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    make, left = os.mkdir, list(range(9))

    def make_then_remove(name: str, *, dir_fd: int) -> None:
        make(name, dir_fd=dir_fd)
        if left:
            left.pop()
            os.rmdir(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "mkdir", make_then_remove)
    assert began().path.read_bytes() == b"bytes"


def test_a_mark_for_workers_is_made_anew_if_who_ends_took_it(
    folder: MarkedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock

    def end_then_lock(handle: Any, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        end_another(folder)
        lock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", end_then_lock)
    with folder.shared() as mark:
        assert folder.is_shared(mark)
        end_another(folder)
        assert folder.is_shared(mark)
    assert not folder.is_shared(mark)


@pytest.mark.parametrize("link", ["copy", "hard"])
@pytest.mark.parametrize("is_cached", [False, True])
@pytest.mark.parametrize("is_evicted", [False, True])
def test_what_arrived_is_left_by_who_ends_before_it_is_at_its_place(
    http_script: Scripted,
    scan: Any,
    folder: MarkedFolder,
    cache: BlobCache,
    link: Literal["copy", "hard"],
    *,
    is_cached: bool,
    is_evicted: bool,
) -> None:
    entry, transfer = transfer_of(scan(http_script.put("/file", b"bytes")), cache, link)
    if is_cached:
        transfer.bring(entry, folder.marker).part.close()
    arrived = transfer.bring(entry, folder.marker)
    assert arrived.origin == ("cache" if is_cached else "source")
    if is_evicted:
        cache.clear()  # the only name of the file is then the part's
    end_another(folder)
    folder.place(arrived.part, "file", "fact", None)
    arrived.part.close()
    assert (folder.root / "file").read_bytes() == b"bytes"
    end_another(folder)
    assert not (folder.marker.path / "parts").exists()


def test_the_folder_of_parts_stays_while_a_link_is_made_in_it(
    http_script: Scripted,
    scan: Any,
    folder: MarkedFolder,
    cache: BlobCache,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scanned = scan(http_script.put("/file", b"bytes"))
    entry, filling = transfer_of(scanned, cache, "copy")
    filling.bring(entry, folder.marker).part.close()
    end_another(folder)
    link = os.link

    def end_then_link(*names: Any, **options: Any) -> None:
        monkeypatch.setattr(os, "link", link)
        end_another(folder)
        link(*names, **options)

    monkeypatch.setattr(os, "link", end_then_link)
    arrived = transfer_of(scanned, cache, "hard")[1].bring(entry, folder.marker)
    folder.place(arrived.part, "file", "fact", None)
    arrived.part.close()
    (blob,) = (cache.folder / "objects").glob("??/*")
    assert (folder.root / "file").samefile(blob)


def transfer_of(
    scanned: Any, cache: BlobCache, link: Literal["copy", "hard"]
) -> tuple[ManifestEntry, Transfer]:
    (entry,) = scanned.manifest
    pins = PinSets([(scanned.manifest, scanned.sources)], Stores())
    return entry, Transfer(pins, cache, link=link)
