"""VersionStorage: what can be asked of stores for the recorded objects of a version, and plans of it."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from landfast.context import Context
from landfast.errors import Conflict, LandfastError, NotFound
from landfast.model.blob_uri import is_managed
from landfast.model.location import Location
from landfast.model.options import (
    CopyOptions,
    DownloadOptions,
    HoldRequestOptions,
    RestoreOptions,
    RetentionOptions,
    VerifyOptions,
)
from landfast.model.storage.copies import CopiedFiles, is_whole_copy
from landfast.model.storage.holds import hold_kind, holder_of
from landfast.model.version import VersionRecord
from landfast.spelling import named_options
from landfast.system.progress import progress

if TYPE_CHECKING:
    from landfast.download.blocks import Ranges
    from landfast.hold.own import OwnStore
    from landfast.model.names import ArtifactName
    from landfast.model.retention.report import RetentionReport
    from landfast.model.storage.copies import CopyReport
    from landfast.model.storage.holds import HoldRecord, HoldReport, VersionHolds
    from landfast.model.storage.plan import Plan
    from landfast.model.storage.restore import RestoreReport
    from landfast.own_store.copies import Wanted as Copied
    from landfast.pins.sets import PinSets
    from landfast.restore.run import Wanted


class VersionStorage:
    """The part of an `ArtifactVersion` that acts on its objects where they lie."""

    _record: VersionRecord

    @property
    @abstractmethod
    def context(self) -> Context:
        """What it is read with."""

    @property
    @abstractmethod
    def qualified_name(self) -> str:
        """Its full name, with the version."""

    @property
    @abstractmethod
    def digest(self) -> str:
        """Its content digest."""

    @abstractmethod
    def _target(self, root: str | Path | None) -> Path: ...

    @abstractmethod
    def _ranges(self) -> Ranges: ...

    @named_options(RestoreOptions)
    def restore(
        self,
        *,
        wait: bool = False,
        timeout: float | None = None,
        **options: Unpack[RestoreOptions],
    ) -> RestoreReport:
        """Ask the stores to restore archived objects; `Client.restore` describes the options."""
        from landfast.restore.run import restore
        from landfast.restore.wait import Patience

        patience = Patience(timeout_s=timeout) if wait else None
        with progress(f"restoring {self.qualified_name}") as report:
            wanted, stores = self._archived(options), self.context.stores
            return restore(wanted, stores, patience=patience, progress=report)

    @named_options(RestoreOptions)
    def plan_restore(self, **options: Unpack[RestoreOptions]) -> Plan:
        """Count the requests that `restore` would send; restores nothing."""
        from landfast.restore.run import plan_restore

        return plan_restore(self._archived(options), self.context.stores)

    @named_options(VerifyOptions)
    def plan_verify(self, **options: Unpack[VerifyOptions]) -> Plan:
        """Count the requests that `verify` would send; `Client.plan_verify` describes the options."""
        from landfast.model.storage.plan import PlanDraft
        from landfast.verify.plan import plan_verify

        draft = PlanDraft("verify", self.qualified_name)
        (manifest, sources), *_ = self.context.pinned_manifests(self._record)
        plan_verify(
            draft,
            manifest,
            sources,
            self.context.stores,
            deep=options.get("deep", False),
            any_endpoint=options.get("any_endpoint", False),
        )
        return draft.plan()

    @named_options(DownloadOptions)
    def plan_download(
        self, root: str | Path | None = None, **options: Unpack[DownloadOptions]
    ) -> Plan:
        """Count the requests that `download` would send; `Client.plan_download` describes the options."""
        from landfast.download.plan import plan_download
        from landfast.model.storage.plan import PlanDraft
        from landfast.restore.run import note_archived

        draft, context = PlanDraft("download", self.qualified_name), self.context
        wanted = self._archived({"any_endpoint": options.get("any_endpoint", False)})
        fetched = plan_download(
            draft,
            wanted.sets,
            stores=context.stores,
            cache=context.cache,
            identity=f"{self.qualified_name} {self.digest}",
            root=self._target(root),
            paths=options.get("paths"),
            include=options.get("include", ()),
            exclude=options.get("exclude", ()),
            replace=options.get("replace", False),
            any_endpoint=wanted.any_endpoint,
            ranges=self._ranges(),
        )
        if fetched:
            note_archived(draft, wanted, context.stores, fetched)
        return draft.plan()

    @named_options(RetentionOptions)
    def retention(self, **options: Unpack[RetentionOptions]) -> RetentionReport:
        """Report when bucket rules can remove or archive its objects; `Client.retention` describes the options."""
        from landfast.retention.own import manifest_entries, own_place
        from landfast.retention.run import retention

        context, record = self.context, self._record
        with progress(f"looking ahead for {self.qualified_name}") as report:
            options.setdefault("progress", report)
            return retention(
                context.pinned_manifests(record),
                context.stores,
                name=self.qualified_name,
                own=own_place(context.blobs.url, context.stores),
                manifests=manifest_entries(self.manifest_blobs()),
                **options,
            )

    def manifest_blobs(self) -> list[str]:
        """Return the sha256 of each blob in the registry's store that contains the manifest or its newer pins."""
        blobs = [self._record.blob]
        blobs += [pins.blob for pins in self.context.registry.pin_sets(self._record.id)]
        for blob in tuple(blobs):
            with suppress(NotFound, Conflict):  # these pins are lost
                blobs += self.context.open_manifest(blob).chain
        return list(dict.fromkeys(blobs))

    def _archived(self, options: RestoreOptions) -> Wanted:
        from landfast.restore.run import Wanted

        sets = self.context.pinned_manifests(self._record)
        return Wanted.of(self.qualified_name, sets, options)

    @named_options(CopyOptions)
    def copy(self, **options: Unpack[CopyOptions]) -> CopyReport:
        """Keep what no hold can in the registry's store; `Client.copy` has the options."""
        from landfast.own_store.copies import copy

        with progress(f"copying {self.qualified_name}") as report:
            return copy(self._copied(options), report)

    @named_options(CopyOptions)
    def plan_copy(self, **options: Unpack[CopyOptions]) -> Plan:
        """Count the objects and bytes that `copy` would read and store; copies nothing."""
        from landfast.own_store.copies import plan_copy

        return plan_copy(self._copied(options))

    @property
    def copies(self) -> str:
        """How many of its files are copied into the registry's store, in words; ``""`` if none is."""
        found = self.copied_files()
        return "" if found is None else found.summary

    def copied_files(self, *, most: int | None = None) -> CopiedFiles | None:
        """Return how many of its files are copied into the registry's store, and when; None if no file is copied.

        Args:
            most: If the version has more files than this, they are not counted, unless all are copied.
        """
        newest = next(
            (p for p in self.context.registry.pin_sets(self._record.id) if p.is_copy), None
        )
        if newest is None:
            return None
        total, files = self._record.summary.count, None
        if is_whole_copy(newest.sources):
            files = total
        elif most is None or total <= most:
            batches = self.context.open_manifest(newest.blob).batches()
            uris = (uri for rows in batches for uri in rows.columns["uri"].to_pylist())
            files = sum(map(is_managed, uris))
        return CopiedFiles(
            at=newest.seen_at, store=self.context.blobs.url, total=total, files=files
        )

    def _copied(self, options: CopyOptions) -> Copied:
        from landfast.own_store.copies import Wanted as Copied

        return Copied(
            context=self.context,
            record=self._record,
            everything=options.get("everything", False),
            any_endpoint=options.get("any_endpoint", False),
            ranges=self._ranges(),
        )

    def plan_hold(
        self, *, kind: str | None = None, any_endpoint: bool = False, own_store: bool = False
    ) -> Plan:
        """Count the requests that `hold` would send, and list the problems that would stop it; holds nothing."""
        from landfast.hold.run import plan_hold

        pins = self._pin_sets(any_endpoint=any_endpoint)
        with progress(f"asking about {self.qualified_name}") as report:
            chosen = hold_kind(kind)
            own = self._own_store() if own_store else None
            return plan_hold(self.context.registry, self.qualified_name, pins, chosen, report, own)

    def _own_store(self) -> OwnStore:
        from landfast.hold.own import OwnStore

        root = Location.parse(self.context.blobs.url, pins=False)
        return OwnStore(
            root=root.as_folder() if root.key else root,
            store=self.context.stores.at(root),
            manifests=self.manifest_blobs(),
        )

    @named_options(HoldRequestOptions)
    def hold(self, **options: Unpack[HoldRequestOptions]) -> HoldReport:
        """Ask the stores to hold every recorded object version; `Client.hold` describes the options."""
        from landfast.hold.run import HoldOptions, hold

        pins = self._pin_sets(any_endpoint=options.get("any_endpoint", False))
        chosen = HoldOptions(
            kind=hold_kind(options.get("kind")),
            reason=options.get("reason", ""),
            holder=options.get("holder", ""),
            partial=options.get("partial", False),
            own=self._own_store() if options.get("own_store") else None,
        )
        with progress(f"holding {self.qualified_name}") as report:
            return hold(self.context.registry, self._record, pins, chosen, report)

    def release(self, *, holder: str | None = None) -> HoldReport:
        """Release the version for one holder or for all; objects that another held version needs stay held."""
        from landfast.hold.run import release

        return release(self.context.registry, self._record, self.context.stores, holder)

    def _holds_own_store(self, version_id: int) -> bool:
        """Whether objects of the registry's own store are held for a version."""
        return self.context.registry.holds.count_below(version_id, self.context.blobs.url) > 0

    @property
    def holds(self) -> VersionHolds:
        """Holders of this version, and the number of its object versions in each hold state."""
        return self.context.registry.holds.of_version(self._record.id)

    def _pin_sets(self, *, any_endpoint: bool) -> PinSets:
        from landfast.pins.sets import PinSets

        sets = self.context.pinned_manifests(self._record)
        return PinSets(sets, self.context.stores, any_endpoint=any_endpoint)


