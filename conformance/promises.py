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
        "quilt3": _QUILT,
        "dvc": _DVC_IMPORT,
        "datachain": "https://docs.datachain.ai/references/datachain/",
    },
)
UNCHANGED = Promise(
    "Content that did not change makes no new version.",
    {
        "landfast": "versions.md",
        "wandb": "https://docs.wandb.ai/models/artifacts/create-a-new-artifact-version",
        "dvc": "https://dvc.org/doc/command-reference/update",
    },
)
