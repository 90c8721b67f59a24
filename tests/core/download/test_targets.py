"""Paths that cannot be files side by side are named before a byte is written."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from landfast.download.paths import Disk, check_targets, probe
from landfast.errors import InvalidInput

LINUX = Disk()
MAC = Disk(folds_case=True, normalises=True)


def refused(*paths: str, disk: Disk = LINUX) -> tuple[str, ...]:
    """Return the paths that are named as impossible."""
    ordered = sorted(paths, key=str.encode)
    try:
        assert check_targets(ordered, Path("/target"), disk) == len(paths)
    except InvalidInput as error:
        found: tuple[str, ...] = error.details["paths"]
        return found
    return ()


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "..", "../x", "a/../../x", "a/..", "", "a//b", "/", "a/", "a/./b", ".", "a\0b",
     ".landfast", ".landfast/identity.json", "n" * 256, "é" * 128, "d/" * 2100 + "x"],
)  # fmt: skip
def test_path_that_is_no_file_below_the_folder_is_refused(path: str) -> None:
    assert refused(path) == (path,)


@pytest.mark.parametrize(
    "path",
    ["a", "a/b", "...", "a/.../b", ".hidden", ".landfast2", "a/.landfast/b", "a\\b", "~", "-rf",
     "n" * 255, "é" * 127, "line\nfeed", " ", "d/" * 2000 + "x", "C:", "nul", "\u202e"],
)  # fmt: skip
def test_odd_path_that_can_be_a_file_is_not_refused(path: str) -> None:
    assert refused(path) == ()


def test_file_that_is_a_folder_of_another_is_found_whatever_sorts_between() -> None:
    assert refused("a", "a!", "a-b/c", "a.txt", "a/b", "a/c/d", "a0") == ("a/b", "a/c/d")
    assert refused("a/b", "a/b!/c", "a/b.x", "a/b/c") == ("a/b/c",)
    assert refused("a", "ab/c", "b") == ()


def test_mend_15_an_empty_object_in_the_place_of_a_folder_is_named_itself_and_once() -> None:
    markers = [f"{number:02}" for number in range(30)] + ["30/31", "30/31/32"]
    files = [f"{marker}/{name}" for marker in markers for name in "abc"]
    paths = sorted([*markers, *files, "00!", "00/b/under-a-file"], key=str.encode)
    with pytest.raises(InvalidInput) as caught:
        check_targets(paths, Path("/target"), LINUX, is_empty=lambda path: path in markers)
    named = caught.value.details["paths"]
    assert named == ("00", "00/b/under-a-file", *markers[1:])
    assert "33 paths cannot be written" in str(caught.value)
    assert "'01' is an empty object in the place of the folder of '01/a'" in str(caught.value)
    left = [path for path in paths if path not in named]
    assert check_targets(left, Path("/target"), LINUX) == len(left)


def test_case_and_accents_matter_only_where_the_disk_does_not_tell_them() -> None:
    paths = ["README", "caf\u00e9", "cafe\u0301", "readme", "Dir/x", "dir/y", "dir"]
    assert refused(*paths) == ("dir/y",)
    assert set(refused(*paths, disk=MAC)) == {"readme", "caf\u00e9", "dir/y", "dir"}
    assert refused("a/X", "A/Y", disk=MAC) == ()


def test_all_are_counted_and_the_first_are_told() -> None:
    paths = [f"{n:04}//x" for n in range(2000)]
    with pytest.raises(InvalidInput) as caught:
        check_targets(paths, Path("/target"), LINUX)
    assert "2000 paths cannot be written below /target" in str(caught.value)
    assert "'0009//x'" in str(caught.value)
    assert "'0010//x'" not in str(caught.value)
    assert "and 1990 more" in str(caught.value)
    assert len(caught.value.details["paths"]) == 1000


names = st.text(st.sampled_from("ab/.!A\u00e9"), min_size=1, max_size=8)


@given(st.sets(names, max_size=12))
def test_what_is_accepted_can_be_written_and_what_is_refused_alone_cannot(
    tmp_path_factory: pytest.TempPathFactory, paths: set[str]
) -> None:
    bad = set(refused(*paths))
    root = tmp_path_factory.mktemp("target")
    for path in sorted(paths - bad, key=str.encode):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    for path in paths - bad:
        assert (root / path).read_text() == path
        assert (root / path).resolve().is_relative_to(root.resolve())
    found = {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}
    assert found == paths - bad


def test_probe_tells_how_this_disk_is(tmp_path: Path) -> None:
    disk = probe(tmp_path / "not" / "yet" / "there")
    (tmp_path / "a").touch()
    assert disk.folds_case == (tmp_path / "A").exists()
    assert disk.max_name == 255
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "home", "work"]
