"""A versioned S3 bucket on loopback for the demo: moto's server, started as a process of its own."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from landfast.errors import MissingExtra, Unavailable

BUCKET = "demo-bucket"
_START_S = 60.0


def environment(port: int) -> dict[str, str]:
    """Return the variables that point any AWS client at the server."""
    return {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def require_server() -> None:
    """Raise `MissingExtra` unless what the S3 server is made of is installed."""
    if not (importlib.util.find_spec("moto") and importlib.util.find_spec("boto3")):
        raise MissingExtra.of("demo", "the demo's S3 server")


@contextlib.contextmanager
def versioned_bucket() -> Iterator[tuple[Any, dict[str, str]]]:
    """Start the server, make a bucket that keeps what is overwritten, and stop it at the end.

    Yields:
        A boto3 client, and the variables that point others at the server.

    Raises:
        MissingExtra: If moto or boto3 is not installed.
        Unavailable: If the server does not start.
    """
    require_server()
    port = _free_port()
    command = [
        sys.executable,
        "-c",
        "from moto.server import main; main()",
        "-H",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        variables = environment(port)
        _wait(server, port)
        client = _client(variables)
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield client, variables
    finally:
        server.terminate()
        server.wait()


def upload(client: Any, folder: Path, prefix: str) -> None:
    """Copy every file below a folder into the bucket."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            client.upload_file(str(path), BUCKET, prefix + path.relative_to(folder).as_posix())


def _client(variables: dict[str, str]) -> Any:
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=variables["AWS_ENDPOINT_URL_S3"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        region_name=variables["AWS_DEFAULT_REGION"],
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START_S
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise Unavailable("the demo's S3 server did not start", subject=f"127.0.0.1:{port}")


@contextlib.contextmanager
def exported(variables: dict[str, str]) -> Iterator[None]:
    """Set environment variables while the block runs."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
