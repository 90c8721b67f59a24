"""The rows of a listing of generations, whatever the pages of the server and the limit."""

from hypothesis import given
from hypothesis import strategies as st
from kit.gcs.bucket import Bucket
from kit.gcs.listing import list_objects
from kit.gcs.state import State
from landfast.model.location import Location
from landfast.stores.base import ListRequest, ObjectInfo
from landfast.stores.gcs.listing import Listing

KEYS = ("d/a", "d/b", "d/b/c", "d/é")
FOLDER = Location(scheme="gs", authority="b", key="d/")


def filled(writes: list[tuple[int, bool]]) -> Bucket:
    state = State()
    bucket = state.create_bucket("b", {"versioning": {"enabled": True}})
    for number, deletes in writes:
        state.put("b", KEYS[number], b"x", {})
        if deletes:
            state.delete("b", KEYS[number], None)
    return bucket


def listed(
    bucket: Bucket, *, page_size: int, limit: int | None, versions: bool, after: str | None
) -> list[ObjectInfo]:
    """Follow the pages, as a caller does, without a server in between."""
    rows: list[ObjectInfo] = []
    token = None
    for _ in range(400):
        listing = Listing.of(
            ListRequest(FOLDER, versions=versions, after=after, limit=limit, token=token)
        )
        page = listing.page(list_objects(bucket, listing.parameters(), "http://x", page_size))
        chunk = list(page.rows)
        assert limit is None or len(chunk) <= limit
        rows += chunk
        token = page.next
        if token is None:
            return rows
    raise AssertionError("the listing does not end")


@given(
    writes=st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=20),
    page_size=st.integers(1, 30),
    limit=st.one_of(st.none(), st.integers(1, 6)),
    versions=st.booleans(),
    after=st.one_of(st.none(), st.sampled_from(KEYS)),
)
def test_every_generation_comes_once_newest_first(
    writes: list[tuple[int, bool]],
    page_size: int,
    limit: int | None,
    versions: bool,
    after: str | None,
) -> None:
    bucket = filled(writes)
    found = listed(bucket, page_size=page_size, limit=limit, versions=versions, after=after)
    wanted = [
        (item.name, str(item.generation), item.deleted_us is None)
        for name in sorted(bucket.generations, key=str.encode)
        for item in reversed(bucket.generations[name])
        if (after is None or name > after) and (versions or item.deleted_us is None)
    ]
    rows = [(row.location.key, row.version_id, row.is_latest) for row in found]
    deepest = max(map(len, bucket.generations.values()), default=0)
    if not versions or page_size > deepest:
        assert rows == wanted
    else:
        # A key that fills a page of the server comes in runs, and nothing is lost.
        assert sorted(rows) == sorted(wanted)
