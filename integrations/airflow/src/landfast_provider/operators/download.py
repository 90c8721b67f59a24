"""LandfastDownloadOperator: the recorded bytes of a version, in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from landfast_provider.operators.version import VersionOperator


class LandfastDownloadOperator(VersionOperator):
    """Write the recorded bytes of a version to a folder, and record that this task read it.

    Workers share no disk: give a `root` that every worker mounts, or download in the task that reads, with
    `use_artifact`.

    Args:
        root: The folder, templated; ``{version}`` and ``{partition}`` in it are filled in, so that each version has
            its own.  None is ``LANDFAST_ARTIFACT_DIR``, else ``./artifacts/NAME:vN``.
        replace: Whether a folder with another version of the artifact is turned into this one.
        type: The type expected.
        include: Globs of paths to fetch; empty fetches all.
        exclude: Globs of paths to leave out.
        allow_missing: Whether objects that are gone are no error.
        kwargs: As for `VersionOperator`: artifact, partition.

    Returns:
        The folder, as XCom.
    """

    template_fields: Sequence[str] = (
        *VersionOperator.template_fields,
        *("root", "include", "exclude"),
    )

    def __init__(
        self,
        *,
        root: str | None = None,
        type: str | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        replace: bool = False,
        allow_missing: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.root = root
        self.replace = replace
        self.type = type
        self.include = include
        self.exclude = exclude
        self.allow_missing = allow_missing

    def execute(self, context: Mapping[str, Any]) -> str:
        """Download the version."""
        run = self.begin(context)
        version = run.use(self.wanted, type=self.type)
        report = version.download_report(
            self.root,
            replace=self.replace,
            include=tuple(self.include),
            exclude=tuple(self.exclude),
            allow_missing=self.allow_missing,
        )
        self.answer(version)
        return str(report.root)
