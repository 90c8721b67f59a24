"""The rights of the page on buckets are those of the requests that are sent, and are enough where they are enforced."""

from __future__ import annotations

import json
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from kit.servers.exchange import Request
from kit.servers.faults import Status
from kit.servers.radosgw import Radosgw
from kit.servers.s3 import S3Server
from landfast import Artifact, Client
from landfast.blobs.parts import PART_BYTES
from landfast.errors import AccessDenied, LandfastError
from landfast.model.location import Location
from landfast.stores.s3.permissions import minimal_permissions

from tests.core.operate.rights import (
    DATA,
    JOBS,
    STORE,
    WORK,
    World,
    actions,
    make_world,
    statements,
)

# What IAM calls the right for a request of each kind; with a version, where that has a right of its own.
ACTIONS = {
    "list-versions": ("s3:ListBucketVersions",),
    "list-objects-v2": ("s3:ListBucket",),
    "get-bucket-versioning": ("s3:GetBucketVersioning",),
    "get-bucket-lifecycle": ("s3:GetLifecycleConfiguration",),
    "get-object-lock": ("s3:GetBucketObjectLockConfiguration",),
    "get-bucket-replication": ("s3:GetReplicationConfiguration",),
    "list-tiering": ("s3:GetIntelligentTieringConfiguration",),
    "get-object-retention": ("s3:GetObjectRetention",),
    "get-object-legal-hold": ("s3:GetObjectLegalHold",),
    "put-object-legal-hold": ("s3:PutObjectLegalHold",),
    "create-multipart": ("s3:PutObject",),
    "upload-part": ("s3:PutObject",),
    "complete-multipart": ("s3:PutObject",),
    "put-object": ("s3:PutObject",),
    "copy-object": ("s3:GetObject", "s3:PutObject"),
    "delete-object": ("s3:DeleteObject",),
}
OF_VERSIONS = {
    "head": ("s3:GetObject", "s3:GetObjectVersion"),
    "get-object": ("s3:GetObject", "s3:GetObjectVersion"),
    "get-object-tagging": ("s3:GetObjectTagging", "s3:GetObjectVersionTagging"),
}
UNKNOWN_TO_CEPH = {"s3:GetIntelligentTieringConfiguration"}
ABORTED = "delete-object"  # an upload is ended by a DELETE too


def asked(request: Request, store: str) -> set[tuple[str, str]]:
    """Return the rights that a request needs, each with `store` or `data`."""
    where = "store" if request.path.split("/")[1] == store else "data"
    if request.kind == ABORTED and "uploadId" in request.query:
        return {(where, "s3:AbortMultipartUpload")}
    if request.kind in OF_VERSIONS:
        version = request.query.get("versionId", "null") != "null"
        return {(where, OF_VERSIONS[request.kind][version])}
    return {(where, action) for action in ACTIONS[request.kind]}


@pytest.fixture
def world(s3_proxy: Any, tmp_path: Path) -> World:
    return make_world(s3_proxy.direct, tmp_path / "world")


@pytest.mark.parametrize("job", JOBS)
def test_a_job_asks_for_the_rights_of_the_page_and_for_all_of_them(
    job: str, world: World, s3_proxy: Any
) -> None:
    if job == "auditor":
        go_by_tags(s3_proxy.direct, world.data)
        go_by_tags(s3_proxy.direct, world.plain)
    s3_proxy.proxy.clear()
    # moto answers 500 about an object that was never locked.
    never = Status(status=404, code="NoSuchObjectLockConfiguration")
    s3_proxy.proxy.inject(never, kind="get-object-retention")
    with closing(Client(world.registry, project="p")) as client:
        WORK[job](client, world)
        if job == "writer":
            break_off(client, world, s3_proxy.proxy)
    needed = set().union(*(asked(one, world.store) for one in s3_proxy.proxy.requests))
    given = set().union(*(actions(section) for section in JOBS[job]))
    assert needed <= given, "the page gives too little"
    needed |= {("store", "s3:ListBucket")}  # else 403 where 404 is meant
    assert actions(JOBS[job][-1]) <= needed, "the page gives what is not needed"
    if job == "reader":
        assert {one for one in given if one[0] == "data"} - needed == {
            ("data", "s3:GetBucketVersioning"),  # of who records
            ("data", "s3:ListBucket"),
        }


def go_by_tags(server: S3Server, bucket: str) -> None:
    """Let a rule of the bucket go by tags, and take what was overwritten."""
    rule: Any = {
        "ID": "by tag",
        "Status": "Enabled",
        "Filter": {"Tag": {"Key": "keep", "Value": "no"}},
        "Expiration": {"Days": 3},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 3},
    }
    server.client.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": [rule]}
    )
    server.put(bucket, f"{DATA}/a", b"overwritten")


def break_off(client: Client, world: World, proxy: Any) -> None:
    """Lose a large file in the middle."""
    (world.folder / "broken").write_bytes(b"y" * (PART_BYTES + 1))
    proxy.inject(Status(status=400), kind="upload-part")
    draft = Artifact("broken", type="dataset", client=client)
    with suppress(LandfastError):
        draft.add_file(world.folder / "broken")
        draft.save()


def test_what_doctor_prints_is_what_the_page_says() -> None:
    told = minimal_permissions(Location.parse("s3://my-bucket/datasets/")).policy
    assert told["Statement"] == [
        {**one, "Resource": one["Resource"]} for one in statements("recorded data")
    ]


@pytest.mark.system
@pytest.mark.parametrize("job", JOBS)
def test_the_rights_of_the_page_are_enough_and_no_more_where_they_are_enforced(
    job: str, radosgw: Radosgw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(radosgw, tmp_path / "world")
    person = radosgw.user(f"{job}-{world.store}")
    for bucket in (world.data, world.plain, world.store):
        policy = policy_for(person.name, bucket, world, JOBS[job])
        if policy["Statement"]:
            radosgw.client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", person.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", person.secret_key)
    with closing(Client(world.registry, project="p")) as client:
        WORK[job](client, world)
        for other in {"writer", "collector", "holder"} - {job}:
            with pytest.raises(AccessDenied):
                WORK[other](client, world)


def policy_for(person: str, bucket: str, world: World, sections: tuple[str, ...]) -> dict[str, Any]:
    """Write the statements of the page as the policy of a bucket for a user."""
    stands = "team-bucket" if bucket == world.store else "my-bucket"
    granted = [
        {
            **one,
            "Principal": {"AWS": [f"arn:aws:iam:::user/{person}"]},
            "Action": [action for action in one["Action"] if action not in UNKNOWN_TO_CEPH],
            "Resource": one["Resource"].replace(stands, bucket),
        }
        for section in sections
        for one in statements(section)
        if f":::{stands}" in one["Resource"]
    ]
    assert DATA in json.dumps(statements("recorded data"))
    assert STORE in json.dumps(statements("writer"))
    return {"Version": "2012-10-17", "Statement": granted}
