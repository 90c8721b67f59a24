"""Manifest files: they hold what was written, stream it, and say so when they are damaged."""

import hashlib
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from landfast.errors import Conflict, InvalidInput, NotFound, Unavailable
from landfast.manifests import schema
from landfast.manifests.memory import MemoryManifest
from landfast.manifests.reader import ManifestFile
from landfast.manifests.table_file import WrittenManifest
from landfast.manifests.writer import ManifestWriter
from landfast.model.checksum import Checksum
from landfast.model.manifest import ManifestEntry
from landfast.system import stat_cache
from landfast.testing import strategies

MAY = datetime(2026, 5, 3, 8, 15, 30, 123456, tzinfo=UTC)
# Each example writes files into the same folder, one after the other.
same_folder = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(path: Path, entries: Iterator[ManifestEntry] | list[ManifestEntry]) -> WrittenManifest:
    with ManifestWriter(path) as writer:
        writer.extend(entries)
        return writer.finish()


def entry(path: str, number: int = 0) -> ManifestEntry:
    token = hashlib.md5(str(number).encode()).hexdigest()
    return ManifestEntry(
        path=path,
        size=number,
        checksum=Checksum("s3-etag", token),
        uri=f"s3://bucket/data/{path}",
        version_id=hashlib.sha1(token.encode()).hexdigest(),
        etag=token,
        modified_at=MAY + timedelta(seconds=number),
    )


def many(count: int) -> Iterator[ManifestEntry]:
    return (entry(f"d{n // 100:04}/f{n % 100:02}", n) for n in range(count))


def files_in(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir() if file.is_file()]


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few rows fill a row group, so that small manifests have many."""
    monkeypatch.setattr(schema, "ROWS_PER_GROUP", 7)
    monkeypatch.setattr(schema, "FOLDERS_PER_GROUP", 3)


LONG = [entry("x" * 5000 + f"{n:03}/" + "y" * 5000, n) for n in range(20)]
ODD = sorted(
    (
        entry(path, n)
        for n, path in enumerate(["\0", "a\0", "a\nb", "k" * 1024, "é", "\U0001f600", "a//b", "a/"])
    ),
    key=lambda e: e.sort_key,
)


@same_folder
@given(strategies.entry_lists(max_size=40))
@example([])
@example(LONG)
@example(ODD)
@pytest.mark.usefixtures("small_groups")
def test_a_file_holds_the_entries_that_were_written(
    tmp_path: Path, entries: list[ManifestEntry]
) -> None:
    written = write(tmp_path / "m", entries)
    memory = MemoryManifest(entries)
    with ManifestFile(written.path) as manifest:
        assert list(manifest.entries()) == entries
        assert manifest.summary == written.summary == memory.summary
        assert list(manifest.folders()) == list(memory.folders())
        assert len(manifest) == len(entries)
    data = written.path.read_bytes()
    assert (written.sha256, written.size) == (hashlib.sha256(data).hexdigest(), len(data))


@same_folder
@given(strategies.entry_lists(max_size=40), st.data())
@pytest.mark.usefixtures("small_groups")
def test_prefixes_and_single_paths_read_what_a_list_would(
    tmp_path: Path, entries: list[ManifestEntry], data: st.DataObject
) -> None:
    memory = MemoryManifest(entries)
    known = st.sampled_from([e.path for e in entries]) if entries else strategies.paths
    prefix = data.draw(
        st.one_of(strategies.paths, known, known.map(lambda p: p[: len(p) // 2 + 1]))
    )
    with ManifestFile(write(tmp_path / "m", entries).path) as manifest:
        assert list(manifest.entries(prefix)) == [e for e in entries if e.path.startswith(prefix)]
        assert list(manifest.folders(prefix)) == list(memory.folders(prefix))
        depth = prefix.count("/") + 1
        assert list(manifest.folders(prefix, depth=depth)) == list(
            memory.folders(prefix, depth=depth)
        )
        if prefix in {e.path for e in entries}:
            assert manifest.get(prefix) == memory.get(prefix)
        else:
            with pytest.raises(NotFound):
                manifest.get(prefix)


@same_folder
@given(strategies.entry_lists(min_size=1, max_size=30))
@pytest.mark.usefixtures("small_groups")
def test_the_roll_up_counts_every_folder(tmp_path: Path, entries: list[ManifestEntry]) -> None:
    folders = {""} | {
        e.path[: n + 1] for e in entries for n, char in enumerate(e.path) if char == "/"
    }
    expected = []
    for folder in sorted(folders):
        below = [e for e in entries if e.path.startswith(folder)]
        expected.append((folder, len(below), sum(e.size or 0 for e in below)))
    with ManifestFile(write(tmp_path / "m", entries).path) as manifest:
        assert [(f.path, f.count, f.size) for f in manifest.folders()] == expected


@same_folder
@given(strategies.entry_lists(min_size=1, max_size=20), st.data())
def test_a_subtree_of_a_file_has_the_digest_of_its_folder(
    tmp_path: Path, entries: list[ManifestEntry], data: st.DataObject
) -> None:
    inside = [replace(e, path=f"dt=2026-05-01/{e.path}") for e in entries]
    beside = [replace(e, path=f"dt=2026-05-01.bak/{e.path}") for e in entries]
    rows = sorted([*inside, *beside], key=lambda e: e.sort_key)
    with ManifestFile(write(tmp_path / "m", rows).path) as manifest:
        alone = MemoryManifest(entries).digest
        assert manifest.subtree_digest("dt=2026-05-01") == alone
        assert manifest.subtree_digest("dt=2026-05-01/") == alone


def test_many_row_groups_read_back(tmp_path: Path) -> None:
    count = 2 * schema.ROWS_PER_GROUP + 17
    written = write(tmp_path / "m", many(count))
    metadata = pq.read_metadata(written.path)
    assert metadata.num_row_groups == 3
    with ManifestFile(written.path) as manifest:
        assert list(manifest.entries()) == list(many(count))
        assert manifest.get("d0133/f07") == entry("d0133/f07", 13307)
        assert [f.path for f in manifest.folders(depth=1)][:2] == ["d0000/", "d0001/"]


def test_the_same_entries_give_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    here = write(tmp_path / "here", many(500)).sha256
    script = """
