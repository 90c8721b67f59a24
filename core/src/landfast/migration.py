"""Migration: versions of another tool become versions here; first all are read, then each is logged as a whole."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from landfast.context import Context
from landfast.draft import Draft, LogOptions, log_draft
from landfast.errors import Conflict, InvalidInput, LandfastError, NotFound
from landfast.manifests.held import HeldManifest
from landfast.migrate.base import PeerPlace, PeerVersion
from landfast.migrate.manifest import PeerManifest, read_manifest
from landfast.migrate.names import name_here, tag_of, word, words_here
from landfast.migrate.peers import PEERS, peer_versions
from landfast.model.imports import ImportedVersion, ImportReport, ImportState
from landfast.model.location import Location
from landfast.model.names import ArtifactName
from landfast.model.source import Source
from landfast.model.times import format_time
from landfast.model.verdict import Verdict
from landfast.model.version import VersionRecord
from landfast.scan.values import ShardScan
from landfast.version import ArtifactVersion

# Of what cannot come over a message names so many.
_NAMED = 5
# Of files that are read before anything is logged; what is beyond is read again.
_MOST_KEPT_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What is imported, and how; see `Client.import_from`."""

    name: str | None = None
    rename: Mapping[str, str] = field(default_factory=dict)
    type: str | None = None
    allow_missing: bool = False
    dry_run: bool = False
    verify: bool = True
    any_endpoint: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """A foreign version, and what it will be."""

    tool: str
    peer: PeerVersion
    told: ImportedVersion
    tags: tuple[str, ...]
    found: PeerManifest | None


