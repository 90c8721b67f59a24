"""Events: what a run event or a change is in OpenLineage's words; the same each time it is told."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from openlineage.client.event_v2 import DatasetEvent, Job, Run, RunEvent, RunState
from openlineage.client.facet_v2 import job_type_job

from landfast.model.lineage import RunEvent as Row
from landfast.model.lineage import RunEventKind
from landfast.model.times import format_time
from landfast.openlineage import datasets, jobs
from landfast.openlineage.facets import PRODUCER, LandfastRunFacet

if TYPE_CHECKING:
    from landfast.model.names import ArtifactName
    from landfast.model.run import RunKey
    from landfast.model.version import Change, VersionRecord

K = TypeVar("K")
V = TypeVar("V")
_MOST_RUNS, _MOST_VERSIONS = 1_000, 10_000
_STATES = {
    RunEventKind.STARTED: RunState.START,
    RunEventKind.FINISHED: RunState.COMPLETE,
    RunEventKind.FAILED: RunState.FAIL,
}
_ENDS = {RunEventKind.FINISHED, RunEventKind.FAILED}


@dataclass(slots=True)
class _Story:
    """What is known of a run up to an event of it."""

    began: Row
    is_over: bool = False
    used: dict[int, ArtifactName] = field(default_factory=dict)
    logged: dict[int, ArtifactName] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        if row.kind is RunEventKind.STARTED:
            self.began, self.is_over = row, False
        elif row.kind in _ENDS:
            self.is_over = True
        elif row.version is not None and row.version_id is not None:
            side = self.logged if row.kind is RunEventKind.LOGGED else self.used
            side[row.version_id] = row.version


class Events:
    """Translates rows of both streams; remembers what it needs of the runs that it has met.

    Args:
        find: Returns a version, deleted or not.
        history: Returns the events of a run up to a position, oldest first.
    """

    def __init__(
        self,
        find: Callable[[ArtifactName], VersionRecord],
        history: Callable[[RunKey, int], list[Row]],
    ) -> None:
        self._find = find
        self._history = history
        self._stories: OrderedDict[RunKey, _Story] = OrderedDict()
        self._versions: OrderedDict[ArtifactName, VersionRecord] = OrderedDict()

    def of_change(self, change: Change) -> DatasetEvent:
        """Return what the dataset is from a change on."""
        return DatasetEvent(
            eventTime=format_time(change.at),
            producer=PRODUCER,
            dataset=datasets.changed(change, self._version(change.version)),
        )

    def of_row(self, row: Row) -> RunEvent:
        """Return what a run did: an end tells all that it used and logged, an edge only itself."""
        story = self._story(row)
        state = _STATES.get(row.kind, RunState.OTHER if story.is_over else RunState.RUNNING)
        inputs, outputs = story.used, story.logged
        if row.kind is RunEventKind.STARTED:
            inputs, outputs = {}, {}
        elif row.kind not in _ENDS:
            assert row.version is not None
            assert row.version_id is not None
            own = {row.version_id: row.version}
            is_output = row.kind is RunEventKind.LOGGED
            inputs, outputs = ({}, own) if is_output else (own, {})
        return RunEvent(
            eventTime=format_time(row.at),
            producer=PRODUCER,
            eventType=state,
            run=_run(story.began),
            job=_job(story.began),
            inputs=[datasets.used(self._version(name)) for name in inputs.values()],
            outputs=[datasets.logged(self._version(name)) for name in outputs.values()],
        )

    def hear(self, row: Row) -> None:
        """Remember a row that somebody else tells of."""
        self._story(row)

    def _story(self, row: Row) -> _Story:
        story = self._stories.get(row.run)
        if story is None:
            # A row that nobody gave a position to is told by its own run, from the beginning.
            before = self._history(row.run, row.position - 1) if row.position else []
            first = replace(row, kind=RunEventKind.STARTED, attempt=row.attempt or 1)
            story = _Story(began=first)  # unless its beginning is found
            for earlier in before:
                story.add(earlier)
        story.add(row)
        _remember(self._stories, row.run, story, _MOST_RUNS)
        return story

    def _version(self, name: ArtifactName) -> VersionRecord:
        found = self._versions.get(name) or self._find(name)
        _remember(self._versions, name, found, _MOST_VERSIONS)
        return found


def _remember(kept: OrderedDict[K, V], key: K, value: V, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > most:
        kept.popitem(last=False)


def _run(began: Row) -> Run:
    key = began.run
    facets = {
        "landfast_run": LandfastRunFacet(
            system=key.system,
            deployment=key.deployment,
            run=key.run_id,
            node=key.node,
            part=key.part,
            attempt=began.attempt or 1,
            name=began.name,
            link=began.link,
            producer=PRODUCER,
        )
    }
    above = jobs.parent(began)
    return Run(runId=jobs.run_id(began), facets=facets | ({"parent": above} if above else {}))


def _job(began: Row) -> Job:
    kind = job_type_job.JobTypeJobFacet(
        processingType="BATCH", integration="LANDFAST", jobType="RUN", producer=PRODUCER
    )
    return Job(
        namespace=f"landfast://{began.entity}", name=jobs.job_name(began), facets={"jobType": kind}
    )
