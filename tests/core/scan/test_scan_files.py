"""A scan of local files reads what it records, and nothing else."""

import os
from pathlib import Path
from typing import Any

import pytest
from landfast.errors import NotFound
from landfast.model.reference import Reference
from landfast.stores.local import content_hash as file_hash


@pytest.fixture
def read_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files whose bytes are read for a checksum."""
    names: list[str] = []
    real = file_hash._hash_once

    def counted(path: bytes, *more: Any) -> Any:
        names.append(Path(os.fsdecode(path)).name)
        return real(path, *more)

    monkeypatch.setattr(file_hash, "_hash_once", counted)
    return names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    for name in ["a.csv", "b.bin", "sub/c.csv", "sub/d.bin"]:
        (folder / name).write_bytes(name.encode())
    return folder


def test_files_that_globs_leave_out_are_not_read(
    folder: Path, scan: Any, read_files: list[str]
) -> None:
    whole = scan(f"{folder}/")
    assert sorted(read_files) == ["a.csv", "b.bin", "c.csv", "d.bin"]
    read_files.clear()
    part = scan(Reference(f"{folder}/", include=["**/*.csv"]))
    assert sorted(read_files) == ["a.csv", "c.csv"]
    for entry in part.manifest.entries():
        assert entry == whole.manifest.get(entry.path)
    assert len(part.manifest) == 2


def test_no_file_is_read_for_other_kinds(folder: Path, scan: Any, read_files: list[str]) -> None:
    for kind in ["stat", False]:
        for include in [[], ["**/*.csv"]]:
            scanned = scan(Reference(f"{folder}/", checksum=kind, include=include))
            tokens = {entry.checksum and entry.checksum.algorithm for entry in scanned.manifest}
            assert tokens == {kind or None}
    assert read_files == []


def test_broken_link_stops_the_scan_and_skipping_links_is_told(folder: Path, scan: Any) -> None:
    (folder / "link").symlink_to("a.csv")
    (folder / "broken").symlink_to("nowhere")
    with pytest.raises(NotFound, match="symlinks='skip'"):
        scan(f"{folder}/")
    scanned = scan(Reference(f"{folder}/", options={"symlinks": "skip"}))
    assert len(scanned.manifest) == 4
    assert scanned.sources[0].options == {"symlinks": "skip"}
