"""Who the S3 store says it is, and where it goes: options, environment, files, in their order."""

import pickle
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from kit.s3_place import Bucket
from kit.servers.loopback import LoopbackHandler, LoopbackServer, serving
from kit.servers.proxy import proxy
from landfast.clouds.s3_client import S3Options, public_endpoint
from landfast.errors import AccessDenied, InvalidInput, Unavailable
from landfast.model.location import Location
from landfast.stores.base import ListRequest
from landfast.stores.s3 import S3Store

WHERE = Location(scheme="s3", authority="bucket", key="")
EMPTY = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"


@dataclass
class Listener:
    """A server that notes the headers of each request and lists nothing."""

    url: str
    seen: list[dict[str, str]]

    @property
    def access_key(self):
        """The access key of the last request; None if it was not signed."""
        found = re.search(r"Credential=([^/]+)/", self.seen[-1].get("authorization", ""))
        return found and found[1]


@pytest.fixture
def listener():
    seen = []

    class Handler(LoopbackHandler):
        def respond(self):
            self.read_body()
            seen.append(self.header_map() | {"target": self.target})
            self.write_head(200, {"Content-Length": str(len(EMPTY))})
            self.wfile.write(EMPTY)

    server = LoopbackServer(Handler)
    with serving(server):
        yield Listener(server.url, seen)


@pytest.fixture
def home():
    folder = Path.home() / ".aws"
    folder.mkdir()
    return folder


def ask(options=None, **more):
    store = S3Store(options, **more)
    assert list(store.list_page(ListRequest(WHERE)).rows) == []
    return store


# Credentials, in the order of the page: environment, shared credentials file, config file


def plant(home, monkeypatch, *levels):
    if "config" in levels:
        (home / "config").write_text(
            "[default]\naws_access_key_id = FROM-CONFIG\naws_secret_access_key = s\n"
            "[profile other]\naws_access_key_id = FROM-OTHER\naws_secret_access_key = s\n"
        )
    if "credentials" in levels:
        (home / "credentials").write_text(
            "[default]\naws_access_key_id = FROM-CREDENTIALS\naws_secret_access_key = s\n"
        )
    if "environment" in levels:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "FROM-ENVIRONMENT")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")


@pytest.mark.parametrize(
    ("levels", "used"),
    [
        (("environment", "credentials", "config"), "FROM-ENVIRONMENT"),
        (("credentials", "config"), "FROM-CREDENTIALS"),
        (("config",), "FROM-CONFIG"),
    ],
)
def test_credentials_come_from_the_first_level_that_has_them(
    listener, home, monkeypatch, levels, used
):
    plant(home, monkeypatch, *levels)
    ask({"endpoint": listener.url})
    assert listener.access_key == used


def test_session_token_of_the_environment_is_sent(listener, monkeypatch, home):
    plant(home, monkeypatch, "environment")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "the-token")
    ask({"endpoint": listener.url})
    assert listener.seen[-1]["x-amz-security-token"] == "the-token"


def test_profile_option_goes_before_the_environment(listener, home, monkeypatch):
    plant(home, monkeypatch, "environment", "credentials", "config")
    ask({"endpoint": listener.url, "profile": "other"})
    assert listener.access_key == "FROM-OTHER"


def test_explicit_keys_go_before_everything(listener, home, monkeypatch):
    plant(home, monkeypatch, "environment", "credentials", "config")
    ask({"endpoint": listener.url, "access_key_id": "EXPLICIT", "secret_access_key": "s"})
    assert listener.access_key == "EXPLICIT"


def test_anonymous_requests_are_not_signed(listener, home, monkeypatch):
    plant(home, monkeypatch, "environment")
    ask({"endpoint": listener.url, "anonymous": True})
    assert listener.access_key is None


def test_requester_pays_is_said_in_every_request(listener, home, monkeypatch):
    plant(home, monkeypatch, "environment")
    ask({"endpoint": listener.url, "requester_pays": True})
    assert listener.seen[-1]["x-amz-request-payer"] == "requester"
    ask({"endpoint": listener.url})
    assert "x-amz-request-payer" not in listener.seen[-1]


