"""One statement of PostgreSQL that is a transaction by itself: compiled once, sent in one message, answered by one row.

SQLAlchemy writes it, the driver takes it as it is: neither is asked again what it means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy.sql.selectable import ExecutableReturnsRows

_Convert = Callable[[Any], Any]


Row = dict[str, Any]


class Single:
    """A statement that answers with a row or none, written when it is first sent."""

    def __init__(self, write: Callable[[], ExecutableReturnsRows]) -> None:
        self._write = write

    def send(self, engine: Engine, given: Mapping[str, Any]) -> Row | None:
        """Run it, committed when the answer is there; return its row, or None.

        Raises:
            DBAPIError: As SQLAlchemy raises it; with `connection_invalidated` nobody knows whether it was applied.
        """
        import psycopg

        wire = self._wire
        said = {**wire.own, **given}
        values = [said[name] if to is None else to(said[name]) for name, to in wire.parameters]
        with _autocommit(engine) as driver, psycopg.RawCursor(driver) as cursor:
            found = cursor.execute(wire.text, values).fetchone()
        if found is None:
            return None
        answer = zip(wire.columns, found, strict=True)
        return {name: value if of is None else of(value) for (name, of), value in answer}

    @cached_property
    def _wire(self) -> _Wire:
        from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

        dialect: Any = PGDialect_psycopg(  # type: ignore[no-untyped-call]
            paramstyle="numeric_dollar"
        )
        statement = self._write()
        compiled: Any = statement.compile(dialect=dialect)
        return _Wire(
            text=str(compiled).encode(),
            own=dict(compiled.params),
            parameters=tuple(
                (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
                for name in compiled.positiontup or ()
            ),
            columns=tuple(
                (column.key, column.type.dialect_impl(dialect).result_processor(dialect, None))
                for column in statement.exported_columns
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wire:
    """What goes to the driver: text, and what makes its values of ours and ours of its."""

    text: bytes
    own: dict[str, Any]
    """What the statement says by itself."""
    parameters: tuple[tuple[str, _Convert | None], ...]
    columns: tuple[tuple[str, _Convert | None], ...]


@contextmanager
def _autocommit(engine: Engine) -> Iterator[psycopg.Connection[Any]]:
    import psycopg

    try:
        fairy = engine.raw_connection()
    except psycopg.Error as error:
        raise as_sqlalchemy(engine, error) from None
    driver: Any = fairy.driver_connection
    try:
        driver.autocommit = True
        try:
            yield driver
        finally:
            if not driver.closed:
                driver.autocommit = False
    except psycopg.Error as error:
        raised = as_sqlalchemy(engine, error, fairy.dbapi_connection)
        if raised.connection_invalidated:
            fairy.invalidate(error)
        raise raised from None
    finally:
        fairy.close()


def as_sqlalchemy(engine: Engine, error: psycopg.Error, connection: Any = None) -> DBAPIError:
    """Return what SQLAlchemy would have raised for an error of the driver that passed it by."""
    import psycopg

    is_lost = connection is not None and engine.dialect.is_disconnect(error, connection, None)  # type: ignore[arg-type]
    raised = DBAPIError.instance(
        None,
        None,
        error,
        psycopg.Error,
        hide_parameters=True,
        connection_invalidated=is_lost,
        dialect=engine.dialect,
    )
    assert isinstance(raised, DBAPIError)
    return raised
