"""Run and init: W&B's shape, so that a script moves over by changing its import.

A run begins with `init`, ends with the process, and is marked failed by an exception.  `LANDFAST_RUN` in
the environment makes `init` join the run of a parent process instead.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from landfast.artifact import Artifact
from landfast.client import Client
from landfast.context import environment_context, set_default
from landfast.errors import LandfastError
from landfast.model.lineage import Direction
from landfast.model.reference import Reference
from landfast.model.run import RunKey, RunStatus
from landfast.own_run import joined_or_new
from landfast.spelling import named_options
from landfast.version import ArtifactVersion
from landfast.wandb_names import advise

_lock = threading.RLock()
_current: Run | None = None


class Run:
    """One execution of a script: its uses and logs become lineage edges.

    `landfast.init` makes a run and describes the options. A run is a context manager: an exception marks it as failed.
    """

    def __init__(
        self,
        client: Client,
        *,
        job_type: str = "",
        name: str = "",
        config: Mapping[str, Any] | None = None,
        link: str | None = None,
        joined: bool = False,
    ) -> None:
        self._client = client
        self._joined = joined
        self._finished = False
        self._pid = os.getpid()
        self.record = client.begin_run(job_type=job_type, name=name, config=config, link=link)
        self.config: dict[str, Any] = dict(self.record.config)

    @property
    def client(self) -> Client:
        """The client that logs for this run."""
        return self._client

    @property
    def key(self) -> RunKey:
        """Identity of the run: a retry has the same key."""
        return self.record.key

    @property
    def id(self) -> str:
        """Short id in the registry."""
        return self.record.id

    @property
    def name(self) -> str:
        """Display name, or the id."""
        return self.record.name or self.record.id

    @property
    def project(self) -> str:
        """Default project of names."""
        return self._client.settings.project

    @property
    def entity(self) -> str:
        """Default entity of names."""
        return self._client.settings.entity

    @property
    def job_type(self) -> str:
        """Kind of work that the run does, such as `train`."""
        return self.record.job_type

    @property
    def link(self) -> str | None:
        """URL of the run's page in another system."""
        return self.record.link

    @property
    def url(self) -> str | None:
        """URL of its web page; None unless `LANDFAST_UI_URL` is the address of `landfast ui`."""
        base = self.client.settings.ui_url
        return self.record.page(base) if base else None

    def env(self) -> dict[str, str]:
        """Return variables with which a subprocess, a pod or a Spark step joins this run; see `Client.run_env`."""
        return self.client.run_env()

    def log_artifact(
        self,
        artifact_or_path: Artifact | str | Path,
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] = (),
        tags: Sequence[str] = (),
        *,
        partition: str | None = None,
        move_latest: bool = True,
    ) -> ArtifactVersion:
        """Log an artifact as an output of this run.

        Args:
            artifact_or_path: A draft; or a URI, which is referenced; or a local path, which is copied.
            name: Name of the artifact, for a URI or path; None is ``run-ID-BASENAME``.
            type: Type of the artifact, for a URI or path; None is ``unspecified``.
            aliases: Aliases to move to the version; `latest` is implied.
            tags: Tags to add to the version.
            partition: Partition key, for a URI or path.
            move_latest: Whether to move `latest`; use False for backfills.

        Returns:
            The version with this content; a new version only if the content changed.
        """
        draft = artifact_or_path
        if not isinstance(draft, Artifact):
            draft = self._draft_of(str(draft), name, type or "unspecified", partition)
        return self._client.log_artifact(
            draft, aliases=aliases or (), tags=tags or (), move_latest=move_latest
        )

    def use_artifact(
        self,
        artifact_or_name: Artifact | ArtifactVersion | str,
        type: str | None = None,
        aliases: Sequence[str] = (),
        use_as: str | None = None,  # noqa: ARG002
    ) -> ArtifactVersion:
        """Mark a version as an input of this run.

        Args:
            artifact_or_name: A name such as ``mnist:latest``; a version; or a draft, which is logged if its
                content changed.
            type: The expected type; None accepts every type.
            aliases: Aliases to move to the version of a draft.
            use_as: Ignored.

        Raises:
            NotFound: If it does not exist; the message lists what exists.
            Conflict: If the version has another type.
        """
        if isinstance(artifact_or_name, Artifact) and not artifact_or_name.is_logged:
            return self._client.log_artifact(
                artifact_or_name, aliases=aliases or (), direction=Direction.USED
            )
        named = (
            artifact_or_name.qualified_name
            if isinstance(artifact_or_name, Artifact)
            else artifact_or_name
        )
        return self._client.use(named, type=type)

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:  # noqa: ARG002
        """End the run now; a non-zero `exit_code` marks it as failed.

        A joined run stays open in the registry: its owner ends it.
        """
        global _current
        with _lock:
            if _current is self:
                _current = None
                set_default(None)
        if self._finished or self._joined or os.getpid() != self._pid:
            return
        self._finished = True
        self._client.finish_run(RunStatus.FAILED if exit_code else RunStatus.FINISHED)

    def _draft_of(self, path: str, name: str | None, kind: str, partition: str | None) -> Artifact:
        base = path.rstrip("/").rpartition("/")[2] or "root"
        safe = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in base)
        draft = Artifact(
            name or f"run-{self.id}-{safe}", kind, partition=partition, client=self._client
        )
        if "://" in path:
            draft.add_reference(Reference(path))
        elif Path(path).is_dir():
            draft.add_dir(path)
        else:
            draft.add_file(path)
        return draft

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.finish(exit_code=0 if kind is None else 1)

    if not TYPE_CHECKING:  # a type checker shall name a wrong attribute itself

        def __getattr__(self, name: str) -> Any:
            raise advise("Run", name)

    def __repr__(self) -> str:
        return f"Run({self.name!r}, project={self.project!r})"


