"""A scan whose rows come from an inventory of the bucket, instead of list pages."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from landfast.errors import InvalidInput
from landfast.model.reference import Reference
from landfast.scan.listing import keep
from landfast.scan.markers import with_markers
from landfast.scan.skips import SkipLog
from landfast.scan.values import ScanPlan
from landfast.stores.base import ObjectBatch, Store
from landfast.stores.inventory.rows import Wanted, moment_text
from landfast.stores.inventory.source import inventory_batches, open_inventory
from landfast.stores.opener import Stores


def by_inventory(plan: ScanPlan, stores: Stores) -> ScanPlan:
    """Return a plan that reads the inventory of its reference, which is found now and then stays.

    Raises:
        InvalidInput: If the place has no inventories, or the checksum is in none.
    """
    reference = plan.reference
    assert reference.inventory is not None
    _check(reference, plan, stores)
    found = open_inventory(reference.inventory, stores)
    as_of = moment_text(found.as_of)
    note = (
        f"{plan.location} is recorded from the inventory {found.uri} as of {as_of}; what was written since is not seen,"
        " and `verify` compares it with the bucket"
    )
    return replace(
        plan,
        reference=replace(reference, inventory=found.uri),
        source=replace(plan.source, inventory=found.uri, as_of=as_of),
        notes=(*plan.notes, note),
    )


def _check(reference: Reference, plan: ScanPlan, stores: Stores) -> None:
    can = stores.at(plan.location, reference.options).capabilities()
    if not can.inventories or plan.is_object:
        raise InvalidInput(
            f"{plan.location} cannot be recorded from an inventory",
            subject=str(plan.location),
            expected="a folder or a bucket of s3://",
        )
    if reference.kind and reference.kind not in can.list_checksums:
        raise InvalidInput(
            f"an inventory has no checksum of kind {reference.kind!r}",
            subject=str(plan.location),
            expected="one of " + ", ".join(can.list_checksums) + ", or False",
            hint="Record without the inventory, or without checksum=.",
        )


def listed_in_inventory(
    scan: ScanPlan, store: Store, stores: Stores, folder: Path, skips: SkipLog
) -> Iterator[ObjectBatch]:
    """Yield the objects to record, in order; `skips` takes what is left out."""
    uri = scan.source.inventory
    assert uri is not None
    wanted = Wanted(
        location=scan.location,
        versions=scan.list_versions,
        tokens=scan.reference.kind is not False,
        subject=uri,
    )
    with tempfile.TemporaryDirectory(prefix="inventory-", dir=folder) as own:
        found = inventory_batches(open_inventory(uri, stores), wanted, stores, Path(own))
        yield from keep(scan, with_markers(found, store, lambda: None), skips)
