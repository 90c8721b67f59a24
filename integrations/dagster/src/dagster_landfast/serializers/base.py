"""The serializer seam, and what an input's annotation asks for."""

from __future__ import annotations

import sys
import types
import typing
from pathlib import Path
from typing import IO, Any, ClassVar, Protocol

from landfast import InvalidInput


class Serializer(Protocol):
    """Turns one kind of object into one file and back.

    Stateless.  `takes` imports nothing: who has an object of a library has loaded it.  `write` gives equal
    objects equal bytes, and refuses what would not come back as it was.  Own ones are given by
    overriding `LandfastObjectIOManager.serializers`.
    """

    name: ClassVar[str]
    """What asset metadata ``landfast/serializer`` says."""

    extension: ClassVar[str]
    """Of the file; tells on load who reads it."""

    accepts: ClassVar[str]
    """For people: ``pandas or polars frames``."""

    def takes(self, value: object) -> bool:
        """Tell whether `write` can store it."""
        ...

    def write(self, value: Any, path: Path) -> None:
        """Write the object to a file.

        Raises:
            InvalidInput: If it cannot be stored after all, naming the part that cannot.
        """
        ...

    def read(self, stream: IO[bytes], wanted: Any = Any) -> Any:
        """Return the object of a file as what an annotation wants.

        Args:
            stream: Seekable; its bytes are verified already.
            wanted: A type, a union of types, or Any.

        Raises:
            InvalidInput: If it cannot be read as that.
        """
        ...


def kinds_of(annotation: Any) -> list[Any]:
    """Return the types that an annotation allows; none for Any, None, and what says nothing.

    Example:
        >>> kinds_of(int | None), kinds_of(list[str]), kinds_of(typing.Any)
        ([<class 'int'>], [<class 'list'>], [])
    """
    origin = typing.get_origin(annotation)
    if origin in {typing.Union, types.UnionType}:
        return [kind for arm in typing.get_args(annotation) for kind in kinds_of(arm)]
    if origin is typing.Annotated:
        return kinds_of(typing.get_args(annotation)[0])
    kind = origin or annotation
    # typing.Any is a class since Python 3.11.
    return [kind] if isinstance(kind, type) and kind not in {object, type(None), Any} else []


def allows_none(annotation: Any) -> bool:
    """Tell whether an annotation says that None is a value, as ``int | None`` does."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return allows_none(typing.get_args(annotation)[0])
    return origin in {typing.Union, types.UnionType} and type(None) in typing.get_args(annotation)


def loaded(module: str) -> Any:
    """Return a module if it is loaded already, else None."""
    return sys.modules.get(module)


def is_loaded_kind(value: object, module: str, *names: str) -> bool:
    """Tell whether a value, or a type, is one of a module's classes, without importing the module."""
    found = loaded(module)
    kinds = tuple(kind for name in names if isinstance(kind := getattr(found, name, None), type))
    return issubclass(value, kinds) if isinstance(value, type) else isinstance(value, kinds)


def unreadable(file: str, wanted: Any, expected: str) -> InvalidInput:
    """Build the error for an annotation that a file cannot satisfy."""
    return InvalidInput(
        f"a {file} file cannot be read as {wanted!r}",
        subject=file,
        expected=expected,
        hint="Change the annotation of the input, or annotate it as ArtifactVersion and read it yourself.",
    )
