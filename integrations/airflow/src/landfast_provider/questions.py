"""Questions that a sensor asks on a worker, and a trigger asks in the triggerer: the same ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import landfast


@dataclass(frozen=True, slots=True, kw_only=True)
class Newer:
    """Ask whether `latest` of an artifact names another version than those known.

    Args:
        artifact: Full name of the artifact, of one partition with ``~PARTITION``.
        known: Full names of versions that are no news.
    """

    artifact: str
    known: list[str] = field(default_factory=list)

    def ask(self, client: landfast.Client) -> str | None:
        """Return the URI of the latest version if it is news."""
        latest = client.find(self.artifact)
        return None if latest is None or latest.qualified_name in self.known else latest.uri


@dataclass(frozen=True, slots=True, kw_only=True)
class Differs:
    """Ask whether the content of a place is another than what is recorded.

    Args:
        uri: The place.
        against: The recorded version; one that does not exist differs from everything.
        scan: How to look: include, exclude, checksum, max_objects, allow_empty.
    """

    uri: str
    against: str
    scan: dict[str, Any] = field(default_factory=dict)

    def ask(self, client: landfast.Client) -> str | None:
        """Return the content digest of the place if it differs; a place that is missing does not yet."""
        try:
            found = client.probe(self.uri, **self.scan)
        except landfast.NotFound:
            return None
        recorded = client.find(self.against)
        return None if recorded is not None and recorded.digest == found else found


Question = Newer | Differs
