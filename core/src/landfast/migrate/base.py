"""PeerVersion: a version as another tool recorded it; its entries are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from landfast.errors import InvalidInput
from landfast.model.manifest import ManifestEntry
from landfast.stores.opener import Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerVersion:
    """One version of another tool.

    Args:
        name: Entity, project and collection there, as many of them as the tool has, joined by ``/``.
        label: What the tool calls the version, such as ``v3`` or a hash.
        partition: The partition key, where the tool has one.
        type: Of the collection; None if the tool has no types.
        description: Of the version.
        metadata: Of the version.
        aliases: That name it there.
        tags: That it has there.
        created_at: When it was made there, UTC.
        facts: What else is worth keeping, such as the digest that the tool gave it.
        notes: Notes for the user, one sentence each.
        endpoint: Where the tool read the objects, if it says so.
        rows: Yields the entries as they are written; raises `InvalidInput` or `Conflict` if the file is no such file.
        read: Turns a row into an entry; raises `InvalidInput` if it cannot be one, with its path as subject.
    """

    name: str
    label: str
    partition: str = ""
    type: str | None = None
    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    created_at: datetime | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    endpoint: str | None = None
    rows: Callable[[], Iterator[Any]] = field(repr=False)
    read: Callable[[Any], ManifestEntry] = field(repr=False)

    @property
    def title(self) -> str:
        """What the tool calls it, for people."""
        partition = f"~{self.partition}" if self.partition else ""
        return f"{self.name}{partition}:{self.label}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerPlace:
    """What is to be read.

    Args:
        path: A file, a folder or a URI, as given.
        stores: Reads what lies in a bucket.
        name: What to call a version whose file does not say its name.
    """

    path: str
    stores: Stores
    name: str | None = None

    def named(self, file: str) -> str:
        """Return the name that was given for a file that says none."""
        if self.name is None:
            raise InvalidInput(
                f"{file} does not contain the name of the artifact",
                subject=file,
                hint="Give name='[entity/]project/collection' (--name).",
            )
        return self.name


class Peer(Protocol):
    """A module of this package: what reads the files of one tool."""

    def versions(self, place: PeerPlace) -> Iterator[PeerVersion]:
        """Yield the versions of a place, of each collection the oldest first."""
