"""Without one permission: it is named, nothing is half done, and with it the same call finishes."""

from __future__ import annotations

import pytest
from kit.gcs_server import GcsServer
from kit.servers.faults import Status
from landfast import Client
from landfast.errors import AccessDenied


def test_a_release_on_s3_without_permission_is_finished_later(client: Client, s3_proxy) -> None:
    bucket = s3_proxy.direct.bucket(lock=True)
    oid = s3_proxy.direct.put(bucket, "data/a", b"x")
    version = client.log("mnist", f"s3://{bucket}/data/")
    client.hold(version)
    s3_proxy.proxy.inject(Status(status=403, code="AccessDenied"), kind="put-object-legal-hold")
    with pytest.raises(AccessDenied, match="s3:PutObjectLegalHold"):
        client.release(version)
    assert s3_proxy.direct.is_held(bucket, "data/a", oid)
    assert [record.ending for record in client.registry.holds.records()] == [True]
    s3_proxy.proxy.clear()
    assert client.release(version).released == 1
    assert not s3_proxy.direct.is_held(bucket, "data/a", oid)
    assert not list(client.registry.holds.records())


def test_a_copy_from_s3_without_permission_names_no_copy(client: Client, s3_proxy) -> None:
    bucket = s3_proxy.direct.bucket()
    s3_proxy.direct.put(bucket, "data/a", b"one")
    version = client.log("plain", f"s3://{bucket}/data/")
    s3_proxy.proxy.inject(Status(status=403, code="AccessDenied"), kind="get-object")
    with pytest.raises(AccessDenied, match="s3:GetObject"):
        client.copy(version)
    assert (version.copies, len(client.registry.pin_sets(version.record.id))) == ("", 1)
    s3_proxy.proxy.clear()
    assert client.copy(version).copied == 1


def test_a_release_on_cloud_storage_without_permission_is_finished_later(
    client: Client, gcs: GcsServer
) -> None:
    bucket = gcs.bucket(versioning=True)
    gcs.put(bucket, "data/a", b"x")
    version = client.log("mnist", f"gs://{bucket}/data/")
    client.hold(version)
    gcs.deny("storage.objects.update")
    with pytest.raises(AccessDenied, match=r"storage\.objects\.update"):
        client.release(version)
    assert gcs.client.bucket(bucket).get_blob("data/a").temporary_hold
    assert [record.ending for record in client.registry.holds.records()] == [True]
    gcs.api.denied.clear()
    assert client.release(version).released == 1
    assert not gcs.client.bucket(bucket).get_blob("data/a").temporary_hold


def test_a_copy_from_cloud_storage_without_permission_names_no_copy(
    client: Client, gcs: GcsServer
) -> None:
    bucket = gcs.bucket(versioning=True)
    gcs.put(bucket, "data/a", b"one")
    version = client.log("plain", f"gs://{bucket}/data/")
    gcs.deny("storage.objects.get")
    with pytest.raises(AccessDenied, match=r"storage\.objects\.get"):
        client.copy(version, everything=True)
    assert (version.copies, len(client.registry.pin_sets(version.record.id))) == ("", 1)
    gcs.api.denied.clear()
    assert client.copy(version, everything=True).copied == 1
