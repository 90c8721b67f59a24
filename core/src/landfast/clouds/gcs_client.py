"""Make Cloud Storage clients, and send single requests through their authorised sessions.

Google's high-level methods retry, and since 3.17 start a thread that asks for the bucket's metadata
at its first mention; downloads have no reader.  One GET through the client's own session is one
request, with the same credentials, endpoint and proxies.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from landfast.clouds.gcs_errors import Asked, asking, translate_reply
from landfast.clouds.gcs_get import MediaReply, MediaWire
from landfast.clouds.options import check_ca_file, check_endpoint, given_options, plain_endpoint
from landfast.errors import InvalidInput, LandfastError, MissingExtra
from landfast.stores.base import ClientFactory

if TYPE_CHECKING:
    from requests import Response

T = TypeVar("T")

EMULATOR = "STORAGE_EMULATOR_HOST"
TIMEOUT_S = (10, 60)  # to connect, and without a byte
POOL_SIZE = 64
_ERROR_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class GcsOptions:
    """What may be said about a store or a prefix; all else comes from Google's own chain.

    The chain is that of Application Default Credentials: the file that
    ``GOOGLE_APPLICATION_CREDENTIALS`` names, ``application_default_credentials.json`` in
    ``~/.config/gcloud``, then the metadata server of the machine.

    Args:
        endpoint: URL of another server of the JSON API; None is what ``STORAGE_EMULATOR_HOST``
            says, else Google's.  Credentials of the chain are sent to it too, unless `anonymous`.
        project: The project of the client.
        user_project: The project that pays for requests to requester-pays buckets.
        key_file: Path of a service account's key; goes before the chain.
        anonymous: Whether to send no credentials, for public buckets.
        ca_file: A PEM file of certificate authorities, instead of ``REQUESTS_CA_BUNDLE`` and Python's own.
    """

    endpoint: str | None = None
    project: str | None = None
    user_project: str | None = None
    key_file: str | None = None
    anonymous: bool = False
    ca_file: str | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any] | None) -> GcsOptions:
        """Read a mapping; see `given_options`."""
        made = cls(**given_options(cls, "gs://", options))
        if made.anonymous and made.key_file:
            raise InvalidInput("option anonymous of gs:// excludes key_file")
        if made.endpoint is not None:
            check_endpoint(made.endpoint)
        return made

    def effective_endpoint(self) -> str | None:
        """Return the endpoint of the option or the environment, None for Google's own."""
        named = self.endpoint or os.environ.get(EMULATOR)
        if not named:
            return None
        return (named if "://" in named else f"http://{named}").rstrip("/")


class GcsConnection:
    """One process's client: sends requests, lets only Landfast's errors out."""

    def __init__(self, client: Any, options: GcsOptions) -> None:
        self._base = client.api_endpoint.rstrip("/")
        self._session = client._http
        self._payer = {"userProject": options.user_project} if options.user_project else {}
        self._wire = MediaWire(self._session, TIMEOUT_S)
        # With each request: a session's own setting yields to the environment's, and netrc to neither.
        self._sent: dict[str, Any] = {"timeout": TIMEOUT_S, "auth": _unchanged}
        if ca_file := check_ca_file(options.ca_file, "gs://"):
            self._sent["verify"] = ca_file

    def get(self, asked: Asked, path: str, parameters: Mapping[str, str]) -> Response:
        """Send one GET, as `send` does."""
        return self.send(asked, "GET", path, parameters)

    def media(
        self, asked: Asked, path: str, parameters: Mapping[str, str], headers: Mapping[str, str]
    ) -> MediaReply:
        """Send one GET of an object, as `send` does, and leave its body unread, and a 416 to the caller."""
        url = f"{self._base}{path}?{urlencode({**parameters, **self._payer})}"
        also = frozenset({416})
        reply = asking(asked, lambda: self._wire.get(url, headers))
        if reply is not None:
            if reply.status_code in {200, 206, *also}:
                return reply
            with reply:
                said = asking(asked, lambda: reply.raw.read(_ERROR_BYTES, decode_content=True))
            raise translate_reply(reply.status_code, reply.headers, said, asked)
        found = self.send(asked, "GET", path, parameters, headers=headers, also=also, media=True)
        self._wire.learn(found)
        return MediaReply.of(found)

    def send(
        self,
        asked: Asked,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        also: frozenset[int] = frozenset(),
        media: bool = False,
    ) -> Response:
        """Send one request that may have a body; `also` are statuses besides success that are answers.

        The path is percent-encoded, or a whole URL that the server gave, which has parameters of its own.

        Raises:
            LandfastError: For every other reply.
        """
        whole = path.startswith(("http://", "https://"))
        reply: Response = asking(
            asked,
            lambda: self._session.request(
                method,
                path if whole else self._base + path,
                params=None if whole else {**parameters, **self._payer},
                headers=dict(headers or {}),
                data=data,
                stream=media,
                allow_redirects=method == "GET",
                **self._sent,
            ),
        )
        if (reply.ok and reply.status_code < 300) or reply.status_code in also:
            return reply
        with reply:
            body = asking(asked, lambda: _head_of(reply, media=media))
        raise translate_reply(reply.status_code, reply.headers, body, asked)


