"""The store of every scheme that fsspec opens."""

from landfast.stores.fsspec.store import FsspecStore

__all__ = ["FsspecStore"]
