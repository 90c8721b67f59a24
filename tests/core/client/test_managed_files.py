"""Managed files: many are stored by a pool, and announced in few transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from landfast import Artifact, Client, ObjectChanged
from landfast.blobs.local import LocalBlobStore
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


def test_a_file_that_changes_while_it_is_copied_is_named(
    any_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = a_folder(tmp_path / "data", 40)
    put_all = LocalBlobStore.put_all

    def change_and_put(self: LocalBlobStore, files: Any, **options: Any) -> None:
        for file in files:
            if file.path.name == "0017":
                file.path.write_bytes(b"changed")
        put_all(self, files, **options)

    monkeypatch.setattr(LocalBlobStore, "put_all", change_and_put)
    draft = Artifact("torn", "dataset", client=any_client)
    with pytest.raises(ObjectChanged, match="data/0017 changed while it was being copied"):
        draft.add_dir(folder)
    assert list(any_client.collections()) == []
