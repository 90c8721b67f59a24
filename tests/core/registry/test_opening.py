"""Opening, making and refusing a registry: one line that says what to do, and never a password."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from kit.servers.postgres import Postgres
from landfast.errors import (
    AccessDenied,
    Conflict,
    InvalidInput,
    LandfastError,
    MissingExtra,
    NotFound,
    Unavailable,
)
from landfast.registry.database import filesystem
from landfast.registry.opener import init_registry, open_registry
from landfast.registry.registry import Registry
from landfast.registry.values import RunStart
from landfast.settings import default_registry_url
from landfast.testing.registry.drafts import NAME, RUN, log

SECRET = "hunter2hunter2"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "registry.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


def open_once(url: str, **given: object) -> str:
    """Open and close; return the registry's id."""
    registry = open_registry(url, **given)  # type: ignore[arg-type]
    registry.close()
    return registry.info.id


def test_a_sqlite_registry_makes_itself_for_its_owner_alone(path: Path, url: str) -> None:
    registry = open_registry(url)
    log(registry, "a")
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes.pop("registry.db") == 0o600
    assert modes == dict.fromkeys(["registry.db-wal", "registry.db-shm"], 0o600)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    registry.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_many_may_make_it_at_once(url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: open_once(url), range(16)))
    assert len(ids) == 1


def test_it_is_made_only_on_request(path: Path, url: str) -> None:
    with pytest.raises(NotFound, match="by: landfast registry init sqlite:///"):
        open_registry(url, create=False)
    assert not path.parent.exists()
    path.parent.mkdir()
    path.touch()
    with pytest.raises(Conflict, match="a file of 0 bytes"):
        open_registry(url, create=False)


READS: tuple[Callable[[Registry], object], ...] = (
    lambda registry: registry.info,
    lambda registry: registry.get(NAME),
    lambda registry: list(registry.collections(entity="default")),
    lambda registry: list(registry.runs(entity="default")),
    lambda registry: registry.promote(NAME, "prod"),
    lambda registry: registry.delete(NAME),
    lambda registry: registry.log_unchanged([]),
)
RECORDS: tuple[Callable[[Registry], object], ...] = (
    lambda registry: registry.ticket(),
    lambda registry: registry.begin_run(RunStart(key=RUN, entity="default", project="vision")),
    lambda registry: registry.record_blobs({"a" * 64: 1}),
)


@pytest.mark.parametrize("record", RECORDS)
def test_mend_19_it_is_made_by_the_first_verb_that_records(
    path: Path, url: str, record: Callable[[Registry], object]
) -> None:
    registry = open_registry(url, late=True)
    for read in READS:
        with pytest.raises(NotFound, match="no registry at"):
            read(registry)
    # Who follows the feed waits for the first log.
    assert (list(registry.changes()), registry.head()) == ([], 0)
    assert registry.pending_announcement(NAME, "me") is None
    assert registry.announced_position("me") == 0
    assert not path.parent.exists()
    record(registry)
    assert registry.info.id
    assert path.is_file()
    registry.close()


def test_mend_19_one_that_another_process_makes_is_found(path: Path, url: str) -> None:
    waiting = open_registry(url, late=True)
    info = open_once(url)
    assert waiting.info.id == info
    assert waiting.head() == 0
    waiting.close()


