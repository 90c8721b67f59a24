"""What an HTTP reply says of its object, and what its status means; pure, no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from landfast.errors import (
    AccessDenied,
    InvalidInput,
    LandfastError,
    NotFound,
    ObjectChanged,
    Unavailable,
)
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.stores.base import Pin

ETAG, WEAK_ETAG, LAST_MODIFIED = "http-etag", "http-weak-etag", "http-last-modified"

_CONTENT_RANGE = re.compile(r"bytes\s+(?:(\d+)-\d+|\*)/(\d+|\*)")
_DENIED = frozenset({401, 402, 403, 407})
_GONE = frozenset({404, 410})
_WORTH_A_RETRY = frozenset({408, 421, 425, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One reply's statements about its object, headers verbatim.

    Args:
        size: Bytes of the whole object; None where the reply does not tell.
        start: Offset of the first byte of the body; None for a part that does not say which it is.
        etag: With quotes and ``W/``, without blanks around it.
        last_modified: When it was modified.
        date: When the server answered.
    """

    size: int | None
    start: int | None
    etag: str | None
    last_modified: str | None
    date: str | None = None

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str]) -> Facts:
        """Read the headers of a 200 or 206."""
        length = headers.get("Content-Length", "")
        size = int(length) if length.isdecimal() else None
        start: int | None = 0
        if status == 206:
            found = _CONTENT_RANGE.match(headers.get("Content-Range", ""))
            start = int(found[1]) if found and found[1] else None
            size = int(found[2]) if found and found[2] != "*" else None
        return cls(
            size=size,
            start=start,
            etag=_bare(headers.get("ETag")),
            last_modified=_bare(headers.get("Last-Modified")),
            date=headers.get("Date"),
        )

    @property
    def strong_etag(self) -> str | None:
        """The ETag, if it promises byte for byte equality."""
        return self.etag if self.etag and is_strong(self.etag) else None

    @property
    def modified_at(self) -> datetime | None:
        """Last-Modified as a moment, None where it is none."""
        return _moment(self.last_modified)

    @property
    def age_s(self) -> float | None:
        """Seconds from the last modification to the answer, by the server's clock; None if it has no Last-Modified."""
        modified_at = self.modified_at
        if modified_at is None:
            return None
        return ((_moment(self.date) or datetime.now(UTC)) - modified_at).total_seconds()

    def validator(self, kind: str) -> Checksum | None:
        """The validator of a kind, None where the reply has none."""
        values = {
            ETAG: self.strong_etag,
            WEAK_ETAG: self.etag if self.etag != self.strong_etag else None,
            LAST_MODIFIED: self.last_modified,
        }
        value = values[kind]
        return Checksum(kind, value) if value else None


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def is_strong(etag: str) -> bool:
    """Tell whether an ETag may stand in If-Match."""
    return not etag.startswith(("W/", "w/"))


def check_pin(pin: Pin, facts: Facts) -> None:
    """Compare a reply with what was recorded.

    Raises:
        ObjectChanged: If a validator or the size differs, or a recorded validator is missing and
            no content token can take its place.
    """
    subject = str(pin.location)
    told_by_content = pin.checksum is not None and pin.checksum.is_content_token
    if pin.etag is not None and (facts.etag is not None or not told_by_content):
        _expect(subject, "ETag", pin.etag, facts.etag)
    if pin.checksum is not None and pin.checksum.algorithm == LAST_MODIFIED:
        _expect(subject, "Last-Modified", pin.checksum.value, facts.last_modified)
    if pin.size is not None and facts.size is not None and facts.size != pin.size:
        raise changed(subject, f"{pin.size} bytes", f"{facts.size} bytes")


def _bare(value: str | None) -> str | None:
    """Return a header's value without the blanks around it, which are none of it."""
    return (value or "").strip(" \t") or None


def _expect(subject: str, header: str, recorded: str, found: str | None) -> None:
    if found != _bare(recorded):
        raise changed(
            subject, f"{header} {recorded}", f"{header} {found}" if found else f"no {header}"
        )


def changed(subject: str, expected: str, found: str) -> ObjectChanged:
    """Build the error for an object that is not the recorded one any more."""
    return ObjectChanged(
        f"{subject} is not what was recorded",
        subject=subject,
        expected=expected,
        found=found,
        hint="HTTP keeps no versions.",
    )


def refused(
    status: int, headers: Mapping[str, str], location: Location, pin: Pin | None = None
) -> LandfastError:
    """Turn an error status into the error that says what to do about it."""
    subject, found = str(location), f"status {status}"
    if status in _GONE:
        return NotFound(f"{subject} does not exist", subject=subject, found=found)
    if status in _DENIED:
        return _denied(location, found)
    if status == 412 and pin is not None and pin.etag is not None:
        return changed(subject, f"ETag {pin.etag}", "another one (status 412)")
    if status == 416 and pin is not None:
        total = _CONTENT_RANGE.match(headers.get("Content-Range", ""))
        size = total[2] if total else "fewer"
        return changed(subject, f"{pin.size} bytes", f"{size} bytes (status 416)")
    if status in _WORTH_A_RETRY or status >= 500:
        after = headers.get("Retry-After", "")
        return Unavailable(
            f"{subject} cannot be read at the moment",
            subject=subject,
            found=found,
            status=status,
            retry_after=float(after) if after.isdecimal() else None,
        )
    return InvalidInput(
        f"{subject} cannot be read", subject=subject, expected="status 200 or 206", found=found
    )


def _denied(location: Location, found: str) -> AccessDenied:
    stripped = location.without_secrets()[1]
    signed = [name for name in stripped if name != "userinfo"]
    if signed:
        hint = "The signed URL may have expired or be meant for another method: sign it again."
    elif stripped:
        hint = "Check user and password in the URL."
    else:
        hint = (
            "Give credentials: username= and password=, headers=, a netrc entry, or signer= "
            "where URLs are signed (signatures are never recorded)."
        )
    return AccessDenied(
        f"{location} may not be read",
        subject=str(location),
        found=found,
        hint=hint,
        permission="GET",
    )
