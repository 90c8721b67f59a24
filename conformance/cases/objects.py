"""Objects of a bucket that keeps versions, changed after they were recorded."""

from __future__ import annotations

from conformance.case import HOLDS_OR_FAILS, case
from conformance.outcomes import Outcome, Result
from conformance.promises import COMPLETE, HONEST, KEPT, UNCHANGED
from conformance.trial import Trial

FILES = {"a.txt": "recorded a", "deep/b.txt": "recorded b"}


@case("An object is overwritten after it was recorded", KEPT)
def overwritten(trial: Trial) -> Result:
    trial.puts(FILES)
    version = trial.log()
    trial.put("data/a.txt", "written later, and longer")
    return trial.gives_back(version, FILES)


@case("An object is overwritten with as many other bytes", KEPT)
def overwritten_same_size(trial: Trial) -> Result:
    trial.puts(FILES)
    version = trial.log()
    trial.put("data/a.txt", "rewritten!")
    return trial.gives_back(version, FILES)


@case("An object is deleted: a delete marker covers it", KEPT)
def delete_marker(trial: Trial) -> Result:
    trial.puts(FILES)
    version = trial.log()
    trial.delete("data/a.txt")
    return trial.gives_back(version, FILES)


@case("An object is deleted, and it is logged again", COMPLETE)
def logged_after_delete(trial: Trial) -> Result:
    trial.puts(FILES)
    trial.log()
    trial.delete("data/a.txt")
    listed = trial.paths(trial.log())
    if listed == ["deep/b.txt"]:
        return Result(Outcome.HOLDS, "the new version is without the object")
    return Result(Outcome.DOES_NOT_HOLD, f"the newest version lists {', '.join(listed)}")


@case("An object is deleted and then written again, with other bytes", KEPT)
def deleted_and_restored(trial: Trial) -> Result:
    trial.puts(FILES)
    version = trial.log()
    trial.delete("data/a.txt")
    trial.put("data/a.txt", "written again")
    trial.log()
    return trial.gives_back(version, FILES)


@case(
    "The recorded object version is deleted for good, and other bytes are there",
    HONEST,
    right=HOLDS_OR_FAILS,
)
def version_gone(trial: Trial) -> Result:
    trial.puts({"deep/b.txt": FILES["deep/b.txt"]})
    recorded = trial.put("data/a.txt", FILES["a.txt"])
    version = trial.log()
    trial.put("data/a.txt", "other, now")
    trial.delete("data/a.txt", recorded)
    return trial.gives_back(version, FILES)


@case("Nothing changed, and it is logged again", UNCHANGED)
def unchanged(trial: Trial) -> Result:
    trial.puts(FILES)
    return same_version(trial.log(), trial.log())


@case("The same bytes are uploaded again, under a new version id", UNCHANGED)
def same_bytes_again(trial: Trial) -> Result:
    trial.puts(FILES)
    first = trial.log()
    trial.put("data/a.txt", FILES["a.txt"])
    return same_version(first, trial.log())


@case(
    "The same bytes are uploaded again, and the first object version is deleted for good",
    KEPT,
    without={
        "wandb": "it gives back the object version of the first log",
    },
)
def same_bytes_first_gone(trial: Trial) -> Result:
    trial.puts({"deep/b.txt": FILES["deep/b.txt"]})
    recorded = trial.put("data/a.txt", FILES["a.txt"])
    trial.log()
    trial.put("data/a.txt", FILES["a.txt"])
    newest = trial.log()
    trial.delete("data/a.txt", recorded)
    return trial.gives_back(newest, FILES)


def same_version(first: str, second: str) -> Result:
    """Tell whether two logs gave one version."""
    if first == second:
        return Result(Outcome.HOLDS, "one version")
    return Result(Outcome.DOES_NOT_HOLD, "a second version of the same bytes")
