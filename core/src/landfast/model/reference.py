"""Reference: what a user points at, and how it is to be scanned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from os import PathLike
from typing import Any, Literal

from landfast.errors import InvalidInput
from landfast.model.location import Location
from landfast.redaction import redact

# Give this as `max_objects` to lift the limit.
UNLIMITED = 2**63 - 1
DEFAULT_MAX_OBJECTS = 10_000


@dataclass(frozen=True, slots=True)
class Reference:
    """A place to record, and the options of its scan.

    Args:
        uri: URI of the place: ``s3://``, ``gs://``, ``http(s)://``, ``file://``, a path, ``landfast://``, or a URI
            that fsspec opens.
        scheme: Scheme of `bucket`: ``s3`` or ``gs``.
        bucket: Bucket of `key`. Use both instead of `uri` if the key looks like a pin, or if a folder has the same
            name.
        key: The exact raw key; one that ends in ``/`` is a folder.
        version_id: An explicit pin for `key`.
        name: Path in the artifact: of the object, or of the folder for the entries.
        include: Globs of paths under the reference to keep.
        exclude: Globs of paths under the reference to leave out, even if `include` matches them.
        max_objects: Maximum number of entries to record; None is the default of the settings.
        checksum: A kind such as ``"sha256"``; None or True is the store's default; False records no token.
        allow_empty: Whether to accept a missing or empty prefix.
        inventory: URI of the bucket's inventory, which replaces list requests: the folder of S3 Inventory reports
            (the newest is used), a `manifest.json`, or ``iceberg://CATALOG/NAMESPACE.TABLE``.
        options: Options of the store: endpoint, region, profile, role, requester_pays, anonymous, ... They apply to
            this scan only. A reader of the version takes endpoint and identity from the settings of its environment.

    Example:
        >>> Reference("s3://b/data/", include=["**/*.parquet"]).location.key
        'data/'
        >>> Reference(bucket="b", key="odd#1").location.key
        'odd#1'
    """

    uri: str | None = None
    _: KW_ONLY
    scheme: str = "s3"
    bucket: str | None = None
    key: str | None = None
    version_id: str | None = None
    name: str | None = None
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    max_objects: int | None = None
    checksum: str | bool | None = None
    allow_empty: bool = False
    inventory: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.uri is None) == (self.bucket is None) or (
            self.bucket is not None and self.key is None
        ):
            raise InvalidInput(
                "a reference needs either a URI or a bucket and a key",
                expected="Reference(uri) or Reference(bucket=..., key=...)",
            )
        if self.max_objects is not None and self.max_objects < 1:
            raise InvalidInput(
                f"max_objects={self.max_objects} allows nothing",
                expected="at least 1, or landfast.UNLIMITED",
            )

    @classmethod
    def of(
        cls,
        place: str | PathLike[str] | Reference,
        name: str | None = None,
        *,
        checksum: str | bool | None = None,
        max_objects: int | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        allow_empty: bool = False,
        inventory: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Reference:
        """Return a reference for a URI or a path. A `Reference` is returned unchanged.

        Raises:
            InvalidInput: If you give a `Reference` and also arguments that belong in it.
        """
        given: dict[str, Any] = {
            "name": name,
            "checksum": None if checksum is True else checksum,
            "max_objects": max_objects,
            "include": tuple(include) or None,
            "exclude": tuple(exclude) or None,
            "allow_empty": allow_empty or None,
            "inventory": inventory,
            "options": dict(options or {}) or None,
        }
        given = {argument: value for argument, value in given.items() if value is not None}
        if not isinstance(place, Reference):
            return cls(str(place), **given)
        if given:
            raise InvalidInput(
                f"{place.location} is given as a Reference, so {', '.join(given)} belongs into it",
                subject=str(place.location),
            )
        return place

    def __repr__(self) -> str:
        place = redact(self.uri) if self.uri is not None else str(self.location)
        return f"Reference({place!r})"

    @property
    def location(self) -> Location:
        """The parsed place."""
        if self.uri is not None:
            return Location.parse(self.uri)
        assert self.bucket is not None
        return Location(
            scheme=self.scheme,
            authority=self.bucket,
            key=self.key or "",
            version_id=self.version_id,
        )

    @property
    def kind(self) -> str | Literal[False] | None:
        """The requested kind of checksum; None is the store's default, False records no checksum."""
        return None if self.checksum is True else self.checksum

    @property
    def is_exact(self) -> bool:
        """Whether the key was given exactly, so that no request is needed to interpret it."""
        return self.bucket is not None
