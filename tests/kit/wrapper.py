"""Wrapper: a store around another one; what a wrapper does not change, it passes on."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from landfast.model.location import Location
from landfast.stores.base import (
    Capabilities,
    ChecksumKind,
    Kind,
    ListRequest,
    ObjectInfo,
    Page,
    Pin,
    Presigner,
    PresignRequest,
    Reader,
    Store,
    Versioning,
)


class Wrapper:
    """Pass everything on to `inner`, the store that does the work."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner

    @property
    def endpoint(self) -> str | None:
        """The inner store's endpoint."""
        return self.inner.endpoint

    def capabilities(self) -> Capabilities:
        """Tell what the inner store can do."""
        return self.inner.capabilities()

    def versioning(self, location: Location) -> Versioning:
        """Ask whether overwritten objects are kept."""
        return self.inner.versioning(location)

    def locate(self, location: Location) -> Kind:
        """Tell what a location without final slash is."""
        return self.inner.locate(location)

    def list_page(self, request: ListRequest) -> Page:
        """List one page."""
        return self.inner.list_page(request)

    def stat(
        self, location: Location, *, version_id: str | None = None, checksum: ChecksumKind = None
    ) -> ObjectInfo:
        """Describe one object."""
        return self.inner.stat(location, version_id=version_id, checksum=checksum)

    def open(self, pin: Pin, *, start: int = 0) -> AbstractContextManager[Reader]:
        """Open the recorded bytes."""
        return self.inner.open(pin, start=start)

    def presign(self, pin: Pin, request: PresignRequest) -> str | None:
        """Sign as the inner store does, if it does."""
        inner = self.inner
        return inner.presign(pin, request) if isinstance(inner, Presigner) else None

    def path(self, location: Location) -> Path | None:
        """Return the local path, if there is one."""
        return self.inner.path(location)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.inner!r})"
