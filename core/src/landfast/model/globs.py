"""Globs over logical paths: ``*`` stops at ``/``, ``**`` does not, exclude wins."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from landfast.errors import InvalidInput

_MAGIC = re.compile(r"[*?\[]")
_PATTERN = re.compile(r"[*?\[{\\!]")
_ESCAPED = re.compile(r"\\.")
_ROOT = re.compile(r"(?:\.?/)+|\.\Z")


class PathFilter:
    """Says why a path is left out, and which globs have matched so far.

    A glob is of the whole path under the reference; ``/`` or ``./`` before it changes nothing.  One that
    ends in a plain name means a folder of that name too, one that ends in ``/`` the folder alone.

    Args:
        include: Globs of paths to keep; empty keeps all.
        exclude: Globs of paths to leave out, even if `include` matches them.

    Raises:
        InvalidInput: If a glob is empty or not a text.

    Example:
        >>> why = PathFilter(include=["**/*.csv", "*.csv"], exclude=["tmp"])
        >>> why("a/b.csv"), why("tmp/b.csv"), why("b.txt")
        ('', 'excluded', 'not included')
        >>> why.matched
        ("include '**/*.csv'", "exclude 'tmp'")
    """

    def __init__(self, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        self._include = _Globs(include)
        self._exclude = _Globs(exclude)

    def __call__(self, path: str) -> str:
        """Return why a path is left out; ``""`` if it is kept."""
        if self._exclude.match(path):
            self._include.note(path)
            return "excluded"
        return "" if not self._include or self._include.match(path) else "not included"

    @property
    def matched(self) -> tuple[str, ...]:
        """The globs that matched a path so far, as `labels` writes them."""
        found = labels(self._include.matched(), self._exclude.matched())
        return tuple(found)


def labels(include: Sequence[str], exclude: Sequence[str]) -> Iterator[str]:
    """Name globs for a person: ``exclude 'tmp'``."""
    yield from (f"include {glob!r}" for glob in include)
    yield from (f"exclude {glob!r}" for glob in exclude)


def hint_for_glob(place: str) -> str | None:
    """Say how to give a place that is written like a glob; None if it is not.

    Example:
        >>> hint_for_glob("s3://b/h/*.csv")
        "A place cannot be a glob: give s3://b/h/ with --include '*.csv' (include=['*.csv'])."
    """
    scheme, _, path = place.rpartition("://")
    first = _MAGIC.search(path)
    if first is None or scheme in {"http", "https"}:
        return None
    cut = len(place) - len(path) + path.rfind("/", 0, first.start()) + 1
    folder, glob = place[:cut] or ".", place[cut:]
    return f"A place cannot be a glob: give {folder} with --include {glob!r} (include=[{glob!r}])."


def literal_start(glob: str) -> str:
    """Return what every path that a glob matches begins with; ``""`` if that is hard to say.

    Example:
        >>> literal_start("2026/05-*/**/*.csv"), literal_start("*.csv"), literal_start("./a/b.csv")
        ('2026/05-', '', '')
    """
    start = _PATTERN.split(glob, maxsplit=1)[0]
    is_plain = not start.startswith((".", "/")) and not re.search(r"//|/\.", start)
    return start.rstrip("/") if is_plain else ""


def file_glob(path: str) -> str:
    r"""Return the glob of one file: it means no folder of the same name.

    Example:
        >>> file_glob("thumbs/a*")
        'thumbs/[a]\\*'
    """
    from wcmatch.glob import escape

    start = path.rfind("/") + 1
    at = next((i for i, letter in enumerate(path) if i >= start and letter.isalnum()), None)
    if at is None:
        return escape(path, unix=True)
    return f"{escape(path[:at], unix=True)}[{path[at]}]{escape(path[at + 1 :], unix=True)}"


class _Globs:
    """Some globs as one, and which of them have matched."""

    def __init__(self, patterns: Sequence[str]) -> None:
        if isinstance(patterns, str):
            patterns = (patterns,)
        if not all(isinstance(pattern, str) and pattern for pattern in patterns):
            raise InvalidInput(
                f"{patterns!r} are not globs",
                expected="a list of non-empty patterns such as '**/*.csv'",
            )
        self._patterns = tuple(dict.fromkeys(patterns))
        self._any = _compiled(self._patterns)
        self._unseen = {pattern: _compiled([pattern]) for pattern in self._patterns}

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def match(self, path: str) -> bool:
        """Tell whether one of them matches."""
        if not self._patterns or not self._any(path):
            return False
        self.note(path)
        return True

    def note(self, path: str) -> None:
        """Remember which of them match."""
        if self._unseen:
            seen = [pattern for pattern, match in self._unseen.items() if match(path)]
            for pattern in seen:
                del self._unseen[pattern]

    def matched(self) -> list[str]:
        """Return those that have matched."""
        return [pattern for pattern in self._patterns if pattern not in self._unseen]


def _compiled(patterns: Sequence[str]) -> Callable[[str], bool]:
    if not patterns:
        return lambda _: False
    # Only needed where filters are given, so that importing the model stays cheap.
    from wcmatch import glob

    flags = glob.GLOBSTAR | glob.DOTGLOB | glob.BRACE | glob.FORCEUNIX | glob.CASE
    meant = [meaning for pattern in patterns for meaning in _meanings(pattern)]
    compiled = glob.compile(meant, flags=flags)
    return lambda path: bool(compiled.match(path))


def _meanings(pattern: str) -> Iterator[str]:
    """Yield the globs that a pattern stands for."""
    yield pattern
    root = _ROOT.match(pattern)
    plain = pattern[root.end() :] if root else pattern
    if not plain:
        yield "**"
        return
    yield plain
    folder = plain.rstrip("/")
    is_plain_name = not _MAGIC.search(_ESCAPED.sub("", folder.rpartition("/")[2]))
    if folder != plain or is_plain_name:
        yield f"{folder}/**"
