"""Check what may be said about a provider's prefix, before anything is opened with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from landfast.errors import InvalidInput

_TYPES = {"bool": bool, "int": int}
_WORDS = {bool: "true or false", int: "a number", str: "text"}


def given_options(kind: type, scheme: str, options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the options that are given, as arguments of the dataclass `kind` of texts, numbers and truth values.

    None as a value is not given.  The scheme, such as ``s3://``, is for messages.

    Raises:
        InvalidInput: Naming the option that is unknown or has a wrong value.
    """
    given = {name: value for name, value in (options or {}).items() if value is not None}
    kinds = {f.name: _TYPES.get(str(f.type), str) for f in fields(kind)}
    for name, value in given.items():
        if name not in kinds:
            raise InvalidInput(
                f"{scheme} has no option {name!r}",
                subject=name,
                expected="one of " + ", ".join(sorted(kinds)),
            )
        if not isinstance(value, kinds[name]) or (kinds[name] is int and isinstance(value, bool)):
            raise InvalidInput(
                f"option {name!r} of {scheme} has a wrong value",
                subject=name,
                expected=_WORDS[kinds[name]],
                found=type(value).__name__,
            )
    return given


def plain_endpoint(url: str) -> str:
    """Return an endpoint as it is compared and recorded: without secrets, default port and final slash.

    Example:
        >>> plain_endpoint("https://user:word@MinIO.example:443/")
        'https://minio.example'
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    default = {"http": 80, "https": 443}.get(parts.scheme)
    shown = f"[{host}]" if ":" in host else host
    port = "" if parts.port in {None, default} else f":{parts.port}"
    return urlunsplit((parts.scheme, shown + port, parts.path.rstrip("/"), "", ""))


def check_ca_file(ca_file: str | None, scheme: str) -> str | None:
    """Return the path of a file of certificate authorities, ``~`` filled in; None if none is given."""
    if ca_file is None:
        return None
    path = Path(ca_file).expanduser()
    if path.is_file():
        return str(path)
    raise InvalidInput(
        f"option ca_file of {scheme} names no file",
        subject=ca_file,
        expected="a PEM file of certificate authorities",
        found=ca_file,
    )


def check_endpoint(endpoint: str) -> None:
    """Refuse an endpoint that is no base URL of a server, or that has a secret in it."""
    parts = urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise InvalidInput(
            f"{endpoint!r} is not an endpoint",
            subject=endpoint,
            expected="http(s)://HOST[:PORT], without user, password or query",
        )
