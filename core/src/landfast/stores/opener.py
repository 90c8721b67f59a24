"""Stores: finds the store that reads a location, and makes it once per set of options."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from landfast.blobs.base import BlobStore
from landfast.clouds.options import check_endpoint, plain_endpoint
from landfast.clouds.retry import RetryPolicy
from landfast.errors import Conflict, InvalidInput
from landfast.model.doctor import MinimalPermissions
from landfast.model.location import Location
from landfast.model.source import Source
from landfast.model.storage.requests import CountedStore, Tried
from landfast.stores.base import ClientFactory, OptionKinds, Store
from landfast.stores.retrying import RetryingStore
from landfast.system.staging import Staging

ENTRY_POINTS = "landfast.stores"
_BUILT_IN = {
    "s3": "landfast.stores.s3:S3Store",
    "gs": "landfast.stores.gcs.store:GcsStore",
    "http": "landfast.stores.http.store:HttpStore",
    "https": "landfast.stores.http.store:HttpStore",
    "file": "landfast.stores.local.store:FileStore",
    "blob": "landfast.stores.managed:BlobSource",
}
_OTHER_NAMES = {"s3a": "s3", "s3n": "s3"}
_FSSPEC = "landfast.stores.fsspec.store:FsspecStore"

# A store, or what makes one: a class or function called as ``made(options, client=factory)``, or
# where to import it: ``"module:Class"``.
StoreMaker = Store | Callable[..., Store] | str


class Stores:
    """All stores of one client.

    Args:
        own: Stores by scheme, which win over the built-in ones.
        options: Options by URI prefix; a prefix ends at a ``/`` of the URI, the longest wins:
            ``{"s3://team-b/": {"profile": "b"}}``.  ``"s3://"`` speaks of every bucket.
        clients: Client factories by URI prefix or by scheme.
        blobs: The registry's blob store, for managed files, or what opens it.
        cache_dir: The cache folder; None is the default one.
        endpoints: The endpoint here by endpoint as recorded, for servers that have another name here.
        retry: How often, and how long after each other, requests are tried.
        wrap: Wraps each store inside the retrying, so that it sees every try; picklable.
    """

    def __init__(
        self,
        own: Mapping[str, StoreMaker] | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        clients: Mapping[str, ClientFactory] | None = None,
        blobs: BlobStore | Callable[[], BlobStore] | None = None,
        cache_dir: Path | str | None = None,
        *,
        endpoints: Mapping[str, str] | None = None,
        retry: RetryPolicy | None = None,
        wrap: Callable[[Store], Store] | None = None,
    ) -> None:
        self._own = dict(own or {})
        self._options = {prefix: dict(chosen) for prefix, chosen in (options or {}).items()}
        self._clients = dict(clients or {})
        self._given: dict[str, Any] = {"blobs": blobs, "cache_dir": cache_dir, "staging": None}
        self._endpoints = {_plain(there): _plain(here) for there, here in (endpoints or {}).items()}
        self._retry = retry
        self._wrap = wrap
        self._made: dict[tuple[str, str, str], Store] = {}
        self._on_request: Tried | None = None

    def counting(self, on_request: Tried) -> Stores:
        """Return the same stores, opened anew, that tell each request that they send, by the provider's name of it.

        Those that are no `CountedStore`, as made elsewhere, tell nothing.
        """
        copied = copy.copy(self)
        copied._made = {}
        copied._on_request = on_request
        return copied

    def staging(self, staging: Staging) -> Stores:
        """Return the same stores, opened anew, of which those of local files keep there what they hash."""
        copied = copy.copy(self)
        copied._made = {}
        copied._given = self._given | {"staging": staging}
        return copied

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_made": {}, "_given": self._given | {"staging": None}}

    def __repr__(self) -> str:
        return f"Stores({', '.join(sorted({*self._own, *_BUILT_IN}))})"

    def at(self, location: Location, options: Mapping[str, Any] | None = None) -> Store:
        """Return the store that reads a location; options win over those that were set for its URI.

        Raises:
            InvalidInput: If no store knows the scheme.
            MissingExtra: If the store needs an extra that is not installed.
        """
        return self._opened(location, self.options_for(location, options))

    def recorded(self, location: Location, source: Source, *, any_endpoint: bool = False) -> Store:
        """Return the store that reads what was recorded from a source, as the reader's settings say.

        Whoever may log wrote the source.  It never says where the reader's credentials go, nor which of
        them: endpoint and identity are those of the settings.

        Raises:
            Conflict: If the settings do not lead to the recorded endpoint, unless `any_endpoint`, and it was
                not recorded anonymously; names what to set.
        """
        kinds = self._kinds(location.scheme)
        mine = self.options_for(location)
        taken = {name: value for name, value in source.options.items() if name in kinds.recorded}
        if not kinds.identity.isdisjoint(mine):
            taken.pop("anonymous", None)
        own = self._opened(location, taken | mine)
        here = self._endpoints.get(source.endpoint or "", source.endpoint)
        if any_endpoint or own.endpoint in {source.endpoint, here}:
            return own
        if kinds.endpoint and here != source.endpoint:
            mapped = self._opened(location, taken | mine | {kinds.endpoint: here})
            if mapped.endpoint == here:
                return mapped
        is_public = taken.get("anonymous") is True and source.endpoint is not None
        if is_public and kinds.endpoint not in mine and not self._client_of(location):
            return self._opened(location, taken | {kinds.endpoint: source.endpoint})
        raise _elsewhere(source, own.endpoint, kinds)

    def _client_of(self, location: Location) -> str:
        """Return what the client factory was given for: a prefix, or a scheme; ``""`` if there is none."""
        prefix = longest_prefix(self._clients, location.uri)
        return prefix or (location.scheme if location.scheme in self._clients else "")

    def _opened(self, location: Location, merged: Mapping[str, Any]) -> Store:
        client_of = self._client_of(location)
        key = (location.scheme, client_of, json.dumps(merged, sort_keys=True, default=repr))
        made = self._made.get(key)
        if made is None:
            store = self._make(location.scheme, merged, self._clients.get(client_of))
            # Two threads may make two; one of them stays.
            made = self._made.setdefault(key, store)
        return made

    def _kinds(self, scheme: str) -> OptionKinds:
        kinds: OptionKinds = getattr(self._maker(scheme), "option_kinds", OptionKinds())
        return kinds

    def permissions(self, location: Location) -> MinimalPermissions:
        """Return what a user needs to record a place and read it back, in the words of its store.

        A store says it by its attribute `permissions`, a function of a location.
        """
        told = getattr(self._maker(location.scheme), "permissions", _some_permissions)
        found: MinimalPermissions = told(location)
        return found

    def options_for(
        self, location: Location, options: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the options that were set for a location, with `options` over them."""
        set_for = self._options.get(longest_prefix(self._options, location.uri) or "", {})
        return {**set_for, **(options or {})}

    def _make(self, scheme: str, options: Mapping[str, Any], client: ClientFactory | None) -> Store:
        maker = self._maker(scheme)
        if not isinstance(maker, type) and isinstance(maker, Store):
            store = maker
        else:
            found = {name: self._given[name] for name in getattr(maker, "needs", ())}
            given = {name: one() if callable(one) else one for name, one in found.items()}
            store = maker(options, client=client, **given)
        if self._on_request is not None and isinstance(store, CountedStore):
            store = copy.copy(store)
            store.on_request = self._on_request
        return RetryingStore(self._wrap(store) if self._wrap else store, self._retry)

    def _maker(self, scheme: str) -> Any:
        """Return the store of a scheme, or what makes one, imported; `InvalidInput` if there is none."""
        maker = self._own.get(scheme) or _BUILT_IN.get(scheme)
        if maker is None:
            for point in entry_points(group=ENTRY_POINTS, name=scheme):
                return point.load()
        if maker is None and scheme in _OTHER_NAMES:
            right = _OTHER_NAMES[scheme]
            raise InvalidInput(
                f"{scheme}:// is what Hadoop calls {right}://",
                subject=f"{scheme}://",
                hint=f"Write {right}:// with the same bucket and key.",
            )
        if maker is None and scheme in _fsspec_schemes():
            maker = _FSSPEC
        if isinstance(maker, str):
            module, _, name = maker.partition(":")
            return getattr(import_module(module), name)
        if maker is not None:
            return maker
        raise InvalidInput(
            f"no store reads {scheme}://",
            subject=f"{scheme}://",
            expected="one of " + ", ".join(self._known()),
            hint="More schemes come with pip install 'landfast[fsspec]' and the package that fsspec"
            " names for them, or with Client(stores={...}).",
        )

    def _known(self) -> list[str]:
        points = [point.name for point in entry_points(group=ENTRY_POINTS)]
        return sorted({*self._own, *_BUILT_IN, *points})


