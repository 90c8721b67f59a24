"""SnapshotConfig: one entry of snapshots.yaml, what is to be snapshotted, where and when."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal

from landfast.errors import InvalidInput
from landfast.model.location import Location
from landfast.model.names import ArtifactName, check_alias, check_name, check_partition
from landfast.model.reference import UNLIMITED, Reference
from landfast.redaction import redact
from landfast.secrecy import refuse_secrets

PLACEHOLDER = "{partition_key}"
_BRACES = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotUri:
    """A place to snapshot.

    Args:
        uri: URI of the place; it may contain ``{partition_key}``. Double all other braces.
        name: Path in the artifact for the entries; None is the root.
    """

    uri: str
    name: str | None = None

    def __repr__(self) -> str:
        return f"SnapshotUri({redact(self.uri)!r}, name={self.name!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotConfig:
    """The places of a snapshot, its options and its schedule.

    Args:
        name: ``[[entity/]project/]collection``.
        uris: The places.
        type: Type of the collection; None is its current type, or ``dataset`` for a new collection.
        description: Description of a new version.
        partition: Partition key, or a text that contains ``{partition_key}``; None makes no partition.
        schedule: Cron expression with five fields, stored as written; None leaves the schedule to the caller.
        include: Globs of paths to keep.
        exclude: Globs of paths to leave out.
        max_objects: Maximum number of entries of each URI; None is the default of the settings.
        checksum: Kind such as `"sha256"`; None is the store's default; False records no token.
        allow_empty: Whether to accept a missing or empty prefix.
        inventory: URI of the bucket's inventory, see `Reference`; None lists the bucket.
        aliases: Aliases to move to the version.
        tags: Tags to add to the version.
        metadata: JSON object.
        ttl: Time to live of a new version; None keeps it.
        options: Options of the store: endpoint, region, profile, ...
        is_filled: Whether braces in `uris` and `partition` are literal.

    Raises:
        InvalidInput: If a value is not valid; the message names it.

    Example:
        >>> daily = SnapshotConfig(name="events", uris=(SnapshotUri(uri="s3://b/dt={partition_key}/"),))
        >>> daily.partition, daily.needs_partition_key
        ('{partition_key}', True)
        >>> daily.for_partition("2026-05-01").references()[0].uri
        's3://b/dt=2026-05-01/'
    """

    name: str
    uris: Sequence[SnapshotUri]
    type: str | None = None
    description: str | None = None
    partition: str | None = None
    schedule: str | None = None
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    max_objects: int | None = None
    checksum: str | Literal[False] | None = None
    allow_empty: bool = False
    inventory: str | None = None
    aliases: Sequence[str] = ()
    tags: Sequence[str] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    ttl: timedelta | None = None
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    is_filled: bool = False

    def __post_init__(self) -> None:
        self._check_name()
        self._check_places()
        if self.type is not None:
            check_name(self.type, "type")
        if self.schedule is not None:
            check_schedule(self.schedule)
        for alias in self.aliases:
            check_alias(alias)
        for tag in self.tags:
            check_name(tag, "tag")
        if self.ttl is not None and self.ttl <= timedelta(0):
            raise InvalidInput(f"ttl {self.ttl} keeps nothing", expected="a time above 0")

    def _check_name(self) -> None:
        parsed = ArtifactName.parse(self.name)
        if parsed.picks_version or parsed.partition:
            raise InvalidInput(
                f"{self.name!r} says more than a collection",
                subject=self.name,
                expected="[[entity/]project/]collection; the partition has a key of its own",
            )

    def _check_places(self) -> None:
        if not self.uris:
            raise InvalidInput("a snapshot needs a place", expected="uri: or uris:")
        if self.is_filled:
            check_partition(self.partition or "")
            self.references()
            return
        by_key = any(_has_placeholder(place.uri) for place in self.uris)
        if by_key and self.partition is None:
            # A frozen dataclass fills in its own default only like this.
            object.__setattr__(self, "partition", PLACEHOLDER)
        if by_key and not self.needs_partition_key:
            raise InvalidInput(
                f"partition {self.partition!r} is the same for every {PLACEHOLDER}",
                subject=self.partition,
                expected=f"a text with {PLACEHOLDER} in it, as the URI has",
            )
        self._filled("partition-key")

    @property
    def needs_partition_key(self) -> bool:
        """Whether the config needs a partition key."""
        return not self.is_filled and _has_placeholder(self.partition or "")

    def for_partition(self, partition_key: str | None) -> SnapshotConfig:
        """Return the config with ``{partition_key}`` filled in.

        If it contains no ``{partition_key}``, the key is not used.

        Raises:
            InvalidInput: If it needs a key and you give none, or the key is not valid.
        """
        if self.needs_partition_key and not partition_key:
            raise InvalidInput(
                f"snapshot {self.name} needs a partition key",
                subject=self.name,
                expected=f"a value for {PLACEHOLDER}",
                hint="Give partition_key=, or --partition KEY on the command line.",
            )
        return self if self.is_filled else self._filled(partition_key or "")

    def _filled(self, key: str) -> SnapshotConfig:
        return replace(
            self,
            partition=None if self.partition is None else fill(self.partition, key),
            uris=tuple(replace(place, uri=fill(place.uri, key)) for place in self.uris),
            is_filled=True,
        )

    def references(self) -> tuple[Reference, ...]:
        """Return the places as references.

        Raises:
            InvalidInput: If they still need a partition key.
        """
        return tuple(self._reference(place) for place in self.for_partition(None).uris)

    def log_options(self) -> dict[str, Any]:
        """Return the options of the version, not of the scan, as keyword arguments for `Client.log`."""
        return {
            "type": self.type,
            "partition": self.partition,
            "aliases": tuple(self.aliases),
            "tags": tuple(self.tags),
            "metadata": dict(self.metadata),
            "description": self.description,
            "ttl": self.ttl,
        }

    def refuse_secrets(self, kept: str) -> None:
        """Raise an error if the snapshot contains a secret, before an orchestrator stores it.

        Args:
            kept: Name of the system and what it stores, such as ``Prefect stores the parameters of runs``.

        Raises:
            InvalidInput: If it contains a secret.
        """
        said = {**self.options, **self.metadata}
        texts = [*(place.uri for place in self.uris), *(f"{key}={said[key]}" for key in said)]
        refuse_secrets(texts, subject=f"snapshot {self.name}", kept=kept)

    def to_dict(self) -> dict[str, Any]:
        """Return the equivalent entry of `snapshots.yaml` as JSON values; `snapshots_of` reads it.

        Example:
            >>> SnapshotConfig(name="a", uris=(SnapshotUri(uri="s3://b/a/"),), ttl=timedelta(days=30)).to_dict()
            {'name': 'a', 'uri': 's3://b/a/', 'ttl': '30d'}
        """
        places = [self._place(place) for place in self.uris]
        single = len(places) == 1 and isinstance(places[0], str)
        limit = "unlimited" if self.max_objects == UNLIMITED else self.max_objects
        said: dict[str, Any] = {
            "name": self.name,
            "uri" if single else "uris": places[0] if single else places,
            "type": self.type,
            "description": self.description,
            "partition": None if self.partition is None else self._as_template(self.partition),
            "schedule": self.schedule,
            "include": list(self.include),
            "exclude": list(self.exclude),
            "max_objects": limit,
            "checksum": self.checksum,
            "allow_empty": self.allow_empty or None,
            "inventory": self.inventory,
            "aliases": list(self.aliases),
            "tags": list(self.tags),
            "metadata": dict(self.metadata),
            "ttl": None if self.ttl is None else _ttl_text(self.ttl),
            "options": dict(self.options),
        }
        return {key: value for key, value in said.items() if value not in (None, "", [], {})}

    def _place(self, place: SnapshotUri) -> str | dict[str, str]:
        uri = self._as_template(place.uri)
        return uri if place.name is None else {"uri": uri, "name": place.name}

    def _as_template(self, text: str) -> str:
        return text.replace("{", "{{").replace("}", "}}") if self.is_filled else text

    def _reference(self, place: SnapshotUri) -> Reference:
        Location.parse(place.uri)
        return Reference(
            place.uri,
            name=place.name,
            include=tuple(self.include),
            exclude=tuple(self.exclude),
            max_objects=self.max_objects,
            checksum=self.checksum,
            allow_empty=self.allow_empty,
            inventory=self.inventory,
            options=dict(self.options),
        )


_TTL_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}


def _ttl_text(ttl: timedelta) -> str:
    seconds = math.ceil(ttl.total_seconds())
    unit = next(unit for unit, size in _TTL_UNITS.items() if seconds % size == 0)
    return f"{seconds // _TTL_UNITS[unit]}{unit}"


def fill(template: str, partition_key: str) -> str:
    """Return a text with its placeholder filled in and doubled braces made single; `InvalidInput` if it has others."""

    def replacement(found: re.Match[str]) -> str:
        if found[0] in {"{{", "}}"}:
            return found[0][0]
        if found[0] == PLACEHOLDER:
            return partition_key
        raise InvalidInput(
            f"{template!r} has an unknown placeholder",
            subject=template,
            expected=f"{PLACEHOLDER}, or {{{{ and }}}} for braces that are meant",
            found=found[0],
        )

    return _BRACES.sub(replacement, template)


def _has_placeholder(template: str) -> bool:
    return any(found[0] == PLACEHOLDER for found in _BRACES.finditer(template))


_FIELDS: tuple[tuple[str, int, int, str], ...] = (
    ("minute", 0, 59, ""),
    ("hour", 0, 23, ""),
    ("day of month", 1, 31, ""),
    ("month", 1, 12, "jan feb mar apr may jun jul aug sep oct nov dec"),
    ("day of week", 0, 7, "sun mon tue wed thu fri sat"),
)


def check_schedule(text: str) -> str:
    """Return `text` if it is five fields of cron, else raise `InvalidInput` that names the field."""
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise InvalidInput(
            f"{text!r} is not a schedule",
            subject=text,
            expected="five fields of cron: minute, hour, day of month, month, day of week",
            found=f"{len(fields)} fields",
        )
    for word, (name, low, high, names) in zip(fields, _FIELDS, strict=True):
        if not all(_is_cron(part, low, high, names.split()) for part in word.split(",")):
            raise InvalidInput(
                f"{text!r} is not a schedule",
                subject=text,
                expected=f"{name} as *, a number from {low} to {high}, a range, a list or a step",
                found=word,
            )
    return text


def _is_cron(part: str, low: int, high: int, names: list[str]) -> bool:
    span, slash, step = part.partition("/")
    if slash and not (step.isdecimal() and step.isascii() and int(step) > 0):
        return False
    if span == "*":
        return True
    first, dash, last = span.partition("-")
    ends = [_cron_number(word, low, names) for word in ([first, last] if dash else [first])]
    numbers = [number for number in ends if number is not None and low <= number <= high]
    return len(numbers) == len(ends) and numbers == sorted(numbers)


def _cron_number(word: str, low: int, names: list[str]) -> int | None:
    if word.isdecimal() and word.isascii():
        return int(word)
    return names.index(word.lower()) + low if word.lower() in names else None
