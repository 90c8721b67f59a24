"""The order of pages is checked by columns as it would be row by row."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from landfast.errors import Unavailable
from landfast.model.location import Location
from landfast.stores.base import ListRequest, ObjectBatch, ObjectInfo, Page
from landfast.stores.pager import Pager

ROWS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "ü", "\U0001f733", "\uff5e"]), st.sampled_from("123")),
    min_size=1,
    max_size=8,
)


def is_in_order(rows, *, versions):
    """Whether keys ascend in UTF-8, and versions of one key stand together, each once."""
    seen, last = set(), None
    for key, version in rows:
        if last is None or key.encode() > last.encode():
            seen = set()
        elif key != last or not versions or version in seen:
            return False
        seen.add(version)
        last = key
    return True


@given(
    pages=st.lists(ROWS, min_size=1, max_size=4), ascending=st.booleans(), versions=st.booleans()
)
def test_order_is_that_of_the_rows(pages, ascending, versions):
    if ascending:
        rows = sorted({row for page in pages for row in page}, key=lambda row: row[0].encode())
        pages = [rows[at : at + 3] for at in range(0, len(rows), 3)]
    where = Location.parse("s3://bucket/")

    def list_page(request):
        number = int(request.token or 0)
        found = [
            ObjectInfo(
                location=Location(scheme="s3", authority="bucket", key=key),
                size=1,
                version_id=version,
            )
            for key, version in pages[number]
        ]
        following = str(number + 1) if number + 1 < len(pages) else None
        return Page(batches=[ObjectBatch.from_rows(found)], next=following)

    store = SimpleNamespace(
        list_page=list_page, capabilities=lambda: SimpleNamespace(stable_order=True)
    )
    pager = Pager(store, ListRequest(where, versions=versions))
    if is_in_order([row for page in pages for row in page], versions=versions):
        read = [row.location.key for batches in pager for batch in batches for row in batch.rows()]
        assert read == [key for page in pages for key, _ in page]
    else:
        with pytest.raises(Unavailable, match="out of order"):
            [list(batches) for batches in pager]
