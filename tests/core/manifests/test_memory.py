"""A manifest over a list: any order in, the rules of every manifest out."""

import pytest
from hypothesis import given
from landfast.errors import Conflict, NotFound
from landfast.manifests.memory import MemoryManifest
from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry
from landfast.testing import strategies


def entry(path: str, size: int = 1) -> ManifestEntry:
    token = Checksum("md5", f"{size:032x}")
    return ManifestEntry(path=path, size=size, checksum=token, uri=f"s3://b/{path}")


@given(strategies.manifests())
def test_a_manifest_is_sorted_and_as_long_as_it_says(manifest: MemoryManifest) -> None:
    paths = [e.path.encode() for e in manifest]
    assert paths == sorted(set(paths))
    assert len(manifest) == len(paths) == manifest.summary.count
    assert manifest.size == sum(e.size or 0 for e in manifest)


def test_an_empty_manifest_is_true_and_has_one_folder() -> None:
    manifest = MemoryManifest()
    assert manifest
    assert len(manifest) == 0
    assert [(f.path, f.count, f.size) for f in manifest.folders()] == [("", 0, 0)]


def test_equal_rows_are_one_and_others_conflict() -> None:
    assert len(MemoryManifest([entry("a"), entry("b"), entry("a")])) == 2
    with pytest.raises(Conflict):
        MemoryManifest([entry("a"), entry("a", 2)])


def test_a_prefix_is_text_and_a_folder_ends_in_a_slash() -> None:
    manifest = MemoryManifest([entry("data/x"), entry("data2/x"), entry("data.txt")])
    assert [e.path for e in manifest.entries("data")] == ["data.txt", "data/x", "data2/x"]
    assert [e.path for e in manifest.entries("data/")] == ["data/x"]
    assert [f.path for f in manifest.folders("data")] == ["data/", "data2/"]
    assert manifest.subtree_digest("data") == MemoryManifest([
        ManifestEntry(path="x", size=1, checksum=Checksum("md5", f"{1:032x}"), uri="s3://b/data/x")
    ]).digest  # fmt: skip


def test_the_direct_children_of_a_folder_are_asked_for_by_depth() -> None:
    manifest = MemoryManifest([entry("a/b/c/x", 5), entry("a/b/y", 2), entry("a/z", 1)])
    assert [(f.path, f.count, f.size) for f in manifest.folders("a/", depth=2)] == [("a/b/", 2, 7)]
    assert [f.path for f in manifest.folders(depth=1)] == ["a/"]


def test_a_missing_path_is_not_found_by_name() -> None:
    with pytest.raises(NotFound, match="a/none"):
        MemoryManifest([entry("a")]).get("a/none")
