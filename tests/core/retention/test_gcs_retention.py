"""Retention on Cloud Storage: one question tells all, ages end at the minute, and nothing is archived."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import landfast
import pytest
from landfast import Client, InvalidInput, Outlook
from landfast.model.retention.rules import BucketRules
from landfast.retention.timeline import Fate, VersionFacts, fates
from landfast.stores.gcs.lifecycle import read_sent, settings, told_by

YEARS = timedelta(days=4000)
NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def delete(**condition: Any) -> dict[str, Any]:
    return {"action": {"type": "Delete"}, "condition": condition}


def told(
    *rules: dict[str, Any], written: list[str], versioned: bool = True, key: str = "k", **more: Any
) -> list[Fate]:
    body = {"lifecycle": {"rule": list(rules)}, "versioning": {"enabled": versioned}, **more}
    facts = [VersionFacts(version_id=str(n), written_at=at(one)) for n, one in enumerate(written)]
    bucket = BucketRules(bucket="gs://b", **settings(body))
    return list(fates(key, facts, bucket, is_live=True))


def moment(step: Any) -> str | None:
    return None if step is None else step.at.isoformat()[:16]


def test_an_age_ends_at_the_minute() -> None:
    # Object Lifecycle Management, age: "created on 2019/01/10 10:00 UTC and the Age condition is 10 days, then the
    # condition is satisfied for the object on and after 2019/01/20 10:00 UTC."
    (fate,) = told(delete(age=10), written=["2019-01-10T10:00"], versioned=False)
    assert moment(fate.expires) == "2019-01-20T10:00"


def test_deleting_what_is_live_keeps_it_where_versions_are_kept() -> None:
    # Delete: "In buckets with Object Versioning enabled, deleting the live version of an object causes it to become a
    # noncurrent version, while deleting a noncurrent version deletes that version from the bucket."
    (fate,) = told(delete(age=10, isLive=True), written=["2019-01-10T10:00"])
    assert (moment(fate.hides), fate.expires) == ("2019-01-20T10:00", None)
    # Without isLive the same rule takes it again.
    (fate,) = told(delete(age=10), written=["2019-01-10T10:00"])
    assert moment(fate.hides) == moment(fate.expires) == "2019-01-20T10:00"


def test_conditions_of_a_rule_hold_together() -> None:
    # "An object has to match all of the conditions specified in a rule for the action in the rule to be taken."
    both = delete(daysSinceNoncurrentTime=3, age=30)
    _, old = told(both, written=["2019-01-15T10:00", "2019-01-10T10:00"])
    assert moment(old.expires) == "2019-02-09T10:00"
    _, old = told(delete(daysSinceNoncurrentTime=3), written=["2019-01-15T10:00", "2019-01-10T10:00"])  # fmt: skip
    assert moment(old.expires) == "2019-01-18T10:00"
    names = delete(age=1, matchesPrefix=["a/", "b/"], matchesSuffix=[".tmp"])
    (fate,) = told(names, written=["2019-01-10T10:00"], key="b/x.tmp")
    assert fate.expires is not None
    (fate,) = told(names, written=["2019-01-10T10:00"], key="b/x")
    assert fate == Fate()


def test_newer_versions_count_with_the_live_one() -> None:
    # numNewerVersions: "satisfied when there are at least N versions of the object newer, including the live version".
    times = ["2019-01-12T00:00", "2019-01-11T00:00", "2019-01-10T00:00"]
    newest, second, third = told(delete(numNewerVersions=2), written=times)
    assert (newest.expires, second.expires) == (None, None)
    assert third.expires is not None


def test_dates_are_midnights() -> None:
    # createdBefore: "satisfied when an object is created before midnight of the specified date in UTC".
    rule = delete(createdBefore="2019-01-11")
    (before,) = told(rule, written=["2019-01-10T23:59"], versioned=False)
    (after,) = told(rule, written=["2019-01-11T00:00"], versioned=False)
    assert (before.expires is not None, after.expires) == (True, None)
    rule = delete(noncurrentTimeBefore="2019-01-11")
    _, old = told(rule, written=["2019-01-10T12:00", "2019-01-01T00:00"])
    assert old.expires is not None
    _, old = told(rule, written=["2019-01-11T12:00", "2019-01-01T00:00"])
    assert old.expires is None


def test_a_retention_policy_and_other_classes() -> None:
    # Retention policies: "objects in the bucket can only be deleted or replaced once their age is greater than the
    # retention period"; every class is read at once.
    policy = {"retentionPolicy": {"retentionPeriod": str(20 * 86_400)}}
    (fate,) = told(delete(age=10), written=["2019-01-10T10:00"], versioned=False, **policy)
    assert moment(fate.expires) == "2019-01-30T10:00"
    move = {"action": {"type": "SetStorageClass", "storageClass": "ARCHIVE"}, "condition": {"age": 1}}  # fmt: skip
    assert told(move, written=["2019-01-10T10:00"]) == [Fate()]


def test_a_condition_that_is_not_looked_at_is_named() -> None:
    told_ = told_by([delete(daysSinceCustomTime=3), delete(age=1)])
    assert told_["unread"] == ("daysSinceCustomTime of rule 1",)
    assert len(told_["actions"]) == 2


def test_rules_are_read_as_gcloud_and_terraform_write_them() -> None:
    rules = [delete(age=30, isLive=False, matchesPrefix=["a/"]), delete(numNewerVersions=3)]
    old = {"age": 30, "with_state": "ARCHIVED", "matches_prefix": ["a/"], "num_newer_versions": 0}
    many = {"age": 0, "with_state": "", "num_newer_versions": 3, "send_age_if_zero": True}
    action = [{"type": "Delete", "storage_class": ""}]
    blocks = [{"action": action, "condition": [one]} for one in (old, many)]
    resource = {"type": "google_storage_bucket", "values": {"name": "b", "lifecycle_rule": blocks}}
    plan = {"planned_values": {"root_module": {"resources": [resource]}}}
    spelled = {"rule": rules}
    for sent in (spelled, {"lifecycle": spelled}, {"lifecycle_config": spelled}, plan):
        found = read_sent(json.dumps(sent), "b")
        assert told_by(found)["actions"] == told_by(rules)["actions"]
    with pytest.raises(InvalidInput, match="google_storage_bucket"):
        read_sent("{}", "b")


@pytest.fixture
def ruled(gcs: Any) -> Any:
    """Make a bucket with rules."""

    def make(*rules: dict[str, Any], versioning: bool = True, **settings: Any) -> str:
        bucket: str = gcs.bucket(versioning=versioning)
        state = gcs.api.state.buckets[bucket]
        state.settings |= {"lifecycle": {"rule": list(rules)}, **settings}
        return bucket

    return make


def test_one_question_tells_all(gcs: Any, ruled: Any) -> None:
    soft = {"softDeletePolicy": {"retentionDurationSeconds": "604800"}}
    bucket = ruled(delete(daysSinceNoncurrentTime=10, matchesPrefix=["d/"]), **soft)
    gcs.put(bucket, "d/x", b"1")
    version = Client().log("a", f"gs://{bucket}/d/")
    report = version.retention(within=YEARS)
    assert (report.ok, report.counts[Outlook.KEPT]) == (True, 1)
    (rules,) = report.buckets
    assert (rules.is_versioned, rules.recoverable_days) == (True, 7)
    (waiting,) = report.rules
    assert (waiting.at, waiting.rule, waiting.entries) == (None, "rule 1", 1)
    gcs.put(bucket, "d/x", b"2")
    (row,) = version.retention().rows
    assert row.outlook is Outlook.EXPIRES
    assert row.expires is not None
    assert "daysSinceNoncurrentTime 10" in row.expires.action
    assert "take rule 1 out" in row.expires.prevented_by


def test_settings_that_may_not_be_read_are_named(gcs: Any, ruled: Any) -> None:
    bucket = ruled(delete(age=10))
    gcs.put(bucket, "d/x", b"1")
    version = Client().log("a", f"gs://{bucket}/d/")
    gcs.deny("storage.buckets.get")
    report = version.retention()
    assert (report.exit_code, report.counts[Outlook.UNKNOWN]) == (5, 1)
    with pytest.raises(landfast.Unverifiable, match=r"storage\.buckets\.get"):
        report.raise_for()


def test_a_hold_outlasts_the_rules(gcs: Any, ruled: Any) -> None:
    bucket = ruled(delete(age=10), versioning=False)
    gcs.put(bucket, "d/x", b"1")
    version = Client().log("a", f"gs://{bucket}/d/")
    assert version.retention(locks=True).counts[Outlook.EXPIRES] == 1
    blob = gcs.client.bucket(bucket).get_blob("d/x")
    blob.temporary_hold = True
    blob.patch()
    assert version.retention(locks=True).counts[Outlook.HELD] == 1