@named_options()
def init(
    entity: str | None = None,
    project: str | None = None,
    *,
    name: str | None = None,
    job_type: str | None = None,
    config: Mapping[str, Any] | None = None,
    id: str | None = None,
    link: str | None = None,
    client: Client | None = None,
) -> Run:
    """Begin a run, or join the one that `LANDFAST_RUN` names.

    Args:
        entity: Namespace of the project; None is the environment's, else ``default``.
        project: Namespace of names; None is the environment's, else ``uncategorized``.
        name: Display name.
        job_type: Kind of work, such as ``train``.
        config: Parameters.
        id: Id of the run; give the same id to continue the same run, for example in a retry.
        link: URL of the run's page in another system, such as ``wandb.run.url``.
        client: Client that logs; None uses the environment's registry.

    Raises:
        InvalidInput: If an argument is known neither to Landfast nor to W&B.

    Example:
        >>> with landfast.init(project="vision", job_type="train") as run:  # doctest: +SKIP
        ...     data = run.use_artifact("mnist:latest")
    """
    global _current
    base = client or Client.on(environment_context())
    _ = base.registry  # opened once, and refused if it is not that of `LANDFAST_RUN`
    joined = base.settings.run if id is None else None
    key = joined_or_new(joined, "script", id)
    bound = base.with_defaults(entity=entity, project=project, run=key)
    run = Run(
        bound,
        job_type=job_type or "",
        name=name or "",
        config=config,
        link=link,
        joined=joined is not None,
    )
    with _lock:
        previous, _current = _current, run
        set_default(bound.context)
    if previous is not None:
        previous.finish()
    _watch_process_end()
    return run


def current_run() -> Run | None:
    """Return the run that the last `init` in this process began; None if it has ended."""
    return _current


_watching = False
_failed = False


def _watch_process_end() -> None:
    """End the current run with the process; an exception that nobody catches marks it failed."""
    global _watching
    if _watching:
        return
    _watching = True
    previous_hook = sys.excepthook

    def mark_failed(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        global _failed
        _failed = True
        previous_hook(kind, error, trace)

    sys.excepthook = mark_failed
    atexit.register(_end_current)


def _end_current() -> None:
    # At the very end there is nobody left to tell; the run stays "running" if the registry is gone.
    with contextlib.suppress(LandfastError):
        if _current is not None:
            _current.finish(exit_code=1 if _failed else 0)


__all__ = ["Run", "current_run", "init"]
