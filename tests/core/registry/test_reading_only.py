"""Who may only read the registry can do everything that reads, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE

import psycopg
import pytest
from click.testing import CliRunner
from landfast import AccessDenied, Client, Conflict, NotFound
from landfast.cli import main
from landfast.registry.database import sqlite_file
from landfast.registry.opener import init_registry, open_registry

READING = (
    "ls",
    "ls data",
    "ls data:v0",
    "show data",
    "history data",
    "changes",
    "diff data:v0 data:v1",
    "verify data",
    "lineage data",
    "lineage --object file://{folder}/place/a",
    "run ls",
    "registry info",
    "gc",
    "get data --root {out}/1",
    "get data --root {out}/2 --no-use",
)
WRITING = ("promote data:v0 prod", "rm data:v0", "tag data:v0 x", "put {folder}/place --name new")


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everybody may enter."""
    folder = Path(tempfile.mkdtemp(prefix="landfast-read-only-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def fill(url: str, folder: Path) -> Client:
    (folder / "place").mkdir()
    client = Client(url)
    for text in "ab":
        (folder / "place/a").write_text(text)
        client.log("data", folder / "place")
    return client


def as_nobody(body: Callable[[], str]) -> str:
    """Run `body` in a child without root's rights; return what it does, or its error as text."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            text = body()
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        os.write(writer, text.encode()[:60_000])
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        text = pipe.read().decode()
    os.waitpid(child, 0)
    return text


def told(commands: tuple[str, ...], url: str, **places: Path) -> str:
    """Run commands; tell the exit code and the output of each."""
    lines = []
    for command in commands:
        arguments = [*command.format(**places).split(), "--registry", url]
        done = CliRunner().invoke(main, arguments)
        lines.append(
            f"{done.exit_code} {command}: {' '.join(done.stderr.split())} {done.exception or ''}"
        )
    return "\n".join(lines)


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder where everybody may write, and the cache in it."""
    folder = Path(tempfile.mkdtemp(prefix="landfast-out-"))
    folder.chmod(0o777)
    monkeypatch.setenv("LANDFAST_CACHE_DIR", str(folder / "cache"))
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
print(connection.execute("SELECT count(*) FROM versions").fetchone(), flush=True)
sys.stdin.read()
"""


@contextmanager
def another_process_has_it_open(path: Path) -> Iterator[None]:
    """Keep what is logged in the write-ahead log: nobody is the last one to close it."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline()
        yield
        holder.kill()


@pytest.mark.parametrize("may", ["nothing", "folder", "file"])
def test_mend_19_a_sqlite_file_that_is_read_only_serves_all_that_reads(shared, out, may) -> None:
    url = f"sqlite:///{shared}/registry.db"
    client = fill(url, shared)
    client.close()
    (shared / "registry.db").chmod(0o666 if may == "file" else 0o644)
    shared.chmod(0o777 if may == "folder" else 0o755)
    before = sorted(shared.iterdir())
    check_reading(url, shared, out, "in " if may == "file" else "")
    assert sorted(shared.iterdir()) == before
    client.log("data", shared / "place")


@pytest.mark.parametrize("may", ["nothing", "folder"])
def test_mend_19_a_read_only_file_is_read_with_the_log_of_who_writes(shared, out, may) -> None:
    url = f"sqlite:///{shared}/registry.db"
    client = fill(url, shared)
    client.close()
    (shared / "registry.db").chmod(0o644)  # and so its log
    shared.chmod(0o777 if may == "folder" else 0o755)
    with another_process_has_it_open(shared / "registry.db"):
        size = (shared / "registry.db").stat().st_size
        (shared / "place/a").write_text("newer")
        client.log("data", shared / "place")
        client.close()
        before = sorted(shared.iterdir())
        assert (shared / "registry.db-wal").stat().st_size > 0
        assert (shared / "registry.db").stat().st_size == size
        check_reading(url, shared, out, "")
        assert as_nobody(lambda: Client(url).get("data").version) == "v2"
        assert sorted(shared.iterdir()) == before
    assert as_nobody(lambda: Client(url).get("data").version) == "v2"
    assert sorted(shared.iterdir()) == before
    client.log("data", shared / "place")


def check_reading(url: str, shared: Path, out: Path, denied: str) -> None:
    told(READING, url, folder=shared, out=out)  # everything is imported that it needs
    for place in out.iterdir():
        shutil.rmtree(place)

    found = as_nobody(lambda: told(READING, url, folder=shared, out=out)).splitlines()
    assert len(found) == len(READING)
    for line in found:
        assert line.startswith("0 "), line
        assert ("the use of this version is not recorded" in line) == (
            "get data --root {out}/1" in line
        )
    for line in as_nobody(lambda: told(WRITING, url, folder=shared, out=out)).splitlines():
        assert line.startswith("13 "), line
        assert f"expected permission to write {denied}{shared}" in line


def test_mend_19_a_writer_that_comes_while_a_reader_reads_is_seen_whole(shared) -> None:
    url = f"sqlite:///{shared}/registry.db"
    fill(url, shared).close()
    looks = []

    def read_beside_a_writer() -> str:
        registry = open_registry(url, create=False)
        look = sqlite_file.look

        def changing(path: Path) -> tuple[int, int, int, bool]:
            looks.append(look(path))
            # The second look of the first reading finds that somebody has written.
            return (*looks[-1][:1], min(3, len(looks)), *looks[-1][2:])

        sqlite_file.look = changing
        found = [record.name for record in registry.collections(entity="default")]
        return f"{found} after {len(looks)} looks"

    (shared / "registry.db").chmod(0o444)
    found = as_nobody(read_beside_a_writer)
    assert found == "['data'] after 5 looks"


def test_mend_19_a_postgresql_role_that_may_read_does_all_that_reads(
    postgres_url, tmp_path, monkeypatch
) -> None:
    init_registry(postgres_url, store_url=str(tmp_path / "store"))
    fill(postgres_url, tmp_path).close()
    role = f"reader_{os.getpid()}"
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {role} LOGIN")
        try:
            url = postgres_url.replace("postgres@", f"{role}@")
            told_nothing = told(("ls",), url)
            assert f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};" in told_nothing
            assert told_nothing.startswith("13 ")
            owner.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
            for line in told(READING, url, folder=tmp_path, out=tmp_path / "out").splitlines():
                assert line.startswith("0 "), line
                is_use = "get data --root {out}/1" in line
                assert ("the use of this version is not recorded" in line) == is_use
            places = {"folder": tmp_path, "out": tmp_path}
            for line in told(WRITING, url, **places).splitlines():
                assert line.startswith("13 "), line
                grants = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO"
                assert f"{grants} {role}; GRANT USAGE ON ALL SEQUENCES" in line
            owner.execute("REVOKE USAGE ON SCHEMA public FROM public")
            assert f"GRANT USAGE ON SCHEMA public TO {role};" in told(("ls",), url)
        finally:
            owner.execute(f"DROP OWNED BY {role}")
            owner.execute(f"DROP ROLE {role}")


def test_mend_19_who_cannot_log_in_is_denied_and_not_told_to_try_again(
    postgres_server, postgres_url
) -> None:
    name = postgres_url.rpartition("/")[2]
    role = f"outsider_{os.getpid()}"
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {role} LOGIN")
        owner.execute(f"CREATE ROLE {role}_off NOLOGIN")
        owner.execute(f'REVOKE CONNECT ON DATABASE "{name}" FROM public')
        try:
            for user, told_of in (
                ("nobody_here", 'role "nobody_here" does not exist'),
                (f"{role}_off", "not permitted to log in"),
                (role, "GRANT CONNECT ON DATABASE"),
            ):
                with pytest.raises(AccessDenied, match=told_of):
                    open_registry(postgres_url.replace("postgres@", f"{user}@"))
        finally:
            owner.execute(f"DROP ROLE {role}, {role}_off")


@pytest.mark.parametrize(
    "option", ["foo=bar", "sslmode=bogus", "connect_timeout=x", "sslmode=require"]
)
def test_mend_19_a_url_that_can_never_work_is_invalid(postgres_url, option) -> None:
    from landfast import InvalidInput

    with pytest.raises(InvalidInput, match="options of its URL"):
        open_registry(f"{postgres_url}?{option}")


def test_mend_19_an_emptied_file_is_an_error_that_says_how_to_go_on(tmp_path) -> None:
    path = tmp_path / "registry.db"
    url = f"sqlite:///{path}"
    fill(url, tmp_path).close()
    path.write_bytes(b"")
    for command in (*READING, *WRITING, f"registry init {url}", f"registry upgrade {url}"):
        (line,) = told((command,), url, folder=tmp_path, out=tmp_path).splitlines()
        assert line.startswith("11 "), line
        assert "a file of 0 bytes" in line
        assert "Put a backup in its place" in line
        assert "delete the file" in line
    assert path.read_bytes() == b""
    (tmp_path / "registry.db.before-upgrade-0001-x").write_bytes(b"x")
    with pytest.raises(Conflict, match=r"registry\.db\.before-upgrade-0001-x"):
        open_registry(url)
    path.unlink()
    assert Client(url).log("data", tmp_path / "place").version == "v0"


@pytest.mark.parametrize("named", ["nonexistent/dir/reg.db", "reg.db"])
def test_mend_19_a_mistyped_registry_is_an_error_and_is_not_made(tmp_path, named) -> None:
    url = f"sqlite:///{tmp_path}/{named}"
    (tmp_path / "place").mkdir()
    (tmp_path / "place/a").write_text("a")
    before = sorted(tmp_path.rglob("*"))
    commands = [*READING, *WRITING[:3], "get data:prod", "show data:v0", "registry upgrade"]
    for line in told(tuple(commands), url, folder=tmp_path, out=tmp_path / "out").splitlines():
        assert line.startswith("10 "), line
        assert f"there is no registry at {url}. It is made by the first log, or by" in line
    client = Client(url)
    assert client.probe(tmp_path / "place").startswith("lf1:")
    assert client.scan(tmp_path / "place").summary.count == 1
    assert sorted(tmp_path.rglob("*")) == before
    assert told(("put {folder}/place --name data",), url, folder=tmp_path).startswith("0 ")
    assert Path(f"{tmp_path}/{named}").is_file()


def test_mend_19_the_embedded_registry_is_empty_until_the_first_log_makes_it(tmp_path) -> None:
    before = sorted(Path.home().rglob("*"))
    client = Client()
    assert client.collections() == []
    assert list(client.runs()) == []
    with pytest.raises(NotFound, match="data does not exist"):
        client.get("data")
    done = CliRunner().invoke(main, ["ls"])
    assert (done.exit_code, done.stdout.split()[:1]) == (0, ["COLLECTION"])
    done = CliRunner().invoke(main, ["registry", "info"])
    assert done.exit_code == 10
    assert "It is made by the first log" in done.stderr
    assert sorted(Path.home().rglob("*")) == before
    (tmp_path / "a").write_text("a")
    assert Client().log("data", tmp_path / "a").version == "v0"
    assert [each.name for each in client.collections()] == ["data"]
