"""Processes that start at once: forks of a server that has imported what is heavy.

For tests of what processes do beside each other, not of how one starts.  A fork shares nothing with the
test but its arguments and the environment of the moment.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(
    [
        *("boto3", "landfast.client", "landfast.download.run", "psycopg", "pyarrow.parquet"),
        *("landfast.manifests.writer", "landfast.registry.opener", "landfast.blobs.opener"),
        *("landfast.stores.s3", "landfast.blobs.s3", "sqlalchemy.dialects.sqlite.pysqlite"),
        *("sqlalchemy.dialects.postgresql.psycopg", "landfast.upkeep.gc", "kit.failpoints"),
        *("landfast", "landfast.testing.registry.drafts", "landfast.cli.common", "rich.table"),
        *("landfast.draft", "landfast.upkeep.doctor", "landfast.verify.run", "yaml"),
    ]
)

_PATIENCE_S = 300


def fork(target: Callable[..., object], *arguments: Any) -> ForkServerProcess:
    """Prepare a process that calls `target`, which it imports by name, in this process's environment."""
    return context.Process(target=_call, args=(dict(os.environ), target, *arguments))


def _call(environment: Mapping[str, str], target: Callable[..., object], *arguments: Any) -> None:
    os.environ.clear()
    os.environ.update(environment)
    target(*arguments)


def command(
    words: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    *,
    prepare: Callable[[], object] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Do what `python -m landfast WORDS` does in a folder, with that environment and no other, after `prepare`."""
    with tempfile.TemporaryDirectory(prefix="landfast-command-") as kept:
        # Files, not pipes: nothing can wait for who reads them.
        out, err = Path(kept) / "out", Path(kept) / "err"
        process = context.Process(
            target=_command, args=(words, environment, folder, out, err, prepare)
        )
        process.start()
        process.join(_PATIENCE_S)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(
                list(words), _PATIENCE_S, out.read_text(), err.read_text()
            )
        code = process.exitcode
        process.close()
        return subprocess.CompletedProcess(list(words), code, out.read_text(), err.read_text())


def _command(
    words: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    out: Path,
    err: Path,
    prepare: Callable[[], object] | None,
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for path, stream in ((out, sys.stdout), (err, sys.stderr)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), stream.fileno())
    if prepare is not None:
        prepare()
    sys.argv = ["landfast", *words]
    runpy.run_module("landfast", run_name="__main__", alter_sys=True)
