"""The first date of a version: by AWS's own sentences, and against a bucket that is run day by day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from landfast.model.retention.rules import (
    BucketRules,
    Effect,
    LifecycleAction,
    ObjectFilter,
    ObjectLock,
    Phase,
)
from landfast.retention.timeline import Fate, VersionFacts, fates
from landfast.stores.s3.lifecycle import RuleReader

ALL_128K = "all_storage_classes_128K"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def bucket(*rules: dict[str, Any], least: str | None = None, **facts: Any) -> BucketRules:
    named = [{"ID": f"r{n}", "Status": "Enabled", **rule} for n, rule in enumerate(rules)]
    facts.setdefault("is_versioned", True)
    actions = tuple(RuleReader(least).actions(named))
    return BucketRules(bucket="s3://b", actions=actions, **facts)


def told(
    rules: BucketRules, *written: str | VersionFacts, key: str = "k", is_live: bool = True
) -> list[Fate]:
    """Tell the fates of versions, newest first, each given by when it was written."""
    versions = [
        one
        if isinstance(one, VersionFacts)
        else VersionFacts(version_id=f"v{place}", written_at=at(one), size=1000, tags={})
        for place, one in enumerate(written)
    ]
    return list(fates(key, versions, rules, is_live=is_live))


def day(step: Any) -> str | None:
    return None if step is None else step.at.isoformat()[:16]


EXPIRE_3 = {"Filter": {}, "Expiration": {"Days": 3}}
NONCURRENT_3 = {"Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 3}}


# Each with AWS's sentence and where it stands, looked up in November 2026. Pages of the S3 user guide lie below
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/, those of the API below
# https://docs.aws.amazon.com/AmazonS3/latest/API/. "Archived" is AWS's own last copy of the guide on GitHub, of 2023:
# github.com/awsdocs/amazon-s3-userguide, doc_source/.


def test_days_count_from_the_creation_to_the_next_midnight() -> None:
    # intro-lifecycle-rules.html: "Amazon S3 calculates the time by adding the number of days specified in the rule to
    # the object creation time and rounding up the resulting time to the next day at midnight UTC. For example, if an
    # object was created on 1/15/2014 at 10:30 AM UTC and you specify 3 days in a transition rule, then the transition
    # date of the object would be calculated as 1/19/2014 00:00 UTC." No page says how a time at midnight is rounded:
    # it stays.
    (fate,) = told(bucket(EXPIRE_3, is_versioned=False), "2014-01-15T10:30")
    assert day(fate.expires) == "2014-01-19T00:00"


def test_noncurrent_days_count_from_the_successor() -> None:
    # intro-lifecycle-rules.md (archived): "Amazon S3 calculates the time by adding the number of days specified in the
    # rule to the time when the new successor version of the object is created and rounding the resulting time to the
    # next day midnight UTC. For example, in your bucket, suppose that you have a current version of an object that was
    # created at 1/1/2014 10:30 AM UTC. If the new version of the object that replaces the current version is created at
    # 1/15/2014 10:30 AM UTC, and you specify 3 days in a transition rule, the transition date of the object is
    # calculated as 1/19/2014 00:00 UTC."
    newest, old = told(bucket(NONCURRENT_3), "2014-01-15T10:30", "2014-01-01T10:30")
    assert (day(newest.expires), day(old.expires)) == (None, "2014-01-19T00:00")
    assert newest.once_replaced is not None


def test_an_expiration_of_a_versioned_bucket_makes_a_delete_marker() -> None:
    # lifecycle-expire-general-considerations.html, Versioning-enabled bucket: "If the current object version is not a
    # delete marker, Amazon S3 adds a delete marker with a unique version ID. This makes the current version
    # noncurrent, and the delete marker the current version."
    (fate,) = told(bucket(EXPIRE_3), "2014-01-15T10:30")
    assert (day(fate.hides), fate.expires) == ("2014-01-19T00:00", None)
    (fate,) = told(bucket(EXPIRE_3, NONCURRENT_3), "2014-01-15T10:30")
    assert (day(fate.hides), day(fate.expires)) == ("2014-01-19T00:00", "2014-01-22T00:00")


def test_where_versioning_is_suspended_the_version_null_is_removed() -> None:
    # Same page, Versioning-suspended bucket: "Amazon S3 creates a delete marker with null as the version ID. This
    # delete marker replaces any object version with a null version ID in the version hierarchy, which effectively
    # deletes the object."
    rules = bucket(EXPIRE_3, is_suspended=True)
    null = VersionFacts(version_id="null", written_at=at("2014-01-15T10:30"), size=1, tags={})
    (fate,) = told(rules, null)
    assert (day(fate.expires), fate.hides) == ("2014-01-19T00:00", None)
    newest, old = told(rules, "2014-01-15T10:30", replace(null, written_at=at("2014-01-01T00:00")))
    assert (day(newest.hides), newest.expires) == ("2014-01-19T00:00", None)
    assert day(old.expires) == "2014-01-19T00:00"


def test_a_rule_with_a_date_takes_what_is_there_then_and_what_comes_later() -> None:
    # API_LifecycleExpiration.html, Date: "Indicates at what date the object is to be moved or deleted. ... The time
    # is always midnight UTC." intro-lifecycle-rules.md (archived): "Amazon S3 continues to apply the date-based
    # action even after the date has passed, as long as the rule status is Enabled. ... On the specified date, Amazon
    # S3 expires all the objects in the bucket. S3 also continues to expire any new objects you create in the bucket."
    rule = {"Filter": {}, "Expiration": {"Date": "2014-02-01T00:00:00Z"}}
    (before,) = told(bucket(rule, is_versioned=False), "2014-01-15T10:30")
    (after,) = told(bucket(rule, is_versioned=False), "2014-02-15T10:30")
    assert (day(before.expires), day(after.expires)) == ("2014-02-01T00:00", "2014-02-15T10:30")


def test_newer_noncurrent_versions_are_kept_whatever_their_age() -> None:
    # API_NoncurrentVersionExpiration.html: "Specifies how many noncurrent versions Amazon S3 will retain. You can
    # specify up to 100 noncurrent versions to retain. Amazon S3 will permanently delete any additional noncurrent
    # versions beyond the specified number to retain." intro-lifecycle-rules.html: "For the deletion to occur, both
    # the <NoncurrentDays> and the <NewerNoncurrentVersions> values must be exceeded."
    keep = {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2}
    rules = bucket({"Filter": {}, "NoncurrentVersionExpiration": keep})
    days = ["2014-01-15T10:30", "2014-01-14T10:30", "2014-01-13T10:30", "2014-01-12T10:30"]
    assert [day(f.expires) for f in told(rules, *days)] == [None, None, None, "2014-01-17T00:00"]
    # Only an expiration of the current version makes it one more.
    both = bucket({"Filter": {}, "NoncurrentVersionExpiration": keep}, {"Expiration": {"Days": 30}})
    assert [day(f.expires) for f in told(both, *days)][2:] == ["2014-02-15T00:00", "2014-01-17T00:00"]  # fmt: skip


def test_delete_markers_count_as_newer_versions_so_that_a_date_is_never_too_late() -> None:
    # intro-lifecycle-rules.md (archived): "The maximum number of noncurrent versions does not include versions marked
    # with noncurrent delete markers." Other servers count them: "Noncurrent delete markers count toward
    # newerNoncurrentVersions" (https://supabase.com/docs/guides/storage/buckets/lifecycle-policies). A date may be too
    # early here, as on AWS, and never too late.
    keep = {"NoncurrentDays": 3, "NewerNoncurrentVersions": 1}
    rules = bucket({"Filter": {}, "NoncurrentVersionExpiration": keep})
    marker = VersionFacts(
        version_id="m", written_at=at("2014-01-14T10:30"), is_delete_marker=True, tags={}
    )
    *_, old = told(rules, "2014-01-15T10:30", marker, "2014-01-01T10:30")
    assert day(old.expires) == "2014-01-18T00:00"


def test_a_filter_by_prefix_takes_keys_that_begin_so() -> None:
    # API_LifecycleRuleFilter.html, Prefix: "Prefix identifying one or more objects to which the rule applies."
    # lifecycle-configuration-examples.html has tax/, with tax/doc1.txt as an object that the rule applies to.
    rules = bucket({"Filter": {"Prefix": "tax/"}, "Expiration": {"Days": 1}}, is_versioned=False)
    assert told(rules, "2014-01-15T10:30", key="tax/doc1.txt")[0].expires is not None
    assert told(rules, "2014-01-15T10:30", key="taxes")[0].expires is None
    old = bucket({"Prefix": "tax/", "Expiration": {"Days": 1}}, is_versioned=False)
    assert old.actions[0].where == rules.actions[0].where


def test_a_filter_by_tags_takes_objects_that_have_all_of_them() -> None:
    # intro-lifecycle-filters.html: "A filter with multiple object tags applies to a subset of objects that has all the
    # tags specified. If an object has additional tags specified, the filter will still apply."
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    rule = {"Filter": {"And": {"Prefix": "", "Tags": tags}}, "Expiration": {"Days": 1}}
    rules = bucket(rule, is_versioned=False)

    def of(tags: dict[str, str] | None) -> bool:
        facts = VersionFacts(written_at=at("2014-01-15T10:30"), size=1, tags=tags)
        return told(rules, facts)[0].expires is not None

    assert [of({"a": "1", "b": "2", "c": "3"}), of({"a": "1"}), of({}), of(None)] == [
        *(True, False, False),
        True,  # nobody knows: the worst that may be
    ]


@pytest.mark.parametrize(("size", "is_taken"), [(500, False), (501, True), (999, True), (1000, False)])  # fmt: skip
def test_a_filter_by_size_leaves_its_bounds_out(size: int, is_taken: bool) -> None:
    # lifecycle-configuration-examples.html: "The ObjectSizeGreaterThan and ObjectSizeLessThan filters exclude the
    # specified values." The sentence was found where others quote the page; its text was not at hand.
    sizes = {"And": {"ObjectSizeGreaterThan": 500, "ObjectSizeLessThan": 1000}}
    rules = bucket({"Filter": sizes, "Expiration": {"Days": 1}}, is_versioned=False)
    facts = VersionFacts(written_at=at("2014-01-15T10:30"), size=size, tags={})
    assert (told(rules, facts)[0].expires is not None) is is_taken


def archive(days: int, **more: Any) -> dict[str, Any]:
    return {"Filter": {}, "Transitions": [{"Days": days, "StorageClass": "GLACIER"}], **more}


def test_small_objects_are_not_moved_unless_a_filter_speaks_of_sizes() -> None:
    # API_PutBucketLifecycleConfiguration.html, TransitionDefaultMinimumObjectSize, and botocore's model of it:
    # "all_storage_classes_128K - Objects smaller than 128 KB will not transition to any storage class by default.
    # varies_by_storage_class - Objects smaller than 128 KB will transition to Glacier Flexible Retrieval or Glacier
    # Deep Archive storage classes. ... Custom filters always take precedence over the default transition behavior."
    def of(size: int, least: str | None, **where: int) -> bool:
        facts = VersionFacts(written_at=at("2014-01-15T10:30"), size=size, tags={})
        rules = bucket({**archive(1), "Filter": where}, least=least)
        return told(rules, facts)[0].archives is not None

    assert [of(131_071, ALL_128K), of(131_072, ALL_128K)] == [False, True]
    assert [of(1, "varies_by_storage_class"), of(1, None)] == [True, True]
    assert of(2, ALL_128K, ObjectSizeGreaterThan=1)


def test_of_two_expirations_the_shorter_counts() -> None:
    # lifecycle-conflicts.html: "For example, if two expiration policies overlap, the shorter expiration policy
    # is honored so that data is not stored for longer than expected."
    rules = bucket(EXPIRE_3, {"Filter": {}, "Expiration": {"Days": 1}}, is_versioned=False)
    (fate,) = told(rules, "2014-01-15T10:30")
    assert fate.expires is not None
    assert (fate.expires.action.rule, day(fate.expires)) == ("r1", "2014-01-17T00:00")


def test_a_removal_goes_before_a_move_and_a_move_before_a_delete_marker() -> None:
    # Same page: "Permanent deletion takes precedence over transition. Transition takes precedence over creation of
    # delete markers."
    (gone,) = told(bucket(EXPIRE_3, archive(3), is_versioned=False), "2014-01-15T10:30")
    assert (day(gone.expires), gone.archives) == ("2014-01-19T00:00", None)
    (hidden,) = told(bucket(EXPIRE_3, archive(3)), "2014-01-15T10:30")
    assert day(hidden.hides) == day(hidden.archives) == "2014-01-19T00:00"
    # The action is for current versions: behind a delete marker it does not come any more.
    (hidden,) = told(bucket(EXPIRE_3, archive(4)), "2014-01-15T10:30")
    assert (day(hidden.hides), hidden.archives) == ("2014-01-19T00:00", None)


def test_noncurrent_versions_are_archived_by_their_own_rules() -> None:
    # API_NoncurrentVersionTransition.html: "... you can set this action to request that Amazon S3 transition noncurrent
    # object versions to the STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING, GLACIER_IR, GLACIER, or DEEP_ARCHIVE storage
    # class at a specific period in the object's lifetime." Of these only GLACIER and DEEP_ARCHIVE need a restore.
    move = {"NoncurrentDays": 2, "StorageClass": "DEEP_ARCHIVE"}
    rules = bucket({"Filter": {}, "NoncurrentVersionTransitions": [move]}, NONCURRENT_3)
    _, old = told(rules, "2014-01-15T10:30", "2014-01-01T10:30")
    assert (day(old.archives), day(old.expires)) == ("2014-01-18T00:00", "2014-01-19T00:00")
    glance = {"Filter": {}, "Transitions": [{"Days": 1, "StorageClass": "GLACIER_IR"}]}
    assert told(bucket(glance), "2014-01-15T10:30")[0] == Fate()


def test_what_does_not_matter() -> None:
    # Uploads that were never completed, markers that hide nothing, rules that are disabled, other classes.
    # API_LifecycleExpiration.html, ExpiredObjectDeleteMarker: "Indicates whether Amazon S3 will remove a delete
    # marker with no noncurrent versions." intro-lifecycle-rules.html: "If a rule is disabled, Amazon S3 doesn't
    # perform any actions specified in the rule."
    rules = bucket(
        {"Filter": {}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
        {"Filter": {}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
        {**EXPIRE_3, "Status": "Disabled"},
        {"Filter": {}, "Transitions": [{"Days": 1, "StorageClass": "STANDARD_IA"}]},
    )
    assert rules.actions == ()
    marker = VersionFacts(
        version_id="m", written_at=at("2014-01-15T10:30"), is_delete_marker=True, tags={}
    )
    hidden = bucket({"Filter": {}, "Expiration": {"ExpiredObjectDeleteMarker": True}}, NONCURRENT_3)
    _, old = told(hidden, marker, "2014-01-01T10:30")
    assert day(old.expires) == "2014-01-19T00:00"


def test_a_lock_outlasts_the_rules() -> None:
    # object-lock-managing.html: "Object lifecycle management configurations continue to function normally on protected
    # objects, including placing delete markers. However, a locked version of an object cannot be deleted by a S3
    # Lifecycle expiration policy. Object Lock is maintained regardless of which storage class the object resides in and
    # throughout S3 Lifecycle transitions between storage classes."
    lock = ObjectLock(until=at("2015-01-01T00:00"))
    held = VersionFacts(version_id="a", written_at=at("2014-01-01T10:30"), size=1, tags={}, lock=lock)  # fmt: skip
    _, old = told(bucket(NONCURRENT_3), "2014-01-15T10:30", held)
    assert day(old.expires) == "2015-01-01T00:00"
    _, old = told(bucket(NONCURRENT_3), "2014-01-15T10:30", replace(held, lock=ObjectLock(is_held=True)))  # fmt: skip
    assert (old.expires, old.is_held) == (None, True)


# -- a bucket, day by day -----------------------------------------------------------------------

START = at("2026-05-01T00:00")
HORIZON = 40


@dataclass(slots=True)
class Stored:
    facts: VersionFacts
    since: datetime | None
    removed: datetime | None = None
    archived: datetime | None = None
    hidden: datetime | None = None


@dataclass(slots=True)
class Bucket:
    """Runs a bucket's rules over one key, once each midnight, as a lifecycle process does."""

    rules: BucketRules
    stored: list[Stored]
    markers: list[Stored] = field(default_factory=list)

    def run(self, now: datetime) -> None:
        there = [one for one in self.stored if one.removed is None]
        before = list(there)
        current = next((one for one in there if one.since is None), None)
        if current is not None and not current.facts.is_delete_marker:
            self._current(current, now)
        for place, one in enumerate(before):
            if one.since is not None and one.removed in {None, now}:
                self._noncurrent(one, before[:place], now)

    def _current(self, one: Stored, now: datetime) -> None:
        due = [a for a in self._due(one, now) if a.phase is Phase.CURRENT]
        goes = any(a.effect is Effect.REMOVE for a in due)
        is_null = one.facts.version_id == "null"
        for_good = not self.rules.is_versioned or (self.rules.is_suspended and is_null)
        moves = any(a.effect is Effect.ARCHIVE for a in due)
        if moves and one.archived is None and not (goes and for_good):
            one.archived = now
        if goes and for_good:
            one.removed = now
        elif goes:
            one.since = one.hidden = now
            if self.rules.is_suspended:
                for other in self.stored:
                    if other.facts.version_id == "null" and other.removed is None:
                        other.removed = now

    def _noncurrent(self, one: Stored, newer: list[Stored], now: datetime) -> None:
        count = sum(other.since is not None and other.since <= now for other in newer)
        due = [a for a in self._due(one, now) if a.phase is Phase.NONCURRENT and count >= a.newer]
        if any(a.effect is Effect.REMOVE for a in due):
            one.removed = one.removed or now
        elif any(a.effect is Effect.ARCHIVE for a in due) and one.removed is None:
            one.archived = one.archived or now

    def _due(self, one: Stored, now: datetime) -> Iterator[LifecycleAction]:
        for action in self.rules.actions:
            tags = one.facts.tags or {}
            is_marker = one.facts.is_delete_marker
            if not is_marker and not action.where.takes("k", one.facts.size):
                continue
            if any(tags.get(name) != value for name, value in action.where.tags):
                continue
            began = one.facts.written_at if action.phase is Phase.CURRENT else one.since
            days = action.days if action.phase is Phase.CURRENT else action.noncurrent_days
            if began is None or now < began + timedelta(days=days or 0):
                continue
            if action.date is None or now >= action.date:
                yield action


