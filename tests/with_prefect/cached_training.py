"""Flows of `test_cache`, in a process of their own: prints the state of each training."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect_landfast import ARTIFACT_DIGEST, log_reference, use_artifact


@task(cache_policy=ARTIFACT_DIGEST, persist_result=True)
def train(data: Any, *, lr: float, options: dict[str, Any]) -> str:
    return f"model of {data.version} with {lr}"


@flow
def pipeline(folder: str, *, lr: float = 0.1) -> None:
    log_reference("flowers", folder)
    data = use_artifact("flowers:latest")
    state = train(data, lr=lr, options={"also": [data]}, return_state=True)
    print(f"{state.name}: {state.result()}")


def main(folder: Path, steps: list[str]) -> None:
    for step in steps:
        if step.startswith("write="):
            (folder / "a").write_text(step.partition("=")[2])
        else:
            pipeline(str(folder), lr=float(step.partition("=")[2]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
