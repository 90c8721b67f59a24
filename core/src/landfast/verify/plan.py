"""Count what a verification would ask for: lists are asked for, all else is only counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from landfast.errors import AccessDenied
from landfast.manifests.base import Manifest
from landfast.manifests.batch import EntryBatch
from landfast.model.manifest import ManifestEntry
from landfast.model.source import Source
from landfast.model.storage.plan import PlanDraft
from landfast.pins.sources import Place, Places
from landfast.pins.verdicts import History, judge
from landfast.stores.base import ChecksumKind, ObjectInfo
from landfast.survey.walk import Item, Survey
from landfast.verify.deep import will_read

if TYPE_CHECKING:
    from landfast.stores.opener import Stores

_WORKERS = 16


def plan_verify(
    draft: PlanDraft,
    manifest: Manifest,
    sources: Sequence[Source],
    stores: Stores,
    *,
    deep: bool,
    any_endpoint: bool,
) -> None:
    """Count the requests of `verify` on a version's newest pins, as if every object still were what was recorded.

    Files of this machine are not read for it, and older pins, which are asked about where bytes are lost, not counted.
    """
    counting = stores.counting(draft.sent_as_planned)
    places = Places(sources, counting, any_endpoint=any_endpoint)
    places.folders = [_unread(place) for place in places.folders]
    Survey(places, _Counting(draft, deep=deep), workers=_WORKERS).all_of(manifest)


def _unread(place: Place) -> Place:
    """Return a folder as it is listed without reading what is in it."""
    if not place.store.capabilities().in_place:
        return place
    return replace(place, source=replace(place.source, checksum="unread"))


class _Counting:
    """A `Surveyor` that counts what each entry would cost."""

    takes_archives = False

    def __init__(self, draft: PlanDraft, *, deep: bool) -> None:
        self._draft = draft
        self._deep = deep
        self._refused: set[str] = set()
        self.takes_intact = not deep

    @property
    def taken(self) -> int:
        """Nobody counts here: what no folder holds is looked for in any case."""
        return 0

    def take_intact(self, entries: EntryBatch) -> None:
        """Take entries that a list is enough for."""
        self._draft.touch(len(entries))

    def take_other(self, uri: str) -> None:
        """What the version does not have costs nothing."""

    def refuse(self, uri: str, error: AccessDenied) -> None:
        """Note a place that may not be listed."""
        permission = error.details.get("permission")
        self._draft.blame(
            "may not be listed", uri=uri, permission=permission, hint=error.hint or ""
        )

    def take_refused(self, entry: ManifestEntry) -> None:  # noqa: ARG002 - its place was noted
        """Take an entry of which nothing will be known."""
        self._draft.touch(1)

    def take(self, items: Iterator[Item]) -> None:
        """Count entries one by one."""
        for item in items:
            self._count(item)

    def _count(self, item: Item) -> None:
        entry, able = item.entry, item.store.capabilities()
        operations = able.operations
        self._draft.touch(1)

        def ask(version_id: str | None, checksum: ChecksumKind) -> ObjectInfo:
            if checksum in able.read_checksums:
                self._draft.add(operations.read, size=entry.size or 0, objects=0)
            else:
                self._draft.ask(operations.stat)
            return _as_recorded(item, version_id)

        history = item.history
        if history is None:
            row = ask(None, item.kind)
            history = History(rows=(row,), is_whole=not able.versions)
        finding = judge(entry, history, ask)
        if self._deep and finding is not None and will_read(entry, finding):
            self._draft.add(operations.read, size=entry.size or 0, objects=0)


def _as_recorded(item: Item, version_id: str | None) -> ObjectInfo:
    entry = item.entry
    return ObjectInfo(
        location=item.location,
        size=entry.size,
        checksum=entry.checksum,
        etag=entry.etag,
        version_id=version_id or entry.version_id,
        modified_at=entry.modified_at,
    )
