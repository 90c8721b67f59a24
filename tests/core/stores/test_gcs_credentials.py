"""Which Google credentials win: a different account is planted at every level, and one asks."""

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.cloud import storage
from google.oauth2 import service_account
from kit.gcs.faults import ApiStatus
from kit.gcs_server import GcsServer
from kit.servers.exchange import gcs_kind
from kit.servers.loopback import LoopbackHandler, LoopbackServer, serving
from kit.servers.proxy import proxy
from landfast import Client, Reference
from landfast.errors import AccessDenied, Conflict, LandfastError, Unavailable
from landfast.model.location import Location
from landfast.stores.base import ListRequest, Pin, PresignRequest
from landfast.stores.gcs import GcsStore
from landfast.testing.store_suite import read

WHERE = Location.parse("gs://data/x")


@dataclass(slots=True)
class TokenServer:
    """The OAuth 2.0 token endpoint: remembers who asked, and answers a token that names them."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    refuse: tuple[int, bytes] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Handler(LoopbackHandler):
    tokens: TokenServer

    def respond(self) -> None:
        assertion = parse_qs(self.read_body().decode())["assertion"][0]
        payload = assertion.split(".")[1]
        account = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["iss"]
        with self.tokens.lock:
            self.tokens.asked.append(account)
        answer = {"access_token": f"token-of-{account}", "expires_in": 3600, "token_type": "Bearer"}
        status, body = self.tokens.refuse or (200, json.dumps(answer).encode())
        headers = {"content-type": "application/json", "content-length": str(len(body))}
        self.write_head(status, headers)
        self.wfile.write(body)


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    made = TokenServer()
    server = LoopbackServer(type("BoundHandler", (_Handler,), {"tokens": made}))
    made.url = f"{server.url}/token"
    with serving(server):
        yield made


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@dataclass(frozen=True, slots=True)
class Planter:
    """Writes key files of service accounts whose tokens come from the loopback endpoint."""

    private_key: str
    token_url: str

    def info(self, account: str) -> dict[str, str]:
        return {
            "type": "service_account",
            "project_id": f"project-of-{account}",
            "private_key_id": "1",
            "private_key": self.private_key,
            "client_email": account,
            "client_id": "1",
            "token_uri": self.token_url,
        }

    def plant(self, path: Path, account: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.info(account)))
        return path


@pytest.fixture
def planter(private_key: str, tokens: TokenServer) -> Planter:
    return Planter(private_key, tokens.url)


@pytest.fixture
def google(gcs: GcsServer, monkeypatch: pytest.MonkeyPatch) -> GcsServer:
    """A server that stands for Google's: no emulator variable lets requests be anonymous."""
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    gcs.bucket(name="data")
    gcs.put("data", "x", b"bytes")
    return gcs


