"""Deployments that the tests of the live server serve; a program, and what its runs import.

python live_flows.py
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from prefect import flow, serve
from prefect_landfast import events, log_reference, use_artifact
from prefect_landfast.triggers import on_artifact_change, on_verdict_change


@flow(name="train", log_prints=True)
def train(ref: str) -> str:
    """Use the version that the trigger names; it materializes nothing."""
    data = use_artifact(ref)
    print(f"trained on {data.name}")
    return data.version


@flow(name="killed-once")
def killed_once(name: str, uri: str, marker: str) -> str:
    """Log, but die at the first try: the version is recorded, the event is about to be sent."""
    if not Path(marker).exists():
        Path(marker).touch()
        events.send = lambda _: os.kill(os.getpid(), signal.SIGKILL)
    return log_reference(name, uri).version


def trained_on(name: str) -> object:
    """Deploy `train` for an artifact."""
    trigger = on_artifact_change(name, parameter="ref")
    return train.to_deployment(f"on-{name.partition('/')[2]}", triggers=[trigger])


@flow(name="alarm")
def alarm(ref: str) -> str:
    """Say which version stands otherwise than it did."""
    return ref


def alarmed_by(name: str) -> object:
    """Deploy `alarm` for what becomes of the recorded bytes of an artifact."""
    trigger = on_verdict_change(name, parameter="ref")
    return alarm.to_deployment(f"on-{name.partition('/')[2]}", triggers=[trigger])


if __name__ == "__main__":
    serve(
        trained_on("vision/tulips"),
        trained_on("vision/killed"),
        trained_on("vision/mirrored"),
        alarmed_by("vision/watched"),
        killed_once.to_deployment("once"),
        print_starting_message=True,
    )
