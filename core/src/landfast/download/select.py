"""Selection: which entries of a version are wanted, by path and by glob."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from landfast.errors import InvalidInput, NotFound
from landfast.manifests.base import Manifest
from landfast.model.globs import PathFilter
from landfast.model.manifest import ManifestEntry


class Selection:
    """Paths and globs together; what no path and no glob was given for is wanted whole.

    Args:
        paths: Files, or folders with or without final slash; None is everything.
        include: Globs to keep.
        exclude: Globs to leave out; exclude wins.

    Raises:
        InvalidInput: If a path is empty, or a glob is none.
    """

    def __init__(
        self,
        paths: Iterable[str] | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
    ) -> None:
        given = [paths] if isinstance(paths, str) else paths
        self._paths = None if given is None else list(dict.fromkeys(given))
        self._wanted = frozenset(self._paths or ())
        if "" in self._wanted:
            raise InvalidInput(
                "an empty path selects nothing", hint="Leave paths= away for everything."
            )
        self._why_not = PathFilter(include, exclude)
        self._is_filtered = bool(include or exclude)

    def of(self, manifest: Manifest) -> Iterator[ManifestEntry]:
        """Yield the wanted entries, sorted by path.

        Raises:
            NotFound: If a path names nothing, or nothing is left to download.
        """
        count = 0
        for entry in self._named(manifest):
            if not self._why_not(entry.path):
                count += 1
                yield entry
        if not count and self._is_filtered:
            raise NotFound(
                "no file of the version is selected",
                hint="Look at its paths with `landfast ls`; `*` stops at a slash, `**` does not.",
            )

    def _named(self, manifest: Manifest) -> Iterator[ManifestEntry]:
        if self._paths is None:
            yield from manifest.entries()
            return
        unseen = set(self._paths)
        # One path is looked up; for many, one pass is cheaper than a look-up each.
        prefix = self._paths[0] if len(self._paths) == 1 else ""
        for entry in manifest.entries(prefix):
            named = [path for path in _names_of(entry.path) if path in self._wanted]
            if named:
                unseen.difference_update(named)
                yield entry
        if unseen:
            path = min(unseen)
            raise NotFound(f"the version has no file or folder {path!r}", subject=path)


def _names_of(path: str) -> Iterator[str]:
    """Yield the path and its folders, each without and with a final slash."""
    yield path
    for at, letter in enumerate(path):
        if letter == "/":
            yield path[:at]
            yield path[: at + 1]
