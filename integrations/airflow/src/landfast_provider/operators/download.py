"""LandfastDownloadOperator: the recorded bytes of a version, in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from landfast_provider.assets import with_inlet
from landfast_provider.operators.base import LandfastOperator

if TYPE_CHECKING:
    from airflow.sdk import Asset


class LandfastDownloadOperator(LandfastOperator):
    """Write the recorded bytes of a version to a folder, and record that this task read it.

    Workers share no disk: give a `root` that every worker mounts, or download in the task that reads, with
    `use_artifact`.

    Args:
        artifact: The artifact, templated: ``nlp/corpus``, ``nlp/corpus:prod``, the ``.output`` of another
            operator, or an asset. Without a version the triggering event decides, then the newest event, then
            the registry.
        root: The folder, templated; ``{version}`` and ``{partition}`` in it are filled in, so that each version has
            its own.  None is ``LANDFAST_ARTIFACT_DIR``, else ``./artifacts/NAME:vN``.
        replace: Whether a folder with another version of the artifact is turned into this one.
        type: The type expected.
        include: Globs of paths to fetch; empty fetches all.
        exclude: Globs of paths to leave out.
        allow_missing: Whether objects that are gone are no error.
        kwargs: As for `LandfastOperator`.

    Returns:
        The folder, as XCom.
    """

    template_fields: Sequence[str] = (
        *LandfastOperator.template_fields,
        *("artifact", "root", "include", "exclude"),
    )

    def __init__(
        self,
        *,
        artifact: str | Asset,
        root: str | None = None,
        replace: bool = False,
        type: str | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        allow_missing: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**with_inlet(artifact, kwargs))
        self.artifact = artifact
        self.root = root
        self.replace = replace
        self.type = type
        self.include = include
        self.exclude = exclude
        self.allow_missing = allow_missing

    @classmethod
    def with_ports(cls, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options, the artifact among the inlets."""
        return with_inlet(options.get("artifact"), options)

    def execute(self, context: Mapping[str, Any]) -> str:
        """Download the version."""
        run = self.begin(context)
        version = run.use(self.artifact, type=self.type)
        report = version.download_report(
            self.root,
            replace=self.replace,
            include=tuple(self.include),
            exclude=tuple(self.exclude),
            allow_missing=self.allow_missing,
        )
        self.answer(version)
        return str(report.root)
