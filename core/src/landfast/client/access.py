"""Access: download, open and verify the bytes of a version."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

from landfast.client.publishing import Publishing
from landfast.errors import Conflict, LandfastError, NotFound
from landfast.system.progress import progress
from landfast.version import ArtifactVersion, Named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from landfast.download.run import DownloadReport
    from landfast.manifests.base import Manifest
    from landfast.model.source import Source
    from landfast.model.verdict import VerifyReport
    from landfast.pins.sets import PinSets


class Access(Publishing):
    """The verbs of a client that read the bytes of a version."""

    def download(
        self, named: Named, root: str | Path | None = None, **options: Any
    ) -> DownloadReport:
        """Write the recorded bytes of a version to a folder.

        Args:
            named: As in `get`.
            root: Target; ``{version}`` (``v3``) and ``{partition}`` in it are filled in. None is
                `LANDFAST_ARTIFACT_DIR`, else ``./artifacts/NAME:vN/``.
            options: paths, include, exclude, allow_missing, link, workers, exact, replace, any_endpoint, progress.

        Raises:
            ObjectChanged: If recorded bytes are neither at the source nor in the cache.
            NotFound: If an object is gone; names it, and the version id.
            InvalidInput: If keys cannot be files side by side in a folder; all of them are named.
            Conflict: If the folder holds another version, or the source's endpoint is another one.
        """
        from landfast.download.run import download

        version = self.get(named)
        with progress(f"downloading {version.name}", unit="bytes") as report:
            return download(
                self._pin_sets(version),
                stores=self.stores,
                cache=self.cache,
                identity=f"{version.qualified_name} {version.digest}",
                root=self._root(version, root),
                **{"progress": report, **options},
            )

    def open_entry(self, named: Named, path: str, *, any_endpoint: bool = False) -> IO[bytes]:
        """Open one entry of a version; the bytes are verified before the first is returned.

        Args:
            named: As in `get`.
            path: Of the entry.
            any_endpoint: Whether another endpoint than the recorded one may be read.

        Raises:
            NotFound: If there is no such entry, or its object is gone.
            ObjectChanged: If only other bytes are to be had.
        """
        from landfast.download.open import open_entry

        pins = self._pins(self.get(named), any_endpoint=any_endpoint)
        return open_entry(pins, pins.newest.get(path), cache=self.cache)

    def path_in_place(self, named: Named, path: str = "") -> Path:
        """Return the verified local path of a `file://` entry, or of the folder that holds all entries.

        Raises:
            NotFound: If it has no local path.
            ObjectChanged: If what is there is not what was recorded.
        """
        from landfast.download.in_place import folder_in_place
        from landfast.download.open import path_in_place

        version = self.get(named)
        if not path:
            return folder_in_place(version.manifest, version.sources, self.stores)
        pins = self._pins(version)
        return path_in_place(pins, pins.newest.get(path))

    def verify(self, named: Named, *, any_endpoint: bool = False, **options: Any) -> VerifyReport:
        """Compare every entry of a version with what the stores have now, from list pages.

        Args:
            named: As in `get`.
            any_endpoint: Whether another endpoint than recorded may be looked at.
            options: deep, workers, progress.
        """
        from landfast.verify.run import verify

        version = self.get(named)
        (manifest, sources), *older = self._pin_sets(version)
        with progress(f"verifying {version.name}") as report:
            return verify(
                manifest,
                sources,
                self.stores,
                older=older,
                override_endpoint=any_endpoint,
                **{"progress": report, **options},
            )

    def _pin_sets(self, version: ArtifactVersion) -> Sequence[tuple[Manifest, Sequence[Source]]]:
        """Return the version's manifests with their sources, newest pins first, its own last."""
        record = version.record
        newest = [
            (pins.blob, pins.sources or record.sources)
            for pins in self.registry.pin_sets(record.id)
            if pins.blob != record.blob
        ]
        sets: list[tuple[Manifest, Sequence[Source]]] = []
        lost: list[LandfastError] = []
        for blob, sources in (*newest, (record.blob, record.sources)):
            try:
                sets.append((self.open_manifest(blob), sources))
            except (NotFound, Conflict) as error:
                lost.append(error)
        if not sets:
            raise lost[-1]
        for why in lost:
            self._note(f"{version.qualified_name} is read at other pins: {why}")
        return sets

    def _pins(self, version: ArtifactVersion, *, any_endpoint: bool = False) -> PinSets:
        from landfast.pins.sets import PinSets

        return PinSets(self._pin_sets(version), self.stores, any_endpoint=any_endpoint)

    def _root(self, version: ArtifactVersion, root: str | Path | None) -> Path:
        if root is None:
            folder = self.settings.artifact_dir or Path("artifacts")
            return folder / version.name.replace("/", "%2F")
        # As in the default folder's name; a partition is one folder below, whatever is in its key.
        partition = quote(version.partition, safe="")
        partition = partition if partition.strip(".") else partition.replace(".", "%2E")
        filled = str(root).replace("{version}", version.version)
        return Path(filled.replace("{partition}", partition))
