"""Run Airflow, Dagster, Prefect and a shell step over one registry, on loopback, until Ctrl-C.

./just together
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import landfast

from examples.together.systems import Together, together

LOOK_S = 1.0
"""Seconds between two looks at the registry."""


def main() -> None:
    """Start everything, tell what the registry hears, and deliver once more at each Enter."""
    with tempfile.TemporaryDirectory(prefix="landfast-together-", ignore_cleanup_errors=True) as at:
        print(
            "Starting PostgreSQL, S3, Airflow, Dagster and Prefect; a minute or two ...", flush=True
        )
        with together(Path(os.path.realpath(at))) as place:
            for name, url in place.urls.items():
                print(f"  {name:<9} {url}")
            print(f"  logs      {place.folder}/*/work/*.log")
            for news in delivered(place):
                tell(place, news)


def delivered(place: Together) -> Iterator[landfast.Change]:
    """Deliver readings, and yield what changes in the registry; forever."""
    client, position = place.client(), 0
    print("\nThe vendor delivers; Airflow takes a snapshot.", flush=True)
    deliver(place)
    while True:
        for change in client.changes(after=position):
            position = change.position
            yield change
        if pressed_enter():
            print("The vendor delivers other readings; Airflow takes a snapshot.", flush=True)
            deliver(place)


def deliver(place: Together) -> None:
    """Be the vendor of readings, and start Airflow's DAG."""
    place.deliver("2026-05", *(round(random.uniform(8, 20), 1) for _ in range(31)))  # noqa: S311
    place.snapshot()


def tell(place: Together, change: landfast.Change) -> None:
    """Say who changed what, and show the chain of what was released."""
    version = change.version
    system = change.run.system if change.run else "?"
    if change.kind is landfast.ChangeKind.ALIAS:
        print(f"  {system:<8} {change.alias} is now {version}", flush=True)
        show(place, str(version))
        return
    print(f"  {system:<8} {version}", flush=True)


def show(place: Together, model: str) -> None:
    """Show the chain of a released model."""
    print(f"\n$ landfast lineage {model}\n{place.lineage(model)}")
    name, _, number = model.partition(":")
    print(f"The same as a page: {place.ui_url}/{name}/lineage?version={number}&up=4&down=1")
    print("Enter delivers once more; Ctrl-C ends everything.", flush=True)


def pressed_enter() -> bool:
    """Wait a moment, and tell whether Enter was pressed meanwhile."""
    ready, _, _ = select.select([sys.stdin], [], [], LOOK_S)
    if ready and not sys.stdin.readline():  # nobody is there who could press it
        time.sleep(LOOK_S)
        return False
    return bool(ready)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what it started ends with it
    with contextlib.suppress(KeyboardInterrupt):
        main()
    print("\nEverything has ended.")
