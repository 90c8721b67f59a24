"""What may be asked of a system that records references, and where each system documents that it does it.

Where none of a system's own pages says it, there is no row: then the case is run all the same, and its cell says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_WANDB = "https://docs.wandb.ai/models/artifacts/track-external-files"
_QUILT = "https://docs.quilt.bio/mentalmodel"
_DVC = "https://dvc.org/doc/user-guide/data-management/cloud-versioning"
_DVC_IMPORT = "https://dvc.org/doc/user-guide/data-management/importing-external-data"
_DATACHAIN = "https://docs.datachain.ai/concepts/datasets/"


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise, in our words, and the page of each system that makes it."""

    words: str
    documented: Mapping[str, str] = field(repr=False)


KEPT = Promise(
    "A version gives back the recorded bytes as long as they exist in their store.",
    {
        "landfast": "downloads.md",
        "wandb": _WANDB,
        "quilt3": _QUILT,
        "dvc": _DVC,
        "datachain": _DATACHAIN,
    },
)
HONEST = Promise(
    "A version gives back the recorded bytes or an error; never other bytes.",
    {
        "landfast": "downloads.md",
        "wandb": _WANDB,
        "quilt3": _QUILT,
        "dvc": _DVC_IMPORT,
    },
)
COMPLETE = Promise(
    "Every object below the place is in the version, or an error or a warning names what is not.",
    {
        "landfast": "scanning.md",
        "wandb": _WANDB,
        "quilt3": "https://github.com/quiltdata/quilt/blob/master/api/python/quilt3/packages.py",
        "dvc": _DVC_IMPORT,
        "datachain": "https://github.com/datachain-ai/datachain/blob/main/src/datachain/lib/dc/storage.py",
    },
)
CHANGED = Promise(
    "Content that changed makes a new version.",
    {
        "landfast": "versions.md",
        "wandb": "https://docs.wandb.ai/models/artifacts/create-a-new-artifact-version",
        "quilt3": _QUILT,
        "dvc": "https://dvc.org/doc/command-reference/update",
        "datachain": "https://docs.datachain.ai/guide/checkpoints/",
    },
)
LIMITED = Promise(
    "More objects than the limit that was given is an error; nothing is left out in silence.",
    {"landfast": "scanning.md#limits", "wandb": _WANDB},
)
CHECKED = Promise(
    "Bytes that come are compared with what was recorded before they are given out.",
    {"landfast": "downloads.md"},
)
INSIDE = Promise(
    "Nothing is written outside the folder that was named.",
    {"landfast": "security.md#what-a-colleague-can-do-to-you"},
)
SECRET = Promise(
    "A secret in an address is not stored with the record.",
    {"landfast": "security.md#what-never-is"},
)
TOGETHER = Promise(
    "Processes that log into one name at once all have their version.",
    {"landfast": "registry.md"},
)
WHOLE = Promise(
    "A process that is killed leaves nothing torn: what is there is whole, and doing it again works.",
    {"landfast": "downloads.md#the-target-folder"},
)
UNCHANGED = Promise(
    "Content that did not change makes no new version.",
    {
        "landfast": "versions.md",
        "wandb": "https://docs.wandb.ai/models/artifacts/create-a-new-artifact-version",
        "dvc": "https://dvc.org/doc/command-reference/update",
    },
)
