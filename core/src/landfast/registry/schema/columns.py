"""Column types that mean the same on SQLite and PostgreSQL: text, JSON, moments, big numbers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator

from landfast.errors import InvalidInput

BigInt = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit number; SQLite numbers rows itself only if the type is called INTEGER."""

Bytewise = Text().with_variant(Text(collation="C"), "postgresql")
"""Text in the order of its UTF-8 bytes, whatever the locale of the database: ranges are prefixes."""


class Moment(TypeDecorator[datetime]):
    """A moment in UTC with microseconds; SQLite keeps it as sortable text."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Write UTC; SQLite has no time zones."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise InvalidInput(f"{value} has no time zone", expected="an aware datetime")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Read an aware moment."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    r"""A JSON value as ASCII text, so that NUL and lone surrogates of file names survive as ``\uXXXX``."""

    impl = Text()
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002
        """Write it, or say which value is not JSON."""
        return to_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """Read it."""
        return None if value is None else json.loads(value)


def to_json(value: Any) -> str:
    """Return the text of a JSON value; `InvalidInput` if it has none."""
    try:
        return json.dumps(value, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(
            "metadata cannot be recorded", expected="a JSON value", found=str(error)
        ) from None
