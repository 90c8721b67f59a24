"""Digests: what changes them, what does not, and that no batch or shard does."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from landfast.errors import InvalidInput, NotFound
from landfast.manifests.batch import EntryBatch, in_batches
from landfast.manifests.digest import DigestBuilder
from landfast.manifests.memory import MemoryManifest
from landfast.manifests.merge import merge_batches
from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry
from landfast.model.times import format_time
from landfast.testing import strategies

from tests.kit.digests import content_digest, pin_digest, summarize

MAY = datetime(2026, 5, 3, 8, 15, 30, tzinfo=UTC)
MD5 = Checksum("md5", "900150983cd24fb0d6963f7d28e17f72")
ENTRY = ManifestEntry(
    path="a.txt",
    size=3,
    checksum=MD5,
    uri="s3://b/a.txt",
    version_id="v1",
    etag="900150983cd24fb0d6963f7d28e17f72",
    modified_at=MAY,
)
VALIDATOR = replace(ENTRY, checksum=Checksum("http-etag", '"1"'))
UNVERIFIED = replace(ENTRY, checksum=None)


def content(*entries: ManifestEntry) -> str:
    return content_digest(entries)


def pins(*entries: ManifestEntry) -> str:
    return pin_digest(entries)


@given(strategies.entry_lists(), st.integers(1, 5))
def test_digests_do_not_depend_on_batches(entries: list[ManifestEntry], size: int) -> None:
    builder = DigestBuilder()
    for start in range(0, len(entries), size):
        builder.update(EntryBatch.from_rows(entries[start : start + size]))
    found = (builder.content_digest(), builder.pin_digest())
    assert found == (content_digest(entries), pin_digest(entries))


def by_hand(header: bytes, columns: list[list[object]]) -> str:
    """Hash columns value by value, as docs/format.md says."""
    whole = header + len(columns[0]).to_bytes(8, "little")
    for column in columns:
        if all(isinstance(value, int) for value in column) and column:
            data = b"".join(int(str(v)).to_bytes(8, "little", signed=True) for v in column)
            whole += hashlib.sha256(data).digest()
            continue
        texts = [None if value is None else str(value).encode() for value in column]
        lengths = [0xFFFFFFFF if text is None else len(text) for text in texts]
        packed = b"".join(length.to_bytes(4, "little") for length in lengths)
        whole += hashlib.sha256(packed).digest()
        whole += hashlib.sha256(b"".join(filter(None, texts))).digest()
    return hashlib.sha256(whole).hexdigest()


@given(strategies.entry_lists(min_size=1), st.booleans(), st.data())
def test_columns_hash_as_their_rows(
    entries: list[ManifestEntry], is_large: bool, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(entries) - 1))
    batch = EntryBatch.from_rows(entries)
    if is_large:
        large = [
            field.with_type(pa.large_string()) if field.type == pa.string() else field
            for field in batch.columns.schema
        ]
        batch = EntryBatch(batch.columns.cast(pa.schema(large)))
    builder = DigestBuilder()
    builder.update(batch.slice(start, len(entries)))
    rows = entries[start:]
    path, size, *texts = map(list, zip(*[row.identity for row in rows], strict=True))
    numbers: list[object] = [-1 if number is None else number for number in size]
    content = by_hand(b"landfast content digest 1\n", [path, numbers, *texts])
    assert builder.content_digest() == "lf1:" + content
    pins = [list(column) for column in zip(*[row.pins for row in rows], strict=True)]
    assert builder.pin_digest() == "lp1:" + by_hand(b"landfast pin digest 1\n", [path, *pins])


@given(strategies.entry_lists())
def test_the_columns_of_a_batch_say_what_its_rows_say(entries: list[ManifestEntry]) -> None:
    batch = EntryBatch.from_rows(entries)
    identity = zip(*[column.to_pylist() for column in batch.identity], strict=True)
    assert list(identity) == [row.identity for row in entries]
    pins = zip(*[column.to_pylist() for column in batch.pins], strict=True)
    assert list(pins) == [row.pins for row in entries]
    assert batch.is_pinned.to_pylist() == [row.is_pinned for row in entries]


def test_bytes_below_a_null_are_not_hashed() -> None:
    batch = EntryBatch.from_rows([replace(ENTRY, etag="other", path=path) for path in "ab"])
    etags = batch.columns["etag"]
    masked = pa.StringArray.from_buffers(
        2, *etags.buffers()[1:], null_bitmap=pa.py_buffer(b"\x02"), null_count=1
    )
    place = batch.columns.schema.get_field_index("etag")
    builder = DigestBuilder()
    builder.update(EntryBatch(batch.columns.set_column(place, "etag", masked)))
    first, second = batch.rows()
    assert builder.pin_digest() == pins(replace(first, etag=None), second)


@given(strategies.entry_lists(), st.data())
def test_digests_do_not_depend_on_shards(entries: list[ManifestEntry], data: st.DataObject) -> None:
    cuts = [data.draw(st.integers(0, 3)) for _ in entries]
    shards = [[e for e, cut in zip(entries, cuts, strict=True) if cut == n] for n in range(4)]
    merged = merge_batches(map(in_batches, shards))
    assert summarize(row for batch in merged for row in batch.rows()) == summarize(entries)


@given(strategies.entry_lists(), st.randoms())
def test_digests_do_not_depend_on_the_order_of_the_scan(entries, random) -> None:
    shuffled = random.sample(entries, len(entries))
    assert MemoryManifest(shuffled).digest == content_digest(entries)


@given(strategies.entry_lists(), strategies.entry_lists())
def test_digests_are_equal_only_if_the_identities_are(
    one: list[ManifestEntry], other: list[ManifestEntry]
) -> None:
    same = [e.identity for e in one] == [e.identity for e in other]
    assert (content_digest(one) == content_digest(other)) == same
    same_pins = [(e.path, e.pins) for e in one] == [(e.path, e.pins) for e in other]
    assert (pin_digest(one) == pin_digest(other)) == same_pins


@given(strategies.entry_lists(min_size=1), st.data())
def test_any_change_of_path_size_or_checksum_is_another_content(
    entries: list[ManifestEntry], data: st.DataObject
) -> None:
    row = data.draw(st.integers(0, len(entries) - 1))
    entry = entries[row]
    changed = data.draw(
        st.one_of(
            strategies.paths.map(lambda path: replace(entry, path=path)),
            st.integers(0, 99).map(lambda size: replace(entry, size=size)),
            st.just(replace(entry, size=None)),
            strategies.checksums().map(lambda token: replace(entry, checksum=token)),
        )
    )
    assume(changed.identity != entry.identity)
    others = entries[:row] + entries[row + 1 :]
    assume(changed.path not in {e.path for e in others})
    after = sorted([*others, changed], key=lambda e: e.sort_key)
    assert content_digest(after) != content_digest(entries)


PIN_CHANGES = {
    "version id": {"version_id": "v2"},
    "no version id": {"version_id": None},
    "URI": {"uri": "s3://other/a.txt"},
    "etag": {"etag": "other"},
    "mtime": {"modified_at": MAY + timedelta(seconds=1)},
}


@pytest.mark.parametrize("change", PIN_CHANGES.values(), ids=PIN_CHANGES)
def test_pins_are_no_content_beside_a_content_token(change: dict[str, object]) -> None:
    assert content(replace(ENTRY, **change)) == content(ENTRY)


def test_the_uri_of_a_validator_is_content_and_its_other_pins_are_not() -> None:
    for name, change in PIN_CHANGES.items():
        is_same = content(replace(VALIDATOR, **change)) == content(VALIDATOR)
        assert is_same == (name != "URI"), name


def test_without_a_token_the_version_id_tells() -> None:
    for name, change in PIN_CHANGES.items():
        is_same = content(replace(UNVERIFIED, **change)) == content(UNVERIFIED)
        assert is_same == (name in {"etag", "mtime"}), name


@pytest.mark.parametrize("version_id", [None, "null"])
def test_without_a_token_and_a_version_the_mtime_tells(version_id: str | None) -> None:
    entry = replace(UNVERIFIED, version_id=version_id)
    for name in ("URI", "mtime"):
        assert content(replace(entry, **PIN_CHANGES[name])) != content(entry)
    assert content(replace(entry, etag="other")) == content(entry)


def test_no_version_and_a_null_version_are_one_content_and_one_pin() -> None:
    null, none = replace(UNVERIFIED, version_id="null"), replace(UNVERIFIED, version_id=None)
    assert content(null) == content(none)
    assert pins(null) == pins(none)


def test_a_version_id_never_equals_a_time() -> None:
    by_time = replace(UNVERIFIED, version_id=None)
    by_version = replace(UNVERIFIED, version_id=format_time(MAY), modified_at=None)
    assert content(by_time) != content(by_version)


def test_a_null_of_each_column_differs_from_empty_text() -> None:
    assert pins(replace(ENTRY, etag=None)) != pins(replace(ENTRY, etag=""))
    assert content(replace(ENTRY, size=None)) != content(replace(ENTRY, size=0))


def test_the_kind_of_a_checksum_is_content() -> None:
    assert content(replace(ENTRY, checksum=Checksum("s3-etag", MD5.value))) != content(ENTRY)


@pytest.mark.parametrize("name", ["version id", "no version id", "URI", "etag", "mtime"])
def test_the_pin_digest_sees_every_pin_but_the_mtime(name: str) -> None:
    is_same = pins(replace(ENTRY, **PIN_CHANGES[name])) == pins(ENTRY)
    assert is_same == (name == "mtime")


def test_the_pin_digest_sees_no_content() -> None:
    assert pins(replace(ENTRY, size=9, checksum=None)) == pins(ENTRY)


def test_text_that_moves_between_neighbours_is_another_digest() -> None:
    ab_c = [replace(ENTRY, path="ab"), replace(ENTRY, path="c")]
    a_bc = [replace(ENTRY, path="a"), replace(ENTRY, path="bc")]
    assert content_digest(ab_c) != content_digest(a_bc)


def test_a_time_of_another_zone_is_the_same_time() -> None:
    there = MAY.astimezone(tz=timezone(timedelta(hours=5, minutes=45)))
    entry = replace(UNVERIFIED, version_id=None)
    assert content(replace(entry, modified_at=there)) == content(entry)
    assert format_time(there) == "2026-05-03T08:15:30.000000Z"
    assert format_time(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    "paths", [["b", "a"], ["a", "a"], [""], ["é", "z"], ["a/b", "a.b"], ["\U0001f600", "\uffff"]]
)
def test_entries_out_of_order_are_refused(paths: list[str]) -> None:
    with pytest.raises(InvalidInput):
        content_digest([replace(ENTRY, path=path) for path in paths])


@given(st.lists(strategies.paths, unique=True))
def test_the_order_is_that_of_utf8_bytes(paths: list[str]) -> None:
    entries = [replace(ENTRY, path=path) for path in sorted(paths, key=str.encode)]
    assert content_digest(entries).startswith("lf1:")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": "bad\udcff"}, r"the path of manifest entry 'bad\\udcff' is not UTF-8"),
        ({"etag": "\ud800"}, "the ETag of manifest entry 'a.txt' is not UTF-8"),
        ({"size": -1}, "impossible size"),
        ({"size": 2**63}, "impossible size"),
        (
            {"checksum": None, "version_id": None, "modified_at": MAY.replace(tzinfo=None)},
            "no zone",
        ),
    ],
)
def test_an_entry_that_cannot_be_recorded_is_refused_by_name(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        content_digest([replace(ENTRY, **change)])


def test_a_digest_may_be_asked_for_in_between() -> None:
    builder = DigestBuilder()
    builder.update(EntryBatch.from_rows([ENTRY]))
    assert builder.content_digest() == content(ENTRY)
    second = replace(ENTRY, path="b.txt")
    builder.update(EntryBatch.from_rows([second]))
    assert builder.content_digest() == content(ENTRY, second)


@given(strategies.entry_lists(max_size=12), st.sampled_from(["a", "a/b", "a/", "", "é"]))
def test_a_subtree_has_the_digest_of_that_folder_logged_alone(
    entries: list[ManifestEntry], folder: str
) -> None:
    manifest = MemoryManifest(entries)
    prefix = folder if folder.endswith("/") or not folder else folder + "/"
    alone = [
        replace(entry, path=entry.path[len(prefix) :])
        for entry in entries
        if entry.path.startswith(prefix) and entry.path != prefix
    ]
    if alone or not prefix:
        assert manifest.subtree_digest(folder) == content_digest(alone)
    else:
        with pytest.raises(NotFound):
            manifest.subtree_digest(folder)


def test_a_summary_counts_what_is_unverified_and_unpinned() -> None:
    entries = [
        ENTRY,
        replace(ENTRY, path="b", checksum=None),
        replace(ENTRY, path="c", version_id="null", size=None),
        replace(ENTRY, path="d", version_id=None, uri="blob:sha256:" + "0" * 64),
    ]
    summary = summarize(entries)
    assert (summary.count, summary.size) == (4, 9)
    assert (summary.unverified, summary.unpinned) == (1, 1)
    assert (summary.digest, summary.pin_digest) == (content_digest(entries), pin_digest(entries))


def test_sizes_that_no_counter_holds_are_refused() -> None:
    huge = replace(ENTRY, size=2**63 - 1)
    assert summarize([huge]).size == 2**63 - 1
    with pytest.raises(InvalidInput, match="together"):
        summarize([huge, replace(ENTRY, path="b", size=1)])
