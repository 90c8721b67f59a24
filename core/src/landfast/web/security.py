"""Security: who may ask, what a page may load, and what another site can make a browser do."""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from landfast.errors import AccessDenied
from landfast.redaction import redact, visible

logger = logging.getLogger(__name__)

_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[^:\[\]/@\s]*)(?::[0-9]*)?")
_METHODS = frozenset({"GET", "HEAD", "POST"})


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
    # Older browsers do not say how near they are, but where they come from.
    is_near = headers.get("sec-fetch-site", "same-origin") == "same-origin"
    comes_from = urlsplit(headers.get("origin", "")).netloc
    if "origin" in headers and "sec-fetch-site" not in headers:
        is_near = comes_from == headers.get("host", "")
    if not (token and is_own and is_near):
        raise AccessDenied(
            "the request does not come from a page of this server",
            subject="token",
            hint="Open the page again and use its button. The server may have restarted.",
        )


class Guard:
    """Refuse requests by another name of this server, and put the headers of safety on every reply.

    A page of another site can make its own name lead to this machine (DNS rebinding), and then it asks
    by that name.

    Args:
        app: What is guarded.
        hosts: Names that requests may call the server by, without port; empty allows any.
        root_path: What stands before every path behind a proxy, which may take it off or not.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str], root_path: str = "") -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._root_path = root_path.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        has_begun = False

        async def send_safely(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                _add_headers(message)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send_safely)
            return
        try:
            await self._app(self._below_root(scope), receive, send_safely)
        except Exception as error:  # noqa: BLE001 - a traceback may hold a secret, and helps nobody who sees a page
            logger.error("%s: %s", visible(scope["path"]), redact(repr(error)))  # noqa: TRY400
            if not has_begun:
                said = PlainTextResponse(
                    "An unexpected error occurred on this page.\n", status_code=500
                )
                await said(scope, receive, send_safely)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        """Return what is said to a request by another name, or of another kind; None to one that is right."""
        names = {name_of_host(host) for host in Headers(scope=scope).getlist("host")}
        # An address that it listens on is no name that somebody could have led here.
        server = str((scope.get("server") or ("",))[0])
        own = self._hosts | {f"[{server}]" if ":" in server else server}
        if self._hosts and (len(names) != 1 or not names <= own):
            shown = ", ".join(sorted(visible(name[:100]) for name in names)) or "nothing"
            return PlainTextResponse(
                f"This server is not called {shown}. If this name is right, start the server with --allow-host NAME.\n",
                status_code=421,
            )
        if scope["method"] not in _METHODS:
            return PlainTextResponse(
                "This server answers GET, HEAD and POST.\n",
                status_code=405,
                headers={"allow": "GET, HEAD, POST"},
            )
        return None

    def _below_root(self, scope: Scope) -> Scope:
        """Take the root path off, if the proxy left it on."""
        root, path = self._root_path, scope["path"]
        if not root or not (path == root or path.startswith(root + "/")):
            return scope
        return {**scope, "path": path.removeprefix(root) or "/", "raw_path": None}


def name_of_host(header: str) -> str:
    """Return the name in a ``Host`` header, without port and without the dot of a full name; ``""`` if it has none.

    Example:
        >>> name_of_host("LocalHost.:4747"), name_of_host("[::1]:80"), name_of_host("evil@localhost")
        ('localhost', '[::1]', '')
    """
    match = _HOST.fullmatch(header.strip())
    return "" if match is None else match["name"].lower().removesuffix(".")


def _add_headers(message: MutableMapping[str, Any]) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
