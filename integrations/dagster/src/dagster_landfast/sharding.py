"""sharded_reference_asset: a large scan in parallel steps that end in one version."""

import inspect
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import dagster as dg
import landfast

from dagster_landfast import compat, identity, lineage, publishing
from dagster_landfast.finding import resource_of
from dagster_landfast.reference import Place, Reference

# Holds what the steps hand to each other: small, and never data.
SHARDS_IO = "landfast_shards_io"
_PARTITION = "{partition_key}"


def sharded_reference_asset(
    key: identity.Key,
    uri: Place | Reference,
    *,
    shards: int = 8,
    deps: Iterable[Any] = (),
    io_manager_key: str | None = None,
    resource_key: str | None = None,
    retry_policy: dg.RetryPolicy | None = None,
    metadata: Mapping[str, Any] | None = None,
    **asset: Any,
) -> dg.AssetsDefinition:
    """Define an asset that is a large prefix: one step plans, one step a shard lists, one step logs.

    The version, its digest and its lineage are those of a scan in one piece: the number of shards shows
    nowhere.  How many shards are listed at once is the executor's affair.

    Args:
        key: Of the asset; ``/`` in a text separates segments.
        uri: The prefix, or a `Reference` that says how to scan it; with ``{partition_key}`` in its URI for an
            asset with partitions.
        shards: How many key ranges to cut it into; the last version's manifest gives even cuts.
        deps: What it depends on without loading it.
        io_manager_key: Of an IO manager for what the steps hand to each other, which all of them have to
            reach; None is a folder of the instance, for steps on one machine.
        resource_key: Of the `LandfastResource`, where the definitions have several.
        retry_policy: Of each step; a retried one does its own part again, and adds no edge.
        metadata: Of the definition: ``landfast/artifact``, ``landfast/type``, ...
        asset: group_name, description, partitions_def, automation_condition, tags, kinds, owners, ... as in
            `dagster.graph_asset`.

    Raises:
        InvalidInput: If `uri` is several places, or `shards` is less than 1.

    Example:
        >>> photos = sharded_reference_asset("raw/photos", "s3://bucket/photos/", shards=16)
    """
    asset_key = identity.key_of(key)
    scan = _Scan(
        asset_key=asset_key,
        reference=uri if isinstance(uri, Reference) else Reference(uri),
        shards=shards,
        partitioned=asset.get("partitions_def") is not None,
        io_manager_key=io_manager_key or SHARDS_IO,
        resource_keys=frozenset() if resource_key is None else frozenset({resource_key}),
        retry_policy=retry_policy,
    )
    scan.check()
    upstream = {
        f"after_{number}": dg.AssetDep.from_coercible(dep).asset_key
        for number, dep in enumerate(deps)
    }
    define = dg.graph_asset(
        key=asset_key,
        ins={name: dg.AssetIn(key, dagster_type=dg.Nothing) for name, key in upstream.items()},
        metadata=metadata,
        resource_defs={SHARDS_IO: _instance_folder()} if io_manager_key is None else None,
        **asset,
    )
    with warnings.catch_warnings():
        # `resource_defs` is beta in Dagster; who gives an `io_manager_key` does not need it.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return define(_composed(scan, list(upstream)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scan:
    """What all steps of one asset know."""

    asset_key: dg.AssetKey
    reference: Reference
    shards: int
    partitioned: bool
    io_manager_key: str
    resource_keys: frozenset[str]
    retry_policy: dg.RetryPolicy | None

    def check(self) -> None:
        name = self.asset_key.to_user_string()
        if self.shards < 1 or len(self.reference.places) != 1:
            raise landfast.InvalidInput(
                f"the sharded scan of {name} is not one place cut into at least one shard",
                subject=name,
                found=f"{len(self.reference.places)} places, shards={self.shards}",
            )
        if self.partitioned != (_PARTITION in str(self.reference.places[0])):
            raise landfast.InvalidInput(
                f"{name} has partitions_def or {_PARTITION} in its URI, but not both",
                subject=name,
                expected="both or neither",
            )

    def step(self, verb: str) -> dict[str, Any]:
        """Return the options of one step's op."""
        name = f"{verb}_{self.asset_key.to_python_identifier()}"
        return {
            "name": name,
            "retry_policy": self.retry_policy,
            "required_resource_keys": set(self.resource_keys),
        }

    def place(self, partition_key: str | None) -> landfast.Reference:
        """Return what is scanned in a run."""
        (place,) = self.reference.places
        if partition_key is not None:
            place = str(place).replace(_PARTITION, partition_key)
        return landfast.Reference.of(place, **self.reference.scan_options())

    def name(self, context: dg.OpExecutionContext) -> landfast.ArtifactName:
        """Return the artifact and partition that a run makes."""
        key = self.partition_key(context)
        given = compat.node_metadata(compat.step_context(context), self.asset_key)
        if self.reference.artifact:
            given = {**given, identity.ARTIFACT: self.reference.artifact}
        return identity.artifact_name(self.asset_key, given, key)

    def partition_key(self, context: dg.OpExecutionContext) -> str | None:
        """Return the partition that a run makes."""
        if not self.partitioned:
            return None
        keys = compat.partition_keys(compat.step_context(context)) or []
        if len(keys) == 1:
            return keys[0]
        raise landfast.InvalidInput(
            f"a sharded scan of {self.asset_key.to_user_string()} makes one partition in a run",
            subject=self.asset_key.to_user_string(),
            found=f"{len(keys)} partitions",
            hint="Leave out backfill_policy, or give BackfillPolicy.multi_run().",
        )


