"""Managed files: each is read once, many are announced in few transactions."""

from __future__ import annotations

import builtins
import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from landfast import Artifact, Client, LimitExceeded, ObjectChanged, Unavailable
from landfast.blobs.local import LocalBlobStore
from landfast.system.staging import Staging
from sqlalchemy import event


@contextmanager
def counted_transactions(client: Client) -> Iterator[list[object]]:
    """Collect what is committed to the client's registry meanwhile."""
    engine = client.registry._database.open().engine
    seen: list[object] = []
    note = seen.append
    event.listen(engine, "commit", note)
    try:
        yield seen
    finally:
        event.remove(engine, "commit", note)


def a_folder(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:04}").write_bytes(b"file %d" % number)
    return folder


def test_many_files_cost_few_transactions(any_client: Client, tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "data", 1100)
    (folder / "the same").write_bytes(b"file 7")
    draft = Artifact("many", "dataset", client=any_client)
    any_client.registry.ticket()
    with counted_transactions(any_client) as seen:
        draft.add_dir(folder)
    assert len(seen) <= 3 + 2, "one for each 500, the ticket, whose the store is"
    any_client.begin_run()
    with counted_transactions(any_client) as seen:
        version = any_client.log_artifact(draft)
    assert len(seen) <= 3 + 3 + 5, "once before the log, once after it"
    assert version.file_count == 1101
    assert len({info.sha256 for info in any_client.context.blobs.list()}) == 1100 + 1
    target = version.download(tmp_path / "target")
    assert (Path(target) / "1099").read_bytes() == b"file 1099"


@pytest.fixture
def changing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files named 0017 change between the scan and the moment when they are stored."""
    put_staged = LocalBlobStore.put_staged

    def change_and_put(self: LocalBlobStore, files: Any, *given: Any, **options: Any) -> None:
        for file in files:
            if file.path.name == "0017":
                file.path.write_bytes(b"changed")
        put_staged(self, files, *given, **options)

    monkeypatch.setattr(LocalBlobStore, "put_staged", change_and_put)


@pytest.mark.usefixtures("changing")
def test_a_file_that_changes_while_it_is_copied_is_named(
    any_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = a_folder(tmp_path / "data", 40)
    # As where the scan knew the hashes and read nothing.
    monkeypatch.setattr(Staging, "has", lambda *_: False)
    draft = Artifact("torn", "dataset", client=any_client)
    with pytest.raises(ObjectChanged, match="data/0017 changed while it was being copied"):
        draft.add_dir(folder)
    assert list(any_client.collections()) == []
    assert left_behind(any_client) == []


@pytest.mark.usefixtures("changing")
def test_what_was_hashed_is_what_is_kept(any_client: Client, tmp_path: Path) -> None:
    draft = Artifact("whole", "dataset", client=any_client)
    draft.add_dir(a_folder(tmp_path / "data", 40))
    version = any_client.log_artifact(draft)
    entry = version.manifest.get("0017")
    assert entry.checksum is not None
    assert entry.checksum.value == hashlib.sha256(b"file 17").hexdigest()
    assert Path(version.download(tmp_path / "target"), "0017").read_bytes() == b"file 17"
    assert left_behind(any_client) == []


def test_each_file_is_read_once(
    any_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = a_folder(tmp_path / "data", 40)
    (folder / "large").write_bytes(large := os.urandom(3 << 20))
    (folder / "large again").write_bytes(large)
    (folder / "none").write_bytes(b"")
    opened: list[str] = []
    real_open, real_os_open = builtins.open, os.open

    def noted(name: object, *given: Any, real: Any, **options: Any) -> Any:
        if isinstance(name, (str, bytes, Path)) and os.fsdecode(name).startswith(f"{folder}/"):
            opened.append(os.path.basename(os.fsdecode(name)))
        return real(name, *given, **options)

    monkeypatch.setattr(builtins, "open", partial(noted, real=real_open))
    monkeypatch.setattr(os, "open", partial(noted, real=real_os_open))
    draft = Artifact("once", "dataset", client=any_client)
    draft.add_dir(folder)
    assert sorted(filter(None, opened)) == sorted(os.listdir(folder))
    version = any_client.log_artifact(draft)
    assert Path(version.download(tmp_path / "target"), "large again").read_bytes() == large
    assert version.verify(deep=True).ok
    assert left_behind(any_client) == []


def test_a_full_disk_is_told_of_the_store_and_leaves_nothing(
    any_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = a_folder(tmp_path / "data", 40)
    write, writes = os.write, count()

    def full(handle: int, data: Any) -> int:
        is_staged = "/blobs/tmp/" in os.readlink(f"/proc/self/fd/{handle}")
        if is_staged and next(writes) == 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, data)

    monkeypatch.setattr(os, "write", full)
    draft = Artifact("full", "dataset", client=any_client)
    with pytest.raises(Unavailable, match=r"cannot write a blob below .*blobs/tmp"):
        draft.add_dir(folder)
    assert left_behind(any_client) == []
    assert list(any_client.context.blobs.list()) == []


def test_too_many_files_are_not_stored(any_client: Client, tmp_path: Path) -> None:
    draft = Artifact("many", "dataset", client=any_client)
    with pytest.raises(LimitExceeded):
        draft.add_dir(a_folder(tmp_path / "data", 40), max_objects=39)
    assert left_behind(any_client) == []
    assert list(any_client.context.blobs.list()) == []


def left_behind(client: Client) -> list[Path]:
    """Return what is staged still in the client's store."""
    return list(Path(client.context.blobs.url.removeprefix("file://"), "blobs/tmp").iterdir())
