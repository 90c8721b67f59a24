"""The HTTP store passes the suite of stores on good servers and on poor ones."""

from urllib.parse import quote

import pytest
from kit.servers.plain import plain
from landfast.model.location import Location
from landfast.stores.http import HttpStore
from landfast.testing.store_suite import ODD_KEYS, Place, StoreSuite


def at(url: str) -> Location:
    return Location.parse(url)


# RFC 3986 has clients remove dot segments, so such URLs cannot be told from those without.
NORMALISED = {"odd/../up", "odd/./dot"}


class HttpPlace(Place):
    flat = False
    markers = False
    odd_keys = tuple(key for key in ODD_KEYS if key not in NORMALISED)

    def location(self, key: str) -> Location:
        return at(f"{self.url}/{quote(key)}")


class ScriptPlace(HttpPlace):
    def __init__(self, script):
        self.script, self.url = script, script.url

    def put(self, key, data):
        self.script.put(f"/{quote(key)}", data)

    def delete(self, key):
        self.script.remove(f"/{quote(key)}")


class FolderPlace(HttpPlace):
    # Servers of folders collapse slashes, and a file system has no such names.
    odd_keys = tuple(key for key in HttpPlace.odd_keys if key != "odd//double")

    def __init__(self, server):
        self.folder, self.url = server.folder, server.url

    def put(self, key, data):
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def delete(self, key):
        (self.folder / key).unlink()


class TestOnAScript(StoreSuite):
    @pytest.fixture
    def store(self):
        return HttpStore({"headers": {"X-Api-Key": "hunter2"}, "password": "hunter3"})

    @pytest.fixture
    def place(self, http_script):
        return ScriptPlace(http_script)

    @pytest.fixture
    def secrets(self):
        return ("hunter2", "hunter3")


class TestOnNginx(StoreSuite):
    @pytest.fixture
    def store(self):
        return HttpStore()

    @pytest.fixture
    def place(self, nginx_site):
        # nginx's ETag is size and modification second: an overwrite within that second, of equal
        # size, is invisible to anyone, so the suite's overwrites are dated.
        return DatedPlace(nginx_site)


class DatedPlace(FolderPlace):
    clock = 1_700_000_000

    def put(self, key, data):
        super().put(key, data)
        import os

        self.clock += 10
        os.utime(self.folder / key, (self.clock, self.clock))


class TestOnAPoorServer(StoreSuite):
    @pytest.fixture
    def store(self):
        return HttpStore()

    @pytest.fixture
    def place(self):
        with plain() as server:
            yield FolderPlace(server)
