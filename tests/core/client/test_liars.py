"""Servers that answer any version id with the latest bytes: their bytes never come under a recorded name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import landfast
import pytest
from landfast import Client


@pytest.fixture
def client() -> Client:
    return Client(project="vision")


def without_cache(client: Client, folder: Path) -> Client:
    return Client(settings=replace(client.settings, cache_dir=folder))


def test_s3rver_cannot_pass_the_latest_bytes_for_a_version(
    s3, s3rver_server, client, monkeypatch, tmp_path
):
    """A version recorded on an honest server is read from one that ignores the version id."""
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/k", b"recorded")
    client.log("d", f"s3://{bucket}/d/")
    s3rver_server.client.create_bucket(Bucket=bucket)
    s3rver_server.put(bucket, "d/k", b"OVERWRIT")
    for name, value in s3rver_server.environment().items():
        monkeypatch.setenv(name, value)
    liar = without_cache(Client(project="vision"), tmp_path / "cache")
    with pytest.raises((landfast.ObjectChanged, landfast.NotFound)):
        liar.download("d:v0", "out", any_endpoint=True)
    assert not Path("out/k").exists()


def test_s3rver_is_recorded_without_pins_and_noticed_when_it_changes(
    s3rver_server, client, monkeypatch, tmp_path
):
    for name, value in s3rver_server.environment().items():
        monkeypatch.setenv(name, value)
    bucket = s3rver_server.bucket()
    s3rver_server.put(bucket, "d/k", b"recorded")
    version = client.log("d", f"s3://{bucket}/d/")
    assert not version.is_restorable
    s3rver_server.put(bucket, "d/k", b"OVERWRIT")
    with pytest.raises(landfast.ObjectChanged):
        client.download("d:v0", "out")


def test_the_gcs_emulator_cannot_pass_the_latest_bytes_for_a_generation(
    gcp_emulator, client, monkeypatch
):
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcp_emulator)
    monkeypatch.setenv("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
    writer = storage.Client(project="p", credentials=AnonymousCredentials())
    bucket = writer.bucket("landfast-liar")
    bucket.create()
    bucket.blob("d/k").upload_from_string(b"recorded")
    client.log("d", "gs://landfast-liar/d/")
    bucket.blob("d/k").upload_from_string(b"OVERWRIT")
    with pytest.raises(landfast.ObjectChanged):
        client.download("d:v0", "out")
    assert not Path("out/k").exists()
