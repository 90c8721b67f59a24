"""Webhook: a change is a signed POST; redirects are not followed, and nothing of the URL but its host is shown."""

from __future__ import annotations

import importlib.metadata
import ipaddress
import json
import time
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3 import exceptions
from urllib3.exceptions import (
    HTTPError,
    LocationParseError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    SSLError,
)

from landfast.errors import InvalidInput
from landfast.follow.outcome import Failure
from landfast.model.times import format_time
from landfast.model.version import Change
from landfast.watch.facts import facts
from landfast.watch.signature import SECRET_VARIABLE, keys, sign

TIMEOUT_S = 30.0
MOST_WAIT_S = 3600.0
"""The longest `Retry-After` that is obeyed."""

_UNAVAILABLE = 15
_GONE = 410


class Webhook:
    """Sends each change to a URL.

    Args:
        url: Where to; ``https``, or ``http`` to this machine.
        secret: Signs what is sent; "" sends it unsigned.
        allow_http: Whether ``http`` may leave this machine.

    Raises:
        InvalidInput: If the URL is no such one.
    """

    def __init__(self, url: str, secret: str, *, allow_http: bool = False) -> None:
        self._shown = "the webhook"
        try:
            scheme, place, path, query, _ = urlsplit(url)
            host = urlsplit(url).hostname or ""
            urllib3.util.parse_url(url)
        except (ValueError, LocationParseError):
            scheme = host = place = path = query = ""
        if not host or scheme not in {"http", "https"}:
            raise InvalidInput(
                "the URL of the webhook cannot be used",
                subject="--webhook",
                expected="https://HOST/...",
                hint="It is not shown here, because it may hold a secret.",
            )
        user, at, place = place.rpartition("@")
        self._shown = f"{scheme}://{place}/..."
        if scheme == "http" and not allow_http and not _is_loopback(host):
            raise InvalidInput(
                f"{self._shown} is not encrypted",
                subject="--webhook",
                expected="https, or http to this machine",
                hint="Use allow_http=True for a network that you trust.",
            )
        self._url = f"{scheme}://{place}{path or '/'}" + (f"?{query}" if query else "")
        self._headers = {
            "content-type": "application/json",
            "user-agent": f"landfast/{importlib.metadata.version('landfast')}",
        }
        if at:
            self._headers |= urllib3.make_headers(basic_auth=unquote(user))
        self._keys = keys(secret)
        self._pool = _pool(scheme, host)

    def __str__(self) -> str:
        return self._shown

    def send(self, change: Change) -> Failure | None:
        """Post a change; a 2xx answer is success."""
        body = json.dumps(
            {
                "type": "landfast.change",
                "timestamp": format_time(change.at),
                "data": facts(change),
            },
            separators=(",", ":"),
        ).encode()
        try:
            response = self._pool.request(
                "POST",
                self._url,
                body=body,
                headers=self._headers | self._signed(change.id, body),
                redirect=False,
                retries=False,
                timeout=urllib3.Timeout(connect=10.0, read=TIMEOUT_S),
                preload_content=False,
            )
        except HTTPError as error:
            return Failure(reason=f"{self} {_reason(error)}", code=_UNAVAILABLE)
        status, wait_s = response.status, _wait_of(response)
        response.close()
        if 200 <= status < 300:
            return None
        why = ", and redirects are not followed" if 300 <= status < 400 else ""
        return Failure(
            reason=f"{self} answered {status}{why}",
            code=_UNAVAILABLE,
            wait_s=wait_s,
            is_final=bool(why) or status == _GONE,
        )

    def _signed(self, id: str, body: bytes) -> dict[str, str]:
        now = int(time.time())
        headers = {"webhook-id": id, "webhook-timestamp": str(now)}
        if self._keys:
            headers["webhook-signature"] = sign(self._keys, id, now, body)
        return headers


def required_secret(found: str | None, *, unsigned: bool) -> str:
    """Return the secret that the environment has; ``""`` if nothing shall be signed, else `InvalidInput`."""
    if unsigned:
        return ""
    if not found or not found.strip():
        raise InvalidInput(
            "a webhook is signed, and there is no secret",
            subject=SECRET_VARIABLE,
            hint=f"Set {SECRET_VARIABLE}, or use unsigned=True for a receiver that verifies nothing.",
        )
    return found


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _pool(scheme: str, host: str) -> urllib3.PoolManager:
    proxy = None if proxy_bypass(host) else getproxies().get(scheme)
    if proxy is None or _is_loopback(host):
        return urllib3.PoolManager()
    user, at, _ = urlsplit(proxy)[1].rpartition("@")
    headers = urllib3.make_headers(proxy_basic_auth=unquote(user)) if at else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers)


def _wait_of(response: urllib3.BaseHTTPResponse) -> float | None:
    value = response.headers.get("retry-after")
    if value is None:
        return None
    try:
        seconds = urllib3.Retry().parse_retry_after(value)
    except HTTPError:
        return None  # neither seconds nor a date
    return min(max(seconds, 0.0), MOST_WAIT_S)


def _reason(error: HTTPError) -> str:
    """Say what happened; the error's own text has the URL."""
    if isinstance(error, MaxRetryError) and error.reason is not None:
        error = error.reason if isinstance(error.reason, HTTPError) else error
    if isinstance(error, exceptions.TimeoutError):
        return f"did not answer within {TIMEOUT_S:g} s"
    if isinstance(error, NameResolutionError):
        return "has a host that is not found"
    if isinstance(error, NewConnectionError):
        return "cannot be reached"
    if isinstance(error, SSLError):
        return "has no certificate that is trusted here, or TLS fails otherwise"
    return f"broke off the connection ({type(error).__name__})"