@pytest.fixture
def environment_file(planter: Planter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Level 1: the file that GOOGLE_APPLICATION_CREDENTIALS names."""
    path = planter.plant(tmp_path / "environment.json", "environment@test")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    return path


@pytest.fixture
def shared_file(planter: Planter) -> Path:
    """Level 2: application_default_credentials.json in ~/.config/gcloud."""
    path = Path.home() / ".config" / "gcloud" / "application_default_credentials.json"
    return planter.plant(path, "shared@test")


def asked_by(google: GcsServer, **options: object) -> str | None:
    """Ask for an object, and return the Authorization header that the server got."""
    GcsStore({"endpoint": google.url, **options}).stat(WHERE)
    return google.requests[-1].headers.get("authorization")


@pytest.mark.usefixtures("environment_file", "shared_file")
def test_the_environment_goes_before_the_shared_file(
    google: GcsServer, tokens: TokenServer
) -> None:
    assert asked_by(google) == "Bearer token-of-environment@test"
    assert tokens.asked == ["environment@test"]


@pytest.mark.usefixtures("shared_file")
def test_without_the_variable_the_shared_file_counts(
    google: GcsServer, tokens: TokenServer
) -> None:
    assert asked_by(google) == "Bearer token-of-shared@test"
    assert tokens.asked == ["shared@test"]


@pytest.mark.usefixtures("environment_file", "shared_file")
def test_the_option_key_file_goes_before_the_environment(
    google: GcsServer, planter: Planter, tokens: TokenServer, tmp_path: Path
) -> None:
    path = planter.plant(tmp_path / "option.json", "option@test")
    assert asked_by(google, key_file=str(path)) == "Bearer token-of-option@test"
    assert tokens.asked == ["option@test"]


@pytest.mark.usefixtures("environment_file", "shared_file")
def test_a_client_that_is_handed_in_goes_before_all(
    google: GcsServer, planter: Planter, tokens: TokenServer, tmp_path: Path
) -> None:
    path = planter.plant(tmp_path / "option.json", "option@test")

    def factory() -> storage.Client:
        credentials = service_account.Credentials.from_service_account_info(
            planter.info("handed-in@test"), scopes=storage.Client.SCOPE
        )
        return storage.Client("p", credentials, client_options={"api_endpoint": google.url})

    GcsStore({"key_file": str(path)}, client=factory).stat(WHERE)
    assert google.requests[-1].headers["authorization"] == "Bearer token-of-handed-in@test"
    assert tokens.asked == ["handed-in@test"]


@pytest.mark.usefixtures("environment_file")
def test_an_endpoint_of_ones_own_gets_credentials_beside_an_emulator(
    google: GcsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    assert asked_by(google) == "Bearer token-of-environment@test"


@pytest.mark.usefixtures("environment_file", "shared_file")
def test_anonymous_sends_no_credentials(google: GcsServer, tokens: TokenServer) -> None:
    assert asked_by(google, anonymous=True) is None
    assert tokens.asked == []


@pytest.mark.usefixtures("environment_file")
def test_mend_04_no_token_goes_to_a_recorded_endpoint_nor_of_a_recorded_key(
    google: GcsServer, planter: Planter, tokens: TokenServer, tmp_path: Path
) -> None:
    """A colleague who may only log writes where the reader's bearer token goes, and which one it is."""
    google.put("data", "d/x", b"recorded")
    key_file = str(planter.plant(tmp_path / "admin.json", "admin@test"))
    with proxy(google.url, classify=gcs_kind) as evil:
        for name, options in {
            "a": {"endpoint": evil.url},
            "b": {"endpoint": evil.url, "key_file": key_file},
            "c": {"endpoint": evil.url, "anonymous": True},
        }.items():
            Client(project="p").log(name, Reference("gs://data/d/", options=options))
        evil.clear()
        tokens.asked.clear()
        for verb in ("download", "verify"):
            for name in ("a", "b"):
                with pytest.raises(Conflict, match=evil.url):
                    getattr(Client(project="p"), verb)(name)
        assert evil.requests == []
        assert Client(project="p").download("c", "c").files == 1
        assert Client(project="p").verify("c").ok
        assert evil.requests
        assert not [r for r in evil.requests if "authorization" in r.headers]
        assert tokens.asked == []
        named = Client(project="p", options={"gs://data/": {"endpoint": evil.url}})
        assert named.verify("b").ok
        assert evil.requests[-1].headers["authorization"] == "Bearer token-of-environment@test"
        assert tokens.asked == ["environment@test"]


@pytest.mark.usefixtures("environment_file")
def test_a_token_is_asked_for_once_by_many_requests(google: GcsServer, tokens: TokenServer) -> None:
    store = GcsStore({"endpoint": google.url})
    for _ in range(3):
        store.stat(WHERE)
        store.list_page(ListRequest(WHERE))
    assert tokens.asked == ["environment@test"]


@pytest.mark.usefixtures("environment_file")
def test_a_refused_token_is_renewed(google: GcsServer, tokens: TokenServer) -> None:
    store = GcsStore({"endpoint": google.url})
    store.stat(WHERE)
    google.inject(ApiStatus(status=401), at=1)
    store.stat(WHERE)
    assert tokens.asked == ["environment@test"] * 2


@pytest.mark.usefixtures("environment_file")
def test_a_token_that_is_refused_for_the_next_object_is_renewed(
    google: GcsServer, tokens: TokenServer
) -> None:
    store = GcsStore({"endpoint": google.url})
    pin = Pin(location=WHERE)
    assert read(store, pin) == read(store, pin) == b"bytes"
    assert google.requests[-1].headers["authorization"] == "Bearer token-of-environment@test"
    google.inject(ApiStatus(status=401), at=range(1, 3))
    assert read(store, pin) == b"bytes"
    assert tokens.asked == ["environment@test"] * 2


def test_without_credentials_it_says_what_to_do(google: GcsServer) -> None:
    with pytest.raises(AccessDenied, match="gcloud auth application-default login") as caught:
        GcsStore({"endpoint": google.url}).stat(WHERE)
    assert "GOOGLE_APPLICATION_CREDENTIALS" in str(caught.value)
    assert caught.value.details["credentials"]
    with pytest.raises(AccessDenied, match="application-default"):
        GcsStore().stat(WHERE)
    assert google.counts == {}


def test_a_missing_credentials_file_is_named(
    google: GcsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "gone.json"))
    with pytest.raises(AccessDenied, match=r"gone\.json"):
        GcsStore({"endpoint": google.url}).stat(WHERE)
    with pytest.raises(LandfastError, match=r"other\.json"):
        GcsStore({"endpoint": google.url, "key_file": str(tmp_path / "other.json")}).stat(WHERE)


