"""A bucket of an S3 server as a place for the store suite, and what tests of pins do to it."""

from __future__ import annotations

from kit.servers.s3 import S3Server, Versioning
from landfast.model.location import Location
from landfast.testing.store_suite import ODD_KEYS, Place

# moto's routes match no newline, and its version listing escapes no control character.
MOTO_KEYS = tuple(key for key in ODD_KEYS if "\n" not in key)


class Bucket(Place):
    """A new bucket of a server."""

    def __init__(
        self,
        server: S3Server,
        versioning: Versioning | None = None,
        *,
        odd_keys: tuple[str, ...] = ODD_KEYS,
    ) -> None:
        self.server, self.name, self.odd_keys = server, server.bucket(versioning), odd_keys
        self.keeps_versions = versioning == "Enabled"

    def location(self, key: str) -> Location:
        """Return where `key` lies in the bucket."""
        return Location(scheme="s3", authority=self.name, key=key)

    def put(self, key: str, data: bytes) -> str | None:
        """Write an object."""
        return self.server.put(self.name, key, data)

    def delete(self, key: str) -> None:
        """Delete an object: a delete marker, where versions are kept."""
        self.server.client.delete_object(Bucket=self.name, Key=key)

    def delete_version(self, key: str, version_id: str) -> None:
        """Delete one version for good."""
        self.server.client.delete_object(Bucket=self.name, Key=key, VersionId=version_id)
