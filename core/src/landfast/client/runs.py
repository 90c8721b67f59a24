"""Runs: in whose name a client logs and uses."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from typing import Any

from landfast.client.parts import Parts
from landfast.errors import NotFound
from landfast.model.run import JoinedRun, RunKey, RunRecord, RunStatus
from landfast.redaction import redact
from landfast.registry.values import RunStart
from landfast.settings import VARIABLES


class Runs(Parts):
    """The run verbs of a client."""

    def begin_run(self, **what: Any) -> RunRecord:
        """Record this client's run, or meet it again: job_type, name, config, link, attempt."""
        if what.get("link"):
            what["link"] = redact(what["link"])
        self._begun = self.registry.begin_run(
            RunStart(
                key=self._run_key(),
                entity=self.settings.entity,
                project=self.settings.project,
                **what,
            )
        )
        return self._begun

    def finish_run(self, status: RunStatus) -> None:
        """Say how this client's run ended."""
        self.registry.finish_run(self._run_key(), status)

    def finish_own_run(self, status: RunStatus) -> None:
        """End the run that this client began for itself; one that it joined is ended by its owner."""
        if self._begun is not None and self.settings.run is None:
            self.finish_run(status)

    def run_env(self) -> dict[str, str]:
        """Return the variables by which a subprocess, a pod or a Spark step joins this client's run.

        Returns:
            ``LANDFAST_RUN``, ``LANDFAST_ENTITY``, ``LANDFAST_PROJECT``; and ``LANDFAST_REGISTRY_URL`` unless
            it holds a secret: then it has to be there already, and another registry is refused there.
        """
        joined = JoinedRun(
            key=self._run_key(),
            registry_id=self._registry_id(),
            registry_url=self.display_url,
        )
        given = {
            "run": joined.encode(),
            "entity": self.settings.entity,
            "project": self.settings.project,
        }
        if self.settings.effective_registry_url == self.display_url:
            given["registry_url"] = self.display_url
        return {VARIABLES[name]: value for name, value in given.items()}

    def run(self, run_id: str | RunKey) -> RunRecord:
        """Return a run by its short id or key."""
        return self.registry.run(run_id)

    def runs(self, *, project: str | None = None, limit: int = 100) -> Iterator[RunRecord]:
        """Yield runs, newest first; of one project if given."""
        return self.registry.runs(entity=self.settings.entity, project=project, limit=limit)

    def _registry_id(self) -> str:
        try:
            return self.registry.info.id
        except NotFound:
            self._ensure_run()  # which makes it
            return self.registry.info.id

    def _run_key(self) -> RunKey:
        if self._run is None or (self._run_is_own and self._pid != os.getpid()):
            self._run = joined_or_new(self.settings.run, "script")
            self._run_is_own = True
            self._pid = os.getpid()
            self._begun = None
        return self._run

    def _ensure_run(self) -> RunKey:
        key = self._run_key()
        if self._begun is None:
            self.begin_run()
        return key


def joined_or_new(joined: str | None, system: str, run_id: str | None = None) -> RunKey:
    """Return the run that `LANDFAST_RUN` names, else a new one on this host.

    Args:
        joined: What `LANDFAST_RUN` says; None joins none.
        system: Of a new run: ``script`` or ``cli``.
        run_id: Of a new run; None draws one.

    Raises:
        InvalidInput: If `joined` names no run.
    """
    if joined:
        return RunKey.decode(joined)
    return RunKey(
        system=system, deployment=socket.gethostname(), run_id=run_id or secrets.token_hex(8)
    )
