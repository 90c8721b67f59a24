"""Selection: which entries of a version are wanted, by path and by glob."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from landfast.errors import InvalidInput, NotFound
from landfast.model.globs import path_filter
from landfast.model.manifest import Manifest, ManifestEntry


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
        self._paths = None if given is None else _apart(given)
        self._why_not = path_filter(include, exclude)
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
        for path in self._paths:
            is_known = False
            for entry in manifest.entries(path):
                if entry.path == path or path.endswith("/") or entry.path.startswith(path + "/"):
                    is_known = True
                    yield entry
            if not is_known:
                raise NotFound(f"the version has no file or folder {path!r}", subject=path)


def _apart(paths: Iterable[str]) -> list[str]:
    """Return the paths sorted, without those that lie below another."""
    kept: list[str] = []
    for path in sorted(set(paths), key=lambda text: text.rstrip("/").encode()):
        if not path:
            raise InvalidInput(
                "an empty path selects nothing", hint="Leave paths= away for everything."
            )
        if not any(path == other or path.startswith(other.rstrip("/") + "/") for other in kept):
            kept.append(path)
    return kept
