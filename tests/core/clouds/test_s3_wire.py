"""List pages on the wire: what a botocore client says, asks and does is kept, by the short way as by the long one."""

import functools
import importlib
import itertools
import os
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.awsrequest
import botocore.client
import botocore.handlers
import botocore.parsers
import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ReadTimeoutError,
    SSLError,
)
from botocore.stub import Stubber
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit.servers.loopback import LoopbackHandler, LoopbackServer, serving
from landfast.clouds import s3_sign, s3_wire
from landfast.clouds.s3_wire import ListWire
from landfast.errors import AccessDenied, Unavailable
from landfast.model.location import Location
from landfast.stores.base import ListRequest
from landfast.stores.s3 import S3Store

PAGE = b'<?xml version="1.0"?>\n<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>'
ERROR = b"<Error><Code>%s</Code><Message>no</Message></Error>"
LIST = {"Bucket": "bucket", "Prefix": "d/", "MaxKeys": 1000, "EncodingType": "url"}
METHODS = {"list_objects_v2": "ListObjectsV2", "list_object_versions": "ListObjectVersions"}


@dataclass
class Reply:
    """What a request gets."""

    body: bytes = PAGE
    status: int = 200
    """0 ends the connection instead."""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    """Bytes of the body after which the connection ends."""
    until: threading.Event | None = None
    """What has to happen before the answer."""


@dataclass
class Server:
    """A server that notes each request and answers it as it is told; then with an empty page."""

    url: str
    requests: list[SimpleNamespace] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    echoes: bool = False
    """Whether pages end with what was asked."""

    def default(self, target: str) -> Reply:
        return Reply(PAGE + b"<!--" + target.encode() + b"-->" if self.echoes else PAGE)

    def client(self, **config: Any) -> Any:
        return make_client(self.url, **config)


def make_client(url: str | None, session: Any = None, verify: Any = None, **config: Any) -> Any:
    config = {"retries": {"total_max_attempts": 1, "mode": "standard"}} | config
    keys = {"aws_access_key_id": "AKIATEST", "aws_secret_access_key": "secret"}
    return (session or boto3.session.Session(region_name="us-east-1", **keys)).client(
        "s3", endpoint_url=url, config=Config(**config), verify=verify
    )


def run_server(tls: Any = None) -> Iterator[Server]:
    class Handler(LoopbackHandler):
        def respond(self) -> None:
            self.read_body()
            names = [name for name, _ in self.headers.items()]
            noted.requests.append(
                SimpleNamespace(
                    method=self.command, target=self.target, headers=self.header_map(), names=names
                )
            )
            reply = noted.replies.pop(0) if noted.replies else noted.default(self.target)
            if reply.until is not None:
                reply.until.wait(60)
            if not reply.status:
                self.reset()
                return
            self.write_head(reply.status, {"Content-Length": str(len(reply.body)), **reply.headers})
            self.wfile.write(reply.body[: reply.cut])
            self.close_connection = reply.cut is not None

    server = LoopbackServer(Handler, tls=tls)
    noted = Server(server.url)
    with serving(server):
        yield noted


@pytest.fixture
def server() -> Iterator[Server]:
    yield from run_server()


