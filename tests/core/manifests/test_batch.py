"""Rows as columns and back: nothing is lost, and what no column holds is refused by name."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from landfast.errors import InvalidInput
from landfast.manifests import schema
from landfast.manifests.batch import EntryBatch, in_batches
from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry
from landfast.testing import strategies

A = ManifestEntry(
    path="a", size=1, checksum=Checksum("md5", "0" * 32), uri="s3://b/a", etag="0" * 32
)


@given(st.lists(strategies.entries()))
def test_rows_come_back_from_their_columns(rows: list[ManifestEntry]) -> None:
    batch = EntryBatch.from_rows(rows)
    assert batch.columns.schema == schema.entry_schema()
    assert len(batch) == len(rows)
    assert list(batch.rows()) == rows


@given(st.lists(strategies.entries(), max_size=8), st.integers(0, 9), st.integers(0, 9))
def test_a_slice_has_the_rows_of_a_slice(rows: list[ManifestEntry], start: int, stop: int) -> None:
    cut = EntryBatch.from_rows(rows).slice(start, stop)
    assert list(cut.rows()) == rows[start:stop]
    assert list(cut.slice(1, 3).rows()) == rows[start:stop][1:3]


def test_an_etag_that_repeats_the_checksum_is_held_once() -> None:
    other, none = replace(A, etag="x"), replace(A, etag=None)
    columns = EntryBatch.from_rows([A, other, none]).columns
    assert columns["etag"].to_pylist() == [None, "x", None]
    assert columns["etag_is_checksum"].to_pylist() == [True, False, False]


def test_a_long_stream_is_cut() -> None:
    rows = [replace(A, path=f"{number:05}") for number in range(10_000)]
    batches = list(in_batches(iter(rows)))
    assert len(batches) == 5
    assert [row for batch in batches for row in batch.rows()] == rows
    assert list(in_batches([])) == []


def test_a_time_of_another_zone_is_kept_in_utc() -> None:
    zone = timezone(timedelta(hours=2))
    row = replace(A, modified_at=datetime(2026, 5, 3, 8, tzinfo=zone))
    (back,) = EntryBatch.from_rows([row]).rows()
    assert back.modified_at == row.modified_at
    assert str(back.modified_at) == "2026-05-03 06:00:00+00:00"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"path": "\ud800"}, "the path of manifest entry"),
        ({"uri": "\ud800"}, "the URI of manifest entry 'a'"),
        ({"version_id": "\udfff"}, "the version id of manifest entry 'a'"),
        ({"etag": "\ud800"}, "the ETag of manifest entry 'a'"),
        ({"checksum": Checksum("x\ud800", "1")}, "the checksum algorithm of manifest entry 'a'"),
        ({"checksum": Checksum("x", "\ud800")}, "the checksum of manifest entry 'a'"),
        ({"size": 2**63}, "manifest entry 'a' has an impossible size"),
        ({"modified_at": datetime(2026, 5, 3)}, "the time of manifest entry 'a' has no zone"),  # noqa: DTZ001
    ],
)
def test_what_no_column_holds_is_refused_by_name(changes: dict[str, object], says: str) -> None:
    before = replace(A, path="0")
    with pytest.raises(InvalidInput, match=says):
        EntryBatch.from_rows([before, replace(A, **changes)])  # type: ignore[arg-type]
