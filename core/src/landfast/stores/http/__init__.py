"""The store of `http://` and `https://`."""

from landfast.stores.http.store import HttpStore

__all__ = ["HttpStore"]