@pytest.fixture(params=["long", "short", "own"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def wire_of(client: Any, way: str, method: str = "list_object_versions", **more: str) -> ListWire:
    """A wire whose next page goes this way."""
    wire = ListWire(client)
    for _ in range({"long": 0, "short": 1, "own": 2}[way]):
        wire.get(method, LIST | {"Prefix": "before/"} | more)
    return wire


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bytes of each reply that botocore parses: the short way has none, the long way an empty one."""
    found = []
    parse = botocore.parsers.ResponseParser.parse

    def noting(self: Any, response: Any, shape: Any) -> Any:
        found.append(len(response["body"]))
        return parse(self, response, shape)

    monkeypatch.setattr(botocore.parsers.ResponseParser, "parse", noting)
    return found


# The ways


@pytest.mark.parametrize("method", METHODS)
def test_first_page_goes_the_long_way_and_others_the_short_one(server, parsed, method):
    wire = ListWire(server.client())
    for n in range(5):
        assert wire.get(method, LIST | {"Prefix": f"{n}/"}) == PAGE
    assert parsed == [0]
    assert len(server.requests) == 5


def test_another_bucket_goes_the_long_way_first(server, parsed):
    wire = wire_of(server.client(), "short")
    wire.get("list_object_versions", LIST | {"Bucket": "other"})
    assert parsed == [0, 0]
    assert server.requests[-1].target.startswith("/other?versions")
    wire.get("list_object_versions", LIST)
    assert parsed == [0, 0]
    assert server.requests[-1].target.startswith("/bucket?versions")


def test_other_users_of_the_client_notice_nothing(server):
    client = server.client()
    wire = wire_of(client, "short")
    body = PAGE.replace(b"<IsT", b"<Version><Key>k</Key></Version><IsT")
    server.replies = [Reply(body), Reply(body)]
    assert client.list_object_versions(Bucket="bucket")["Versions"] == [{"Key": "k"}]
    assert wire.get("list_object_versions", LIST) == body


# The same request


def comparable(request: SimpleNamespace) -> tuple[Any, ...]:
    headers = {**request.headers}
    del headers["amz-sdk-invocation-id"]
    if "ECDSA" in headers.get("authorization", ""):  # whose signatures hold something random
        headers["authorization"] = headers["authorization"].partition("Signature=")[0]
    return request.method, request.target, headers, request.names


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """All signatures are made at one moment, so that equal requests have equal ones."""
    moment = datetime(2026, 5, 3, 8, 15, tzinfo=UTC)
    for module in ("botocore.auth", "botocore.crt.auth"):
        monkeypatch.setattr(
            f"{module}.get_current_datetime",
            lambda remove_tzinfo=True: moment.replace(tzinfo=None) if remove_tzinfo else moment,
        )
    monkeypatch.setattr(s3_sign, "_moment", lambda: moment.strftime("%Y%m%dT%H%M%SZ"))


HOSTILE = st.text(
    st.one_of(st.sampled_from("/%+ =&?#~;:@!*'()\\\"<>\x00\n\t.ü🜚"), st.characters(codec="utf-8")),
    max_size=40,
)


@given(prefix=HOSTILE, marker=HOSTILE, version=HOSTILE, size=st.integers(1, 1000))
@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@pytest.mark.parametrize("method", METHODS)
def test_request_is_byte_for_byte_that_of_the_client(
    same_request, method, prefix, marker, version, size
):
    tokens = (
        {"KeyMarker": marker, "VersionIdMarker": version}
        if method == "list_object_versions"
        else {"ContinuationToken": version, "StartAfter": marker}
    )
    more = {"RequestPayer": "requester", "OptionalObjectAttributes": ["RestoreStatus"]}
    asked = LIST | {"Prefix": prefix, "MaxKeys": size} | tokens | more
    same_request(method, asked)


@pytest.fixture(scope="module")
def module_server() -> Iterator[Server]:
    yield from run_server()


@pytest.fixture
def same_request(module_server, stopped_clock):
    """Ask by a client's own method, and by the wire its two short ways; fail where the requests differ."""
    client, wires = module_server.client(), {}

    def check(method: str, asked: dict[str, Any]) -> None:
        if method not in wires:
            rest = {name: asked[name] for name in ("RequestPayer", "OptionalObjectAttributes")}
            wires[method] = wire_of(module_server.client(), "own", method, **rest)
        module_server.requests.clear()
        getattr(client, method)(**asked)
        (known,) = wires[method]._requests.values()
        assert known.own is not None
        wires[method].get(method, asked)
        known.own = None
        wires[method].get(method, asked)
        assert known.own is not None
        theirs, *ours = map(comparable, module_server.requests)
        assert ours == [theirs, theirs]

    return check


PLACES = {
    "virtual host": ({}, "bucket", "http://bucket.s3.amazonaws.com/"),
    "path": ({"s3": {"addressing_style": "path"}}, "bucket", "http://s3.amazonaws.com/bucket"),
    "dotted bucket": ({}, "a.dotted.bucket", "http://s3.amazonaws.com/a.dotted.bucket"),
    "dualstack": ({"use_dualstack_endpoint": True}, "bucket", "http://bucket.s3.dualstack.us-east-1.amazonaws.com/"),
    "fips": ({"use_fips_endpoint": True}, "bucket", "http://bucket.s3-fips.us-east-1.amazonaws.com/"),
    "accelerate": ({"s3": {"use_accelerate_endpoint": True}}, "bucket", "http://bucket.s3-accelerate.amazonaws.com/"),
    "access point": (
        {}, "arn:aws:s3:us-west-2:123456789012:accesspoint/mine",
        "http://mine-123456789012.s3-accesspoint.us-west-2.amazonaws.com/",
    ),
    "object lambda": (
        {}, "arn:aws:s3-object-lambda:us-west-2:123456789012:accesspoint/mine",
        "http://mine-123456789012.s3-object-lambda.us-west-2.amazonaws.com/",
    ),
    "outposts": (
        {}, "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-0123456789abcdef0/accesspoint/mine",
        "http://mine-123456789012.op-0123456789abcdef0.s3-outposts.us-west-2.amazonaws.com/",
    ),
    "many regions": (
        {}, "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap",
        "http://mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com/",
    ),
    "unsigned": ({"signature_version": UNSIGNED}, "bucket", "http://bucket.s3.amazonaws.com/"),
    "signature 2": ({"signature_version": "s3"}, "bucket", "http://bucket.s3.amazonaws.com/"),
}  # fmt: skip


def aws_client(server: Server, **config: Any) -> Any:
    """A client of AWS whose requests, by HTTP, end at the server as at a proxy."""
    keys = {"aws_access_key_id": "AKIATEST", "aws_secret_access_key": "secret"}
    session = boto3.session.Session(region_name="us-east-1", aws_session_token="token", **keys)
    config = {"retries": {"total_max_attempts": 1}, "proxies": {"http": server.url}} | config
    return session.client("s3", use_ssl=False, config=Config(**config))


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-2", "nowhere"])
@pytest.mark.parametrize("token", [None, "a/session+token=="])
@pytest.mark.parametrize("path", ["", "/below", "/be%20low/here"])
def test_our_own_signature_is_the_clients(server, stopped_clock, region, token, path):
    keys = {"aws_access_key_id": "AKIA+TEST=1", "aws_secret_access_key": "se/cr+et="}
    session = boto3.session.Session(region_name=region, aws_session_token=token, **keys)
    asked = LIST | {"Prefix": "a b/ü+&=~/", "StartAfter": "*'()%2F"}
    wire = wire_of(make_client(server.url + path, session), "own", "list_objects_v2")
    make_client(server.url + path, session).list_objects_v2(**asked)
    wire.get("list_objects_v2", asked)
    (known,) = wire._requests.values()
    assert known.own is not None
    theirs, ours = map(comparable, server.requests[-2:])
    assert ours == theirs
    assert f"/{region}/s3/aws4_request" in ours[2]["authorization"]
    assert ours[2].get("x-amz-security-token") == token


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("way", ["short", "own"])
def test_every_kind_of_endpoint_is_the_clients(server, stopped_clock, place, way):
    config, bucket, url = PLACES[place]
    wire = wire_of(aws_client(server, **config), way, "list_objects_v2", Bucket=bucket)
    aws_client(server, **config).list_objects_v2(**LIST | {"Bucket": bucket})
    wire.get("list_objects_v2", LIST | {"Bucket": bucket})
    theirs, ours = map(comparable, server.requests[-2:])
    assert ours == theirs
    assert ours[1].startswith(url)
    assert ours[1].partition("?")[2].startswith("list-type=2&prefix=d%2F&")
    if place == "unsigned":
        assert "authorization" not in ours[2]
    elif place != "signature 2":
        assert ours[2]["x-amz-security-token"] == "token"


def test_directory_bucket_is_listed_with_its_sessions_credentials(server, stopped_clock):
    session = b"""<CreateSessionResult><Credentials><SessionToken>of-the-session</SessionToken>
        <SecretAccessKey>s</SecretAccessKey><AccessKeyId>ASIASESSION</AccessKeyId>
        <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></CreateSessionResult>"""
    asked = LIST | {"Bucket": "mine--use1-az4--x-s3"}
    server.replies = [Reply(session), Reply(), Reply(), Reply(session)]
    wire = ListWire(aws_client(server))
    wire.get("list_objects_v2", asked)
    wire.get("list_objects_v2", asked)
    aws_client(server).list_objects_v2(**asked)
    first, _, ours, _, theirs = server.requests
    assert "session" in urlsplit(first.target).query
    assert comparable(ours) == comparable(theirs)
    assert ours.headers["x-amz-s3session-token"] == "of-the-session"
    assert "Credential=ASIASESSION/" in ours.headers["authorization"]


# The client's settings


def test_proxy_of_the_client_carries_every_page(server, way):
    client = make_client(
        "http://nowhere.invalid", proxies={"http": server.url.replace("//", "//user:word@")}
    )
    wire_of(client, way).get("list_object_versions", LIST)
    assert server.requests[-1].target.startswith("http://nowhere.invalid/bucket?versions&")
    assert server.requests[-1].headers["proxy-authorization"] == "Basic dXNlcjp3b3Jk"


def test_proxy_of_the_environment_carries_every_page(server, way, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", server.url)
    wire_of(make_client("http://nowhere.invalid"), way).get("list_object_versions", LIST)
    assert server.requests[-1].target.startswith("http://nowhere.invalid/bucket?versions&")


def test_certificate_is_checked_as_the_client_says(authority, way):
    trusted, context = authority
    for server in run_server(context):
        wire = wire_of(make_client(server.url, verify=str(trusted)), way)
        assert wire.get("list_object_versions", LIST) == PAGE
        with pytest.raises(SSLError):
            ListWire(make_client(server.url)).get("list_object_versions", LIST)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_certificate_is_not_checked_where_the_client_says_so(authority, way):
    for server in run_server(authority[1]):
        wire = wire_of(make_client(server.url, verify=False), way)
        assert wire.get("list_object_versions", LIST) == PAGE


def test_certificate_of_the_client_is_shown(authority, way):
    public, context = authority
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(public)
    both = (str(public), str(public.with_name("key.pem")))
    for server in run_server(context):
        client = make_client(server.url, verify=str(public), client_cert=both)
        assert wire_of(client, way).get("list_object_versions", LIST) == PAGE


def test_read_timeout_is_the_clients(server, way):
    wire = wire_of(server.client(read_timeout=0.2), way)
    late = threading.Event()
    server.replies = [Reply(until=late)]
    with pytest.raises(ReadTimeoutError):
        wire.get("list_object_versions", LIST)
    late.set()


def test_user_agent_is_the_clients(server, way):
    wire_of(server.client(user_agent_extra="ours/1"), way).get("list_object_versions", LIST)
    assert server.requests[-1].headers["user-agent"].endswith(" ours/1")


def test_retries_are_the_clients_and_begin_with_the_short_way(server, way):
    wire = wire_of(server.client(retries={"total_max_attempts": 3, "mode": "standard"}), way)
    server.requests.clear()
    server.replies = [Reply(b"", 503), Reply(b"", 500), Reply()]
    assert wire.get("list_object_versions", LIST) == PAGE
    assert [r.headers["amz-sdk-request"] for r in server.requests[1:]] == [
        "attempt=2; max=3",
        "attempt=3; max=3",
    ]
    assert len(server.requests) == 3


def test_connections_are_kept(server):
    wire = wire_of(server.client(), "short")
    session = wire._client._endpoint.http_session
    pool = session._manager.connection_from_url(server.url)
    for n in range(5):
        wire.get("list_object_versions", LIST | {"Prefix": f"{n}"})
    assert (pool.num_connections, pool.num_requests) == (1, 6)


# Who listens

# An event and what its handlers are given, among other things.
HEARD = {
    "provide-client-params": "params",
    "before-parameter-build": "params",
    "before-endpoint-resolution": "params",
    "before-call": "model",
    "request-created": "request",
    "choose-signer": "context",
    "before-sign": "request",
    "before-send": "request",
    "before-parse": "response_dict",
    "response-received": "parsed_response",
    "needs-retry": "response",
    "after-call": "model",
}


@pytest.mark.parametrize("event", HEARD)
def test_hook_is_called_for_each_page(server, event):
    client = server.client()
    wire = wire_of(client, "short")
    heard = []
    client.meta.events.register(f"{event}.s3", lambda **given: heard.append(HEARD[event] in given))
    for n in range(3):
        assert wire.get("list_object_versions", LIST | {"Prefix": f"{n}/"}) == PAGE
        assert heard == [True] * (n + 1)


def test_hook_may_change_the_request(server, way):
    client = server.client()
    wire = wire_of(client, way)

    def tenant(request: Any, **_: Any) -> None:
        request.headers["x-tenant"] = "mine"

    def folder(params: dict[str, Any], **_: Any) -> None:
        params["Prefix"] = "other/"

    client.meta.events.register("request-created.s3", tenant)
    client.meta.events.register("before-parameter-build.s3", folder)
    wire.get("list_object_versions", LIST)
    assert server.requests[-1].headers["x-tenant"] == "mine"
    assert "prefix=other%2F" in server.requests[-1].target


def test_hook_may_answer_for_the_server(server, way):
    client = server.client()
    wire = wire_of(client, way)
    body = PAGE.replace(b"false", b"FALSE")

    class Raw:
        def stream(self, **_: Any) -> Iterator[bytes]:
            yield body

    client.meta.events.register(
        "before-send.s3",
        lambda request, **_: botocore.awsrequest.AWSResponse(request.url, 200, {}, Raw()),
    )
    before = len(server.requests)
    assert wire.get("list_object_versions", LIST) == body
    assert len(server.requests) == before


def test_hook_that_goes_away_is_not_missed(server, parsed):
    client = server.client()
    wire = wire_of(client, "short")
    heard = []

    def hook(**_: Any) -> None:
        heard.append(1)

    client.meta.events.register("before-sign.s3", hook)
    wire.get("list_object_versions", LIST)
    client.meta.events.unregister("before-sign.s3", hook)
    wire.get("list_object_versions", LIST)
    assert (heard, parsed) == ([1], [0, 0])


def test_stubbed_client_says_that_it_can_not_list(server, way):
    client = server.client()
    wire = wire_of(client, way)
    with Stubber(client) as stub:
        stub.add_response("list_object_versions", {}, LIST)
        with pytest.raises(Unavailable, match="without a server"):
            wire.get("list_object_versions", LIST)


def test_client_that_counts_its_requests_counts_pages(server):
    client = server.client(retries={"mode": "adaptive", "total_max_attempts": 1})
    wire = wire_of(client, "short")
    counted = []
    client.meta.events.register_first("before-send.s3", lambda **_: counted.append(1))
    wire.get("list_object_versions", LIST)
    assert counted == [1]


@pytest.mark.parametrize(
    "name",
    [
        "botocore.client.BaseClient._make_api_call",
        "botocore.endpoint.Endpoint.make_request",
        "botocore.endpoint.Endpoint._send",
    ],
)
def test_tracer_that_wraps_a_method_sees_each_page(server, monkeypatch, name):
    wire = wire_of(server.client(), "short")
    place, _, method = name.rpartition(".")
    module, _, kind = place.rpartition(".")
    owner = getattr(importlib.import_module(module), kind)
    inner, seen = getattr(owner, method), []

    @functools.wraps(inner)
    def traced(*args: Any, **kwargs: Any) -> Any:
        seen.append(1)
        return inner(*args, **kwargs)

    monkeypatch.setattr(owner, method, traced)
    wire.get("list_object_versions", LIST)
    wire.get("list_object_versions", LIST)
    assert seen == [1, 1]


def test_method_that_is_replaced_on_the_client_is_asked(server):
    client = server.client()
    wire = wire_of(client, "short")
    client.list_object_versions = lambda **_: {s3_wire._BODY: b"<own/>"}
    assert wire.get("list_object_versions", LIST) == b"<own/>"


def test_moto_in_the_process_is_not_passed_by(monkeypatch):
    # Moto puts itself into all clients that are made from its import on, which here end with the test.
    monkeypatch.setattr(
        botocore.handlers, "BUILTIN_HANDLERS", [*botocore.handlers.BUILTIN_HANDLERS]
    )
    from moto import mock_aws

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.session.Session(region_name="us-east-1").client("s3")
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="d/k", Body=b"x")
        wire = ListWire(client)
        for _ in range(3):
            assert b"<Key>d/k</Key>" in wire.get("list_object_versions", LIST)


# What comes back


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "AccessDenied"), (404, "NoSuchBucket"), (503, "SlowDown"), (500, ""), (400, "Odd")],
)
def test_error_is_botocores_own(server, way, status, code):
    body = ERROR % code.encode() if code else b""
    wire = wire_of(server.client(), way)
    server.requests.clear()
    server.replies = [Reply(body, status, {"x-amz-request-id": "R1"})] * 2
    with pytest.raises(ClientError) as ours:
        wire.get("list_object_versions", LIST)
    assert len(server.requests) == 1
    with pytest.raises(ClientError) as theirs:
        server.client().list_object_versions(**LIST)
    assert type(ours.value).__name__ == type(theirs.value).__name__
    assert str(ours.value) == str(theirs.value)
    one, two = (caught.value.response for caught in (ours, theirs))
    assert one == two
    assert one["ResponseMetadata"]["HTTPHeaders"]["x-amz-request-id"] == "R1"


