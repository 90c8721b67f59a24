"""Plan: find out what a reference is, and cut it into key ranges that can be scanned apart.

Plans and shards pickle, without secrets, so an orchestrator may map `scan_shard` over its workers.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from landfast.errors import InvalidInput, LandfastError, NotFound
from landfast.manifests.base import Manifest
from landfast.model.globs import hint_for_glob
from landfast.model.location import PLAIN_PARAMETERS, Location, plain_parameters
from landfast.model.reference import Reference
from landfast.model.source import Source
from landfast.scan.cuts import cut
from landfast.scan.inventory import by_inventory
from landfast.scan.values import ScanPlan, public_options
from landfast.stores.base import Kind, Store, Versioning
from landfast.stores.opener import Stores


def plan(
    reference: Reference,
    stores: Stores,
    *,
    max_objects: int,
    shards: int = 1,
    previous: Manifest | None = None,
) -> ScanPlan:
    """Find out what a reference is, and cut it into shards: by an earlier manifest, else by looking.

    Raises:
        NotFound: If nothing is there, unless `allow_empty`.
        InvalidInput: If it is both an object and a folder, naming the two spellings.
    """
    location = place_of(reference, stores)
    store = stores.at(location, reference.options)
    capabilities = store.capabilities()
    _check_kind(reference, store)
    location, is_object = _resolve(reference, location, store)
    versioning = store.versioning(location) if capabilities.versions else Versioning.NONE
    recorded, stripped = location.without_secrets()
    source = Source(
        uri=recorded.uri,
        name=clean_name(reference.name),
        include=tuple(reference.include),
        exclude=tuple(reference.exclude),
        checksum="none" if reference.kind is False else reference.kind,
        endpoint=store.endpoint,
        options=public_options(reference.options),
        stripped=stripped,
        versioning=str(versioning),
    )
    list_versions = not capabilities.pinned_listing and versioning not in {
        Versioning.OFF,
        Versioning.NONE,
    }
    whole = ScanPlan(
        reference=reference,
        location=location,
        is_object=is_object,
        list_versions=list_versions,
        max_objects=reference.max_objects or max_objects,
        source=source,
        notes=_notes(reference, location, versioning, store),
    )
    if reference.inventory is not None:
        return by_inventory(whole, stores)
    if is_object or shards <= 1:
        return whole
    return replace(whole, windows=cut(whole, store, shards, previous))


def place_of(reference: Reference, stores: Stores) -> Location:
    """Return where a reference points, with what its store's options say of the URL."""
    location = reference.location
    if not location.is_url:
        return location
    return replace(
        location, plain=plain_parameters(stores.options_for(location, reference.options))
    )


def sibling(plan: ScanPlan, reference: Reference, *, max_objects: int) -> ScanPlan:
    """Plan another folder of the same bucket, store and checksum as that of a plan, without a request."""
    recorded, stripped = reference.location.without_secrets()
    source = replace(
        plan.source,
        uri=recorded.uri,
        name=clean_name(reference.name),
        include=tuple(reference.include),
        exclude=tuple(reference.exclude),
        stripped=stripped,
    )
    return replace(
        plan,
        reference=reference,
        location=reference.location,
        max_objects=reference.max_objects or max_objects,
        source=source,
        notes=(),
    )


def _check_kind(reference: Reference, store: Store) -> None:
    capabilities = store.capabilities()
    known = (*capabilities.list_checksums, *capabilities.stat_checksums)
    if reference.kind and reference.kind not in known:
        raise InvalidInput(
            f"{reference.location} has no checksum of kind {reference.kind!r}",
            subject=str(reference.location),
            expected="one of " + ", ".join(known) + ", or False" if known else "None or False",
        )


def _resolve(reference: Reference, location: Location, store: Store) -> tuple[Location, bool]:
    """Return the object, or the folder with its final slash, and whether it is an object."""
    if location.version_id is not None or not store.capabilities().listing:
        return location, True
    if location.is_folder:
        return location, False
    kind = Kind.OBJECT if reference.is_exact else store.locate(location)
    if kind is Kind.BOTH:
        raise InvalidInput(
            f"{location} is an object and a folder",
            subject=str(location),
            hint=f"Give the folder as {location.as_folder()} or the object as "
            f"Reference(scheme={location.scheme!r}, bucket={location.authority!r}, key={location.key!r}).",
        )
    if kind is Kind.MISSING:
        if reference.allow_empty:
            return location.as_folder(), False
        raise NotFound(
            f"{location} does not exist, neither as an object nor as a folder",
            subject=str(location),
            hint=hint_for_glob(str(location)) or "Check the spelling, or give allow_empty=True.",
        )
    return (location, True) if kind is Kind.OBJECT else (location.as_folder(), False)


def clean_name(name: str | None) -> str:
    """Return the path under the artifact without slashes at its ends."""
    cleaned = (name or "").strip("/")
    if name and (not cleaned or any(part in {"", ".", ".."} for part in cleaned.split("/"))):
        raise InvalidInput(f"name={name!r} is not a path under an artifact", subject=name)
    return cleaned


def _notes(
    reference: Reference, location: Location, versioning: Versioning, store: Store
) -> tuple[str, ...]:
    notes = []
    if names := ", ".join(location.ambiguous_secrets()):
        notes.append(
            f"{location} is recorded without {names}, taken for a secret; if it says which object this is, "
            f"give options={{'{PLAIN_PARAMETERS}': '{names}'}}"
        )
    capabilities = store.capabilities()
    if versioning in {Versioning.OFF, Versioning.SUSPENDED}:
        bucket = reference.location.authority
        command = capabilities.versioning_command.format(bucket=bucket)
        notes.append(
            f"{bucket} does not keep overwritten objects (versioning is {versioning}), so this version is not "
            f"restorable after an overwrite" + (f"; turn it on with: {command}" if command else "")
        )
    if reference.kind in capabilities.stat_checksums:
        notes.append(f"checksum={reference.checksum!r} {_cost(reference, location, store)}")
    return tuple(notes)


def _cost(reference: Reference, location: Location, store: Store) -> str:
    """Say what a checksum costs that lists do not carry."""
    if reference.kind not in store.capabilities().read_checksums:
        return f"sends one HEAD request for every changed object under {location}"
    if location.is_folder:
        return f"reads (GET) and hashes every byte of the objects under {location}"
    with suppress(LandfastError):
        size = store.stat(location, checksum=False).size
        if size is not None:
            return f"reads (GET) and hashes all {size:,} bytes of {location}"
    return f"reads (GET) and hashes every byte of {location}"