def _some_permissions(location: Location) -> MinimalPermissions:
    words = (f"To list and to read what lies below {location}. Nothing is written there.",)
    return MinimalPermissions(words=words, names=("list", "read"))


def _plain(endpoint: str) -> str:
    """Return an endpoint as stores name theirs; one that is no URL, such as an account, as it is."""
    if "://" not in endpoint:
        return endpoint
    check_endpoint(endpoint)
    return plain_endpoint(endpoint)


def _elsewhere(source: Source, found: str | None, kinds: OptionKinds) -> Conflict:
    """Say that the reader's settings lead to another endpoint, and how to say that they should not."""
    place = Location.parse(source.uri, pins=False)
    prefix = f"{place.scheme}://{place.authority}/"
    option = kinds.endpoint or "the option that names it"
    ways = [
        f'[endpoint_map] "{source.endpoint}" = "ENDPOINT" says what it is called here',
        f'{option} = "{source.endpoint}" under [options."{prefix}"] names it for good',
        "any_endpoint=True (--any-endpoint) reads where your settings lead",
    ]
    if source.endpoint is None:
        ways = ways[2:]
    return Conflict(
        f"{source.uri} was recorded at an endpoint that differs from the endpoint of your settings",
        subject=source.uri,
        expected=source.endpoint or "the provider's own",
        found=found or "the provider's own",
        hint="Credentials are sent only where your own settings say: " + "; ".join(ways) + ".",
    )


def longest_prefix(prefixes: Mapping[str, Any], uri: str) -> str | None:
    """Return the longest of the prefixes that a URI lies below, or None.

    Example:
        >>> longest_prefix({"s3://b/": 1, "s3://b/data": 2}, "s3://b/data2/x")
        's3://b/'
    """
    matching = [prefix for prefix in prefixes if _is_prefix(prefix, uri)]
    return max(matching, key=len, default=None)


def _is_prefix(prefix: str, uri: str) -> bool:
    """Tell whether a URI lies below a prefix: ``s3://b/data`` holds ``data/x``, not ``data2/x``."""
    if "://" not in prefix or not uri.startswith(prefix):
        return False
    return prefix.endswith("/") or len(uri) == len(prefix) or uri[len(prefix)] == "/"


def _fsspec_schemes() -> frozenset[str]:
    try:
        from fsspec import available_protocols
    except ImportError:
        return frozenset()
    return frozenset(available_protocols())
