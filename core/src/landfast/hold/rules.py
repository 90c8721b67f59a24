"""Keep hold rules: hold what they name now, then release what they named before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from landfast.errors import NotFound
from landfast.model.names import ArtifactName
from landfast.model.storage.hold_rule import HoldRule
from landfast.model.storage.holds import HoldReport
from landfast.model.version import VersionRecord
from landfast.registry.registry import Registry

Act = Callable[[VersionRecord], HoldReport]


def keep_rule(
    registry: Registry, rule: HoldRule, name: ArtifactName, hold: Act, release: Act
) -> Iterator[HoldReport]:
    """Hold what a rule names, and release what it does not name any more; in this order, so that nothing is between.

    Args:
        registry: That knows the versions.
        rule: The rule.
        name: Its name in full.
        hold: Holds a version in the name of the rule.
        release: Releases one in this name.

    Raises:
        LandfastError: If something cannot be held; nothing is released then.
    """
    wanted = {record.id: record for record in _named(registry, rule, name)}
    yield from map(hold, wanted.values())
    mine = name.bare()
    for held in list(registry.holds.records()):
        other = held.version.bare()
        is_named = (
            other == mine if rule.partitions is None else replace(other, partition="") == mine
        )
        if held.holder == rule.holder and is_named and held.version_id not in wanted:
            yield release(registry.get(held.version, deleted=True))


def _named(registry: Registry, rule: HoldRule, name: ArtifactName) -> Iterator[VersionRecord]:
    if rule.partitions is None:
        with suppress(NotFound):  # no such alias yet, or no more: nothing is to be held
            yield registry.get(name)
        return
    now = datetime.now(UTC)
    with suppress(NotFound):
        for key, record in registry.partitions(name):
            if rule.takes(key, record.created_at, now):
                yield record
