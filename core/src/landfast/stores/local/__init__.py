"""The store of `file://` and plain paths."""

from landfast.stores.local.store import FileStore

__all__ = ["FileStore"]
