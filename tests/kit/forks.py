"""Processes that start at once: forks of a server that has imported what is heavy.

For tests of what processes do beside each other, not of how one starts.  A fork shares nothing with the
test but its arguments and the environment of the moment.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import pkgutil
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import landfast

# pyarrow imports pandas, where that is, to ask whether what it is given comes from there.
LIBRARIES = (
    *(
        "boto3.s3.inject",
        "botocore.session",
        "encodings.idna",
        "pandas",
        "platformdirs",
        "psycopg",
        "pyarrow.dataset",
    ),
    *(
        "pyarrow.pandas_compat",
        "pyarrow.parquet",
        "pytest",
        "rich.table",
        "sqlalchemy.dialects.postgresql.psycopg",
        "yaml",
    ),
    *("sqlalchemy.dialects.sqlite.pysqlite", "landfast.testing.registry.drafts"),
)
# What begins to work as it is imported, and what no fork needs.
LEFT_OUT = {"__main__", "migrations", "testing", "demo", "html", "web", "filesystem", "sql"}


def _modules() -> list[str]:
    """Return the names of the modules that a client or a command may import."""
    found = pkgutil.walk_packages(landfast.__path__, "landfast.")
    return [module.name for module in found if not LEFT_OUT & set(module.name.split("."))]


context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload([*LIBRARIES, *_modules()])


def fork(target: Callable[..., object], *arguments: Any) -> ForkServerProcess:
    """Prepare a process that calls `target`, which it imports by name, in this process's environment."""
    return context.Process(target=_call, args=(dict(os.environ), target, *arguments))


def _call(environment: Mapping[str, str], target: Callable[..., object], *arguments: Any) -> None:
    gc.freeze()  # a collector that walks through all that is imported copies it, page by page
    os.environ.clear()
    os.environ.update(environment)
    target(*arguments)


class Printing:
    """A fork that has begun to call `target`, and what it prints.

    Args:
        target: What to call; imported by name.
        arguments: Its arguments.
        environment: All variables that it sees; None is those of this moment.
    """

    def __init__(
        self,
        target: Callable[..., object],
        *arguments: Any,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        # Files, not pipes: nothing can wait for who reads them.
        self._kept = tempfile.TemporaryDirectory(prefix="landfast-fork-")
        self._streams = [Path(self._kept.name) / name for name in ("out", "err")]
        variables = dict(os.environ if environment is None else environment)
        given = (self._streams, variables, target, *arguments)
        self._process = context.Process(target=_print, args=given)
        self._process.start()

    def kill(self) -> None:
        """End it at once, by SIGKILL."""
        self._process.kill()

    def wait(self, patience_s: float = 300) -> subprocess.CompletedProcess[str]:
        """Wait for its end, or kill it and raise `subprocess.TimeoutExpired`."""
        with self._kept:
            self._process.join(patience_s)
            late = self._process.exitcode is None
            self._process.kill()
            self._process.join()
            out, err = (path.read_text() for path in self._streams)
            code = self._process.exitcode or 0
            self._process.close()
        if late:
            raise subprocess.TimeoutExpired("a fork", patience_s, out, err)
        return subprocess.CompletedProcess("a fork", code, out, err)


def _print(streams: Sequence[Path], *rest: Any) -> None:
    for path, stream in zip(streams, (sys.stdout, sys.stderr), strict=True):
        with path.open("wb") as file:
            os.dup2(file.fileno(), stream.fileno())
    _call(*rest)


def command(
    words: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    *,
    prepare: Callable[[], object] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Do what `python -m landfast WORDS` does in a folder, with that environment and no other, after `prepare`."""
    return begin_command(words, environment, folder, prepare=prepare).wait()


def begin_command(
    words: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    *,
    prepare: Callable[[], object] | None = None,
) -> Printing:
    """Begin what `command` does."""
    return Printing(_command, words, folder, prepare, environment=environment)


def _command(words: Sequence[str], folder: Path, prepare: Callable[[], object] | None) -> None:
    os.chdir(folder)
    if prepare is not None:
        prepare()
    sys.argv = ["landfast", *words]
    runpy.run_module("landfast", run_name="__main__", alter_sys=True)
