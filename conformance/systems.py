"""The systems that are asked, each in an environment of its own, behind one thin driver each."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.servers.process import clean_environment, running, scratch

from conformance import processes

ROOT = Path(__file__).parents[1]
RUN = uuid.uuid4().hex
"""Begins the marks of all processes of this run."""
PATIENCE_S = 60.0
"""Seconds without work after which a call counts as hung; how long it works does not matter."""
_MOST_S = 3_600.0
_IDLE = 0.02
"""What a process that waits for ever may use of a CPU: some look now and then whether they are to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A system, its package and its environment."""

    name: str
    title: str
    package: str
    how: str
    """In which of its own ways it is used."""

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        if self.name == "landfast":
            return Path(sys.executable)
        return ROOT / ".venvs" / "peers" / self.name / "bin" / "python"

    @property
    def module(self) -> str:
        """Its driver."""
        return f"conformance.drivers.{self.name}"


SYSTEMS = (
    System(
        name="landfast",
        title="Landfast",
        package="landfast",
        how="`add_reference`, `log_artifact`, `download`; a registry in SQLite",
    ),
    System(
        name="wandb",
        title="W&B",
        package="wandb",
        how="`add_reference` and `log_artifact` in an offline run, and the download of its client; what its server "
        "would keep is the manifest that the client made, and equal digests are one version",
    ),
    System(
        name="quilt3",
        title="Quilt",
        package="quilt3",
        how="`set_dir` or `set`, `push` to a bucket with `selector_fn_copy_local` (objects stay where they are, local "
        "files are copied), `fetch`",
    ),
    System(
        name="dvc",
        title="DVC",
        package="dvc",
        how="`import-url --version-aware --no-download` of a bucket that keeps versions, else `import-url` and `push`, "
        "which copy; `update`; `pull` in a fresh clone; a version is the text of the `.dvc` file, as Git keeps it",
    ),
    System(
        name="datachain",
        title="DataChain",
        package="datachain",
        how="`read_storage(..., update=True).save(name)`, `to_storage` of a saved version",
    ),
)


class Refused(Exception):
    """The system raised an error.

    Args:
        kind: The name of its class.
        message: What it said.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind, self.message = kind, message


class Unsupported(Exception):
    """The system does not offer it; the message says what."""


class Ended(Exception):
    """The process of the call ended without an answer."""


class Hung(Exception):
    """The call did not come to an end, and was killed."""


@dataclass(slots=True)
class Pending:
    """A call that goes on in a process of its own."""

    connection: socket.socket
    lines: Any
    pid: int
    mark: str

    def answer(self) -> Any:
        """Wait for the answer.

        Raises:
            Refused: The system raised an error.
            Unsupported: It does not offer that.
            Ended: Its process was killed.
            Hung: It did not come to an end.
        """
        with self.connection, self.lines:
            self._wait()
            line = self.lines.readline()
        if not line:
            raise Ended
        said = json.loads(line)
        if "unsupported" in said:
            raise Unsupported(said["unsupported"])
        if "error" in said:
            raise Refused(said["error"], said["message"])
        return said["answer"]

    def _wait(self) -> None:
        """Wait until the answer begins, as long as the call, or what it started, works on it."""
        started = time.monotonic()
        before = processes.marked(self.mark)
        while not select.select([self.connection], [], [], PATIENCE_S)[0]:
            now = processes.marked(self.mark)
            ticks = sum(used - before.get(pid, 0) for pid, used in now.items())
            work_s = ticks / os.sysconf("SC_CLK_TCK")
            if work_s < _IDLE * PATIENCE_S or time.monotonic() - started > _MOST_S:
                raise Hung
            before = now


@dataclass(frozen=True, slots=True)
class Driver:
    """The driver of a system, which waits for calls."""

    system: System
    address: Path
    pid: int
    mark: str

    def end_calls(self) -> None:
        """End what calls left behind, and calls that hang."""
        processes.end(self.mark, but=(self.pid,))

    def begin(
        self,
        verb: str,
        arguments: Mapping[str, Any],
        home: Path,
        environment: Mapping[str, str],
    ) -> Pending:
        """Begin a call, with a home and variables of its own; what it prints is in `home/../said`."""
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(self.address))
        call = {
            "verb": verb,
            "arguments": dict(arguments),
            "home": str(home),
            "environment": {**environment, "HOME": str(home)},
            "output": str(home.parent / "said"),
        }
        connection.sendall(json.dumps(call).encode() + b"\n")
        lines = connection.makefile("rb")
        if not (pid := lines.readline()):
            raise Ended
        return Pending(connection, lines, int(pid), self.mark)


@contextlib.contextmanager
def driving(system: System) -> Iterator[Driver]:
    """Run a system's driver.

    Raises:
        FileNotFoundError: If its environment is not there.
    """
    if not system.python.exists():
        raise FileNotFoundError(f"{system.python}: run scripts/peer-environments {system.name}")
    with scratch(f"torture-{system.name}") as folder:
        address, mark = folder / "socket", f"{RUN}-{system.name}"
        variables = {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder), "TZ": "UTC"}
        surroundings = clean_environment(folder, variables | {processes.MARK: mark})
        surroundings.pop("PYTHONDONTWRITEBYTECODE", None)
        try:
            with running(
                [str(system.python), "-m", system.module, str(address)],
                name=system.name,
                folder=folder,
                ready=address.exists,
                env=surroundings,
                timeout_s=_MOST_S,
            ) as process:
                yield Driver(system, address, process.pid, mark)
        finally:
            processes.end(mark)
