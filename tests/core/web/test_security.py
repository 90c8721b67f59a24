"""Who may ask, what is answered to whom, and what is never on a page."""

import contextlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import landfast
import pytest
from kit.pages import Served, serving
from landfast.client import Client
from landfast.errors import InvalidInput, Unavailable
from landfast.web.app import PAGES
from landfast.web.mask import masked
from landfast.web.server import Address, bound, serve


def send(port: int, text: str) -> tuple[int, str]:
    """Send bytes of HTTP as they are; return the status and all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        connection.sendall(text.replace("\n", "\r\n").encode("latin-1"))
        reply = b""
        while piece := connection.recv(65536):
            reply += piece
    status = re.match(rb"HTTP/1\.. (\d+)", reply)
    return (int(status[1]) if status else 0), reply.decode("latin-1")


def by_host(port: int, *headers: str) -> int:
    lines = "\n".join(headers)
    return send(port, f"GET / HTTP/1.1\n{lines}\nConnection: close\n\n")[0]


# -- by which name -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "LOCALHOST:1", "localhost.", "[::1]", "[::1]:4747", "localhost:"],
)
def test_it_is_called_by_its_names(client: Client, pages: Served, host: str) -> None:
    client.init_registry()
    assert by_host(pages.port, f"Host: {host}") == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:4747",
        "localhost@evil.example",
        "evil.example#localhost",
        "[::2]",
        "::1",
        "",
        "127.0.0.2",
        "2130706433",
        "localhost..",
    ],
)
def test_by_any_other_name_it_answers_nothing(client: Client, pages: Served, host: str) -> None:
    client.init_registry()
    status = by_host(pages.port, f"Host: {host}", "X-Forwarded-Host: localhost")
    assert status in {400, 421}
    assert by_host(pages.port, f"Host: {host}", "Forwarded: host=localhost") in {400, 421}


def test_a_request_with_two_names_or_none_is_refused(client: Client, pages: Served) -> None:
    client.init_registry()
    assert by_host(pages.port, "Host: localhost", "Host: evil.example") in {400, 421}
    assert by_host(pages.port, "X-Forwarded-Host: localhost") in {400, 421}
    assert send(pages.port, "GET / HTTP/1.0\n\n")[0] in {400, 421}
    whole = send(
        pages.port,
        "GET http://evil.example/ HTTP/1.1\nHost: evil.example\nConnection: close\n\n",
    )
    assert whole[0] in {400, 421}


def test_a_name_that_is_allowed_is_answered(client: Client) -> None:
    client.init_registry()
    with serving(client, hosts=frozenset({"hub.example"})) as pages:
        assert by_host(pages.port, "Host: hub.example") == 200
        assert by_host(pages.port, "Host: localhost") == 421
        # An address cannot be led elsewhere, as a name can.
        assert by_host(pages.port, f"Host: 127.0.0.1:{pages.port}") == 200


# -- how ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/", "/a/b/c", "/-/static/landfast.css", "/no/such/page/x/y"])
def test_other_methods_are_refused(pages: Served, method: str, path: str) -> None:
    reply = pages.ask(method, path)
    assert reply.status == 405
    assert reply.headers["allow"] == "GET, HEAD, POST"


def test_every_reply_has_the_headers_of_safety(client: Client, pages: Served, data: Path) -> None:
    client.log("data", data)
    paths = [
        "/",
        "/default/vision/data",
        "/default/vision/data/file?path=a.txt",
        "/-/static/landfast.css",
        "/-/static/no",
        "/default/vision/none",
        "/index.json",
    ]
    for path in paths:
        headers = pages.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("token", "headers", "status"),
    [
        ("a-token", {}, 200),
        ("a-token", {"Sec-Fetch-Site": "same-origin"}, 200),
        ("wrong", {}, 403),
        ("", {}, 403),
        ("é", {}, 403),
        ("a-token", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("a-token", {"Sec-Fetch-Site": "same-site"}, 403),
        ("a-token", {"Sec-Fetch-Site": "none"}, 403),
        ("a-token", {"Origin": "http://evil.example"}, 403),
        ("a-token", {"Origin": "null"}, 403),
    ],
)
def test_only_a_page_of_this_server_can_ask_for_work(
    client: Client, pages: Served, token: str, headers: dict[str, str], status: int
) -> None:
    from urllib.parse import urlencode

    client.init_registry()
    body = urlencode({"token": token, "what": "check"}).encode()
    reply = pages.ask("POST", "/-/health", body=body, headers=headers)
    assert reply.status == status


def test_without_a_token_of_its_own_a_server_does_no_work(client: Client) -> None:
    client.init_registry()
    with serving(client, token="") as pages:
        assert pages.ask("POST", "/-/health", body=b"token=&what=check").status == 403


# -- below a proxy -----------------------------------------------------------------------------------


@pytest.mark.parametrize("taken_off", [True, False])
def test_below_a_proxy_all_addresses_begin_with_its_path(
    client: Client, data: Path, *, taken_off: bool
) -> None:
    client.log("data", data)
    root = "/user/ana/proxy/4747"
    before = "" if taken_off else root
    with serving(client, root_path=root) as pages:
        for path in ("/", "/default/vision/data", "/default/vision/data/file?path=a.txt"):
            page = pages.get(before + path)
            assert page.status == 200
            inside = re.findall(r'(?:href|src|action)="(/[^"]*)"', page.text)
            assert inside
            assert all(address.startswith(root + "/") for address in inside)
        assert pages.get(f"{before}/-/static/landfast.css").status == 200
        assert pages.get(before + "/index.json").status == 200
        assert pages.get(root).status == 200
        assert pages.get(root + "x/").status == 404


# -- nothing of elsewhere, and no secret -------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/-/static/../app.py",
        "/-/static/..%2fapp.py",
        "/-/static/%2e%2e/app.py",
        "/-/static//etc/passwd",
        "/-/static/..%5capp.py",
        "/..%2f..%2fetc/passwd",
    ],
)
def test_no_file_of_the_machine_is_served(pages: Served, path: str) -> None:
    reply = pages.get(path)
    assert reply.status >= 400
    assert b"root:" not in reply.body
    assert b"import" not in reply.body


SECRETS = [
    "X-Amz-Signature",
    "sig",
    "X-Goog-Signature",
    "access_token",
    "token",
    "Signature",
    "pwd",
]
SECRET = "Zq8hunter2Zq8"


@pytest.fixture
def with_secrets(client: Client) -> Iterator[landfast.ArtifactVersion]:
    """A version whose source, run, link, metadata and description were given secrets."""
    from kit.servers.loopback import LoopbackHandler, LoopbackServer
    from kit.servers.loopback import serving as listening

    class Plain(LoopbackHandler):
        def do_GET(self) -> None:  # noqa: N802
            self.answer()

        def do_HEAD(self) -> None:  # noqa: N802
            self.answer()

        def answer(self) -> None:
            self.send_response(200)
            self.send_header("ETag", '"1"')
            self.send_header("Content-Length", "1")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(b"x")

    server = LoopbackServer(Plain)
    with listening(server):
        query = "&".join(f"{name}={SECRET}" for name in SECRETS)
        client.begin_run(
            job_type="load",
            config={
                "db_password": SECRET,
                "url": f"https://u:{SECRET}@h/x",
                "deep": {"api_key": [SECRET]},
            },
            link=f"https://h/run?access_token={SECRET}",
        )
        yield client.log(
            "secret",
            landfast.Reference(f"{server.url}/a.bin?{query}"),
            metadata={"secret_key": SECRET, "note": f"postgresql://ann:{SECRET}@db/x", "lr": 0.1},
            description=f"from https://h/?X-Amz-Signature={SECRET}",
        )


def test_no_secret_is_on_any_page_or_twin(
    client: Client, pages: Served, with_secrets: landfast.ArtifactVersion
) -> None:
    run = with_secrets.logged_by()
    assert run is not None
    name = "/default/vision/secret"
    (entry,) = with_secrets.entries()
    addresses = [
        "/?q=secret",
        "/default/vision",
        name,
        f"{name}?version=v0",
        f"{name}/files?version=v0",
        f"{name}/file?version=v0&path={entry.path}",
        f"{name}/raw?version=v0&path={entry.path}",
        f"{name}/lineage?version=v0",
        f"/-/run/{run.id}",
        "/runs",
        "/-/changes",
        "/-/health",
        f"/-/object?uri={entry.uri}",
    ]
    for address in addresses:
        mark = "&" if "?" in address else "?"
        for text in (pages.get(address).text, pages.get(f"{address}{mark}format=json").text):
            assert SECRET not in text, address
    assert pages.get(f"{name}?version=v0&format=json").data["metadata"]["lr"] == 0.1


def test_masking_leaves_names_alone() -> None:
    names = {"path": "a?sig=1/b", "uri": "s3://b/k?token=x", "rows": [{"key": "password=1"}]}
    assert masked(names) == names
    assert masked({"metadata": {"a": [{"client_secret": 3}]}}) == {
        "metadata": {"a": [{"client_secret": "***"}]}
    }


# -- starting it -------------------------------------------------------------------------------------


def test_a_bind_that_others_reach_needs_leave_and_says_what_it_shows(client: Client) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org"):
        with pytest.raises(InvalidInput, match="--allow-remote"):
            serve(client, Address(host=host, port=0), say=print, opens=False)


def test_a_taken_port_is_said(client: Client) -> None:
    client.init_registry()
    with contextlib.closing(bound(Address(port=0))) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(Unavailable, match=f"port {port} .*--port"):
            serve(client, Address(port=port), say=print, opens=False)


@pytest.mark.parametrize(("port", "root_path"), [(-1, ""), (65536, ""), (0, "proxy/4747")])
def test_a_wrong_address_is_said(port: int, root_path: str) -> None:
    with pytest.raises(InvalidInput):
        Address(port=port, root_path=root_path)


def test_no_page_answers_with_a_traceback(client: Client, pages: Served) -> None:
    """Even where the registry cannot be opened at all."""
    for path in PAGES:
        address = re.sub(r"{\w+}", "x", path)
        reply = pages.get(address)
        assert reply.status < 500, address
        assert "Traceback" not in reply.text
