"""What others do to a download's folder: edits that hide their time, links that lead elsewhere, lost power."""

import itertools
import mmap
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from kit.servers.moto import Moto
from landfast.cache import BlobCache
from landfast.download.folder import MarkedFolder
from landfast.download.run import DownloadReport, download
from landfast.errors import Conflict, LandfastError
from landfast.model.reference import Reference
from landfast.stores.opener import Stores
from landfast.system.open_folder import OpenFolder
from landfast.system.state_file import StateFile
from landfast.verify.run import verify

Download = Callable[..., DownloadReport]


def tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".landfast" not in path.parts
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "target"


@pytest.fixture
def get(stores: Stores, root: Path) -> Download:
    def get(scanned: Any, **options: Any) -> DownloadReport:
        usual = {"stores": stores, "cache": None, "identity": "e/p/c:v0 lf1:0", "root": root}
        return download([(scanned.manifest, scanned.sources)], **usual | options)

    return get


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory, where a store through a mapping leaves no trace at all."""
    folder = Path("/dev/shm") / f"landfast-test-{os.getpid()}"
    if not folder.parent.is_dir():
        pytest.skip("there is no /dev/shm")
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


# Edits


def put_back(path: Path, edit: Callable[[Path], None]) -> None:
    """Edit a file, and give it the modification time that it had."""
    status = path.stat()
    edit(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def write_over(path: Path) -> None:
    path.write_bytes(b"EDITED!!")


def write_one_byte(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"R")


def write_mapped(path: Path) -> None:
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as view:
        view[0] = ord("R")


def replace_it(path: Path) -> None:
    path.with_name("new").write_bytes(b"REPLACED"[: path.stat().st_size])
    path.with_name("new").replace(path)


EDITS = [write_over, write_one_byte, write_mapped, replace_it]


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("checksum", [None, False], ids=["token", "no token"])
def test_mend_05_an_edit_is_noticed_though_its_time_was_put_back(
    s3: Moto, scan: Any, get: Download, root: Path, edit: Any, checksum: Any
) -> None:
    bucket = s3.bucket("Enabled")
    for name in ("x", "sub/y", "z"):
        s3.put(bucket, f"d/{name}", b"recorded")
    scanned = scan(Reference(f"s3://{bucket}/d/", checksum=checksum))
    get(scanned)
    before = (root / "x").stat()
    put_back(root / "x", edit)
    put_back(root / "sub/y", edit)
    after = (root / "x").stat()
    assert (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    report = get(scanned)
    assert tree(root) == dict.fromkeys(("x", "sub/y", "z"), b"recorded")
    assert (report.fetched, report.already_there) == (2, 1)
    assert get(scanned).already_there == 3


@pytest.mark.parametrize("checksum", [None, False], ids=["token", "no token"])
def test_mend_05_files_in_memory_are_read_again_and_not_believed(
    s3: Moto, scan: Any, get: Download, memory: Path, checksum: Any
) -> None:
    bucket = s3.bucket("Enabled")
    for name in "xy":
        s3.put(bucket, f"d/{name}", b"recorded")
    scanned = scan(Reference(f"s3://{bucket}/d/", checksum=checksum))
    get(scanned, root=memory)
    with (memory / "x").open("r+b") as file, mmap.mmap(file.fileno(), 0) as view:
        view[0] = ord("r")
        get(scanned, root=memory)
        view[0] = ord("R")  # its page is written to already: no time moves
    report = get(scanned, root=memory)
    assert tree(memory) == dict.fromkeys("xy", b"recorded")
    assert (report.fetched, report.already_there) == (1, 1)


def test_mend_05_a_mapping_that_was_there_at_the_last_look_leaves_a_trace(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    """The bytes are right when they are looked at, and the page is written to again afterwards."""
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    get(scanned)
    with (root / "x").open("r+b") as file, mmap.mmap(file.fileno(), 0) as view:
        view[0] = ord("R")
        view[0] = ord("r")
        assert get(scanned).already_there == 1
        view[0] = ord("R")
        assert get(scanned).fetched == 1
    assert tree(root) == {"x": b"recorded"}


def test_mend_05_a_touched_file_without_a_token_is_known_by_its_bytes(
    s3: Moto, scan: Any, get: Download, root: Path, tmp_path: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"recorded")
    scanned = scan(Reference(f"s3://{bucket}/d/", checksum=False))
    cache = BlobCache(tmp_path / "cache")
    for link in ("copy", "hard"):
        get(scanned, cache=cache, link=link, root=root / link)
        os.utime(root / link / "x")
        (root / link / "x").chmod(0o400)
        os.link(root / link / "x", tmp_path / f"one more name {link}")
        assert get(scanned, cache=cache, link=link, root=root / link).already_there == 1


# Links


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").write_bytes(b"precious")
    return tmp_path / "outside"


def untouched(outside: Path) -> bool:
    return {path.name for path in outside.rglob("*")} == {"precious"} and tree(outside) == {
        "precious": b"precious"
    }


@pytest.fixture
def local(tmp_path: Path, scan: Any) -> Any:
    for n in range(60):
        for folder in ("sub", "sub/deep/er"):
            (tmp_path / "source" / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / "source" / folder / f"{n:02}").write_bytes(b"%d" % n)
    return scan(f"{tmp_path}/source/")


@pytest.mark.parametrize("workers", [1, 8])
@pytest.mark.parametrize("swapped", ["sub", "sub/deep", "sub/deep/er"])
def test_mend_05_a_folder_that_becomes_a_link_meanwhile_takes_no_file_out(
    local: Any, get: Download, root: Path, outside: Path, swapped: str, workers: int
) -> None:
    numbers = itertools.count()

    def swap(done: int, total: int | None) -> None:
        folder = root / swapped
        # Until it is the link: other threads make the folder anew as soon as it is gone.
        while folder.is_dir() and not folder.is_symlink():
            folder.rename(root / f"aside-{next(numbers)}")
            with suppress(FileExistsError, FileNotFoundError):
                folder.symlink_to(outside)

    with pytest.raises(Conflict, match="A download follows no symlinks"):
        get(local, progress=swap, workers=workers)
    assert untouched(outside)


def test_mend_05_a_folder_that_is_swapped_to_and_fro_takes_no_file_out(
    local: Any, get: Download, root: Path, outside: Path
) -> None:
    """Between every two bytes of progress the folder is the real one or the link."""
    aside = root / "aside"

    def swap(done: int, total: int | None) -> None:
        folder = root / "sub"
        # Other threads make the folder anew as soon as it is gone: then it stays what it is this time.
        with suppress(OSError):
            if folder.is_symlink():
                folder.unlink()
                aside.rename(folder)
            elif folder.is_dir():
                folder.rename(aside)
                folder.symlink_to(outside)

    for _ in range(20):
        with suppress(LandfastError):
            get(local, progress=swap, workers=8)
    assert untouched(outside)


@pytest.mark.parametrize("linked", ["", "parts", "identity.json", "state.sqlite3"])
def test_mend_05_links_at_the_marker_and_in_it_are_not_followed(
    s3: Moto, scan: Any, get: Download, root: Path, outside: Path, tmp_path: Path, linked: str
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    place = root / ".landfast" / linked if linked else root / ".landfast"
    place.parent.mkdir(parents=True)
    is_file = linked not in {"", "parts"}
    place.symlink_to(outside / "database" if is_file else outside)
    if linked == "state.sqlite3":
        with sqlite3.connect(tmp_path / "users") as connection:
            connection.execute("CREATE TABLE mine (x)")
        place.unlink()
        place.symlink_to(tmp_path / "users")
        before = (tmp_path / "users").read_bytes()
        get(scanned)
        assert (tmp_path / "users").read_bytes() == before
    else:
        with pytest.raises(LandfastError):
            get(scanned)
    assert untouched(outside)


@pytest.mark.parametrize("swapped", ["", "parts"])
def test_mend_05_a_marker_that_becomes_a_link_meanwhile_takes_nothing_out(
    local: Any, get: Download, root: Path, outside: Path, swapped: str
) -> None:
    def swap(done: int, total: int | None) -> None:
        folder = root / ".landfast" / swapped if swapped else root / ".landfast"
        if folder.is_dir() and not folder.is_symlink():
            folder.rename(root / "aside")
            folder.symlink_to(outside)

    with suppress(LandfastError):
        get(local, progress=swap)
    assert untouched(outside)


@pytest.mark.parametrize("link", ["copy", "hard"])
def test_mend_05_bytes_of_the_cache_stay_inside_too(
    s3: Moto, scan: Any, get: Download, root: Path, outside: Path, tmp_path: Path, link: str
) -> None:
    bucket, cache = s3.bucket("Enabled"), BlobCache(tmp_path / "cache")
    for n in range(20):
        s3.put(bucket, f"d/sub/{n}", b"%d" % n)
    scanned = scan(f"s3://{bucket}/d/")
    get(scanned, cache=cache, root=tmp_path / "first")

    def swap(done: int, total: int | None) -> None:
        for folder in (root / "sub", root / ".landfast" / "parts"):
            if folder.is_dir() and not folder.is_symlink():
                folder.rename(root / f"aside-{folder.name}")
                folder.symlink_to(outside)

    with pytest.raises(LandfastError):
        get(scanned, cache=cache, link=link, progress=swap, workers=1)
    assert untouched(outside)


def test_mend_05_what_exact_removes_lies_in_the_folder(
    local: Any, get: Download, root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    get(local)
    (root / "more" / "deep").mkdir(parents=True)
    (root / "more" / "deep" / "y").touch()
    fwalk = os.fwalk

    def swapping(*arguments: Any, **options: Any) -> Any:
        for row in fwalk(*arguments, **options):
            if (root / "more").is_dir() and not (root / "more").is_symlink():
                (root / "more").rename(root / "aside")
                (root / "more").symlink_to(outside)
            yield row

    monkeypatch.setattr(os, "fwalk", swapping)
    get(local, exact=True)
    assert untouched(outside)


# A folder of one's own


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("spelling", ["itself", "by a link", "by a name of the reference"])
def test_mend_11b_a_source_folder_is_never_taken_for_a_download(
    scan: Any, get: Download, tmp_path: Path, replace: bool, spelling: str
) -> None:
    source = tmp_path / "work" / "data"
    source.mkdir(parents=True)
    (source / "x").write_bytes(b"recorded")
    scanned = scan(f"{source}/")
    root = source
    if spelling == "by a link":
        root = tmp_path / "link"
        root.symlink_to(source)
    elif spelling == "by a name of the reference":
        scanned, root = scan(Reference(f"{source}/", name="data")), source.parent
    with pytest.raises(Conflict, match="was not made by a download"):
        get(scanned, root=root, replace=replace)
    assert not list(tmp_path.rglob(".landfast"))
    (source / "x").write_bytes(b"edited")
    with pytest.raises(Conflict, match="was not made by a download"):
        get(scanned, root=root, replace=replace)
    assert tree(source) == {"x": b"edited"}


def test_mend_11b_files_of_ones_own_are_taken_over_only_when_asked_and_equal(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    for name in ("same", "sub/other", "missing"):
        s3.put(bucket, f"d/{name}", b"recorded")
    scanned = scan(f"s3://{bucket}/d/")
    (root / "sub").mkdir(parents=True)
    mine = {"same": b"recorded", "sub/other": b"my own work", "sub/more": b"untouched"}
    for name, data in mine.items():
        (root / name).write_bytes(data)
    with pytest.raises(Conflict) as caught:
        get(scanned)
    assert caught.value.details["paths"] == ("same", "sub/other")
    assert tree(root) == mine
    with pytest.raises(Conflict) as caught:
        get(scanned, replace=True)
    assert caught.value.details["paths"] == ("sub/other",)
    assert tree(root) == mine
    (root / "sub/other").unlink()
    report = get(scanned, replace=True)
    assert (report.fetched, report.already_there, report.removed) == (2, 1, 0)
    recorded = dict.fromkeys(("same", "sub/other", "missing"), b"recorded")
    assert tree(root) == recorded | {"sub/more": b"untouched"}


def test_mend_11b_a_folder_with_other_names_takes_a_download(
    s3: Moto, scan: Any, get: Download, root: Path
) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"recorded")
    root.mkdir()
    (root / "more").write_bytes(b"mine")
    get(scan(f"s3://{bucket}/d/"))
    assert tree(root) == {"x": b"recorded", "more": b"mine"}


def test_mend_11b_a_marker_is_neither_an_entry_nor_added_at_the_source(
    s3: Moto, scan: Any, get: Download, root: Path, stores: Stores
) -> None:
    """A downloaded folder is logged, and its copy in a bucket too."""
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/x", b"recorded")
    get(scan(f"s3://{bucket}/d/"))
    (root / "sub").mkdir()
    shutil.copytree(root / ".landfast", root / "sub" / ".landfast")
    for path in root.rglob("*"):
        if path.is_file():
            s3.put(bucket, f"copy/{path.relative_to(root)}", path.read_bytes())
    s3.put(bucket, "copy/.landfast/", b"")
    for uri in (f"{root}/", f"s3://{bucket}/copy/"):
        scanned = scan(uri)
        assert [entry.path for entry in scanned.manifest.entries()] == ["x"]
        report = verify(scanned.manifest, scanned.sources, stores)
        assert report.summary == "1 intact"


# Lost power


def test_mend_05_files_are_on_their_disk_before_they_are_remembered(
    local: Any, get: Download, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, int]] = []
    sync_all, fsync, write = OpenFolder.sync_all, os.fsync, StateFile._write

    def syncing_all(folder: OpenFolder) -> bool:
        is_done = sync_all(folder)
        if is_done:
            done.append(("all", len(tree(root))))
        return is_done

    def syncing(handle: int) -> None:
        fsync(handle)
        done.append(("one", os.fstat(handle).st_ino))

    def writing(state: StateFile, connection: Any, rows: Any) -> None:
        done.append(("remembered", len(rows)))
        write(state, connection, rows)

    monkeypatch.setattr(OpenFolder, "sync_all", syncing_all)
    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(StateFile, "_write", writing)
    get(local)
    kinds = [kind for kind, _ in done]
    remembered = [at for at, kind in enumerate(kinds) if kind == "remembered"]
    assert sum(done[at][1] for at in remembered) == 120
    synced = 0
    for at in remembered:
        before = done[synced:at]
        if not any(kind == "all" for kind, _ in before):
            assert len({ino for kind, ino in before if kind == "one"}) >= done[at][1]
        synced = at + 1
    assert kinds.count("one") <= 1 + 16 * len(remembered)  # the marker's, and small batches


def test_mend_05_what_could_not_be_forced_to_disk_is_not_remembered(
    local: Any, get: Download, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(handle: int) -> None:
        raise OSError(5, "Input/output error")

    get(local, paths=["sub/00"])
    monkeypatch.setattr(OpenFolder, "sync_all", lambda folder: False)
    monkeypatch.setattr(os, "fsync", failing)
    get(local)
    with sqlite3.connect(root / ".landfast" / "state.sqlite3") as connection:
        assert connection.execute("SELECT path FROM files").fetchall() == [(b"sub/00",)]


@pytest.mark.parametrize("exact", [False, True])
def test_mend_11b_what_another_process_downloads_meanwhile_is_a_downloads_own(
    local: Any, get: Download, monkeypatch: pytest.MonkeyPatch, exact: bool
) -> None:
    check = MarkedFolder.check

    def check_and_be_overtaken(self: MarkedFolder, **options: bool) -> bool:
        found = check(self, **options)
        monkeypatch.setattr(MarkedFolder, "check", check)
        get(local)
        return found

    monkeypatch.setattr(MarkedFolder, "check", check_and_be_overtaken)
    assert get(local, exact=exact).already_there == 120