@pytest.mark.parametrize(
    "body",
    [
        ERROR,
        b'<?xml version="1.0" encoding="UTF-8"?>\n' + ERROR,
        b"<!-- a > b --> <?pi?>\n" + ERROR,
        ERROR.replace(b"<Error>", b'<Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'),
        b"<s:Error xmlns:s='s'><s:Code>%s</s:Code></s:Error>",
    ],
)
def test_error_under_status_200_is_unavailable(server, way, body):
    wire = wire_of(server.client(), way)
    store = S3Store(client=lambda: wire._client)
    store._wire = lambda: wire  # its pages go this way
    server.replies = [Reply(body % b"InternalError")]
    request = ListRequest(Location.parse("s3://bucket/d/"), versions=True, checksum=False)
    with pytest.raises(Unavailable, match="d/"):
        store.list_page(request)


def test_page_about_errors_is_no_error(server, way):
    body = PAGE.replace(b"<IsT", b"<Error/><IsT")
    wire = wire_of(server.client(), way)
    server.replies = [Reply(body)]
    assert wire.get("list_object_versions", LIST) == body


@pytest.mark.parametrize("cut", [0, 1, len(PAGE) - 1])
def test_cut_body_is_no_page(server, way, cut):
    wire = wire_of(server.client(), way)
    server.replies = [Reply(cut=cut)]
    with pytest.raises((IncompleteReadError, ConnectionClosedError)):  # older botocores look too
        wire.get("list_object_versions", LIST)
    assert wire.get("list_object_versions", LIST) == PAGE


