"""@task.landfast: a function whose inputs are versions, and whose return value is where it wrote."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import landfast
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import Asset

from landfast_provider.assets import ArtifactAsset, artifact_asset, inlets_of, outlets_of
from landfast_provider.operators.base import PartitionOperator
from landfast_provider.taskflow import took
from landfast_provider.version_compat import (
    DecoratedOperator,
    TaskDecorator,
    task_decorator_factory,
)

Outputs = str | Asset | Sequence[str | Asset]


class LandfastDecoratedOperator(PartitionOperator, DecoratedOperator, PythonOperator):
    """What `@task.landfast` makes of a function."""

    custom_operator_name = "@task.landfast"
    template_fields: Sequence[str] = (
        *("op_args", "op_kwargs"),
        *PartitionOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"op_args": "py", "op_kwargs": "py"}

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        inputs: Mapping[str, str | Asset] | None = None,
        outputs: Outputs = (),
        type: str | None = None,
        op_args: Sequence[Any] = (),
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.inputs = dict(inputs or {})
        self.output_assets = _assets(outputs)
        self.type = type
        given: dict[str, Any] = {
            "op_args": op_args,
            "op_kwargs": self._with_inputs(python_callable, op_args, op_kwargs),
        }
        super().__init__(
            kwargs_to_upstream={"python_callable": python_callable, **given},
            python_callable=python_callable,
            **given,
            **kwargs,
        )

    def execute(self, context: Any) -> Any:
        """Choose the versions, call the function, and log where it says that it wrote."""
        run = self.begin(context)
        names = list(inspect.signature(self.python_callable).parameters)
        self.op_args = [
            run.use(value) if name in self.inputs else value
            for name, value in zip(names, self.op_args, strict=False)
        ] + list(self.op_args)[len(names) :]
        self.op_kwargs = {
            name: run.use(value) if name in self.inputs else value
            for name, value in self.op_kwargs.items()
        }
        return self._answer(super().execute(context))

    def _with_inputs(
        self,
        function: Callable[..., Any],
        op_args: Sequence[Any],
        op_kwargs: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        """Return the keyword arguments, each input that the caller leaves out by its artifact's name."""
        names = list(inspect.signature(function).parameters)
        unknown = sorted(self.inputs.keys() - set(names))
        if unknown:
            raise landfast.InvalidInput(
                f"{function.__name__}() has no parameter {unknown[0]!r}, which is among its inputs",
                subject=unknown[0],
                expected="one of " + ", ".join(names),
            )
        positional = set(names[: len(op_args or ())])
        missing = {
            name: str(artifact_asset(named).artifact) if isinstance(named, Asset) else named
            for name, named in self.inputs.items()
            if name not in positional
        }
        return {**missing, **(op_kwargs or {})}

    def _answer(self, returned: Any) -> Any:
        if not self.output_assets:
            return returned
        if len(self.output_assets) == 1:
            return self._log(self.output_assets[0], returned)
        if not isinstance(returned, Mapping):
            raise self._wrong(returned, "a dictionary of URIs by artifact")
        by_asset = {artifact_asset(name).uri: place for name, place in returned.items()}
        unknown = sorted(by_asset.keys() - {asset.uri for asset in self.output_assets})
        if unknown:
            raise self._wrong(unknown[0], "only artifacts that are among its outputs")
        return {
            str(asset.artifact): self._log(asset, by_asset.get(asset.uri))
            for asset in self.output_assets
        }

    def _log(self, asset: ArtifactAsset, place: Any) -> str:
        """Log what lies at a place; a version that the function logged itself is taken as it is."""
        run, name = self._run, asset.artifact
        if place is None:
            logged = [v for v in run.logged if artifact_asset(v.full_name.bare()).uri == asset.uri]
            place = logged[-1] if logged else None
        if isinstance(place, landfast.ArtifactVersion):
            version = place
        elif isinstance(place, str | Path | landfast.Reference | list | tuple):
            places = place if isinstance(place, list | tuple) else (place,)
            version = run.client.log(name, *places, type=self.type, partition=self.key)
            took(run, asset, version)
        else:
            raise self._wrong(place, f"the URI where it wrote {name}")
        return self.answer(version)

    def _wrong(self, found: Any, expected: str) -> landfast.InvalidInput:
        return landfast.InvalidInput(
            f"{self.python_callable.__name__}() returned something else than its outputs ask for",
            subject=self.task_id,
            expected=expected,
            found=repr(found)[:200],
        )


def landfast_task(
    python_callable: Callable[..., Any] | None = None,
    multiple_outputs: bool | None = None,
    *,
    inputs: Mapping[str, str | Asset] | None = None,
    outputs: Outputs = (),
    inlets: Sequence[Any] = (),
    outlets: Sequence[Any] = (),
    **kwargs: Any,
) -> TaskDecorator:
    """Make a task of a function that reads and writes artifacts: ``@task.landfast``.

    Args:
        python_callable: The function.
        multiple_outputs: As for `@task`.
        inputs: Artifact by parameter: the function gets the `landfast.ArtifactVersion`. A call may say the version:
            ``train(data=snapshot.output)``.
        outputs: The artifacts that the function writes. It returns where: a URI (or several) for one output, a
            dictionary of them by artifact for more. XCom gets the ``landfast://`` URI of the version.
        inlets: More inlets; the inputs are inlets.
        outlets: More outlets; each output has its `on_change`.
        kwargs: type, partition, landfast_conn_id, aws_conn_id, gcp_conn_id, and what `@task` takes.

    Example:
        >>> @task.landfast(inputs={"corpus": "nlp/corpus"}, outputs="nlp/features")  # doctest: +SKIP
        ... def features(corpus):
        ...     folder = corpus.download()
        ...     return "s3://bucket/features/"
    """
    read = [inlet for named in (inputs or {}).values() for inlet in inlets_of(named)]
    written = [outlet for asset in _assets(outputs) for outlet in outlets_of(asset)]
    return task_decorator_factory(
        python_callable=python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=LandfastDecoratedOperator,
        inputs=inputs,
        outputs=outputs,
        inlets=[*inlets, *read],
        outlets=[*outlets, *written],
        **kwargs,
    )


def _assets(outputs: Outputs) -> list[ArtifactAsset]:
    several = isinstance(outputs, Sequence) and not isinstance(outputs, str)
    named: Any = outputs if several else [outputs]
    return [artifact_asset(name) for name in named]
