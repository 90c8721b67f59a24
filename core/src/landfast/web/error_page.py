"""Errors as pages: the problem, what was expected and found, what to do, and the status of the reply."""

from __future__ import annotations

from typing import Any

from landfast.errors import (
    AccessDenied,
    Conflict,
    InvalidInput,
    LandfastError,
    LimitExceeded,
    MissingExtra,
    NotFound,
    ObjectChanged,
    Unavailable,
    Unverifiable,
)
from landfast.web.view import View

_STATUS: dict[type[LandfastError], int] = {
    InvalidInput: 400,
    AccessDenied: 403,
    NotFound: 404,
    Conflict: 409,
    ObjectChanged: 410,
    LimitExceeded: 413,
    Unverifiable: 422,
    MissingExtra: 501,
    Unavailable: 503,
}


def status_of(error: LandfastError) -> int:
    """Return the status that says the same in HTTP."""
    return next((code for family, code in _STATUS.items() if isinstance(error, family)), 500)


def error_facts(error: LandfastError) -> dict[str, Any]:
    """Return an error as a page and JSON show it."""
    return {
        "error": type(error).__name__,
        "problem": error.problem,
        "expected": error.expected,
        "found": error.found,
        "hint": error.hint,
    }


def error_view(error: LandfastError) -> View:
    """Return the page of an error."""
    return View(
        template="error.html",
        data=error_facts(error),
        title="Not shown",
        status=status_of(error),
    )