def test_connection_that_ends_without_an_answer_is_botocores_error(server, way):
    wire = wire_of(server.client(), way)
    server.requests.clear()
    server.replies = [Reply(status=0)]
    with pytest.raises(ConnectionClosedError):
        wire.get("list_object_versions", LIST)
    assert len(server.requests) == 1


def test_server_that_went_away_is_botocores_error():
    for server in run_server():
        wire = wire_of(server.client(), "short")
    with pytest.raises(BotoCoreError) as caught:
        wire.get("list_object_versions", LIST)
    assert isinstance(caught.value, EndpointConnectionError | ConnectionClosedError)


@pytest.mark.parametrize(
    ("status", "code", "headers"),
    [
        (301, "PermanentRedirect", {"x-amz-bucket-region": "eu-north-1"}),
        (307, "TemporaryRedirect", {"x-amz-bucket-region": "eu-north-1"}),
        (400, "AuthorizationHeaderMalformed", {"x-amz-bucket-region": "eu-north-1"}),
        (400, "AuthorizationHeaderMalformed", {}),
    ],
)
def test_bucket_of_another_region_is_found_once(server, way, status, code, headers):
    wire = ListWire(aws_client(server))
    if way == "short":
        wire.get("list_object_versions", LIST)
    server.requests.clear()
    body = (ERROR % code.encode()).replace(b"<Message>", b"<Region>eu-north-1</Region><Message>")
    server.replies = [Reply(body, status, headers)]
    for _ in range(3):
        assert wire.get("list_object_versions", LIST) == PAGE
    first, *rest = server.requests
    assert "/us-east-1/s3/" in first.headers["authorization"]
    assert len(rest) == 3
    for request in rest:
        assert "/eu-north-1/s3/" in request.headers["authorization"]
        assert urlsplit(request.target).hostname == "bucket.s3.eu-north-1.amazonaws.com"