class _Manifests:
    """Manifests of foreign versions, read into files of a folder, and kept there as long as there is room."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._left = _MOST_KEPT_BYTES

    def read(self, version: PeerVersion) -> PeerManifest:
        """Read the entries of a version into a folder of their own."""
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            return read_manifest(version, folder)
        except LandfastError as error:
            error.add_note(f"in {version.title}")
            raise

    def keep(self, found: PeerManifest) -> PeerManifest | None:
        """Keep what was read for when it is logged; None if it has to be read again then."""
        if isinstance(found.manifest, HeldManifest):
            return found
        if found.manifest.size > self._left:
            self.drop(found)
            return None
        self._left -= found.manifest.size
        return found

    def drop(self, found: PeerManifest) -> None:
        """Forget what was read."""
        if not isinstance(found.manifest, HeldManifest):
            shutil.rmtree(found.manifest.path.parent)


class _Collections:
    """What the registry has already of the collections that are imported into."""

    def __init__(self, context: Context) -> None:
        self._registry = context.registry
        self._known: dict[ArtifactName, list[VersionRecord]] = {}
        self._planned: dict[tuple[ArtifactName, str], str] = {}

    def versions(self, name: ArtifactName) -> list[VersionRecord]:
        """Return all versions of a partition, deleted ones too."""
        if name not in self._known:
            try:
                self._known[name] = list(self._registry.versions(name, deleted=True))
            except NotFound:
                self._known[name] = []
        return self._known[name]

    def tagged(self, name: ArtifactName, tag: str) -> VersionRecord | None:
        """Return the version that was imported under a tag."""
        return next((each for each in self.versions(name) if tag in each.tags), None)

    def plan(self, told: ImportedVersion) -> bool:
        """Note that a version is to be imported; False if the same one is already, `Conflict` if it is another."""
        known = self._planned.get((told.name, told.tag))
        if known is None:
            self._planned[told.name, told.tag] = told.digest
        elif known != told.digest:
            raise _other_content(told, str(told.name), known)
        return known is None

    def has_own(self, name: ArtifactName) -> bool:
        """Whether somebody logged here what was not imported."""
        return not all(any(map(_is_imported, each.tags)) for each in self.versions(name))


def import_from(context: Context, peer: str, path: str, options: ImportOptions) -> ImportReport:
    """Import the versions of another tool; see `Client.import_from`."""
    place = PeerPlace(path=path, stores=context.stores, name=options.name)
    folder = Path(tempfile.mkdtemp(prefix="landfast-"))
    try:
        collections, manifests = _Collections(context), _Manifests(folder)
        every = (
            _plan(context, peer, version, collections, options, manifests)
            for version in peer_versions(peer, place)
        )
        planned = [each for each in every if collections.plan(each.told)]
        _check_whole(planned, options)
        report = ImportReport(
            peer=peer,
            path=path,
            versions=tuple(each.told for each in planned),
            dry_run=options.dry_run,
        )
        if options.dry_run:
            return report
        done = [_done(context, each, collections, options, manifests) for each in planned]
        return replace(report, versions=tuple(_verified(context, done, options)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _plan(
    context: Context,
    peer: str,
    version: PeerVersion,
    collections: _Collections,
    options: ImportOptions,
    manifests: _Manifests,
) -> _Planned:
    """Read a foreign version whole, and tell what it will be."""
    name = context.resolve_name(name_here(version, options.rename))
    found = manifests.read(version)
    _check_endpoints(context, found.sources, options)
    notes = list(version.notes)
    tag, summary = tag_of(peer, version), found.manifest.summary
    record = collections.tagged(name, tag)
    state = ImportState.NEW if summary.count else ImportState.EMPTY
    told = ImportedVersion(
        theirs=version.title,
        name=name if record is None else record.name,
        state=state if record is None else ImportState.PRESENT,
        tag=tag,
        aliases=words_here("alias", version.aliases, notes),
        digest=summary.digest,
        count=summary.count,
        size=summary.size,
        left_out=found.left_out,
        left_out_count=found.left_out_count,
        notes=(),
    )
    if record is not None and record.summary.digest != summary.digest:
        raise _other_content(told, str(record.name), record.summary.digest)
    tags = (tag, *words_here("tag", version.tags, notes))
    is_due = told.state is ImportState.NEW and not options.dry_run
    if not is_due:
        manifests.drop(found)
    return _Planned(
        tool=peer,
        peer=version,
        told=replace(told, notes=tuple(notes)),
        tags=tags,
        found=manifests.keep(found) if is_due else None,
    )


def _other_content(told: ImportedVersion, here: str, digest: str) -> Conflict:
    return Conflict(
        f"{here} is imported as {told.tag}, and {told.theirs} has other content",
        subject=here,
        expected=digest,
        found=told.digest,
        hint="If it is another artifact of the same name, give it one of its own with rename= (--rename).",
    )


def _check_endpoints(context: Context, sources: Sequence[Source], options: ImportOptions) -> None:
    """Refuse places that the settings here do not lead to, before anything is recorded."""
    for source in sources:
        if source.endpoint is not None:
            location = Location.parse(source.uri)
            context.stores.recorded(location, source, any_endpoint=options.any_endpoint)


def _check_whole(planned: Sequence[_Planned], options: ImportOptions) -> None:
    """Refuse to record less than is there, unless that was asked for; and what is empty."""
    if not planned:
        raise NotFound("there is nothing to import", subject="import")
    partial = [each.told for each in planned if each.told.left_out_count]
    if partial and not options.allow_missing and not options.dry_run:
        told = [
            f"{left.path!r} of {version.theirs}: {left.reason}"
            for version in partial
            for left in version.left_out
        ]
        count = sum(version.left_out_count for version in partial)
        raise InvalidInput(
            f"not all entries can come over, so nothing was recorded; those that cannot: {count:,}",
            subject=partial[0].theirs,
            found="; ".join(told[:_NAMED]) + ("; ..." if count > _NAMED else ""),
            hint="Give allow_missing=True (--allow-missing) to record the versions without them; dry_run=True "
            "(--dry-run) lists them.",
            left_out=[(v.theirs, left.path, left.reason) for v in partial for left in v.left_out],
        )


def _done(
    context: Context,
    planned: _Planned,
    collections: _Collections,
    options: ImportOptions,
    manifests: _Manifests,
) -> ImportedVersion:
    """Log a foreign version, unless that was done before: entries, tags and aliases at once, or nothing."""
    version, told = planned.peer, planned.told
    if told.state is not ImportState.NEW:
        return told
    found = planned.found or manifests.read(version)
    kind = options.type or context.registry.collection_type(told.name) or version.type or "dataset"
    draft = Draft(
        str(told.name),
        word(kind),
        version.description,
        {**version.metadata, "imported": _origin(planned)},
        context=context,
    )
    scan = ShardScan(
        manifest=found.manifest,
        sources=tuple(_at_endpoint(context, source) for source in found.sources),
        skipped=found.skipped,
    )
    draft.add_scans([scan])
    how = LogOptions(
        aliases=told.aliases,
        tags=planned.tags,
        # What was logged here since is newer than their history.
        move_latest=not collections.has_own(told.name),
    )
    logged = log_draft(context, draft, how)
    state = ImportState.CREATED if logged.created else ImportState.RETURNED
    return replace(told, name=logged.record.name, state=state)


def _origin(planned: _Planned) -> dict[str, Any]:
    """Describe where a version came from, as it is kept in its metadata."""
    version = planned.peer
    facts = {"from": planned.tool, "version": version.title, **version.facts}
    if version.created_at is not None:
        facts["created_at"] = format_time(version.created_at)
    return facts


def _at_endpoint(context: Context, source: Source) -> Source:
    """Return a source with the endpoint at which it is found here, where the tool does not say one."""
    if source.endpoint is not None:
        return source
    return replace(source, endpoint=context.stores.at(Location.parse(source.uri)).endpoint)


def _verified(
    context: Context, done: Sequence[ImportedVersion], options: ImportOptions
) -> Iterator[ImportedVersion]:
    """Compare what was imported, now or before, with its stores; each version here once."""
    seen: dict[ArtifactName, Mapping[Verdict, int] | None] = {}
    for each in done:
        if options.verify and each.name.index is not None and each.name not in seen:
            seen[each.name] = _verdicts(context, each.name, options)
        yield replace(each, verdicts=seen.get(each.name))


def _verdicts(
    context: Context, name: ArtifactName, options: ImportOptions
) -> Mapping[Verdict, int] | None:
    try:
        record = context.registry.get(name)
    except NotFound:
        return None  # deleted since
    return dict(ArtifactVersion(record, context).verify(any_endpoint=options.any_endpoint).counts)


def _is_imported(tag: str) -> bool:
    return tag.startswith(tuple(f"{peer}-" for peer in PEERS))
