"""Translate what Cloud Storage and Google's libraries say into Landfast's errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from landfast.errors import (
    AccessDenied,
    InvalidInput,
    LandfastError,
    NotFound,
    ObjectChanged,
    Unavailable,
)
from landfast.model.location import Location

T = TypeVar("T")

LOG_IN = (
    "Set GOOGLE_APPLICATION_CREDENTIALS to a key file, or run: gcloud auth application-default"
    " login; for a public bucket use the option anonymous."
)
_BUSY_REASONS = frozenset(
    {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "backendError", "internalError"}
)
# Deletes and overwrites of what a hold, or a retention, keeps.
_HELD_REASONS = frozenset({"objectUnderActiveHold", "retentionPolicyNotMet"})
_PERMISSION = re.compile(r"\b(storage\.[a-zA-Z]+\.[a-zA-Z]+)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request is about, for the words of its errors.

    Args:
        name: The object with its generation, the folder, or the bucket.
        verb: What was tried, as a past participle: ``listed``, ``read``, ``described``.
        permission: What the request needs, such as ``storage.objects.get``.
        bucket: The bucket.
        generation: The generation asked for.
    """

    name: str
    verb: str
    permission: str
    bucket: str = ""
    generation: str | None = None

    @classmethod
    def of(
        cls, location: Location, verb: str, permission: str, generation: str | None = None
    ) -> Asked:
        """Describe a request for an object or a folder."""
        return cls(
            name=f"{location}#{generation}" if generation else f"{location}",
            verb=verb,
            permission=permission,
            bucket=location.authority,
            generation=generation,
        )


def asking(asked: Asked, send: Callable[[], T]) -> T:
    """Send a request and let only Landfast's errors out, outside of the handler: see `s3_errors.asking`."""
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    try:
        return send()
    except LandfastError:
        raise
    except GoogleAuthError as error:
        problem = _translate_auth(error, asked)
    except (RequestException, HTTPError, OSError, ValueError, EOFError) as error:
        problem = _translate_failure(error, asked)
    raise problem


def reading(asked: Asked, read: Callable[[], T]) -> T:
    """Read a reply; one that is not what the API answers may be whole the next time."""
    try:
        return read()
    except LandfastError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        found = f"{type(error).__name__}: {str(error)[:300]}"
    raise Unavailable(
        f"the server's answer about {asked.name} is not readable",
        subject=asked.name,
        expected="what the Cloud Storage API writes",
        found=found,
    )


def translate_reply(
    status: int, headers: Mapping[str, str], body: bytes, asked: Asked
) -> LandfastError:
    """Return the error for a reply that is no success."""
    fact = _Fact.of(status, headers, body)
    for decide in (_missing, _changed, _unsupported, _busy, _unpaid, _held):
        error = decide(fact, asked)
        if error is not None:
            return error
    if status in {401, 403}:
        return _denied(fact, asked)
    return InvalidInput(
        f"{asked.name} can not be {asked.verb}", subject=asked.name, found=fact.text, status=status
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fact:
    """An error reply, without anything secret."""

    status: int
    reason: str
    message: str
    retry_after: str | None

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str], body: bytes) -> _Fact:
        reason, message = "", body.decode(errors="replace").strip()
        try:
            error = json.loads(body)["error"]
            message = str(error.get("message", ""))
            reason = str(error["errors"][0].get("reason", ""))
        except (ValueError, TypeError, LookupError, AttributeError):
            pass  # media requests and proxies answer with plain text
        if message.startswith("<"):
            message = ""
        retry_after = headers.get("retry-after")
        first = message.partition("\n")[0][:300]
        return cls(status=status, reason=reason, message=first, retry_after=retry_after)

    @property
    def text(self) -> str:
        return " ".join(part for part in (str(self.status), self.message or self.reason) if part)


def _missing(fact: _Fact, asked: Asked) -> LandfastError | None:
    if fact.status not in {404, 410}:
        return None
    if "bucket does not exist" in fact.message:
        return NotFound(
            f"bucket {asked.bucket!r} does not exist",
            subject=asked.bucket,
            hint=f"Check the name in {asked.name}, the endpoint and the credentials.",
            bucket=asked.bucket,
            status=fact.status,
        )
    return NotFound(
        f"{asked.name} does not exist" + (" any more" if asked.generation else ""),
        subject=asked.name,
        found=fact.text,
        version_id=asked.generation,
        status=fact.status,
    )


def _changed(fact: _Fact, asked: Asked) -> LandfastError | None:
    if fact.status != 412:
        return None
    return ObjectChanged(
        f"{asked.name} was overwritten since it was recorded",
        subject=asked.name,
        expected="the recorded generation",
        found=fact.text,
        status=fact.status,
    )