def test_clock_that_is_wrong_is_told_after_one_request(server, way):
    wire = wire_of(server.client(), way)
    store = S3Store(client=lambda: wire._client)
    store._wire = lambda: wire
    server.requests.clear()
    server.replies = [Reply(ERROR % b"RequestTimeTooSkewed", 403)]
    request = ListRequest(Location.parse("s3://bucket/d/"), versions=True, checksum=False)
    with pytest.raises(AccessDenied, match="set the clock"):
        store.list_page(request)
    assert len(server.requests) == 1


# Credentials


def test_credentials_that_expire_are_refreshed_within_a_scan(server):
    made = itertools.count(1)

    def fetch() -> dict[str, str]:
        """Give keys that are about to expire, and at last some that are not."""
        number = next(made)
        until = datetime.now(UTC) + timedelta(seconds=60 if number < 4 else 7200)
        return {
            "access_key": f"AKIA{number}",
            "secret_key": "s",
            "token": f"token-{number}",
            "expiry_time": until.isoformat(),
        }

    core = botocore.session.get_session()
    core._credentials = RefreshableCredentials.create_from_metadata(fetch(), fetch, "test")
    session = boto3.session.Session(botocore_session=core, region_name="us-east-1")
    wire = ListWire(make_client(server.url, session))
    for _ in range(5):
        wire.get("list_object_versions", LIST)
    found = [
        (r.headers["x-amz-security-token"], r.headers["authorization"].split("=")[1].split("/")[0])
        for r in server.requests
    ]
    assert found == [(f"token-{n}", f"AKIA{n}") for n in (2, 3, 4, 4, 4)]


