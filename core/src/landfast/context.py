"""Context: the registry, its blob store, the stores and the cache, each opened on first use.

What verbs are given, whoever asks: a client, a version, a draft.  It pickles without connections and without
secrets; elsewhere it opens the registry of that environment, which has to be the same one.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from landfast.errors import Conflict, LandfastError, NotFound
from landfast.model.names import ArtifactName
from landfast.model.run import JoinedRun, RunKey, RunRecord
from landfast.openlineage.inline import tell_run
from landfast.own_run import OwnRun
from landfast.redaction import redact, visible
from landfast.registry.values import RunStart
from landfast.settings import Settings, load_settings

if TYPE_CHECKING:
    from landfast.blobs.base import BlobStore
    from landfast.cache.blob_cache import BlobCache
    from landfast.cache.manifest_cache import ManifestCache
    from landfast.clouds.retry import RetryPolicy
    from landfast.manifests.base import Manifest
    from landfast.manifests.reader import ManifestFile
    from landfast.model.source import Source
    from landfast.model.version import VersionRecord
    from landfast.registry.registry import Registry
    from landfast.stores.base import ClientFactory, Store
    from landfast.stores.opener import Stores


class _Origin(NamedTuple):
    """The registry that a client has to find again in another process."""

    id: str
    url: str
    how: str


class HasContext(Protocol):
    """A client, or whatever else stands on a context."""

    @property
    def context(self) -> Context:
        """What it stands on."""
        ...


# Makes again, where it is unpickled, what was pickled with it: a picklable function without secrets.
Opener = Callable[[], HasContext]


class Context:
    """What verbs stand on: settings, and what they open; the arguments are those of `Client`."""

    def __init__(
        self,
        settings: Settings,
        *,
        clients: Mapping[str, ClientFactory] | None = None,
        stores: Mapping[str, Store] | None = None,
        run: OwnRun | None = None,
        note: Callable[[str], None] | None = None,
        opener: Opener | None = None,
    ) -> None:
        self.settings = settings
        self.opener = opener
        self.note = note or _note_once
        self.own_run = run or OwnRun()
        self.said_unrecorded = False
        self._client_factories = dict(clients or {})
        self._own_stores = dict(stores or {})
        # Of a context from another process: the registry that it had open there.
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
        with contextlib.suppress(NotFound):  # it is not made yet
            if opened.info.moved_to is not None:
                self.note(opened.info.moved_note)
        return opened

    def _refuse_implicit(self) -> None:
        if self.settings.run is None:
            return
        url = JoinedRun.decode(self.settings.run).registry_url or "the registry of that run"
        self.settings.require_shared(
            "the run that LANDFAST_RUN names",
            f"Set LANDFAST_REGISTRY_URL to {url}, with its password. Landfast does not send the password to workers",
        )

    @cached_property
    def blobs(self) -> BlobStore:
        """The registry's blob store, opened on first use."""
        url = self.registry.info.store_url
        assert url is not None
        return self.blobs_at(url)

    @cached_property
    def owned_blobs(self) -> BlobStore:
        """The same store for whoever writes: it has to be this registry's, which is looked at once, else `Conflict`."""
        from landfast.store_label import claim

        self.registry.ticket()  # who writes makes the registry, if it is not there yet
        claim(self.registry, self.blobs)
        return self.blobs

    def blobs_at(self, url: str) -> BlobStore:
        """Open a blob store by its URL, with the options and credentials of this context."""
        from landfast.blobs.opener import open_blobs
        from landfast.stores.opener import longest_prefix

        options = self.settings.options.get(longest_prefix(self.settings.options, url) or "")
        factories = self._client_factories
        factory = factories.get(longest_prefix(factories, url) or url.partition("://")[0])
        return open_blobs(url, options=options, client_factory=factory)

    @cached_property
    def stores(self) -> Stores:
        """Every store that a URI can name."""
        return self._stores()

    @cached_property
    def quick_stores(self) -> Stores:
        """The same, asked twice at most: for who waits in front of a page."""
        from landfast.clouds.retry import RetryPolicy

        return self._stores(RetryPolicy(attempts=2, most_s=1.0))

    def _stores(self, retry: RetryPolicy | None = None) -> Stores:
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
            retry=retry,
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
    def display_url(self) -> str:
        """The registry's URL without secrets."""
        return redact(self.settings.effective_registry_url)

    def with_defaults(
        self, *, entity: str | None = None, project: str | None = None, run: RunKey | None = None
    ) -> Context:
        """Return a context on the same parts with other defaults."""
        other = Context(
            replace(
                self.settings,
                entity=entity or self.settings.entity,
                project=project or self.settings.project,
            ),
            clients=self._client_factories,
            stores=self._own_stores,
            run=replace(self.own_run, begun=None) if run is None else OwnRun(key=run),
            note=self.note,
            opener=self.opener,
        )
        other._came_from = self._came_from
        for part in _PARTS:
            if part in self.__dict__:
                other.__dict__[part] = self.__dict__[part]
        return other

    def forget(self) -> None:
        """Open everything anew when it is needed next."""
        for part in _PARTS:
            self.__dict__.pop(part, None)

    def is_of(self, registry_id: str | None) -> bool:
        """Whether the registry is there, and is the one with this id."""
        with contextlib.suppress(NotFound):
            return self.registry.info.id == registry_id
        return False

    def shares_registry(self, other: Context) -> bool:
        """Whether both log to the same registry."""
        mine, others = self.registry, other.registry
        return mine is others or mine.info.id == others.info.id

    def is_current(self) -> bool:
        """Whether the environment still asks for what this was made of."""
        return self.settings == load_settings()

    def close(self) -> None:
        """Close connections; what is needed again is opened again."""
        if "registry" in self.__dict__:
            self.registry.close()

    def resolve_name(self, named: str | ArtifactName) -> ArtifactName:
        """Return the full name: entity and project filled in with the defaults."""
        parsed = named if isinstance(named, ArtifactName) else ArtifactName.parse(named)
        return parsed.within(entity=self.settings.entity, project=self.settings.project)

    # -- runs ---------------------------------------------------------------------------------

    @property
    def run_key(self) -> RunKey:
        """The run in whose name to log and use."""
        return self.own_run.key_here(self.settings.run)

    def begin_run(
        self,
        *,
        job_type: str = "",
        name: str = "",
        config: Mapping[str, Any] | None = None,
        link: str | None = None,
        attempt: int = 1,
    ) -> RunRecord:
        """Record the run, or meet it again; see `Client.begin_run`."""
        start = RunStart(
            key=self.run_key,
            entity=self.settings.entity,
            project=self.settings.project,
            name=name,
            job_type=job_type,
            attempt=attempt,
            link=redact(link) if link else link,
            config=None if config is None else dict(config),
        )
        self.own_run.begun = self.registry.begin_run(start)
        tell_run(self)
        return self.own_run.begun

    def ensure_run(self) -> RunKey:
        """Return the run's key, recorded now if it is not yet."""
        key = self.run_key
        if self.own_run.begun is None:
            self.begin_run()
        return key

    def registry_id(self) -> str:
        """Return the registry's id; the registry is made now if it is not there yet."""
        try:
            return self.registry.info.id
        except NotFound:
            self.ensure_run()  # which makes it
            return self.registry.info.id

    # -- manifests ----------------------------------------------------------------------------

    def manifest_of(self, record: VersionRecord) -> ManifestFile:
        """Open the manifest that a version was created with."""
        return self.open_manifest(record.blob)

    def open_manifest(self, blob: str) -> ManifestFile:
        """Open a manifest by the sha256 of its blob."""
        from landfast.manifests.reader import ManifestFile

        return ManifestFile(self.blob_path(blob), sha256=blob, find=self.blob_path)

    def glance_at(self, record: VersionRecord) -> ManifestFile:
        """Open the manifest that a version was created with, for a look at a part of it: the file is not hashed.

        What it says of itself has to be what the registry recorded, and each page that is read has a checksum.
        """
        from landfast.manifests.reader import ManifestFile

        path = self.blob_path(record.blob)
        return ManifestFile(path, summary=record.summary, find=self.blob_path)

    def blob_path(self, sha256: str) -> Path:
        """Return a blob of the registry's store as a local file."""
        return self.blobs.path(sha256) or self.manifest_cache.path(sha256, self.blobs)

    def pinned_manifests(self, record: VersionRecord) -> list[tuple[Manifest, Sequence[Source]]]:
        """Return a version's manifests with their sources, newest pins first, its own last, then copies.

        Raises:
            NotFound: If none of them is there any more.
            Conflict: If those that are there are damaged.
        """
        others = [pins for pins in self.registry.pin_sets(record.id) if pins.blob != record.blob]
        seen = [(p.blob, p.sources or record.sources) for p in others if not p.is_copy]
        copies = [(pins.blob, pins.sources) for pins in others if pins.is_copy]
        found: list[tuple[Manifest, Sequence[Source]]] = []
        lost: list[LandfastError] = []
        for blob, sources in (*seen, (record.blob, record.sources), *copies):
            try:
                found.append((self.open_manifest(blob), sources))
            except (NotFound, Conflict) as error:
                lost.append(error)
        if not found:
            raise lost[-1]
        for why in lost:
            self.note(f"{record.name} is read at other pins: {why}")
        return found

    # -- elsewhere ----------------------------------------------------------------------------

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (
            self.settings.entity,
            self.settings.project,
            self.own_run.key,
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
        if not joined.registry_id or self.own_run.key not in {None, joined.key}:
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
            hint="Set LANDFAST_REGISTRY_URL there: a URL can contain a password, so Landfast does not send it.",
        )


