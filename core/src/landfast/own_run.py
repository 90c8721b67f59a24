"""OwnRun: the run in whose name a process logs and uses."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass, field

from landfast.model.run import RunKey, RunRecord


@dataclass(kw_only=True)
class OwnRun:
    """The run in whose name a context logs and uses.

    Args:
        key: The run; None is `LANDFAST_RUN`, else one for this process.
        is_own: Whether the key was drawn for this process: then a forked child draws its own.
        pid: The process that it was drawn for.
        begun: What the registry recorded of it, once it did.
    """

    key: RunKey | None = None
    is_own: bool = False
    pid: int = field(default_factory=os.getpid)
    begun: RunRecord | None = None

    def is_in_run(self, joined: str | None) -> bool:
        """Whether a run was begun, given or joined: else there is one only as soon as something is logged or used."""
        is_given = self.key is not None and not self.is_own
        return joined is not None or self.begun is not None or is_given

    def key_here(self, joined: str | None) -> RunKey:
        """Return the key, drawn now where there is none yet for this process."""
        if self.key is None or (self.is_own and self.pid != os.getpid()):
            self.key, self.is_own = joined_or_new(joined, "script"), True
            self.pid, self.begun = os.getpid(), None
        return self.key


def joined_or_new(joined: str | None, system: str, run_id: str | None = None) -> RunKey:
    """Return the run that `LANDFAST_RUN` names, else a new one on this host, of the system ``script`` or ``cli``."""
    if joined:
        return RunKey.decode(joined)
    return RunKey(
        system=system, deployment=socket.gethostname(), run_id=run_id or secrets.token_hex(8)
    )
