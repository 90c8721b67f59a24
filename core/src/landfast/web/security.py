"""Security: who may ask, what a page may load, and what another site can make a browser do."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from landfast.errors import AccessDenied
from landfast.redaction import visible

_PORT = re.compile(r":[0-9]+\Z")


def page_policy(origins: Iterable[str] = ()) -> str:
    """Return the content security policy of a page: itself, and pictures and sound of named servers.

    Args:
        origins: Such as ``https://bucket.s3.eu-central-1.amazonaws.com``.
    """
    media = " ".join(["'self'", *origins])
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src {media}",
            f"media-src {media}",
            "connect-src 'self'",
            "frame-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


# What a preview of somebody else's HTML, SVG or PDF may do: nothing, on an origin of its own.
PREVIEW_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'"
)

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
    "content-security-policy": page_policy(),
}


def check_form(token: str, form: Mapping[str, str], headers: Mapping[str, str]) -> None:
    """Refuse a form that no page of this server made.

    Args:
        token: What the pages of this server put into their forms.
        form: What was sent.
        headers: Of the request.

    Raises:
        AccessDenied: If it came from elsewhere.
    """
    is_own = hmac.compare_digest(form.get("token", "").encode(), token.encode())
    is_near = headers.get("sec-fetch-site", "same-origin") == "same-origin"
    if not (token and is_own and is_near):
        raise AccessDenied(
            "this was not asked for by a page of this server",
            subject="token",
            hint="Open the page again, and use its button: the server may have been started anew.",
        )


class Guard:
    """Refuse requests by another name of this server, and put the headers of safety on every reply.

    A page of another site can make its own name lead to this machine (DNS rebinding), and then it asks
    by that name.

    Args:
        app: What is guarded.
        hosts: Names that requests may call the server by, without port; empty allows any.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(message)
            await send(message)

        host = _PORT.sub("", Headers(scope=scope).get("host", "")).lower()
        if self._hosts and host not in self._hosts:
            shown = visible(host[:100])
            refusal = PlainTextResponse(
                f"This server is not called {shown!r}. If it is meant to be, start it with --allow-host NAME.\n",
                status_code=421,
            )
            await refusal(scope, receive, send_safely)
            return
        await self._app(scope, receive, send_safely)


def _add_headers(message: MutableMapping[str, Any]) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
