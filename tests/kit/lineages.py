"""Lineages of any shape, written into a registry without content: versions of made-up digests, and runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count

from landfast.model.lineage import Direction
from landfast.model.manifest import ManifestSummary
from landfast.model.names import ArtifactName
from landfast.model.run import RunKey, RunRecord
from landfast.model.version import VersionRecord
from landfast.registry.registry import Registry
from landfast.registry.values import LogRequest, RunStart


@dataclass(slots=True)
class Recorder:
    """Records runs and versions of one project, ``default/vision``."""

    registry: Registry
    _numbers: count[int] = field(default_factory=count)

    def run(
        self,
        run_id: str,
        *,
        system: str = "test",
        node: str = "",
        part: str = "",
        name: str = "",
        link: str | None = None,
    ) -> RunRecord:
        """Begin a run."""
        key = RunKey(system=system, deployment="here", run_id=run_id, node=node, part=part)
        start = RunStart(key=key, entity="default", project="vision", name=name, link=link)
        return self.registry.begin_run(start)

    def log(
        self, collection: str, by: RunRecord | None = None, *, partition: str = ""
    ) -> VersionRecord:
        """Log a new version."""
        number = next(self._numbers)
        seen = sha256(str(number).encode()).hexdigest()
        self.registry.record_blobs({seen: 1})
        request = LogRequest(
            name=ArtifactName(
                entity="default", project="vision", collection=collection, partition=partition
            ),
            type="dataset",
            summary=ManifestSummary(
                digest=f"lf1:{seen}",
                pin_digest=f"lp1:{seen}",
                count=1,
                size=number,
                unverified=0,
                unpinned=0,
            ),
            blob=seen,
            ticket=self.registry.ticket(),
            run=None if by is None else by.key,
        )
        return self.registry.log(request).version

    def log_again(self, by: RunRecord, version: VersionRecord) -> None:
        """Let a run log a version that is there."""
        self.registry.add_edges(by.key, Direction.LOGGED, [version.id])

    def use(self, run: RunRecord, *versions: VersionRecord, declared: bool = False) -> None:
        """Let a run use versions."""
        direction = Direction.DECLARED if declared else Direction.USED
        self.registry.add_edges(run.key, direction, [version.id for version in versions])
