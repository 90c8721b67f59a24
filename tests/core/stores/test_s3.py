"""The S3 store keeps the store contract, over moto and over a radosgw."""

import pytest
from kit.s3_place import MOTO_KEYS, Bucket
from kit.servers.swift_pages import SwiftPages
from landfast.stores.s3 import S3Store
from landfast.testing.store_suite import StoreSuite


class S3Suite(StoreSuite):
    """Credentials and endpoint come from the environment, as users have them."""

    @pytest.fixture
    def store(self, server):
        return S3Store()

    @pytest.fixture
    def secrets(self, server):
        return (server.secret_key, server.access_key)


class TestMotoUnversioned(S3Suite):
    @pytest.fixture
    def server(self, s3):
        return s3

    @pytest.fixture
    def place(self, server):
        return Bucket(server, odd_keys=MOTO_KEYS)


class TestMotoVersioned(TestMotoUnversioned):
    @pytest.fixture
    def place(self, server):
        return Bucket(server, "Enabled", odd_keys=MOTO_KEYS)


class TestSwiftPages(TestMotoUnversioned):
    """Lists of versions as OpenStack Swift writes them."""

    @pytest.fixture
    def server(self, s3_proxy):
        s3_proxy.proxy.inject(SwiftPages(), kind="list-versions")
        return s3_proxy

    @pytest.fixture
    def place(self, server):
        return Bucket(server.direct, "Enabled", odd_keys=MOTO_KEYS)


class TestMotoSuspended(TestMotoUnversioned):
    @pytest.fixture
    def place(self, server):
        return Bucket(server, "Suspended", odd_keys=MOTO_KEYS)


@pytest.mark.system
class TestRadosgwUnversioned(S3Suite):
    @pytest.fixture
    def server(self, radosgw):
        return radosgw

    @pytest.fixture
    def place(self, server):
        return Bucket(server, odd_keys=(*Bucket.odd_keys, "odd/\x01\x7f", "odd/a\x1bb"))


@pytest.mark.system
class TestRadosgwVersioned(TestRadosgwUnversioned):
    @pytest.fixture
    def place(self, server):
        return Bucket(server, "Enabled", odd_keys=(*Bucket.odd_keys, "odd/\x01\x7f"))


@pytest.mark.system
class TestSwiftUnversioned(S3Suite):
    @pytest.fixture
    def server(self, swift):
        return swift

    @pytest.fixture
    def place(self, server):
        return Bucket(server)


@pytest.mark.system
class TestSwiftVersioned(TestSwiftUnversioned):
    @pytest.fixture
    def place(self, server):
        return Bucket(server, "Enabled")


@pytest.mark.system
class TestRadosgwSuspended(TestRadosgwUnversioned):
    @pytest.fixture
    def place(self, server):
        return Bucket(server, "Suspended")
