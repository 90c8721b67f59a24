"""Look at a place before anything of it is recorded: what rules do to what lies there, and whether they are as sent."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from landfast.model.location import Location
from landfast.model.retention.place import Difference, PlaceRetention
from landfast.model.retention.report import Outlook, RuleOutlook
from landfast.model.retention.rules import BucketRules
from landfast.retention.buckets import ask
from landfast.retention.judge import facts_of
from landfast.retention.timeline import Fate, Step, fates
from landfast.stores.base import ListRequest, ObjectInfo, Store
from landfast.stores.pager import Pager
from landfast.stores.rules import RuleTeller

# Without rules to compare with, a look at so many object versions has to do.
MOST_LISTED = 10_000


def look_at(store: Store, location: Location, *, sent: str | None = None) -> PlaceRetention:
    """Say what the rules of a bucket do to the object versions of a folder, or of one object.

    Args:
        store: Of the place; it tells rules.
        location: Of the place.
        sent: A file of rules as somebody sent them; then all versions are listed, else the first 10,000.

    Raises:
        InvalidInput: If `sent` is no such file.
        AccessDenied: If versions may not be listed.
    """
    assert isinstance(store, RuleTeller)
    uri = location.without_secrets()[0].uri
    wanted = None if sent is None else store.sent_rules(location, sent)
    rules = ask(store, location)
    if not rules.are_known:
        return PlaceRetention(uri=uri, rules=rules, is_whole=False)
    compared = None if wanted is None else replace(rules, **wanted)
    counts, sooner = _Counts(rules), _Counts(rules)
    listed, is_whole, as_of = 0, True, datetime.now(UTC)
    limit = None if compared is not None else MOST_LISTED
    for key, rows in _keys(store, location):
        if limit is not None and listed >= limit:
            is_whole = False
            break
        listed += len(rows)
        told = _fates(key, rows, rules, as_of)
        meant = told if compared is None else _fates(key, rows, compared, as_of)
        for row, stored, sent_fate in zip(rows, told, meant, strict=True):
            if not row.is_delete_marker:
                counts.add(row, _first(stored))
                sooner.add(row, _sooner(stored, sent_fate))
    return PlaceRetention(
        uri=uri,
        rules=rules,
        listed=listed,
        is_whole=is_whole,
        counts=tuple(counts.sorted()),
        differences=None if compared is None else tuple(_differences(compared, rules)),
        sooner=tuple(sooner.sorted()),
    )


def _keys(store: Store, location: Location) -> Iterator[tuple[str, list[ObjectInfo]]]:
    """Yield the versions of each key at a place, newest first."""
    versions = store.capabilities().versions
    request = ListRequest(location, versions=versions, checksum=False)
    rows = Pager(store, request, or_current=lambda _: None).rows()
    for key, group in itertools.groupby(rows, key=lambda row: row.location.key):
        below = location.key if location.is_folder else f"{location.key}/"
        if key == location.key or key.startswith(below):
            yield key, list(group)


def _fates(key: str, rows: list[ObjectInfo], rules: BucketRules, as_of: datetime) -> list[Fate]:
    facts = [facts_of(row) for row in rows]
    return list(fates(key, facts, rules, is_live=rows[0].is_latest, as_of=as_of))


def _first(fate: Fate) -> Step | None:
    steps = (step for step in (fate.expires, fate.archives) if step is not None)
    return min(steps, key=lambda step: step.at, default=None)


def _sooner(stored: Fate, sent: Fate) -> Step | None:
    """Return what the stored rules do to a version that those sent do not, or not as early."""
    found, meant = _first(stored), _first(sent)
    if found is None or (meant is not None and meant.at <= found.at):
        return None
    return found


class _Counts:
    """What each action takes first."""

    def __init__(self, rules: BucketRules) -> None:
        self._bucket = rules.bucket
        self._found: dict[tuple[str, str], RuleOutlook] = {}

    def add(self, row: ObjectInfo, step: Step | None) -> None:
        if step is None:
            return
        action = step.action
        known = self._found.get((action.rule, action.text)) or RuleOutlook(
            bucket=self._bucket,
            outlook=Outlook.ARCHIVES if action.storage_class else Outlook.EXPIRES,
            rule=action.rule,
            action=action.text,
            prevented_by=action.remedy,
        )
        if known.at is None or step.at < known.at:
            version = f" version {row.version_id}" if row.version_id not in {None, "null"} else ""
            known = replace(known, at=step.at, example=f"{row.location.key}{version}")
        size = known.size + (row.size or 0)
        self._found[action.rule, action.text] = replace(known, entries=known.entries + 1, size=size)

    def sorted(self) -> Iterable[RuleOutlook]:
        return sorted(self._found.values(), key=lambda one: (str(one.at), one.rule))


def _differences(sent: BucketRules, stored: BucketRules) -> Iterator[Difference]:
    """Yield where the stored rules are not those that were sent: by id, and by place where there was none."""
    there = dict(stored.flat)
    left = [name for name, _ in stored.flat if name not in dict(sent.flat)]
    for name, parts in sent.flat:
        named = name if name in there else _unnamed(name, left)
        if named is None:
            yield Difference(rule=name, part="", sent="", stored=None)
        else:
            yield from _parts(name, parts, there[named])
    yield from (Difference(rule=name, part="", sent=None, stored="") for name in left)


def _unnamed(name: str, left: list[str]) -> str | None:
    """Return the stored rule to which the server gave a name of its own, and take it off those that are left."""
    return left.pop(0) if name.startswith("rule ") and left else None


def _parts(name: str, sent: Mapping[str, str], stored: Mapping[str, str]) -> Iterator[Difference]:
    for part in dict.fromkeys([*sent, *stored]):
        one, other = sent.get(part), stored.get(part)
        if one != other:
            yield Difference(rule=name, part=part, sent=one, stored=other)