def test_client_without_credentials_says_so(server, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    wire = ListWire(make_client(server.url, boto3.session.Session(region_name="us-east-1")))
    with pytest.raises(NoCredentialsError):
        wire.get("list_object_versions", LIST)
    assert server.requests == []


# Threads and processes


def test_threads_get_each_their_own_page(server, way):
    wire = wire_of(server.client(max_pool_connections=8), way)
    server.echoes = True
    wrong = []

    def work(n: int) -> None:
        for page in range(20):
            body = wire.get("list_object_versions", LIST | {"Prefix": f"{n}-{page}"})
            if f"&prefix={n}-{page}&".encode() not in body:
                wrong.append(body)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    ids = [request.headers["amz-sdk-invocation-id"] for request in server.requests]
    assert len(ids) == len(set(ids)) == 160 + {"long": 0, "short": 1, "own": 2}[way]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_forked_child_lists_over_connections_of_its_own(server):
    keys = {"access_key_id": "AKIATEST", "secret_access_key": "secret"}
    store = S3Store({"endpoint": server.url, "region": "us-east-1", **keys})
    request = ListRequest(Location.parse("s3://bucket/d/"), versions=True, checksum=False)
    store.list_page(request)
    store.list_page(request)
    child = os.fork()
    if not child:
        try:
            store.list_page(request)
            store.list_page(request)
            os._exit(0)
        finally:
            os._exit(1)
    store.list_page(request)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(server.requests) == 5
