"""Draft: a version in the making, on a context; and how drafts are logged."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landfast.context import Context, default_context
from landfast.errors import Conflict, InvalidInput, LandfastError, NotLogged
from landfast.model.lineage import Direction
from landfast.model.names import LATEST, ArtifactName, check_name
from landfast.model.reference import Reference
from landfast.openlineage.inline import tell_run
from landfast.publish.draft_entries import DraftEntries
from landfast.scan import merging
from landfast.scans import Spread, latest_manifest, localise, scan_into
from landfast.version import ArtifactVersion
from landfast.version_storage import follow_aliases

if TYPE_CHECKING:
    from landfast.manifests.base import Manifest
    from landfast.manifests.held import HeldManifest
    from landfast.manifests.table_file import WrittenManifest
    from landfast.registry.values import LogOutcome, LogRequest
    from landfast.scan.values import ShardScan


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """How drafts are logged; see `Client.log_all`."""

    aliases: Sequence[str] = ()
    tags: Sequence[str] = ()
    direction: Direction | None = Direction.LOGGED
    move_latest: bool = True


class Draft:
    """A version in the making: the entries that were scanned for it so far. A logged draft cannot change.

    Args:
        context: Where to log; None is the context of the process. The other arguments are those of `Artifact`.

    Raises:
        InvalidInput: If the name or type is not valid, or the name contains a version.
    """

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        partition: str | None = None,
        ttl: timedelta | None = None,
        context: Context | None = None,
    ) -> None:
        self._name = _draft_name(name, partition)
        self._type = check_name(type, "type")
        self.description = description or ""
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.ttl = ttl
        self._context = context
        self._scans: list[ShardScan] = []
        self._secrets: dict[str, str] = {}
        self._start: int | None = None
        self._version: ArtifactVersion | None = None
        self._folder: Path | None = None
        self._entries: DraftEntries | None = None
        self._originals: dict[str, Path | str] = {}

    @property
    def name(self) -> str:
        """The name as it will be logged; of a logged one ``collection:vN``."""
        return self._version.name if self._version is not None else str(self._name)

    @property
    def type(self) -> str:
        """The type."""
        return self._type

    @property
    def context(self) -> Context:
        """Context that logs the draft."""
        if self._context is None:
            self._context = default_context()
        return self._context

    @property
    def is_logged(self) -> bool:
        """Whether the draft is logged."""
        return self._version is not None

    @property
    def scanned_digest(self) -> str:
        """The content digest of the entries added so far: the digest that the version would have.

        Raises:
            InvalidInput: If nothing was added.
        """
        return self._merged().summary.digest

    def _add(self, reference: Reference, spread: Spread) -> Manifest:
        """Scan a place and add what is there."""
        self._check_open()
        self._tell_apart(reference)
        self._draw_ticket()
        folder = self._work_folder()
        return self._added(
            scan_into(self.context, folder, reference, spread=spread, near=self._name)
        )

    def add_scans(self, scans: Sequence[ShardScan], *, ticket: int | None = None) -> Manifest:
        """Add the results of `Client.scan_shard` for all shards of one plan.

        Args:
            scans: One result for each shard.
            ticket: From `Client.ticket`, drawn before the plan was made; None draws one now.

        Raises:
            LimitExceeded: If together they have more entries than the limit.
            NotFound: If all of them are empty.
        """
        self._check_open()
        self._start = ticket if self._start is None else self._start
        self._draw_ticket()
        return self._added([localise(self.context, scan) for scan in scans])

    def _add_managed(self, reference: Reference) -> Manifest:
        """Copy files into the registry's store and add them as managed entries."""
        from landfast.own_store.files import store_files

        self._check_open()
        self._draw_ticket()
        folder, originals = self._work_folder(), self._originals
        return self._added([store_files(self.context, reference, folder, originals=originals)])

    def _tell_apart(self, reference: Reference) -> None:
        """Refuse two URLs that would be recorded as one, for want of what may be no secret."""
        from landfast.scan.plan import place_of

        if reference.uri is not None and reference.uri.startswith("landfast://"):
            return
        place = place_of(reference, self.context.stores)
        given = place.ambiguous_secrets()
        told = hashlib.sha256(repr(given).encode(errors="replace")).hexdigest()
        if given and self._secrets.setdefault(str(place), told) != told:
            names = ", ".join(given)
            raise Conflict(
                f"two URLs that differ only in {names} would become one entry, {place}",
                subject=str(place),
                hint=f"{names} may be a secret, so it is not recorded; if it says which object is meant, "
                f"give options={{'plain_parameters': '{names}'}}.",
            )

    def _added(self, scans: Sequence[ShardScan]) -> Manifest:
        merging.check_complete(scans)
        if len(scans) == 1:
            found = scans[0].manifest
        else:
            found = merging.merge(scans, self._work_folder() / f"added-{len(self._scans)}.parquet")
        self._entries = self._entries or DraftEntries(self._work_folder)
        manifest = self._entries.add(found)
        self._scans.extend(scans)
        return manifest

    def _check_open(self) -> None:
        if self._version is not None:
            raise Conflict(
                f"artifact {self._version.name} is logged and cannot change",
                subject=self._version.name,
                hint="Start the next version with artifact.new_draft().",
            )

    def _draw_ticket(self) -> int:
        """Draw the start ticket, before the first request of the first scan."""
        if self._start is None:
            self._start = self.context.registry.ticket()
        return self._start

    def _work_folder(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="landfast-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    def _merged(self) -> WrittenManifest | HeldManifest:
        """Join everything that was added into one manifest; `InvalidInput` if nothing was."""
        if self._entries is None:
            raise InvalidInput(
                f"artifact {self._name} is empty",
                subject=str(self._name),
                hint="Add something with add_reference.",
            )
        return self._entries.merged()

    def _find_managed(self, sha256: str) -> Path | None:
        """Return the local file that was copied into the store under this sha256, if it is still there."""
        place = self._originals.get(sha256)
        path = None if place is None else Path(place)
        return path if path is not None and path.is_file() else None

    def _bind(self, context: Context) -> None:
        """Log on this context; `Conflict` if the draft has scanned on another registry's."""
        if self._context is None:
            self._context = context
        elif self._scans and not self._context.shares_registry(context):
            raise Conflict(
                f"artifact {self._name} was filled through another registry",
                subject=str(self._name),
                expected=context.display_url,
                found=self._context.display_url,
            )

    def _logged(self, name: str) -> ArtifactVersion:
        if self._version is None:
            raise NotLogged(
                f"artifact {self._name} is a draft and has no {name!r} yet",
                subject=str(self._name),
                hint="Log it first: run.log_artifact(artifact), run.use_artifact(artifact) or artifact.save().",
            )
        return self._version


def log_draft(context: Context, draft: Draft, options: LogOptions) -> ArtifactVersion:
    """Log a draft; from then on it has a version."""
    from landfast.publish.log import publish

    draft._bind(context)
    _remark(context, draft._scans)
    request, manifest = _request(context, draft, options)
    # Before the version, so that no version lacks its lineage if this process is killed in between.
    _record_copied(context, [draft])
    registry, blobs = context.registry, context.owned_blobs
    outcome = publish(
        registry,
        blobs,
        request,
        manifest,
        find=draft._find_managed,
        previous=partial(latest_manifest, context, request.name),
    )
    tell_run(context)
    return _became(context, draft, outcome)


def log_drafts(
    context: Context, drafts: Sequence[Draft], options: LogOptions
) -> list[ArtifactVersion]:
    """Log many drafts; see `Client.log_all`."""
    from landfast.publish.log import Unpublished, publish_all

    _remark(context, [scan for draft in drafts for scan in draft._scans])
    many = []
    for draft in drafts:
        draft._bind(context)
        request, manifest = _request(context, draft, options)
        many.append(
            Unpublished(
                request=request,
                manifest=manifest,
                find=draft._find_managed,
                previous=partial(latest_manifest, context, request.name),
            )
        )
    _record_copied(context, drafts)
    versions, errors = [], []
    outcomes = publish_all(context.registry, context.owned_blobs, many)
    for draft, outcome in zip(drafts, outcomes, strict=True):
        if isinstance(outcome, LandfastError):
            errors.append(outcome)
        else:
            versions.append(_became(context, draft, outcome))
    tell_run(context)
    if errors:
        for other in errors[1:]:
            errors[0].add_note(f"also: {other}")
        raise errors[0]
    return versions


def _remark(context: Context, scans: Sequence[ShardScan]) -> None:
    """Say what is worth knowing of what was scanned, once for all of it."""
    for remark in merging.remarks(scans):
        context.note(remark)


def _request(
    context: Context, draft: Draft, options: LogOptions
) -> tuple[LogRequest, WrittenManifest | HeldManifest]:
    from landfast.registry.values import LogRequest

    manifest = draft._merged()
    request = LogRequest(
        name=context.resolve_name(draft._name),
        type=draft.type,
        summary=manifest.summary,
        sources=merging.merged_sources(draft._scans),
        skipped=merging.merged_skips(draft._scans),
        metadata=draft.metadata,
        description=draft.description,
        aliases=tuple(alias for alias in options.aliases if alias != LATEST),
        tags=tuple(options.tags),
        ttl_seconds=None if draft.ttl is None else int(draft.ttl.total_seconds()),
        run=context.ensure_run(),
        direction=options.direction,
        ticket=draft._draw_ticket(),
        move_latest=options.move_latest,
    )
    return request, manifest


def _record_copied(context: Context, drafts: Iterable[Draft]) -> None:
    """Record as used the versions whose entries drafts have copied."""
    used = dict.fromkeys(key for draft in drafts for scan in draft._scans for key in scan.uses)
    if used:
        context.registry.add_edges(context.ensure_run(), Direction.USED, list(used))


def _became(context: Context, draft: Draft, outcome: LogOutcome) -> ArtifactVersion:
    draft._version = ArtifactVersion(
        outcome.version,
        context,
        created=outcome.created,
        changed=outcome.changed,
        change=outcome.change,
    )
    if outcome.ended:
        follow_aliases(draft._version)
    return draft._version


def _draft_name(name: str, partition: str | None) -> ArtifactName:
    parsed = ArtifactName.parse(name)
    if parsed.picks_version:
        raise InvalidInput(
            f"{name!r} has a version number, but the registry chooses the numbers",
            subject=name,
            hint=f"Give the name {parsed.bare()}; give aliases when you log it.",
        )
    if partition is not None and parsed.partition and parsed.partition != partition:
        raise Conflict(f"{name!r} and partition={partition!r} disagree", subject=name)
    return parsed if partition is None else replace(parsed, partition=partition)
