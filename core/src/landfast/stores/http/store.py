"""HttpStore: single objects behind `http://` and `https://` URLs."""

# ruff: noqa: ARG002 - what the seam passes and HTTP has no use for

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import sleep
from typing import Any

import urllib3

from landfast.errors import InvalidInput, Unverifiable
from landfast.model.checksum import Checksum
from landfast.model.location import PLAIN_PARAMETERS, Location, plain_parameters
from landfast.model.storage.requests import Operations, Tried, untold
from landfast.stores.base import (
    Capabilities,
    ChecksumKind,
    ClientFactory,
    Kind,
    ListRequest,
    ObjectInfo,
    OptionKinds,
    Page,
    Pin,
    Versioning,
    wrong_range,
)
from landfast.stores.cost import StatCost
from landfast.stores.http.permissions import minimal_permissions
from landfast.stores.http.pool import HttpPool, failed_to_send
from landfast.stores.http.reply import (
    ETAG,
    LAST_MODIFIED,
    WEAK_ETAG,
    Facts,
    check_pin,
    is_strong,
    refused,
)

HASH_LIMIT_BYTES = 16 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
# Servers make ETags of whole seconds and the size: a second write in the same second leaves them as they are.
_TICKS_S = 2.0
# The file may lie behind a network mount, with a clock of its own.
_SETTLED_S = 60.0
_VALIDATORS = (ETAG, WEAK_ETAG, LAST_MODIFIED)
# A presigned GET answers 403 to HEAD, some applications 405 or 501, or 400 for want of a body.
_HEAD_REFUSED = frozenset({400, 403, 405, 501})
_OPTIONS = frozenset(
    {"headers", "username", "password", "timeout_s", "ca_file", "signer", "hash_limit"}
    | {PLAIN_PARAMETERS}
)

Signer = Callable[[str], str]


