"""The S3 store over moto: the store contract, and what is S3's own."""

import pytest
from landfast.model.location import Location
from landfast.stores.s3 import S3Store
from landfast.testing.store_suite import ODD_KEYS, Place, StoreSuite


class Bucket(Place):
    """A bucket of a server of the test kit."""

    # moto's routes do not match a newline.
    odd_keys = tuple(key for key in ODD_KEYS if "\n" not in key)

    def __init__(self, server, versioning=None):
        self.server, self.name = server, server.bucket(versioning)
        self.keeps_versions = versioning == "Enabled"

    def location(self, key):
        return Location(scheme="s3", authority=self.name, key=key)

    def put(self, key, data):
        return self.server.put(self.name, key, data)

    def delete(self, key):
        self.server.client.delete_object(Bucket=self.name, Key=key)


class TestUnversionedBucket(StoreSuite):
    @pytest.fixture
    def place(self, s3):
        return Bucket(s3)

    @pytest.fixture
    def store(self, s3):
        return S3Store()

    @pytest.fixture
    def secrets(self, s3):
        return (s3.secret_key, s3.access_key)


class TestVersionedBucket(TestUnversionedBucket):
    @pytest.fixture
    def place(self, s3):
        return Bucket(s3, "Enabled")


class TestSuspendedBucket(TestUnversionedBucket):
    @pytest.fixture
    def place(self, s3):
        return Bucket(s3, "Suspended")
