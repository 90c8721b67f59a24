"""ListWire: list pages of S3 as bytes, asked for, signed and sent as by a botocore client, and parsed by nobody.

A botocore call spends most on its reply (it parses the XML twice, once to look for an error), and the rest on
working out anew what is the same for all pages of a bucket.  So a page goes one of two ways:

- the long way is the client's own method, from which the body is taken before anything parses it;
- the short way takes the request of the last page that went the long way, with another query: signed by the client's
  signer, or as that does (see `s3_sign`), and sent over the client's connections (its proxy, certificates and
  timeouts).  Whatever comes back that is no whole page (an error, a redirect, a broken connection) goes the long way,
  as the outcome of its first attempt: retries, regions and error classes are botocore's.

Where anybody but botocore listens to a client's events, or wraps its methods, all pages go the long way.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from landfast.clouds.s3_sign import SignedSend
from landfast.errors import Unavailable

_BODY = "LandfastBody"
_GOOD = {200, 206}
# A reply with status 200 may turn out to be an error while it is written.
_ERROR = re.compile(rb"(?>\s+|<\?.*?\?>|<!--.*?-->)*+<(?:[\w.-]++:)?Error[\s/>]", re.DOTALL)

_EVENTS = (
    *("provide-client-params", "before-parameter-build", "before-endpoint-resolution"),
    *("before-call", "request-created", "choose-signer", "before-sign", "before-send"),
    *("before-parse", "response-received", "needs-retry", "after-call", "after-call-error"),
)
# Whose handlers have been at work in the request that is taken again, or have nothing to do at a whole page.
# `retries.adaptive` is not among them: it counts each request.
_BOTOCORE = ("client", "handlers", "retries.standard", "retryhandler", "signers", "useragent", "utils")  # fmt: skip
_KNOWN = frozenset(
    {__name__, "landfast.clouds.s3_client", *(f"botocore.{name}" for name in _BOTOCORE)}
)
_METHODS = ("_make_api_call", "_make_request")
_ENDPOINT_METHODS = ("make_request", "_send_request", "_get_response", "_do_get_response", "_send")


class OpenReply(NamedTuple):
    """A good reply whose body is unread, without what botocore's costs."""

    status_code: int
    headers: Mapping[str, str]
    raw: Any


@dataclass(slots=True)
class SentRequest:
    """A request that was sent, to be taken again with another query."""

    model: Any
    params: Mapping[str, Any]
    base: str
    features: Any
    agent: str | None = None
    """The user agent as it was sent: it is the same each time, and dearer to write than the signature."""
    own: SignedSend | None = None
    """Sends what is signed alike, without botocore."""

    @classmethod
    def of(cls, model: Any, params: Mapping[str, Any]) -> SentRequest | None:
        """Keep what botocore is about to sign; None if its query is not found in its URL."""
        from botocore.context import get_context
        from botocore.utils import percent_encode_sequence

        query = percent_encode_sequence(params["query_string"])
        is_page = model.name in _METHODS_OF_PAGES.values()
        if is_page and not params["url"].endswith(f"&{query}"):
            return None
        base = params["url"].removesuffix(query if is_page else f"?{query}")
        return cls(model, _copied(params), base, get_context())

    def send(self, client: Any, query: Mapping[str, Any]) -> Any:
        """Sign and send with a query; return the reply with its body, or the exception of a connection that broke."""
        from botocore.utils import percent_encode_sequence

        return self.ask(client, self.base + percent_encode_sequence(query), {}, is_whole=True)

    def ask(
        self, client: Any, url: str, headers: Mapping[str, str], *, is_whole: bool = False
    ) -> Any:
        """Send to another URL: by botocore's hands the first time, by our own where that is the same.

        Of a good reply the body is read only if it is to be whole.
        """
        if self.own is None:
            return self._send_by_botocore(client, url, headers, is_whole=is_whole)
        from botocore.awsrequest import AWSResponse
        from botocore.exceptions import BotoCoreError
        from urllib3.exceptions import HTTPError

        try:
            raw = self.own.get(url, headers)
            if not is_whole and raw.status in _GOOD:
                return OpenReply(raw.status, dict(raw.headers.itermerged()), raw)
            reply: Any = AWSResponse(url, raw.status, raw.headers, raw)
            if is_whole or reply.status_code not in _GOOD:
                reply._content = raw.read()
        except BotoCoreError as error:
            return error
        except (HTTPError, OSError) as error:
            return _broken(error, url)
        return reply

    def _send_by_botocore(
        self, client: Any, url: str, headers: Mapping[str, str], *, is_whole: bool
    ) -> Any:
        from botocore.awsrequest import create_request_object
        from botocore.context import start_as_current_context
        from botocore.exceptions import BotoCoreError, ConnectionClosedError
        from urllib3.exceptions import HTTPError

        params = _copied(self.params)
        params["url"] = url
        params["headers"].update(headers)
        if self.agent is not None:
            params["headers"]["User-Agent"] = self.agent
        params["context"]["retries"] = {"attempt": 1, "invocation-id": str(uuid.uuid4())}
        endpoint = client._endpoint
        if is_whole and self.agent is None:
            with start_as_current_context(self.features):  # the user agent tells of them
                request = endpoint.create_request(params, self.model)
            agent = request.headers.get("User-Agent")
            self.agent = agent.decode() if isinstance(agent, bytes) else agent
        else:
            # As that does, but for the user agent, which is as it was.
            made = create_request_object(params)
            event = f"request-created.s3.{self.model.name}"
            for handler in _listeners(client, event):
                if handler.__module__ != "botocore.useragent":
                    handler(request=made, operation_name=self.model.name, event_name=event)
            request = made.prepare()
        request.stream_output = True  # botocore would read it in 64 KiB pieces, twice as dear
        try:
            reply = endpoint.http_session.send(request)
            if reply.status_code in _GOOD:
                self.own = SignedSend.of(client, request, reply.raw)
            if is_whole or reply.status_code not in _GOOD:
                reply._content = reply.raw.read()
        except BotoCoreError as error:
            return error
        except (HTTPError, OSError) as error:
            return ConnectionClosedError(error=error, request=request, endpoint_url=request.url)
        return reply


