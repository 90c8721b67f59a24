"""Access: download, open and verify the bytes of a version."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from landfast.client.publishing import Publishing
from landfast.version import Named

if TYPE_CHECKING:
    from landfast.model.verdict import VerifyReport
    from landfast.services.download import DownloadReport


class Access(Publishing):
    """The verbs of a client that read the bytes of a version."""

    def download(
        self, named: Named, root: str | Path | None = None, **options: Any
    ) -> DownloadReport:
        """Write the recorded bytes of a version to a folder.

        Args:
            named: As in `get`.
            root: Target; None is `LANDFAST_ARTIFACT_DIR`, else ``./artifacts/NAME:vN/``.
            options: paths, include, exclude, allow_missing, link, workers, exact, progress, any_endpoint.

        Raises:
            ObjectChanged: If recorded bytes are neither at the source nor in the cache.
            NotFound: If an object is gone; names it, and the version id.
            InvalidInput: If keys cannot be files side by side in a folder; all of them are named.
            Conflict: If the folder holds another version, or the source's endpoint is another one.
        """
        from landfast import reading

        return reading.download(self, self.get(named), root, **options)

    def open_entry(self, named: Named, path: str) -> IO[bytes]:
        """Open one entry of a version; the bytes are verified before the first is returned."""
        from landfast import reading

        return reading.open_entry(self, self.get(named), path)

    def path_in_place(self, named: Named, path: str = "") -> Path:
        """Return the verified local path of a `file://` entry, or of the folder that holds all entries."""
        from landfast import reading

        return reading.path_in_place(self, self.get(named), path)

    def verify(self, named: Named, **options: Any) -> VerifyReport:
        """Compare every entry of a version with what the stores have now, from list pages.

        Args:
            named: As in `get`.
            options: deep, workers, progress, any_endpoint.
        """
        from landfast import reading

        return reading.verify_version(self, self.get(named), **options)
