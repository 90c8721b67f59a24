"""The store of `s3://`: AWS, and everything that speaks its protocol."""

from landfast.stores.s3.store import S3Store

__all__ = ["S3Store"]
