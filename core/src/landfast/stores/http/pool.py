"""Connections of the HTTP store: pools, credentials, redirects; urllib3's own retries are off."""

from __future__ import annotations

import netrc
import os
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.util import Retry, make_headers

from landfast.clouds.options import check_ca_file
from landfast.errors import InvalidInput, LandfastError, Unavailable
from landfast.model.location import Location
from landfast.redaction import redact_loggers
from landfast.stores.base import ClientFactory

_REDIRECTS = 10
_CONNECTIONS = 32
_CONNECT_TIMEOUT_S = 10.0
_PROXY_VARIABLES = tuple(
    variable
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "request_method")
    for variable in (name, name.upper())
)


@dataclass(slots=True, kw_only=True)
class HttpPool:
    """Sends one request at a time for any number of threads; made anew in a forked child.

    Args:
        headers: Sent with every request, and not to another host that a redirect names.
        username: For basic authentication.
        password: For basic authentication.
        timeout_s: Seconds without a byte until a request fails.
        ca_file: A PEM file of certificate authorities, instead of the system's.
        client: Makes the `urllib3.PoolManager` to use; proxies are then its own affair.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_s: float = 60.0
    ca_file: str | None = None
    client: ClientFactory | None = field(default=None, repr=False)
    _managers: dict[str, urllib3.PoolManager] = field(default_factory=dict, repr=False)
    _pid: int = field(default=0, repr=False)

    def send(self, method: str, location: Location, url: str, **headers: str) -> Any:
        """Send a GET or HEAD and return the open reply, its body unread; names of headers with underscores for dashes.

        The URL may hold secrets, so errors name the location.

        Raises:
            Unavailable: If no reply came.
            InvalidInput: If the URL, the certificate or the redirects cannot work.
        """
        bare, secret = self._credentials(url)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            return self._manager(bare).request(
                method,
                bare,
                headers={"Accept-Encoding": "identity", **secret, **named},
                retries=_only_redirects(secret),
                preload_content=False,
                decode_content=False,
            )
        except urllib3.exceptions.HTTPError as error:
            failure = failed_to_send(error, location)
        raise failure  # outside the handler: urllib3's errors quote the URL, and none may be a context

    def _credentials(self, url: str) -> tuple[str, dict[str, str]]:
        """Take user and password out of a URL; return the headers that authorise instead."""
        scheme, _, rest = url.partition("://")
        authority, slash, path = rest.partition("/")
        userinfo, at, host = authority.rpartition("@")
        headers = dict(self.headers)
        if not any(name.lower() == "authorization" for name in headers):
            if at:
                pair = userinfo if ":" in userinfo else f"{userinfo}:"
                headers |= make_headers(basic_auth=unquote(pair))
            elif self.username is not None:
                headers |= make_headers(basic_auth=f"{self.username}:{self.password or ''}")
            elif login := _netrc_login(host):
                headers |= make_headers(basic_auth=login)
        return f"{scheme}://{host}{slash}{path}", headers

    def _manager(self, url: str) -> urllib3.PoolManager:
        if self._pid != os.getpid():
            self._managers, self._pid = {}, os.getpid()
            _silence_secrets()
        proxy = "" if self.client else _proxy_for(url)
        if proxy not in self._managers:
            self._managers[proxy] = self._make_manager(proxy)
        return self._managers[proxy]

    def _make_manager(self, proxy: str) -> urllib3.PoolManager:
        if self.client:
            manager: urllib3.PoolManager = self.client()
            return manager
        settings: dict[str, Any] = {
            "num_pools": 8,
            "maxsize": _CONNECTIONS,
            "timeout": urllib3.Timeout(connect=_CONNECT_TIMEOUT_S, read=self.timeout_s),
            "ca_certs": check_ca_file(self.ca_file, "https://"),
        }
        if not proxy:
            return urllib3.PoolManager(**settings)
        auth = urlsplit(proxy).netloc.rpartition("@")[0]
        return urllib3.ProxyManager(
            proxy,
            proxy_headers=make_headers(proxy_basic_auth=unquote(auth)) if auth else None,
            **settings,
        )


def failed_to_send(error: Exception, location: Location) -> LandfastError:
    """Turn an exception of urllib3 into ours, without its text, which quotes the URL."""
    if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason is not None:
        error = error.reason
    kinds = urllib3.exceptions
    subject = str(location)
    if isinstance(error, kinds.SSLError):
        return InvalidInput(
            f"the certificate of {location.authority.rpartition('@')[2]} was not accepted",
            subject=subject,
            hint="Give ca_file= with the certificate authority that signed it.",
        )
    if isinstance(error, kinds.ResponseError):
        return InvalidInput(f"{subject} redirects more than {_REDIRECTS} times", subject=subject)
    if isinstance(error, kinds.LocationValueError | kinds.URLSchemeUnknown):
        return InvalidInput(
            f"{subject}, or where it redirects to, is not an HTTP URL", subject=subject
        )
    return Unavailable(
        f"{subject} did not answer as HTTP does",
        subject=subject,
        found=_REASONS.get(type(error).__name__, type(error).__name__),
        hint="Check host and network, or try again.",
    )


_REASONS = {
    "NewConnectionError": "no connection",
    "NameResolutionError": "an unknown host name",
    "ConnectTimeoutError": "no connection in time",
    "ReadTimeoutError": "no answer in time",
    "ProtocolError": "a connection that broke off",
    "IncompleteRead": "a body that broke off",
    "InvalidChunkLength": "a body that broke off",
}


def _only_redirects(secret: Mapping[str, str]) -> Retry:
    """Follow redirects and retry nothing; keep every secret header from another host."""
    return Retry(
        total=None,
        connect=False,
        read=False,
        status=0,
        other=0,
        redirect=_REDIRECTS,
        respect_retry_after_header=False,
        remove_headers_on_redirect={*secret, *Retry.DEFAULT_REMOVE_HEADERS_ON_REDIRECT},
    )


def _netrc_login(host: str) -> str | None:
    """Look a host up in the user's netrc; ``default`` is not taken, as anybody may have recorded the URL."""
    try:
        found = netrc.netrc(os.environ.get("NETRC")).hosts.get(host.partition(":")[0])
    except (OSError, netrc.NetrcParseError):
        return None
    return f"{found[0]}:{found[2]}" if found else None


def _proxy_for(url: str) -> str:
    parts = urlsplit(url)
    return _proxy(parts.scheme, parts.netloc, tuple(map(os.environ.get, _PROXY_VARIABLES)))


@lru_cache(maxsize=1024)
def _proxy(scheme: str, authority: str, _said: tuple[str | None, ...]) -> str:
    """Read the environment, the whole of it: not anew for each object while what it said of proxies stays."""
    if urllib.request.proxy_bypass(authority):
        return ""
    proxies = urllib.request.getproxies()
    return str(proxies.get(scheme) or proxies.get("all") or "")


def _silence_secrets() -> None:
    # urllib3 logs request targets with their query, and where redirects lead.
    names = ("connectionpool", "poolmanager", "util.retry", "response")
    redact_loggers(*(f"urllib3.{name}" for name in names))
