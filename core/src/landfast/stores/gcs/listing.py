"""List pages of Cloud Storage: the parameters of a request, its opaque token, the reply as rows.

Cloud Storage lists the generations of a key oldest first; a page of ours has them newest first.  So
a key whose generations may go on is left for the next page, which starts at that key anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from landfast.errors import InvalidInput
from landfast.model.location import Location
from landfast.stores.base import ListRequest, ObjectBatch, ObjectInfo, Page
from landfast.stores.gcs.rows import FIELDS, describe

PAGE_SIZE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One page that is asked for: only keys after `after`, and what comes where the page before stopped."""

    request: ListRequest
    after: str | None
    resume: Resume | None = None

    @classmethod
    def of(cls, request: ListRequest) -> Listing:
        """Read the token, if there is one; `InvalidInput` if it is none."""
        if request.token is None:
            return cls(request=request, after=request.after)
        resume = Resume.parse(request.token)
        return cls(request=request, after=resume.after, resume=resume)

    @property
    def size(self) -> int:
        """Objects asked for; generations are regrouped, so all that one page can hold."""
        if self.request.limit is None or self.request.versions:
            return PAGE_SIZE
        # An offset is inclusive, and the row at it is dropped.
        return max(1, min(self.request.limit + (self.after is not None), PAGE_SIZE))

    def parameters(self) -> dict[str, str]:
        """Return the query of the request."""
        asked = {
            "prefix": self.request.location.key,
            "maxResults": str(self.size),
            "fields": f"items({FIELDS}),nextPageToken",
            "projection": "noAcl",
        }
        if self.request.versions:
            asked["versions"] = "true"
        if self.request.before is not None:
            asked["endOffset"] = self.request.before
        resume = self.resume or Resume(key=self.after)
        if resume.token is not None:
            asked["pageToken"] = resume.token
        elif resume.key is not None:
            asked["startOffset"] = resume.key
        return asked

    def page(self, body: Mapping[str, Any]) -> Page:
        """Read the reply."""
        items, token = body.get("items") or [], body.get("nextPageToken") or None
        rows = [self._row(item) for item in items]
        is_full = len(rows) >= self.size
        following = Resume(token=token) if token else None
        reached = rows[-1].location.key if rows else ""
        if self.request.versions:
            rows, following = _newest_first(rows, following)
        rows, following = self._cut([row for row in rows if self._is_new(row)], following)
        if following and self.after is not None and reached <= self.after:
            following = replace(following, after=self.after)
        return Page(
            batches=[ObjectBatch.from_rows(rows)],
            next=str(following) if following else None,
            is_full=is_full,
        )

    def _row(self, item: Mapping[str, Any]) -> ObjectInfo:
        location = Location(
            scheme=self.request.location.scheme,
            authority=self.request.location.authority,
            key=item["name"],
        )
        try:
            return describe(item, location, self.request.checksum)
        except (LookupError, ValueError) as error:
            msg = f"the row of {location} has no right {error}"
            raise ValueError(msg) from None

    def _is_new(self, row: ObjectInfo) -> bool:
        """Tell whether a row is asked for and was not given yet; some servers ignore offsets."""
        key, resume = row.location.key, self.resume
        if self.after is not None and key <= self.after:
            return False
        if self.request.before is not None and key >= self.request.before:
            return False
        if resume is None or resume.below is None or resume.key is None or key > resume.key:
            return True
        return key == resume.key and _generation(row) < resume.below

    def _cut(
        self, rows: list[ObjectInfo], following: Resume | None
    ) -> tuple[list[ObjectInfo], Resume | None]:
        """Leave what is beyond the limit for the next page."""
        if self.request.limit is None or len(rows) <= self.request.limit:
            return rows, following
        last, first = rows[self.request.limit - 1], rows[self.request.limit]
        if self.resume is not None and self.resume.token is not None:
            at = Resume(token=self.resume.token, key=last.location.key, below=_generation(last))
        elif last.location.key == first.location.key:
            at = Resume(key=last.location.key, below=_generation(last))
        else:
            at = Resume(key=first.location.key)
        return rows[: self.request.limit], at


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Where a listing goes on: at a page token, else at a key, behind its rows down to the generation `below`."""

    token: str | None = None
    key: str | None = None
    below: int | None = None
    after: str | None = None

    @classmethod
    def parse(cls, text: str) -> Resume:
        """Read what `str` wrote; `InvalidInput` if it is something else."""
        try:
            token, key, below, after = json.loads(text)
        except (ValueError, TypeError):
            raise InvalidInput(
                f"{text!r} is not a page token of gs://", expected="what `Page.next` gave"
            ) from None
        return cls(token=token, key=key, below=below, after=after)

    def __str__(self) -> str:
        return json.dumps([self.token, self.key, self.below, self.after])


def _generation(row: ObjectInfo) -> int:
    return int(row.version_id or 0)


def _newest_first(
    rows: list[ObjectInfo], following: Resume | None
) -> tuple[list[ObjectInfo], Resume | None]:
    """Turn the generations of each key around, and hold back a last key that may go on.

    It is complete if its live generation is there, which is always the last.  A key that fills the
    whole page cannot be held back: its older generations then come before its newer ones.
    """
    groups = [list(group) for _, group in groupby(rows, key=lambda row: row.location.key)]
    if following is not None and len(groups) > 1 and not groups[-1][-1].is_latest:
        following = Resume(key=groups.pop()[0].location.key)
    return [row for group in groups for row in reversed(group)], following
