"""Inventory: a report or a table, opened; the rows that a listing of a folder would give, and as of when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from landfast.stores.base import ObjectBatch
from landfast.stores.inventory.files import report_batches
from landfast.stores.inventory.iceberg import LiveTable, is_iceberg, open_table
from landfast.stores.inventory.report import Report, open_report
from landfast.stores.inventory.rows import Wanted, current_objects, other_bucket
from landfast.stores.opener import Stores

Inventory = Report | LiveTable


def open_inventory(uri: str, stores: Stores) -> Inventory:
    """Open the newest report of a folder, a report by its `manifest.json`, or an Iceberg table.

    Raises:
        NotFound: If it does not exist.
        Conflict: If it is not what its checksum says.
        MissingExtra: If pyiceberg is needed and not installed.
    """
    return open_table(uri) if is_iceberg(uri) else open_report(uri, stores)


def inventory_batches(
    inventory: Inventory, wanted: Wanted, stores: Stores, folder: Path
) -> Iterator[ObjectBatch]:
    """Yield what a listing would, from an inventory.

    Args:
        inventory: Of the bucket.
        wanted: The folder, and what is to be known of its objects.
        stores: Read the files of a report.
        folder: Takes files on the way, which are taken away again.
    """
    if isinstance(inventory, LiveTable):
        rows = inventory.batches(wanted.location)
    else:
        if inventory.bucket != wanted.location.authority:
            raise other_bucket(wanted.subject, wanted.location, inventory.bucket)
        rows = report_batches(inventory, stores, folder)
    return current_objects(rows, wanted, folder)
