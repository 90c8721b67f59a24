"""What radosgw's own lifecycle process removes is what was said that it would: all buckets in one wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kit.servers.faults import Status
from kit.servers.proxy import proxy
from kit.servers.radosgw import LIFECYCLE_DAY_S, Radosgw
from landfast import ArtifactVersion, Client, Outlook

pytestmark = pytest.mark.system

Rule = dict[str, Any]
Prepare = Callable[[Radosgw, str], None]

# Nothing that is meant to stay has a rule for less than this.
LONG = 1000
SOON = timedelta(days=30)
PATIENCE_S = 40 * LIFECYCLE_DAY_S


def keep(_: Radosgw, __: str) -> None:
    """Leave the recorded object as it is."""


def overwrite(server: Radosgw, bucket: str) -> None:
    server.put(bucket, "d/x", b"newer")


def overwrite_often(server: Radosgw, bucket: str) -> None:
    for number in range(3):
        server.put(bucket, "d/x", b"newer %d" % number)


def delete(server: Radosgw, bucket: str) -> None:
    server.client.delete_object(Bucket=bucket, Key="d/x")


def tag(*pairs: tuple[str, str]) -> Prepare:
    def prepare(server: Radosgw, bucket: str) -> None:
        tags = [{"Key": name, "Value": value} for name, value in pairs]
        server.client.put_object_tagging(Bucket=bucket, Key="d/x", Tagging={"TagSet": tags})  # type: ignore[typeddict-item]

    return prepare


def suspend(server: Radosgw, bucket: str) -> None:
    server.set_versioning(bucket, "Suspended")


def expire(days: int = 1, **more: Any) -> Rule:
    return {"Filter": {"Prefix": "d/"}, "Expiration": {"Days": days}, **more}


def noncurrent(days: int = 1, prefix: str = "d/", **numbers: int) -> Rule:
    return {
        "Filter": {"Prefix": prefix},
        "NoncurrentVersionExpiration": {"NoncurrentDays": days, **numbers},
    }


def by_tags(*pairs: tuple[str, str]) -> Rule:
    tags = [{"Key": name, "Value": value} for name, value in pairs]
    return {"Filter": {"And": {"Prefix": "d/", "Tags": tags}}, "Expiration": {"Days": 1}}


def on(date: datetime) -> Rule:
    midnight = date.replace(hour=0, minute=0, second=0, microsecond=0)
    return {"Filter": {"Prefix": "d/"}, "Expiration": {"Date": midnight}}


@dataclass(slots=True)
class Case:
    """A bucket, what happens in it after the log, and what becomes of the recorded version."""

    outlook: Outlook
    rules: list[Rule]
    prepare: Prepare = keep
    versioning: Any = "Enabled"
    """None where it never was on; `"null"` where the recorded object is older than it."""
    locks: bool = False
    bucket: str = ""
    version: ArtifactVersion | None = field(default=None, repr=False)

    @property
    def goes(self) -> bool:
        return self.outlook is Outlook.EXPIRES


NOW = datetime.now(UTC)
BIG = 10**9
CASES = {
    "noncurrent days": Case(Outlook.EXPIRES, [noncurrent()], overwrite),
    "noncurrent days after a delete": Case(Outlook.EXPIRES, [noncurrent()], delete),
    "many noncurrent days": Case(Outlook.EXPIRES, [noncurrent(LONG)], overwrite),
    "noncurrent days of what is current": Case(Outlook.KEPT, [noncurrent()]),
    "another prefix": Case(Outlook.KEPT, [noncurrent(1, "other/")], overwrite),
    "days without versions": Case(Outlook.EXPIRES, [expire()], versioning=None),
    "many days without versions": Case(Outlook.EXPIRES, [expire(LONG)], versioning=None),
    "days with versions": Case(Outlook.KEPT, [expire()]),
    "days, then noncurrent days": Case(Outlook.EXPIRES, [expire(), noncurrent()]),
    "the shorter of two": Case(Outlook.EXPIRES, [expire(LONG), expire()], versioning=None),
    "a rule that is disabled": Case(
        Outlook.KEPT, [{**expire(), "Status": "Disabled"}], versioning=None
    ),
    "a date that has passed": Case(
        Outlook.EXPIRES, [on(NOW - timedelta(days=2))], versioning=None
    ),
    "a date to come": Case(Outlook.EXPIRES, [on(NOW + timedelta(days=LONG))], versioning=None),
    "a tag that it has": Case(
        Outlook.EXPIRES, [by_tags(("tmp", "yes"))], tag(("tmp", "yes")), None
    ),
    "a tag of another value": Case(
        Outlook.KEPT, [by_tags(("tmp", "yes"))], tag(("tmp", "no")), None
    ),
    "one tag of two": Case(
        Outlook.KEPT, [by_tags(("a", "1"), ("b", "2"))], tag(("a", "1")), None
    ),
    "both tags": Case(
        Outlook.EXPIRES, [by_tags(("a", "1"), ("b", "2"))], tag(("a", "1"), ("b", "2")), None
    ),
    "expired delete markers": Case(
        Outlook.KEPT,
        [{"Filter": {"Prefix": "d/"}, "Expiration": {"ExpiredObjectDeleteMarker": True}}],
        delete,
    ),
    "aborted uploads": Case(
        Outlook.KEPT,
        [{"Filter": {"Prefix": "d/"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}],
    ),
    # radosgw takes these and drops the size and the number: it removes more than was written.
    "a size that it drops": Case(
        Outlook.EXPIRES,
        [{"Filter": {"And": {"Prefix": "d/", "ObjectSizeGreaterThan": BIG}}, "Expiration": {"Days": 1}}],
        versioning=None,
    ),
    "newer versions that it drops": Case(
        Outlook.EXPIRES, [noncurrent(NewerNoncurrentVersions=50)], overwrite_often
    ),
}  # fmt: skip


def put_rules(server: Radosgw, case: Case) -> None:
    named = [{"ID": f"r{at}", "Status": "Enabled", **rule} for at, rule in enumerate(case.rules)]
    server.client.put_bucket_lifecycle_configuration(
        Bucket=case.bucket,
        LifecycleConfiguration={"Rules": named},  # type: ignore[typeddict-item]
    )


def is_there(server: Radosgw, bucket: str, version_id: str | None) -> bool:
    known = {"VersionId": version_id} if version_id else {}
    try:
        server.client.head_object(Bucket=bucket, Key="d/x", **known)  # type: ignore[arg-type]
    except server.client.exceptions.ClientError:
        return False
    return True


def until(what: Callable[[], bool], why: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, why
        time.sleep(1)


def a_run_passes(server: Radosgw) -> None:
    """Wait until the lifecycle process took something that was written now."""
    canary = Case(Outlook.EXPIRES, [expire()], bucket=server.bucket())
    server.put(canary.bucket, "d/x", b"canary")
    put_rules(server, canary)
    until(lambda: not is_there(server, canary.bucket, None), "no lifecycle run took the canary")


def test_what_a_lifecycle_run_removes_is_what_was_said(radosgw: Radosgw) -> None:
    client = Client()
    recorded: dict[str, str | None] = {}
    said: dict[str, bool] = {}
    for name, case in CASES.items():
        case.bucket = radosgw.bucket(case.versioning)
        radosgw.put(case.bucket, "d/x", b"recorded")
        version = client.log(f"case-{len(said)}", f"s3://{case.bucket}/d/")
        recorded[name] = version.get_entry("x").version_id
        case.prepare(radosgw, case.bucket)
        put_rules(radosgw, case)
        report = version.retention(within=SOON)
        (outlook,) = report.counts
        assert outlook is case.outlook, (name, report)
        said[name] = report.due > 0
    for name, goes in said.items():
        is_long = "many" in name or "to come" in name
        assert goes == (CASES[name].goes and not is_long), name

    def left() -> list[str]:
        return [n for n, goes in said.items() if goes and is_there(radosgw, CASES[n].bucket, recorded[n])]  # fmt: skip

    until(lambda: not left(), f"still there: {left()}")
    a_run_passes(radosgw)
    a_run_passes(radosgw)
    gone = [n for n in said if not is_there(radosgw, CASES[n].bucket, recorded[n])]
    assert gone == [name for name, goes in said.items() if goes]


def test_a_held_version_outlasts_a_lifecycle_run(radosgw: Radosgw) -> None:
    bucket = f"held-{time.monotonic_ns()}"
    radosgw.client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    first = radosgw.put(bucket, "d/x", b"recorded")
    version = Client().log("held", f"s3://{bucket}/d/")
    radosgw.put(bucket, "d/x", b"newer")
    radosgw.client.put_object_legal_hold(
        Bucket=bucket, Key="d/x", VersionId=first or "", LegalHold={"Status": "ON"}
    )
    put_rules(radosgw, Case(Outlook.HELD, [noncurrent()], bucket=bucket))
    assert version.retention().counts == {Outlook.EXPIRES: 1}
    assert version.retention(locks=True).counts == {Outlook.HELD: 1}
    a_run_passes(radosgw)
    a_run_passes(radosgw)
    assert is_there(radosgw, bucket, first)
    radosgw.client.put_object_legal_hold(
        Bucket=bucket, Key="d/x", VersionId=first or "", LegalHold={"Status": "OFF"}
    )
    assert version.retention(locks=True).counts == {Outlook.EXPIRES: 1}
    until(lambda: not is_there(radosgw, bucket, first), "released, it does not go")


@pytest.mark.parametrize(
    ("kind", "permission"),
    [
        ("get-object-retention", "s3:GetObjectRetention"),
        ("get-object-legal-hold", "s3:GetObjectLegalHold"),
    ],
)
def test_without_permission_for_holds_the_worst_is_told(
    radosgw: Radosgw, monkeypatch: pytest.MonkeyPatch, kind: str, permission: str
) -> None:
    # moto answers the question for a retention with the object.
    bucket = f"locked-{time.monotonic_ns()}"
    radosgw.client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    until = datetime.now(UTC) + timedelta(days=4000)
    first = radosgw.client.put_object(
        Bucket=bucket,
        Key="d/x",
        Body=b"1",
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=until,
        ObjectLockLegalHoldStatus="OFF",
    )["VersionId"]
    version = Client().log("a", f"s3://{bucket}/d/")
    assert version.get_entry("x").version_id == first
    radosgw.put(bucket, "d/x", b"2")
    put_rules(radosgw, Case(Outlook.EXPIRES, [noncurrent(LONG)], bucket=bucket))
    (row,) = version.retention(locks=True).rows
    assert row.expires is not None
    assert abs(row.expires.at - until) < timedelta(seconds=2)
    with proxy(radosgw.url) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", front.url)
        front.inject(Status(status=403), kind=kind)
        report = Client().get("a").retention(locks=True, any_endpoint=True)
    (row,) = report.rows
    assert permission in row.detail
    assert row.expires is not None
    assert row.expires.at < until
    assert [denial.permission for denial in report.denials] == [permission]
