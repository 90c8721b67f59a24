"""What the proxy can do to an answer on its way: another status, late, cut short, or none."""

import time
from dataclasses import dataclass, field
from typing import Protocol

from kit.servers.exchange import Request, Response


class ConnectionCut(Exception):
    """Ends the connection to the client with a reset."""


class Fault(Protocol):
    """Changes what the client gets. Raises `ConnectionCut` to give it nothing."""

    def early(self, request: Request) -> Response | None:
        """Answer in the server's place, before it is asked; `None` asks it."""

    def late(self, request: Request, response: Response) -> Response:
        """Change the server's answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Answers with an error status and an S3-style XML body; the server is not asked."""

    status: int
    code: str = ""
    message: str = "injected by the test"
    headers: dict[str, str] = field(default_factory=dict)

    def early(self, request: Request) -> Response | None:
        """Answer at once."""
        body = b""
        if request.method != "HEAD":
            body = (
                '<?xml version="1.0" encoding="UTF-8"?>\n'
                f"<Error><Code>{self.code or _CODES.get(self.status, 'Error')}</Code>"
                f"<Message>{self.message}</Message><RequestId>TEST</RequestId></Error>"
            ).encode()
        headers = {"content-type": "application/xml", "content-length": str(len(body))}
        return Response(status=self.status, headers=headers | self.headers, body=body)

    def late(self, request: Request, response: Response) -> Response:
        """Pass on."""
        return response


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Waits before it asks the server."""

    seconds: float

    def early(self, request: Request) -> Response | None:
        """Wait."""
        time.sleep(self.seconds)
        return None

    def late(self, request: Request, response: Response) -> Response:
        """Pass on."""
        return response


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncate:
    """Sends the headers of the whole answer and only the first bytes of its body."""

    keep: int

    def early(self, request: Request) -> Response | None:
        """Ask the server."""
        return None

    def late(self, request: Request, response: Response) -> Response:
        """Cut the body; the proxy then ends the connection, as the length says more."""
        headers = {"content-length": str(len(response.body)), **response.headers}
        headers.pop("transfer-encoding", None)
        return Response(status=response.status, headers=headers, body=response.body[: self.keep])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Resets the connection, before the server is asked or after it has done what was asked."""

    after_server: bool = False

    def early(self, request: Request) -> Response | None:
        """Reset, unless the server is to be asked first."""
        if not self.after_server:
            raise ConnectionCut
        return None

    def late(self, request: Request, response: Response) -> Response:
        """Reset."""
        raise ConnectionCut


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Replaces the answer's body and leaves its headers, but for the length."""

    body: bytes

    def early(self, request: Request) -> Response | None:
        """Ask the server."""
        return None

    def late(self, request: Request, response: Response) -> Response:
        """Replace the body."""
        headers = {k: v for k, v in response.headers.items() if k != "transfer-encoding"}
        headers["content-length"] = str(len(self.body))
        return Response(status=response.status, headers=headers, body=self.body)


_CODES = {
    403: "AccessDenied",
    404: "NoSuchKey",
    405: "MethodNotAllowed",
    412: "PreconditionFailed",
    429: "TooManyRequests",
    500: "InternalError",
    501: "NotImplemented",
    503: "SlowDown",
}
