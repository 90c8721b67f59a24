"""Which registry a task means, and a client of it that records in the name of the current run."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import landfast

from prefect_landfast import api, locality, logs
from prefect_landfast.blocks import LandfastRegistry
from prefect_landfast.compat import block_name, load_block
from prefect_landfast.run import current_run
from prefect_landfast.settings import LandfastSettings

DEFAULT_BLOCK = "default"

_lock = threading.Lock()
_open: dict[str, landfast.Client] = {}


def get_client(registry: str | LandfastRegistry | None = None) -> landfast.Client:
    """Return a client that logs and uses in the name of the run that the caller is in.

    Args:
        registry: A `LandfastRegistry` block or its name. None is the setting
            `PREFECT_INTEGRATIONS_LANDFAST_REGISTRY`, else `LANDFAST_REGISTRY_URL` or `landfast.toml`, else
            the block ``default`` if the API has one, else the SQLite file of this machine.

    Raises:
        landfast.NotFound: If there is no such block.
        landfast.InvalidInput: If a block is named and no API is configured (none is started for it); or if
            only this machine's SQLite is left and the flow's tasks may run elsewhere.

    Example:
        >>> client = get_client()  # doctest: +SKIP
        >>> client.get("vision/flowers:prod").digest  # doctest: +SKIP
    """
    base = base_client(registry)
    run = current_run()
    if run is None:
        return base
    _ = base.registry  # opened once, for all that is bound to it
    client = base.bound(run=run.key)
    run.begin(client)
    return client


def run_environment(registry: str | LandfastRegistry | None = None) -> dict[str, str]:
    """Return the variables that let a shell command, a container or a pod log in this run's name.

    Empty outside a run.

    Args:
        registry: As of `get_client`.

    Returns:
        What `landfast.Client.run_env` says.

    Example:
        >>> run_environment()
        {}
    """
    return {} if current_run() is None else get_client(registry).run_env()


@contextmanager
def recording(registry: str | LandfastRegistry | None = None) -> Iterator[landfast.Client]:
    """Give `get_client`'s client; when the block ends, say how its run ended."""
    client = get_client(registry)
    in_run = api.in_run()
    try:
        yield client
    except BaseException:
        if in_run:
            client.finish_run(landfast.RunStatus.FAILED)
        raise
    if in_run:
        client.finish_run(landfast.RunStatus.FINISHED)


def base_client(registry: str | LandfastRegistry | None) -> landfast.Client:
    """Return the process's client of a registry, as `get_client` chooses it, in no run's name."""
    if isinstance(registry, LandfastRegistry):
        return _of_block(registry)
    name = registry or LandfastSettings().registry
    if name is not None:
        return _of_block(_named_block(name))
    settings = landfast.load_settings()
    if settings.registry_url is None and api.can_reach_api():
        block = _default_block()
        if block is not None:
            return _of_block(block)
        locality.check(settings)
    return _kept("", landfast.Client(note=logs.say_once))


def _default_block() -> LandfastRegistry | None:
    try:
        return _named_block(DEFAULT_BLOCK)
    except landfast.NotFound:
        return None


def _named_block(name: str) -> LandfastRegistry:
    block: LandfastRegistry = load_block(name, LandfastRegistry)
    return block


def _of_block(block: LandfastRegistry) -> landfast.Client:
    name = block_name(block)
    client = _kept(f"{name} {block.storage_credentials}", block.get_client())
    # A version that travels to another worker finds its registry by the block's name.
    client.opener = None if name is None else partial(get_client, name)
    return client


def _kept(block: str, made: landfast.Client) -> landfast.Client:
    """Return the process's client with these settings, so that all tasks share its connections."""
    with _lock:
        kept = _open.get(block)
        if kept is None or kept.settings != made.settings:
            kept = _open[block] = made
        return kept
