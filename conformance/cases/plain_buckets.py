"""A bucket whose versioning was never on, or is suspended: what is overwritten there is gone."""

from __future__ import annotations

from conformance.case import HOLDS_OR_FAILS, case
from conformance.outcomes import Result
from conformance.promises import HONEST
from conformance.trial import Trial

POINTERS = {
    "quilt3": "its FAQ strongly recommends versioning",
    "datachain": "it keeps pointers; no page says that it notices other bytes",
}
FILES = {"a.txt": "recorded a", "deep/b.txt": "recorded b"}


@case(
    "No versioning: an object is overwritten",
    HONEST,
    right=HOLDS_OR_FAILS,
    versioning=None,
    without=POINTERS,
)
def plain_overwritten(trial: Trial) -> Result:
    trial.puts(FILES)
    version = trial.log()
    trial.put("data/a.txt", "written later, and longer")
    return trial.gives_back(version, FILES)


@case(
    "No versioning: an object is deleted",
    HONEST,
    right=HOLDS_OR_FAILS,
    versioning=None,
    without=POINTERS,
)
def plain_deleted(trial: Trial) -> Result:
    trial.puts(FILES)
    version = trial.log()
    trial.delete("data/a.txt")
    return trial.gives_back(version, FILES)


@case(
    "Versioning suspended: the `null` version is overwritten",
    HONEST,
    right=HOLDS_OR_FAILS,
    versioning="Suspended",
    without=POINTERS,
)
def null_version_overwritten(trial: Trial) -> Result:
    trial.puts(FILES)
    version = trial.log()
    trial.put("data/a.txt", "written later, and longer")
    return trial.gives_back(version, FILES)
