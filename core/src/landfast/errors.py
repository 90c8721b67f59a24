"""The error tree: families by what the caller would do about it.

LandfastError
├── NotFound (LookupError)          the named thing does not exist, or no longer
├── Conflict (ValueError)           it exists and contradicts what was asked
├── NotLogged (RuntimeError)        a draft was used as if it were a version
├── ObjectChanged (RuntimeError)    the recorded bytes are not to be had any more
├── ExpiresSoon (RuntimeError)      a rule of the bucket will remove or archive them
├── AccessDenied (PermissionError)  credentials or a permission are missing
│   └── Archived                    the object has to be restored before it can be read
├── InvalidInput (ValueError)       the call itself is wrong
├── LimitExceeded (ValueError)      more objects than allowed; nothing was stored
├── Unavailable (ConnectionError)   worth a retry
├── Unverifiable (RuntimeError)     the store offers no token to verify with
└── MissingExtra (ImportError)      an optional dependency is not installed
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from landfast.redaction import redact, visible


class LandfastError(Exception):
    """The base class of all errors that Landfast raises on purpose.

    The message is one line: the problem, what was expected, what was found, and what to do next.
    Each part is an attribute too.  Secrets are redacted before they are stored.

    Args:
        problem: The problem, with the name of the object.
        subject: The object: a URI, an artifact name, a path, a setting.
        expected: The expected state.
        found: The state that was found.
        hint: The next step, as a full sentence.
        details: Further facts for programs, such as ``limit=10_000``.

    Example:
        >>> error = LimitExceeded("s3://b/data/ holds too many objects", expected="at most 2", found="3")
        >>> str(error)
        's3://b/data/ holds too many objects: expected at most 2, found 3'
    """

    def __init__(
        self,
        problem: str,
        *,
        subject: str | None = None,
        expected: str | None = None,
        found: str | None = None,
        hint: str | None = None,
        **details: Any,
    ) -> None:
        self.problem = redact(problem)
        self.subject = _redacted(subject)
        self.expected = _redacted(expected)
        self.found = _redacted(found)
        self.hint = _redacted(hint)
        self.details = {name: _redacted_value(value) for name, value in details.items()}
        super().__init__(self._line())

    def _line(self) -> str:
        facts = []
        if self.expected is not None:
            facts.append(f"expected {self.expected}")
        if self.found is not None:
            facts.append(f"found {self.found}")
        line = self.problem + (": " + ", ".join(facts) if facts else "")
        end = "" if line.endswith((".", "!", "?")) else "."  # what a server said may be a sentence
        return visible(f"{line}{end} {self.hint}" if self.hint else line)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (
            type(self),
            self.problem,
            {
                "subject": self.subject,
                "expected": self.expected,
                "found": self.found,
                "hint": self.hint,
                **self.details,
            },
        )


class NotFound(LandfastError, LookupError):
    """The named artifact, version, object or prefix does not exist, or no longer exists."""


class Conflict(LandfastError, ValueError):
    """The call contradicts recorded data; the message names both sides."""


class NotLogged(LandfastError, RuntimeError):
    """A draft was used where a version is needed; log it first."""


class ObjectChanged(LandfastError, RuntimeError):
    """The recorded bytes are neither at the source nor in the cache."""


class ExpiresSoon(LandfastError, RuntimeError):
    """A bucket rule removes or archives recorded object versions sooner than allowed; the message names both."""


class AccessDenied(LandfastError, PermissionError):
    """Credentials or a permission are missing; the message names the missing one."""


class Archived(AccessDenied):
    """The object is in an archive: restore it before you read it, or wait if a restore is running."""


class InvalidInput(LandfastError, ValueError):
    """The call is wrong: an unknown scheme, a bad name, an impossible option."""


class LimitExceeded(LandfastError, ValueError):
    """A reference contains more objects than `max_objects`; nothing was stored."""


class Unavailable(LandfastError, ConnectionError):
    """A server did not answer correctly; the same call may work later."""


class Unverifiable(LandfastError, RuntimeError):
    """The store offers no data to verify the bytes."""


class MissingExtra(LandfastError, ImportError):
    """An optional dependency is not installed; the message names the command."""

    @classmethod
    def of(cls, extra: str, purpose: str) -> MissingExtra:
        """Build the error for a missing extra, such as ``s3``."""
        return cls(
            f"{purpose} needs the extra {extra!r}, which is not installed",
            subject=extra,
            hint=f"Run: pip install 'landfast[{extra}]'",
        )


@contextmanager
def needs_extra(extra: str, purpose: str, *, library: str | None = None) -> Iterator[None]:
    """Let a failed import of an extra's library, by default of the extra's name, be `MissingExtra`.

    Example:
        >>> with needs_extra("pandas", "to_pandas()"):
        ...     raise ModuleNotFoundError("No module named 'pandas'", name="pandas")
        Traceback (most recent call last):
        landfast.errors.MissingExtra: to_pandas() needs the extra 'pandas', which is not installed. Run: pip ...
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != (library or extra):
            raise  # it is there, and lacks something of its own
        raise MissingExtra.of(extra, purpose) from None


def _redacted(text: str | None) -> str | None:
    return None if text is None else redact(text)


def _redacted_value(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _redacted_value(item) for key, item in value.items()}
    if type(value) in {list, tuple, set, frozenset}:
        return type(value)(map(_redacted_value, value))
    return value


def _rebuild(kind: type[LandfastError], problem: str, parts: dict[str, Any]) -> LandfastError:
    return kind(problem, **parts)
