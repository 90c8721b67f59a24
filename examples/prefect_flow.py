"""Snapshot a bucket on a schedule, train when its content changed, and only on data that is new.

Install with: pip install "prefect-landfast[s3]" "landfast[testing]"
Run with: python prefect_flow.py, the whole story, with a bucket and a Prefect server on loopback;
set PREFECT_API_URL to have it on your server.
Or with: python prefect_flow.py serve, the deployments alone; set BUCKET, PREFECT_API_URL and AWS_*.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import landfast
from prefect import flow, serve, task
from prefect.client.schemas.objects import State
from prefect.states import Completed
from prefect.types.entrypoint import EntrypointType
from prefect_landfast import ARTIFACT_DIGEST, on_artifact_change, snapshot_artifact, use_artifact
from prefect_landfast.serving import ONE_AT_A_TIME


@task(cache_policy=ARTIFACT_DIGEST, persist_result=True)
def fit(data: landfast.ArtifactVersion, learning_rate: float) -> str:
    """Train; not again while digest and parameters are the same."""
    return f"{data.file_count} pictures at {learning_rate}"


@flow(name="train-flowers")
def train(ref: str, learning_rate: float = 0.1) -> State[str]:
    """Use the version that the trigger names, and fit."""
    data = use_artifact(ref)
    fitted = fit(data, learning_rate, return_state=True)
    return Completed(message=f"{data.name}: {fitted.name}", data=fitted.result())


def serve_all(bucket: str) -> None:
    """Serve a snapshot every 5 s, and the training that waits for its changes."""
    serve(
        snapshot_artifact.to_deployment(
            "flowers",
            interval=5,
            parameters={"name": "demo/flowers", "uri": f"s3://{bucket}/flowers/"},
            concurrency_limit=ONE_AT_A_TIME,
            entrypoint_type=EntrypointType.MODULE_PATH,
        ),
        train.to_deployment(
            "on-change", triggers=[on_artifact_change("demo/flowers", parameter="ref")]
        ),
    )


def tell() -> None:
    """Run bucket, Prefect server and deployments, deliver pictures, and print what came of it."""
    from landfast.testing.servers.moto import moto
    from landfast.testing.servers.process import answers, free_port, running, scratch

    with ExitStack() as stack:
        folder, bucket = stack.enter_context(scratch("example")), stack.enter_context(moto())
        port = free_port()
        own_server = {
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
        needs_server = "PREFECT_API_URL" not in os.environ
        env = {
            **os.environ,
            **bucket.environment(),
            **(own_server if needs_server else {}),
            "BUCKET": bucket.bucket(versioning="Enabled"),
            "LANDFAST_REGISTRY_URL": f"sqlite:///{folder}/registry.db",
            "PREFECT_RUNNER_POLL_FREQUENCY": "2",
        }

        def start(name: str, *command: str, ready: Callable[[], bool] = lambda: True) -> None:
            whole = [sys.executable, *command]
            stack.enter_context(
                running(whole, name=name, folder=folder, ready=ready, env=env, timeout_s=240)
            )

        if needs_server:
            address = ("--host", "127.0.0.1", "--port", str(port))
            start(
                "server",
                *("-m", "prefect", "server", "start", *address),
                ready=lambda: answers(port),
            )
        api, name = env["PREFECT_API_URL"], env["BUCKET"]
        bucket.put(name, "flowers/rose.jpg", b"red")
        # Prefect 3.6 serves only files under the working folder.
        start("flows", str(shutil.copy(Path(__file__).resolve(), folder)), "serve")
        print(wait_for_training(api, 1))
        bucket.put(name, "flowers/iris.jpg", b"blue")
        print(wait_for_training(api, 2))
        bucket.client.delete_object(Bucket=name, Key="flowers/iris.jpg")
        print(wait_for_training(api, 3))


def wait_for_training(api: str, count: int, timeout_s: float = 240) -> str:
    """Return what the last training said, once there are so many."""
    asked = {"flows": {"name": {"any_": ["train-flowers"]}}, "sort": "EXPECTED_START_TIME_ASC"}
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        runs = httpx.post(f"{api}/flow_runs/filter", json=asked, timeout=60).json()
        done = [run for run in runs if run["state_type"] == "COMPLETED"]
        if len(done) >= count:
            return str(done[-1]["state"]["message"])
        time.sleep(1)
    raise SystemExit(f"there was no training {count} in {timeout_s:g} s")


if __name__ == "__main__":
    serve_all(os.environ["BUCKET"]) if sys.argv[1:] == ["serve"] else tell()
