"""BlobSuite: the contract of `landfast.blobs.base.BlobStore` as tests, to run over any implementation.

Subclass it, give it the fixture `blobs`, and pytest runs every test.

    class TestMyBlobs(BlobSuite):
        @pytest.fixture
        def blobs(self): return MyBlobStore(...)
"""

from __future__ import annotations

import hashlib
import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from landfast.blobs.base import BlobStore, LocalFile
from landfast.errors import Conflict, InvalidInput, NotFound

CHUNK_BYTES = 1 << 20


def write_blob(folder: Path, data: bytes) -> tuple[Path, str]:
    """Write a file to put, and return it with the name of its bytes."""
    digest = hashlib.sha256(data).hexdigest()
    path = folder / f"source-{digest[:16]}"
    path.write_bytes(data)
    return path, digest


def some_bytes(size: int, seed: int = 0) -> bytes:
    """Return bytes that do not repeat."""
    return random.Random(seed).randbytes(size)


class BlobSuite:
    """One test per promise of the blob contract."""

    @pytest.fixture
    def blobs(self) -> BlobStore:
        """Return an empty store."""
        raise NotImplementedError

    def damage(self, blobs: BlobStore, sha256: str, data: bytes) -> None:
        """Overwrite a stored blob behind the store's back; override where that can be done."""
        pytest.skip("this suite does not know how to damage a blob here")

    @pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, 3 * CHUNK_BYTES + 17])
    def test_fetch_returns_what_was_put(self, blobs: BlobStore, tmp_path: Path, size: int) -> None:
        source, digest = write_blob(tmp_path, some_bytes(size))
        blobs.put(source, digest)
        blobs.fetch(digest, tmp_path / "target")
        assert (tmp_path / "target").read_bytes() == source.read_bytes()

    def test_a_source_stays_as_it_was(self, blobs: BlobStore, tmp_path: Path) -> None:
        source, digest = write_blob(tmp_path, b"kept")
        blobs.put(source, digest)
        assert source.read_bytes() == b"kept"

    @pytest.mark.parametrize("count", [0, 2, 10])
    def test_files_that_are_put_together_are_all_there(
        self, blobs: BlobStore, tmp_path: Path, count: int
    ) -> None:
        files = []
        for number in range(count):
            data = b"%d" % number * number
            source, digest = write_blob(tmp_path, data)
            files.append(LocalFile(source.rename(tmp_path / f"{number}"), digest, len(data)))
        for file in files[:1]:
            blobs.put(file.path, file.sha256)
        for again in ((), {file.sha256 for file in files[:2]}):
            blobs.put_all(files, again=again)
            for file in files:
                assert b"".join(blobs.open(file.sha256)) == file.path.read_bytes()
        there = blobs.stat_all([*(file.sha256 for file in files), "0" * 64])
        assert {name: info.size for name, info in there.items()} == {
            file.sha256: file.size for file in files
        }

    def test_of_files_that_are_put_together_none_gets_a_wrong_name(
        self, blobs: BlobStore, tmp_path: Path
    ) -> None:
        files = []
        for number in range(6):
            source, digest = write_blob(tmp_path, b"%d" % number)
            files.append(LocalFile(source.rename(tmp_path / f"{number}"), digest, 1))
        files[3].path.write_bytes(b"x")
        with pytest.raises(InvalidInput) as caught:
            blobs.put_all(files)
        assert str(files[3].path) in str(caught.value)
        assert blobs.stat(files[3].sha256) is None

    def test_put_again_is_harmless_and_refreshes_the_age(
        self, blobs: BlobStore, tmp_path: Path
    ) -> None:
        source, digest = write_blob(tmp_path, b"twice")
        blobs.put(source, digest)
        first = blobs.stat(digest)
        blobs.put(source, digest)
        second = blobs.stat(digest)
        assert first is not None
        assert second is not None
        assert second.modified_at >= first.modified_at
        assert [info.sha256 for info in blobs.list()] == [digest]

    def test_bytes_of_another_name_are_refused_and_not_stored(
        self, blobs: BlobStore, tmp_path: Path
    ) -> None:
        source, _ = write_blob(tmp_path, b"these bytes")
        other = hashlib.sha256(b"other bytes").hexdigest()
        with pytest.raises(InvalidInput, match=other):
            blobs.put(source, other)
        assert blobs.stat(other) is None
        assert list(blobs.list()) == []

    @pytest.mark.parametrize(
        "name", ["", "ab", "../../etc/passwd", "A" * 64, "g" * 64, "a" * 64 + "\n", "a" * 63 + "/"]
    )
    def test_a_name_that_is_no_sha256_is_refused(
        self, blobs: BlobStore, tmp_path: Path, name: str
    ) -> None:
        source, _ = write_blob(tmp_path, b"x")
        for call in (
            lambda: blobs.put(source, name),
            lambda: blobs.fetch(name, tmp_path / "target"),
            lambda: list(blobs.open(name)),
            lambda: blobs.stat(name),
            lambda: blobs.delete(name),
            lambda: blobs.path(name),
        ):
            with pytest.raises(InvalidInput):
                call()

    def test_a_missing_blob_is_not_found_by_its_name_and_the_store(
        self, blobs: BlobStore, tmp_path: Path
    ) -> None:
        missing = hashlib.sha256(b"missing").hexdigest()
        assert blobs.stat(missing) is None
        with pytest.raises(NotFound, match=missing) as fetched:
            blobs.fetch(missing, tmp_path / "target")
        with pytest.raises(NotFound, match=missing):
            list(blobs.open(missing))
        assert blobs.url in str(fetched.value)
        assert list(tmp_path.glob("*target*")) == []

    def test_a_missing_source_is_not_found(self, blobs: BlobStore, tmp_path: Path) -> None:
        digest = hashlib.sha256(b"").hexdigest()
        with pytest.raises(NotFound, match="no-such-file"):
            blobs.put(tmp_path / "no-such-file", digest)
        assert blobs.stat(digest) is None

    def test_fetch_replaces_the_target_and_leaves_nothing_beside_it(
        self, blobs: BlobStore, tmp_path: Path
    ) -> None:
        source, digest = write_blob(tmp_path, b"new")
        folder = tmp_path / "folder"
        folder.mkdir()
        (folder / "target").write_bytes(b"old and longer")
        blobs.put(source, digest)
        blobs.fetch(digest, folder / "target")
        assert [(file.name, file.read_bytes()) for file in folder.iterdir()] == [("target", b"new")]

    def test_a_damaged_blob_is_a_conflict_and_leaves_the_target_alone(
        self, blobs: BlobStore, tmp_path: Path
    ) -> None:
        source, digest = write_blob(tmp_path, b"good bytes")
        folder = tmp_path / "folder"
        folder.mkdir()
        (folder / "target").write_bytes(b"before")
        blobs.put(source, digest)
        self.damage(blobs, digest, b"evil bytes")
        with pytest.raises(Conflict, match=digest):
            blobs.fetch(digest, folder / "target")
        assert [(file.name, file.read_bytes()) for file in folder.iterdir()] == [
            ("target", b"before")
        ]

    def test_a_blob_of_another_size_is_written_anew(self, blobs: BlobStore, tmp_path: Path) -> None:
        source, digest = write_blob(tmp_path, b"good bytes")
        blobs.put(source, digest)
        self.damage(blobs, digest, b"short")
        blobs.put(source, digest)
        assert b"".join(blobs.open(digest)) == b"good bytes"

    @pytest.mark.parametrize("size", [10, 3 * CHUNK_BYTES + 17])
    def test_a_blob_with_other_bytes_of_the_same_size_is_written_anew(
        self, blobs: BlobStore, tmp_path: Path, size: int
    ) -> None:
        source, digest = write_blob(tmp_path, some_bytes(size))
        assert not blobs.holds(digest, source)
        blobs.put(source, digest)
        assert blobs.holds(digest, source)
        self.damage(blobs, digest, some_bytes(size, seed=1))
        assert not blobs.holds(digest, source)
        blobs.put(source, digest)
        assert blobs.holds(digest, source)
        assert b"".join(blobs.open(digest)) == source.read_bytes()

    @pytest.mark.parametrize("start", [0, 1, CHUNK_BYTES, 2 * CHUNK_BYTES + 4])
    def test_open_yields_the_bytes_from_an_offset_in_chunks(
        self, blobs: BlobStore, tmp_path: Path, start: int
    ) -> None:
        data = some_bytes(2 * CHUNK_BYTES + 5)
        source, digest = write_blob(tmp_path, data)
        blobs.put(source, digest)
        chunks = list(blobs.open(digest, start=start))
        assert b"".join(chunks) == data[start:]
        assert all(0 < len(chunk) <= CHUNK_BYTES for chunk in chunks)

    def test_open_of_an_empty_blob_yields_nothing(self, blobs: BlobStore, tmp_path: Path) -> None:
        source, digest = write_blob(tmp_path, b"")
        blobs.put(source, digest)
        assert b"".join(blobs.open(digest)) == b""

    def test_stat_tells_name_size_and_utc_time(self, blobs: BlobStore, tmp_path: Path) -> None:
        source, digest = write_blob(tmp_path, b"12345")
        blobs.put(source, digest)
        info = blobs.stat(digest)
        assert info is not None
        assert (info.sha256, info.size) == (digest, 5)
        assert info.modified_at.utcoffset() == timedelta(0)
        assert abs(info.modified_at - datetime.now(UTC)) < timedelta(minutes=10)

    def test_list_yields_every_blob_once(self, blobs: BlobStore, tmp_path: Path) -> None:
        sizes = {}
        for number in range(12):
            source, digest = write_blob(tmp_path, b"x" * number)
            blobs.put(source, digest)
            sizes[digest] = number
        listed = list(blobs.list())
        assert len(listed) == len(sizes)
        assert {info.sha256: info.size for info in listed} == sizes
        assert all(blobs.stat(info.sha256) == info for info in listed)

    def test_list_of_a_store_that_nobody_wrote_to_is_empty(self, blobs: BlobStore) -> None:
        assert list(blobs.list()) == []

    def test_delete_removes_and_deleting_again_is_no_error(
        self, blobs: BlobStore, tmp_path: Path
    ) -> None:
        source, digest = write_blob(tmp_path, b"gone")
        kept, kept_digest = write_blob(tmp_path, b"kept")
        blobs.put(source, digest)
        blobs.put(kept, kept_digest)
        blobs.delete(digest)
        blobs.delete(digest)
        assert blobs.stat(digest) is None
        assert [info.sha256 for info in blobs.list()] == [kept_digest]
        blobs.put(source, digest)
        assert b"".join(blobs.open(digest)) == b"gone"

    def test_path_is_that_of_the_bytes_if_there_is_one(
        self, blobs: BlobStore, tmp_path: Path
    ) -> None:
        source, digest = write_blob(tmp_path, b"in place")
        assert blobs.path(digest) is None
        blobs.put(source, digest)
        path = blobs.path(digest)
        assert path is None or path.read_bytes() == b"in place"

    def test_many_threads_may_put_and_read_the_same_blob(
        self, blobs: BlobStore, tmp_path: Path
    ) -> None:
        data = some_bytes(CHUNK_BYTES + 1)
        source, digest = write_blob(tmp_path, data)

        def put_and_read(_: int) -> bool:
            blobs.put(source, digest)
            return b"".join(blobs.open(digest)) == data

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(put_and_read, range(16)))
        assert [info.sha256 for info in blobs.list()] == [digest]

    def test_a_store_that_nobody_labelled_has_no_label(self, blobs: BlobStore) -> None:
        assert blobs.label() is None

    def test_a_label_is_no_blob_and_comes_back(self, blobs: BlobStore) -> None:
        blobs.set_label(b"mine", new=True)
        assert blobs.label() == b"mine"
        assert list(blobs.list()) == []

    def test_a_new_label_leaves_the_one_that_is_there(self, blobs: BlobStore) -> None:
        blobs.set_label(b"first", new=True)
        blobs.set_label(b"second", new=True)
        assert blobs.label() == b"first"
        blobs.set_label(b"third", new=False)
        assert blobs.label() == b"third"

    def test_of_many_that_label_at_once_one_wins(self, blobs: BlobStore) -> None:
        names = [f"writer {number}".encode() for number in range(8)]

        def label(name: bytes) -> bytes | None:
            blobs.set_label(name, new=True)
            return blobs.label()

        with ThreadPoolExecutor(8) as pool:
            seen = set(pool.map(label, names))
        assert seen == {blobs.label()}
        assert seen <= set(names)

    def test_a_pickled_store_is_the_same_store(self, blobs: BlobStore, tmp_path: Path) -> None:
        source, digest = write_blob(tmp_path, b"pickled")
        blobs.put(source, digest)
        copy = pickle.loads(pickle.dumps(blobs))
        assert copy.url == blobs.url
        assert b"".join(copy.open(digest)) == b"pickled"

    def test_the_url_opens_no_secret(self, blobs: BlobStore) -> None:
        assert "@" not in blobs.url
        assert "?" not in blobs.url