import sys, runpy
from pathlib import Path
test = runpy.run_path(sys.argv[1])
print(test["write"](Path(sys.argv[2]), test["many"](500)).sha256)
"""
    for seed in ("1", "2"):
        command = [sys.executable, "-c", script, __file__, str(tmp_path / f"there-{seed}")]
        run = subprocess.run(
            command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        )
        assert run.stdout.decode().strip() == here


def test_a_pin_changes_the_bytes_and_not_the_content_digest(tmp_path: Path) -> None:
    one = write(tmp_path / "one", [entry("a")])
    other = write(tmp_path / "other", [replace(entry("a"), version_id="another")])
    assert one.sha256 != other.sha256
    assert one.summary.digest == other.summary.digest
    assert one.summary.pin_digest != other.summary.pin_digest


def test_writing_needs_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "ROWS_PER_GROUP", 500)
    monkeypatch.setattr(schema, "FOLDERS_PER_GROUP", 100)
    write(tmp_path / "warm", many(10))

    def peak(count: int) -> int:
        tracemalloc.start()
        # A folder for each entry: the roll-up is as long as the manifest.
        write(tmp_path / "m", (entry(f"d{n:06}/f", n) for n in range(count)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak(20_000) < 1.5 * peak(5_000)


def test_a_writer_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="out of order"):
        write(tmp_path / "m", [entry("b"), entry("a")])
    assert files_in(tmp_path) == []


def test_a_writer_leaves_nothing_beside_the_file(tmp_path: Path) -> None:
    write(tmp_path / "m", many(10))
    assert files_in(tmp_path) == ["m"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": "bad\udcff.bin"}, "bad.*udcff.bin"),
        ({"uri": "file:///\udcff"}, "the URI of manifest entry 'a'"),
        ({"size": -3}, "impossible size"),
        ({"modified_at": MAY.replace(tzinfo=None)}, "no zone"),
        ({"path": ""}, "no path"),
    ],
)
def test_an_entry_that_cannot_be_recorded_is_named(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        write(tmp_path / "m", [replace(entry("a"), **change)])
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("limit", [0, 100, 3000, 60_000])
def test_a_full_disk_is_unavailable_says_so_and_leaves_no_file(tmp_path: Path, limit: int) -> None:
    # A limit on the size of files is the one full disk that needs no mount.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
    try:
        with pytest.raises(Unavailable, match="Free some space") as caught:
            write(tmp_path / "m", many(3000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert str(caught.value).isprintable()
    assert files_in(tmp_path) == []


def test_a_folder_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        ManifestWriter(tmp_path / "nowhere" / "m")


def test_a_folder_is_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot read the manifest"):
        ManifestFile(tmp_path)


def test_a_finished_writer_takes_no_more(tmp_path: Path) -> None:
    with ManifestWriter(tmp_path / "m") as writer:
        writer.extend([entry("a")])
        assert writer.finish() is writer.finish()
        with pytest.raises(InvalidInput, match="finished"):
            writer.extend([entry("b")])


def test_a_file_is_read_by_many_threads_and_other_processes(tmp_path: Path) -> None:
    manifest = ManifestFile(write(tmp_path / "m", many(3000)).path)
    paths = [f"d{n:04}/f{n % 100:02}" for n in range(30)]
    with ThreadPoolExecutor(8) as pool:
        assert [e.path for e in pool.map(manifest.get, paths)] == paths
    copy = pickle.loads(pickle.dumps(manifest))
    assert copy.summary == manifest.summary
    assert list(copy.entries("d0003/")) == list(manifest.entries("d0003/"))
    manifest.close()
    assert manifest.get("d0000/f00").path == "d0000/f00"


def test_opening_reads_only_the_footer(tmp_path: Path) -> None:
    written = write(tmp_path / "m", many(2000))
    data = bytearray(written.path.read_bytes())
    data[10:2000] = bytes(1990)
    written.path.write_bytes(data)
    assert ManifestFile(written.path).summary == written.summary


def test_other_parquet_readers_see_the_entries_alone(tmp_path: Path) -> None:
    written = write(tmp_path / "m", many(300))
    table = pq.read_table(written.path)
    assert table.column_names == schema.entry_schema().names
    assert table.num_rows == 300
    metadata = pq.read_metadata(written.path).metadata
    assert metadata[b"landfast.content_digest"].decode() == written.summary.digest


# -- newer and damaged files ---------------------------------------------------------------------


def rewrite(
    written: WrittenManifest,
    change: Callable[[pa.Table], pa.Table] = lambda table: table,
    **footer: str,
) -> Path:
    """Write the file again as another writer might."""
    table = pq.read_table(written.path)
    old = pq.read_metadata(written.path).metadata
    keys = {**old, **{f"landfast.{key}".encode(): value.encode() for key, value in footer.items()}}
    path = written.path.with_name("rewritten")
    start, length = map(int, old[b"landfast.folders"].split())
    rollup = written.path.read_bytes()[start : start + length]
    with pa.OSFile(str(path), "wb") as sink:
        table = change(table).replace_schema_metadata(None)
        writer = pq.ParquetWriter(sink, table.schema)
        writer.write_table(table)
        keys[b"landfast.folders"] = f"{sink.tell()} {length}".encode()
        sink.write(rollup)
        writer.add_key_value_metadata({k: v for k, v in keys.items() if v})
        writer.close()
    return path


def test_columns_and_keys_of_a_newer_minor_format_are_ignored(tmp_path: Path) -> None:
    written = write(tmp_path / "m", many(50))
    path = rewrite(
        written,
        lambda table: table.add_column(1, "colour", pa.array(["blue"] * 50)),
        format="1.7",
        mood="good",
    )
    with ManifestFile(path) as manifest:
        assert list(manifest.entries()) == list(many(50))
        assert manifest.summary == written.summary


def test_a_newer_major_format_says_to_upgrade(tmp_path: Path) -> None:
    path = rewrite(write(tmp_path / "m", many(5)), format="3.0")
    with pytest.raises(Conflict, match=r"format 3\.0.*pip install --upgrade landfast"):
        ManifestFile(path)


@pytest.mark.parametrize(
    ("change", "footer", "reason"),
    [
        (lambda t: t, {"format": ""}, "no landfast.format"),
        (lambda t: t, {"format": "new"}, "landfast.format='new'"),
        (lambda t: t, {"content_digest": ""}, "no landfast.content_digest"),
        (lambda t: t, {"count": "many"}, "landfast.count='many'"),
        (lambda t: t.slice(1), {}, "count"),
        (lambda t: t.drop_columns("uri"), {}, "uri"),
        (lambda t: t.set_column(0, "path", pa.array([None] * 5, pa.string())), {}, "null"),
    ],
)
def test_a_manifest_that_breaks_its_own_rules_is_a_conflict(
    tmp_path: Path, change: Callable[[pa.Table], pa.Table], footer: dict[str, str], reason: str
) -> None:
    path = rewrite(write(tmp_path / "m", many(5)), change, **footer)
    with pytest.raises(Conflict, match=reason) as caught:
        list(ManifestFile(path).entries())
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" * 3, b"{}", bytes(range(200, 256))])
def test_a_file_that_is_no_manifest_is_a_conflict_with_its_digest(
    tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / ("0" * 64)
    path.write_bytes(data)
    with pytest.raises(Conflict) as caught:
        ManifestFile(path)
    message = str(caught.value)
    assert message.isprintable()
    assert "expected the bytes with sha256 " + "0" * 64 in message
    assert hashlib.sha256(data).hexdigest() in message
    assert caught.value.__cause__ is None


def test_a_plain_parquet_file_is_no_manifest(tmp_path: Path) -> None:
    pq.write_table(pa.table({"path": ["a"]}), tmp_path / "m")
    with pytest.raises(Conflict, match=r"no landfast\.format"):
        ManifestFile(tmp_path / "m")


def test_a_truncated_file_is_a_conflict_at_every_length(tmp_path: Path) -> None:
    whole = write(tmp_path / "m", many(5)).path.read_bytes()
    path = tmp_path / "cut"
    for length in range(0, len(whole), 13):
        path.write_bytes(whole[:length])
        with pytest.raises(Conflict):
            list(ManifestFile(path).entries())


@given(st.data())
@settings(same_folder, max_examples=150)
def test_a_flipped_bit_is_never_a_crash_nor_another_row(
    tmp_path: Path, data: st.DataObject
) -> None:
    source = tmp_path / "m"
    if not source.exists():
        write(source, many(200))
    whole = bytearray(source.read_bytes())
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / "flipped"
    path.write_bytes(whole)
    try:
        with ManifestFile(path) as manifest:
            rows, totals = list(manifest.entries()), list(manifest.folders())
    except Conflict:
        return
    if place < footer:  # a page has a checksum; the footer has only the name of the blob
        assert rows == list(many(200))
        assert sum(t.count for t in totals if t.depth == 1) == 200


def test_the_name_of_the_blob_tells_any_damage(tmp_path: Path) -> None:
    written = write(tmp_path / "m", many(5))
    assert ManifestFile(written.path, sha256=written.sha256).summary == written.summary
    data = bytearray(written.path.read_bytes())
    data[-20] ^= 1
    written.path.write_bytes(data)
    with pytest.raises(Conflict, match=written.sha256):
        ManifestFile(written.path, sha256=written.sha256)


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        ManifestFile(tmp_path / "nowhere")


def test_a_missing_entry_is_not_found_by_its_path(tmp_path: Path) -> None:
    manifest = ManifestFile(write(tmp_path / "m", many(5)).path)
    with pytest.raises(NotFound, match="d0000/f99"):
        manifest.get("d0000/f99")


def test_the_footer_is_plain_text_for_other_tools(tmp_path: Path) -> None:
    written = write(tmp_path / "m", many(5))
    metadata = pq.read_metadata(written.path).metadata
    found = {key.decode(): value.decode() for key, value in metadata.items()}
    summary = written.summary
    assert json.loads(json.dumps(found)) == {
        "landfast.format": "1.0",
        "landfast.content_digest": summary.digest,
        "landfast.pin_digest": summary.pin_digest,
        "landfast.count": "5",
        "landfast.size": "10",
        "landfast.unverified": "0",
        "landfast.unpinned": "0",
        "landfast.folders": found["landfast.folders"],
    }


def test_a_file_is_hashed_once_in_a_process_while_it_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stat_cache, "SETTLED_S", -1)
    monkeypatch.setattr(stat_cache, "SETTLED_ON_NETWORK_S", -1)
    written = write(tmp_path / "m", many(10))
    hashed = []
    original = hashlib.file_digest

    def told(*args: object) -> object:
        hashed.append(args)
        return original(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(hashlib, "file_digest", told)
    for _ in range(3):
        assert len(ManifestFile(written.path, sha256=written.sha256)) == 10
    assert len(hashed) == 1
    with pytest.raises(Conflict, match="damaged"):
        ManifestFile(written.path, sha256="0" * 64)
    data = bytearray(written.path.read_bytes())
    data[100] ^= 1
    written.path.write_bytes(data)
    with pytest.raises(Conflict, match="damaged"):
        ManifestFile(written.path, sha256=written.sha256)


def test_a_file_of_a_moment_ago_is_hashed_again(tmp_path: Path) -> None:
    written = write(tmp_path / "m", many(10))
    status = written.path.stat()
    ManifestFile(written.path, sha256=written.sha256)
    data = bytearray(written.path.read_bytes())
    data[100] ^= 1
    written.path.write_bytes(data)
    os.utime(written.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(Conflict, match="damaged"):
        ManifestFile(written.path, sha256=written.sha256)
