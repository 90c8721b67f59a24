"""A folder of this machine."""

from __future__ import annotations

import os

from conformance.case import HOLDS_OR_FAILS, case
from conformance.outcomes import Outcome, Result
from conformance.promises import CHANGED, COMPLETE, HONEST, UNCHANGED
from conformance.trial import Trial, named

FILES = {"a.txt": "recorded a", "deep/b.txt": "recorded b"}
POINTERS = {"datachain": "it keeps pointers; no page says that it notices other bytes"}
ODD = dict.fromkeys(
    ("wandb", "quilt3", "dvc", "datachain"), "its pages do not mention links, pipes and odd names"
)


@case("A file is overwritten after it was recorded", HONEST, right=HOLDS_OR_FAILS, without=POINTERS)
def file_overwritten(trial: Trial) -> Result:
    version = trial.log(trial.locally(FILES))
    trial.locally({"a.txt": "written later, and longer"})
    return trial.gives_back(version, FILES)


@case(
    "A file is overwritten with as many bytes, and its times are put back",
    HONEST,
    right=HOLDS_OR_FAILS,
    without=POINTERS,
)
def file_overwritten_unseen(trial: Trial) -> Result:
    version = trial.log(trial.locally(FILES))
    _rewrite_unseen(trial)
    return trial.gives_back(version, FILES)


@case("A file is overwritten, its times are put back, and it is logged again", CHANGED)
def logged_after_unseen(trial: Trial) -> Result:
    uri, home = trial.locally(FILES), trial.home()
    first = trial.log(uri, home=home)
    _rewrite_unseen(trial)
    if trial.log(uri, home=home) == first:
        return Result(Outcome.DOES_NOT_HOLD, "no new version: the change is not noticed")
    return Result(Outcome.HOLDS, "a new version")


@case("The times of a file change, and nothing else", UNCHANGED)
def touched(trial: Trial) -> Result:
    uri, home = trial.locally(FILES), trial.home()
    first = trial.log(uri, home=home)
    os.utime(trial.local / "a.txt", (1_900_000_000, 1_900_000_000))
    if trial.log(uri, home=home) == first:
        return Result(Outcome.HOLDS, "one version")
    return Result(Outcome.DOES_NOT_HOLD, "a second version of the same bytes")


@case("A file is removed", HONEST, right=HOLDS_OR_FAILS)
def file_removed(trial: Trial) -> Result:
    version = trial.log(trial.locally(FILES))
    (trial.local / "a.txt").unlink()
    return trial.gives_back(version, FILES)


@case("A file is renamed, and logged again", CHANGED)
def renamed(trial: Trial) -> Result:
    uri = trial.locally(FILES)
    first = trial.log(uri)
    (trial.local / "a.txt").rename(trial.local / "renamed.txt")
    second = trial.log(uri)
    listed = trial.paths(second)
    if second != first and listed == ["deep/b.txt", "renamed.txt"]:
        return Result(Outcome.HOLDS, "a new version, with the new name alone")
    return Result(Outcome.DOES_NOT_HOLD, f"the newest version lists {', '.join(listed)}")


@case("A symlink to a file", COMPLETE, without=ODD)
def link_to_file(trial: Trial) -> Result:
    uri = trial.locally({"a.txt": "a"})
    (trial.folder / "elsewhere.txt").write_text("behind the link")
    (trial.local / "link.txt").symlink_to(trial.folder / "elsewhere.txt")
    return trial.gives_back(trial.log(uri), {"a.txt": "a", "link.txt": "behind the link"})


@case("A symlink to a folder", COMPLETE, without=ODD)
def link_to_folder(trial: Trial) -> Result:
    uri = trial.locally({"a.txt": "a"})
    (trial.folder / "elsewhere").mkdir()
    (trial.folder / "elsewhere" / "b.txt").write_text("behind the link")
    (trial.local / "linked").symlink_to(trial.folder / "elsewhere")
    return trial.gives_back(trial.log(uri), {"a.txt": "a", "linked/b.txt": "behind the link"})


@case("A symlink that leads nowhere", COMPLETE, right=HOLDS_OR_FAILS, without=ODD)
def broken_link(trial: Trial) -> Result:
    uri = trial.locally({"a.txt": "a"})
    (trial.local / "nowhere.txt").symlink_to(trial.folder / "missing")
    return _named(trial, uri, "nowhere.txt")


@case("A symlink to the folder that holds it", COMPLETE, right=HOLDS_OR_FAILS, without=ODD)
def link_loop(trial: Trial) -> Result:
    uri = trial.locally({"a.txt": "a"})
    (trial.local / "loop").symlink_to(trial.local)
    version = trial.log(uri)
    listed = trial.paths(version)
    if listed == ["a.txt"]:
        return Result(Outcome.HOLDS, "each file once")
    return Result(Outcome.DOES_NOT_HOLD, f"{len(listed)} entries of one file")


@case("A named pipe among the files", COMPLETE, right=HOLDS_OR_FAILS, without=ODD)
def named_pipe(trial: Trial) -> Result:
    uri = trial.locally({"a.txt": "a"})
    os.mkfifo(trial.local / "pipe")
    return _named(trial, uri, "pipe")


@case(
    "A newline in a file name",
    COMPLETE,
    without=ODD,
    servers_of={"quilt3": "it pushes local files, and the server here takes no key with a newline"},
)
def newline(trial: Trial) -> Result:
    files = {"two\nlines.txt": "newline", "plain.txt": "plain"}
    return trial.gives_back(trial.log(trial.locally(files)), files)


@case("A file name that is not UTF-8", COMPLETE, right=HOLDS_OR_FAILS, without=ODD)
def not_utf8(trial: Trial) -> Result:
    uri = trial.locally({"a.txt": "a"})
    with open(os.fsencode(trial.local) + b"/latin\xe9.txt", "wb") as file:  # noqa: PTH123 - bytes
        file.write(b"bytes")
    version = trial.log(uri)
    return _compare_count(trial, version)


def _compare_count(trial: Trial, version: str) -> Result:
    got = trial.download(version)
    if len(got) == 2:
        return Result(Outcome.HOLDS, "2 files")
    if "latin" in trial.said(version):
        return Result(Outcome.FAILS_LOUDLY, "left out, with a warning")
    return Result(Outcome.SILENT_LOSS, "left out without a word")


def _named(trial: Trial, uri: str, name: str) -> Result:
    """Record a folder with something that has no bytes in it; tell what becomes of it."""
    version = trial.log(uri)
    got = trial.download(version)
    if got.get("a.txt") != "a":
        return Result(Outcome.SILENT_LOSS, "`a.txt` is not in the download")
    if named(trial.said(version), name):
        return Result(Outcome.FAILS_LOUDLY, f"`{name}` is left out, and named")
    if name in trial.paths(version):
        return Result(Outcome.HOLDS, f"`{name}` is in the version")
    return Result(Outcome.SILENT_LOSS, f"`{name}` is left out without a word")


def _rewrite_unseen(trial: Trial) -> None:
    file = trial.local / "a.txt"
    before = file.stat()
    file.write_text("rewritten!")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
