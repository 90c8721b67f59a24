"""fsspec's filesystems: one for each thread and host, and their exceptions turned into ours."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from landfast.errors import (
    AccessDenied,
    InvalidInput,
    LandfastError,
    MissingExtra,
    NotFound,
    Unavailable,
)
from landfast.model.location import Location
from landfast.redaction import redact
from landfast.stores.base import ClientFactory

T = TypeVar("T")

_DENIED = frozenset({401, 403})
_GONE = frozenset({404, 410})
_MOST_TEXT = 200


class Filesystems:
    """Makes filesystems, with a client's function if one is given, anew in every thread and every forked child.

    Many of fsspec's filesystems hold one connection (FTP) or one event loop and are safe in neither.
    """

    def __init__(self, options: Mapping[str, Any], client: ClientFactory | None) -> None:
        self._options = dict(options)
        self._client = client
        self._local = threading.local()

    def at(self, location: Location) -> Any:
        """Return this thread's filesystem of a location, without anything in its cache.

        Raises:
            MissingExtra: If fsspec, or what it needs for this scheme, is not installed.
            InvalidInput: If there is no such scheme, or the options do not suit it.
        """
        made: dict[tuple[int, str, str], Any] = self._local.__dict__.setdefault("made", {})
        key = (os.getpid(), location.scheme, location.authority)
        if key not in made:
            made[key] = self.ask(location, lambda: self._make(location))
        made[key].invalidate_cache()
        return made[key]

    def path(self, location: Location) -> str:
        """Name a location as its filesystem does."""
        root = location.uri[: len(location.uri) - len(location.key)]
        top = str(self.at(location)._strip_protocol(root)).rstrip("/")
        is_absolute = str(self.at(location)._strip_protocol(f"{root}x")).startswith("/")
        return f"{top}/{location.key}" if top or is_absolute else location.key

    def ask(self, location: Location, call: Callable[[], T]) -> T:
        """Call a filesystem; what it raises comes out as an error of ours, without its history."""
        try:
            return call()
        except LandfastError:
            raise
        except Exception as error:  # noqa: BLE001 - filesystems raise anything
            failure = _translated(error, location, self._secrets(location))
        raise failure  # outside the handler, so that the provider's exception is no context

    def _make(self, location: Location) -> Any:
        if self._client is not None:
            return self._client()
        kind = _filesystem_class(location.scheme)
        options = {**kind._get_kwargs_from_urls(location.uri), **self._options}
        try:
            return kind(**options, skip_instance_cache=True)
        except (TypeError, ValueError) as error:
            text = _masked(error, self._secrets(location))
        raise InvalidInput(
            f"the options do not suit {location.scheme}://",
            subject=str(location),
            found=text,
            hint=f"Landfast passes them unchanged to fsspec's filesystem {kind.__name__}.",
        )

    def _secrets(self, location: Location) -> tuple[str, ...]:
        userinfo = location.authority.rpartition("@")[0]
        given = [str(value) for value in self._options.values() if isinstance(value, str | bytes)]
        return tuple(text for text in (*given, userinfo.partition(":")[2]) if text)


def _filesystem_class(scheme: str) -> Any:
    try:
        from fsspec import get_filesystem_class
    except ImportError:
        raise MissingExtra.of("fsspec", f"{scheme}://") from None
    try:
        return get_filesystem_class(scheme)
    except ValueError:
        raise InvalidInput(f"fsspec knows no {scheme}://", subject=f"{scheme}://") from None
    except ImportError as error:
        text = str(error)
    raise MissingExtra(
        f"{scheme}:// needs a package that is not installed", subject=f"{scheme}://", hint=text
    )


def _translated(error: Exception, location: Location, secrets: tuple[str, ...]) -> LandfastError:
    subject = str(location)
    status = getattr(error, "status", None) or getattr(error, "status_code", None)
    if isinstance(error, FileNotFoundError | NotADirectoryError) or status in _GONE:
        return NotFound(f"{subject} does not exist", subject=subject)
    if isinstance(error, IsADirectoryError):
        return NotFound(f"{subject} is not an object", subject=subject, found="a folder")
    if isinstance(error, PermissionError) or status in _DENIED or _is_refused_login(error):
        return AccessDenied(
            f"{subject} may not be read",
            subject=subject,
            found=_masked(error, secrets),
            hint="Check the credentials and the permission to list and read.",
            permission="read",
        )
    return Unavailable(
        f"{subject} cannot be read at the moment", subject=subject, found=_masked(error, secrets)
    )


def _is_refused_login(error: Exception) -> bool:
    """Tell FTP's reply 530, which is an exception of its own family."""
    return type(error).__module__ == "ftplib" and str(error).startswith("530")


def _masked(error: Exception, secrets: tuple[str, ...]) -> str:
    """Quote the first line of an exception without any option's value."""
    line = next(iter(str(error).splitlines()), "")
    for secret in secrets:
        line = line.replace(secret, "***")
    text = redact(line)[:_MOST_TEXT]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
