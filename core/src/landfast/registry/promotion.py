"""Move and remove aliases by hand."""

from __future__ import annotations

from dataclasses import replace

from landfast.errors import Conflict, InvalidInput
from landfast.model.names import LATEST, ArtifactName, check_alias
from landfast.model.run import RunKey
from landfast.model.version import Change, ChangeKind, VersionRecord
from landfast.registry import aliases, changes, counters, missing, runs, scopes, versions
from landfast.registry.database.engine import Transaction


def promote(
    tx: Transaction, name: ArtifactName, alias: str, run: RunKey | None
) -> tuple[VersionRecord, Change | None]:
    """Move an alias by hand; see `Registry.promote`."""
    check_alias(alias)
    partition = scopes.require_partition(tx, name)
    versions.lock_partition(tx, partition)
    record = versions.pick(tx, name)
    run_id = None if run is None else runs.require(tx, run)
    kind = ChangeKind.RETURNED if alias == LATEST else ChangeKind.ALIAS
    move = aliases.move(tx, partition, alias, record.id, kind)
    if move is None:
        return record, None
    if alias == LATEST:
        # Whoever moves it by hand knows better than every scan that is still under way.
        aliases.keep_ticket(tx, partition, counters.draw_ticket(tx))
    record = versions.by_id(tx, record.id)
    (change,) = changes.append(tx, partition, record, [move], run_id=run_id, run=run)
    return record, change


def remove_alias(tx: Transaction, name: ArtifactName, alias: str) -> None:
    """Take an alias away; see `Registry.remove_alias`."""
    check_alias(alias)
    if alias == LATEST:
        raise InvalidInput(
            f"latest of {name.bare()} cannot be removed",
            subject=str(name.bare()),
            hint="Log, promote or delete a version: `latest` then moves by itself.",
        )
    partition = scopes.require_partition(tx, name)
    versions.lock_partition(tx, partition)
    named = aliases.named(tx, partition, alias)
    if named is None:
        raise missing.explain_pick(tx, replace(name.bare(), alias=alias), partition)
    if name.picks_version and versions.pick(tx, name).id != named[0]:
        raise Conflict(
            f"{alias!r} does not name {name}",
            subject=str(name),
            expected=f"the version that {alias!r} names, or no version",
            found=f"{alias!r} names v{named[1]}",
        )
    aliases.remove(tx, partition, [alias])
