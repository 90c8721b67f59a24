"""A statement is compiled once in a process, however many clients send it."""

from __future__ import annotations

from pathlib import Path

import pytest
from landfast.registry.database.compiled import STATEMENTS, CompiledStatements
from landfast.registry.database.connect import connect
from landfast.registry.database.url import RegistryUrl
from landfast.registry.schema.tables import alembic_version
from sqlalchemy import Engine, insert, select
from sqlalchemy.dialects import postgresql, sqlite


def engine_of(path: Path) -> Engine:
    return connect(RegistryUrl.parse(f"sqlite:///{path}"))


def test_a_second_client_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        engine = engine_of(tmp_path / name)
        with engine.begin() as connection:
            alembic_version.create(connection)
            compiled = len(STATEMENTS)
            connection.execute(insert(alembic_version).values(version_num=name))
            assert connection.execute(select(alembic_version.c.version_num)).scalars().all() == [
                name
            ]
        engine.dispose()
    assert len(STATEMENTS) == compiled


def test_what_servers_read_differently_is_kept_apart() -> None:
    kept = CompiledStatements(10)
    one, like, other = (postgresql.dialect() for _ in range(3))
    other._backslash_escapes = not one._backslash_escapes
    kept[one, "statement"] = "compiled"
    assert kept.get((like, "statement")) == kept[like, "statement"] == "compiled"
    assert kept.get((like, "another statement")) is None
    assert kept.get((other, "statement")) is None
    assert kept.get((sqlite.dialect(), "statement")) is None
