"""Output: what the body of a materializing task answers, as a draft of a version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import landfast
from prefect.serializers import Serializer

Place = str | Path | landfast.Reference

OBJECT_PATH = "object"
_SERIALIZER = "prefect_serializer"  # in the version's metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a materializing task logs.

    Args:
        name: Of the artifact.
        place: Where the body writes; None lets the body tell.
        type: Of the artifact; None is the collection's.
        partition: A partition key; None is the name's.
        aliases: To move to the version.
        serializer: Of objects that the body returns; None expects places.
    """

    name: str
    place: Place | Sequence[Place] | None
    type: str | None
    partition: str | None
    aliases: tuple[str, ...]
    serializer: str | Serializer[Any] | None


def draft_of(client: landfast.Client, output: Output, result: Any) -> landfast.Artifact:
    """Return a draft of what a body wrote.

    Args:
        client: Who scans.
        output: What was declared.
        result: What the body returned.

    Raises:
        landfast.InvalidInput: If the two do not fit.
    """
    if isinstance(result, landfast.Artifact):
        return _checked(client, output, result)
    name = client.resolve_name(output.name)
    kind = output.type or client.collection_type(name) or "dataset"
    draft = landfast.Artifact(str(name), kind, partition=output.partition, client=client)
    if output.serializer is not None:
        return _with_object(draft, output.serializer, result)
    for place in _places(output, result):
        draft.add_reference(place)
    return draft


def load_object(version: landfast.ArtifactVersion) -> Any:
    """Return the object that a `materialize_artifact(..., serializer=...)` task returned.

    Unpickling runs code: read only objects that your own tasks have written.

    Args:
        version: As the task answered it, or `use_artifact` found it.

    Raises:
        landfast.InvalidInput: If the version holds no object.

    Example:
        >>> load_object(use_artifact("vision/vocabulary"))  # doctest: +SKIP
        {'rose': 0, 'tulip': 1}
    """
    kind = version.metadata.get(_SERIALIZER)
    if kind is None:
        raise landfast.InvalidInput(
            f"{version.qualified_name} holds no object",
            subject=version.qualified_name,
            expected="a version of a task with materialize_artifact(..., serializer=...)",
            hint="Read its entries with version.open(path) or version.download().",
        )
    with version.open(OBJECT_PATH) as stream:
        return _serializer(kind).loads(stream.read())


def _places(output: Output, result: Any) -> list[Place]:
    if output.place is not None:
        says_so_too = isinstance(result, Place) and result == output.place
        if result is not None and not says_so_too:
            raise _unfit(output, result, "None, since uri= says where it writes")
        result = output.place
    places = [result] if isinstance(result, Place) else result
    is_list = isinstance(places, (list, tuple)) and bool(places)
    if not is_list or not all(isinstance(place, Place) for place in places):
        raise _unfit(output, result, "a URI, a path, a Reference, a list of them, or an Artifact")
    return list(places)


def _unfit(output: Output, result: Any, expected: str) -> landfast.InvalidInput:
    return landfast.InvalidInput(
        f"the task of {output.name!r} returned something else than where it wrote",
        subject=output.name,
        expected=expected,
        found=type(result).__name__,
        hint="To keep the returned object itself, give materialize_artifact(serializer='json').",
    )


def _checked(
    client: landfast.Client, output: Output, draft: landfast.Artifact
) -> landfast.Artifact:
    meant, found = client.resolve_name(output.name), client.resolve_name(draft.name)
    if (meant.entity, meant.project, meant.collection) != (
        found.entity,
        found.project,
        found.collection,
    ):
        raise landfast.Conflict(
            "the task returned a draft of another artifact",
            subject=str(found),
            expected=str(meant),
            found=str(found),
        )
    return draft


def _with_object(
    draft: landfast.Artifact, serializer: str | Serializer[Any], value: Any
) -> landfast.Artifact:
    chosen = _serializer(serializer)
    draft.metadata[_SERIALIZER] = chosen.type
    with draft.new_file(OBJECT_PATH, "wb") as stream:
        stream.write(chosen.dumps(value))
    return draft


def _serializer(kind: str | Serializer[Any]) -> Serializer[Any]:
    return kind if isinstance(kind, Serializer) else Serializer(type=kind)
