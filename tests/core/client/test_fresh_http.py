"""Pages that were modified a moment ago, from logging to download: nginx tells no write in the same second."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit.servers.nginx import Nginx
from kit.servers.scripted import Scripted
from landfast import Client, ObjectChanged
from landfast.stores.http import store as http

BEFORE, BEHIND = b"before", b"behind"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    client = Client(f"sqlite:///{tmp_path / 'registry.db'}", project="vision")
    yield client
    client.close()


def of(client: Client, name: str) -> dict[str, str]:
    return {
        entry.path: entry.checksum.algorithm
        for entry in client.get(name).entries()
        if entry.checksum
    }


def test_mend_07_overwritten_in_the_same_second_is_changed_in_every_verb(
    client: Client, nginx_site: Nginx, tmp_path: Path
) -> None:
    now = int(time.time())
    url = nginx_site.put("x.csv", BEFORE, modified=now)
    first = client.log("page", url)
    nginx_site.put("x.csv", BEHIND, modified=now)
    assert client.verify("page:v0").summary == "1 changed"
    with pytest.raises(ObjectChanged):
        client.download("page:v0", tmp_path / "v0")
    with pytest.raises(ObjectChanged):
        first.open("x.csv")
    second = client.log("page", url)
    assert (second.version, second.changed) == ("v1", True)
    client.download("page:v1", tmp_path / "v1")
    assert (tmp_path / "v1" / "x.csv").read_bytes() == BEHIND


def test_mend_07_what_does_not_change_is_no_new_version_when_it_has_settled(
    client: Client, nginx_site: Nginx, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = nginx_site.put("x.csv", BEFORE, modified=int(time.time()))
    client.log("page", url)
    assert of(client, "page:v0") == {"x.csv": "sha256"}
    monkeypatch.setattr(http, "_SETTLED_S", -1e9)
    again = client.log("page", url)
    assert (again.version, again.changed) == ("v0", False)


def test_mend_07_what_was_recorded_by_an_etag_of_its_content_stays_so_when_it_is_touched(
    client: Client, http_script: Scripted
) -> None:
    url = http_script.put("/x.csv", BEFORE, modified=1_600_000_000)
    client.log("page", url)
    assert of(client, "page:v0") == {"x.csv": "http-etag"}
    http_script.change("/x.csv", modified=time.time())
    again = client.log("page", url)
    assert (again.version, again.changed) == ("v0", False)
