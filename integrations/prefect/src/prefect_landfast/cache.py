"""ARTIFACT_DIGEST: skip a task while the content that it reads and its parameters are the same."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Any

import landfast
from prefect.cache_policies import STABLE_TRANSFORMS, TASK_SOURCE, CachePolicy
from prefect.context import TaskRunContext
from prefect.filesystems import LocalFileSystem
from prefect.utilities.hashing import hash_objects

from prefect_landfast.fingerprint import describe
from prefect_landfast.locality import elsewhere
from prefect_landfast.logs import say_once


@dataclass
class ArtifactDigest(CachePolicy):
    """Makes the cache key of a task from its source code, its inputs, and the content of artifacts.

    Of an artifact version only the digest counts: content that came back, another version number, moved
    objects or aliases change nothing.  All else counts as in Prefect's `INPUTS`.

    Args:
        exclude: Names of parameters that do not count, as in ``ARTIFACT_DIGEST - "verbose"``.

    Example:
        >>> from prefect import task
        >>> @task(cache_policy=ARTIFACT_DIGEST, persist_result=True)
        ... def train(data, lr): ...
    """

    exclude: list[str] = field(default_factory=list)

    def compute_key(
        self,
        task_ctx: TaskRunContext,
        inputs: dict[str, Any],
        flow_parameters: dict[str, Any],
        **kwargs: Any,
    ) -> str | None:
        """Return the key; the same in every process for the same content, inputs and code."""
        counted = {name: value for name, value in inputs.items() if name not in self.exclude}
        described = describe(counted, version=lambda found: found.digest, other=_hash_of)
        source = TASK_SOURCE.compute_key(task_ctx, inputs, flow_parameters, **kwargs)
        _say_where_results_are(task_ctx)
        text = json.dumps([task_ctx.task.name, source, described])
        return hashlib.sha256(text.encode()).hexdigest()

    def __sub__(self, other: str) -> ArtifactDigest:
        """Return the policy without a parameter."""
        if not isinstance(other, str):
            raise TypeError("Only the name of a parameter can be taken from a cache policy.")
        return replace(self, exclude=[*self.exclude, other])


ARTIFACT_DIGEST = ArtifactDigest()

# For Prefect's own `INPUTS`: a version stays the same input when an alias moves to it.
STABLE_TRANSFORMS[landfast.ArtifactVersion] = lambda version: [
    version.qualified_name,
    version.digest,
]


def _hash_of(value: Any) -> str:
    return str(hash_objects(value, raise_on_failure=True))


def _say_where_results_are(task_ctx: TaskRunContext) -> None:
    """Say once, where tasks run on several machines, that results on one's disk spare no other the work."""
    if isinstance(task_ctx.result_store.result_storage, LocalFileSystem) and elsewhere():
        say_once(
            "ARTIFACT_DIGEST: results are kept on this machine's disk, so only this machine skips unchanged"
            " work. For all machines to, give the task result_storage='s3-bucket/NAME', or set"
            " PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK."
        )
