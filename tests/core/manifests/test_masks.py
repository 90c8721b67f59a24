"""Masks are right over slices, with every pyarrow that is supported."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from landfast.manifests.batch import EntryBatch
from landfast.manifests.masks import null_where
from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry


@given(
    st.lists(st.tuples(st.booleans(), st.one_of(st.none(), st.text(max_size=3)))),
    st.integers(0, 4),
)
def test_what_is_masked_is_null_and_all_else_as_it_was(rows, start):
    column = pa.array(["before"] * start + [text for _, text in rows], pa.string()).slice(start)
    found = null_where(pa.array([mask for mask, _ in rows], pa.bool_()), column)
    found.validate(full=True)
    assert found.to_pylist() == [None if mask else text for mask, text in rows]


@pytest.mark.parametrize("start", range(6))
def test_a_slice_has_the_identity_and_pins_of_its_rows(start):
    kinds = [Checksum("etag", "v"), Checksum("md5", "m"), None]
    entries = [
        ManifestEntry(
            path=f"{number:02}",
            size=number,
            checksum=kinds[number % 3],
            uri=f"https://h/{'x' * number}",
            version_id=[None, "null", f"v{number}"][number // 3 % 3],
            etag=[None, "m", "e"][number // 9 % 3],
        )
        for number in range(27)
    ]
    batch = EntryBatch.from_rows(entries).slice(start, 27)
    for columns, name in ((batch.identity, "identity"), (batch.pins, "pins")):
        for column in columns:
            column.validate(full=True)
        rows = list(zip(*(column.to_pylist() for column in columns), strict=True))
        assert rows == [getattr(entry, name) for entry in entries[start:]]
