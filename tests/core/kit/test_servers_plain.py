"""Python's http.server is a poor server, as the tests of the HTTP store need it."""

import urllib3
from kit.servers.plain import plain


def test_it_knows_neither_etag_nor_range():
    with plain() as server, urllib3.PoolManager(retries=False) as http:
        (server.folder / "file").write_bytes(b"0123456789")
        reply = http.request("GET", f"{server.url}/file", headers={"Range": "bytes=2-4"})
        assert (reply.status, reply.data) == (200, b"0123456789")
        assert "ETag" not in reply.headers
        assert "Last-Modified" in reply.headers


def test_it_serves_a_folder_of_the_callers(tmp_path):
    (tmp_path / "file").write_bytes(b"mine")
    with plain(tmp_path) as server, urllib3.PoolManager(retries=False) as http:
        assert http.request("GET", f"{server.url}/file").data == b"mine"
