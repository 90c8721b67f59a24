"""Copying a registry, rows and blobs, to another database and another store: docs/adr/0027-registry-copy.md.

A move stops the writers for as long as the rows take, and is the same registry afterwards; a fork is another one.  Both
may be killed at any moment and are run again: blobs that are there stay, rows are there all together or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from landfast import store_label
from landfast.blobs.base import BlobStore
from landfast.errors import Conflict, InvalidInput, LandfastError
from landfast.registry.copy.report import BlobsCopy, CopyKind, RegistryCopy, TableCopy
from landfast.registry.copy.rows import COPIED, NewIdentity
from landfast.registry.copy.source import Source
from landfast.registry.copy.target import Target
from landfast.registry.registry import Registry
from landfast.registry.schema.creation import lasting, new_uid
from landfast.registry.schema.fence import Fence, other_place
from landfast.registry.schema.identity import BESIDE
from landfast.registry.values import RegistryInfo
from landfast.store_label import Owner
from landfast.system.progress import Report, silent
from landfast.upkeep.blob_copy import BlobCopier


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRequest:
    """What is to be copied where.

    Args:
        url: URL of the registry that is copied, with its password.
        target: URL of the place to which.
        store: URL of a new store; None keeps the store, or names a folder beside a SQLite file.
        kind: A move, or a fork.
        skip_proven: Whether not to read back blobs that this run stores.
    """

    url: str
    target: str
    store: str | None
    kind: CopyKind
    skip_proven: bool = False


def copy_registry(
    registry: Registry,
    request: CopyRequest,
    open_blobs: Callable[[str], BlobStore],
    *,
    dry_run: bool = False,
    report: Report = silent,
) -> RegistryCopy:
    """Copy a registry, or go on with a copy that was killed; see `Client.copy_registry`."""
    source = Source(request.url)
    try:
        return _Copy(registry, source, request, open_blobs, report).run(dry_run=dry_run)
    finally:
        source.close()


class _Copy:
    """One copy on its way."""

    def __init__(
        self,
        registry: Registry,
        source: Source,
        request: CopyRequest,
        open_blobs: Callable[[str], BlobStore],
        report: Report,
    ) -> None:
        self._registry = registry
        self._source = source
        self._target = Target(request.target)
        self._request = request
        self._say = report
        self._is_move = request.kind is CopyKind.MOVE
        self._recorded, url = self._store_url()
        assert registry.info.store_url is not None
        self._old = open_blobs(registry.info.store_url)
        self._new = open_blobs(url)
        self._keeps_store = self._old.url == self._new.url
        self._open_blobs = open_blobs

    def run(self, *, dry_run: bool) -> RegistryCopy:
        """Copy, or say what would be copied."""
        found = self._target.found()
        self._check_source(found)
        if found is not None:
            return self._finished(found, dry_run=dry_run)
        owner = self._owner()
        if dry_run:
            return self._plan(owner)
        if not self._keeps_store:
            store_label.reserve(self._new, owner)
        new = NewIdentity(uid=owner.registry, store_url=self._recorded)
        blobs, tables = self._copy(new)
        if self._is_move:
            self._settle()
        return self._report(owner.registry, tables, blobs)

    # -- what may be copied -------------------------------------------------------------------

    def _store_url(self) -> tuple[str, str]:
        """Return the store of the copy, as its row records it, and as it is opened."""
        given, place = self._request.store, self._target.url.path
        if given is not None:
            return lasting(given), lasting(given)
        if not self._is_move or self._source.has_own_store():
            if place is None:
                raise InvalidInput(
                    "the copy needs a store of its own for its blobs",
                    subject=str(self._target),
                    hint="Name it: --store URL, a folder, s3:// or gs://.",
                )
            name = f"{place.stem}.blobs/"
            return f"{BESIDE}{name}", f"{(place.parent / name).as_uri()}"
        kept = self._registry.info.store_url
        assert kept is not None
        return kept, kept

    def _check_source(self, found: RegistryInfo | None) -> None:
        fence = self._source.fence()
        if fence is None or (found is not None and found.id == self._registry.info.id):
            return
        if not self._is_move or fence.done or fence.target != str(self._target):
            raise other_place(str(self._source), fence)

    def _owner(self) -> Owner:
        """Return whose the store will be: what the label says, where an earlier run of the same fork wrote one."""
        info = self._registry.info
        if self._is_move:
            return Owner.of(self._info_there(info.id), self._new)
        if self._keeps_store:
            raise InvalidInput(
                "a fork needs a store of its own: two registries would take each other's blobs for garbage",
                subject=self._new.url,
                hint="Name another one: --store URL.",
            )
        label = store_label.owner_of(self._new)
        uid = label.registry if label is not None and label.copy_of == info.id else new_uid()
        return replace(Owner.of(self._info_there(uid), self._new), copy_of=info.id)

    def _info_there(self, uid: str) -> RegistryInfo:
        database = self._target.database_name()
        return replace(self._registry.info, id=uid, url=str(self._target), database=database)

    # -- copying ------------------------------------------------------------------------------

    def _copy(self, new: NewIdentity) -> tuple[BlobsCopy, list[TableCopy]]:
        if self._keeps_store:
            return BlobsCopy(kept=True), self._move_rows(new, lambda: None)
        skip = self._request.skip_proven
        with BlobCopier.between(self._old, self._new, skip_proven=skip) as copier:
            # Most of it while writers go on; what they add meanwhile, at the end.
            total = self._source.rows()["blobs"]
            copier.copy_listed(self._registry.known_blobs, self._say, total)
            if self._is_move:
                tables = self._move_rows(new, lambda: copier.copy_named(self._source.blob_names()))
            else:
                tables = self._source.copy_view(self._target, new, copier.copy_named, self._say)
            return copier.done, tables

    def _move_rows(self, new: NewIdentity, copy_rest: Callable[[], None]) -> list[TableCopy]:
        mine = self._source.stop_writers(str(self._target))
        with self._writers_let_in_on_failure(mine):
            copy_rest()
            return self._source.copy_moved(self._target, new, mine, self._say)

    @contextmanager
    def _writers_let_in_on_failure(self, mine: Fence) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with suppress(LandfastError):  # then writers are told how to call the copy off
                if self._is_surely_not_there():
                    self._source.let_writers_in(mine)
            raise

    def _is_surely_not_there(self) -> bool:
        """Tell whether the copy failed; a commit whose answer was lost may have happened."""
        try:
            return self._target.found() is None
        except LandfastError:
            return False

    def _settle(self) -> None:
        """Say everywhere that the registry is at the new place: in its store, and at the old place."""
        fence = self._source.fence()
        assert fence is not None
        if self._keeps_store:
            store_label.relabel(self._info_there(self._registry.info.id), self._new)
        self._source.finish(fence)

    # -- what is to be said -------------------------------------------------------------------

    def _finished(self, found: RegistryInfo, *, dry_run: bool) -> RegistryCopy:
        """End a move whose rows are there; say of one that had ended that it has.

        Raises:
            Conflict: If what is there is no copy of this registry's making.
        """
        if self._is_move and found.id == self._registry.info.id:
            fence = self._source.fence()
            if fence is not None:
                if not fence.done and not dry_run:
                    self._settle()
                return replace(
                    self._report(found.id, [], BlobsCopy(kept=self._keeps_store)), already=True
                )
        elif not self._is_move and found.store_url is not None:
            label = store_label.owner_of(self._open_blobs(found.store_url))
            if label is not None and (label.registry, label.copy_of) == (
                found.id,
                self._registry.info.id,
            ):
                return replace(self._report(found.id, [], BlobsCopy()), already=True)
        raise Conflict(
            f"a registry is at {self._target} already",
            subject=str(self._target),
            expected="an empty place, or the beginning of this copy",
            found=f"the registry {found.id}",
            hint="Name another place.",
        )

    def _plan(self, owner: Owner) -> RegistryCopy:
        counts = self._source.rows()
        tables = [TableCopy(table=name, rows=counts[name]) for name in counts if name in COPIED]
        if self._keeps_store:
            blobs = BlobsCopy(kept=True)
        else:
            store_label.check_reservable(self._new, owner)
            with BlobCopier.between(self._old, self._new) as copier:
                blobs = copier.plan(self._registry.known_blobs)
        uid = owner.registry if self._is_move else None
        return replace(self._report(uid, tables, blobs), dry_run=True)

    def _report(self, uid: str | None, tables: list[TableCopy], blobs: BlobsCopy) -> RegistryCopy:
        return RegistryCopy(
            kind=self._request.kind,
            id=uid,
            source=str(self._source),
            target=str(self._target),
            store=self._new.url,
            tables=tuple(tables),
            blobs=blobs,
        )
