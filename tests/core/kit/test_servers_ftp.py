"""The FTP server serves a folder to whoever knows the password."""

import ftplib

import pytest
from kit.servers import ftp as module
from kit.servers.process import ServerMissing


@pytest.fixture
def server():
    try:
        with module.ftp() as running:
            yield running
    except ServerMissing as missing:
        pytest.skip(str(missing))


def connect(server, password):
    client = ftplib.FTP(timeout=60)
    client.connect("127.0.0.1", server.port)
    try:
        client.login(server.username, password)
    except ftplib.error_perm:
        client.close()
        raise
    return client


def test_it_serves_sizes_times_and_bytes(server):
    (server.folder / "file").write_bytes(b"0123456789")
    with connect(server, server.password) as client:
        ((name, facts),) = client.mlsd("/")
        assert (name, facts["size"], facts["type"]) == ("file", "10", "file")
        assert len(facts["modify"]) == 14
        received = []
        client.retrbinary("RETR file", received.append, rest=4)
    assert b"".join(received) == b"456789"


def test_a_wrong_password_is_refused(server):
    with pytest.raises(ftplib.error_perm, match="530"):
        connect(server, "wrong")
    assert server.password not in repr(server)


def test_a_missing_pyftpdlib_is_named(monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ServerMissing, match="pip install pyftpdlib"), module.ftp():
        pytest.fail("a missing server started")
