"""Storage credentials come from Prefect's blocks, by the prefix of the URI, when a task needs them."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import landfast
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from kit.gcs_server import GcsServer
from kit.servers.moto import Moto
from kit.servers.scripted import Scripted
from prefect import flow
from prefect.blocks.core import Block
from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner
from prefect_aws import AwsCredentials, MinIOCredentials, S3Bucket
from prefect_gcp import GcpCredentials
from prefect_gcp.cloud_storage import GcsBucket
from prefect_landfast import (
    LandfastRegistry,
    download_artifact,
    landfast_client,
    log_reference,
    verify_artifact,
)
from prefect_landfast.credentials import client_factories

from tests.with_prefect.server import PrefectServer

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("prefect_server")]

LAB = f"lab-{os.getpid()}"
"""Of the blocks that tests save: other processes of this run save theirs in the same server."""


@pytest.fixture
def s3_without_environment(s3: Moto, monkeypatch: pytest.MonkeyPatch) -> Moto:
    for name in s3.environment():
        monkeypatch.delenv(name)
    s3.client.create_bucket(Bucket="raw")
    s3.put("raw", "flowers/a", b"rose")
    return s3


@pytest.fixture
def google_account(http_script: Scripted) -> dict[str, str]:
    """A service account whose tokens come from loopback."""
    answer = {"access_token": "from-the-block", "expires_in": 3600, "token_type": "Bearer"}
    http_script.put("/token", json.dumps(answer).encode())
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "1",
        "private_key": text.decode(),
        "client_email": "a@test",
        "client_id": "1",
        "token_uri": f"{http_script.url}/token",
    }


def registry_with(tmp_path: Path, prefix: str, slug: str) -> str:
    """Save a registry that reads a prefix with a block, and return its name."""
    block = LandfastRegistry(url=f"sqlite:///{tmp_path}/own.db", storage_credentials={prefix: slug})
    block.save(LAB, overwrite=True)
    return LAB


@pytest.mark.parametrize("kind", ["aws-credentials", "minio-credentials", "s3-bucket"])
def test_s3_is_read_with_the_credentials_of_a_block(
    s3_without_environment: Moto, tmp_path: Path, kind: str
) -> None:
    s3 = s3_without_environment
    parameters: Any = {"endpoint_url": s3.url}
    aws = AwsCredentials(
        aws_access_key_id=s3.access_key,
        aws_secret_access_key=s3.secret_key,
        region_name=s3.region,
        aws_client_parameters=parameters,
    )
    minio = MinIOCredentials(
        minio_root_user=s3.access_key,
        minio_root_password=s3.secret_key,
        aws_client_parameters=parameters,
    )
    blocks: dict[str, Block] = {
        "aws-credentials": aws,
        "minio-credentials": minio,
        "s3-bucket": S3Bucket(bucket_name="raw", credentials=aws),
    }
    blocks[kind].save(LAB, overwrite=True)
    registry = registry_with(tmp_path, "s3://raw/", f"{kind}/{LAB}")

    @flow
    def pipeline() -> str:
        log_reference("flowers", "s3://raw/flowers/", registry=registry)
        return (download_artifact("flowers", tmp_path / "out", registry=registry) / "a").read_text()

    assert pipeline() == "rose"
    made = client_factories({"s3://raw/": f"{kind}/{LAB}"})["s3://raw/"]()
    assert made.meta.config.max_pool_connections == 64, "mend 31: a connection for each thread"
    assert made.meta.endpoint_url == s3.url


@pytest.mark.parametrize("kind", ["gcp-credentials", "gcs-bucket"])
def test_cloud_storage_is_read_with_the_credentials_of_a_block(
    gcs: GcsServer, google_account: dict[str, str], tmp_path: Path, kind: str
) -> None:
    gcs.bucket(name="raw")
    gcs.put("raw", "flowers/a", b"rose")
    credentials = GcpCredentials(service_account_info=google_account, project="p")
    blocks: dict[str, Block] = {
        "gcp-credentials": credentials,
        "gcs-bucket": GcsBucket(bucket="raw", gcp_credentials=credentials),
    }
    blocks[kind].save(LAB, overwrite=True)
    registry = registry_with(tmp_path, "gs://", f"{kind}/{LAB}")
    version = log_reference("flowers", "gs://raw/flowers/", registry=registry)
    assert [entry.path for entry in version.entries()] == ["a"]
    assert gcs.requests[-1].headers.get("authorization") == "Bearer from-the-block"


def test_a_block_that_is_not_there_is_named(tmp_path: Path) -> None:
    registry = registry_with(tmp_path, "s3://raw/", "aws-credentials/nobody")
    with pytest.raises(landfast.NotFound, match="aws-credentials/nobody"):
        log_reference("flowers", "s3://raw/flowers/", registry=registry)
    with pytest.raises(landfast.NotFound, match="landfast-registry/nowhere"):
        log_reference("flowers", "s3://raw/flowers/", registry="nowhere")


def test_the_default_block_is_used_where_nothing_else_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    LandfastRegistry(url=f"sqlite:///{tmp_path}/own.db").save("default")
    try:
        assert str(landfast_client().settings.registry_url).endswith("own.db")
        monkeypatch.setenv("LANDFAST_REGISTRY_URL", f"sqlite:///{tmp_path}/environment.db")
        assert str(landfast_client().settings.registry_url).endswith("environment.db")
        registry_with(tmp_path, "s3://raw/", f"aws-credentials/{LAB}")
        monkeypatch.setenv("PREFECT_INTEGRATIONS_LANDFAST_REGISTRY", LAB)
        assert str(landfast_client().settings.registry_url).endswith("own.db")
    finally:
        LandfastRegistry.delete("default")


def test_a_version_finds_its_registry_by_the_blocks_name_in_another_process(
    tmp_path: Path, prefect_server: PrefectServer
) -> None:
    (tmp_path / "a").write_text("a")
    registry = registry_with(tmp_path, "s3://raw/", f"aws-credentials/{LAB}")
    version = log_reference("flowers", tmp_path / "a", registry=registry)
    (tmp_path / "sent").write_bytes(pickle.dumps(version))
    script = (
        "import pickle, sys\n"
        "version = pickle.load(open(sys.argv[1], 'rb'))\n"
        "print([entry.path for entry in version.entries()])"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "sent")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "['a']"), done.stderr
    assert prefect_server.api


def test_tasks_in_other_processes_log_use_and_verify_through_a_block(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    registry = registry_with(tmp_path, "s3://raw/", f"aws-credentials/{LAB}")

    @flow(name="in-processes", task_runner=ProcessPoolTaskRunner(max_workers=1))
    def pipeline() -> tuple[landfast.ArtifactVersion, bool]:
        logged = log_reference.submit("flowers", tmp_path / "a", registry=registry)
        report = verify_artifact.submit(logged, registry=registry)
        return logged.result(), report.result().ok

    version, is_intact = pipeline()
    assert (version.created, is_intact) == (True, True)
    assert [entry.path for entry in version.entries()] == ["a"]
    run = version.logged_by()
    assert run is not None
    assert (run.job_type, run.key.node) == ("in-processes", "log_reference")


class Elsewhere(ThreadPoolTaskRunner):
    """Stands for a task runner of another package, whose workers may be other machines."""


@pytest.mark.parametrize("is_allowed", [False, True])
def test_a_local_registry_that_nobody_named_is_refused_where_tasks_run_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_allowed: bool
) -> None:
    (tmp_path / "a").write_text("a")
    if is_allowed:
        monkeypatch.setenv("LANDFAST_ALLOW_LOCAL", "1")

    @flow(task_runner=Elsewhere())
    def pipeline() -> landfast.ArtifactVersion:
        return log_reference.submit("flowers", tmp_path / "a").result()

    if is_allowed:
        assert pipeline().version == "v0"
    else:
        with pytest.raises(landfast.InvalidInput, match=r"Elsewhere.*LANDFAST_REGISTRY_URL"):
            pipeline()
