"""Query: what a request asks for, read from its path and parameters, with typed errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from landfast.errors import InvalidInput
from landfast.model.names import ArtifactName

PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000
_MAX_NUMBER = 10**9


@dataclass(frozen=True, slots=True)
class Query:
    """The parameters of a request, by name; of one that is given twice, the last.

    Args:
        given: Of path and query string, decoded.
        origin: Of the pages, as the browser asks for them.
    """

    given: Mapping[str, str]
    origin: str = ""

    def text(self, name: str, default: str = "") -> str:
        """Return a parameter as it is.

        Raises:
            InvalidInput: If it holds what no name in a registry holds.
        """
        value = self.path(name, default)
        if "\0" in value:
            raise InvalidInput(
                f"the parameter {name!r} cannot be looked up",
                subject=name,
                expected="Unicode text without NUL",
            )
        return value

    def path(self, name: str, default: str = "") -> str:
        """Return a parameter that is a path in a manifest, which may hold any character.

        Raises:
            InvalidInput: If it is not a text.
        """
        value = self.given.get(name, default)
        if not _is_unicode(value):
            raise InvalidInput(
                f"the parameter {name!r} cannot be looked up", subject=name, expected="Unicode text"
            )
        return value

    def number(self, name: str, default: int, *, least: int = 0, most: int = _MAX_NUMBER) -> int:
        """Return a parameter as a whole number.

        Raises:
            InvalidInput: If it is none, or out of bounds.
        """
        text = self.given.get(name, "").strip()
        if not text:
            return default
        is_number = text.isascii() and text.isdigit() and len(text) <= len(str(_MAX_NUMBER))
        if not is_number or not least <= int(text) <= most:
            raise InvalidInput(
                f"the parameter {name!r} is out of bounds",
                subject=name,
                expected=f"a whole number from {least} to {most}",
                found=repr(text[:40]),
            )
        return int(text)

    def choice(self, name: str, *choices: str) -> str:
        """Return a parameter that is one of a few words; the first, if it is not given.

        Raises:
            InvalidInput: If it is another.
        """
        value = self.given.get(name, "") or choices[0]
        if value not in choices:
            raise InvalidInput(
                f"the parameter {name!r} has no such value",
                subject=name,
                expected="one of " + ", ".join(choice or "''" for choice in choices),
                found=repr(value[:40]),
            )
        return value

    def moment(self, name: str) -> datetime | None:
        """Return a parameter as a time; UTC, if it names no zone.

        Raises:
            InvalidInput: If it is none.
        """
        text = self.text(name).strip()
        if not text:
            return None
        try:
            # A blank is what a form makes of the plus sign of a zone.
            found = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise InvalidInput(
                f"the parameter {name!r} is not a time",
                subject=name,
                expected="ISO 8601, such as 2026-05-03 or 2026-05-03T08:15:30Z",
                found=repr(text[:40]),
            ) from None

    def window(self) -> Window:
        """Return which page of a list is asked for (`page` from 1, `size` rows of it)."""
        size = self.number("size", PAGE_SIZE, least=1, most=MAX_PAGE_SIZE)
        return Window(number=self.number("page", 1, least=1, most=10**6), size=size)

    def collection(self) -> ArtifactName:
        """Return the collection, or partition of it, that the path names."""
        return ArtifactName(
            entity=self.text("entity"),
            project=self.text("project"),
            collection=self.text("collection"),
            partition=self.text("partition"),
        )

    def version(self, parameter: str = "version") -> ArtifactName:
        """Return the version that path and query string name; `latest`, if they name none.

        Raises:
            InvalidInput: If the parameter is no version, alias or digest.
        """
        name = self.collection()
        return picked(name, self.text(parameter) or "latest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A page of a list.

    Args:
        number: Of the page, from 1.
        size: Rows of a page.
    """

    number: int
    size: int

    @property
    def start(self) -> int:
        """Rows before it."""
        return (self.number - 1) * self.size

    def to_dict(self, total: int | None, *, has_more: bool | None = None) -> dict[str, object]:
        """Describe it.

        Args:
            total: Rows of all pages; None where nobody counted.
            has_more: Whether there is a next page; None tells by the total.
        """
        more = self.start + self.size < (total or 0) if has_more is None else has_more
        return {"number": self.number, "size": self.size, "total": total, "has_more": more}


def picked(name: ArtifactName, version: str) -> ArtifactName:
    """Return the version of a collection that ``vN``, an alias or an ``lf1:`` digest names."""
    mark = "@" if version.startswith("lf1:") else ":"
    pick = ArtifactName.parse(f"{name.collection}{mark}{version}")
    return replace(pick, entity=name.entity, project=name.project, partition=name.partition)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
