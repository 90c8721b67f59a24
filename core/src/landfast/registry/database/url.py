"""RegistryUrl: which database holds the registry; its text never shows a password."""

from __future__ import annotations

import os.path
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from landfast.errors import InvalidInput
from landfast.redaction import redact

if TYPE_CHECKING:
    from sqlalchemy import URL

_FORMS = "sqlite:///PATH or postgresql://USER@HOST/DATABASE"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RegistryUrl:
    """A parsed registry URL: an absolute SQLite file, or None for PostgreSQL; SQLAlchemy's has the password."""

    path: Path | None
    engine_url: URL

    @classmethod
    def parse(cls, text: str) -> RegistryUrl:
        """Read a URL; `InvalidInput` if no registry can be there."""
        scheme, mark, rest = text.partition("://")
        if mark and scheme == "sqlite":
            return cls._sqlite(text, rest)
        if mark and scheme in {"postgresql", "postgresql+psycopg"}:
            return cls._postgresql(rest)
        if mark and scheme in {"http", "https"}:
            raise InvalidInput(
                "a registry behind HTTP does not exist yet", expected=_FORMS, found=redact(text)
            )
        found = f"the scheme {scheme!r}" if mark else "no scheme"
        raise InvalidInput("this is not a registry URL", expected=_FORMS, found=found)

    @classmethod
    def _sqlite(cls, text: str, rest: str) -> RegistryUrl:
        from sqlalchemy import URL

        if not rest.startswith("/") or len(rest) < 2 or "?" in rest or "\0" in rest:
            raise InvalidInput(
                f"{text!r} names no SQLite file",
                subject=text,
                expected="sqlite:///RELATIVE/PATH or sqlite:////ABSOLUTE/PATH, without a query",
            )
        # abspath, not resolve: a symlink in the path is the user's name for the place.
        path = Path(os.path.abspath(Path(rest[1:]).expanduser()))  # noqa: PTH100
        return cls(path=path, engine_url=URL.create("sqlite+pysqlite", database=str(path)))

    @classmethod
    def _postgresql(cls, rest: str) -> RegistryUrl:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            url = make_url(f"postgresql+psycopg://{rest}")
        except (ArgumentError, ValueError):
            # The cause would quote the text, and the password with it.
            raise InvalidInput(
                "the PostgreSQL URL cannot be read",
                expected="postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
                hint="Percent-encode special characters in the password.",
            ) from None
        return cls(path=None, engine_url=url)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file."""
        return self.path is not None

    def __str__(self) -> str:
        if self.path is not None:
            return f"sqlite:///{self.path}"
        plain = self.engine_url.set(drivername="postgresql")
        return redact(plain.render_as_string(hide_password=True))

    def __repr__(self) -> str:
        return f"RegistryUrl({str(self)!r})"


def check_registry_url(text: str) -> str:
    """Check that a URL can be that of a registry, and return it without its password; opens nothing.

    Args:
        text: ``sqlite:///PATH`` or ``postgresql://USER:PASSWORD@HOST/DATABASE``.

    Raises:
        InvalidInput: If the URL cannot be that of a registry.

    Example:
        >>> check_registry_url("postgresql://ann:hunter2@db.example.com/landfast")
        'postgresql://ann:***@db.example.com/landfast'
    """
    return str(RegistryUrl.parse(text))
