"""Pages of the loopback Cloud Storage against a model that lists everything at once."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from kit.gcs.bucket import Bucket
from kit.gcs.listing import list_objects
from kit.gcs.state import State

NAMES = st.text(alphabet="ab/é\U0001f9ad", min_size=1, max_size=4)
WRITES = st.lists(st.tuples(NAMES, st.booleans()), max_size=25)
OPTIONAL = st.one_of(st.none(), NAMES)


def filled(writes: list[tuple[str, bool]]) -> Bucket:
    """Make a versioned bucket of writes, some of which delete what they find."""
    state = State()
    bucket = state.create_bucket("b", {"versioning": {"enabled": True}})
    for name, deletes in writes:
        state.put("b", name, b"x", {})
        if deletes:
            state.delete("b", name, None)
    return bucket


def expected(bucket: Bucket, query: dict[str, str]) -> list[str]:
    """List the whole bucket the slow way, prefixes and objects in one order."""
    listed: list[str] = []
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    for name in sorted(bucket.generations, key=str.encode):
        kept = bucket.generations[name]
        shown = kept if "versions" in query else [item for item in kept if not item.deleted_us]
        if not name.startswith(prefix) or name < query.get("startOffset", "") or not shown:
            continue
        if "endOffset" in query and name >= query["endOffset"]:
            continue
        cut = name.find(delimiter, len(prefix)) if delimiter else -1
        folded = None if cut < 0 else name[: cut + len(delimiter)]
        if folded is not None and f"prefix {folded}" not in listed:
            listed.append(f"prefix {folded}")
        if folded is None or ("includeTrailingDelimiter" in query and folded == name):
            listed += [f"{name}#{item.generation}" for item in shown]
    return listed


def paged(bucket: Bucket, query: dict[str, str], size: int) -> tuple[list[str], list[int]]:
    """List page by page; return everything, and how much each page held."""
    items: list[Any] = []
    prefixes: list[str] = []
    sizes: list[int] = []
    token: dict[str, str] = {}
    while True:
        page = list_objects(bucket, {**query, **token, "maxResults": str(size)}, "http://x")
        sizes.append(len(page.get("items", [])) + len(page.get("prefixes", [])))
        items += [f"{item['name']}#{item['generation']}" for item in page.get("items", [])]
        prefixes += [f"prefix {prefix}" for prefix in page.get("prefixes", [])]
        if "nextPageToken" not in page:
            return items + prefixes, sizes
        token = {"pageToken": page["nextPageToken"]}


@given(
    writes=WRITES,
    size=st.integers(1, 5),
    prefix=st.one_of(st.just(""), NAMES),
    delimiter=st.sampled_from(["", "/", "a/"]),
    start=OPTIONAL,
    end=OPTIONAL,
    versions=st.booleans(),
    trailing=st.booleans(),
)
def test_pages_hold_all_that_is_listed_at_once(
    writes: list[tuple[str, bool]],
    size: int,
    prefix: str,
    delimiter: str,
    start: str | None,
    end: str | None,
    versions: bool,
    trailing: bool,
) -> None:
    bucket = filled(writes)
    query = {"prefix": prefix, "delimiter": delimiter}
    query |= {"startOffset": start} if start else {}
    query |= {"endOffset": end} if end else {}
    query |= {"versions": "true"} if versions else {}
    query |= {"includeTrailingDelimiter": "true"} if trailing else {}
    wanted = expected(bucket, query)
    found, sizes = paged(bucket, query, size)
    assert [row for row in found if not row.startswith("prefix ")] == [
        row for row in wanted if not row.startswith("prefix ")
    ]
    assert sorted(found) == sorted(wanted)
    assert all(held == size for held in sizes[:-1])
    assert sizes[-1] <= size
