"""Log and announce, killed at every moment, then again in the name of the same run; a program.

    python killed_logs.py FOLDER

Each line it prints is an artifact's name: it was killed once and then retried.
"""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

import landfast
from kit.failpoints import arm
from prefect_landfast.events import announce

FIRST = 62
"""The first moment to be killed at; those before it are the core's, nothing is recorded yet."""


def attempt(name: str, folder: Path, kill_at: int | None) -> bool:
    """Log and announce in a process of its own; tell whether it came to its end."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    arm(kill_at)
    log(name, folder)
    os._exit(0)


def log(name: str, folder: Path) -> None:
    """Log and announce in the name of one run."""
    run = landfast.RunKey(system="prefect", deployment="here", run_id=f"run-{name}")
    client = landfast.Client(run=run)
    client.log(name, folder)
    announce(client, name)
    client.close()


def is_logged(name: str) -> bool:
    """Tell whether the version is in the registry."""
    client = landfast.Client()
    try:
        return bool(client.versions(name))
    except landfast.NotFound:
        return False
    finally:
        client.close()


def main(folder: Path) -> None:
    log("warm", folder)  # so that no child has to import everything
    for moment in itertools.count(FIRST):
        name = f"flowers-{moment}"
        if attempt(name, folder, moment):
            break
        assert moment > FIRST or not is_logged(name), "begin earlier: a version was there already"
        assert attempt(name, folder, None), f"the retry after moment {moment} failed"
        print(name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
