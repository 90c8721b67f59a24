"""One page of `objects.list`: prefix, delimiter, offsets, versions and page tokens."""

from __future__ import annotations

import base64
import binascii
import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kit.gcs.bucket import Bucket
from kit.gcs.errors import invalid
from kit.gcs.objects import Json, StoredObject, object_resource
from kit.gcs.preconditions import integer

PAGE_SIZE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Query:
    prefix: str
    delimiter: str
    start: str
    end: str | None
    versions: bool
    trailing: bool
    limit: int
    after: _Row | None


@dataclass(frozen=True, slots=True)
class _Row:
    """Where a page stops: a generation of an object, or (generation None) a common prefix."""

    name: str
    generation: int | None


def list_objects(
    bucket: Bucket, parameters: Mapping[str, str], base_url: str, page_size: int = PAGE_SIZE
) -> Json:
    """Return the `storage#objects` page that the parameters ask for."""
    query = _parse(parameters, page_size)
    page: Json = {"kind": "storage#objects"}
    last: _Row | None = None
    for count, row in enumerate(_rows(bucket, query)):
        if count == query.limit and last is not None:
            page["nextPageToken"] = _token(last)
            break
        if isinstance(row, StoredObject):
            page.setdefault("items", []).append(object_resource(row, base_url))
            last = _Row(row.name, row.generation)
        else:
            page.setdefault("prefixes", []).append(row)
            last = _Row(row, None)
    return page


def _rows(bucket: Bucket, query: _Query) -> Iterator[StoredObject | str]:
    """Yield what is listed, in order, from where the previous page stopped."""
    position = bisect_left(bucket.names, max(query.start, query.prefix))
    folded = None
    if query.after is not None:
        position = max(position, bisect_left(bucket.names, query.after.name))
        folded = _common_prefix(query.after.name, query)
    while position < len(bucket.names):
        name = bucket.names[position]
        position += 1
        if not name.startswith(query.prefix) or (query.end is not None and name >= query.end):
            return
        listed = _listed(bucket, name, query)
        if not listed:
            continue
        common = _common_prefix(name, query)
        if common is None:
            yield from listed
            continue
        if common != folded:
            folded = common
            yield common
        if query.trailing and name == common:
            yield from listed
        else:
            position = _past(bucket.names, common)


def _listed(bucket: Bucket, name: str, query: _Query) -> list[StoredObject]:
    live = bucket.live(name)
    kept = bucket.generations[name] if query.versions else [live] if live else []
    after = query.after
    if after is None or after.generation is None or after.name != name:
        return kept
    return [stored for stored in kept if stored.generation > after.generation]


def _common_prefix(name: str, query: _Query) -> str | None:
    if not query.delimiter:
        return None
    cut = name.find(query.delimiter, len(query.prefix))
    return None if cut < 0 else name[: cut + len(query.delimiter)]


def _past(names: list[str], prefix: str) -> int:
    """Return the position of the first name behind those that begin with a prefix."""
    return bisect_left(names, True, key=lambda name: name > prefix and not name.startswith(prefix))


def _parse(parameters: Mapping[str, str], page_size: int) -> _Query:
    asked = integer(parameters, "maxResults")
    token = parameters.get("pageToken")
    return _Query(
        prefix=parameters.get("prefix", ""),
        delimiter=parameters.get("delimiter", ""),
        start=parameters.get("startOffset", ""),
        end=parameters.get("endOffset") or None,
        versions=_flag(parameters, "versions"),
        trailing=_flag(parameters, "includeTrailingDelimiter"),
        limit=min(asked or page_size, page_size),
        after=_row(token) if token else None,
    )


def _flag(parameters: Mapping[str, str], name: str) -> bool:
    return parameters.get(name, "").lower() == "true"  # Google's own client writes "True"


def _token(row: _Row) -> str:
    return base64.urlsafe_b64encode(json.dumps([row.name, row.generation]).encode()).decode()


def _row(token: str) -> _Row:
    try:
        name, generation = json.loads(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError) as error:
        raise invalid("Invalid page token") from error
    return _Row(name, generation)
