"""Paths of `landfast://`: where the name of a version ends, and what is said of one that leads nowhere."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from typing import NoReturn

from landfast.errors import InvalidInput, NotFound
from landfast.model.names import ArtifactName

URL = "landfast://"
# A version as `ArtifactName.uri` writes it, and what stands below it.
_QUERY = re.compile(r"((?:[^/?:@]+/){2}[^/?:@]+\?[^/]*)(?:/(.*))?\Z", re.DOTALL)


class NoSuchPath(NotFound, FileNotFoundError):
    """A version has no such entry or folder, or there is no such version."""


class IsFolder(InvalidInput, IsADirectoryError):
    """A folder was opened as if it were a file."""


class ReadOnly(InvalidInput, io.UnsupportedOperation):
    """Somebody tried to write: a version never changes."""


def without_scheme(path: str) -> str:
    """Return a path as ``NAME/PATH``, from that or a URL; also from one with ``?version=``.

    Example:
        >>> without_scheme("landfast://default/vision/mnist?version=v3/a.csv")
        'default/vision/mnist:v3/a.csv'
    """
    is_url = path.startswith(URL)
    path = path.removeprefix(URL).rstrip("/")
    asked = _QUERY.match(path) if is_url else None
    if asked is None:
        return path
    name = ArtifactName.parse(URL + asked[1])
    return f"{name}/{asked[2]}" if asked[2] else str(name)


def split_name(path: str) -> tuple[str, str]:
    """Cut a path without scheme behind the name of the version.

    Raises:
        InvalidInput: If it says no version.

    Example:
        >>> split_name("vision/mnist:prod/train/a:b.csv")
        ('vision/mnist:prod', 'train/a:b.csv')
    """
    parts = path.split("/")
    for number, part in enumerate(parts[:3], 1):
        if ":" in part or "@" in part:
            return "/".join(parts[:number]), "/".join(parts[number:])
    raise InvalidInput(
        f"{URL}{path} does not say a version",
        subject=path,
        expected=f"{URL}[[ENTITY/]PROJECT/]COLLECTION[~PARTITION]:vN/PATH, with :ALIAS or @lf1:DIGEST for :vN",
    )


def refuse_write(path: object = "", *_: object, **__: object) -> NoReturn:
    """Raise `ReadOnly`, whatever was to be written."""
    raise ReadOnly(
        "a recorded version cannot be written to",
        subject=str(path),
        hint="Write elsewhere, and record it with client.log().",
    )


@contextlib.contextmanager
def as_missing_path(path: str) -> Iterator[None]:
    """Let what is not there be the error that users of files expect."""
    try:
        yield
    except NoSuchPath:
        raise
    except NotFound as error:
        raise NoSuchPath(
            error.problem,
            subject=path,
            expected=error.expected,
            found=error.found,
            hint=error.hint,
            **error.details,
        ) from None
