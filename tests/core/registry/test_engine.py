"""What goes wrong underneath is tried again where that is safe, and else told in one line."""

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from landfast.errors import InvalidInput, Unavailable
from landfast.registry.database import engine
from landfast.registry.registry import Registry
from landfast.registry.values import VersionEdit
from landfast.testing.registry.drafts import NAME, draft, log
from sqlalchemy import event, text


def file_of(registry: Registry) -> str:
    return registry.info.url.removeprefix("sqlite:///")


def test_a_forked_child_has_connections_of_its_own(registry: Registry) -> None:
    log(registry, "parent")
    child = os.fork()
    if child == 0:
        try:
            log(registry, "child")
            os._exit(0)
        finally:
            os._exit(1)
    for number in range(10):
        log(registry, f"beside {number}")
    assert os.waitpid(child, 0)[1] == 0
    log(registry, "after")
    assert len(list(registry.versions(NAME))) == 13


def test_a_fork_while_threads_write_does_not_hang_the_child(registry: Registry) -> None:
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            number += 1
            log(registry, str(number))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            child = os.fork()
            if child == 0:
                try:
                    registry.get(NAME) if list(registry.collections(entity="default")) else None
                    registry.ticket()
                    os._exit(0)
                finally:
                    os._exit(1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        done.set()
        writer.join()


def test_lists_ask_the_same_number_of_questions_for_any_length(registry: Registry) -> None:
    questions: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        questions.append(statement)

    def ask() -> int:
        questions.clear()
        list(registry.versions(NAME))
        list(registry.observations(NAME))
        list(registry.collections(entity="default"))
        list(registry.partitions(NAME))
        list(registry.changes())
        list(registry.containing("s3://b/"))
        return len([q for q in questions if q.startswith("SELECT")])

    for number in range(3):
        log(registry, str(number), tags=("t",), aliases=(f"a{number}",))
        log(registry, "x", name=replace(NAME, collection=f"c{number}"))
        log(registry, "x", name=replace(NAME, partition=f"p{number}"))
    event.listen(registry._database.open().engine, "before_cursor_execute", count)
    few = ask()
    for number in range(3, 40):
        log(registry, str(number), tags=("t",), aliases=(f"a{number}",))
        log(registry, "x", name=replace(NAME, collection=f"c{number}"))
        log(registry, "x", name=replace(NAME, partition=f"p{number}"))
    assert ask() == few


def test_text_that_no_database_can_hold_is_refused(registry: Registry) -> None:
    log(registry, "a")
    with pytest.raises(InvalidInput):
        registry.update(NAME, VersionEdit(description="\udcff"))
    assert registry.get(NAME).description == ""


class TestSqlite:
    @pytest.fixture
    def registry_url(self, tmp_path: Any) -> str:
        return f"sqlite:///{tmp_path}/registry.db"

    def test_a_writer_waits_for_another(self, registry: Registry) -> None:
        request = draft(registry, "a")
        with closing(sqlite3.connect(file_of(registry), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            release = threading.Timer(1.0, lambda: None)
            release.start()
            thread = threading.Thread(target=registry.log, args=(request,))
            thread.start()
            release.join()
            assert thread.is_alive()
            other.execute("COMMIT")
            thread.join(60)
        assert registry.get(NAME).index == 0

    def test_a_reader_never_waits(
        self, registry: Registry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log(registry, "a")
        monkeypatch.setattr(engine, "BUSY_LIMIT_S", 0)  # who has to wait is told so at once
        with closing(sqlite3.connect(file_of(registry), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert registry.get(NAME).index == 0
            with pytest.raises(Unavailable, match="is busy"):
                registry.ticket()

    def test_who_waits_too_long_is_told(
        self, registry: Registry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(engine, "BUSY_LIMIT_S", 0.3)
        with closing(sqlite3.connect(file_of(registry), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable, match=r"is busy.*PostgreSQL"):
                registry.ticket()

    def test_a_full_disk_is_told_and_nothing_is_recorded(self, registry: Registry) -> None:
        log(registry, "a")
        request = draft(registry, "b", metadata={"long": "x" * 1_000_000})

        @event.listens_for(registry._database.open().engine, "begin")
        def limit(connection: Any) -> None:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

        with pytest.raises(Unavailable, match=r"disk .* is full"):
            registry.log(request)
        assert [v.index for v in registry.versions(NAME)] == [0]


class TestPostgresql:
    @pytest.fixture
    def registry_url(self, postgres_url: str) -> str:
        from landfast.registry.opener import init_registry

        init_registry(postgres_url, "s3://bucket/store/")
        return postgres_url

    def test_a_connection_lost_between_two_verbs_is_replaced(
        self, open_again: Callable[[], Registry]
    ) -> None:
        registry, other = open_again(), open_again()
        log(registry, "a")
        end_connections_of(registry, other)
        assert registry.get(NAME).index == 0

    @pytest.mark.parametrize("moment", ["FOR NO KEY", "INSERT INTO versions", "UPDATE counters"])
    def test_a_connection_lost_before_the_commit_is_tried_again(
        self, open_again: Callable[[], Registry], moment: str
    ) -> None:
        registry, other = open_again(), open_again()
        request = draft(registry, "a")
        cuts = []

        def cut(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if moment in statement and not cuts:
                cuts.append(statement)
                end_connections_of(registry, other)

        event.listen(registry._database.open().engine, "before_cursor_execute", cut)
        outcome = registry.log(request)
        assert cuts
        assert (outcome.version.index, outcome.created) == (0, True)
        assert registry.head() == 1
        assert len(list(registry.observations(NAME))) == 1

    def test_a_lost_commit_is_not_repeated(self, open_again: Callable[[], Registry]) -> None:
        registry, other = open_again(), open_again()
        request = draft(registry, "a")
        event.listen(
            registry._database.open().engine,
            "commit",
            lambda _connection: end_connections_of(registry, other),
            once=True,
        )
        with pytest.raises(Unavailable):
            registry.log(request)
        assert registry.head() == 0

    def test_a_deadlock_with_something_foreign_is_tried_again(
        self, open_again: Callable[[], Registry]
    ) -> None:
        registry, other = open_again(), open_again()
        log(registry, "a")
        request = draft(registry, "b")
        locked = threading.Event()

        def foreign() -> None:
            # The wrong order: the feed first, the partition after.
            with other._database.open().engine.connect() as connection, connection.begin():
                connection.execute(text("SELECT * FROM counters WHERE name = 'change' FOR UPDATE"))
                connection.execute(text("SET LOCAL deadlock_timeout = '20s'"))
                locked.set()
                while not connection.execute(text(WAITS)).scalar():
                    pass
                connection.execute(text("SELECT * FROM partitions FOR UPDATE"))

        thread = threading.Thread(target=foreign)
        thread.start()
        assert locked.wait(60)

        assert registry.log(request).version.index == 1
        thread.join(60)
        assert [c.position for c in registry.changes()] == [1, 2]

    def test_a_log_that_changes_nothing_waits_for_nobody(
        self, open_again: Callable[[], Registry]
    ) -> None:
        registry, other = open_again(), open_again()
        log(registry, "a")
        request = draft(registry, "a")
        with other._database.open().engine.connect() as connection, connection.begin():
            connection.execute(text("SELECT * FROM partitions FOR NO KEY UPDATE"))
            connection.execute(text("SELECT * FROM counters WHERE name = 'change' FOR UPDATE"))
            outcome = registry.log(request)
        assert (outcome.created, outcome.changed, outcome.version.index) == (False, False, 0)
        assert outcome.version == registry.get(NAME)
        assert next(registry.observations(NAME)).id == outcome.observation.id


WAITS = "SELECT count(*), pg_sleep(0.01) FROM pg_locks WHERE NOT granted"


def end_connections_of(registry: Registry, other: Registry) -> None:
    """End every server process of the database but the one that asks."""
    with other._database.open().engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
