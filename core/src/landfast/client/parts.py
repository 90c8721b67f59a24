"""Parts: the registry, its blob store, the stores and the cache, each opened on first use."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

from landfast.errors import Conflict, NotFound
from landfast.model.names import ArtifactName
from landfast.model.run import JoinedRun, RunKey, RunRecord
from landfast.redaction import redact, visible
from landfast.settings import Settings, load_settings
from landfast.version import ArtifactVersion, Named

if TYPE_CHECKING:
    from landfast.blobs.base import BlobStore
    from landfast.cache.blob_cache import BlobCache
    from landfast.cache.manifest_cache import ManifestCache
    from landfast.client import Client
    from landfast.manifests.reader import ManifestFile
    from landfast.registry.registry import Registry
    from landfast.stores.base import ClientFactory, Store
    from landfast.stores.opener import Stores


class _Origin(NamedTuple):
    """The registry that a client has to find again in another process."""

    id: str
    url: str
    how: str


class Parts:
    """What a client is made of; see `Client`."""

    def __init__(
        self,
        url: str | None = None,
        *,
        entity: str | None = None,
        project: str | None = None,
        store_url: str | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        endpoint_map: Mapping[str, str] | None = None,
        clients: Mapping[str, ClientFactory] | None = None,
        stores: Mapping[str, Store] | None = None,
        run: RunKey | None = None,
        settings: Settings | None = None,
        note: Callable[[str], None] | None = None,
        opener: Callable[[], Client] | None = None,
    ) -> None:
        given = settings or load_settings(
            registry_url=url, store_url=store_url, entity=entity, project=project
        )
        self.settings = replace(
            given,
            options={**given.options, **(options or {})},
            endpoint_map={**given.endpoint_map, **(endpoint_map or {})},
        )
        self._client_factories = dict(clients or {})
        self._own_stores = dict(stores or {})
        self._run = run
        # A run that was given is a forked child's too; one of this process's own is not.
        self._run_is_own = False
        self._begun: RunRecord | None = None
        self._note = note or _note_once
        self._said_unrecorded = False
        self.opener = opener
        self._pid = os.getpid()
        # Of a client from another process: the registry that it had open there.
        self._came_from: _Origin | None = None

    @cached_property
    def registry(self) -> Registry:
        """The registry, opened on first use.

        Raises:
            InvalidInput: If a run of elsewhere is joined, and no registry is named.
            Conflict: If another registry is expected here: of the process that sent the client, or of the run.
        """
        from landfast.registry.opener import open_registry

        origin = self._expected()
        self._refuse_implicit()
        try:
            opened = open_registry(
                self.settings.effective_registry_url,
                create=origin is None,
                late=origin is None,
                blank=origin is None and self.settings.registry_url is None,
                store_url=self.settings.store_url,
            )
        except NotFound:
            # What is not there cannot be the one that is expected, and must not be made in its place.
            if origin is not None:
                raise self._not_the_registry(origin) from None
            raise
        try:
            self._check_origin(opened)
        except Conflict:
            opened.close()
            raise
        return opened

    def _refuse_implicit(self) -> None:
        if self.settings.run is None:
            return
        url = JoinedRun.decode(self.settings.run).registry_url or "the registry of that run"
        self.settings.require_shared(
            "the run that LANDFAST_RUN names",
            f"Set LANDFAST_REGISTRY_URL to {url}, with its password, which is not sent along",
        )

    @cached_property
    def blobs(self) -> BlobStore:
        """The registry's blob store, opened on first use."""
        url = self.registry.info.store_url
        assert url is not None
        return self._blobs_at(url)

    @cached_property
    def owned_blobs(self) -> BlobStore:
        """The same store for whoever writes: it is labelled as this registry's, which is looked at once.

        Raises:
            Conflict: If it is another registry's, or a copy's.
        """
        from landfast.store_label import claim

        self.registry.ticket()  # who writes makes the registry, if it is not there yet
        claim(self.registry, self.blobs)
        return self.blobs

    def _blobs_at(self, url: str) -> BlobStore:
        from landfast.blobs.opener import open_blobs
        from landfast.stores.opener import longest_prefix

        options = self.settings.options.get(longest_prefix(self.settings.options, url) or "")
        factories = self._client_factories
        factory = factories.get(longest_prefix(factories, url) or url.partition("://")[0])
        return open_blobs(url, options=options, client_factory=factory)

    @cached_property
    def stores(self) -> Stores:
        """Every store that a URI can name."""
        from landfast.stores.opener import Stores

        options = {prefix: dict(chosen) for prefix, chosen in self.settings.options.items()}
        if self.settings.path_map:
            options.setdefault("file://", {}).setdefault("path_map", dict(self.settings.path_map))
        return Stores(
            own=self._own_stores,
            options=options,
            clients=self._client_factories,
            blobs=partial(getattr, self, "blobs"),
            cache_dir=self.settings.cache_dir,
            endpoints=self.settings.endpoint_map,
        )

    @cached_property
    def cache(self) -> BlobCache:
        """Downloaded bytes, bounded."""
        from landfast.cache.blob_cache import BlobCache

        return BlobCache(self.settings.cache_dir, max_bytes=self.settings.cache_size)

    @cached_property
    def manifest_cache(self) -> ManifestCache:
        """Manifests of a remote store, as local files."""
        from landfast.cache.manifest_cache import ManifestCache

        return ManifestCache(self.settings.cache_dir)

    @property
    def _whole(self) -> Client:
        """This client, with the verbs of every file."""
        return cast("Client", self)

    @property
    def display_url(self) -> str:
        """The registry's URL without secrets."""
        return redact(self.settings.effective_registry_url)

    def bound(
        self, *, entity: str | None = None, project: str | None = None, run: RunKey | None = None
    ) -> Self:
        """Return a client on the same parts with other defaults."""
        settings = replace(
            self.settings,
            entity=entity or self.settings.entity,
            project=project or self.settings.project,
        )
        other = type(self)(
            settings=settings,
            clients=self._client_factories,
            stores=self._own_stores,
            run=run or self._run,
            note=self._note,
            opener=self.opener,
        )
        other._run_is_own = run is None and self._run_is_own
        other._pid = self._pid
        other._came_from = self._came_from
        for part in ("registry", "blobs", "owned_blobs", "stores", "cache"):
            if part in self.__dict__:
                other.__dict__[part] = self.__dict__[part]
        return other

    def is_of(self, registry_id: str | None) -> bool:
        """Whether this client's registry is there, and is the one with this id."""
        with contextlib.suppress(NotFound):
            return self.registry.info.id == registry_id
        return False

    def shares_registry(self, other: Parts) -> bool:
        """Whether both clients log to the same registry."""
        mine, others = self.registry, other.registry
        return mine is others or mine.info.id == others.info.id

    def is_current(self) -> bool:
        """Whether the environment still asks for what this client was made of."""
        return self.settings == load_settings()

    def close(self) -> None:
        """Close connections; the client may be used again."""
        if "registry" in self.__dict__:
            self.registry.close()

    def name(self, named: Named) -> ArtifactName:
        """Return the full name: entity and project filled in with this client's defaults."""
        if isinstance(named, ArtifactVersion):
            return named.full_name
        parsed = named if isinstance(named, ArtifactName) else ArtifactName.parse(named)
        return parsed.within(entity=self.settings.entity, project=self.settings.project)

    def open_manifest(self, blob: str) -> ManifestFile:
        """Open a manifest by the sha256 of its blob."""
        from landfast.manifests.reader import ManifestFile

        return ManifestFile(self.blob_path(blob), sha256=blob)

    def blob_path(self, sha256: str) -> Path:
        """Return a blob of the registry's store as a local file."""
        return self.blobs.path(sha256) or self.manifest_cache.path(sha256, self.blobs)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (
            type(self),
            self.settings.entity,
            self.settings.project,
            self._run,
            self._client_factories,
            self._origin(),
            self.opener,
        )

    def _origin(self) -> _Origin | None:
        """Return the registry that this client would have to find elsewhere, if it is known."""
        if "registry" in self.__dict__:
            with contextlib.suppress(NotFound):  # it is not made yet
                found = self.registry.info.id
                return _Origin(found, self.display_url, "the client was sent here from")
        return self._expected()

    def _expected(self) -> _Origin | None:
        """Return the registry that this client has to find here: of its sender, or of the run that it joins."""
        if self._came_from is not None or self.settings.run is None:
            return self._came_from
        joined = JoinedRun.decode(self.settings.run)
        # Who was given another run joins none.
        if not joined.registry_id or self._run not in {None, joined.key}:
            return None
        return _Origin(joined.registry_id, joined.registry_url, "LANDFAST_RUN names a run of")

    def _check_origin(self, opened: Registry) -> None:
        origin = self._expected()
        if origin is not None and opened.info.id != origin.id:
            raise self._not_the_registry(origin, opened.info.id)

    def _not_the_registry(self, origin: _Origin, found: str = "") -> Conflict:
        return Conflict(
            f"{origin.how} another registry",
            subject=self.display_url,
            expected=f"{origin.url} (id {origin.id})",
            found=f"{self.display_url} (id {found})" if found else f"none at {self.display_url}",
            hint="Set LANDFAST_REGISTRY_URL there: a URL may hold a password, so it is not sent along.",
        )

    def __repr__(self) -> str:
        return f"Client({self.display_url!r}, project={self.settings.project!r})"


def _reopen(
    kind: type[Parts],
    entity: str,
    project: str,
    run: RunKey | None,
    clients: Mapping[str, ClientFactory],
    came_from: _Origin | None,
    opener: Callable[[], Client] | None,
) -> Parts:
    if opener is not None:
        made: Parts = opener().bound(entity=entity, project=project, run=run)
    else:
        made = kind(entity=entity, project=project, run=run, clients=clients)
    made._came_from = came_from
    if "registry" in made.__dict__:
        made._check_origin(made.registry)
    return made


def _note_once(text: str) -> None:
    """Say a sentence once a process, as a log record."""
    import logging

    if text not in _noted:
        _noted.add(text)
        logging.getLogger("landfast").warning("%s", visible(text))


_noted: set[str] = set()
