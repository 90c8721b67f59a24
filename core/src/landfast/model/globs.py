"""Globs over logical paths: ``*`` stops at ``/``, ``**`` does not, exclude wins."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from landfast.errors import InvalidInput


def path_filter(include: Sequence[str] = (), exclude: Sequence[str] = ()) -> Callable[[str], str]:
    """Return a function that says why a path is left out; ``""`` if it is kept.

    Args:
        include: Globs of paths to keep; empty keeps all.
        exclude: Globs of paths to leave out; exclude wins.

    Raises:
        InvalidInput: If a glob is empty or not a text.

    Example:
        >>> why = path_filter(include=["**/*.csv", "*.csv"], exclude=["tmp/**"])
        >>> why("a/b.csv"), why("tmp/b.csv"), why("b.txt")
        ('', 'excluded', 'not included')
    """
    kept = _matcher(include)
    dropped = _matcher(exclude)

    def reason(path: str) -> str:
        if dropped is not None and dropped(path):
            return "excluded"
        return "" if kept is None or kept(path) else "not included"

    return reason


def _matcher(patterns: Sequence[str]) -> Callable[[str], bool] | None:
    if isinstance(patterns, str):
        patterns = (patterns,)
    if not patterns:
        return None
    if not all(isinstance(pattern, str) and pattern for pattern in patterns):
        raise InvalidInput(
            f"{patterns!r} are not globs",
            expected="a list of non-empty patterns such as '**/*.csv'",
        )
    # Only needed where filters are given, so that importing the model stays cheap.
    from wcmatch import glob

    flags = glob.GLOBSTAR | glob.DOTGLOB | glob.BRACE | glob.FORCEUNIX | glob.CASE
    compiled = glob.compile(list(patterns), flags=flags)
    return lambda path: bool(compiled.match(path))
