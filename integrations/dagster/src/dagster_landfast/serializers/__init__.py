"""Serializers: how a Python object becomes one file and comes back, and which of them takes what.

The bytes are the same for equal objects, so that an asset that computes the same again stays fresh.  An upgrade of
the library that writes them (pyarrow, polars) may write other bytes once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from landfast import InvalidInput

from dagster_landfast.serializers.base import Serializer, kinds_of
from dagster_landfast.serializers.json_file import JsonSerializer
from dagster_landfast.serializers.numpy_file import NumpySerializer
from dagster_landfast.serializers.parquet_file import ParquetSerializer
from dagster_landfast.serializers.pickle_file import PickleSerializer
from dagster_landfast.serializers.raw_bytes import BytesSerializer

STEM = "data"
# Asked in this order: a numpy scalar is a float too, and pickle takes anything.
SAFE: tuple[Serializer, ...] = (
    ParquetSerializer(),
    NumpySerializer(),
    BytesSerializer(),
    JsonSerializer(),
)


def serializer_for(
    value: object, serializers: Sequence[Serializer], *, subject: str, named: str | None = None
) -> Serializer:
    """Return the first serializer that takes a value.

    Args:
        value: The object.
        serializers: To ask, in order.
        subject: What the value is, for the error: the asset.
        named: The only one to ask, by name; None asks all.

    Raises:
        InvalidInput: If none takes it, naming the asset, the type, and what to do.
    """
    asked = list(serializers) if named is None else [_named(named, serializers, subject)]
    for serializer in asked:
        if serializer.takes(value):
            return serializer
    raise InvalidInput(
        f"{subject} returned what cannot be stored",
        subject=subject,
        expected=" or ".join(serializer.accepts for serializer in asked),
        found=_described(value),
        hint="Return one of these, write it to a file and return its Path, or set allow_pickle=True on the"
        " LandfastObjectIOManager if everyone who reads it may run what it holds.",
    )


def serializer_of(file_name: str, serializers: Iterable[Serializer], *, subject: str) -> Serializer:
    """Return the serializer that wrote a file, by its extension.

    Raises:
        InvalidInput: If it is none of these, saying how to read it; for a pickle, how to allow it.
    """
    by_extension = {serializer.extension: serializer for serializer in serializers}
    _, _, extension = file_name.rpartition(".")
    if extension in by_extension:
        return by_extension[extension]
    if extension == PickleSerializer.extension:
        raise InvalidInput(
            f"{subject} is a pickle, and reading a pickle runs code that it holds",
            subject=subject,
            found=file_name,
            hint="Set allow_pickle=True on the LandfastObjectIOManager if you trust all who can write there, or"
            " annotate the input as ArtifactVersion or Path and read the file yourself.",
        )
    raise InvalidInput(
        f"{subject} is no object that can be loaded",
        subject=subject,
        expected=f"one file {STEM} with an extension of " + ", ".join(sorted(by_extension)),
        found=file_name,
        hint="Annotate the input as ArtifactVersion or Path.",
    )


def _named(name: str, serializers: Iterable[Serializer], subject: str) -> Serializer:
    known = {serializer.name: serializer for serializer in serializers}
    if name in known:
        return known[name]
    refused = name == PickleSerializer.name
    raise InvalidInput(
        f"{subject} asks for the serializer {name!r}",
        subject=subject,
        expected="one of " + ", ".join(sorted(known)),
        hint="Set allow_pickle=True on the LandfastObjectIOManager to allow it."
        if refused
        else None,
    )


def _described(value: object) -> str:
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    return (
        f"{name}, a value that JSON has no form for in it"
        if isinstance(value, dict | list)
        else name
    )


__all__ = [
    "SAFE",
    "STEM",
    "PickleSerializer",
    "Serializer",
    "kinds_of",
    "serializer_for",
    "serializer_of",
]
