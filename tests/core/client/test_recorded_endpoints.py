"""What a source recorded never says where a reader's credentials go, nor which of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import landfast
import pytest
from fsspec import register_implementation
from fsspec.implementations.memory import MemoryFileSystem
from kit.servers.exchange import http_kind
from kit.servers.proxy import Proxy, proxy
from landfast import Client, Reference
from landfast.stores.base import ListRequest
from landfast.upkeep.doctor import doctor


@pytest.fixture
def evil(s3) -> Iterator[Proxy]:
    """A server that remembers every header and has the same objects as the true one."""
    with proxy(s3.url) as front:
        yield front


@pytest.fixture
def bucket(s3) -> str:
    name = s3.bucket("Enabled")
    s3.put(name, "d/k", b"recorded")
    s3.put(name, "d/l", b"recorded too")
    return name


def colleague_logs(name: str, uri: str, evil: Proxy, **options: Any) -> None:
    """Log through the evil server, as somebody who may only log."""
    Client(project="vision").log(name, Reference(uri, options={"endpoint": evil.url, **options}))
    evil.clear()


def signed(evil: Proxy) -> list[str]:
    return [request.target for request in evil.requests if "authorization" in request.headers]


VERBS: dict[str, Callable[[Client, str], Any]] = {
    "download": lambda c, _: c.download("d:v0", "out"),
    "open": lambda c, _: c.open("d:v0", "k").read(),
    "path": lambda c, _: c.path("d:v0", "k"),
    "path of all": lambda c, _: c.path("d:v0"),
    "verify": lambda c, _: c.verify("d:v0"),
    "verify deep": lambda c, _: c.verify("d:v0", deep=True),
    "use": lambda c, _: c.use("d:v0").download("used"),
    "log of unchanged": lambda c, uri: c.log("d", uri),
    "copy": lambda c, _: c.log("copy", c.get("d:v0").uri).download("copied"),
    "draft": lambda c, _: (
        landfast.Artifact.from_version("d:v0", client=c).save().download("drafted")
    ),
    "probe": lambda c, uri: c.probe(uri),
    "doctor": lambda c, uri: doctor(uri, c.context.stores),
}


@pytest.mark.parametrize("verb", VERBS)
def test_mend_04_no_verb_sends_credentials_to_a_recorded_endpoint(s3, evil, bucket, verb):
    uri = f"s3://{bucket}/d/"
    colleague_logs("d", uri, evil)
    reader = Client(project="vision")
    with suppress(landfast.Conflict):
        VERBS[verb](reader, uri)
    assert evil.requests == []


def test_mend_04_the_conflict_names_the_settings(evil, bucket):
    colleague_logs("d", f"s3://{bucket}/d/", evil)
    with pytest.raises(landfast.Conflict) as caught:
        Client(project="vision").download("d:v0", "out")
    for word in (f'[options."s3://{bucket}/"]', "endpoint_map", "any_endpoint", evil.url):
        assert word in str(caught.value)


def test_mend_04_a_reader_who_names_the_endpoint_reads_there(evil, bucket):
    colleague_logs("d", f"s3://{bucket}/d/", evil)
    reader = Client(project="vision", options={f"s3://{bucket}/": {"endpoint": evil.url}})
    assert reader.download("d:v0", "out").files == 2
    assert reader.verify("d:v0").ok
    assert signed(evil)


def test_mend_04_any_endpoint_reads_where_the_reader_reads(evil, bucket):
    colleague_logs("d", f"s3://{bucket}/d/", evil)
    reader = Client(project="vision")
    assert reader.verify("d:v0", any_endpoint=True).ok
    assert reader.download("d:v0", "out", any_endpoint=True).files == 2
    with reader.get("d:v0").open("k", any_endpoint=True) as file:
        assert file.read() == b"recorded"
    assert evil.requests == []


def test_mend_04_what_was_recorded_anonymously_is_read_anonymously(s3, evil, monkeypatch):
    bucket = s3.bucket()
    s3.client.put_bucket_acl(Bucket=bucket, ACL="public-read")
    s3.client.put_object(Bucket=bucket, Key="d/k", Body=b"recorded", ACL="public-read")
    colleague_logs("d", f"s3://{bucket}/d/", evil, anonymous=True)
    (Path.home() / ".netrc").write_text("default login reader password hunter2\n")
    (Path.home() / ".netrc").chmod(0o600)
    reader = Client(project="vision", options={"s3://": {"region": "us-east-1"}})
    assert reader.download("d:v0", "out").files == 1
    assert reader.verify("d:v0").ok
    assert evil.requests
    assert signed(evil) == []
    elsewhere = Client(project="vision", options={f"s3://{bucket}/": {"endpoint": s3.url}})
    with pytest.raises(landfast.Conflict):
        elsewhere.download("d:v0", "elsewhere")


def test_mend_04_profile_and_role_are_the_readers_own(s3_proxy, monkeypatch):
    server = s3_proxy.direct
    bucket = server.bucket()
    server.put(bucket, "d/k", b"recorded")
    folder = Path.home() / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text(
        "[admin]\naws_access_key_id = AKIAADMINADMINADMIN0\naws_secret_access_key = admin\n"
        "[mine]\naws_access_key_id = AKIAMINEMINEMINEMIN0\naws_secret_access_key = mine\n"
    )
    uri = f"s3://{bucket}/d/"
    Client(project="vision").log("d", Reference(uri, options={"profile": "admin"}))
    Client(project="vision").log("e", uri)

    def asked_by(client: Client, name: str) -> set[str]:
        s3_proxy.proxy.clear()
        assert client.verify(name, deep=True).ok
        return {
            request.headers["authorization"].partition("Credential=")[2][:20]
            for request in s3_proxy.proxy.requests
        }

    assert asked_by(Client(project="vision"), "d") == {server.access_key}
    mine = {"s3://": {"profile": "mine"}}
    assert asked_by(Client(project="vision", options=mine), "d") == {"AKIAMINEMINEMINEMIN0"}
    assert asked_by(Client(project="vision", options=mine), "e") == {"AKIAMINEMINEMINEMIN0"}


def test_mend_04_a_recorded_role_is_not_assumed(s3_proxy, monkeypatch):
    from landfast.model.source import Source

    bucket = s3_proxy.direct.bucket()
    with proxy(s3_proxy.direct.url, classify=http_kind) as sts:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)
        reader = Client(project="vision")
        source = Source(
            uri=f"s3://{bucket}/d/",
            endpoint=s3_proxy.url,
            options={
                "role": "arn:aws:iam::123456789012:role/evil",
                "external_id": "x",
                "region": "eu-west-1",
            },
        )
        from landfast.model.location import Location

        store = reader.context.stores.recorded(Location.parse(source.uri), source)
        list(store.list_page(ListRequest(Location.parse(source.uri))).rows)
        assert sts.requests == []
        assert "eu-west-1" in s3_proxy.proxy.requests[-1].headers["authorization"]


class Vault(MemoryFileSystem):
    """A filesystem with accounts and secrets, as `az://` has them."""

    protocol = "adl"
    cachable = False
    made: list[dict[str, Any]] = []  # noqa: RUF012

    def __init__(self, account_name: str = "ours", account_key: str = "", **more: Any) -> None:
        self.made.append({"account_name": account_name, "account_key": account_key, **more})
        super().__init__()

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.replace("adl://", "memory://")))


def test_mend_04_no_recorded_argument_reaches_a_filesystem(monkeypatch):
    register_implementation("adl", Vault, clobber=True)
    MemoryFileSystem().pipe_file("/d/k", b"recorded")
    evil = {"account_name": "evil", "client_id": "theirs", "anon": True}
    Client(project="vision").log("d", Reference("adl://d/", checksum="sha256", options=evil))
    Client(project="vision").log(
        "quiet", Reference("adl://d/", checksum="sha256", options={"proxy": "http://evil"})
    )
    Vault.made.clear()
    mine = {"adl://": {"account_key": "reader's own"}}
    with pytest.raises(landfast.Conflict, match=r'= "evil" under \[options."adl://d/"'):
        Client(project="vision", options=mine).download("d", "out")
    assert Client(project="vision", options=mine).download("quiet", "out").files == 1
    named = {"adl://": {"account_name": "evil", "account_key": "theirs"}}
    assert Client(project="vision", options=named).download("d", "named").files == 1
    assert {
        made["account_name"] for made in Vault.made if made["account_key"] == "reader's own"
    } == {"ours"}
    assert all(set(made) == {"account_name", "account_key"} for made in Vault.made)
    MemoryFileSystem.store.clear()


def test_mend_04_http_sends_the_recorded_user_nowhere_and_no_default_of_netrc(http_script):
    url = http_script.put("/f", b"recorded", etag=None)
    Client(project="vision").log("d", Reference(url, options={"username": "theirs"}))
    (Path.home() / ".netrc").write_text("default login reader password hunter2\n")
    (Path.home() / ".netrc").chmod(0o600)
    http_script.requests.clear()
    assert Client(project="vision").download("d", "out").files == 1
    assert http_script.requests
    assert not [r for r in http_script.requests if "authorization" in r.headers]


class TestEndpointMap:
    """One server, two names: inside a container and outside of it."""

    @pytest.fixture
    def inside(self, s3, bucket, monkeypatch) -> str:
        url = s3.url.replace("127.0.0.1", "localhost")
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        Client(project="vision").log("d", f"s3://{bucket}/d/")
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
        return url

    def test_mend_16_the_conflict_names_the_map_and_the_map_mends_it(self, s3, inside):
        with pytest.raises(landfast.Conflict, match="endpoint_map"):
            Client(project="vision").verify("d")
        reader = Client(project="vision", endpoint_map={inside: s3.url})
        assert reader.verify("d").ok
        assert reader.download("d", "out").files == 2
        with reader.open("d", "k") as file:
            assert file.read() == b"recorded"

    def test_mend_16_the_map_names_the_endpoint_where_nothing_else_does(
        self, s3, inside, monkeypatch
    ):
        monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
        Path("landfast.toml").write_text(f'[endpoint_map]\n"{inside}/" = "{s3.url}/"\n')
        assert Client(project="vision").download("d", "out").files == 2

    def test_mend_16_inside_the_map_is_in_nobodys_way(self, s3, inside, monkeypatch):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", inside)
        reader = Client(project="vision", endpoint_map={inside: "http://127.0.0.1:1"})
        assert reader.download("d", "out").files == 2

    def test_mend_16_a_third_endpoint_is_still_a_conflict(self, s3, inside):
        reader = Client(project="vision", endpoint_map={"http://other:9000": s3.url})
        with pytest.raises(landfast.Conflict):
            reader.download("d", "out")

    def test_mend_16_a_wrong_map_is_named(self, inside):
        with pytest.raises(landfast.InvalidInput, match="is not an endpoint"):
            Client(project="vision", endpoint_map={inside: "ftp://x"}).download("d", "out")
        Path("landfast.toml").write_text("[endpoint_map]\na = 1\n")
        with pytest.raises(landfast.InvalidInput, match="endpoint_map of 'a'"):
            Client(project="vision")
