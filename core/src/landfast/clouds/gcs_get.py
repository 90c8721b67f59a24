"""MediaWire: objects of Cloud Storage, asked for over the connections of Google's session, with less of its work.

requests works out anew for each object what is the same for all of a server: adapter, proxies, certificates, headers.
So the first object goes the long way, through the session; the next take its connections and headers with another path,
and with the session's credentials, which are renewed as it would.  Redirects, refused tokens and broken connections go
the long way again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType

    from requests import Response

_OWN = frozenset({"authorization", "range", "accept-encoding"})
_OBJECT = frozenset({200, 206})
_REFUSED_TOKEN = 401


@dataclass(frozen=True, slots=True)
class MediaReply:
    """An open reply, its body unread; the end of a block gives its connection back, if all was read."""

    status_code: int
    headers: Mapping[str, str]
    raw: Any

    @classmethod
    def of(cls, reply: Response) -> MediaReply:
        """Take over a reply of a session."""
        return cls(reply.status_code, reply.headers, reply.raw)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.raw.close()
        self.raw.release_conn()


@dataclass(frozen=True, slots=True)
class _Sent:
    """What was sent the long way, without what is of one object."""

    pool: Any
    headers: Mapping[str, str]
    origin: tuple[str, str]


class MediaWire:
    """The short way of one session, for any number of threads.

    Args:
        session: Google's; any other one goes the long way always.
        timeout: Seconds to connect, and without a byte.
    """

    def __init__(self, session: Any, timeout: tuple[float, float]) -> None:
        import urllib3

        self._session = session
        self._timeout = urllib3.Timeout(connect=timeout[0], read=timeout[1])
        self._sent: _Sent | None = None

    def get(self, url: str, headers: Mapping[str, str]) -> MediaReply | None:
        """Return the reply, an error too; None where it has to be asked for the long way."""
        from google.auth.exceptions import GoogleAuthError
        from urllib3.exceptions import HTTPError

        sent, session = self._sent, self._session
        scheme, host, path, query, _ = urlsplit(url)
        if sent is None or sent.origin != (scheme, host) or not _is_plain(session):
            return None
        named = {**sent.headers, **headers}
        try:
            session.credentials.before_request(session._auth_request, "GET", url, named)
            reply = sent.pool.urlopen(
                "GET",
                f"{path}?{query}",
                headers=named,
                timeout=self._timeout,
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )
        except (GoogleAuthError, HTTPError, OSError):
            self._sent = None
            return None
        if reply.status == _REFUSED_TOKEN or 300 <= reply.status < 400:
            reply.close()
            return None
        return MediaReply(reply.status, reply.headers, reply)

    def learn(self, reply: Response) -> None:
        """Go the short way from now on, if a reply shows which it is."""
        pool, target = (getattr(reply.raw, name, None) for name in ("_pool", "_request_url"))
        # A proxy of plain HTTP is asked for whole URLs, a redirected request went elsewhere.
        if pool is None or reply.history or not str(target).startswith("/"):
            return
        if reply.status_code not in _OBJECT or not _is_plain(self._session):
            return
        asked = reply.request
        headers = {
            name: str(value) for name, value in asked.headers.items() if name.lower() not in _OWN
        }
        scheme, host, *_ = urlsplit(str(asked.url))
        self._sent = _Sent(pool, headers, (scheme, host))


def _is_plain(session: Any) -> bool:
    """Whether a session is Google's own, and nobody listens to it or keeps cookies in it."""
    from google.auth.transport.requests import AuthorizedSession

    if type(session) is not AuthorizedSession or not {"request", "send"}.isdisjoint(vars(session)):
        return False
    return not (
        session.hooks.get("response") or session.cookies or getattr(session, "is_mtls", False)
    )
