"""Processes that start at once: forks of a server that has imported what is heavy.

For tests of what processes do beside each other, not of how one starts.  A fork shares nothing with the
test but its arguments and the environment of the moment.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerProcess
from typing import Any

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(
    [
        *("boto3", "landfast.client", "landfast.download.run", "psycopg", "pyarrow.parquet"),
        *("landfast.manifests.writer", "landfast.registry.opener", "landfast.blobs.opener"),
        *("landfast.stores.s3", "landfast.blobs.s3", "sqlalchemy.dialects.sqlite.pysqlite"),
        *("sqlalchemy.dialects.postgresql.psycopg", "landfast.upkeep.gc", "kit.failpoints"),
        *("landfast", "landfast.testing.registry.drafts"),
    ]
)


def fork(target: Callable[..., object], *arguments: Any) -> ForkServerProcess:
    """Prepare a process that calls `target`, which it imports by name, in this process's environment."""
    return context.Process(target=_call, args=(dict(os.environ), target, *arguments))


def _call(environment: Mapping[str, str], target: Callable[..., object], *arguments: Any) -> None:
    os.environ.clear()
    os.environ.update(environment)
    target(*arguments)
