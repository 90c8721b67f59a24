"""Mirror: reads the feed on for somebody whom runs tell of what they log themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from landfast.errors import NotFound
from landfast.model.names import LATEST, ArtifactName
from landfast.model.version import ChangeKind
from landfast.registry.values import ChangeFilter, Stream

if TYPE_CHECKING:
    from landfast.model.version import Change
    from landfast.registry.registry import Registry


class Mirror:
    """Finds the changes of latest versions that neither a mirror nor a run has told to an orchestrator.

    A run tells its current versions when it ends (`Client.announce`). A mirror tells every change, in order,
    including the changes of other writers. It finds each change at least once. The registry stores its position; if a
    look finds nothing, it writes nothing. Use a mirror in one thread at a time.

    Args:
        told: Name of the consumer for which runs announce.
        reader: Name of the consumer whose position the registry stores.
        name: Artifact whose changes it finds: of one partition if the name has a partition, else of all. None is
            every artifact.
        begin: First position: ``start``, ``now``, or ``newest``. ``newest`` is after the last change that runs
            announced; if they announced none, only the newest change is found.
        verdicts: Whether it finds changes of verdicts (`Client.verify_aliases`) instead of changes of latest
            versions. Runs never announce verdicts.
        own: System and deployment of the runs that announce everything they log; their superseded changes are not
            found again.

    Example:
        >>> mirror = Mirror("mail", reader="mail#mirror", begin="now")
        >>> for change in mirror.look(client.registry):  # doctest: +SKIP
        ...     send(change)
        >>> mirror.settle(client.registry)  # doctest: +SKIP
    """

    def __init__(
        self,
        told: str,
        *,
        reader: str,
        name: ArtifactName | None = None,
        begin: Literal["start", "now", "newest"] = "start",
        verdicts: bool = False,
        own: tuple[str, str] | None = None,
    ) -> None:
        self._told = told
        self._reader = reader
        self._wanted = ChangeFilter(
            name=name,
            partitions=name is not None and not name.partition,
            kind=ChangeKind.VERDICT if verdicts else None,
        )
        self._verdicts = verdicts
        self._begin = begin
        self._own = own
        self._registry_id = ""
        # What was looked at and is not settled: the newest of each partition.
        self._looked_at: dict[ArtifactName, Change] = {}
        self.position = 0
        """How far the feed was looked at."""

    def look(self, registry: Registry, *, limit: int | None = None) -> list[Change]:
        """Return the changes to tell now, oldest first.

        If there are new changes, this settles those of the previous call.

        Args:
            registry: Registry whose feed to read; each registry has a separate position.
            limit: Maximum number of changes; None has no limit.
        """
        if not self._meet(registry):
            return []
        first = self.position == 0 and self._begin == "newest"
        moved: list[Change] = []
        found: list[Change] = []
        position = self.position
        for change in registry.changes(self._wanted, after=position):
            position = change.position
            if change.alias != LATEST and not self._verdicts:
                continue
            moved.append(change)
            if not first and not self._was_told(registry, change):
                found.append(change)
                if len(found) == limit:
                    break
        if first:
            found = [change for change in moved[-1:] if not self._was_told(registry, change)]
        if moved:
            self.settle(registry)
            self._looked_at = {change.version.bare(): change for change in moved}
        self.position = position
        return found

    def settle(self, registry: Registry) -> None:
        """Record that the changes of the last look were told, so that they are not found again."""
        if not self._registry_id:
            return
        for change in () if self._verdicts else self._looked_at.values():
            registry.mark_announced(self._told, change)
        self._looked_at = {}
        registry.consumers.reach(self._reader, {Stream.CHANGES: self.position})

    def _meet(self, registry: Registry) -> bool:
        """Find the position in a registry that is another than before; tell whether there is one by now."""
        try:
            found = registry.info.id
        except NotFound:
            return False
        if found == self._registry_id:
            return True
        self._registry_id, self._looked_at = found, {}
        known = registry.consumers.positions(self._reader).get(Stream.CHANGES)
        # Before there were consumers, a position was an announcement.
        self.position = known or registry.announced_position(self._reader)
        if known is None and self.position == 0:
            self.position = self._first(registry)
        return True

    def _first(self, registry: Registry) -> int:
        if self._begin == "now":
            return registry.head()
        return registry.announced_position(self._told) if self._begin == "newest" else 0

    def _was_told(self, registry: Registry, change: Change) -> bool:
        if self._verdicts:
            return False
        last = registry.announced_position(self._told, change.version.bare())
        run = change.run
        is_own = run is not None and (run.system, run.deployment) == self._own
        # Runs tell of what stands: their own that was superseded is no news, somebody else's is.
        return change.position == last or (is_own and change.position < last)
