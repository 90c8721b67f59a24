"""What a type checker sees of the verbs; `test_types` runs one on it."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

import landfast
from prefect import flow
from prefect.futures import PrefectFuture
from prefect_landfast import (
    adownload_artifact,
    alog_reference,
    download_artifact,
    log_reference,
    materialize_artifact,
    promote_artifact,
    use_artifact,
    verify_artifact,
)


@materialize_artifact("features", "s3://feat/", retries=2)
def build(data: landfast.ArtifactVersion, *, lr: float) -> None: ...


@materialize_artifact("features")
async def build_async(data: landfast.ArtifactVersion) -> str:
    return data.uri


@flow
def pipeline() -> None:
    version = log_reference("flowers", "s3://raw/", aliases=["fresh"])
    assert_type(version, landfast.ArtifactVersion)
    assert_type(use_artifact(version), landfast.ArtifactVersion)
    assert_type(download_artifact(version, "out"), Path)
    assert_type(verify_artifact(version), landfast.VerifyReport)
    assert_type(promote_artifact(version, "prod"), landfast.ArtifactVersion)
    assert_type(use_artifact.submit(version), PrefectFuture[landfast.ArtifactVersion])
    assert_type(log_reference.with_options(retries=2)("a", "s3://b/"), landfast.ArtifactVersion)
    assert_type(log_reference.fn("a", "s3://b/"), landfast.ArtifactVersion)
    assert_type(build(version, lr=0.1), landfast.ArtifactVersion)


async def awaited() -> None:
    version = await alog_reference("flowers", "s3://raw/")
    assert_type(version, landfast.ArtifactVersion)
    assert_type(await adownload_artifact(version), Path)
    assert_type(await build_async(version), landfast.ArtifactVersion)


def mistakes() -> None:
    log_reference("flowers")  # type: ignore[call-overload]
    build("flowers", lr=0.1)  # type: ignore[call-overload]
