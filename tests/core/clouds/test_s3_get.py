"""Objects on the wire: what is asked, answered and raised by the short way is what it is by a botocore client's own."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session
from kit.servers.loopback import LoopbackHandler, LoopbackServer, serving
from landfast.clouds.s3_get import GetWire

OBJECT = {
    "ETag": '"abc"',
    "x-amz-version-id": "v1",
    "Last-Modified": "Fri, 01 May 2026 10:00:00 GMT",
    "x-amz-storage-class": "STANDARD_IA",
    "x-amz-missing-meta": "2",
    "x-amz-server-side-encryption-bucket-key-enabled": "true",
}
TEMPLATE = {"Bucket": "bucket", "Key": "first", "VersionId": "v0"}
ASKED = [
    {"Bucket": "bucket", "Key": "d/plain.bin", "VersionId": "v1"},
    {"Bucket": "bucket", "Key": "d/a b+c&=?#%é~.bin", "VersionId": "3/+=.-_~x"},
    {"Bucket": "bucket", "Key": "d/x", "IfMatch": '"abc"'},
    {"Bucket": "bucket", "Key": "d/x", "VersionId": "v1", "Range": "bytes=3-"},
    {"Bucket": "bucket", "Key": "d/x"},
    {"Bucket": "bucket", "Key": "d//x/../y/.", "VersionId": "v1"},
    {"Bucket": "other", "Key": "d/x", "VersionId": "v1"},
    {"Bucket": "bucket", "Key": "d/x", "VersionId": "v1", "RequestPayer": "requester"},
    {"Bucket": "bucket", "Key": "d/x", "VersionId": "v1", "ChecksumMode": "ENABLED"},
]
# Of each request anew.
FRESH = {"authorization", "amz-sdk-invocation-id", "x-amz-date"}


@dataclass
class Server:
    url: str
    requests: list[SimpleNamespace] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(LoopbackHandler):
        def respond(self) -> None:
            noted.requests.append(SimpleNamespace(target=self.target, headers=self.header_map()))
            status = noted.statuses.pop(0) if noted.statuses else 200
            if not status:
                self.reset()
                return
            body = b"<Error><Code>NoSuchVersion</Code></Error>" if status >= 300 else b"body"
            more = {"Content-Range": "bytes 3-6/7"} if "range" in noted.requests[-1].headers else {}
            status = 206 if more and status == 200 else status
            self.write_head(status, {"Content-Length": str(len(body)), **OBJECT, **more})
            self.wfile.write(body)

    running = LoopbackServer(Handler)
    noted = Server(running.url)
    with serving(running):
        yield noted


KEYS = ("AKIATEST", "secret")


def make_client(server: Server, token: str | None = None, signature: str | None = None) -> Any:
    config = Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path"},
        signature_version=signature,
    )
    session = boto3.session.Session(*KEYS, token, region_name="us-east-1")
    return session.client("s3", endpoint_url=server.url, config=config)


def taken(reply: Any) -> dict[str, Any]:
    facts = {
        name: value for name, value in reply.items() if name not in {"ResponseMetadata", "Body"}
    }
    return {**facts, "Body": reply["Body"].read()}


def asked(request: SimpleNamespace) -> tuple[str, dict[str, str]]:
    headers = {n: v for n, v in request.headers.items() if n.lower() not in FRESH}
    agent = headers["user-agent"]
    headers["user-agent"] = "".join(sorted(agent))  # it names features in any order
    return request.target, headers


@pytest.mark.parametrize("parameters", ASKED)
def test_request_and_reply_are_those_of_the_client(
    server: Server, parameters: dict[str, Any]
) -> None:
    client, wire = make_client(server), GetWire(make_client(server))
    wire.get(TEMPLATE)["Body"].read()
    server.requests.clear()
    for _ in range(4):  # the long way, botocore's short one, and our own
        expected = taken(client.get_object(**parameters))
        found = taken(wire.get(parameters))
        theirs, ours = (asked(request) for request in server.requests)
        assert ours == theirs
        assert "Signature=" in server.requests[1].headers["authorization"]
        for name in ("Metadata", "MissingMeta"):  # nobody asks for them
            expected.pop(name, None), found.pop(name, None)
        assert found == expected
        server.requests.clear()


@pytest.mark.parametrize("token", [None, "session/token+=="])
@pytest.mark.parametrize("parameters", ASKED)
def test_what_is_signed_without_botocore_is_signed_as_by_botocore(
    server: Server, monkeypatch: pytest.MonkeyPatch, parameters: dict[str, Any], token: str | None
) -> None:
    wire = GetWire(make_client(server, token))
    wire.get(parameters)["Body"].read()
    wire.get(parameters)["Body"].read()
    is_taken_over = parameters["Key"] != "d//x/../y/." and parameters.get("ChecksumMode") is None
    if is_taken_over:
        monkeypatch.setattr(URLLib3Session, "send", None)
    wire.get(parameters)["Body"].read()
    _, theirs, ours = server.requests
    names = [signed_names(request) for request in (theirs, ours)]
    assert names[0] == names[1]
    assert ours.headers["authorization"] == signed_by_botocore(server, ours, names[1], token)


def signed_names(request: SimpleNamespace) -> list[str]:
    said = str(request.headers["authorization"])
    return said.partition("SignedHeaders=")[2].partition(",")[0].split(";")


def signed_by_botocore(
    server: Server, request: SimpleNamespace, names: list[str], token: str | None
) -> str:
    headers = {name: request.headers[name] for name in names}
    made = AWSRequest(method="GET", url=server.url + request.target, headers=headers)
    made.context["timestamp"] = request.headers["x-amz-date"]
    signer = S3SigV4Auth(Credentials(*KEYS, token), "s3", "us-east-1")
    text = signer.string_to_sign(made, signer.canonical_request(made))
    signer._inject_signature_to_request(made, signer.signature(text, made))
    return str(made.headers["Authorization"])


def test_signer_that_is_not_known_stays_with_botocore(server: Server) -> None:
    wire = GetWire(make_client(server, signature="s3"))
    for _ in range(3):
        assert wire.get(TEMPLATE)["Body"].read() == b"body"
    assert server.requests[-1].headers["authorization"].startswith("AWS AKIATEST:")


def count_long_ways(client: Any) -> list[str]:
    calls: list[str] = []
    client.meta.events.register_first("before-parameter-build.s3.GetObject", _note(calls))
    return calls


def _note(calls: list[str]) -> Any:
    def note(params: dict[str, Any], **_: Any) -> None:
        calls.append(params["Key"])

    note.__module__ = "landfast.clouds.s3_client"  # one of ours, so that it is not in the way
    return note


def test_all_but_the_first_object_take_the_short_way(server: Server) -> None:
    client = make_client(server)
    wire, calls = GetWire(client), count_long_ways(client)
    for number in range(5):
        wire.get({"Bucket": "bucket", "Key": f"d/{number}", "VersionId": "v1"})["Body"].read()
    assert calls == ["d/0"]
    assert [request.target for request in server.requests] == [
        f"/bucket/d/{number}?versionId=v1" for number in range(5)
    ]


def test_error_is_the_clients_own_and_costs_no_second_request(server: Server) -> None:
    wire = GetWire(make_client(server))
    wire.get(TEMPLATE)["Body"].read()
    server.requests.clear()
    server.statuses = [404]
    with pytest.raises(ClientError) as caught:
        wire.get({"Bucket": "bucket", "Key": "gone", "VersionId": "v1"})
    assert caught.value.response["Error"]["Code"] == "NoSuchVersion"
    assert len(server.requests) == 1


def test_broken_connection_is_the_clients_own_error(server: Server) -> None:
    wire = GetWire(make_client(server))
    wire.get(TEMPLATE)["Body"].read()
    server.statuses = [0]
    with pytest.raises(BotoCoreError):
        wire.get({"Bucket": "bucket", "Key": "x", "VersionId": "v1"})
    assert wire.get(TEMPLATE)["Body"].read() == b"body"


def test_who_begins_to_listen_hears_of_every_object(server: Server) -> None:
    client = make_client(server)
    wire, heard = GetWire(client), list[str]()
    wire.get(TEMPLATE)["Body"].read()
    wire.get(TEMPLATE)["Body"].read()

    def listener(request: Any, **_: Any) -> None:
        heard.append(request.url)

    client.meta.events.register("before-send.s3.GetObject", listener)
    for number in range(2):
        wire.get({"Bucket": "bucket", "Key": f"{number}"})["Body"].read()
    assert len(heard) == 2
    client.meta.events.unregister("before-send.s3.GetObject", listener)
    wire.get(TEMPLATE)["Body"].read()
    assert len(heard) == 2
