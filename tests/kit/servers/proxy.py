"""A reverse proxy on loopback that counts requests, calls hooks at them, and breaks answers.

It changes nothing by itself: path and query go through byte for byte and the `Host` header stays
as the client signed it, so that servers which check signatures accept them.
"""

import contextlib
import http.client
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from kit.servers.exchange import Classifier, Request, Response, s3_kind
from kit.servers.faults import ConnectionCut, Fault
from kit.servers.loopback import (
    LoopbackHandler,
    LoopbackServer,
    chunked,
    serving,
)

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "expect", "te", "upgrade"})
_BODILESS = frozenset({204, 304})
_PIECE_BYTES = 64 * 1024
# A request that takes longer hangs; nothing that is on its way is waited for by the clock.
_HUNG_S = 120.0


@dataclass(slots=True, kw_only=True)
class Rule:
    """A fault and the requests that it befalls."""

    fault: Fault
    kind: str | None
    when: Callable[[Request], bool] | None
    at: int | Container[int] | None
    seen: int = 0
    hits: int = 0
    """How often the fault was done."""

    def takes(self, request: Request) -> bool:
        """Count a request and tell whether the fault befalls it."""
        if self.kind not in (None, request.kind) or (self.when and not self.when(request)):
            return False
        self.seen += 1
        taken = self.at is None or (
            self.seen == self.at if isinstance(self.at, int) else self.seen in self.at
        )
        self.hits += taken
        return taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request with what the client got for it."""

    request: Request
    response: Response | None
    """`None` where the connection was cut."""
    sent: int
    """Bytes of the body that were handed to the client's connection."""


