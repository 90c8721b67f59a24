"""Let parallel test processes share one server: the first to come starts it, the last ends it.

A *keeper* process runs the server and dies when nobody holds the folder's `users` lock any more.
The kernel drops the lock of a process that is killed, so neither server nor keeper outlives them.
"""

import contextlib
import dataclasses
import fcntl
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType
from typing import IO, Any, TypeVar

from kit.servers.process import ServerFailed, ServerMissing, clean_environment, tail

T = TypeVar("T")

_START_TIMEOUT_S = 180.0


@contextlib.contextmanager
def shared(factory: Callable[[], AbstractContextManager[T]], folder: Path) -> Iterator[T]:
    """Use the server of a folder together with whoever names the same folder.

    Args:
        factory: A module's function that runs the server; it yields a dataclass of plain values.
        folder: Any folder that the processes agree on.

    Yields:
        What `factory` yielded in the keeper process, rebuilt here.

    Raises:
        ServerMissing: The server is not installed.
        ServerFailed: The server did not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "users").open("ab") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        with (folder / "start").open("ab") as start:
            fcntl.flock(start, fcntl.LOCK_EX)
            if not _is_locked(folder / "alive"):
                _spawn(f"{factory.__module__}:{factory.__name__}", folder)
        yield _rebuild(json.loads((folder / "state.json").read_text()))


def keep(factory: str, folder: Path) -> None:
    """Run a server until no process uses the folder; the body of the keeper process."""
    signal.signal(signal.SIGTERM, _leave)
    module, _, name = factory.partition(":")
    # Closed in reverse: whoever waits for `users` then finds `alive` free, and starts a new keeper.
    with (folder / "users").open("ab") as users, (folder / "alive").open("ab") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        state = folder / "state.json"
        try:
            with getattr(importlib.import_module(module), name)() as server:
                _write(state, _describe(server))
                fcntl.flock(users, fcntl.LOCK_EX)  # held by all users together until the last goes
                state.unlink(missing_ok=True)  # pytest may have removed the folder
        except (ServerFailed, ServerMissing) as error:
            _write(state, {"error": type(error).__name__, "message": str(error)})


def _spawn(factory: str, folder: Path) -> None:
    state, log = folder / "state.json", folder / "keeper.log"
    state.unlink(missing_ok=True)
    with log.open("ab") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-m", __name__, factory, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=clean_environment(folder, _tools()),
            cwd=folder,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_TIMEOUT_S
    while not state.exists():
        has_ended = keeper.poll() is not None  # asked first: its last act may be the state
        if (has_ended and not state.exists()) or time.monotonic() > deadline:
            keeper.terminate()
            raise ServerFailed(f"the keeper of {factory} did not start it:\n{tail(log)}")
        time.sleep(0.02)
    keeper.returncode = 0  # it outlives this process on purpose: no ResourceWarning for it


def _describe(server: Any) -> dict[str, Any]:
    kind = type(server)
    return {
        "class": [kind.__module__, kind.__name__],
        "values": {f.name: getattr(server, f.name) for f in dataclasses.fields(server)},
    }


def _rebuild(state: dict[str, Any]) -> Any:
    if "error" in state:
        raise (ServerMissing if state["error"] == "ServerMissing" else ServerFailed)(
            state["message"]
        )
    module, name = state["class"]
    return getattr(importlib.import_module(module), name)(**state["values"])


def _is_locked(path: Path) -> bool:
    with path.open("ab") as file:
        return not _try_lock(file)


def _try_lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(path: Path, value: dict[str, Any]) -> None:
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(value))
    draft.rename(path)


def _tools() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k.startswith("LANDFAST_TEST_")}


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(143)


if __name__ == "__main__":
    keep(sys.argv[1], Path(sys.argv[2]))