def _unsupported(fact: _Fact, asked: Asked) -> LandfastError | None:
    if fact.status not in {405, 501}:
        return None
    return InvalidInput(
        f"{asked.name} can not be {asked.verb} this way: the server does not support it",
        subject=asked.name,
        expected=f"a server with {asked.permission}",
        found=fact.text,
        unsupported=True,
        status=fact.status,
    )


def _busy(fact: _Fact, asked: Asked) -> LandfastError | None:
    limited = fact.status == 403 and fact.reason in _BUSY_REASONS
    if not limited and fact.status not in {408, 429} and fact.status < 500:
        return None
    wait = fact.retry_after or ""
    return Unavailable(
        f"{asked.name} could not be {asked.verb} now",
        subject=asked.name,
        found=fact.text,
        retry_after=float(wait) if wait.isdigit() else None,
        status=fact.status,
    )


def _unpaid(fact: _Fact, asked: Asked) -> LandfastError | None:
    if fact.status not in {400, 403} or "requester pays" not in fact.message.lower():
        return None
    return AccessDenied(
        f"{asked.name} may not be {asked.verb}: the requester has to pay",
        subject=asked.name,
        expected="a project that pays",
        found=fact.text,
        hint=f"Set the option user_project for gs://{asked.bucket}/ to a project of yours.",
        status=fact.status,
    )


def _held(fact: _Fact, asked: Asked) -> LandfastError | None:
    if fact.status != 403 or fact.reason not in _HELD_REASONS:
        return None
    return AccessDenied(
        f"{asked.name} may not be {asked.verb}: a hold or a retention keeps it",
        subject=asked.name,
        expected="an object that nothing holds",
        found=fact.text,
        hint="Ask the person who put the hold to release it, or wait until the retention ends.",
        held=True,
        status=fact.status,
    )


def _denied(fact: _Fact, asked: Asked) -> LandfastError:
    named = _PERMISSION.search(fact.message)
    permission = named[1] if named else asked.permission
    hint = f"Grant {permission} on gs://{asked.bucket}, for example with roles/storage.objectViewer"
    if permission != asked.permission:
        hint += (
            " (without permission to list, the server does not report that an object is missing)"
        )
    return AccessDenied(
        f"{asked.name} may not be {asked.verb}",
        subject=asked.name,
        expected=f"permission {permission}",
        found=fact.text,
        hint=f"{hint}. {LOG_IN}" if fact.status == 401 else f"{hint}.",
        permission=permission,
        status=fact.status,
    )


def _translate_auth(error: Exception, asked: Asked) -> LandfastError:
    """Say what is wrong with the credentials; of the exception only its first words are kept."""
    from google.auth import exceptions

    said = str(error.args[0]).partition("\n")[0][:300] if error.args else ""
    found = f"{type(error).__name__}: {said}"
    if isinstance(error, exceptions.TransportError) or getattr(error, "retryable", False):
        return Unavailable(
            f"{asked.name} could not be {asked.verb}: the server did not answer the request for credentials",
            subject=asked.name,
            found=found,
        )
    denied = {"permission": asked.permission} if asked.permission else {}
    return AccessDenied(
        f"{asked.name} could not be {asked.verb}: no credentials that are accepted",
        subject=asked.name,
        expected=f"permission {asked.permission}" if asked.permission else None,
        found=found,
        hint=LOG_IN,
        credentials=True,
        **denied,
    )


def _translate_failure(error: Exception, asked: Asked) -> LandfastError:
    found = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:300]}"
    problem = f"{asked.name} could not be {asked.verb}"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return InvalidInput(
            f"{problem}: the server's certificate is not trusted",
            subject=asked.name,
            found=found,
            hint="Give the option ca_file the certificate of your authority, or set REQUESTS_CA_BUNDLE.",
        )
    if _is_transient(error):
        return Unavailable(problem, subject=asked.name, found=found)
    hint = "Check the endpoint, the options and the credentials file."
    return InvalidInput(problem, subject=asked.name, found=found, hint=hint)


def _is_transient(error: Exception) -> bool:
    from requests import exceptions
    from urllib3.exceptions import HTTPError

    if isinstance(error, exceptions.RequestException):
        # The others are mistakes in the request: a bad URL, scheme or header.
        return not isinstance(error, ValueError) or isinstance(error, exceptions.JSONDecodeError)
    return isinstance(error, HTTPError) or (
        isinstance(error, OSError) and not isinstance(error, FileNotFoundError | PermissionError)
    )
