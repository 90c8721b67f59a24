"""Which registry a task means, and a client of it that records in the name of the current run."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import landfast

from prefect_landfast import api, locality, logs
from prefect_landfast.blocks import LandfastRegistry
from prefect_landfast.compat import block_name, load_block
from prefect_landfast.ending import end_with
from prefect_landfast.flow_client import FlowClient
from prefect_landfast.run import PrefectRun, current_run, flow_run_id
from prefect_landfast.settings import LandfastSettings

DEFAULT_BLOCK = "default"

_MAX_BLOCKS = 256

_lock = threading.Lock()
_open: dict[str, landfast.Client] = {}
_loading = threading.Lock()
# By flow run and name; or that there is none.
_blocks: OrderedDict[tuple[str | None, str], LandfastRegistry | landfast.NotFound] = OrderedDict()


def landfast_client(registry: str | LandfastRegistry | None = None) -> landfast.Client:
    """Return a client that logs and uses in the name of the run that the caller is in.

    That run ends in lineage when the task or flow does, and as it does.  What is logged is announced as
    by `log_reference`.

    Args:
        registry: A `LandfastRegistry` block or its name. None is the setting
            `PREFECT_INTEGRATIONS_LANDFAST_REGISTRY`, else `LANDFAST_REGISTRY_URL` or `landfast.toml`, else
            the block ``default`` if the API has one, else the SQLite file of this machine.

    Raises:
        landfast.NotFound: If there is no such block.
        landfast.InvalidInput: If a block is named and no API is configured (none is started for it); or if
            only this machine's SQLite is left and the flow's tasks may run elsewhere.

    Example:
        >>> client = landfast_client()  # doctest: +SKIP
        >>> client.get("vision/flowers:prod").digest  # doctest: +SKIP
    """
    client, run = _begun(registry)
    if run is not None:
        end_with(run, client)
    return client


def run_env(registry: str | LandfastRegistry | None = None) -> dict[str, str]:
    """Return the variables that let a shell command, a container or a pod log in this run's name.

    Empty outside a run.

    Args:
        registry: As of `landfast_client`.

    Returns:
        What `landfast.Client.run_env` says.

    Example:
        >>> run_env()
        {}
    """
    return {} if current_run() is None else landfast_client(registry).run_env()


@contextmanager
def recording(registry: str | LandfastRegistry | None = None) -> Iterator[landfast.Client]:
    """Give `landfast_client`'s client, for a verb: where it is all that the run does, both end together."""
    client, run = _begun(registry)
    if run is None or not _is_ours(run):
        if run is not None:
            end_with(run, client)
        yield client
        return
    try:
        yield client
    except BaseException:
        client.finish_run(landfast.RunStatus.FAILED)
        raise
    client.finish_run(landfast.RunStatus.FINISHED)


def _begun(
    registry: str | LandfastRegistry | None,
) -> tuple[landfast.Client, PrefectRun | None]:
    base = base_client(registry)
    run = current_run()
    if run is None:
        return base, None
    _ = base.registry  # opened once, for all that is bound to it
    client = base.with_defaults(run=run.key)
    run.begin(client)
    return client, run


def _is_ours(run: PrefectRun) -> bool:
    """Whether the run is one of a task or flow of this package, not one that calls them."""
    return run.what.fn.__module__.startswith(f"{__package__}.")


def base_client(registry: str | LandfastRegistry | None) -> landfast.Client:
    """Return the process's client of a registry, as `landfast_client` chooses it, in no run's name."""
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
    return _kept("", FlowClient(note=logs.say_once))


def _default_block() -> LandfastRegistry | None:
    try:
        return _named_block(DEFAULT_BLOCK)
    except landfast.NotFound:
        return None


def _named_block(name: str) -> LandfastRegistry:
    """Load a block; once for a flow run, in which it stays what it was."""
    flow_run = flow_run_id()
    with _loading:
        if (flow_run, name) not in _blocks:
            _blocks[flow_run, name] = _loaded(name)
        found = _blocks[flow_run, name]
        if flow_run is None:
            del _blocks[flow_run, name]
        while len(_blocks) > _MAX_BLOCKS:
            _blocks.popitem(last=False)
    if isinstance(found, landfast.NotFound):
        raise found
    return found


def _loaded(name: str) -> LandfastRegistry | landfast.NotFound:
    try:
        block: LandfastRegistry = load_block(name, LandfastRegistry)
    except landfast.NotFound as error:
        return error
    return block


def _of_block(block: LandfastRegistry) -> landfast.Client:
    name = block_name(block)
    client = _kept(f"{name} {block.storage_credentials}", block.get_client())
    # A version that travels to another worker finds its registry by the block's name.
    client.context.opener = None if name is None else partial(landfast_client, name)
    return client


def _kept(block: str, made: landfast.Client) -> landfast.Client:
    """Return the process's client with these settings, so that all tasks share its connections."""
    with _lock:
        kept = _open.get(block)
        if kept is None or kept.settings != made.settings:
            kept = _open[block] = made
        return kept
