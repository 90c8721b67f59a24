"""Restore: ask stores for what lies in their archives, each object once, and wait for it if told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from landfast.errors import InvalidInput, NotFound
from landfast.model.blob_uri import is_managed
from landfast.model.globs import PathFilter
from landfast.model.options import RestoreOptions
from landfast.model.storage.archive import (
    DEFAULT_DAYS,
    ArchiveState,
    RestoreReply,
    RestoreRequest,
    Tier,
)
from landfast.model.storage.copies import is_copy
from landfast.model.storage.plan import Plan, PlanDraft, Problem
from landfast.model.storage.restore import RestoreReport
from landfast.restore.look import Findings, PinSets, Target, look
from landfast.restore.tally import Tally
from landfast.restore.wait import Patience, wait
from landfast.stores.archive import RESTORE, Archive
from landfast.system.progress import Report, silent

if TYPE_CHECKING:
    from landfast.stores.opener import Stores

_WORKERS = 16
_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What of a version is restored, and how.

    Args:
        name: The version's, for the report.
        sets: Its manifests with their sources, newest pins first.
        request: How archived objects are asked back.
        include: Globs of paths; empty is all.
        exclude: Globs of paths that are left out.
        any_endpoint: Whether another endpoint than the recorded one may be asked.
    """

    name: str
    sets: PinSets
    request: RestoreRequest
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    any_endpoint: bool = False

    @classmethod
    def of(cls, name: str, sets: PinSets, options: RestoreOptions) -> Wanted:
        """Read what a user said.

        Raises:
            InvalidInput: If there is no such tier, or the days are no positive number.
        """
        return cls(
            name=name,
            sets=sets,
            request=RestoreRequest.of(
                options.get("tier", Tier.STANDARD), options.get("days", DEFAULT_DAYS)
            ),
            include=options.get("include", ()),
            exclude=options.get("exclude", ()),
            any_endpoint=options.get("any_endpoint", False),
        )

    def look(self, stores: Stores) -> Findings:
        """Look at the wanted entries.

        Raises:
            NotFound: If the globs match no entry.
        """
        why_not: Callable[[str], str] | None = None
        if self.include or self.exclude:
            why_not = PathFilter(self.include, self.exclude)
            batches = self.sets[0][0].batches()
            if all(why_not(path) for batch in batches for path in batch.paths.to_pylist()):
                raise NotFound(
                    f"no entry of {self.name} is selected",
                    subject=self.name,
                    found=", ".join(map(repr, (*self.include, *self.exclude))),
                    hint=f"landfast ls {self.name} lists the paths.",
                )
        why_not = _unless_copied(self.sets, why_not)
        return look(
            self.sets, stores, why_not=why_not, any_endpoint=self.any_endpoint, workers=_WORKERS
        )


def _unless_copied(
    sets: PinSets, why_not: Callable[[str], str] | None
) -> Callable[[str], str] | None:
    """Leave alone what is read from a copy in the registry's store."""
    copies = [manifest for manifest, sources in sets if is_copy(sources)]
    if not copies:
        return why_not

    def why(path: str) -> str:
        is_copied = any(is_managed(manifest.get(path).uri) for manifest in copies)
        return "copied" if is_copied else why_not(path) if why_not is not None else ""

    return why


def plan_restore(wanted: Wanted, stores: Stores) -> Plan:
    """Count what a restore would ask for: it is looked as for that, and nothing is asked for.

    Whether asking would be permitted, and whether the server knows how, one request for an object that is not there
    finds out.
    """
    draft = PlanDraft("restore", wanted.name)

    findings = wanted.look(stores.counting(draft.sent_as_planned))
    _blame(draft, findings)
    draft.done(findings.readable)
    tried: set[int] = set()
    for target in findings.targets():
        if not _is_to_be_asked(target):
            draft.done()
            continue
        draft.archived(target.entry.size)
        draft.add(RESTORE)
        store = _archive_of(findings, target)
        if id(store) not in tried:
            tried.add(id(store))
            draft.sent(RESTORE)
            refusal = store.refusal(target.location)
            if refusal is not None:
                permission = refusal.details.get("permission")
                draft.blame(refusal.problem, permission=permission, hint=refusal.hint or "")
    return draft.plan()