def _composed(scan: _Scan, upstream: Sequence[str]) -> Any:
    """Return the function that composes the steps; its parameters are what the asset depends on."""
    plan, scan_shard, log = _plan(scan, upstream), _scan_shard(scan), _log(scan)

    def compose(**after: Any) -> Any:
        ticket, shards = plan.alias("plan")(**after)
        return log.alias("log")(ticket, shards.map(scan_shard.alias("scan")).collect())

    parameter = inspect.Parameter.POSITIONAL_OR_KEYWORD
    compose.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, parameter) for name in upstream]
    )
    return compose


def _plan(scan: _Scan, upstream: Sequence[str]) -> dg.OpDefinition:
    @dg.op(
        ins={name: dg.In(dg.Nothing) for name in upstream},
        out={
            "ticket": dg.Out(int, io_manager_key=scan.io_manager_key),
            "shards": dg.DynamicOut(Any, io_manager_key=scan.io_manager_key),
        },
        **scan.step("plan"),
    )
    def plan(context: dg.OpExecutionContext) -> Iterator[Any]:
        client = _client(context, scan)
        # Before the first request: a slow scan must not move `latest` back over a later one.
        yield dg.Output(client.ticket(), "ticket")
        place = scan.place(scan.partition_key(context))
        planned = client.plan(
            place, shards=scan.shards, near=client.resolve_name(scan.name(context))
        )
        for shard in planned.shards:
            yield dg.DynamicOutput(shard, mapping_key=str(shard.number), output_name="shards")

    return plan


def _scan_shard(scan: _Scan) -> dg.OpDefinition:
    @dg.op(out=dg.Out(Any, io_manager_key=scan.io_manager_key), **scan.step("scan"))
    def scan_shard(context: dg.OpExecutionContext, shard: Any) -> Any:
        client = _client(context, scan)
        return client.scan_shard(shard, near=client.resolve_name(scan.name(context)))

    return scan_shard


def _log(scan: _Scan) -> dg.OpDefinition:
    @dg.op(out=dg.Out(dg.Nothing), **scan.step("log"))
    def log(context: dg.OpExecutionContext, ticket: int, scans: list[Any]) -> dg.Output[None]:
        key, part, resource = scan.asset_key, scan.partition_key(context), resource_of(context)
        given = compat.node_metadata(compat.step_context(context), key)
        said = scan.reference
        version = resource.for_context(context, asset_key=key, partition_key=part).log_scans(
            scan.name(context),
            scans,
            ticket=ticket,
            type=said.type or identity.text_of(given.get(identity.TYPE)),
            aliases=said.aliases,
            tags=said.tags,
            metadata=said.metadata,
            description=said.description,
        )
        lineage.declare(resource, context, key)
        published = publishing.described(
            resource, context, {part: version}, asset_key=key, is_logged=True
        )
        publishing.attach(context, key, published)
        return dg.Output(None, metadata=dict(published.metadata))

    return log


def _client(context: dg.OpExecutionContext, scan: _Scan) -> landfast.Client:
    resource = resource_of(context)
    resource.check_shared(context)
    step = compat.step_context(context)
    if scan.io_manager_key == SHARDS_IO and step is not None and not compat.is_local(step):
        name = scan.asset_key.to_user_string()
        raise landfast.InvalidInput(
            f"the steps of {name} do not run on one machine, and would hand each other files of it",
            subject=name,
            hint="Give sharded_reference_asset(io_manager_key=) an IO manager that all of them reach.",
        )
    return resource.client


@cache
def _instance_folder() -> dg.IOManagerDefinition:
    """One for all assets: Dagster refuses two definitions under one key."""
    return dg.FilesystemIOManager().get_resource_definition()


__all__ = ["SHARDS_IO", "sharded_reference_asset"]
