"""The registry's change feed, from the side of an event: how far what it says reaches, and what moved `latest`.

An event of an observed asset says up to which position of the feed it knows (`landfast/position`).  So a sensor
that follows the feed can tell what Dagster has heard already, also from a run, and never puts it back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import landfast

LATEST = "latest"


def head_of(client: landfast.Client) -> int:
    """Return the newest position of the registry's feed; 0 also where no registry is made yet."""
    try:
        return client.head()
    except landfast.NotFound:
        return 0


def registry_of(client: landfast.Client) -> str:
    """Return the registry's id; ``""`` where none is made yet."""
    try:
        return client.registry_info.id
    except landfast.NotFound:
        return ""


class Look:
    """A look at what aliases name now; made before the first of them is read.

    Args:
        client: Of the registry.
    """

    def __init__(self, client: landfast.Client) -> None:
        self._client = client
        self.head = head_of(client)
        self._since: dict[tuple[landfast.ArtifactName, str], landfast.Change] | None = None

    def position(self, version: landfast.ArtifactVersion, alias: str = LATEST) -> str:
        """Return the id of the newest change that a version, read as what an alias names, reflects.

        Args:
            version: What was read, or logged: then it is the change that the log made.
            alias: By which it was read.
        """
        if version.change is not None:
            return version.change.id
        if self._since is None:
            # Whoever moved an alias while we looked; in most cases nobody.
            later = self._client.changes(after=self.head)
            self._since = {(change.version, change.alias): change for change in later}
        moved = self._since.get((version.full_name, alias))
        return moved.id if moved else f"{self._client.registry_info.id}:{self.head}"


def partitions_of(
    client: landfast.Client, name: landfast.ArtifactName, keys: Iterable[str] | None = None
) -> dict[str, landfast.ArtifactVersion]:
    """Return the latest version of each partition of a collection; none of one that is not there yet."""
    try:
        return client.partitions(name, keys)
    except landfast.NotFound:
        return {}


def moved_by(
    client: landfast.Client, version: landfast.ArtifactVersion, runs: Collection[landfast.RunKey]
) -> landfast.ArtifactVersion:
    """Return a version with the change by which one of some runs made it the latest; as it is if none did.

    What another process logged in the name of a run, or an earlier attempt, is looked up by name and says
    itself nothing of what it changed.
    """
    if version.change is not None or not runs:
        return version
    for change in reversed(list(client.changes(name=version.full_name.bare()))):
        is_latest = change.alias == LATEST and change.version == version.full_name
        if is_latest and change.run in runs:
            created = change.kind is landfast.ChangeKind.CREATED
            return landfast.ArtifactVersion(
                version.record, client.context, created=created, changed=True, change=change
            )
    return version
