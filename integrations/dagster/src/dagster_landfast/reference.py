"""Reference: what an asset returns instead of data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from os import PathLike
from typing import Any, TypeAlias

import landfast

Place: TypeAlias = str | PathLike[str] | landfast.Reference


@dataclass(frozen=True, slots=True)
class Reference:
    """A place to record as the content of an asset, and as which artifact.

    Args:
        uri: An object, a prefix, a path, or a `landfast.Reference` for keys that are hard to write as a URI.
        uris: Several places instead, which become one version.
        artifact: Name of the artifact; None is the asset's (its key, or ``landfast/artifact``).
        type: Of the artifact; None is what it has, ``dataset`` if it is new.
        include: Globs of paths under each place to keep.
        exclude: Globs of paths under each place to leave out; exclude wins.
        aliases: To move to the version; `latest` is implied.
        tags: To add to the version.
        metadata: JSON object; of the version if it is new, of the observation always.
        description: Of the version if it is new.
        max_objects: The most entries of each place; None is the setting, `landfast.UNLIMITED` lifts it.
        checksum: A kind such as ``"sha256"``; None is the store's default, False records none.
        allow_empty: Whether a missing or empty prefix is no error.
        options: For the store: endpoint, region, profile, role, anonymous, ...

    Raises:
        InvalidInput: If there is neither `uri` nor `uris`, or both.

    Example:
        >>> Reference("s3://b/data/", aliases=["candidate"]).places
        ('s3://b/data/',)
    """

    uri: Place | None = None
    _: KW_ONLY
    uris: Sequence[Place] = ()
    artifact: str | None = None
    type: str | None = None
    aliases: Sequence[str] = ()
    tags: Sequence[str] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    description: str | None = None
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    max_objects: int | None = None
    checksum: str | bool | None = None
    allow_empty: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.uri is None) == (not self.uris) or isinstance(self.uris, str):
            raise landfast.InvalidInput(
                "a Reference says where either with uri or with uris",
                expected='Reference("s3://bucket/prefix/") or Reference(uris=["s3://a/", "s3://b/"])',
            )

    @property
    def places(self) -> tuple[Place, ...]:
        """Where, one or more."""
        return tuple(self.uris) if self.uri is None else (self.uri,)

    def scan_options(self) -> dict[str, Any]:
        """Return what was said about the scan, as `landfast.Reference` takes it."""
        given = {
            "include": tuple(self.include),
            "exclude": tuple(self.exclude),
            "max_objects": self.max_objects,
            "checksum": self.checksum,
            "allow_empty": self.allow_empty,
            "options": dict(self.options),
        }
        return {
            name: value for name, value in given.items() if value not in (None, (), {}, False)
        } | ({"checksum": False} if self.checksum is False else {})

    def log(
        self, client: landfast.Client, name: landfast.ArtifactName, *, move_latest: bool = True
    ) -> landfast.ArtifactVersion:
        """Scan the places and log what is there, in the name of the client's run.

        Args:
            client: Bound to the run.
            name: The artifact and partition, unless `artifact` says another.
            move_latest: False leaves `latest` where it is.
        """
        scan = self.scan_options()
        return client.log(
            name,
            *(landfast.Reference.of(place, **scan) for place in self.places),
            type=self.type,
            aliases=self.aliases,
            tags=self.tags,
            metadata=self.metadata,
            description=self.description,
            move_latest=move_latest,
        )

    def __repr__(self) -> str:
        # A place may be a signed URL.
        shown = ", ".join(repr(landfast.Reference.of(place)) for place in self.places)
        return f"Reference({shown}, artifact={self.artifact!r})"
