"""Paths and globs select entries; a path that names nothing is an error."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from landfast.download import select
from landfast.download.select import Selected, Selection
from landfast.errors import InvalidInput, NotFound
from landfast.manifests.batch import EntryBatch
from landfast.manifests.memory import MemoryManifest
from landfast.model.manifest import ManifestEntry

PATHS = ["a", "a b", "a.txt", "b/1", "b/2.csv", "b/c/3.csv", "b2/4.csv", "é/5"]


def selected(paths: Sequence[str] | str | None = None, **globs: Any) -> list[str]:
    manifest = MemoryManifest(
        [
            ManifestEntry(path=path, size=1, checksum=None, uri=f"s3://b/{path}")
            for path in sorted(PATHS, key=str.encode)
        ]
    )
    batches = Selection(paths, **globs).of(manifest)
    return [path for batch in batches for path in batch.paths.to_pylist()]


def test_nothing_given_is_everything() -> None:
    assert selected() == PATHS


def test_path_is_a_file_or_a_folder_and_never_a_beginning() -> None:
    assert selected(["a"]) == ["a"]
    assert selected(["b"]) == ["b/1", "b/2.csv", "b/c/3.csv"]
    assert selected(["b/"]) == ["b/1", "b/2.csv", "b/c/3.csv"]
    assert selected("é") == ["é/5"]


def test_paths_inside_each_other_and_twice_come_once_and_in_order() -> None:
    assert selected(["é", "b/c", "b", "a", "b/", "a"]) == [
        "a",
        "b/1",
        "b/2.csv",
        "b/c/3.csv",
        "é/5",
    ]


def test_globs_cut_the_paths_down() -> None:
    assert selected(["b", "b2"], include=["**/*.csv"]) == ["b/2.csv", "b/c/3.csv", "b2/4.csv"]
    assert selected(["b"], include=["b/*.csv"]) == ["b/2.csv"]
    assert selected(["b"], exclude=["b/c/**"]) == ["b/1", "b/2.csv"]


@pytest.mark.parametrize("path", ["nothing", "a/", "b/3", "B", "b//1"])
def test_path_that_names_nothing_is_not_found(path: str) -> None:
    with pytest.raises(NotFound, match=path):
        selected(["a", path])


def test_globs_that_match_nothing_are_an_error() -> None:
    with pytest.raises(NotFound, match="no file of the version is selected"):
        selected(include=["*.parquet"])


def test_empty_path_is_refused() -> None:
    with pytest.raises(InvalidInput, match="an empty path"):
        selected([""])


def test_what_is_selected_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = MemoryManifest(
        [ManifestEntry(path=path, size=1, checksum=None, uri="s3://b/x") for path in PATHS]
    )
    read: list[str] = []

    class Told(MemoryManifest):
        def batches(self, prefix: str = "") -> Iterator[EntryBatch]:
            read.append(prefix)
            return super().batches(prefix)

    told = Selected(Selection(include=["b/**"]), Told(manifest.entries()))
    first = [entry.path for entry in told.entries()]
    assert first == ["b/1", "b/2.csv", "b/c/3.csv"]
    assert [entry.path for entry in told.entries()] == first
    assert read == [""]
    monkeypatch.setattr(select, "_KEPT_BYTES", 10)
    long = Selected(Selection(["b"]), Told(manifest.entries()))
    assert [entry.path for entry in long.entries()] == [entry.path for entry in long.entries()]
    assert read == ["", "b", "b"]
