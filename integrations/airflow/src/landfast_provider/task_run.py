"""TaskRun: what a task instance uses and logs, and in whose name."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import landfast
from airflow.sdk import Asset

from landfast_provider.assets import ArtifactAsset, DeclaredAsset, name_of
from landfast_provider.events import (
    add_event,
    consumer,
    has_concrete,
    partition_of_run,
)
from landfast_provider.hooks.landfast import LandfastHook
from landfast_provider.pins import (
    Pin,
    PinSource,
    find_pin,
    require_one,
    speaks_of,
    triggering_events,
)
from landfast_provider.run_key import run_key
from landfast_provider.unread import WINDOWS, Window, changed_before, find_window, unread

log = logging.getLogger(__name__)

# What a caller may say of a version that is to be read.
Named = str | landfast.ArtifactName | landfast.ArtifactVersion | Asset

_PINS = "pins"
# So many versions are named in one line of a log.
_LOGGED = 10
_open: dict[tuple[Any, ...], TaskRun] = {}


class TaskRun:
    """One try of a task instance, as a run of the registry.

    The try that follows meets the same run: it reads what this one read, and adds no edge.

    Args:
        context: Of the task.
        hook: The registry.
    """

    def __init__(self, context: Mapping[str, Any], hook: LandfastHook) -> None:
        self.context = context
        self.hook = hook
        self.ti = context["ti"]
        self.client = hook.get_client(run=run_key(self.ti))
        self.used: list[landfast.ArtifactVersion] = []
        self.logged: list[landfast.ArtifactVersion] = []
        self._announced: list[tuple[str, landfast.Change]] = []
        # What earlier tries of this task have read: by which pins, and by which windows of the feed.
        self._read: dict[str, dict[str, Any]] = {_PINS: {}, WINDOWS: {}, **self._begin()}
        self._end_with_the_task()
        task = self.ti.task
        task.outlets = [each for each in task.outlets if not isinstance(each, DeclaredAsset)]

    @classmethod
    def of(
        cls,
        context: Mapping[str, Any],
        landfast_conn_id: str,
        aws_conn_id: str | None = None,
        gcp_conn_id: str | None = None,
    ) -> TaskRun:
        """Return the run of a task instance's try: the same one for the same connections."""
        key = (context["ti"].id, landfast_conn_id, aws_conn_id, gcp_conn_id)
        run = _open.get(key)
        if run is None or run.ti is not context["ti"]:
            hook = LandfastHook(landfast_conn_id, aws_conn_id=aws_conn_id, gcp_conn_id=gcp_conn_id)
            run = _open[key] = cls(context, hook)
        return run

    def use(self, named: Named, *, type: str | None = None) -> landfast.ArtifactVersion:
        """Return the version that this task reads, and record that it does.

        Args:
            named: The artifact, with or without a version.
            type: The type expected.

        Raises:
            InvalidInput: If nothing says which version and the artifact is not among the task's inlets, or if
                several partitions triggered the run.
            NotFound: If there is no such version.
            Conflict: If it has another type.
        """
        name = to_name(named)
        pin = self._pin(name)
        version = self.client.use(pin.name, type=type)
        log.info("uses %s, chosen by: %s", version.qualified_name, pin.source)
        if pin.source is not PinSource.EARLIER_TRY:
            self._note(_PINS, name, {"uri": version.uri, "by": pin.source.value})
        self.used.append(version)
        return version

    def use_all(self, named: Named, *, declared: bool = False) -> list[landfast.ArtifactVersion]:
        """Return the newest version of each partition that this DAG has not read, and record that it does.

        Args:
            named: The artifact; with a version or a partition the list is of what `use` returns.
            declared: Whether other tasks read them and this one does not.
        """
        name = to_name(named)
        if name.picks_version or name.partition:
            return [self.use(name)]
        versions = self._of_partition(name)
        if versions is None:
            known = self._read[WINDOWS].get(str(name))
            window = Window(**known) if known else find_window(self.context, self.client, name)
            self._note(WINDOWS, name, asdict(window))
            versions = unread(self.context, self.client, name, window)
        self.client.use_all(versions, declared=declared)
        found = ", ".join(version.qualified_name for version in versions[:_LOGGED])
        log.info("uses %d versions of %s: %s", len(versions), name, found or "nothing is new")
        if not declared:
            self.used += versions
        return versions

    def resolve(self, named: Named) -> landfast.ArtifactVersion:
        """Return the version that `use` would, without recording it; OpenLineage is told."""
        version = self.client.get(self._pin(to_name(named)).name)
        self.used.append(version)
        return version

    def declare(self, named: Named) -> landfast.ArtifactVersion:
        """Return a version, and record that this DAG run is about it."""
        version = self.client.use(to_name(named), declared=True)
        self.used.append(version)
        return version

    def took(self, version: landfast.ArtifactVersion) -> landfast.ArtifactVersion:
        """Take note of a version that this task logged."""
        log.info("%s: %s", version.full_name.bare(), version.outcome)
        self.logged.append(version)
        return version

    def announce(
        self, asset: ArtifactAsset, version: landfast.ArtifactVersion, *, always: bool = False
    ) -> bool:
        """Emit the event of a change that consumers were not told of yet, as the task succeeds.

        Args:
            asset: The asset; it, or its `on_change`, is an outlet of the task.
            version: What this task found.
            always: Whether to emit an event without a change, too.

        Returns:
            Whether there will be an event that this task asked for.
        """
        told = consumer(asset)

        def send(news: landfast.ArtifactVersion, change: landfast.Change | None) -> bool:
            return add_event(self.context, asset, news.facts(change))

        # Airflow stores events with the task's success: only then it counts as told.
        change = self.client.announce(version.full_name, told, send, mark=False)
        if change is not None:
            self._announced.append((told, change))
            return True
        return always and send(version, None)

    def has_concrete_outlet(self, asset: ArtifactAsset) -> bool:
        """Whether each success of this task emits an event of the asset."""
        return has_concrete(self.outlets, asset)

    @property
    def outlets(self) -> Sequence[Any]:
        """The task's outlets."""
        outlets: Sequence[Any] = self.ti.task.outlets
        return outlets

    def _begin(self, config: Mapping[str, Any] | None = None) -> dict[str, Any]:
        record = self.client.begin_run(
            name=f"{self.ti.dag_id}.{self.ti.task_id}",
            link=self.ti.log_url,
            attempt=max(1, self.ti.try_number),
            config=config,
        )
        return record.config

    def _pin(self, name: landfast.ArtifactName) -> Pin:
        earlier = {key: known["uri"] for key, known in self._read[_PINS].items()}
        pin = find_pin(self.context, name, earlier=earlier)
        is_open = pin.name.partition and not name.partition and not partition_of_run(self.context)
        if pin.source is PinSource.TRIGGERING_EVENT and is_open:
            # Not all that changed has an event of this run.
            changed = changed_before(self.context, self.client, name)
            require_one(changed | {pin.name.partition}, name)
        return pin

    def _of_partition(self, name: landfast.ArtifactName) -> list[landfast.ArtifactVersion] | None:
        """Return what the events say that started the run of one of Airflow's partitions; None of another run."""
        events = triggering_events(self.context, name)
        if events is None or partition_of_run(self.context) is None:
            return None
        newest = {said.partition: said for event in events if (said := speaks_of(event, name))}
        return [self.client.get(said) for said in newest.values()]

    def _note(self, kind: str, name: landfast.ArtifactName, said: dict[str, Any]) -> None:
        self._read[kind] = {**self._read[kind], str(name): said}
        self._begin({kind: known for kind, known in self._read.items() if known})

    def _end_with_the_task(self) -> None:
        task = self.ti.task
        ends = {
            "on_success_callback": self._succeeded,
            "on_skipped_callback": self._succeeded,
            "on_retry_callback": self._failed,
            "on_failure_callback": self._failed,
        }
        for kind, end in ends.items():
            setattr(task, kind, [*(getattr(task, kind, None) or ()), end])

    def _succeeded(self, _context: Any) -> None:
        # Not before: events are stored with the task's success, so only now consumers were told.
        for told, change in self._announced:
            self.client.mark_announced(told, change)
        self._finish(landfast.RunStatus.FINISHED)

    def _failed(self, _context: Any) -> None:
        self._finish(landfast.RunStatus.FAILED)

    def _finish(self, status: landfast.RunStatus) -> None:
        self.client.finish_run(status)
        self.client.close()
        for key in [key for key, run in _open.items() if run is self]:
            del _open[key]


def to_name(named: Named) -> landfast.ArtifactName:
    """Return the full name of what a caller says: a name, a URI, a version or an asset.

    Raises:
        InvalidInput: If it is none of these.
    """
    if isinstance(named, landfast.ArtifactVersion):
        return named.full_name
    if isinstance(named, Asset):
        return name_of(named)
    return landfast.full_name(named)
