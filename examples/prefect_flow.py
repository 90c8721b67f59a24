"""Snapshot a bucket on a schedule, train when its content changed, and only on data that is new.

Install with: pip install "prefect-landfast[s3]" "landfast[demo]"
Run with: python prefect_flow.py, the whole story, with a bucket and a Prefect server on loopback;
set PREFECT_API_URL to have it on your server.
Or with: python prefect_flow.py serve, the deployments alone; set BUCKET, PREFECT_API_URL and AWS_*.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import landfast
from landfast.demo.bucket import BUCKET, versioned_bucket
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
    with ExitStack() as ends:
        folder = Path(ends.enter_context(TemporaryDirectory()))
        s3, variables = ends.enter_context(versioned_bucket())
        env = {
            **(os.environ | variables),
            "BUCKET": BUCKET,
            "LANDFAST_REGISTRY_URL": f"sqlite:///{folder}/registry.db",
            "PREFECT_RUNNER_POLL_FREQUENCY": "2",
        }
        if "PREFECT_API_URL" not in os.environ:
            with socket.create_server(("127.0.0.1", 0)) as probe:
                port = str(probe.getsockname()[1])  # nothing listens there
            env["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
            env |= {"PREFECT_HOME": str(folder), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
            server = ("-m", "prefect", "server", "start", "--port", port)
            ends.enter_context(started(folder, env, *server))
        api = env["PREFECT_API_URL"]
        wait_for_training(api, 0)  # until the server answers
        s3.put_object(Bucket=BUCKET, Key="flowers/rose.jpg", Body=b"red")
        # Prefect 3.6 serves only files under the working folder.
        copy = str(shutil.copy(Path(__file__).resolve(), folder))
        ends.enter_context(started(folder, env, copy, "serve"))
        print(wait_for_training(api, 1))
        s3.put_object(Bucket=BUCKET, Key="flowers/iris.jpg", Body=b"blue")
        print(wait_for_training(api, 2))
        s3.delete_object(Bucket=BUCKET, Key="flowers/iris.jpg")
        print(wait_for_training(api, 3))


@contextmanager
def started(folder: Path, env: dict[str, str], *arguments: str) -> Iterator[None]:
    """Run Python beside this process; at the end stop it and all that it started."""
    quiet = dict.fromkeys(("stdout", "stderr"), subprocess.DEVNULL)
    command = [sys.executable, *arguments]
    process = subprocess.Popen(command, cwd=folder, env=env, start_new_session=True, **quiet)  # noqa: S603
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def wait_for_training(api: str, count: int, tries: int = 240) -> str:
    """Return what the last training said, once there are so many."""
    asked = {"flows": {"name": {"any_": ["train-flowers"]}}, "sort": "EXPECTED_START_TIME_ASC"}
    for _ in range(tries):
        with suppress(httpx.TransportError):  # the server is starting
            runs = httpx.post(f"{api}/flow_runs/filter", json=asked, timeout=60).json()
            done = [run for run in runs if run["state_type"] == "COMPLETED"]
            if len(done) >= count:
                return str(done[-1]["state"]["message"]) if done else ""
        time.sleep(1)
    raise SystemExit(f"there was no training {count} in {tries} tries")


if __name__ == "__main__":
    serve_all(os.environ["BUCKET"]) if sys.argv[1:] == ["serve"] else tell()
