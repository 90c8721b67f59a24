"""Keys of a bucket that are not file names, or two that a disk takes for one."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.case import HOLDS_OR_FAILS, case
from conformance.outcomes import Outcome, Result
from conformance.promises import COMPLETE, INSIDE, KEPT
from conformance.systems import Refused
from conformance.trial import Trial, few, named

ODD = dict.fromkeys(("wandb", "quilt3", "dvc", "datachain"), "its pages do not mention such keys")


def round_trip(trial: Trial, files: dict[str, str]) -> Result:
    """Record keys below a prefix, overwrite them, and bring the recorded ones back."""
    trial.puts(files)
    version = trial.log()
    trial.puts(dict.fromkeys(files, "written later"))
    return trial.gives_back(version, files)


@case(
    "`%20` in a key, beside a key with a space",
    KEPT,
)
def percent(trial: Trial) -> Result:
    return round_trip(trial, {"a%20b.txt": "percent", "a b.txt": "space", "100%.txt": "bare"})


@case(
    "`#` in a key",
    KEPT,
)
def fragment(trial: Trial) -> Result:
    return round_trip(trial, {"a#1.txt": "hash", "e.txt": "plain"})


@case(
    "`?` in a key",
    KEPT,
    reports=("https://github.com/quiltdata/quilt/pull/1330",),
)
def query(trial: Trial) -> Result:
    return round_trip(trial, {"b?c=d.txt": "question mark", "e.txt": "plain"})


@case("`+`, `&` and `=` in keys", KEPT)
def plus(trial: Trial) -> Result:
    return round_trip(trial, {"a+b.txt": "plus", "day=1&x.txt": "ampersand"})


@case(
    "`[` and `*` in keys",
    KEPT,
    reports=("https://github.com/treeverse/dvc/issues/8964",),
)
def globs(trial: Trial) -> Result:
    return round_trip(trial, {"a[1].txt": "brackets", "b*.txt": "star", "bc.txt": "plain"})


@case("Unicode in keys: one name in two normal forms", KEPT)
def unicode_forms(trial: Trial) -> Result:
    return round_trip(trial, {"\u00e9.txt": "composed", "e\u0301.txt": "decomposed"})


@case("A backslash in a key", KEPT, reports=("https://github.com/wandb/wandb/issues/2859",))
def backslash(trial: Trial) -> Result:
    return round_trip(trial, {"a\\b.txt": "backslash", "plain.txt": "plain"})


@case("Names that differ in case alone", KEPT)
def case_alone(trial: Trial) -> Result:
    return round_trip(trial, {"README.txt": "upper", "readme.txt": "lower"})


@case("An object of no bytes", COMPLETE)
def empty_object(trial: Trial) -> Result:
    return round_trip(trial, {"_SUCCESS": "", "part-0.txt": "rows"})


@case(
    "A folder made in a console: a marker of no bytes at the recorded prefix",
    COMPLETE,
    reports=(
        "https://github.com/wandb/wandb/issues/3415",
        "https://github.com/quiltdata/quilt/issues/1100",
    ),
)
def folder_marker(trial: Trial) -> Result:
    trial.put("data/", "")
    trial.put("data/deep/", "")
    return round_trip(trial, {"a.txt": "a", "deep/b.txt": "b"})


@case("An object with bytes whose key ends in a slash", COMPLETE, right=HOLDS_OR_FAILS, without=ODD)
def slash_at_the_end(trial: Trial) -> Result:
    trial.puts({"a.txt": "a", "marker/": "bytes under a folder's name", "marker/b.txt": "b"})
    return accounted(trial, ["a.txt", "marker/", "marker/b.txt"])


@case("Two slashes in a key, beside the key with one", COMPLETE, right=HOLDS_OR_FAILS, without=ODD)
def double_slash(trial: Trial) -> Result:
    trial.puts({"deep/b.txt": "one slash", "deep//b.txt": "two slashes"})
    return accounted(trial, ["deep/b.txt", "deep//b.txt"])


@case(
    "A key that begins with a slash below the prefix", COMPLETE, right=HOLDS_OR_FAILS, without=ODD
)
def slash_at_the_start(trial: Trial) -> Result:
    trial.puts({"a.txt": "a", "/b.txt": "b"})
    return accounted(trial, ["a.txt", "/b.txt"])


@case(
    "A key that is a file and a folder",
    COMPLETE,
    right=HOLDS_OR_FAILS,
    without=ODD,
    servers_of={
        "wandb": "its threads race for the name: an error in some runs, a file too few in others"
    },
)
def file_and_folder(trial: Trial) -> Result:
    trial.puts({"both": "a file", "both/b.txt": "below it", "c.txt": "beside it"})
    return accounted(trial, ["both", "both/b.txt", "c.txt"])


@case("`..` in a key", INSIDE, right=HOLDS_OR_FAILS)
def dots(trial: Trial) -> Result:
    trial.puts({"a.txt": "a", "../escape.txt": "escaped", "b/../../escape2.txt": "escaped"})
    before = set(trial.folder.rglob("*"))
    version = trial.log()
    result = trial.gives_back(version, {"a.txt": "a"})
    new = set(trial.folder.rglob("escape*")) - before
    if out := {path.name for path in new if not path.is_relative_to(trial.folder / "target")}:
        return Result(Outcome.DOES_NOT_HOLD, f"download writes beside its folder: {few([*out])}")
    if result.outcome is Outcome.DOES_NOT_HOLD:
        return Result(Outcome.HOLDS, "nothing is written outside")
    return result


@case("A prefix that begins another one: `data` beside `data2`", COMPLETE)
def sibling_prefix(trial: Trial) -> Result:
    trial.puts({"a.txt": "a"})
    trial.put("data2/b.txt", "of another folder")
    return trial.gives_back(trial.log(trial.uri("data")), {"a.txt": "a"})


@case("A key of 900 letters, with a name of 300", COMPLETE, right=HOLDS_OR_FAILS, without=ODD)
def long_key(trial: Trial) -> Result:
    key = "/".join(["d" * 200] * 3) + "/" + "f" * 300
    trial.puts({"a.txt": "a", key: "long"})
    return accounted(trial, ["a.txt", key])


def accounted(trial: Trial, names: Iterable[str]) -> Result:
    """Tell whether each object is in the download or in the version, or is named by what the system says."""
    version = trial.log()
    listed, said = set(trial.paths(version)), trial.said(version)
    missing = [name for name in names if name not in listed and not named(said, name)]
    if missing:
        return Result(
            Outcome.SILENT_LOSS, f"the version is without {few(missing)}, and nothing says so"
        )
    try:
        got = trial.download(version)
    except Refused as error:
        return trial.refused("download", error)
    said = trial.said(version)
    lost = [name for name in names if name not in got and not named(said, name)]
    if lost:
        return Result(
            Outcome.SILENT_LOSS, f"listed, and left out of the download without a word: {few(lost)}"
        )
    return Result(Outcome.HOLDS, "each object is there, or what is left out is named")
