"""Doctor: try everything that recording a place and reading it back needs, and say what is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from landfast.errors import AccessDenied, InvalidInput, LandfastError, NotFound
from landfast.model.checksum import Checksum
from landfast.model.doctor import CheckStatus, DoctorCheck, DoctorReport
from landfast.model.location import Location
from landfast.stores.base import Kind, ListRequest, ObjectInfo, Pin, Store, Versioning
from landfast.stores.pager import Pager
from landfast.system.mounts import shows_mapped_writes

if TYPE_CHECKING:
    from landfast.stores.opener import Stores

_SAMPLE_ROWS = 100
_FIRST_BYTES = 4096
_MAX_SKEW_S = 300
_CLOCK_TIMEOUT_S = 5

_NOT_REMEMBERED = (
    "On this filesystem a write through a memory mapping may leave a file's times as they are: no hash is remembered."
    " If nobody writes in this way, the option stat_cache=True remembers them."
)

# What was found and what to do; None to leave a check out.
_Told: TypeAlias = "tuple[str, str] | str"


class _Skip(Exception):
    """Says why a check does not apply."""


def doctor(uri: str, stores: Stores, *, options: Mapping[str, Any] | None = None) -> DoctorReport:
    """Test listing, versioning, a pinned read, checksums and the clock of a folder or an object.

    Reads a few hundred rows of a list and the first bytes of one object; writes nothing.  Expected failures
    are checks that failed, not exceptions.
    """
    try:
        location = Location.parse(uri)
        store = stores.at(location, dict(options or {}))
    except LandfastError as error:
        return DoctorReport(uri=_safe(uri), checks=(_failed("address", error),))
    examined = _Examination(location, store)
    return DoctorReport(
        uri=location.without_secrets()[0].uri,
        endpoint=store.endpoint,
        checks=examined.checks(),
        permissions=stores.permissions(location),
    )


class _Examination:
    def __init__(self, location: Location, store: Store) -> None:
        self._location = location
        self._store = store
        self._able = store.capabilities()
        self._sample: ObjectInfo | None = None
        self._is_object = False

    def checks(self) -> tuple[DoctorCheck, ...]:
        steps: tuple[tuple[str, Callable[[], _Told]], ...] = (
            ("clock", self._clock),
            ("address", self._address),
            ("listing", self._listing),
            ("versioning", self._versioning),
            ("list of versions", self._versions),
            ("pinned read", self._read),
            ("checksums", self._checksums),
        )
        return tuple(_check(name, step) for name, step in steps)

    def _describe(self) -> None:
        place = self._location
        self._sample = self._store.stat(place.unpinned(), version_id=place.version_id)
        self._is_object = True

    def _clock(self) -> _Told:
        place = self._location
        own = self._able.clock.format(scheme=place.scheme, host=place.authority.rpartition("@")[2])
        url = self._store.endpoint or own
        if not url:
            raise _Skip("there is no server whose clock could differ")
        theirs = _server_time(url)
        if theirs is None:
            raise _Skip(f"{url} does not tell its time")
        skew_s = abs((datetime.now(UTC) - theirs).total_seconds())
        if skew_s > _MAX_SKEW_S:
            raise InvalidInput(
                f"the clocks of this machine and of {url} differ",
                expected=f"at most {_MAX_SKEW_S} seconds",
                found=f"{skew_s:.0f} seconds",
                hint="Set the clock: signed requests are refused, and Landfast cannot recognize objects that are too "
                "new.",
            )
        return f"differs from the server's by {skew_s:.0f} s"

    def _address(self) -> _Told:
        if not self._able.listing or self._location.version_id:
            self._describe()
            return "is an object"
        if self._location.is_folder:
            return "is a folder"
        try:
            kind = self._store.locate(self._location)
        except AccessDenied:
            # An object can be read without the permission to list.
            with suppress(LandfastError):
                self._describe()
            raise
        if kind is Kind.MISSING:
            raise NotFound(f"{self._location} is neither an object nor a folder")
        if kind is Kind.BOTH:
            raise InvalidInput(
                f"{self._location} is an object and a folder",
                hint=f"Give the folder as {self._location.as_folder()}, the object by its exact key.",
            )
        if kind is Kind.OBJECT:
            self._describe()
        return f"is {'an object' if kind is Kind.OBJECT else 'a folder'}"

    def _listing(self) -> _Told:
        if not self._able.listing:
            raise _Skip("there is nothing to list: every object has its own URL")
        if self._is_object:
            raise _Skip("one object needs no list")
        pages = Pager(self._store, ListRequest(self._location.as_folder(), limit=_SAMPLE_ROWS))
        found = islice(pages.rows(), _SAMPLE_ROWS)
        rows = [row for row in found if not row.skip]
        readable = [row for row in rows if not row.is_archived] or rows
        self._sample = next((row for row in readable if row.size), next(iter(readable), None))
        if not rows:
            return "works; there is no object", "A reference to it needs allow_empty=True."
        more = "" if pages.is_done else " or more"
        return f"works; {len(rows)}{more} objects"

    def _versioning(self) -> _Told:
        if not self._able.versions:
            raise _Skip("this kind of store keeps nothing that is overwritten")
        found = self._store.versioning(self._location)
        if found is Versioning.ENABLED:
            return "enabled: what is overwritten can be read by its version"
        if found is Versioning.UNKNOWN:
            return "unknown: asking is not permitted, or the server does not say"
        if found is Versioning.NONE:
            return "none: a bucket of this kind keeps nothing that is overwritten"
        command = self._able.versioning_command.format(bucket=self._location.authority)
        hint = f"Turn it on with: {command}" if command else ""
        return f"{found}: what is overwritten is lost", hint

    def _versions(self) -> _Told:
        if not self._able.versions:
            raise _Skip("this kind of store has no versions")
        if self._is_object:
            raise _Skip("one object needs no list")
        try:
            folder = self._location.as_folder()
            request = ListRequest(folder, versions=True, limit=_SAMPLE_ROWS)
            rows = list(islice(Pager(self._store, request).rows(), _SAMPLE_ROWS))
        except InvalidInput as error:
            raise _Skip(f"not offered: {error}; objects are listed without versions") from None
        row = next((r for r in rows if r.is_latest and _is(r, self._sample)), None)
        # This row tells the version that a scan would pin.
        self._sample = row or self._sample
        return "works"

    def _read(self) -> _Told:
        row = self._object()
        pin = Pin(
            location=row.location,
            version_id=row.version_id,
            etag=row.etag,
            size=row.size,
            checksum=row.checksum,
        )
        read = 0
        with self._store.open(pin) as reader:
            for chunk in reader:
                read += len(chunk)
                if read >= _FIRST_BYTES:
                    break
        version = f" version {row.version_id}" if row.version_id else ""
        return f"read the first {min(read, _FIRST_BYTES)} bytes of {row.location}{version}"

    def _checksums(self) -> _Told:
        row = self._object()
        token = row.checksum or self._store.stat(row.location).checksum
        told = [f"the default is {_kind(token)}"]
        for kind in self._able.stat_checksums:
            if token is not None and kind == token.algorithm:
                continue
            try:
                self._store.stat(row.location, version_id=_version(row), checksum=kind)
                told.append(f"{kind} on request")
            except LandfastError:
                told.append(f"no {kind}")
        path = self._store.path(row.location) if self._able.listing else None
        if path is not None and shows_mapped_writes(path) is not True:
            told.append("files are hashed at every scan")
            return "; ".join(told), _NOT_REMEMBERED
        if token is None or token.is_content_token:
            return "; ".join(told)
        hint = "It only tells that this URL did not change; moves and copies are not recognised."
        return "; ".join(told), hint

    def _object(self) -> ObjectInfo:
        if self._sample is None:
            raise _Skip("no object was found to try it on")
        if self._sample.is_archived:
            raise _Skip(f"{self._sample.location} is archived: restore it first")
        return self._sample


def _check(name: str, step: Callable[[], _Told]) -> DoctorCheck:
    try:
        told = step()
    except _Skip as reason:
        return DoctorCheck(name=name, status=CheckStatus.SKIPPED, detail=str(reason))
    except LandfastError as error:
        return _failed(name, error)
    detail, hint = (told, "") if isinstance(told, str) else told
    return DoctorCheck(name=name, status=CheckStatus.OK, detail=detail, hint=hint)


def _failed(name: str, error: LandfastError) -> DoctorCheck:
    return DoctorCheck(
        name=name,
        status=CheckStatus.FAILED,
        detail=str(error),
        permission=error.details.get("permission"),
    )


def _server_time(url: str) -> datetime | None:
    """Ask a server for its time; None if it does not tell or cannot be reached."""
    import urllib3

    pool = urllib3.PoolManager(retries=False, timeout=_CLOCK_TIMEOUT_S)
    try:
        reply = pool.request("HEAD", url, redirect=False)
        told = parsedate_to_datetime(reply.headers["date"])
        return told if told.tzinfo else told.replace(tzinfo=UTC)
    except (urllib3.exceptions.HTTPError, KeyError, ValueError):
        return None
    finally:
        pool.clear()


def _is(row: ObjectInfo, sample: ObjectInfo | None) -> bool:
    return sample is not None and row.location.key == sample.location.key


def _version(row: ObjectInfo) -> str | None:
    return None if row.version_id == "null" else row.version_id


def _kind(token: Checksum | None) -> str:
    return "none" if token is None else token.algorithm


def _safe(uri: str) -> str:
    from landfast.redaction import redact

    return redact(uri)
