"""What an asset and a partition of it are called in the registry.

An asset key becomes a collection name: segments joined by ``.``, everything but letters, digits and ``_``
escaped with ``-``.  No two keys share a name; common ones read as they are written::

    ["vision", "mnist"]     vision.mnist
    ["my-data", "a.b"]      my--data.a-2eb

External data, which Dagster only observes, has its key as its name, as in ``snapshots.yaml`` and on the command
line: ``["vision", "mnist"]`` is the artifact ``vision/mnist``.

A partition key is the registry's partition key as it stands.  A definition may say another name:
``metadata={"landfast/artifact": "vision/mnist"}``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import dagster as dg
import landfast

# What a caller may give as an asset's key.
Key: TypeAlias = str | Sequence[str] | dg.AssetKey

# Keys of metadata that a definition may have.
ARTIFACT = "landfast/artifact"
TYPE = "landfast/type"
VERSION = "landfast/version"
# Of external data: what releases before called it; where the registry has that, and not the other, it goes on.
FORMER = "landfast/former_artifact"

_LONGEST = 128
_READABLE = 86  # of a name that is too long; the rest is "-h" and 40 digits of its sha256
# Begins the name of a key that begins with neither a letter nor a digit; no escape looks like it.
_ODD_START = "key-."


def key_of(key: Key) -> dg.AssetKey:
    """Return the key as Dagster has it; in a text, ``/`` separates segments.

    Example:
        >>> key_of("raw/images") == key_of(["raw", "images"])
        True
    """
    if isinstance(key, str):
        return dg.AssetKey.from_user_string(key)
    return dg.AssetKey.from_coercible(key)


def collection_of(asset_key: dg.AssetKey) -> str:
    """Return the collection name of an asset key; no two keys have the same.

    Example:
        >>> collection_of(dg.AssetKey(["vision", "mnist"]))
        'vision.mnist'
        >>> collection_of(dg.AssetKey(["my-data", "a.b"]))
        'my--data.a-2eb'
    """
    tokens: list[str] = []
    for position, segment in enumerate(asset_key.path):
        tokens += ["."] if position else []
        tokens += [token for character in segment for token in _escaped(character)]
    if not (tokens and tokens[0].isalnum()):
        tokens.insert(0, _ODD_START)
    return _shortened(tokens)


def external_name(asset_key: dg.AssetKey) -> landfast.ArtifactName:
    """Return the artifact of external data: its key as a name, ``[[entity/]project/]collection``.

    A key that is no such name (other characters, more segments) is the collection that `collection_of` says.

    Example:
        >>> str(external_name(dg.AssetKey(["raw", "my-drop"])))
        'raw/my-drop'
        >>> str(external_name(dg.AssetKey(["a b"])))
        'a-20b'
    """
    try:
        name = landfast.ArtifactName.parse("/".join(asset_key.path))
    except landfast.InvalidInput:
        name = landfast.ArtifactName(collection=collection_of(asset_key))
    parts = [part for part in (name.entity, name.project, name.collection) if part]
    if parts == list(asset_key.path) and not (name.partition or name.picks_version):
        return name
    return landfast.ArtifactName(collection=collection_of(asset_key))


def names(
    asset_key: dg.AssetKey, metadata: Mapping[str, Any] | None = None
) -> tuple[landfast.ArtifactName, ...]:
    """Return the names that the artifact of an asset may have in the registry, the one by the rule first.

    That of external data may have the name that earlier releases gave it.  Where only the key is known, it is what
    Dagster makes by that name, or what it observes.

    Args:
        asset_key: The asset.
        metadata: Of its definition, if that is known.
    """
    name = artifact_name(asset_key, metadata)
    former = text_of((metadata or {}).get(FORMER))
    if former:
        other = replace(named(former, asset_key.to_user_string()), partition=name.partition)
        return name, other
    if text_of((metadata or {}).get(ARTIFACT)):
        return (name,)
    return tuple(dict.fromkeys([name, external_name(asset_key)]))


def name_in_use(
    client: landfast.Client, asset_key: dg.AssetKey, metadata: Mapping[str, Any] | None = None
) -> landfast.ArtifactName:
    """Return the first of the `names` of an asset that the registry has, else the first."""
    first, *others = names(asset_key, metadata)
    for name in (first, *others) if others else ():
        if client.collection_type(client.resolve_name(name)) is not None:
            return name
    return first


def artifact_name(
    asset_key: dg.AssetKey,
    metadata: Mapping[str, Any] | None = None,
    partition_key: str | None = None,
) -> landfast.ArtifactName:
    """Return the artifact that an asset (or one partition of it) is.

    Args:
        asset_key: The asset.
        metadata: Of its definition; ``landfast/artifact`` in it wins over the key.
        partition_key: As Dagster has it; None for an asset without partitions.

    Raises:
        InvalidInput: If the metadata names a version, or nothing at all.

    Example:
        >>> str(artifact_name(dg.AssetKey(["raw", "images"]), {}, "2026-05-01"))
        'raw.images~2026-05-01'
    """
    given = text_of((metadata or {}).get(ARTIFACT))
    name = named(given, asset_key.to_user_string()) if given else None
    name = name or landfast.ArtifactName(collection=collection_of(asset_key))
    return within_partition(name, partition_key)


def named(given: str, subject: str) -> landfast.ArtifactName:
    """Parse a name that says which artifact, but not which version.

    Raises:
        InvalidInput: If it says a version.
    """
    return landfast.ArtifactName.parse(given).whole(
        f"asset {subject}", hint='A version to read is AssetIn(metadata={"landfast/version": ...}).'
    )


def within_partition(
    name: landfast.ArtifactName, partition_key: str | None
) -> landfast.ArtifactName:
    """Return the name of one partition of an artifact.

    Raises:
        Conflict: If the name says another partition already.
    """
    return name if partition_key is None else name.in_partition(partition(partition_key))


def partition(partition_key: str) -> str:
    """Return the registry's partition for one of Dagster's; different keys stay different.

    A key of several dimensions is Dagster's own text, ``2026-05-01|eu`` in the order of the dimensions'
    names.  Where a dimension's key has ``|`` in it (which Dagster itself cannot read back), the text starts
    with ``|`` and that character is escaped.

    Raises:
        InvalidInput: If the key is empty, which in the registry means no partition.
    """
    if not partition_key:
        raise landfast.InvalidInput(
            "a partition key is empty", expected="a key of at least one character"
        )
    if isinstance(partition_key, dg.MultiPartitionKey):
        by_dimension = partition_key.keys_by_dimension
        keys = [by_dimension[name] for name in sorted(by_dimension)]
        if any("|" in key for key in keys):
            return "".join("|" + key.replace("%", "%25").replace("|", "%7C") for key in keys)
    return str(partition_key)


def text_of(value: Any) -> str | None:
    """Return a metadata value as text: given as such, or as `MetadataValue`; None if there is none."""
    plain = getattr(value, "value", value)
    return None if plain is None else str(plain)


def _escaped(character: str) -> Sequence[str]:
    if character == "_" or (character.isascii() and character.isalnum()):
        return [character]
    if character == "-":
        return ["--"]
    return ["".join(f"-{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))]


def _shortened(tokens: Sequence[str]) -> str:
    whole = "".join(tokens)
    if len(whole) <= _LONGEST:
        return whole
    head = ""
    for token in tokens:
        if len(head) + len(token) > _READABLE:
            break
        head += token
    return f"{head}-h{hashlib.sha256(whole.encode()).hexdigest()[:40]}"
