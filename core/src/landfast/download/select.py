"""Selection: which entries of a version are wanted, by path and by glob."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from landfast.errors import InvalidInput, NotFound
from landfast.manifests.base import Manifest
from landfast.manifests.batch import EntryBatch
from landfast.model.globs import PathFilter
from landfast.model.manifest import ManifestEntry

# Columns of up to so many bytes are kept, a few hundred thousand entries.
_KEPT_BYTES = 64 * 1024**2


class Selection:
    """Paths (files, or folders) and globs together; what no path and no glob was given for is wanted whole.

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

    def of(self, manifest: Manifest) -> Iterator[EntryBatch]:
        """Yield the wanted entries, sorted; `NotFound` if a path names nothing, or nothing is left to download."""
        count = 0
        for batch in self._named(manifest):
            wanted = batch
            if self._is_filtered:
                wanted = batch.where([not self._why_not(p) for p in batch.paths.to_pylist()])
            count += len(wanted)
            yield wanted
        if not count and self._is_filtered:
            raise NotFound(
                "no file of the version is selected",
                hint="Look at its paths with `landfast ls`; `*` stops at a slash, `**` does not.",
            )

    def _named(self, manifest: Manifest) -> Iterator[EntryBatch]:
        if self._paths is None:
            yield from manifest.batches()
            return
        unseen = set(self._paths)
        # One path is looked up; for many, one pass is cheaper than a look-up each.
        prefix = self._paths[0] if len(self._paths) == 1 else ""
        for batch in manifest.batches(prefix):
            named = [self._wanted.intersection(_names_of(p)) for p in batch.paths.to_pylist()]
            unseen.difference_update(*named)
            yield batch.where(list(map(bool, named)))
        if unseen:
            path = min(unseen)
            raise NotFound(f"the version has no file or folder {path!r}", subject=path)


class Selected:
    """What a selection takes of a manifest: read as often as one likes, decoded once if it is not long."""

    def __init__(self, selection: Selection, manifest: Manifest) -> None:
        self._selection = selection
        self._manifest = manifest
        self._kept: list[EntryBatch] | None = None

    def batches(self) -> Iterator[EntryBatch]:
        """Yield the wanted entries as columns, sorted by path."""
        if self._kept is not None:
            yield from self._kept
            return
        kept: list[EntryBatch] | None = []
        held = 0
        for batch in self._selection.of(self._manifest):
            held += batch.columns.nbytes
            if kept is not None:
                kept.append(batch)
                kept = kept if held <= _KEPT_BYTES else None
            yield batch
        self._kept = kept

    def entries(self) -> Iterator[ManifestEntry]:
        """Yield the wanted entries, sorted by path."""
        for batch in self.batches():
            yield from batch.rows()


def _names_of(path: str) -> Iterator[str]:
    """Yield the path and its folders, each without and with a final slash."""
    yield path
    for at, letter in enumerate(path):
        if letter == "/":
            yield path[:at]
            yield path[: at + 1]
