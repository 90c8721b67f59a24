"""The cache of downloaded bytes."""

from landfast.cache.blob_cache import BlobCache, CacheUsage

__all__ = ["BlobCache", "CacheUsage"]
