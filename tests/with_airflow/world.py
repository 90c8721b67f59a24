"""World: an Airflow in this process, whose scheduler is moved by hand."""

from __future__ import annotations

import inspect
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import landfast
from airflow.models.asset import AssetEvent, AssetModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.sdk import DAG
from airflow.utils.session import create_session
from sqlalchemy import select

try:  # 3.2 and later
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
except ImportError:
    from airflow.models.dagbag import DagBag, sync_bag_to_db

_BAG = inspect.signature(DagBag).parameters


@dataclass(slots=True, kw_only=True)
class World:
    """One test's Airflow."""

    dags: Path
    registry: str
    _known: dict[str, DAG] = field(default_factory=dict)

    @property
    def client(self) -> landfast.Client:
        """A client on the registry that the tasks use."""
        return landfast.Client(self.registry)

    def add(self, source: str, name: str = "dags") -> None:
        """Write a DAG file, and load what it defines."""
        from airflow.dag_processing.bundles.manager import DagBundlesManager

        (self.dags / f"{name}.py").write_text(textwrap.dedent(source))
        manager = DagBundlesManager()
        manager.sync_bundles_to_db()
        (bundle,) = manager.get_all_dag_bundles()
        wanted = {"bundle_name": bundle.name, "include_examples": False}
        options = {key: value for key, value in wanted.items() if key in _BAG}
        bag = DagBag(self.dags, bundle_path=self.dags, **options)
        assert not bag.import_errors, bag.import_errors
        sync_bag_to_db(bag, bundle.name, None)
        self._known = dict(bag.dags)

    def dag(self, dag_id: str) -> DAG:
        """Return a DAG that was added."""
        return self._known[dag_id]

    def run(self, dag_id: str, **options: Any) -> DagRun:
        """Run a DAG by `dag.test()`, and return its run."""
        return self.dag(dag_id).test(**options)

    def triggered(self, dag_id: str) -> list[DagRun]:
        """Let the scheduler make the runs that assets ask for, run them, and return this DAG's."""
        from airflow.jobs.job import Job
        from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
        from airflow.utils.sqlalchemy import prohibit_commit

        with create_session() as session:
            known = set(session.scalars(select(DagRun.run_id).where(DagRun.dag_id == dag_id)))
            runner = SchedulerJobRunner(Job())
            with prohibit_commit(session) as guard:
                runner._create_dagruns_for_dags(guard, session)
                guard.commit()
        with create_session() as session:
            made = session.scalars(
                select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id.not_in(known))
            )
            ids = [run.run_id for run in made]
        return [self.go_on(dag_id, run_id) for run_id in ids]

    def go_on(self, dag_id: str, run_id: str) -> DagRun:
        """Run the tasks of a run that are due, until none is."""
        from airflow.sdk.definitions.dag import _run_task
        from airflow.utils.state import DagRunState, TaskInstanceState

        dag = self.dag(dag_id)
        with create_session() as session:
            run = session.scalar(
                select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
            )
            run.dag = self._scheduler_dag(dag)
            run.set_state(DagRunState.RUNNING)
            session.commit()
            while run.state == DagRunState.RUNNING:
                session.expire_all()
                due, _ = run.update_state(session=session)
                for ti in due:
                    ti.try_number += 1
                    ti.state = TaskInstanceState.SCHEDULED
                session.commit()
                for ti in due:
                    _run_task(ti=ti, task=dag.task_dict[ti.task_id], run_triggerer=True)
        return run

    def clear(self, dag_id: str, run_id: str, *task_ids: str) -> DagRun:
        """Clear tasks of a run as the UI does, and run them again."""
        from airflow.models.taskinstance import clear_task_instances

        with create_session() as session:
            found = session.scalars(
                select(TaskInstance).where(
                    TaskInstance.dag_id == dag_id,
                    TaskInstance.run_id == run_id,
                    TaskInstance.task_id.in_(task_ids),
                )
            ).all()
            clear_task_instances(list(found), session)
        return self.go_on(dag_id, run_id)

    def events(self, asset: Any, *, keyed: bool = False) -> list[dict[str, Any]]:
        """Return what the events of an asset said, oldest first: those with a key of Airflow's, or the others."""
        query = select(AssetEvent.extra).join(AssetModel, AssetModel.id == AssetEvent.asset_id)
        if hasattr(AssetEvent, "partition_key"):
            has_key = AssetEvent.partition_key.is_not(None)
            query = query.where(has_key if keyed else ~has_key)
        elif keyed:
            return []
        with create_session() as session:
            return list(
                session.scalars(query.where(AssetModel.uri == asset.uri).order_by(AssetEvent.id))
            )

    def states(self, run: DagRun) -> dict[str, str]:
        """Return the state of each task of a run; mapped ones by ``task[index]``."""
        with create_session() as session:
            found = session.scalars(
                select(TaskInstance).where(
                    TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id
                )
            )
            return {
                ti.task_id if ti.map_index < 0 else f"{ti.task_id}[{ti.map_index}]": str(ti.state)
                for ti in found
            }

    def xcom(self, run: DagRun, task_id: str, key: str = "return_value") -> Any:
        """Return what a task left for others."""
        from airflow.models.xcom import XComModel

        with create_session() as session:
            query = select(XComModel).where(
                XComModel.dag_id == run.dag_id,
                XComModel.run_id == run.run_id,
                XComModel.task_id == task_id,
                XComModel.key == key,
            )
            value = session.scalars(query).first()
            return None if value is None else XComModel.deserialize_value(value)

    def _scheduler_dag(self, dag: DAG) -> Any:
        from airflow.models.serialized_dag import SerializedDagModel

        with create_session() as session:
            return SerializedDagModel.get_dag(dag.dag_id, session=session)
