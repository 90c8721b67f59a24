"""Owning: a store belongs to one registry, and its label says to which.

Without the label, two registries would take each other's blobs for garbage.  Readers do not look at it; whoever
writes or collects garbage does.  A registry is known by its id, and told from a copy of itself by where its
database is: docs/adr/0014-store-labels.md.
"""

from __future__ import annotations

import itertools
import json
import os.path
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from landfast.blobs.base import BlobStore
from landfast.errors import Conflict
from landfast.model.location import Location
from landfast.model.times import format_time
from landfast.registry.database.sqlite_file import others_beside
from landfast.registry.registry import Registry
from landfast.registry.values import RegistryInfo
from landfast.system.portions import portions

_FORMAT = 1
# Enough blobs to know by whether a store without a label is this registry's: a page of a listing.
_LOOK = 1_000
_WORKERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose a store is.

    Args:
        registry: Id of the registry.
        database: Where its database is; seen from the store, if both are on a disk, so that they move together.
        adopted_at: When it was labelled, if there were blobs already: those that the registry does not know
            may be another's.
        copy_of: Id of the registry that was copied here as a fork.
    """

    registry: str
    database: str
    adopted_at: datetime | None = None
    copy_of: str | None = None

    @classmethod
    def of(cls, info: RegistryInfo, blobs: BlobStore) -> Owner:
        """Return what the label says where the store is this registry's."""
        database = info.database
        if database.startswith(os.sep) and blobs.url.startswith("file:"):
            root = Location.parse(blobs.url).key
            database = os.path.relpath(os.path.realpath(database), os.path.realpath(root))
        return cls(registry=info.id, database=database)

    def is_same(self, other: Owner) -> bool:
        """Whether both mean one registry, and not a copy of it."""
        return (self.registry, self.database) == (other.registry, other.database)

    def to_bytes(self) -> bytes:
        """Write the label."""
        at = None if self.adopted_at is None else format_time(self.adopted_at)
        label = {"landfast_store": _FORMAT, "registry": self.registry, "database": self.database}
        copy_of = {} if self.copy_of is None else {"copy_of": self.copy_of}
        return json.dumps({**label, "adopted_at": at, **copy_of}, indent=2).encode()