def test_a_refused_anonymous_request_names_the_permission(google: GcsServer) -> None:
    google.inject(ApiStatus(status=401, message="Anonymous caller does not have access"))
    store = GcsStore({"endpoint": google.url, "anonymous": True})
    with pytest.raises(AccessDenied, match=r"storage\.objects\.list") as caught:
        store.list_page(ListRequest(Location.parse("gs://data/")))
    assert caught.value.details["permission"] == "storage.objects.list"
    assert len(google.requests) == 1


@pytest.mark.usefixtures("environment_file")
def test_an_account_that_the_token_endpoint_refuses_is_denied(
    google: GcsServer, tokens: TokenServer
) -> None:
    tokens.refuse = (400, b'{"error": "invalid_grant", "error_description": "account gone"}')
    with pytest.raises(AccessDenied, match="invalid_grant"):
        GcsStore({"endpoint": google.url}).stat(WHERE)


def test_a_token_endpoint_that_is_not_there_is_unavailable(
    google: GcsServer, private_key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planter = Planter(private_key, "http://127.0.0.1:9/token")
    path = planter.plant(tmp_path / "key.json", "nobody@test")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    with pytest.raises(Unavailable):
        GcsStore({"endpoint": google.url}).stat(WHERE)


@pytest.mark.usefixtures("environment_file")
def test_no_error_and_no_text_of_a_store_holds_key_or_token(
    google: GcsServer, tokens: TokenServer, private_key: str, tmp_path: Path
) -> None:
    store = GcsStore({"endpoint": google.url})
    store.stat(WHERE)
    google.deny("storage.objects.get")
    texts = [repr(store)]
    with pytest.raises(AccessDenied) as caught:
        store.stat(WHERE)
    texts.append(repr(caught.value) + str(caught.value.details))
    broken = tmp_path / "broken.json"
    secret = "BEGINNING-OF-A-SECRET"
    body = {**Planter(private_key, tokens.url).info("x@test"), "private_key": secret}
    broken.write_text(json.dumps(body))
    with pytest.raises(LandfastError) as caught_broken:
        GcsStore({"endpoint": google.url, "key_file": str(broken)}).stat(WHERE)
    texts.append(repr(caught_broken.value))
    line = private_key.splitlines()[1]
    for text in texts:
        assert "token-of" not in text
        assert line not in text
        assert secret not in text
    for error in (caught.value, caught_broken.value):
        assert error.__context__ is None


def test_a_key_signs_the_address_of_one_generation(
    google: GcsServer, planter: Planter, tmp_path: Path
) -> None:
    path = planter.plant(tmp_path / "key.json", "signer@test")
    pin = Pin(location=WHERE, version_id="17")
    request = PresignRequest(seconds=300, media_type="image/png")
    url = GcsStore({"endpoint": google.url, "key_file": str(path)}).presign(pin, request)
    assert url is not None
    asked = dict(parse_qsl(urlsplit(url).query))
    assert url.startswith(f"{google.url}/data/x?")
    assert asked["generation"] == "17"
    assert asked["X-Goog-Algorithm"] == "GOOG4-RSA-SHA256"
    assert asked["X-Goog-Expires"] == "300"
    assert asked["response-content-type"] == "image/png"
    assert not google.requests  # to sign is no request
    assert GcsStore({"endpoint": google.url, "anonymous": True}).presign(pin, request) is None
    unpinned = Pin(location=WHERE)
    assert GcsStore({"key_file": str(path)}).presign(unpinned, request) is None
