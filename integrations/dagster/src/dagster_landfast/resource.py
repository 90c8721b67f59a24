"""LandfastResource: the registry, for assets, ops, checks, sensors and the IO managers."""

import functools
import pickle
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import dagster as dg
import landfast
from pydantic import Field, PrivateAttr

from dagster_landfast import compat, credentials, runs


class LandfastResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Landfast's registry and the credentials for what it refers to.

    Without arguments everything comes from the environment (``LANDFAST_REGISTRY_URL``, ...) and
    ``landfast.toml``.  Nothing is opened before it is needed.  It pickles without connections and without a
    registry password.

    Example:
        >>> import dagster as dg
        >>> defs = dg.Definitions(resources={"landfast": LandfastResource(project="vision")})
    """

    registry_url: str | None = Field(
        default=None,
        description="sqlite:///PATH or postgresql://...; give one with a password as EnvVar.",
    )
    entity: str | None = Field(default=None, description="Default entity of names.")
    project: str | None = Field(default=None, description="Default project of names.")
    store_url: str | None = Field(
        default=None,
        description="What the registry's blob store has to be; another one is an error.",
    )
    max_objects: int | None = Field(
        default=None, description="The most entries of one reference; 10,000 by default."
    )
    ui_url: str | None = Field(
        default=None,
        description="Base URL of Landfast's web pages, for links in metadata; else LANDFAST_UI_URL.",
    )
    dagster_url: str | None = Field(
        default=None,
        description="Base URL of Dagster's web server, for links from Landfast's runs.",
    )
    deployment: str | None = Field(
        default=None,
        description="What tells this deployment's runs from another's; the instance and code location.",
    )
    storage_options: dict[str, dict[str, Any]] = Field(
        default={},
        description="By URI prefix: endpoint, region, profile, role, anonymous, ...; the longest wins.",
    )
    versions: dict[str, str] = Field(
        default={},
        description="Versions to read instead of the current ones, by asset key: v3, an alias, a digest.",
    )
    s3: dg.ResourceDependency[Any] = None  # type: ignore[assignment]
    gcs: dg.ResourceDependency[Any] = None  # type: ignore[assignment]
    clients: dg.ResourceDependency[Mapping[str, Any]] = None  # type: ignore[assignment]

    _client: landfast.Client | None = PrivateAttr(default=None)
    _begun: dict[landfast.RunKey, runs.Begun] = PrivateAttr(default_factory=dict)

    @property
    def client(self) -> landfast.Client:
        """The client, made on first use; it logs in the name of no Dagster run."""
        if self._client is None:
            self._client = landfast.Client(
                settings=landfast.load_settings(
                    registry_url=self.registry_url,
                    store_url=self.store_url,
                    entity=self.entity,
                    project=self.project,
                    max_objects=self.max_objects,
                ),
                options=self.storage_options,
                clients=credentials.factories(self.s3, self.gcs, self.clients),
                opener=_Opener(self),
            )
        return self._client

    def for_context(
        self,
        context: Any,
        *,
        asset_key: dg.AssetKey | None = None,
        partition_key: str | None = None,
    ) -> landfast.Client:
        """Return a client that logs and uses in the name of this step.

        Args:
            context: Of an op, asset, check, hook, input or output.  Outside a run the client has a run of
                its own.
            asset_key: Of a step that makes several assets: for which one.
            partition_key: Of a step that makes several partitions: for which one.

        Raises:
            InvalidInput: If the registry is the implicit one, and the step's machine is not this one for long.

        Example:
            >>> import dagster as dg
            >>> @dg.op
            ... def train(context: dg.OpExecutionContext, landfast: LandfastResource) -> None:
            ...     client = landfast.for_context(context)
            ...     data = client.use("vision/mnist:prod")
        """
        found = self.execution(context)
        if found is None:
            return self.client
        return self.begin(found, found.run_key(asset_key, partition_key))

    def execution(self, context: Any) -> runs.Execution | None:
        """Return what a context says of its run, after a look at where it runs; None outside a run."""
        self.check_shared(context)
        return runs.execution(context, deployment=self.deployment)

    def begin(self, found: runs.Execution, key: landfast.RunKey) -> landfast.Client:
        """Return a client bound to one run of a step, recorded or met again."""
        begun = self._begun.get(key)
        if begun is None or begun.attempt != found.attempt:
            begun = runs.begin(self.client, found, key, dagster_url=self.dagster_url)
            self._begun[key] = begun
        return begun.client

    @landfast.renamed({"name": "artifact"})
    def promote(
        self, artifact: str | landfast.ArtifactVersion, alias: str
    ) -> landfast.ArtifactVersion:
        """Move an alias to a version.

        Args:
            artifact: Such as ``vision/mnist:v3``, or a version.
            alias: Such as ``prod``.

        Raises:
            NotFound: If there is no such version.
        """
        return self.client.promote(artifact, alias)

    def url_of(self, version: landfast.ArtifactVersion) -> str | None:
        """Return the web page of a version; None without ``ui_url`` or ``LANDFAST_UI_URL``."""
        base = self.ui_url or self.client.settings.ui_url
        return version.page(base) if base else None

    def check_shared(self, context: Any) -> None:
        """Refuse the registry that nobody chose where steps do not run on one machine.

        Raises:
            InvalidInput: If it is so, naming what to set.
        """
        step = compat.step_context(context)
        if step is not None and not compat.is_local(step):
            launcher = type(step.instance.run_launcher).__name__
            self.client.settings.require_shared(
                f"{launcher} with the executor {step.job_def.executor_def.name}"
            )

    def check_reachable(self) -> None:
        """Ask the registry something; the one that nobody named lies on this machine, and is not asked.

        Raises:
            Unavailable: If it does not answer.
            AccessDenied: If it lets nobody in.
        """
        if self.client.settings.registry_url:
            # One that is not made yet is made when something is recorded.
            with suppress(landfast.NotFound):
                self.client.head()

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Look whether the registry answers, before a step does work that could not be recorded."""
        if context.run is not None:
            self.check_reachable()

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Mark the runs of the steps that are over."""
        if self._begun:
            runs.finish(context.instance, self._begun)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), _sent(self, credentials.packed))

    def __repr__(self) -> str:
        shown = {"project": self.project, "entity": self.entity, "ui_url": self.ui_url}
        inner = ", ".join(f"{name}={value!r}" for name, value in shown.items() if value)
        return f"{type(self).__name__}({inner})"

    __str__ = __repr__


class _Opener:
    """Makes the client of a resource again where a version was sent to; explicit keys stay behind."""

    def __init__(self, resource: LandfastResource) -> None:
        self._resource = resource

    def __call__(self) -> landfast.Client:
        return self._resource.client

    def __reduce__(self) -> tuple[Any, ...]:
        given = _sent(self._resource, credentials.packed_without_keys)
        return _opener_of, (pickle.dumps((type(self._resource), given)),)


@functools.lru_cache(maxsize=16)
def _opener_of(sent: bytes) -> _Opener:
    """Return one opener, and so one client, for all versions that the same resource sent."""
    # Made by `_Opener.__reduce__`, and read inside a pickle that is trusted already.
    return _Opener(_rebuild(*pickle.loads(sent)))  # noqa: S301


def _sent(resource: LandfastResource, pack: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the fields of a resource as they pickle; a password stays: the other place has its own."""
    given = {name: getattr(resource, name) for name in type(resource).model_fields}
    url = resource.registry_url or ""
    if landfast.redact(url) != url:
        given["registry_url"] = None
    for name in ("s3", "gcs"):
        given[name] = pack(given[name])
    clients = (resource.clients or {}).items()
    given["clients"] = {prefix: pack(client) for prefix, client in clients}
    return {name: value for name, value in given.items() if value}


def _rebuild(kind: type[LandfastResource], given: dict[str, Any]) -> LandfastResource:
    for name in ("s3", "gcs"):
        given[name] = credentials.unpacked(given.get(name))
    clients = given.get("clients", {}).items()
    given["clients"] = {prefix: credentials.unpacked(client) for prefix, client in clients} or None
    return kind(**given)