def _broken(error: Exception, url: str) -> Exception:
    """Return what botocore makes of an error of the connection."""
    import urllib3.exceptions as theirs
    from botocore import exceptions as known

    if isinstance(error, theirs.SSLError):
        return known.SSLError(endpoint_url=url, error=error)
    if isinstance(error, theirs.ProxyError):
        return known.ProxyConnectionError(proxy_url="", error=error)
    if isinstance(error, theirs.NewConnectionError):
        return known.EndpointConnectionError(endpoint_url=url, error=error)
    if isinstance(error, theirs.ConnectTimeoutError):
        return known.ConnectTimeoutError(endpoint_url=url, error=error)
    if isinstance(error, theirs.ReadTimeoutError):
        return known.ReadTimeoutError(endpoint_url=url, error=error)
    return known.ConnectionClosedError(endpoint_url=url, error=error)


def _copied(params: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a request as deep as signing writes into it."""
    context = dict(params["context"])
    context["signing"] = dict(context.get("signing", {}))
    return {**params, "headers": dict(params["headers"]), "context": context}


@dataclass(slots=True)
class Wanted:
    """A page that this thread waits for on the long way."""

    outcome: Any = None
    """What the short way got, a reply or an exception: it stands for the first attempt's."""
    request: SentRequest | None = None


_thread = threading.local()


class ListWire:
    """List pages of a boto3 client for S3, for any number of threads; its other users notice nothing."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._requests: dict[Any, SentRequest] = {}
        self._names = {name: _query_names(client, name) for name in _METHODS_OF_PAGES}
        events = client.meta.events
        for name in _METHODS_OF_PAGES.values():
            listen(client, name)
            # By the wildcard: before botocore looks for an error.
            events.register(f"before-parse.*.{name}", _take_body, unique_id=f"landfast-parse-{name}")  # fmt: skip

    def get(self, method: str, parameters: Mapping[str, Any]) -> bytes:
        """Return the XML of a page: what botocore's `list_objects_v2` or `list_object_versions` would ask for.

        Raises:
            botocore.exceptions.ClientError: If the server answers with an error, even under status 200.
            botocore.exceptions.BotoCoreError: If there is no answer, or not all of it.
        """
        names = self._names[method]
        rest = {name: value for name, value in parameters.items() if name not in names}
        kind = (method, repr(rest))
        known = self._requests.get(kind) if is_plain(self._client, method) else None
        if known is None:
            return self._long_way(method, parameters, kind)
        query = {names[name]: value for name, value in parameters.items() if name in names}
        outcome = known.send(self._client, query)
        if getattr(outcome, "status_code", None) == 200 and not _ERROR.match(outcome.content):
            return _whole(outcome.content, outcome.headers)
        self._requests.pop(kind, None)
        return self._long_way(method, parameters, kind, outcome)

    def _long_way(
        self, method: str, parameters: Mapping[str, Any], kind: Any, outcome: Any = None
    ) -> bytes:
        with waiting(Wanted(outcome)) as wanted:
            reply = getattr(self._client, method)(**parameters)
        metadata = reply.get("ResponseMetadata", {})
        if wanted.request is not None and not metadata.get("RetryAttempts"):
            self._requests[kind] = wanted.request
        if _BODY not in reply:  # a stub, or a handler that answers for the server
            raise _answered_elsewhere(method)
        return _whole(reply[_BODY], metadata.get("HTTPHeaders", {}))


_METHODS_OF_PAGES = {
    "list_objects_v2": "ListObjectsV2",
    "list_object_versions": "ListObjectVersions",
}
_OPERATIONS = {**_METHODS_OF_PAGES, "get_object": "GetObject"}


def _query_names(client: Any, method: str) -> dict[str, str]:
    """Return the method's arguments that stand in the query, by their names there."""
    model = client.meta.service_model.operation_model(_METHODS_OF_PAGES[method])
    where = {name: shape.serialization for name, shape in model.input_shape.members.items()}
    return {n: s["name"] for n, s in where.items() if s.get("location") == "querystring"}


def is_plain(client: Any, method: str) -> bool:
    """Whether nobody but botocore and we are in the way of a request, so that a part may be left out."""
    name = _OPERATIONS[method]
    try:
        known = _known_here(client)
        if name not in known.plain:
            heard = (each for event in _EVENTS for each in _listeners(client, f"{event}.s3.{name}"))
            known.plain[name] = all(getattr(each, "__module__", None) in _KNOWN for each in heard)
    except AttributeError:  # another botocore than we know
        return False
    return known.plain[name] and has_own_methods(client, method)


@dataclass(slots=True)
class _Listeners:
    """Who listens to the events of a client, for as long as nobody begins or ends to."""

    epoch: Any
    """botocore's own memory of them, which it then throws away."""
    by_event: dict[str, list[Any]] = field(default_factory=dict)
    plain: dict[str, bool] = field(default_factory=dict)
    """Of operations, whether only we and botocore do."""


_listening: WeakKeyDictionary[Any, _Listeners] = WeakKeyDictionary()


def _known_here(client: Any) -> _Listeners:
    emitter = client.meta.events._emitter
    known = _listening.get(emitter)
    if known is None or known.epoch is not emitter._lookup_cache:
        known = _listening[emitter] = _Listeners(emitter._lookup_cache)
    return known


def _listeners(client: Any, event: str) -> list[Any]:
    known = _known_here(client)
    if event not in known.by_event:
        search = client.meta.events._emitter._handlers.prefix_search
        known.by_event[event] = [*search(event)]
    return known.by_event[event]


def has_own_methods(client: Any, method: str) -> bool:
    """Whether the methods of a client are as botocore made them."""
    try:
        kind, endpoint = type(client), type(client._endpoint)
        methods = [getattr(kind, name) for name in (*_METHODS, method)]
        methods += [getattr(endpoint, name) for name in _ENDPOINT_METHODS]
    except AttributeError:
        return False
    is_own = method not in vars(client) and "_make_api_call" not in vars(client)
    return is_own and all(map(_is_botocores, methods))


def _is_botocores(function: Any) -> bool:
    """Whether a method is what botocore made it: tracers wrap some, and imitate names and classes."""
    import botocore

    return type(function) is FunctionType and function.__code__.co_filename.startswith(
        botocore.__path__[0]
    )


@contextmanager
def waiting(wanted: Wanted) -> Iterator[Wanted]:
    """Mark the calls of this thread as ours."""
    _thread.wanted = wanted
    try:
        yield wanted
    finally:
        _thread.wanted = None


def _wanted() -> Wanted | None:
    return getattr(_thread, "wanted", None)


def listen(client: Any, operation: str) -> None:
    """Let what is `waiting` see the requests of an operation, and answer the first one itself."""
    events = client.meta.events
    # At the root and last: the request is finished.
    events.register_last("before-call", _keep_request, unique_id="landfast-call")
    events.register(f"before-send.s3.{operation}", _first_outcome, unique_id=f"landfast-send-{operation}")  # fmt: skip


def _keep_request(model: Any, params: Mapping[str, Any], **_: Any) -> None:
    wanted = _wanted()
    if wanted is not None and model.name in _OPERATIONS.values():
        wanted.request = SentRequest.of(model, params)


def _first_outcome(**_: Any) -> Any:
    """Stand in for sending, once, with what the short way got."""
    wanted = _wanted()
    if wanted is None:
        return None
    outcome, wanted.outcome = wanted.outcome, None
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _take_body(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any
) -> None:
    if _wanted() is None or response_dict["status_code"] >= 300:
        return
    if _ERROR.match(response_dict["body"]):
        response_dict["status_code"] = 500
        return
    customized_response_dict[_BODY] = response_dict["body"]
    response_dict["body"] = b""


def _whole(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return a body that did not break off; neither botocore nor `http.client` looks."""
    from botocore.exceptions import IncompleteReadError

    told = headers.get("content-length", "")
    if told.isdigit() and len(body) != int(told):
        raise IncompleteReadError(actual_bytes=len(body), expected_bytes=int(told))
    return body


def _answered_elsewhere(method: str) -> Unavailable:
    return Unavailable(
        f"{method} of the client that was handed in was answered without a server",
        hint="A stubbed client cannot list; use a server on loopback, or moto.",
    )
