"""Judge one entry by what its store says of its key now: a pure decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry
from landfast.model.verdict import Verdict
from landfast.stores.base import ChecksumKind, ObjectInfo

# Describes the entry's object, or one version of it; None if there is none.
Ask = Callable[[str | None, ChecksumKind], ObjectInfo | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is known of one key.

    Args:
        rows: Its versions, newest first; only the current object unless `is_whole`.
        is_whole: Whether every version that there is stands in `rows`.
        askable: Kinds of checksum that only a request for the object alone can tell.
        tells_restores: Whether the rows tell that an archived object was restored.
    """

    rows: tuple[ObjectInfo, ...] = ()
    is_whole: bool = False
    askable: frozenset[str] = frozenset()
    tells_restores: bool = True

    @property
    def current(self) -> ObjectInfo | None:
        """The object that a plain read would get."""
        live = (row for row in self.rows if row.is_latest and not row.is_delete_marker)
        return next(live, None)

    def held(self, version_id: str) -> ObjectInfo | None:
        """Return the version with this id, if it is still there."""
        rows = (row for row in self.rows if not row.is_delete_marker)
        return next((row for row in rows if row.version_id == version_id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A verdict, the row that it speaks of, and one sentence where the verdict does not say it all."""

    verdict: Verdict
    row: ObjectInfo | None = None
    detail: str = ""


def judge(entry: ManifestEntry, history: History, ask: Ask | None = None) -> Finding | None:
    """Decide how an entry stands, by what a listing says of its key; None if only `ask` can tell and was not given."""
    decide = _judge_pinned if _has_version(entry.version_id) else _judge_unpinned
    finding = decide(entry, history, ask)
    if finding is None or finding.verdict is not Verdict.ARCHIVED or history.tells_restores:
        return finding
    assert finding.row is not None
    if ask is None:
        return None
    told = ask(None if finding.row.is_latest else finding.row.version_id, False)
    if told is None or told.is_archived:
        return finding
    rows = (replace(r, is_archived=False) if r is finding.row else r for r in history.rows)
    return decide(entry, replace(history, rows=tuple(rows)), ask)


def _judge_pinned(entry: ManifestEntry, history: History, ask: Ask | None) -> Finding | None:
    assert entry.version_id is not None
    current = history.current
    held = history.held(entry.version_id)
    if held is None and _is_plainly_current(entry, current):
        return _available(Verdict.INTACT, current)
    if held is None and not history.is_whole:
        if ask is None:
            return None
        held = ask(entry.version_id, False)
    if held is not None:
        return _judge_held(entry, held, current)
    if current is None:
        return Finding(verdict=Verdict.GONE, detail=_elsewhere(entry, history))
    return _judge_current(entry, history, current, ask)


def _judge_held(entry: ManifestEntry, held: ObjectInfo, current: ObjectInfo | None) -> Finding:
    """Decide where the recorded version is still there."""
    if same_content(entry, held) is False:
        detail = "The store gives other content under the recorded version id."
        return Finding(verdict=Verdict.CHANGED, row=held, detail=detail)
    if held.is_archived:
        return _available(Verdict.ARCHIVED, held)
    if current is None:
        return Finding(verdict=Verdict.DELETED, row=held)
    if current.version_id == held.version_id:
        return Finding(verdict=Verdict.INTACT, row=held)
    if _is_same_token(entry, current):
        return _available(Verdict.MOVED, current)
    return Finding(verdict=Verdict.OVERWRITTEN, row=current)


def _judge_unpinned(entry: ManifestEntry, history: History, ask: Ask | None) -> Finding | None:
    current = history.current
    if current is None or same_content(entry, current) is not True:
        kept = _kept_null(entry, history)
        if kept is not None:
            if current is None or kept.is_archived:
                return _available(Verdict.DELETED, kept)
            return Finding(verdict=Verdict.OVERWRITTEN, row=current)
    if current is None:
        return Finding(verdict=Verdict.GONE, detail=_elsewhere(entry, history))
    return _judge_current(entry, history, current, ask)


def _kept_null(entry: ManifestEntry, history: History) -> ObjectInfo | None:
    """Return the version from before versioning was turned on, if a conditional read finds it."""
    kept = None if entry.etag is None else history.held("null")
    return kept if kept is not None and same_content(entry, kept) is True else None


def _judge_current(
    entry: ManifestEntry, history: History, current: ObjectInfo, ask: Ask | None
) -> Finding | None:
    """Decide by the content of what is there now; the recorded version is not."""
    same = same_content(entry, current)
    kind = None if entry.checksum is None else entry.checksum.algorithm
    if same is not True and not _sizes_differ(entry, current) and kind in history.askable:
        if ask is None:
            return None
        current = ask(None, kind) or current
        same = same_content(entry, current)
    if same is False:
        detail = _elsewhere(entry, history)
        return Finding(verdict=Verdict.CHANGED, row=current, detail=detail)
    if same is None:
        return Finding(verdict=Verdict.UNVERIFIABLE, row=current, detail=_why_not(entry))
    return _same_at_new_pins(entry, current)


def _same_at_new_pins(entry: ManifestEntry, current: ObjectInfo) -> Finding:
    """Decide where the content is the recorded one and the recorded version is not there."""
    is_content = entry.checksum is not None and entry.checksum.is_content_token
    if not _has_version(entry.version_id):
        is_moved = is_content and _has_version(current.version_id)
        return _available(Verdict.MOVED if is_moved else Verdict.INTACT, current)
    if not is_content:
        return Finding(verdict=Verdict.UNVERIFIABLE, row=current, detail=_why_not(entry))
    found = _available(Verdict.MOVED, current)
    return replace(found, detail="The recorded version is gone; log it again to pin this one.")


def same_content(entry: ManifestEntry, row: ObjectInfo) -> bool | None:
    """Tell whether a row speaks of the recorded content; None if nothing tells.

    Without a recorded token equal size and etag say nothing, but another size or etag does.
    """
    if _sizes_differ(entry, row):
        return False
    token = entry.checksum
    told = None if token is None else _told(token, row)
    if told is not None:
        return told
    if entry.etag is None or row.etag is None:
        return None
    if entry.etag != row.etag:
        return False if token is None else None
    return None if token is None or entry.etag.startswith("W/") else True


def _told(token: Checksum, row: ObjectInfo) -> bool | None:
    """Tell whether a row has a token of the same kind, and whether it is the same; None if it has none."""
    if row.checksum is not None and row.checksum.algorithm == token.algorithm:
        return row.checksum.value == token.value
    if row.extra and token.algorithm in row.extra:
        return row.extra[token.algorithm] == token.value
    # Of an upload in one piece the ETag is the MD5; any other says nothing of it.
    return True if token.algorithm == "md5" and row.etag == token.value else None


def _sizes_differ(entry: ManifestEntry, row: ObjectInfo) -> bool:
    return None not in {entry.size, row.size} and entry.size != row.size


def _is_same_token(entry: ManifestEntry, row: ObjectInfo) -> bool:
    token = entry.checksum
    return token is not None and token.is_content_token and same_content(entry, row) is True


def _is_plainly_current(entry: ManifestEntry, current: ObjectInfo | None) -> bool:
    """Whether a row without version id can only be the recorded version."""
    return (
        current is not None
        and current.version_id is None
        and same_content(entry, current) is True
        and current.modified_at == entry.modified_at
    )


def _available(verdict: Verdict, row: ObjectInfo | None) -> Finding:
    is_archived = row is not None and row.is_archived
    return Finding(verdict=Verdict.ARCHIVED if is_archived else verdict, row=row)


def _has_version(version_id: str | None) -> bool:
    return version_id not in {None, "null"}


def _elsewhere(entry: ManifestEntry, history: History) -> str:
    """Name a version that holds the recorded content though nothing was pinned to it."""
    rows = (row for row in history.rows if not row.is_delete_marker and not row.is_latest)
    kept = next((row for row in rows if _is_same_token(entry, row)), None)
    if kept is None:
        return ""
    return f"Version {kept.version_id} of the object still has this content; restore it there."


def _why_not(entry: ManifestEntry) -> str:
    if entry.checksum is None:
        return "It was recorded without a checksum."
    if not entry.checksum.is_content_token and _has_version(entry.version_id):
        return f"The recorded version is gone, and {entry.checksum.algorithm} does not describe other versions."
    return f"The store tells no {entry.checksum.algorithm} to compare with."
