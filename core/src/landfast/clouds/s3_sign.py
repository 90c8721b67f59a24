"""SignedSend: GETs of objects and list pages of S3, signed here and sent over a connection pool, as botocore sent one.

What botocore signs and how it sends is learnt from a request of its own that was answered well: its headers, its scope,
and the pool that carried it.  It is taken over only where the signature of that request, made anew here, is the one
that it was sent with; any other signer, a proxy for plain HTTP, and requests that are not signed stay with botocore.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,]+)/\d{8}/(?P<region>[^/,]+)/(?P<service>[^/,]+)/aws4_request,"
    r" ?SignedHeaders=(?P<names>[^, ]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
_INVOCATION = "amz-sdk-invocation-id"
# What is of one request, or of the credentials of that moment.
_OWN = frozenset(
    {"authorization", "x-amz-date", "x-amz-security-token", "if-match", "range", _INVOCATION}
)  # fmt: skip
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class SignedSend:
    """Sends GETs of one bucket and kind, for any number of threads."""

    pool: Any
    headers: Mapping[str, str]
    names: frozenset[str]
    """Headers that are signed, but for those of one request."""
    order: Mapping[str, str]
    """All headers in botocore's order and spelling, by their names in small letters."""
    scope: tuple[str, str]
    credentials: Any

    @classmethod
    def of(cls, client: Any, request: Any, raw: Any) -> SignedSend | None:
        """Learn from a request that botocore sent, and the reply of urllib3; None where it is not to be taken over."""
        credentials = getattr(client._request_signer, "_credentials", None)
        pool, target = (getattr(raw, name, None) for name in ("_pool", "_request_url"))
        if credentials is None or pool is None or not str(target).startswith("/"):
            return None
        sent = {name.lower(): _text(value) for name, value in request.headers.items()}
        said = _AUTHORIZATION.fullmatch(sent.get("authorization", ""))
        if said is None or "x-amz-date" not in sent or "x-amz-content-sha256" not in sent:
            return None
        names = frozenset(said["names"].split(";"))
        self = cls(
            pool=pool,
            headers={name: value for name, value in sent.items() if name not in _OWN},
            names=names - (_OWN - {_INVOCATION}),
            order={name.lower(): name for name in request.headers},
            scope=(said["region"], said["service"]),
            credentials=credentials,
        )
        frozen = credentials.get_frozen_credentials()
        if said["key"] != frozen.access_key or not names <= {*sent, "host"}:
            return None
        again = self._signature(request.url, sent, sorted(names), frozen.secret_key)
        return self if hmac.compare_digest(again, said["signature"]) else None

    def get(self, url: str, more: Mapping[str, str]) -> Any:
        """Return the reply of urllib3, its body unread; `more` are headers of this request.

        Raises:
            urllib3.exceptions.HTTPError: If there is no reply.
            OSError: If there is no reply.
        """
        frozen = self.credentials.get_frozen_credentials()
        own = {name.lower(): value for name, value in more.items()}
        own["x-amz-date"] = _moment()
        own[_INVOCATION] = str(uuid.uuid4())
        if frozen.token:
            own["x-amz-security-token"] = frozen.token
        headers = {**self.headers, **own}
        names = sorted(self.names | (own.keys() - {_INVOCATION}))
        signature = self._signature(url, headers, names, frozen.secret_key)
        scope = "/".join((frozen.access_key, own["x-amz-date"][:8], *self.scope, "aws4_request"))
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
        )
        _, _, path, query, _ = urlsplit(url)
        sent = {spelt: headers.pop(name) for name, spelt in self.order.items() if name in headers}
        return self.pool.urlopen(
            "GET",
            f"{path}?{query}" if query else path,
            headers=sent | headers,
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
            enforce_content_length=False,
        )

    def _signature(
        self, url: str, headers: Mapping[str, str], names: list[str], secret: str
    ) -> str:
        """Sign a GET by Signature Version 4, as S3 takes it: the path as it stands in the URL."""
        scheme, host, path, query, _ = urlsplit(url)
        host = host.rpartition("@")[2].removesuffix(f":{_PORTS.get(scheme)}")
        values = {"host": host, **headers}
        lines = [f"{name}:{' '.join(values[name].split())}" for name in names]
        asked = "\n".join(
            (
                *("GET", path or "/", _canonical(query)),
                *(*lines, ""),
                *(";".join(names), headers["x-amz-content-sha256"]),
            )
        )
        moment = headers["x-amz-date"]
        scope = "/".join((moment[:8], *self.scope, "aws4_request"))
        digest = hashlib.sha256(asked.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
        key = _signing_key(secret, moment[:8], *self.scope)
        return hmac.digest(key, text.encode(), "sha256").hex()


def _canonical(query: str) -> str:
    """Return a query in the order of its names, each with a value."""
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&")) if query else []
    return "&".join(f"{name}={value}" for name, value in pairs)


def _moment() -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


@lru_cache(maxsize=8)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
