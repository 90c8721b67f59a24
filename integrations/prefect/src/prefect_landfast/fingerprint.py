"""Fingerprint: a digest of a task's inputs in which an artifact version counts as its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

import landfast
from pydantic import BaseModel, SecretBytes, SecretStr

_PLAIN = (date, time, timedelta, Decimal, UUID, PurePath)


class Opaque(Exception):
    """A value has no description that is the same in another process."""


def fingerprint(inputs: Mapping[str, Any]) -> str | None:
    """Return 16 hexadecimal digits for a task's inputs; None if one cannot be told apart cheaply.

    Example:
        >>> fingerprint({"name": "flowers", "lr": 0.1})
        '48f926fb940d5364'
        >>> fingerprint({"lock": object()}) is None
        True
    """
    try:
        described = describe(dict(inputs), version=lambda found: found.qualified_name)
    except Opaque:
        return None
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]


def describe(
    value: Any,
    *,
    version: Callable[[landfast.ArtifactVersion], str],
    other: Callable[[Any], str] | None = None,
) -> Any:
    """Return what JSON can hold and is the same for equal values in every process.

    Args:
        value: Anything that a task may take.
        version: Tells what counts of an artifact version.
        other: Tells what counts of values without a stable description; None refuses them.

    Raises:
        Opaque: If there is such a value and no `other`.
    """

    def inner(item: Any) -> Any:
        return describe(item, version=version, other=other)

    if value is None or type(value) in {bool, int, float, str}:
        return value
    if isinstance(value, landfast.ArtifactVersion):
        said: Any = version(value)
    elif isinstance(value, Enum):
        said = inner(value.value)
    elif (items := _items(value)) is not None:
        parts = [inner(item) for item in items]
        said = sorted(parts, key=json.dumps) if _is_unordered(value) else parts
    elif (text := _text(value)) is not None:
        said = text
    elif other is None:
        raise Opaque
    else:
        said = other(value)
    return [_kind(value), said]


def _text(value: Any) -> str | None:
    """Return what tells plain values of a kind apart; None for all others."""
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, (SecretStr, SecretBytes)):
        return ""  # as in Prefect's own cache keys, what a secret says does not count
    return str(value) if isinstance(value, _PLAIN) else None


def _items(value: Any) -> list[Any] | None:
    """Return the parts of a container, a dataclass or a model; None for everything else."""
    if isinstance(value, BaseModel):
        return [(name, getattr(value, name)) for name in type(value).model_fields]
    if is_dataclass(value) and not isinstance(value, type):
        return [(f.name, getattr(value, f.name)) for f in fields(value)]
    if type(value) in {list, tuple, set, frozenset}:
        return list(value)
    return list(value.items()) if type(value) is dict else None


def _is_unordered(value: Any) -> bool:
    return isinstance(value, (dict, set, frozenset))


def _kind(value: Any) -> str:
    # A script's own classes live in __main__ in one process and in a module in another.
    return type(value).__qualname__
