"""What a Dagster context is in Landfast: a run, met again by a retry, and begun before it does anything.

One Dagster run is several Landfast runs: one for each asset and partition that it makes (or for each step of
a job of ops).  So an edge says which partition of which asset was made of what, also where one step makes
several assets, or a whole range of partitions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg
import landfast

from dagster_landfast import compat, identity

SYSTEM = "dagster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What a step says of itself.

    Args:
        key: The run for the step as a whole.
        step_key: The step's name in Dagster's events.
        job: Name of the job.
        attempt: From 1; a retry is a further attempt of the same run.
        assets: The assets that the step makes; empty for an op.
        partitions: The partitions that it makes; None if it makes none.
        tags: Of Dagster's run, those that say why it runs.
    """

    key: landfast.RunKey
    step_key: str
    job: str
    attempt: int
    assets: tuple[dg.AssetKey, ...]
    partitions: tuple[str, ...] | None
    tags: dict[str, str]

    def run_key(
        self, asset_key: dg.AssetKey | None = None, partition_key: str | None = None
    ) -> landfast.RunKey:
        """Return the run that makes one asset, or one partition of it.

        Args:
            asset_key: None is the only asset of the step, or the step itself.
            partition_key: None is the only partition of the step, or all of them together.
        """
        if asset_key is None and len(self.assets) == 1:
            asset_key = self.assets[0]
        node = self.key.node if asset_key is None else asset_key.to_user_string()
        part = self.key.part if partition_key is None else identity.partition(partition_key)
        return replace(self.key, node=node, part=part)

    def run_keys(
        self, asset_key: dg.AssetKey | None, partition_key: str | None
    ) -> list[landfast.RunKey]:
        """Return the runs in whose name one asset and partition may have been logged, its own first."""
        own = self.run_key(asset_key, partition_key)
        return list(dict.fromkeys([own, self.run_key(asset_key), self.key]))

    def run_of_step(self, output: dg.OutputContext) -> landfast.RunKey:
        """Return the run of the op that made an output, in this Dagster run or the one it repeats."""
        node, bracket, mapping_key = output.step_key.partition("[")
        return replace(
            self.key,
            run_id=output.run_id or self.key.run_id,
            node=node,
            part=mapping_key.rstrip("]") if bracket else self.key.part,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A run that is recorded.

    Args:
        step_key: The step's name in Dagster's events.
        attempt: From 1.
        client: Bound to the run.
    """

    step_key: str
    attempt: int
    client: landfast.Client


def execution(context: Any, *, deployment: str | None = None) -> Execution | None:
    """Return what a context says of its run; None if it belongs to none.

    Args:
        context: Of an asset, op, check, input, output or hook; in a run, made for a test, or None.
        deployment: Instead of Dagster's instance and code location.
    """
    step = compat.step_context(context)
    if step is None:
        return None
    run: dg.DagsterRun = step.dagster_run
    partitions = compat.partition_keys(step)
    return Execution(
        key=landfast.RunKey(
            system=SYSTEM,
            deployment=deployment or deployment_of(step.instance, run),
            run_id=run.run_id,
            node=str(step.node_handle),
            part=_part(step.step.get_mapping_key(), partitions),
        ),
        step_key=step.step.key,
        job=run.job_name,
        attempt=step.previous_attempt_count + 1,
        assets=tuple(compat.output_assets(step)),
        partitions=None if partitions is None else tuple(partitions),
        tags=_telling(run),
    )


def run_key(
    context: Any,
    *,
    deployment: str | None = None,
    asset_key: dg.AssetKey | None = None,
    partition_key: str | None = None,
) -> landfast.RunKey | None:
    """Return the Landfast run of a Dagster context; None outside a run.

    Args:
        context: As in `execution`.
        deployment: As in `execution`.
        asset_key: Of a step that makes several assets: for which one.
        partition_key: Of a step that makes several partitions: for which one.
    """
    found = execution(context, deployment=deployment)
    return None if found is None else found.run_key(asset_key, partition_key)


def begin(
    client: landfast.Client,
    found: Execution,
    key: landfast.RunKey,
    *,
    dagster_url: str | None = None,
) -> Begun:
    """Record a run, or meet it again, and return a client bound to it.

    Args:
        client: Any client on the registry.
        found: The step that the run belongs to.
        key: One of its runs.
        dagster_url: Base URL of Dagster's web server, for a link to its run.
    """
    bound = client.with_defaults(run=key)
    bound.begin_run(
        name=f"{key.node} {key.part}".strip(),
        job_type=found.job,
        attempt=found.attempt,
        link=f"{dagster_url.rstrip('/')}/runs/{key.run_id}" if dagster_url else None,
        config=found.tags,
    )
    return Begun(step_key=found.step_key, attempt=found.attempt, client=bound)


def finish(instance: dg.DagsterInstance | None, begun: Mapping[landfast.RunKey, Begun]) -> None:
    """Say how runs ended, by what Dagster says of their steps; a step that goes on, or is retried, stays open.

    Args:
        instance: Dagster's; without one nothing is known.
        begun: Runs that this process began.
    """
    if instance is None:
        return
    for run_id in {key.run_id for key in begun}:
        ours = {key: run for key, run in begun.items() if key.run_id == run_id}
        ended = compat.ended_steps(instance, run_id, {run.step_key for run in ours.values()})
        for run in ours.values():
            if run.step_key in ended:
                status = (
                    landfast.RunStatus.FINISHED
                    if ended[run.step_key]
                    else landfast.RunStatus.FAILED
                )
                run.client.finish_run(status)


def deployment_of(instance: dg.DagsterInstance, run: dg.DagsterRun | None = None) -> str:
    """Return the instance's own id and the code location, such as ``0c4e.../my_location``."""
    location = "" if run is None else compat.code_location(run)
    return "/".join(part for part in (compat.instance_id(instance), location) if part)


# A backfill and the run that is executed again say where a run belongs.
_TELLING_TAGS = ("dagster/backfill", "dagster/schedule_name", "dagster/sensor_name")


def _telling(run: dg.DagsterRun) -> dict[str, str]:
    repeated = {
        "dagster/parent_run_id": run.parent_run_id,
        "dagster/root_run_id": run.root_run_id,
    }
    return {name: run.tags[name] for name in _TELLING_TAGS if name in run.tags} | {
        name: run_id for name, run_id in repeated.items() if run_id
    }


def _part(mapping_key: str | None, partitions: Sequence[str] | None) -> str:
    if mapping_key is not None:
        return mapping_key
    if not partitions:
        return ""
    # As Dagster writes a range; "..." is not allowed in a key.
    ends = dict.fromkeys((identity.partition(partitions[0]), identity.partition(partitions[-1])))
    return "...".join(ends)
