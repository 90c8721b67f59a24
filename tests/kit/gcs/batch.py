"""The batch endpoint: many calls in one multipart/mixed request, answered in the same order."""

from __future__ import annotations

from collections.abc import Callable
from email.parser import BytesParser
from email.policy import HTTP
from http.client import responses

from kit.gcs.errors import invalid
from kit.gcs.messages import error_reply, reply
from kit.servers.exchange import Request, Response, gcs_kind

MAX_CALLS = 1000
_BOUNDARY = "batch_landfast"


def is_batch(request: Request) -> bool:
    """Tell whether a request holds others."""
    return request.method == "POST" and request.path in {"/batch", "/batch/storage/v1"}


def calls(request: Request) -> list[Request]:
    """Return the requests inside a batch."""
    head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + request.body)
    parts = message.get_payload()
    if not message.is_multipart() or not isinstance(parts, list):
        raise invalid("Failed to parse batch request, error: not multipart.")
    if len(parts) > MAX_CALLS:
        raise invalid(f"The batch request must not contain more than {MAX_CALLS} calls.")
    return [_call(part.get_payload(decode=True)) for part in parts]  # type: ignore[union-attr]


def answer(request: Request, answer_one: Callable[[Request], Response]) -> Response:
    """Answer every call of a batch."""
    try:
        inner = calls(request)
    except Exception as error:
        return error_reply(invalid(f"Failed to parse batch request, error: {error}"))
    pieces = [_piece(index, answer_one(call)) for index, call in enumerate(inner)]
    body = b"".join(pieces) + f"--{_BOUNDARY}--\r\n".encode()
    return reply(body, headers={"content-type": f"multipart/mixed; boundary={_BOUNDARY}"})


def _call(payload: object) -> Request:
    """Read one `application/http` part: request line, headers, body."""
    if not isinstance(payload, bytes):
        raise invalid("a part is empty")
    head, _, body = payload.replace(b"\r\n", b"\n").partition(b"\n\n")
    line, *fields = head.decode().lstrip("\n").split("\n")
    method, url, _ = line.split(" ", 2)
    target = url if url.startswith("/") else "/" + url.split("/", 3)[3]
    pairs = (item.partition(":") for item in fields)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    kind = gcs_kind(method, target, headers)
    return Request(method=method, target=target, headers=headers, body=body, kind=kind)


def _piece(index: int, response: Response) -> bytes:
    status = f"{response.status} {responses.get(response.status, 'Unknown')}"
    lines = [
        f"--{_BOUNDARY}",
        "Content-Type: application/http",
        f"Content-ID: <response-{index}>",
        "",
        f"HTTP/1.1 {status}",
        *(f"{name}: {value}" for name, value in response.headers.items()),
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + response.body + b"\r\n"