def make_client(options: GcsOptions, factory: ClientFactory | None = None) -> Any:
    """Make a `google.cloud.storage.Client`; no request is sent.

    Raises:
        MissingExtra: If google-cloud-storage is not installed.
        AccessDenied: If there are no credentials, saying what to do.
        InvalidInput: If the factory gives no client.
    """
    try:
        from google.cloud import storage
    except ImportError:
        raise MissingExtra.of("gcs", "gs://") from None
    about = Asked(name="Google Cloud Storage", verb="opened", permission="")
    if factory is not None:
        client = asking(about, factory)
        if not hasattr(client, "api_endpoint"):
            raise InvalidInput(
                "the client factory of gs:// gives no client",
                expected="a google.cloud.storage.Client",
                found=type(client).__name__,
            )
    else:
        client = asking(about, lambda: _own_client(storage, options))
    asking(about, lambda: _widen_pool(client._http))
    return client


def object_path(bucket: str, key: str) -> str:
    """Return the path of an object under ``/storage/v1``; every character of the key is encoded.

    Raises:
        LandfastError: For the two names that a URL cannot carry; Cloud Storage forbids them too.
    """
    if key in {"", ".", ".."}:
        raise _impossible(bucket, key)
    return f"/b/{quote(bucket, safe='')}/o/{quote(key, safe='')}"


def public_endpoint(url: str) -> str | None:
    """Return an endpoint as it may be recorded: without secrets; None if it is Google's own."""
    host = (urlsplit(url).hostname or "").lower()
    if host == "googleapis.com" or host.endswith(".googleapis.com"):
        return None
    return plain_endpoint(url)


def _own_client(storage: Any, options: GcsOptions) -> Any:
    endpoint = options.effective_endpoint()
    return storage.Client(
        project=options.project,
        credentials=_credentials(storage, options),
        client_options={"api_endpoint": endpoint} if endpoint else None,
    )


def _credentials(storage: Any, options: GcsOptions) -> Any:
    """Return explicit credentials; None leaves the choice to the client."""
    if options.anonymous:
        from google.auth.credentials import AnonymousCredentials

        return AnonymousCredentials()  # type: ignore[no-untyped-call]
    if options.key_file:
        from google.oauth2.service_account import Credentials

        return Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
            options.key_file, scopes=storage.Client.SCOPE
        )
    if options.endpoint is None:
        return None
    # With an endpoint of our own, an emulator that the environment names must not switch to
    # anonymous requests.
    import google.auth

    return google.auth.default(scopes=storage.Client.SCOPE)[0]


def _widen_pool(session: Any) -> None:
    """Keep a connection for every download thread; whatever was mounted on purpose stays."""
    from requests.adapters import DEFAULT_POOLSIZE, HTTPAdapter

    for scheme in ("https://", "http://"):
        mounted = session.adapters.get(scheme)
        untouched = type(mounted) is HTTPAdapter and mounted._pool_maxsize == DEFAULT_POOLSIZE
        if untouched and mounted.max_retries.total == 0:
            session.mount(scheme, HTTPAdapter(pool_maxsize=POOL_SIZE))


def _unchanged(request: T) -> T:
    """Keep requests from adding what the user's netrc has for any host."""
    return request


def _head_of(reply: Response, *, media: bool) -> bytes:
    if not media:
        return reply.content
    return bytes(reply.raw.read(_ERROR_BYTES, decode_content=True))


def _impossible(bucket: str, key: str) -> LandfastError:
    return InvalidInput(
        f"gs://{bucket}/{key} cannot be an object",
        subject=f"gs://{bucket}/{key}",
        expected="a name other than '', '.' and '..'",
    )
