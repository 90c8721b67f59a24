"""Macros: what a template hands to a step in another language, so that it joins the task's run."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from landfast_provider.hooks.landfast import DEFAULT_CONN_ID

if TYPE_CHECKING:
    from landfast_provider.task_run import TaskRun


class Variables(dict[str, str]):
    """Environment variables; as text, assignments for a shell."""

    def __str__(self) -> str:
        return " ".join(f"{name}={shlex.quote(value)}" for name, value in self.items())


def env(task_instance: Any, landfast_conn_id: str = DEFAULT_CONN_ID) -> Variables:
    """Return the variables by which a subprocess, a pod or a Spark step joins the run of its task.

    The registry's URL is among them unless it holds a password: hand it over with `registry_url` then.  A step without
    it fails, as `LANDFAST_RUN` lets no other registry take its place.

    Args:
        task_instance: As templates have it.
        landfast_conn_id: The registry.

    Example:
        >>> BashOperator(  # doctest: +SKIP
        ...     task_id="train",
        ...     bash_command="export {{ macros.landfast.env(task_instance) }}; ./train.sh",
        ... )
    """
    return Variables(_run(task_instance, landfast_conn_id).client.run_env())


def registry_url(task_instance: Any, landfast_conn_id: str = DEFAULT_CONN_ID) -> str:
    """Return the registry's URL with its password, for the `env` of an operator, where Airflow masks it.

    Args:
        task_instance: As templates have it.
        landfast_conn_id: The registry.

    Example:
        >>> BashOperator(  # doctest: +SKIP
        ...     task_id="train",
        ...     bash_command="export {{ macros.landfast.env(task_instance) }}; ./train.sh",
        ...     env={"LANDFAST_REGISTRY_URL": "{{ macros.landfast.registry_url(task_instance) }}"},
        ...     append_env=True,
        ... )
    """
    return _run(task_instance, landfast_conn_id).client.settings.effective_registry_url


def use(task_instance: Any, artifact: str, landfast_conn_id: str = DEFAULT_CONN_ID) -> str:
    """Return the name of the version that a task reads, and record that it does; as `use_artifact` decides.

    It is the full name, ``default/nlp/corpus~PARTITION:v3`` with the partition percent-encoded, which a shell
    takes as it is.  (In a URI it would cut at ``&``.)

    Args:
        task_instance: As templates have it.
        artifact: The artifact, with or without a version.
        landfast_conn_id: The registry.

    Example:
        >>> BashOperator(  # doctest: +SKIP
        ...     task_id="train",
        ...     bash_command="landfast get {{ macros.landfast.use(task_instance, 'nlp/corpus') }} --root data",
        ...     inlets=[artifact_asset("nlp/corpus")],
        ... )
    """
    return _run(task_instance, landfast_conn_id).use(artifact).qualified_name


def _run(task_instance: Any, landfast_conn_id: str) -> TaskRun:
    # Begun here, and ended by the task's callbacks: the step that joins it does neither.
    from landfast_provider.task_run import TaskRun

    return TaskRun.of(task_instance.get_template_context(), landfast_conn_id, None, None)