def follow_aliases(version: VersionStorage) -> None:
    """Hold a version if what its aliases named before was held for that, and release the others.

    Whatever moves an alias calls it. Where that cannot be done now it is noted; the next time that the rule is kept,
    or `gc`, does it.
    """
    context, record = version.context, version._record
    name, registry = record.name.bare(), version.context.registry
    aliases = {holder_of(alias): alias for alias in record.aliases}
    for held in list(registry.holds.ending()):
        alias = aliases.get(held.holder)
        if alias is None or held.version.bare() != name:
            continue
        try:
            if held.version_id != record.id:
                version.hold(
                    kind=held.kind,
                    reason=held.reason,
                    holder=held.holder,
                    own_store=version._holds_own_store(held.version_id),
                )
                if registry.get(replace(name, alias=alias)).id != record.id:
                    # The alias moved on meanwhile, and who moved it did not see this hold.
                    version.release(holder=held.holder)
            release_holds(context, held)
        except LandfastError as error:
            context.note(f"{alias} moved, but its hold did not follow completely: {error}")


def release_holds(context: Context, held: HoldRecord) -> None:
    """Release what a version was held for in one name."""
    from landfast.hold.run import release

    record = context.registry.get(held.version, deleted=True)
    release(context.registry, record, context.stores, held.holder)


def release_removed(context: Context, name: ArtifactName, alias: str) -> None:
    """Release what was held in the name of an alias that is removed; where that cannot be done now, `gc` does it."""
    for held in list(context.registry.holds.ending()):
        if held.holder != holder_of(alias) or held.version.bare() != name.bare():
            continue
        try:
            release_holds(context, held)
        except LandfastError as error:
            context.note(f"{alias} is removed; `landfast gc` releases what it held: {error}")


def release_ended(context: Context, record: VersionRecord) -> None:
    """Release what a version that was deleted had held; where that cannot be done now, `gc` does it."""
    if not context.registry.holds.of_version(record.id).records:
        return
    from landfast.hold.run import release

    try:
        release(context.registry, record, context.stores, None)
    except LandfastError as error:
        context.note(f"{record.name} is deleted but still held. `landfast gc` releases it: {error}")