class HttpStore:
    """Reads what a URL names; there is nothing to list, and the server keeps no versions.

    `stat` sends one to three requests: HEAD; a GET of one byte where HEAD is refused or tells no
    size; a GET of the body where a sha256 is needed.  Of a large body that was modified just now it asks
    again two seconds later.

    Args:
        options: `headers`, `username` and `password`, sent with every request; without them, what
            the URL itself or the user's netrc has. `signer`, a function from the recorded URL to a
            freshly signed one, called for every request. `hash_limit`, the most bytes of a body to
            hash where the server has no strong ETag, 16 MiB by default. `timeout_s`, seconds
            without a byte. `ca_file`, a PEM file of certificate authorities. `plain_parameters`, names
            among ``key, token, code, verify, sign`` that are no secrets here, with commas.
        client: Makes a `urllib3.PoolManager`, once in each process, for certificates of one's own.

    Raises:
        InvalidInput: If an option is unknown, or a parameter can only be a secret.

    Example:
        >>> HttpStore({"hash_limit": 1024}).capabilities().listing
        False
    """

    option_kinds = OptionKinds(recorded=frozenset({"timeout_s", "hash_limit", PLAIN_PARAMETERS}))

    permissions = staticmethod(minimal_permissions)

    on_request: Tried = staticmethod(untold)

    def __init__(
        self, options: Mapping[str, Any] | None = None, *, client: ClientFactory | None = None
    ) -> None:
        self._options = dict(options or {})
        self._client = client
        if unknown := sorted(self._options.keys() - _OPTIONS):
            raise InvalidInput(
                f"the HTTP store has no option {', '.join(unknown)}",
                expected="some of " + ", ".join(sorted(_OPTIONS)),
            )
        settings = dict(self._options)
        self._signer: Signer | None = settings.pop("signer", None)
        self._plain = plain_parameters(settings)
        settings.pop(PLAIN_PARAMETERS, None)
        self._hash_limit = int(settings.pop("hash_limit", HASH_LIMIT_BYTES))
        self._pool = HttpPool(client=client, **settings)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(HttpStore, client=self._client), (self._options,)

    def __repr__(self) -> str:
        return f"HttpStore({', '.join(sorted(self._options))})"

    @property
    def endpoint(self) -> str | None:
        """None: every URL names its own server."""
        return None

    def capabilities(self) -> Capabilities:
        """Tell what HTTP can do: read one object at a time and say whether it changed."""
        return Capabilities(
            listing=False,
            ranges=True,
            stat_checksums=("sha256", *_VALIDATORS),
            read_checksums=("sha256",),
            content_tokens=False,
            clock="{scheme}://{host}",
            operations=Operations(stat="HEAD", read="GET"),
        )

    def versioning(self, location: Location) -> Versioning:
        """Answer that there is no such thing."""
        return Versioning.NONE

    def locate(self, location: Location) -> Kind:
        """Answer that every URL is one object, without asking; `stat` tells whether it is there."""
        return Kind.OBJECT

    def path(self, location: Location) -> Path | None:
        """Answer None: nothing lies here in place."""
        return None

    def list_page(self, request: ListRequest) -> Page:
        """Refuse."""
        raise InvalidInput(
            f"{request.location} cannot be listed: HTTP has no listing",
            subject=str(request.location),
            hint="Reference each object by its own URL.",
            unsupported=request.versions,
        )

    def stat(
        self, location: Location, *, version_id: str | None = None, checksum: ChecksumKind = None
    ) -> ObjectInfo:
        """Describe an object by what one reply says of it.

        Without a kind the checksum is the strong ETag of what was modified a while ago, else the sha256 of a body of
        at most `hash_limit` bytes, else the strong ETag, the weak one, or Last-Modified.

        Raises:
            Unverifiable: If the server gives nothing of what was asked for.
        """
        _no_versions(location, version_id)
        if checksum == "sha256":
            return _info(location, *self._hash(location, limit=None))
        if checksum is not False and checksum is not None and checksum not in _VALIDATORS:
            raise _no_such_checksum(location, checksum)
        facts = self._describe(location)
        if checksum is False:
            return _info(location, facts, None)
        found = _first(facts, checksum)
        if checksum is None and _wants_hash(facts, found):
            facts, found = self._hash_if_small(location, facts, found)
        if found is None:
            raise _no_such_checksum(location, checksum)
        if found.algorithm in _VALIDATORS and _may_change_unseen(facts):
            sleep(_TICKS_S)
            facts = self._describe(location)
            found = facts.validator(found.algorithm) or found
        return _info(location, facts, found)

    has_stat_cost = True

    def stat_cost(self, location: Location, checksum: ChecksumKind) -> StatCost:
        """Tell whether `stat` would read the body; asks with HEAD, as a scan does."""
        facts = self._describe(location)
        if checksum == "sha256":
            return StatCost(size=facts.size, reads=True)
        found = None if checksum is False else _first(facts, checksum)
        is_small = facts.size is None or facts.size <= self._hash_limit
        return StatCost(
            size=facts.size, reads=is_small and checksum is None and _wants_hash(facts, found)
        )

    @contextmanager
    def open(self, pin: Pin, *, start: int = 0) -> Iterator[HttpReader]:
        """Open an object for reading, if it still is the recorded one.

        A strong ETag is a condition of the request; all validators and the size are compared with the
        reply's.  A server without ranges starts at 0 whatever `start` says.
        """
        _no_versions(pin.location, pin.version_id)
        headers = {"If_Match": pin.etag} if pin.etag and is_strong(pin.etag) else {}
        if span := pin.span(start):
            headers["Range"] = span
        with self._get(pin.location, pin=pin, **headers) as (reply, facts):
            check_pin(pin, facts)
            if start and (facts.start is None or facts.start > start):
                raise wrong_range(str(pin.location), start, facts.start)
            info = _info(pin.location, facts, _told(pin, facts))
            yield HttpReader(info=info, start=facts.start or 0, reply=reply)

    def _describe(self, location: Location) -> Facts:
        """Ask with HEAD, else with a GET whose body is left unread."""
        reply = self._send("HEAD", location)
        reply.drain_conn()  # which gives the connection back
        if reply.status not in _HEAD_REFUSED:
            if reply.status != 200:
                raise refused(reply.status, reply.headers, location)
            facts = Facts.of(200, reply.headers)
            if facts.size:  # frameworks that drop the body for HEAD may say 0 for any size
                return facts
        return self._describe_by_get(location)

    def _describe_by_get(self, location: Location) -> Facts:
        reply = self._send("GET", location, Range="bytes=0-0")
        reply.close()
        if reply.status == 416:  # no first byte: an empty object
            with self._get(location) as (_, facts):
                return facts
        if reply.status not in (200, 206):
            raise refused(reply.status, reply.headers, location)
        return Facts.of(reply.status, reply.headers)

    def _hash_if_small(
        self, location: Location, facts: Facts, weak: Checksum | None
    ) -> tuple[Facts, Checksum | None]:
        """Return facts and sha256 of one reply, or what there was where the body is too large."""
        if facts.size is not None and facts.size > self._hash_limit:
            return facts, weak
        hashed, digest = self._hash(location, limit=self._hash_limit)
        return (hashed, digest) if digest else (facts, weak)

    def _hash(self, location: Location, *, limit: int | None) -> tuple[Facts, Checksum | None]:
        """Read the body; None for the digest where it has more than `limit` bytes."""
        digest, size = hashlib.sha256(), 0
        with self._get(location) as (reply, facts):
            for chunk in HttpReader(info=_info(location, facts, None), start=0, reply=reply):
                size += len(chunk)
                if limit is not None and size > limit:
                    return facts, None
                digest.update(chunk)
        return replace(facts, size=size), Checksum("sha256", digest.hexdigest())

    @contextmanager
    def _get(
        self, location: Location, *, pin: Pin | None = None, **headers: str
    ) -> Iterator[tuple[Any, Facts]]:
        reply = self._send("GET", location, **headers)
        try:
            if reply.status not in (200, 206):
                raise refused(reply.status, reply.headers, location, pin)
            yield reply, Facts.of(reply.status, reply.headers)
        finally:
            reply.close()  # a connection with a body left in it is of no use to anyone else

    def _send(self, method: str, location: Location, **headers: str) -> Any:
        self.on_request(method)
        url = location.uri
        if self._signer is not None:
            recorded, _ = replace(location, plain=self._plain).without_secrets()
            url = self._signer(recorded.uri)
        return self._pool.send(method, location, url, **headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReader:
    """An open reply; iterating yields the body's bytes as they were sent, never decoded."""

    info: ObjectInfo
    start: int
    reply: Any

    def __iter__(self) -> Iterator[bytes]:
        """Yield chunks of at most 1 MiB; `Unavailable` if the body breaks off."""
        try:
            yield from self.reply.stream(_CHUNK_BYTES, decode_content=False)
        except urllib3.exceptions.HTTPError as error:
            failure = failed_to_send(error, self.info.location)
        else:
            return
        raise failure


def _first(facts: Facts, checksum: str | None) -> Checksum | None:
    """Return the best validator of a kind, or of any."""
    kinds = _VALIDATORS if checksum is None else (checksum,)
    return next((token for kind in kinds if (token := facts.validator(kind))), None)


def _wants_hash(facts: Facts, found: Checksum | None) -> bool:
    """Whether only the bytes themselves tell enough."""
    return found is None or found.algorithm != ETAG or _is_fresh(facts)


def _is_fresh(facts: Facts) -> bool:
    return facts.age_s is not None and facts.age_s < _SETTLED_S


def _may_change_unseen(facts: Facts) -> bool:
    """Tell whether a write that is still to come may fall into the second of the last one."""
    return facts.age_s is not None and 0 <= facts.age_s < _TICKS_S


def _info(location: Location, facts: Facts, checksum: Checksum | None) -> ObjectInfo:
    return ObjectInfo(
        location=location,
        size=facts.size,
        checksum=checksum,
        etag=facts.etag,
        modified_at=facts.modified_at,
    )


def _told(pin: Pin, facts: Facts) -> Checksum | None:
    """Return the reply's validator of the recorded kind."""
    kind = None if pin.checksum is None else pin.checksum.algorithm
    return facts.validator(kind) if kind in _VALIDATORS else None


def _no_versions(location: Location, version_id: str | None) -> None:
    if version_id is not None:
        raise InvalidInput(
            f"{location} has no version {version_id!r}: HTTP keeps no versions",
            subject=str(location),
        )


def _no_such_checksum(location: Location, checksum: str | None) -> Unverifiable:
    wanted = f"of kind {checksum!r}" if checksum else "to tell a change by"
    return Unverifiable(
        f"{location} has nothing {wanted}",
        subject=str(location),
        expected=", ".join(("sha256", *_VALIDATORS)),
        hint="checksum='sha256' reads and hashes the body; checksum=False records no checksum.",
    )