MINUTES = st.integers(0, 20 * 24 * 60)


def where() -> st.SearchStrategy[ObjectFilter]:
    return st.builds(
        ObjectFilter,
        tags=st.sampled_from([(), (), (("t", "x"),)]),
        larger_than=st.sampled_from([None, None, 10]),
        smaller_than=st.sampled_from([None, None, 100]),
    )


def an_action() -> st.SearchStrategy[LifecycleAction]:
    def made(
        phase: Phase, effect: Effect, days: int, newer: int, filter_: ObjectFilter, date: int | None
    ) -> LifecycleAction:
        is_current = phase is Phase.CURRENT
        by_date = date is not None and is_current
        return LifecycleAction(
            rule="r",
            text="t",
            remedy="m",
            effect=effect,
            phase=phase,
            where=filter_,
            days=days if is_current and not by_date else None,
            noncurrent_days=None if is_current else days,
            newer=0 if is_current else newer,
            date=START + timedelta(days=date) if by_date and date is not None else None,
        )

    phases = st.sampled_from([Phase.CURRENT, Phase.NONCURRENT])
    return st.builds(
        made,
        phases,
        st.sampled_from(Effect),
        st.integers(1, 9),
        st.integers(0, 3),
        where(),
        st.none() | st.integers(21, 30),
    )


