"""Reading requests of the JSON API and writing its replies, on the test kit's plain exchange types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

from kit.gcs.errors import ApiError, invalid
from kit.servers.exchange import Request, Response


def segments(request: Request) -> list[str]:
    """Return the decoded path segments; a `%2F` inside one is part of it."""
    return [unquote(segment) for segment in request.path.strip("/").split("/")]


def repeated(request: Request, name: str) -> list[str]:
    """Return every value of a query parameter."""
    query = request.target.partition("?")[2]
    return parse_qs(query, keep_blank_values=True).get(name, [])


def json_body(request: Request) -> dict[str, Any]:
    """Return the JSON object of the body, empty when there is no body."""
    try:
        value = json.loads(request.body or b"{}")
    except ValueError as error:
        raise invalid("Parse Error") from error
    if not isinstance(value, dict):
        raise invalid("Parse Error")
    return value


def reply(
    body: bytes = b"", status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a response that declares the length of its body."""
    return Response(
        status=status, headers={"content-length": str(len(body)), **(headers or {})}, body=body
    )


def json_reply(value: Mapping[str, Any], status: int = 200) -> Response:
    """Return a response with a JSON body."""
    body = json.dumps(value, ensure_ascii=False).encode()
    return reply(body, status, {"content-type": "application/json; charset=UTF-8"})


def error_reply(error: ApiError, *, media: bool = False) -> Response:
    """Return what GCS answers: JSON, plain text for media, and nothing for a 304."""
    if error.status == 304:
        return Response(status=304, headers={}, body=b"")
    if media:
        headers = {"content-type": "text/html; charset=UTF-8"}
        return reply(error.message.encode(), error.status, headers)
    detail = {"message": error.message, "domain": "global", "reason": error.reason}
    body = {"error": {"code": error.status, "message": error.message, "errors": [detail]}}
    return json_reply(body, error.status)