_PARTS = ("registry", "blobs", "owned_blobs", "stores", "quick_stores", "cache")


def _reopen(
    entity: str,
    project: str,
    run: RunKey | None,
    clients: Mapping[str, ClientFactory],
    came_from: _Origin | None,
    opener: Opener | None,
) -> Context:
    if opener is not None:
        made = opener().context.with_defaults(entity=entity, project=project, run=run)
    else:
        settings = load_settings(entity=entity, project=project)
        made = Context(settings, clients=clients, run=OwnRun(key=run))
    made._came_from = came_from
    if "registry" in made.__dict__:
        made._check_origin(made.registry)
    return made


_lock = threading.Lock()
_of_run: Context | None = None
_of_process: Context | None = None


def set_default(context: Context | None) -> None:
    """Make a context that of all that is asked for without one, such as the current run's; None goes back."""
    global _of_run
    _of_run = context


def default_context() -> Context:
    """Return the context of the current run, else one for the environment."""
    return _of_run or environment_context()


def environment_context() -> Context:
    """Return the process's context for the environment as it is."""
    global _of_process
    with _lock:
        if _of_process is None or not _of_process.is_current():
            _of_process = Context(load_settings())
        return _of_process


def _note_once(text: str) -> None:
    """Say a sentence once a process, as a log record."""
    if text not in _noted:
        _noted.add(text)
        logging.getLogger("landfast").warning("%s", visible(text))


_noted: set[str] = set()
