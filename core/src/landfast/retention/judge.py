"""Say what becomes of one entry, by the versions of its key and the rules of its bucket: a pure decision."""

from __future__ import annotations

from datetime import UTC, datetime

from landfast.model.manifest import ManifestEntry
from landfast.model.retention.report import Deadline, EntryOutlook, Outlook
from landfast.model.retention.rules import BucketRules, ObjectLock
from landfast.model.storage.archive import ArchiveState
from landfast.pins.verdicts import History, same_content
from landfast.retention.tally import Found
from landfast.retention.timeline import Fate, Step, VersionFacts, fates
from landfast.stores.base import ObjectInfo

_START = datetime(1970, 1, 1, tzinfo=UTC)


def recorded_row(entry: ManifestEntry, history: History) -> ObjectInfo | None:
    """Return the row of the recorded version; None if it is not there."""
    if entry.version_id is not None:
        row = history.held(entry.version_id)
        if row is None:
            current = history.current
            # A plain list has no version ids; by its time and content it may show the recorded version.
            is_it = (
                current is not None
                and current.version_id is None
                and current.modified_at == entry.modified_at
            )
            row = current if is_it else None
    else:
        row = history.current
    return None if row is None or same_content(entry, row) is False else row


def judge(
    entry: ManifestEntry,
    history: History,
    rules: BucketRules,
    *,
    key: str,
    as_of: datetime,
    tags: dict[str, str] | None = None,
    lock: ObjectLock | None = None,
) -> Found:
    """Work out what becomes of an entry.

    Args:
        entry: As recorded.
        history: The versions of its key.
        rules: Of its bucket, which are known.
        key: Of the object.
        as_of: Now, in UTC.
        tags: Of the recorded version; None if nobody knows, then it may have any.
        lock: What holds it, where that was asked.
    """
    row = recorded_row(entry, history)
    if row is None:
        return Found(row=_gone(entry, history, rules))
    versions = [facts_of(one, tags, lock) if one is row else facts_of(one) for one in history.rows]
    place = next(at for at, one in enumerate(history.rows) if one is row)
    told = fates(key, versions, rules, is_live=history.rows[0].is_latest, as_of=as_of)
    fate = next(one for at, one in enumerate(told) if at == place)
    return _found(entry, fate, rules, is_archived=row.is_archived)


def facts_of(
    row: ObjectInfo, tags: dict[str, str] | None = None, lock: ObjectLock | None = None
) -> VersionFacts:
    """Return what rules go by of a row of a list, and what is known of it besides."""
    return VersionFacts(
        version_id=row.version_id,
        written_at=row.modified_at or _START,
        size=row.size,
        is_delete_marker=row.is_delete_marker,
        is_archived=row.is_archived,
        is_tiered=row.archive is ArchiveState.TIERED,
        tags=tags,
        lock=lock,
    )


def _found(entry: ManifestEntry, fate: Fate, rules: BucketRules, *, is_archived: bool) -> Found:
    expires, archives, hides = fate.expires, fate.archives, fate.hides
    if entry.version_id is None and hides is not None:
        # Without a version id only the current object is read: behind a delete marker it is lost.
        expires, hides = hides, None
    if archives is not None and expires is not None and archives.at >= expires.at:
        archives = None
    outlook = _outlook(expires, archives, is_held=fate.is_held)
    detail = "It is archived already." if is_archived else ""
    row = EntryOutlook(
        entry=entry,
        outlook=outlook,
        bucket=rules.bucket,
        expires=_deadline(expires),
        archives=_deadline(archives),
        hides=_deadline(hides),
        detail=detail,
    )
    return Found(row=row, waits=fate.once_replaced if outlook is Outlook.KEPT else None)


def _outlook(expires: Step | None, archives: Step | None, *, is_held: bool) -> Outlook:
    if archives is not None:
        return Outlook.ARCHIVES
    if expires is not None:
        return Outlook.EXPIRES
    return Outlook.HELD if is_held else Outlook.KEPT


def _deadline(step: Step | None) -> Deadline | None:
    if step is None:
        return None
    action = step.action
    return Deadline(at=step.at, rule=action.rule, action=action.text, prevented_by=action.remedy)


def _gone(entry: ManifestEntry, history: History, rules: BucketRules) -> EntryOutlook:
    is_known = history.is_whole or entry.version_id is None
    return EntryOutlook(
        entry=entry,
        outlook=Outlook.GONE if is_known else Outlook.UNKNOWN,
        bucket=rules.bucket,
        detail="" if is_known else "It is not the current version, and versions were not listed.",
    )
