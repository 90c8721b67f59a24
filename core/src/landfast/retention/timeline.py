"""Work out what a bucket's rules will do to the versions of one key: a pure decision.

The semantics are those of the providers' pages: days since a version was written, or since its successor was, end at
midnight UTC (S3) or at the minute of the day (GCS); the shortest of several expirations counts; a permanent deletion
goes before a transition of the same day, and that before a delete marker.  The dates are the first on which an action
may be taken: providers act on it within hours or days.  Nobody is assumed to write or to delete anything meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from landfast.model.retention.rules import BucketRules, Effect, LifecycleAction, ObjectLock, Phase

_DAY = timedelta(days=1)
_NEVER = datetime.max.replace(tzinfo=UTC)
_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFacts:
    """What is known of one version of a key.

    Args:
        version_id: ``None`` or ``"null"`` where it has none of its own.
        written_at: UTC.
        size: Bytes.
        is_delete_marker: Whether it says "deleted".
        is_archived: Whether a read needs a restore already.
        is_tiered: Whether the store moves it between tiers by itself.
        tags: None if nobody asked, or if nobody answered: then it may have any.
        lock: What holds it, where that was asked.
    """

    version_id: str | None = None
    written_at: datetime
    size: int | None = None
    is_delete_marker: bool = False
    is_archived: bool = False
    is_tiered: bool = False
    tags: Mapping[str, str] | None = None
    lock: ObjectLock | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that rules do: from when on, in UTC, and by which action."""

    at: datetime
    action: LifecycleAction


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What the rules alone do to a version.

    Args:
        expires: It is removed for good.
        archives: A read needs a restore from then on.
        hides: A delete marker, or the store's own archive of versions, takes its place as the current one.
        once_replaced: What removes it some time after somebody overwrites or deletes it, if it is current now.
        is_held: Whether it stays until somebody releases it, whatever the rules say.
    """

    expires: Step | None = None
    archives: Step | None = None
    hides: Step | None = None
    once_replaced: LifecycleAction | None = None
    is_held: bool = False


def fates(
    key: str,
    versions: Sequence[VersionFacts],
    rules: BucketRules,
    *,
    is_live: bool,
    as_of: datetime = _EVER,
) -> Iterator[Fate]:
    """Yield what becomes of each version of a key, newest first.

    Args:
        key: Of the object.
        versions: All that there are, newest first.
        rules: Of the bucket.
        is_live: Whether the first version is the current one.
        as_of: UTC; what is due is done then at the earliest, and not before.
    """
    history = _History(key, rules, as_of)
    for place, version in enumerate(versions):
        if place == 0 and is_live:
            yield history.current(version)
        else:
            # Where nobody tells when the newest version was deleted, it was not before it was written.
            since = versions[place - 1].written_at if place else version.written_at
            yield history.noncurrent(version, since)


@dataclass(frozen=True, slots=True)
class _Stay:
    """How long a newer version is there, and from when on it is noncurrent, or at all where that counts."""

    written_at: datetime
    noncurrent_at: datetime
    removed_at: datetime

    def counts_from(self, action: LifecycleAction) -> datetime:
        return self.written_at if action.counts_current else self.noncurrent_at


class _History:
    """The versions of a key, told from the newest on."""

    def __init__(self, key: str, rules: BucketRules, as_of: datetime) -> None:
        self._key = key
        self._rules = rules
        self._as_of = as_of
        self._newer: list[_Stay] = []
        # When the version `null` is overwritten by a delete marker that is one too.
        self._null_goes: Step | None = None

    def current(self, version: VersionFacts) -> Fate:
        if version.is_delete_marker:
            self._passed(version, _NEVER, None)
            return Fate()
        goes = self._first(version, Effect.REMOVE, None)
        archives = None if version.is_archived else self._first(version, Effect.ARCHIVE, None)
        if goes is None or not self._keeps(version):
            fate = self._settled(version, goes, archives)
            self._passed(version, _NEVER, fate.expires)
            waits = None if goes is not None else self._once_replaced(version)
            return replace(fate, once_replaced=waits)
        if self._rules.is_suspended:
            self._null_goes = goes
        later = self._behind(version, goes)
        if archives is None or archives.at > goes.at:
            archives = later.archives
        elif later.expires is not None and archives.at >= later.expires.at:
            archives = None
        return replace(later, hides=goes, archives=archives)

    def _keeps(self, version: VersionFacts) -> bool:
        """Whether an expiration leaves the version behind a delete marker."""
        if not self._rules.is_versioned:
            return False
        return not (self._rules.is_suspended and version.version_id in {None, "null"})

    def _behind(self, version: VersionFacts, hides: Step) -> Fate:
        fate = self._noncurrent(version, hides.at)
        if fate.expires is not None and fate.expires.at < hides.at:
            fate = replace(fate, expires=Step(at=hides.at, action=fate.expires.action))
        self._passed(version, hides.at, fate.expires)
        return fate

    def noncurrent(self, version: VersionFacts, since: datetime) -> Fate:
        fate = self._noncurrent(version, since)
        null_goes = self._null_goes
        if null_goes is not None and version.version_id == "null" and not fate.is_held:
            fate = self._settled(version, _first_of((fate.expires, null_goes)), fate.archives)
        self._passed(version, since, fate.expires)
        return fate

    def _noncurrent(self, version: VersionFacts, since: datetime) -> Fate:
        expires = self._first(version, Effect.REMOVE, since)
        if version.is_delete_marker:
            return Fate(expires=expires)
        archives = None if version.is_archived else self._first(version, Effect.ARCHIVE, since)
        return self._settled(version, expires, archives)

    def _settled(self, version: VersionFacts, expires: Step | None, archives: Step | None) -> Fate:
        """Let what holds a version hold it; who is removed on a day is not archived on it."""
        lock = version.lock or ObjectLock()
        if lock.is_held:
            return Fate(archives=archives, is_held=True)
        if expires is not None:
            floor = version.written_at + timedelta(days=self._rules.keeps_for_days)
            floor = max(floor, lock.until or floor)
            expires = Step(at=max(expires.at, floor), action=expires.action)
            if archives is not None and archives.at >= expires.at:
                archives = None
        return Fate(expires=expires, archives=archives)

    def _passed(self, version: VersionFacts, since: datetime, expires: Step | None) -> None:
        # By a tag that nobody knows it to have, it may be removed, and may be there.
        is_sure = expires is not None and (
            version.tags is not None or not expires.action.where.tags
        )
        removed = expires.at if expires is not None and is_sure else _NEVER
        self._newer.append(_Stay(version.written_at, since, removed))

    def _once_replaced(self, version: VersionFacts) -> LifecycleAction | None:
        """Return the action that takes it soonest after it is overwritten."""
        if not self._rules.is_versioned:
            return None
        waiting = [
            action
            for action in self._acting(version, Effect.REMOVE)
            if action.phase is not Phase.CURRENT
        ]
        return min(waiting, key=lambda a: (a.noncurrent_days or 0, a.newer), default=None)

    def _acting(self, version: VersionFacts, effect: Effect) -> Iterator[LifecycleAction]:
        for action in self._rules.all_actions:
            if action.effect is not effect or not action.where.takes(self._key, version.size):
                continue
            if action.is_tiering and not version.is_tiered:
                continue
            tags = version.tags
            if tags is None or all(tags.get(name) == value for name, value in action.where.tags):
                yield action

    def _first(self, version: VersionFacts, effect: Effect, since: datetime | None) -> Step | None:
        """Return the first step of a kind; `since` is when it became noncurrent, None if it is current."""
        other = Phase.NONCURRENT if since is None else Phase.CURRENT
        actions = (a for a in self._acting(version, effect) if a.phase is not other)
        return _first_of(self._step(action, version, since) for action in actions)

    def _step(
        self, action: LifecycleAction, version: VersionFacts, since: datetime | None
    ) -> Step | None:
        times = [self._as_of, since or version.written_at]
        times.append(_after(version.written_at, action.days, action))
        if action.noncurrent_days is not None and since is not None:
            times.append(_after(since, action.noncurrent_days, action))
        if action.date is not None:
            times.append(action.date)
        before = action.written_before
        if before is not None and version.written_at >= before:
            return None
        before = action.noncurrent_before
        if before is not None and (since is None or since >= before):
            return None
        enough = self._when_enough(action, max(times), is_current=since is None)
        return None if enough is None else Step(at=enough, action=action)

    def _when_enough(
        self, action: LifecycleAction, start: datetime, *, is_current: bool
    ) -> datetime | None:
        """Return when there are as many newer versions as an action waits for, from `start` on."""
        if not action.newer:
            return start
        if is_current:
            return None
        stays = [(max(start, stay.counts_from(action)), stay) for stay in self._newer]
        for moment in sorted({at for at, _ in stays if at < _NEVER}):
            # On the day on which one of them is removed, it may be there still.
            there = sum(stay.counts_from(action) <= moment <= stay.removed_at for _, stay in stays)
            if there >= action.newer:
                return moment
        return None


def _after(moment: datetime, days: int | None, action: LifecycleAction) -> datetime:
    if days is None:
        return moment
    due = moment + timedelta(days=days)
    return midnight_after(due) if action.whole_days else due


def midnight_after(moment: datetime) -> datetime:
    """Return the midnight UTC that follows a moment; a midnight is its own.

    Example:
        >>> midnight_after(datetime(2014, 1, 18, 10, 30, tzinfo=UTC)).isoformat()
        '2014-01-19T00:00:00+00:00'
    """
    start = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return start if start == moment else start + _DAY


def _first_of(steps: Iterable[Step | None]) -> Step | None:
    return min((step for step in steps if step is not None), key=lambda s: s.at, default=None)