def test_mend_19_who_opens_it_while_it_is_made_finds_none_or_all_of_it(
    path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from landfast.registry.schema import creation

    whole = creation.create_tables

    def met(*arguments: object) -> None:
        with pytest.raises(NotFound):
            open_registry(url, create=False)
        whole(*arguments)
        with pytest.raises(NotFound):
            open_registry(url, create=False)

    monkeypatch.setattr(creation, "create_tables", met)
    open_once(url)
    assert [file.name for file in path.parent.iterdir() if file.name.startswith(".")] == []


def test_mend_19_a_database_without_tables_is_none_until_something_is_recorded(
    path: Path, url: str
) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1")
    before = path.read_bytes()
    registry = open_registry(url, late=True)
    with pytest.raises(NotFound):
        print(registry.info)
    assert path.read_bytes() == before
    registry.ticket()
    assert registry.head() == 0
    registry.close()


def test_the_default_store_lies_beside_the_file_wherever_that_moves(path: Path, url: str) -> None:
    open_once(url)
    moved = path.parent.rename(path.parent.with_name("moved to"))
    registry = open_registry(f"sqlite:///{moved}/registry.db")
    assert registry.info.store_url == f"{moved.as_uri()}/registry.blobs/"
    registry.close()


def test_a_relative_path_is_taken_from_the_working_folder_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    registry = open_registry("sqlite:///here.db")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    registry.close()
    log(registry, "a")
    registry.close()
    assert registry.info.url == f"sqlite:///{tmp_path}/here.db"
    assert list(elsewhere.iterdir()) == []


def test_the_default_is_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere/share")
    if sys.platform == "linux":
        assert default_registry_url() == "sqlite:////somewhere/share/landfast/registry.db"


def test_opening_and_logging_import_no_alembic(url: str) -> None:
    script = (
        "import sys; from landfast.registry.opener import open_registry\n"
        f"registry = open_registry({url!r}); registry.ticket(); registry.close()\n"
        "sys.exit('alembic' in sys.modules or 'psycopg' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


class TestStore:
    def test_the_store_is_a_property_of_the_registry(self, registry_url: str) -> None:
        for same in (None, "s3://bucket/store", "s3://bucket/store/"):
            open_once(registry_url, store_url=same)
        with pytest.raises(Conflict, match="expected s3://bucket/store/, found s3://other/"):
            open_registry(registry_url, store_url="s3://other/")

    def test_making_it_again_is_harmless_with_the_same_store(self, registry_url: str) -> None:
        first = init_registry(registry_url, "s3://bucket/store/")
        assert init_registry(registry_url, "s3://bucket/store/") == first
        with pytest.raises(Conflict, match="another store"):
            init_registry(registry_url, "s3://other/")

    def test_postgresql_needs_one(self, postgres_url: str) -> None:
        with pytest.raises(InvalidInput, match=r"landfast registry init postgresql.* --store URL"):
            init_registry(postgres_url)

    def test_a_secret_in_it_is_refused(self, url: str, path: Path) -> None:
        with pytest.raises(InvalidInput) as caught:
            open_registry(url, store_url=f"https://u:{SECRET}@h/store/")
        check_no_secret(caught.value)
        assert not path.exists()


class TestNetwork:
    def test_a_network_filesystem_is_refused_unless_allowed(
        self, path: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mounts = tmp_path / "mounts"
        mounts.write_text(f"/dev/sda / ext4 rw 0 0\nnas:/x {tmp_path}/data nfs4 rw 0 0\n")
        monkeypatch.setattr(filesystem, "_MOUNTS", mounts)
        message = r"network filesystem \(nfs4\).*postgresql.*LANDFAST_ALLOW_NETWORK_SQLITE=1"
        with pytest.raises(Conflict, match=message):
            open_registry(url)
        assert not path.exists()
        monkeypatch.setenv("LANDFAST_ALLOW_NETWORK_SQLITE", "1")
        open_once(url)

    @pytest.mark.parametrize(
        ("folder", "kind"),
        [
            ("/mnt/nfs/x", "nfs"),
            ("/mnt/nfs", "nfs"),
            ("/mnt/nfs2", None),
            ("/mnt/nfs/local/x", None),
            ("/mnt/with blank/x", "cifs"),
            ("/mnt/ssh", "fuse.sshfs"),
            ("/mnt/over/x", None),
            ("/", None),
        ],
    )
    def test_the_innermost_mount_decides(self, folder: str, kind: str | None) -> None:
        mounts = (
            "/dev/sda / ext4 rw 0 0\nnas:/x /mnt/nfs nfs rw 0 0\n/dev/sdb /mnt/nfs/local xfs rw 0 0\n"
            "//w/x /mnt/with\\040blank cifs rw 0 0\nh:/ /mnt/ssh fuse.sshfs rw 0 0\n"
            "nas:/y /mnt/over nfs rw 0 0\ntmpfs /mnt/over tmpfs rw 0 0\nnonsense\n"
        )
        assert filesystem.network_type(Path(folder), mounts) == kind


class TestRefused:
    @pytest.mark.parametrize(
        ("url", "message"),
        [
            ("mysql://h/db", "expected sqlite:///PATH or postgresql://"),
            ("/plain/path.db", "found no scheme"),
            ("http://h/registry", "does not exist yet"),
            ("https://h/registry", "does not exist yet"),
            ("sqlite://", "names no SQLite file"),
            ("sqlite:///:memory:?cache=shared", "without a query"),
            (f"postgresql://u:{SECRET}@h:port/db", "cannot be read"),
        ],
    )
    def test_a_url_that_can_be_none(self, url: str, message: str) -> None:
        with pytest.raises(InvalidInput, match=message) as caught:
            open_registry(url)
        check_no_secret(caught.value)

    def test_a_file_that_is_no_database(self, path: Path, url: str) -> None:
        path.parent.mkdir()
        path.write_text("just some text, and enough of it for a header of SQLite " * 20)
        with pytest.raises(Conflict, match="not a usable SQLite database") as caught:
            open_registry(url)
        check_one_line(caught.value)

    def test_a_database_of_something_else(self, path: Path, url: str) -> None:
        path.parent.mkdir()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE songs (title TEXT)")
        with pytest.raises(Conflict, match="found the table 'songs'"):
            open_registry(url)

    def test_a_folder(self, path: Path, url: str) -> None:
        path.mkdir(parents=True)
        with pytest.raises(Conflict, match="is not a file"):
            open_registry(url)

    def test_a_corrupt_file(self, path: Path, url: str) -> None:
        open_once(url)
        whole = path.read_bytes()
        path.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
        with pytest.raises(Conflict, match="Restore it from a backup"):
            open_registry(url)

    def test_a_postgresql_without_tables_names_init(self, postgres_url: str) -> None:
        message = r"no registry at postgresql://.*Run: landfast registry init postgresql.*--store"
        with pytest.raises(NotFound, match=message):
            open_registry(postgres_url)

    def test_a_postgresql_database_that_is_not_there(self, postgres_server: Postgres) -> None:
        with pytest.raises(NotFound, match="Create the database") as caught:
            open_registry(postgres_server.url("nowhere"))
        check_one_line(caught.value)

    def test_a_postgresql_that_does_not_answer(self) -> None:
        url = f"postgresql://ann:{SECRET}@127.0.0.1:1/db?sslpassword={SECRET}"
        with pytest.raises(Unavailable, match="refused") as caught:
            open_registry(url)
        check_one_line(caught.value)
        check_no_secret(caught.value)

    def test_psycopg_that_is_not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "psycopg", None)
        with pytest.raises(MissingExtra, match=r"pip install 'landfast\[postgres\]'"):
            open_registry("postgresql://h/db")


class TestPassword:
    def test_it_is_nowhere_to_be_seen(self, postgres_url: str) -> None:
        url = postgres_url.replace("postgres@", f"postgres:{SECRET}@")
        info = init_registry(url, "s3://bucket/")
        registry = open_registry(url)
        assert info == registry.info
        shown = [
            repr(registry),
            repr(registry.info),
            str(info.url),
            repr(registry._database.open().url),
        ]
        assert not any(SECRET in text for text in shown)
        log(registry, "a")
        with pytest.raises(NotFound) as caught:
            registry.get(NAME.at(9))
        check_no_secret(caught.value)
        registry.close()

    def test_a_registry_is_not_pickled(self, url: str) -> None:
        import pickle

        registry = open_registry(url)
        with pytest.raises(TypeError, match="open it by its URL"):
            pickle.dumps(registry)
        registry.close()


class TestPermissions:
    """As an unprivileged user, for whom read-only means something."""

    @pytest.fixture
    def shared(self) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(prefix="landfast-permissions-"))
        folder.chmod(0o755)
        yield folder
        shutil.rmtree(folder)

    def test_a_read_only_file_is_read_but_not_written(self, shared: Path) -> None:
        url = f"sqlite:///{shared}/registry.db"
        registry = open_registry(url)
        log(registry, "a")
        registry.close()
        shared.chmod(0o777)
        (shared / "registry.db").chmod(0o444)

        def body() -> None:
            registry = open_registry(url)
            assert registry.get(NAME).index == 0
            registry.ticket()

        found = as_nobody(body)
        assert found.startswith("AccessDenied")
        assert f"expected permission to write {shared}/registry.db" in found

    def test_a_read_only_folder_has_no_place_for_one(self, shared: Path) -> None:
        found = as_nobody(lambda: open_registry(f"sqlite:///{shared}/sub/registry.db"))
        assert found.startswith("AccessDenied")
        assert f"expected permission to write in {shared}" in found

    def test_a_read_only_folder_around_one(self, shared: Path) -> None:
        url = f"sqlite:///{shared}/registry.db"
        open_once(url)
        (shared / "registry.db").chmod(0o666)
        found = as_nobody(lambda: open_registry(url).ticket())
        assert found.startswith("AccessDenied")
        assert f"expected permission to write in {shared}" in found

    def test_an_unreadable_file(self, shared: Path) -> None:
        url = f"sqlite:///{shared}/registry.db"
        open_once(url)
        found = as_nobody(lambda: open_registry(url))
        assert found.startswith("AccessDenied")
        assert f"expected permission to read {shared}/registry.db" in found


def as_nobody(body: Callable[[], object]) -> str:
    """Run `body` in a child without root's rights; return its error as text."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            body()
            text = "no error"
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        os.write(writer, text.encode()[:4000])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    assert "\n" not in text
    return text


def check_one_line(error: LandfastError) -> None:
    assert "\n" not in str(error)
    assert "sqlalche.me" not in str(error)


def check_no_secret(error: BaseException) -> None:
    assert SECRET not in "".join(traceback.format_exception(error))
    assert SECRET not in repr(error)


def test_access_denied_is_what_a_wrong_password_gets(postgres_url: str) -> None:
    """The server of the tests asks for none, so the message of one that does stands in."""
    from landfast.registry.database.faults import translate
    from landfast.registry.database.url import RegistryUrl
    from sqlalchemy.exc import OperationalError

    url = RegistryUrl.parse(f"postgresql://ann:{SECRET}@h/db")
    refused = Exception(f'FATAL: password authentication failed for user "ann" ({SECRET})\nmore')
    error = translate(OperationalError("", {}, refused), url)
    assert isinstance(error, AccessDenied)
    check_one_line(error)
    check_no_secret(error)
