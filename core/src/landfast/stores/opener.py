"""Stores: finds the store that reads a location, and makes it once per set of options."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from landfast.blobs.base import BlobStore
from landfast.errors import InvalidInput
from landfast.model.location import Location
from landfast.stores.base import ClientFactory, Store
from landfast.stores.retrying import RetryingStore, RetryPolicy

ENTRY_POINTS = "landfast.stores"
_BUILT_IN = {
    "s3": "landfast.stores.s3:S3Store",
    "gs": "landfast.stores.gcs:GcsStore",
    "http": "landfast.stores.http:HttpStore",
    "https": "landfast.stores.http:HttpStore",
    "file": "landfast.stores.file:FileStore",
    "blob": "landfast.stores.blob:BlobSource",
}
_FSSPEC = "landfast.stores.fsspec_store:FsspecStore"

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
        blobs: The registry's blob store, for managed files.
        cache_dir: The cache folder; None is the default one.
        retry: How often, and how long after each other, requests are tried.
        wrap: Wraps each store inside the retrying, so that it sees every try; picklable.
    """

    def __init__(
        self,
        own: Mapping[str, StoreMaker] | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        clients: Mapping[str, ClientFactory] | None = None,
        blobs: BlobStore | None = None,
        cache_dir: Path | str | None = None,
        *,
        retry: RetryPolicy | None = None,
        wrap: Callable[[Store], Store] | None = None,
    ) -> None:
        self._own = dict(own or {})
        self._options = {prefix: dict(chosen) for prefix, chosen in (options or {}).items()}
        self._clients = dict(clients or {})
        self._given = {"blobs": blobs, "cache_dir": cache_dir}
        self._retry = retry
        self._wrap = wrap
        self._made: dict[tuple[str, str, str], Store] = {}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_made": {}}

    def __repr__(self) -> str:
        return f"Stores({', '.join(sorted({*self._own, *_BUILT_IN}))})"

    def at(self, location: Location, options: Mapping[str, Any] | None = None) -> Store:
        """Return the store that reads `location`.

        Args:
            location: Any object or folder; its scheme, and the options for its URI, decide.
            options: Win over those that were set for its URI.

        Raises:
            InvalidInput: If no store knows the scheme.
            MissingExtra: If the store needs an extra that is not installed.
        """
        uri = location.uri
        set_for = self._options.get(longest_prefix(self._options, uri) or "", {})
        merged = {**set_for, **(options or {})}
        # A client factory belongs to the prefix that it was given for.
        client_of = longest_prefix(self._clients, uri) or location.scheme
        key = (location.scheme, client_of, json.dumps(merged, sort_keys=True, default=repr))
        made = self._made.get(key)
        if made is None:
            store = self._make(location.scheme, merged, self._clients.get(client_of))
            # Two threads may make two; one of them stays.
            made = self._made.setdefault(key, store)
        return made

    def _make(self, scheme: str, options: Mapping[str, Any], client: ClientFactory | None) -> Store:
        maker = self._maker(scheme)
        if isinstance(maker, str):
            module, _, name = maker.partition(":")
            maker = getattr(import_module(module), name)
        if not isinstance(maker, type) and isinstance(maker, Store):
            store = maker
        else:
            given = {name: self._given[name] for name in getattr(maker, "needs", ())}
            store = maker(options, client=client, **given)
        return RetryingStore(self._wrap(store) if self._wrap else store, self._retry)

    def _maker(self, scheme: str) -> Any:
        if scheme in self._own:
            return self._own[scheme]
        if scheme in _BUILT_IN:
            return _BUILT_IN[scheme]
        for point in entry_points(group=ENTRY_POINTS, name=scheme):
            return point.load()
        if scheme in _fsspec_schemes():
            return _FSSPEC
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


def longest_prefix(prefixes: Mapping[str, Any], uri: str) -> str | None:
    """Return the longest of the prefixes that a URI lies below, or None.

    Example:
        >>> longest_prefix({"s3://b/": 1, "s3://b/data": 2}, "s3://b/data2/x")
        's3://b/'
    """
    """Return the longest of the URI prefixes that holds `uri`; None if none does."""
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
