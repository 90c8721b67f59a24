"""Listing: one page that is asked for, as a request to S3 and its opaque token."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from landfast.errors import InvalidInput, Unavailable
from landfast.model.location import Location
from landfast.stores.base import ListRequest

PAGE_SIZE = 1000


@dataclass(frozen=True, slots=True)
class Listing:
    """One page that is asked for; `restores` says whether rows tell that an archived object was restored."""

    request: ListRequest
    restores: bool = False

    @property
    def location(self) -> Location:
        """The folder."""
        return self.request.location

    @property
    def size(self) -> int:
        """Rows asked for; without an order all are needed, so as many as there can be."""
        if self.request.limit is None or self.has_no_order:
            return PAGE_SIZE
        return max(1, min(self.request.limit, PAGE_SIZE))

    @property
    def has_no_order(self) -> bool:
        """Whether this is a directory bucket: no order, no start, and prefixes are whole folders."""
        return is_directory_bucket(self.location.authority)

    @property
    def prefix(self) -> str:
        """What the server is asked for; in a directory bucket the folder that holds it."""
        key = self.location.key
        return key[: key.rfind("/") + 1] if self.has_no_order else key

    @property
    def operation(self) -> str:
        """The client's method."""
        return "list_object_versions" if self.request.versions else "list_objects_v2"

    def parameters(self) -> dict[str, Any]:
        """Return the arguments of the client's method."""
        asked: dict[str, Any] = {
            "Bucket": self.location.authority,
            "Prefix": self.prefix,
            "MaxKeys": self.size,
            "EncodingType": "url",
        }
        if self.restores:
            asked["OptionalObjectAttributes"] = ["RestoreStatus"]
        if self.request.token is not None:
            asked |= self._read_token(self.request.token)
        elif self.request.after is not None and not self.has_no_order:
            asked["KeyMarker" if self.request.versions else "StartAfter"] = self.request.after
        return asked

    def _read_token(self, token: str) -> dict[str, str]:
        allowed = (
            {"KeyMarker", "VersionIdMarker"}
            if self.request.versions
            else {"ContinuationToken", "StartAfter"}
        )
        try:
            found = json.loads(token)
            if set(found) <= allowed and found:
                return {name: str(value) for name, value in found.items()}
        except (ValueError, TypeError):
            pass
        raise InvalidInput(
            f"{token!r} is not a page token of {self.location}", expected="what `Page.next` gave"
        )


def is_directory_bucket(name: str) -> bool:
    """Tell a directory bucket (S3 Express One Zone), or an access point of one, by its name."""
    return name.endswith(("--x-s3", "--xa-s3"))


def unreadable(listing: Listing, found: str) -> Unavailable:
    """Build the error for a reply that cannot be understood."""
    where = str(listing.location)
    return Unavailable(f"the server's list of {where} is not readable", subject=where, found=found)