def test_role_is_assumed_through_sts(s3, listener, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", s3.url)
    ask({"endpoint": listener.url, "role": "arn:aws:iam::123456789012:role/reader"})
    assert listener.access_key not in {None, s3.access_key}
    assert listener.seen[-1]["x-amz-security-token"]


def test_no_credentials_says_what_to_set(listener):
    with pytest.raises(AccessDenied, match="AWS_ACCESS_KEY_ID"):
        ask({"endpoint": listener.url})
    assert listener.seen == []


def test_role_without_credentials_says_what_to_set(listener):
    with pytest.raises(AccessDenied, match="AWS_ACCESS_KEY_ID"):
        ask({"endpoint": listener.url, "role": "arn:aws:iam::123456789012:role/reader"})


def test_unknown_profile_is_named(listener):
    with pytest.raises(InvalidInput, match="nobody"):
        ask({"endpoint": listener.url, "profile": "nobody"})


def test_broken_config_file_is_named(listener, home):
    (home / "config").write_text("no section\n")
    with pytest.raises(InvalidInput, match="config"):
        ask({"endpoint": listener.url})


# Endpoints


def test_endpoint_option_goes_before_the_environment(listener, home, monkeypatch):
    plant(home, monkeypatch, "environment")
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_S3_ENDPOINT_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    store = ask({"endpoint": listener.url})
    assert store.endpoint == listener.url


@pytest.mark.parametrize(
    ("variables", "winner"),
    [
        (("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_S3_ENDPOINT_URL"), "AWS_ENDPOINT_URL_S3"),
        (("AWS_ENDPOINT_URL", "AWS_S3_ENDPOINT_URL"), "AWS_ENDPOINT_URL"),
        (("AWS_S3_ENDPOINT_URL",), "AWS_S3_ENDPOINT_URL"),
    ],
)
def test_endpoint_variables_in_their_order(listener, home, monkeypatch, variables, winner):
    plant(home, monkeypatch, "environment")
    for name in variables:
        monkeypatch.setenv(name, listener.url if name == winner else "http://127.0.0.1:9")
    assert ask().endpoint == listener.url
    assert len(listener.seen) == 1


def test_endpoint_of_the_config_file_goes_before_the_wandb_variable(listener, home, monkeypatch):
    plant(home, monkeypatch, "environment")
    (home / "config").write_text(f"[default]\nendpoint_url = {listener.url}\n")
    monkeypatch.setenv("AWS_S3_ENDPOINT_URL", "http://127.0.0.1:9")
    assert ask().endpoint == listener.url


def test_client_factory_goes_before_every_option(listener, home, monkeypatch):
    plant(home, monkeypatch, "environment")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    made = []

    def factory():
        made.append(1)
        return boto3.client(
            "s3",
            endpoint_url=listener.url,
            region_name="us-east-1",
            aws_access_key_id="HANDED-IN",
            aws_secret_access_key="s",
        )

    store = ask({"endpoint": "http://127.0.0.1:9"}, client=factory)
    store.list_page(ListRequest(WHERE))
    assert (store.endpoint, listener.access_key, made) == (listener.url, "HANDED-IN", [1])


def test_client_that_was_handed_in_still_works_for_its_owner(s3):
    place = Bucket(s3)
    place.put("k", b"x")
    client = boto3.client("s3")
    store = S3Store(client=lambda: client)
    assert [row.location.key for row in store.list_page(ListRequest(place.location(""))).rows] == [
        "k"
    ]
    assert client.list_objects_v2(Bucket=place.name)["Contents"][0]["Key"] == "k"


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({"endpoint": "http://storage.test"}, "http://storage.test/bucket/k?"),
        ({"endpoint": "http://storage.test", "addressing": "virtual"}, "http://bucket.storage"),
        ({"region": "eu-west-1"}, "https://bucket.s3."),
        (
            {"region": "eu-west-1", "addressing": "path"},
            "https://s3.eu-west-1.amazonaws.com/bucket/",
        ),
    ],
)
def test_own_endpoints_are_addressed_by_path(home, monkeypatch, options, url):
    plant(home, monkeypatch, "environment")
    client = S3Store(options)._client()
    asked = {"Bucket": "bucket", "Key": "k"}
    assert client.generate_presigned_url("get_object", asked).startswith(url)


def test_addressing_of_the_config_file_is_kept(home, monkeypatch):
    plant(home, monkeypatch, "environment")
    (home / "config").write_text("[default]\ns3 =\n  addressing_style = virtual\n")
    store = S3Store({"endpoint": "http://storage.test"})
    assert store._client().meta.config.s3["addressing_style"] == "virtual"