def owner_of(blobs: BlobStore) -> Owner | None:
    """Read the label of a store; None if it has none, `Conflict` if it cannot be read."""
    label = blobs.label()
    if label is None:
        return None
    try:
        facts: dict[str, Any] = json.loads(label)
        at = facts.get("adopted_at")
        return Owner(
            registry=str(facts["registry"]),
            database=str(facts["database"]),
            adopted_at=None if at is None else datetime.fromisoformat(at),
            copy_of=facts.get("copy_of"),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Conflict(
            f"the label of the store {blobs.url} cannot be read",
            subject=blobs.url,
            hint="If the store is this registry's, run: landfast registry adopt",
        ) from None


def check_unowned(blobs: BlobStore) -> None:
    """Refuse a store for a registry that is still to be made, if it has an owner, or blobs."""
    owner = owner_of(blobs)
    if owner is not None:
        raise _of_another(blobs, owner, "no registry", "Name another store.")
    if next(iter(blobs.list()), None) is not None:
        raise _has_blobs(blobs, "Name another store.")


def check_no_store(blobs: BlobStore) -> None:
    """Refuse a place of a user's own that is the store of a registry."""
    if blobs.label() is not None:
        raise Conflict(
            f"{blobs.url} is the store of a registry, which would delete the file as garbage",
            subject=blobs.url,
            hint="Name another folder or prefix; or add the file without a place (`add_file`, `landfast put`).",
        )


def claim(registry: Registry, blobs: BlobStore, *, dry_run: bool = False) -> Owner:
    """Make sure that a store is this registry's: label it, unless `dry_run`, or find it labelled so.

    Raises:
        Conflict: If it is another registry's, or a copy's; says what to do in both cases.
    """
    mine = Owner.of(registry.info, blobs)
    found = owner_of(blobs)
    if found is None:
        mine = _adopting(registry, blobs, mine)
        if dry_run:
            return mine
        blobs.set_label(mine.to_bytes(), new=True)
        found = owner_of(blobs) or mine
    if not found.is_same(mine):
        raise _not_ours(registry.info, blobs, mine, found)
    return found


def check_restored(registry: Registry, target: BlobStore) -> None:
    """Refuse a place as the registry's store, unless blobs of this registry were copied or restored there.

    Raises:
        Conflict: If it belongs to another registry, has blobs that this one does not know, or none at all.
    """
    info = registry.info
    found = owner_of(target)
    if found is not None and found.registry != info.id:
        raise _of_another(
            target, found, info.id, "Name the place where its own store was restored."
        )
    if next(iter(target.list()), None) is None:
        raise Conflict(
            f"no blob lies in {target.url}, so it is not the store of {info.url}",
            subject=target.url,
            hint=f"Copy or restore there what was in {info.store_url} first.",
        )
    if found is None:
        _adopting(registry, target, Owner.of(info, target))


def adopt(registry: Registry, blobs: BlobStore) -> Owner:
    """Label a store as this registry's, whatever it says: the registry was moved, or the owner is gone for good."""
    return relabel(registry.info, blobs)


def relabel(info: RegistryInfo, blobs: BlobStore) -> Owner:
    """Label a store as that of a registry, which need not be open."""
    try:
        before = owner_of(blobs)
    except Conflict:
        before = None
    is_ours = before is not None and before.registry == info.id
    at = before.adopted_at if before is not None and is_ours else datetime.now(UTC)
    mine = replace(Owner.of(info, blobs), adopted_at=at)
    blobs.set_label(mine.to_bytes(), new=False)
    return mine


def check_alone(info: RegistryInfo) -> None:
    """Refuse to collect garbage where registries of one folder still have their blobs in one store, and name them."""
    path = Path(info.database)
    if not path.is_absolute() or info.store_url != f"{(path.parent / 'blobs').as_uri()}/":
        return
    others = others_beside(path, info.id)
    if others:
        raise Conflict(
            f"other registries have blobs in the store {info.store_url} too, which would be taken for garbage",
            subject=info.store_url,
            found=", ".join(map(str, others)),
            hint="Give each of them a store of its own first: "
            f"landfast registry fork sqlite:///{others[0]} --store URL",
        )


def reserve(blobs: BlobStore, owner: Owner) -> None:
    """Label a store for a registry that is still to be copied, unless an earlier run has.

    Raises:
        Conflict: If it belongs to another registry, or blobs lie in it.
    """
    if check_reservable(blobs, owner):
        blobs.set_label(owner.to_bytes(), new=True)
        check_reservable(blobs, owner)


def check_reservable(blobs: BlobStore, owner: Owner) -> bool:
    """Tell whether a store is still to be labelled, as `reserve` does; the same errors."""
    found = owner_of(blobs)
    if found is None:
        check_unowned(blobs)
        return True
    if not found.is_same(owner):
        raise _of_another(blobs, found, owner.registry, "Name another store.")
    return False


def copy_blobs(registry: Registry, blobs: BlobStore, target: BlobStore) -> int:
    """Copy the blobs that a registry knows to a store that nobody owns; return how many were copied.

    May be killed and repeated.
    """
    owner = owner_of(target)
    if owner is not None:
        raise _of_another(target, owner, "no registry", "Name another store.")
    _adopting(registry, target, Owner.of(registry.info, target))
    with (
        tempfile.TemporaryDirectory(prefix="landfast-") as folder,
        ThreadPoolExecutor(_WORKERS, thread_name_prefix="landfast-copy") as pool,
    ):

        def copy(sha256: str) -> None:
            path = Path(folder) / sha256
            blobs.fetch(sha256, path)
            target.put(path, sha256)
            path.unlink()

        count = 0
        for some in portions(blobs.list(), _LOOK):
            known = registry.known_blobs([info.sha256 for info in some])
            list(pool.map(copy, known))
            count += len(known)
    return count


def _adopting(registry: Registry, blobs: BlobStore, mine: Owner) -> Owner:
    """Judge by a page of its blobs whether a store without a label is this registry's."""
    present = [info.sha256 for info in itertools.islice(blobs.list(), _LOOK)]
    if not present:
        return mine
    if not registry.known_blobs(present):
        raise _has_blobs(
            blobs,
            "If the blobs belong to this registry, run: landfast registry adopt; "
            f"else give it a store of its own: landfast registry fork {registry.info.url} --store URL",
        )
    return replace(mine, adopted_at=datetime.now(UTC))


def _not_ours(info: RegistryInfo, blobs: BlobStore, mine: Owner, found: Owner) -> Conflict:
    fork = f"landfast registry fork {info.url} --store URL"
    if found.registry != mine.registry:
        return _of_another(
            blobs,
            found,
            mine.registry,
            f"To give this registry a store of its own, with copies of its blobs, run: {fork}; "
            f"if the other registry is gone for good: landfast registry adopt {info.url}",
        )
    return Conflict(
        f"the store {blobs.url} belongs to the registry that this one is a copy of",
        subject=blobs.url,
        expected=f"the database {mine.database}",
        found=f"{found.database}",
        hint=f"If the registry was moved, run: landfast registry adopt {info.url}; "
        f"to give the copy an id and a store of its own: {fork}",
    )


def _of_another(blobs: BlobStore, found: Owner, expected: str, hint: str) -> Conflict:
    return Conflict(
        f"the store {blobs.url} belongs to another registry",
        subject=blobs.url,
        expected=expected,
        found=f"{found.registry} in {found.database}",
        hint=hint,
    )


def _has_blobs(blobs: BlobStore, hint: str) -> Conflict:
    return Conflict(
        f"the store {blobs.url} holds blobs of another registry",
        subject=blobs.url,
        expected="no blobs, or only blobs that this registry knows",
        hint=hint,
    )
