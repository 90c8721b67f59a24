"""Objects as artifacts: what is written, what a definition says of it, and how it is read back."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import landfast

from dagster_landfast import identity
from dagster_landfast.serializers import STEM, Serializer, serializer_for, serializer_of

SERIALIZER = "landfast/serializer"
ALIASES = "landfast/aliases"
TAGS = "landfast/tags"
DESCRIPTION = "landfast/description"
METADATA = "landfast/metadata"
# In a version's own metadata: whether a path that was returned was a file or a folder.
_RETURNED = "dagster/returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a definition, or an `Output`, says of an object's artifact.

    Args:
        type: Of the artifact; None is what it has, ``dataset`` if it is new.
        serializer: The only one to use, by name.
        aliases: To move to the version.
        tags: To add to the version.
        description: Of the version if it is new.
        metadata: Of the version if it is new.
    """

    type: str | None = None
    serializer: str | None = None
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, metadata: Mapping[str, Any]) -> Said:
        """Read the metadata of a definition."""
        return cls(
            type=identity.text_of(metadata.get(identity.TYPE)),
            serializer=identity.text_of(metadata.get(SERIALIZER)),
            aliases=_texts(metadata, ALIASES),
            tags=_texts(metadata, TAGS),
            description=identity.text_of(metadata.get(DESCRIPTION)),
            metadata=_plain(metadata.get(METADATA)) or {},
        )

    def draft(self, client: landfast.Client, name: landfast.ArtifactName) -> landfast.Artifact:
        """Begin a version of a full name."""
        kind = self.type or client.collection_type(name) or "dataset"
        return landfast.Artifact(str(name), kind, self.description, self.metadata, client=client)

    def log(self, client: landfast.Client, draft: landfast.Artifact) -> landfast.ArtifactVersion:
        """Make a draft a version."""
        return client.log_artifact(draft, aliases=self.aliases, tags=self.tags)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file or folder that is to become a version.

    Args:
        path: Where it is.
        name: Path under the artifact; None is the file's own name.
        returned: ``file`` or ``folder`` if the asset returned this path, ``""`` if it returned an object.
    """

    path: Path
    name: str | None = None
    returned: str = ""

    def add_to(self, draft: landfast.Artifact, *, into: str | None = None) -> None:
        """Copy it into the registry's store, or into a place of the user's.

        Raises:
            NotFound: If there is nothing to copy.
        """
        if self.returned:
            draft.metadata[_RETURNED] = self.returned
        if self.returned != "folder":
            draft.add_file(self.path, self.name, into=into)
        elif into is None:
            draft.add_dir(self.path)
        else:
            for file in sorted(path for path in self.path.rglob("*") if path.is_file()):
                draft.add_file(file, file.relative_to(self.path).as_posix(), into=into)


def checked(
    client: landfast.Client, draft: landfast.Artifact, name: landfast.ArtifactName
) -> landfast.Artifact:
    """Return a draft that the asset filled itself, if it is the asset's.

    Raises:
        Conflict: If it has another name: what reads the asset would not find it.
    """
    given = client.resolve_name(draft.name)
    if given == name:
        return draft
    raise landfast.Conflict(
        f"the asset returned the artifact {given}",
        subject=str(given),
        expected=str(name),
        hint=f'Name it so, or give the asset metadata={{"landfast/artifact": "{given}"}}.',
    )


@contextmanager
def written(
    value: object, serializers: Sequence[Serializer], *, subject: str, named: str | None = None
) -> Iterator[Written]:
    """Write an object to a file that goes when the block ends; a `Path` is taken as it is.

    Args:
        value: The object.
        serializers: To ask, in order.
        subject: What it is, for errors.
        named: The only serializer to use.

    Raises:
        InvalidInput: If none of them takes it.
    """
    if isinstance(value, Path):
        yield Written(path=value, returned="folder" if value.is_dir() else "file")
        return
    serializer = serializer_for(value, serializers, subject=subject, named=named)
    with tempfile.TemporaryDirectory(prefix="landfast-") as folder:
        path = Path(folder) / f"{STEM}.{serializer.extension}"
        serializer.write(value, path)
        yield Written(path=path, name=path.name)


def read(
    version: landfast.ArtifactVersion, serializers: Sequence[Serializer], wanted: Any = Any
) -> Any:
    """Return the object of a version; its bytes are verified first.

    Raises:
        InvalidInput: If it holds no object, or one that these serializers do not read.
        ObjectChanged: If the recorded bytes are not to be had any more.
    """
    if _RETURNED in version.metadata:
        return downloaded(version)
    paths = [entry.path for entry in itertools.islice(version.entries(f"{STEM}."), 2)]
    if len(paths) != 1:
        raise landfast.InvalidInput(
            f"{version.qualified_name} holds no Python object",
            subject=version.qualified_name,
            expected=f"one file {STEM}.EXTENSION",
            found=", ".join(paths) or f"{version.file_count} files of other names",
            hint="Annotate the input as ArtifactVersion or Path.",
        )
    serializer = serializer_of(paths[0], serializers, subject=version.qualified_name)
    with version.open(paths[0]) as stream:
        return serializer.read(stream, wanted)


def downloaded(version: landfast.ArtifactVersion) -> Path:
    """Return the folder with the recorded files; the file itself, where one was returned."""
    folder = Path(version.download())
    if version.metadata.get(_RETURNED) != "file":
        return folder
    return folder / next(iter(version.entries())).path


def _texts(metadata: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = _plain(metadata.get(key))
    if value is None:
        return ()
    if isinstance(value, str) or not all(isinstance(item, str) for item in value):
        raise landfast.InvalidInput(
            f"metadata {key} is {value!r}", subject=key, expected="a list of texts"
        )
    return tuple(value)


def _plain(value: Any) -> Any:
    return getattr(value, "value", value)