def note_archived(
    draft: PlanDraft, wanted: Wanted, stores: Stores, paths: AbstractSet[str]
) -> None:
    """Note in the plan of a read what of these paths lies in an archive, or is lost, as far as lists may be had."""
    findings = look(
        wanted.sets,
        stores.counting(draft.sent),
        why_not=lambda path: "" if path in paths else "not read",
        any_endpoint=wanted.any_endpoint,
        workers=_WORKERS,
    )
    hint = f"landfast restore {wanted.name} --wait brings back what is archived."
    for target in findings.targets():
        if target.state is not ArchiveState.RESTORED:
            draft.archived(target.entry.size)
            draft.blame(f"is {_AWAY[target.state]}", uri=target.location.uri, hint=hint)
    for lost in findings.lost():
        if not lost.is_denied:
            draft.blame(lost.message, uri=lost.uri)


_AWAY = {
    ArchiveState.ARCHIVED: "archived",
    ArchiveState.SUNK: "archived",
    ArchiveState.RESTORING: "being restored",
}


def restore(
    wanted: Wanted,
    stores: Stores,
    *,
    patience: Patience | None = None,
    progress: Report = silent,
) -> RestoreReport:
    """Ask for every archived object that a version needs; what was asked for before is left alone.

    Stopped and run again, it asks for the rest.

    Args:
        wanted: Which entries of what, and how they are asked for.
        stores: Opens their stores.
        patience: How long to wait until all can be read; None does not.
        progress: Called with how many objects were asked for, then with how many came back.

    Raises:
        AccessDenied: If you have no permission to restore.
        InvalidInput: If the server has archives but no restore, or no restore in this tier.
        Unavailable: If a server did not answer, or it took longer than `patience` has.
    """
    findings = wanted.look(stores)
    targets = findings.targets()
    tally = Tally(findings.readable)
    for target in targets:
        if not _is_to_be_asked(target):
            tally.seen(target.state, target.until)
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="landfast-restore") as pool:
        answers = _answers(findings, targets, wanted.request, pool)
        for number, (target, reply) in enumerate(answers, 1):
            tally.answered(reply, target.entry.size)
            progress(number, None)
        if patience is not None and tally.away:
            away = (target for target in targets if target.state is not ArchiveState.RESTORED)
            wait(findings, away, tally, pool, patience=patience, progress=progress)
    waited = patience is not None
    return tally.report(wanted.name, wanted.request, _problems(findings), waited=waited)


def _answers(
    findings: Findings, targets: Sequence[Target], request: RestoreRequest, pool: ThreadPoolExecutor
) -> Iterator[tuple[Target, RestoreReply]]:
    """Ask for what nobody asked for; the first alone: what is refused is refused before anything was asked for."""

    def ask(target: Target) -> RestoreReply:
        store = _archive_of(findings, target)
        days = None if target.state is ArchiveState.SUNK else request.days
        return store.restore(target.location, request.tier, days, version_id=target.version_id)

    waiting = (target for target in targets if _is_to_be_asked(target))
    for first in islice(waiting, 1):
        yield first, ask(first)
    while chunk := list(islice(waiting, _BATCH)):
        yield from zip(chunk, pool.map(ask, chunk), strict=True)


def _archive_of(findings: Findings, target: Target) -> Archive:
    store = findings.store_of(target)
    if isinstance(store, Archive) and store.restores:
        return store
    raise InvalidInput(
        f"{target.location.uri} is archived, and its store has no restore",
        subject=target.location.uri,
        expected=f"a store with {RESTORE}",
        unsupported=True,
    )


def _is_to_be_asked(target: Target) -> bool:
    return target.state in {ArchiveState.ARCHIVED, ArchiveState.SUNK}


def _problems(findings: Findings) -> tuple[Problem, ...]:
    draft = PlanDraft("restore", "")
    _blame(draft, findings)
    return draft.plan().problems


def _blame(draft: PlanDraft, findings: Findings) -> None:
    for lost in findings.lost():
        hint = f"Allow {lost.permission}." if lost.permission else ""
        draft.blame(lost.message, uri=lost.uri, permission=lost.permission, hint=hint)