@dataclass(slots=True, kw_only=True)
class Proxy:
    """A running proxy: its address, what it saw, and what it shall do."""

    url: str
    upstream: str
    classify: Classifier
    before: Callable[[Request], None] | None = None
    """Called before a request goes on to the server, in the thread of its connection."""
    after: Callable[[Request, Response], None] | None = None
    """Called when the server has answered and the client does not have the answer yet."""
    requests: list[Request] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    """What hooks raised; the first is raised again when the proxy's block ends."""
    _lock: threading.Condition = field(default_factory=threading.Condition, repr=False)
    _answered: list[Exchange] = field(default_factory=list)
    _under_way: int = 0

    @property
    def exchanges(self) -> list[Exchange]:
        """Requests with what was answered, once no request is under way any more.

        A client has its answer before the proxy has written down that it sent it.  Hooks must not ask: the request
        that they belong to is under way.

        Raises:
            TimeoutError: If a request hangs.
        """
        with self._lock:
            self._settle()
            return list(self._answered)

    @property
    def counts(self) -> Counter[str]:
        """How many requests of each kind came."""
        with self._lock:
            return Counter(request.kind for request in self.requests)

    def of(self, kind: str) -> list[Request]:
        """Select the requests of a kind."""
        return [request for request in list(self.requests) if request.kind == kind]

    def inject(
        self,
        fault: Fault,
        *,
        kind: str | None = None,
        when: Callable[[Request], bool] | None = None,
        at: int | Container[int] | None = None,
    ) -> Rule:
        """Do a fault to some of the requests to come.

        Args:
            fault: What to do.
            kind: Only requests of this kind.
            when: Only requests for which this is true.
            at: Only the so-manieth of these, from 1, or those in a range; else all of them.

        Returns:
            The rule, whose `hits` tells how often it was done.
        """
        rule = Rule(fault=fault, kind=kind, when=when, at=at)
        with self._lock:
            self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Forget requests, faults and hooks."""
        with self._lock:
            self._settle()
            self.requests.clear()
            self._answered.clear()
            self.rules.clear()
            self.before = self.after = None

    def _arrived(self, request: Request) -> list[Fault]:
        with self._lock:
            self.requests.append(request)
            self._under_way += 1
            return [rule.fault for rule in self.rules if rule.takes(request)]

    def _done(self, request: Request, response: Response | None, sent: int) -> None:
        with self._lock:
            self._answered.append(Exchange(request=request, response=response, sent=sent))
            self._under_way -= 1
            self._lock.notify_all()

    def _settle(self) -> None:
        if not self._lock.wait_for(lambda: self._under_way == 0, timeout=_HUNG_S):
            raise TimeoutError(f"{self._under_way} requests are under way after {_HUNG_S:g} s")


@contextlib.contextmanager
def proxy(
    upstream: str, classify: Classifier = s3_kind, *, tls: ssl.SSLContext | None = None
) -> Iterator[Proxy]:
    """Stand in front of a server.

    Args:
        upstream: The server's URL, `http://host:port`.
        classify: Names the kind of a request from method, target and headers.
        tls: Speak HTTPS with this context's certificate.

    Yields:
        The running proxy.
    """
    state = Proxy(url="", upstream=upstream, classify=classify)
    handler = type("BoundHandler", (_Handler,), {"proxy": state})
    server = LoopbackServer(handler, tls=tls)
    state.url = server.url
    with serving(server):
        yield state
    if state.errors:
        raise state.errors[0]


class _Handler(LoopbackHandler):
    proxy: Proxy

    def respond(self) -> None:
        body, headers = self.read_body(), self.header_map()
        kind = self.proxy.classify(self.command, self.target, headers)
        request = Request(
            method=self.command, target=self.target, headers=headers, body=body, kind=kind
        )
        faults = self.proxy._arrived(request)
        try:
            response = self._answer(request, faults)
        except ConnectionCut:
            self.reset()
            self.proxy._done(request, None, 0)
            return
        except Exception as error:
            self.proxy.errors.append(error)
            response = Response(status=500, headers={"content-length": "0"}, body=b"")
        self.proxy._done(request, response, self._send(request, response))

    def _answer(self, request: Request, faults: list[Fault]) -> Response:
        if self.proxy.before:
            self.proxy.before(request)
        early = (fault.early(request) for fault in faults)
        response = next((answer for answer in early if answer is not None), None)
        response = response or self._ask(request)
        for fault in faults:
            response = fault.late(request, response)
        if self.proxy.after:
            self.proxy.after(request, response)
        return response

    def _ask(self, request: Request) -> Response:
        """Send the request on as it came, on a connection of its own."""
        address = urlsplit(self.proxy.upstream)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=120)
        with contextlib.closing(connection):
            connection.putrequest(
                request.method, request.target, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    connection.putheader(name, value.encode("latin-1"))
            connection.endheaders()
            if "transfer-encoding" in request.headers:
                connection.send(chunked(request.body))
            elif request.body:
                connection.send(request.body)
            reply = connection.getresponse()
            headers = {name.lower(): value for name, value in reply.getheaders()}
            return Response(status=reply.status, headers=headers, body=_read(reply))

    def _send(self, request: Request, response: Response) -> int:
        headers = _without_hops(response.headers)
        bodiless = request.method == "HEAD" or response.status in _BODILESS
        framed = "content-length" in headers or "transfer-encoding" in headers
        declared = int(headers.get("content-length", len(response.body)))
        if not bodiless and (not framed or declared != len(response.body)):
            self.close_connection = True
            headers["connection"] = "close"
        sent = 0
        try:
            self.write_head(response.status, headers)
            if bodiless:
                return 0
            if "transfer-encoding" in headers:
                self.wfile.write(chunked(response.body))
                return len(response.body)
            for start in range(0, len(response.body), _PIECE_BYTES):
                piece = response.body[start : start + _PIECE_BYTES]
                self.wfile.write(piece)
                sent += len(piece)
        except OSError:
            self.close_connection = True  # the client went away: that is its right
        return sent


def _read(reply: http.client.HTTPResponse) -> bytes:
    try:
        return reply.read()
    except http.client.IncompleteRead as error:
        return error.partial


def _without_hops(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in _HOP_BY_HOP}
