"""A held version outlives what the store's own lifecycle rules remove, and goes when it is released."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError
from kit.servers.radosgw import LIFECYCLE_DAY_S, Radosgw
from landfast import Client

from tests.core.hold.conftest import Locked

# Rules are run about once a day of theirs, one after the other.
PATIENCE_S = 12 * LIFECYCLE_DAY_S


@pytest.mark.system
@pytest.mark.timeout(600)
def test_a_held_version_outlives_rules_deletion_and_collection(
    client: Client, radosgw: Radosgw
) -> None:
    locked = Locked(server=radosgw, bucket=radosgw.bucket(lock=True))
    kept, plain = locked.put("kept"), locked.put("plain")
    version = client.log("mnist", locked.uri, include=["kept"])
    client.hold(version)
    locked.put("kept", b"new")
    locked.put("plain", b"new")
    radosgw.client.put_bucket_lifecycle_configuration(
        Bucket=locked.bucket,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "clean",
                    "Status": "Enabled",
                    "Filter": {"Prefix": ""},
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
                }
            ]
        },
    )
    wait_until(lambda: not exists(locked, "plain", plain))
    assert exists(locked, "kept", kept)
    with pytest.raises(ClientError, match="AccessDenied"):
        locked.delete("kept", kept)
    client.gc(dry_run=False)
    assert exists(locked, "kept", kept)
    assert version.verify().counts == {"overwritten": 1}
    assert client.release(version).released == 1
    wait_until(lambda: not exists(locked, "kept", kept))


def exists(locked: Locked, name: str, version: str) -> bool:
    try:
        locked.server.client.head_object(
            Bucket=locked.bucket, Key=f"data/{name}", VersionId=version
        )
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        return False
    return True


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for the server, which says to nobody when its rules have run."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.5)
