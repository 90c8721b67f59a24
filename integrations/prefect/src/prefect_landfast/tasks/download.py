"""download_artifact: write the recorded bytes of a version to a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import landfast

from prefect_landfast.blocks import LandfastRegistry
from prefect_landfast.client import recording
from prefect_landfast.logs import logger
from prefect_landfast.tasks.use import named
from prefect_landfast.tasks.verb import async_twin, verb
from prefect_landfast.tracking import depend_on


@verb("download {artifact}")
def download_artifact(
    artifact: str | landfast.ArtifactVersion,
    root: str | Path | None = None,
    *,
    partition: str | None = None,
    registry: str | LandfastRegistry | None = None,
    **options: Any,
) -> Path:
    """Write the recorded bytes of a version to a folder, and record that this run used it.

    The folder is on the machine where the task runs: give a shared one where others read it.

    Args:
        artifact: As in `use_artifact`.
        root: Target; ``{version}`` and ``{partition}`` in it are filled in. None is `LANDFAST_ARTIFACT_DIR`,
            else ``./artifacts/NAME:vN/``.
        partition: A partition key instead of ``~PARTITION``.
        registry: A `LandfastRegistry` block or its name; None is explained at `landfast_client`.
        options: paths, include, exclude, allow_missing, link, workers, exact, replace, any_endpoint, as in
            `landfast.Client.download`.

    Returns:
        The folder.

    Raises:
        landfast.ObjectChanged: If recorded bytes are neither at the source nor in the cache.
        landfast.NotFound: If an object is gone.

    Example:
        >>> folder = download_artifact("flowers:prod", "/scratch/flowers")  # doctest: +SKIP
    """
    with recording(registry) as client:
        version = client.use(named(client, artifact, partition))
        depend_on(version)
        report = client.download(version, root, **options)
        size = f"{report.files:,} files, {report.bytes:,} B"
        logger().info("%s in %s: %s", version.qualified_name, report.root, size)
    return report.root


adownload_artifact = async_twin(download_artifact)