def a_version() -> st.SearchStrategy[VersionFacts]:
    return st.builds(
        VersionFacts,
        written_at=MINUTES.map(lambda m: START + timedelta(minutes=m)),
        size=st.sampled_from([1, 50, 1000]),
        tags=st.sampled_from([{}, {"t": "x"}]),
        is_delete_marker=st.sampled_from([False, False, False, True]),
    )


@given(
    rules=st.lists(an_action(), max_size=4),
    versions=st.lists(a_version(), min_size=1, max_size=5, unique_by=lambda v: v.written_at),
    null=st.integers(0, 9),
    is_versioned=st.booleans(),
    is_suspended=st.booleans(),
)
def test_dates_are_those_of_a_bucket_that_is_run_day_by_day(
    rules: list[LifecycleAction],
    versions: Sequence[VersionFacts],
    null: int,
    is_versioned: bool,
    is_suspended: bool,
) -> None:
    ordered = sorted(versions, key=lambda v: v.written_at, reverse=True)
    if not is_versioned:
        ordered = [replace(ordered[0], is_delete_marker=False)]
    facts = [
        replace(v, version_id="null" if place == null else f"v{place}", size=None if v.is_delete_marker else v.size)
        for place, v in enumerate(ordered)
    ]  # fmt: skip
    told_rules = BucketRules(
        bucket="s3://b",
        actions=tuple(rules),
        is_versioned=is_versioned,
        is_suspended=is_versioned and is_suspended,
    )
    since = [None, *(v.written_at for v in facts)]
    stored = [Stored(one, began) for one, began in zip(facts, since, strict=False)]
    running = Bucket(told_rules, stored)
    # Nothing is due before the last version was written: rules were put then.
    start = max(v.written_at for v in facts)
    midnight = START + timedelta(days=(start - START).days + 1)
    end = midnight + timedelta(days=HORIZON)
    now = midnight
    while now <= end:
        running.run(now)
        now += timedelta(days=1)

    def seen(step: Any) -> datetime | None:
        return None if step is None or step.at > end else step.at

    told_fates = fates("k", facts, told_rules, is_live=True, as_of=midnight)
    for one, fate in zip(stored, told_fates, strict=True):
        if one.facts.is_delete_marker:
            continue
        assert seen(fate.expires) == one.removed, (one, fate)
        assert seen(fate.hides) == one.hidden, (one, fate)
        assert seen(fate.archives) == one.archived, (one, fate)
