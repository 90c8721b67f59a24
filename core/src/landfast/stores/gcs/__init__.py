"""The store of `gs://`, through google's own session."""

from landfast.stores.gcs.store import GcsStore

__all__ = ["GcsStore"]
