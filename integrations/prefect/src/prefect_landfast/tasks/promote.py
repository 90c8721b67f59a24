"""promote_artifact: move an alias, and move it back if the transaction fails."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import landfast
from prefect.transactions import get_transaction

from prefect_landfast.blocks import LandfastRegistry
from prefect_landfast.client import base_client, recording
from prefect_landfast.logs import logger
from prefect_landfast.run import PrefectRun, current_run
from prefect_landfast.tasks.use import named
from prefect_landfast.tasks.verb import async_twin, verb
from prefect_landfast.tracking import depend_on


@verb("promote {artifact} to {alias}")
def promote_artifact(
    artifact: str | landfast.ArtifactVersion,
    alias: str,
    *,
    partition: str | None = None,
    registry: str | LandfastRegistry | None = None,
) -> landfast.ArtifactVersion:
    """Move an alias to a version; a failed transaction moves it back.

    Args:
        artifact: As in `use_artifact`.
        alias: Such as ``prod``.
        partition: A partition key instead of ``~PARTITION``.
        registry: A `LandfastRegistry` block or its name; None is explained at `landfast_client`.

    Returns:
        The version that the alias names now.

    Raises:
        landfast.NotFound: If there is no such version.
        landfast.InvalidInput: If the alias is no word that may move.

    Example:
        >>> with transaction():  # doctest: +SKIP
        ...     candidate = promote_artifact("cnn:v7", "prod")
        ...     check(candidate)  # where this raises, `prod` is again what it was
    """
    with recording(registry) as client:
        version = client.get(named(client, artifact, partition))
        place = replace(version.full_name.bare(), alias=alias)
        before = _at(client, place)
        promoted = client.promote(version, alias)
        depend_on(promoted)
        transaction = get_transaction()
        if transaction is not None:
            # Not as a hook of the task: `with_options` of Prefect 3.6 drops those.
            undo = partial(
                restore_alias, place, before, promoted.full_name, registry, current_run()
            )
            transaction.on_rollback_hooks.append(undo)
        logger().info("%s is %s now", promoted.qualified_name, place)
    return promoted


def restore_alias(
    place: landfast.ArtifactName,
    before: landfast.ArtifactName | None,
    after: landfast.ArtifactName,
    registry: str | LandfastRegistry | None,
    run: PrefectRun | None,
    transaction: Any,  # noqa: ARG001 - what Prefect gives to every hook
) -> None:
    """Move an alias back to what it named, unless somebody else has moved it since.

    In the name of the run that moved it: the one that Prefect rolls back in may know nothing of it.
    """
    client = base_client(registry)
    if run is not None:
        client = client.with_defaults(run=run.key)
    if _at(client, place) != after:
        logger().warning("%s was moved again meanwhile: it stays", place)
    elif before is None:
        client.remove_alias(place.bare(), str(place.alias))
    else:
        client.promote(before, str(place.alias))
        if run is not None:
            client.finish_run(landfast.RunStatus.FINISHED)


def _at(client: landfast.Client, place: landfast.ArtifactName) -> landfast.ArtifactName | None:
    """Return the version that an alias names; None if none."""
    version = client.find(place)
    return None if version is None else version.full_name


apromote_artifact = async_twin(promote_artifact)