def test_amazon_is_no_recorded_endpoint(home, monkeypatch):
    plant(home, monkeypatch, "environment")
    assert S3Store({"region": "eu-west-1"}).endpoint is None


@pytest.mark.parametrize(
    ("url", "recorded"),
    [
        ("https://s3.amazonaws.com", None),
        ("https://s3.dualstack.eu-west-1.amazonaws.com", None),
        ("https://s3.cn-north-1.amazonaws.com.cn", None),
        ("https://bucket.vpce-1a2b.s3.us-east-1.vpce.amazonaws.com", None),
        ("https://amazonaws.com.evil.test", "https://amazonaws.com.evil.test"),
        ("https://notamazonaws.com", "https://notamazonaws.com"),
        ("https://User:hunter2@Minio.Test:9000/?token=x", "https://minio.test:9000"),
        ("http://minio:80/", "http://minio"),
        ("https://minio/gateway/", "https://minio/gateway"),
        ("http://[::1]:9000", "http://[::1]:9000"),
    ],
)
def test_endpoint_is_recorded_without_secrets(url, recorded):
    assert public_endpoint(url) == recorded


@pytest.mark.parametrize(
    "endpoint", ["localhost:9000", "ftp://h", "https://u:p@h", "https://", "s3://b"]
)
def test_endpoint_that_is_none_is_refused(endpoint):
    with pytest.raises(InvalidInput, match="endpoint"):
        S3Store({"endpoint": endpoint})


def test_server_that_does_not_listen_is_unavailable(home, monkeypatch):
    plant(home, monkeypatch, "environment")
    with pytest.raises(Unavailable, match="bucket"):
        ask({"endpoint": "http://127.0.0.1:9"})


def test_nothing_is_tried_again_whatever_the_environment_says(s3, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "5")
    monkeypatch.setenv("AWS_RETRY_MODE", "adaptive")
    from kit.servers.faults import Status

    with proxy(s3.url) as front:
        front.inject(Status(status=503))
        with pytest.raises(Unavailable):
            ask({"endpoint": front.url})
        assert front.counts.total() == 1


# Options


@pytest.mark.parametrize(
    "options",
    [
        {"regoin": "eu"},
        {"requester_pays": "yes"},
        {"region": 5},
        {"access_key_id": "only"},
        {"anonymous": True, "profile": "p"},
        {"addressing": "sideways"},
    ],
)
def test_wrong_option_is_named(options):
    with pytest.raises(InvalidInput, match="|".join(options)):
        S3Store(options)


def test_repr_tells_options_and_no_key():
    options = {"region": "eu-west-1", "access_key_id": "EXPLICIT", "secret_access_key": "hunter2"}
    text = repr(S3Store(options)) + repr(S3Options.of(options))
    assert "eu-west-1" in text
    assert "EXPLICIT" not in text
    assert "hunter2" not in text


def test_explicit_keys_do_not_travel_in_a_pickle():
    store = S3Store({"access_key_id": "EXPLICIT", "secret_access_key": "hunter2"})
    with pytest.raises(InvalidInput, match="client factory"):
        pickle.dumps(store)


def test_pickle_carries_options_and_no_credential_of_the_environment(listener, home, monkeypatch):
    plant(home, monkeypatch, "environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    store = ask({"endpoint": listener.url, "requester_pays": True})
    data = pickle.dumps(store)
    assert b"FROM-ENVIRONMENT" not in data
    assert b"hunter2" not in data
    pickle.loads(data).list_page(ListRequest(WHERE))
    assert listener.seen[-1]["x-amz-request-payer"] == "requester"


def test_missing_boto3_names_the_extra():
    code = (
        "import sys; sys.modules['boto3'] = None\n"
        "from landfast.stores.s3 import S3Store\n"
        "from landfast.model.location import Location\n"
        "from landfast.stores.base import ListRequest\n"
        "S3Store().list_page(ListRequest(Location(scheme='s3', authority='b', key='')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtra" in done.stderr
    assert "pip install 'landfast[s3]'" in done.stderr


def test_importing_the_store_does_not_import_boto3():
    code = "import sys, landfast.stores.s3; print([m for m in sys.modules if 'boto' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
