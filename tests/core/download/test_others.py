"""What is not of a version is removed from its folder, in the order of the paths and without all of them in memory."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from landfast.download.others import remove_others
from landfast.system.open_folder import OpenFolder

NAMES = st.sampled_from(["a", "a!", "a0", "b", "é", "z\U0001f600", "\uffee"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


@given(st.sets(PATHS, max_size=12), st.sets(PATHS, max_size=6))
def test_exactly_the_others_are_removed(
    tmp_path_factory: object, there: set[str], kept: set[str]
) -> None:
    root = tmp_path_factory.mktemp("others")  # type: ignore[attr-defined]
    for path in sorted(there):
        place = root / path
        if (
            not any((root / parent).is_file() for parent in Path(path).parents)
            and not place.exists()
        ):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    with OpenFolder.of(root) as top:
        assert remove_others(top, iter(sorted(kept, key=str.encode))) == len(files - kept)
    left = {str(path.relative_to(root)) for path in root.rglob("*")}
    assert {path for path in left if (root / path).is_file()} == files & kept
    assert all(any(root.joinpath(path).rglob("*")) for path in left - files)


def test_names_that_are_not_utf8_and_links_go_too(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").touch()
    (root / "sub" / "link").symlink_to(tmp_path / "outside")
    Path(os.fsdecode(os.fsencode(root) + b"/sub/\xff\xfe")).touch()
    (root / "sub" / "\uffee").touch()
    (root / "sub" / "x").touch()
    with OpenFolder.of(root) as top:
        assert remove_others(top, iter(["sub/x", "sub/\uffee"])) == 2
    assert sorted(path.name for path in (root / "sub").iterdir()) == ["x", "\uffee"]
    assert (tmp_path / "outside" / "kept").exists()
