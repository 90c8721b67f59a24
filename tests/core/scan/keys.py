"""A store of keys in memory, listed in small pages: for tests of how a folder is cut while it is listed."""

import json
import threading
from bisect import bisect_right
from dataclasses import dataclass, field

from landfast.errors import Unavailable
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.model.reference import UNLIMITED, Reference
from landfast.scan.lister import Job
from landfast.scan.listing import Bounds
from landfast.scan.plan import plan
from landfast.scan.skips import SkipLog
from landfast.scan.spread import spread
from landfast.scan.values import ScanWindow
from landfast.stores.base import (
    Capabilities,
    Kind,
    ListRequest,
    ObjectBatch,
    ObjectInfo,
    Page,
    Versioning,
)

ALL = ScanWindow()
FOLDER = Location.parse("s3://bucket/d/")


@dataclass
class Listed:
    """A store of keys in memory, with the older versions that each has."""

    keys: dict[str, int]
    page: int = 10
    versioning_: Versioning = Versioning.OFF
    loses_first: bool = False
    """Whether the first key after a marker that is no key is lost, as some servers do with versions."""
    fails_at: int = 0
    requests: list[ListRequest] = field(default_factory=list)
    lists: dict[bool, tuple[list[ObjectInfo], list[str]]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self):
        every = []
        for key, older in sorted(self.keys.items()):
            for age in range(older + 1):
                version = f"{key}-{age}"
                every.append(
                    ObjectInfo(
                        location=Location(scheme="s3", authority="bucket", key=key),
                        size=len(key) if not key.endswith("empty") else 0,
                        checksum=Checksum("s3-etag", version),
                        etag=version,
                        version_id=version,
                        is_latest=age == 0,
                    )
                )

        for versions in (True, False):
            rows = [row for row in every if versions or row.is_latest]
            self.lists[versions] = rows, [row.location.key for row in rows]

    def __getstate__(self):
        own = ("requests", "lock", "meeting")
        return {name: value for name, value in vars(self).items() if name not in own}

    def __setstate__(self, state):
        vars(self).update(state, requests=[], lock=threading.Lock(), meeting=threading.Lock())

    endpoint = None

    def capabilities(self):
        return Capabilities(versions=True, seeks=True, list_checksums=("s3-etag",))

    def versioning(self, location):
        return self.versioning_

    def locate(self, location):
        return Kind.FOLDER

    def list_page(self, request):
        with self.lock:
            self.requests.append(request)
            if len(self.requests) == self.fails_at:
                raise Unavailable("the server is gone")
        rows, names = self.lists[request.versions]
        start = 0
        if request.token is not None:
            start = json.loads(request.token)
        elif request.after is not None:
            start = bisect_right(names, request.after)
            if self.loses_first and request.versions and request.after not in names:
                start = bisect_right(names, names[start]) if start < len(names) else start
        size = min(self.page, request.limit or self.page)
        found, more = rows[start : start + size], start + size < len(rows)
        return Page(
            batches=[ObjectBatch.from_rows(found)],
            next=json.dumps(start + size) if more else None,
            is_full=False,
        )


class OneStore:
    def __init__(self, store):
        self.store = store

    def at(self, location, options=None):
        return self.store

    def options_for(self, location, options=None):
        return {}


def nothing():
    return None


def listed(store, folder, breadth, *, window=ALL, limit=UNLIMITED, previous=nothing, **how):
    reference = Reference(str(FOLDER), max_objects=limit, **how)
    scan = plan(reference, OneStore(store), max_objects=UNLIMITED)
    job = Job(scan=scan, store=store, folder=folder, previous=previous)
    skips = SkipLog()
    batches = spread(job, Bounds.of(scan, window), skips, breadth)
    return [row for batch in batches for row in batch.rows()], skips
