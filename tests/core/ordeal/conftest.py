"""Clients on either database, and subprocesses that share nothing with the test but what is passed."""

from __future__ import annotations

import fcntl
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from kit.forks import command
from kit.servers.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def registry_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty registry with a store in a folder, on SQLite and on PostgreSQL."""
    from landfast.registry.opener import init_registry

    store = str(tmp_path / "store")
    if request.param == "postgresql":
        made: str = request.getfixturevalue("postgres_registry")(store)
        return made
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    init_registry(url, store_url=store)
    return url


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A home, a working folder and a temporary folder that no other has, and an environment."""

    folder: Path
    environment: dict[str, str]

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def cli(
        self, *words: str, prepare: Callable[[], object] | None = None, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the command line as a process of its own, after it has done `prepare`."""
        return command(words, {**self.environment, **more}, self.work, prepare=prepare)

    def python(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run Python as a process of its own; `more` is added to the environment."""
        return self.run(sys.executable, *words, **more)

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a program; `more` is added to the environment."""
        return subprocess.run(
            words,
            env={**self.environment, **more},
            cwd=self.work,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Callable[..., Machine]:
    """Make machines that share nothing but the variables that are given."""

    def make(name: str, **environment: str) -> Machine:
        folder = tmp_path / "machines" / name
        for part in ("home", "work", "tmp"):
            (folder / part).mkdir(parents=True)
        own = {
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "PATH": os.environ["PATH"],
        }
        return Machine(folder=folder, environment={**own, **environment})

    return make


@pytest.fixture
def with_password(postgres_server: Postgres) -> Callable[[str, str, str], str]:
    """Make a role that PostgreSQL asks for a password, and return a database's URL with both."""

    def make(url: str, word: str, rights: str = "") -> str:
        role = f"role_{secrets.token_hex(4)}"
        rules = Path(postgres_server.socket_folder) / "pg_hba.conf"
        with rules.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # the server may be shared by several test processes
            others = file.read()
            file.seek(0)
            file.write(f"host all {role} 127.0.0.1/32 scram-sha-256\n{others}")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {role} LOGIN {rights} PASSWORD '{word}'")
            connection.execute("SELECT pg_reload_conf()")
        return url.replace("postgres@", f"{role}:{word}@")

    return make
