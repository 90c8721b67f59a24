"""A store belongs to one registry: another one, and a copy of it, may read it and no more."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from landfast import Client
from landfast.cli import main
from landfast.errors import Conflict
from landfast.registry.opener import init_registry

NOW = timedelta(0)


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def files_of(client: Client, name: str) -> list[str]:
    return [entry.path for entry in client.get(name).manifest.entries()]


def copy_database(source: Path, target: Path) -> Path:
    """Back up, as the documentation has it."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)
    return target


def as_before(path: Path) -> None:
    """Make a registry as they were made before stores had labels: its blobs lie in `blobs` beside it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE registry SET store_url = NULL")
        connection.commit()


def cli(*arguments: str) -> str:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_mend_00_registries_of_one_folder_have_stores_of_their_own(
    tmp_path: Path, data: Path
) -> None:
    one, other = (Client(url_of(tmp_path / "x" / name)) for name in ("a.db", "b.db"))
    one.log("d", data)
    other.registry.ticket()
    other.gc(grace=NOW, dry_run=False)
    other.gc(grace=NOW, dry_run=False)
    assert files_of(one, "d") == ["a.txt"]
    assert one.registry.info.store_url == (tmp_path / "x" / "a.blobs").as_uri() + "/"
    assert other.registry.info.store_url == (tmp_path / "x" / "b.blobs").as_uri() + "/"


def test_mend_00_files_of_one_stem_have_stores_of_their_own(tmp_path: Path, data: Path) -> None:
    one, other = (Client(url_of(tmp_path / name)) for name in ("a.db", "a.sqlite"))
    one.log("d", data)
    other.log("d", data)
    assert one.registry.info.store_url != other.registry.info.store_url


def test_mend_00_another_registrys_store_is_refused_by_init_writers_and_gc(
    tmp_path: Path, data: Path, store: str
) -> None:
    one = Client(url_of(tmp_path / "a.db"), store_url=store)
    one.init_registry()
    one.log("d", data)
    second = url_of(tmp_path / "b.db")
    with pytest.raises(
        Conflict, match=r"belongs to another registry.*found " + one.registry.info.id
    ):
        Client(second, store_url=store).init_registry()
    assert not (tmp_path / "b.db").exists()
    # Whoever comes in another way is refused before the first blob is written.
    init_registry(second, store)
    other = Client(second)
    before = {info.sha256 for info in one.context.blobs.list()}
    for write in (
        lambda: other.log("e", data),
        lambda: other.log_artifact(_with_a_file(other, data)),
        lambda: other.scan_shard(other.plan(str(data) + "/").shards[0]),
        lambda: other.gc(grace=NOW),
        lambda: other.gc(grace=NOW, dry_run=False),
    ):
        with pytest.raises(Conflict, match="landfast registry fork sqlite:"):
            write()
    assert {info.sha256 for info in one.context.blobs.list()} == before
    assert files_of(one, "d") == ["a.txt"]


def _with_a_file(client: Client, data: Path):
    from landfast import Artifact

    draft = Artifact("f", "dataset", client=client)
    draft.add_file(data / "a.txt")
    return draft


def test_mend_00_two_inits_of_one_store_cannot_both_win(tmp_path: Path, store: str) -> None:
    clients = [Client(url_of(tmp_path / f"{number}.db"), store_url=store) for number in range(6)]

    def init(client: Client) -> str | None:
        try:
            return client.init_registry().id
        except Conflict:
            return None

    with ThreadPoolExecutor(6) as pool:
        ids = [made for made in pool.map(init, clients) if made]
    assert len(ids) == 1


def test_mend_00_a_store_with_foreign_blobs_is_not_taken_by_a_new_registry(
    tmp_path: Path, data: Path, store: str
) -> None:
    one = Client(url_of(tmp_path / "a.db"), store_url=store)
    one.log("d", data)
    _unlabel(one)
    with pytest.raises(Conflict, match="holds blobs of another registry"):
        Client(url_of(tmp_path / "b.db"), store_url=store).init_registry()
    init_registry(url_of(tmp_path / "c.db"), store)
    with pytest.raises(Conflict, match="holds blobs of another registry"):
        Client(url_of(tmp_path / "c.db")).log("e", data)
    # Its own registry labels it.
    again = Client(url_of(tmp_path / "a.db"))
    again.log("d", data)
    assert json.loads(again.context.blobs.label() or b"{}")["registry"] == one.registry.info.id


def _unlabel(client: Client) -> None:
    url = client.context.blobs.url
    if url.startswith("file:"):
        (Path(url.removeprefix("file://")) / "landfast-store.json").unlink()
    else:
        root = client.context.blobs._objects.root.key
        client.context.blobs._objects.delete(root + "landfast-store.json")


def test_mend_00_blobs_from_before_the_label_that_a_registry_does_not_know_stay(
    tmp_path: Path, data: Path
) -> None:
    store = str(tmp_path / "store")
    one = Client(url_of(tmp_path / "a.db"), store_url=store)
    one.log("d", data)
    _unlabel(one)
    init_registry(url_of(tmp_path / "b.db"), store)
    other = Client(url_of(tmp_path / "b.db"))
    for name in ("b.txt", "c.txt"):
        (data / name).write_bytes(b"other")
    other.context.__dict__["owned_blobs"] = (
        other.context.blobs
    )  # as it was written before there were labels
    other.log("e", data)
    for _ in range(3):
        Client(url_of(tmp_path / "a.db")).gc(grace=NOW, dry_run=False)
    assert files_of(Client(url_of(tmp_path / "b.db")), "e") == ["a.txt", "b.txt", "c.txt"]


@pytest.fixture
def shared(tmp_path: Path, data: Path) -> tuple[Path, Path]:
    """Two registries from before, with their blobs in one folder."""
    folder = tmp_path / "x"
    paths = folder / "a.db", folder / "b.db"
    for path in paths:
        init_registry(url_of(path))
        as_before(path)
        (data / f"{path.stem}.txt").write_bytes(b"more")
        client = Client(url_of(path))
        client.context.__dict__["owned_blobs"] = client.context.blobs
        client.log("d", data)
        client.close()
    assert (folder / "blobs" / "blobs").exists()
    return paths


def test_mend_00_of_two_old_registries_in_one_folder_the_first_adopts_the_store(
    shared: tuple[Path, Path], data: Path, tmp_path: Path
) -> None:
    one, other = (Client(url_of(path)) for path in shared)
    one.log("more", data)
    with pytest.raises(Conflict, match="belongs to another registry"):
        other.log("more", data)
    assert files_of(other, "d") == ["a.txt", "b.txt"]
    with pytest.raises(Conflict, match=r"registry fork sqlite:///.*b\.db --store URL"):
        one.gc(grace=NOW, dry_run=False)
    # The way out that both messages tell.
    cli("registry", "fork", url_of(shared[1]), "--store", str(tmp_path / "own"))
    one.delete("d", delete_aliases=True)
    for _ in range(3):
        one.gc(grace=NOW, dry_run=False)
    forked = Client(url_of(shared[1]))
    assert files_of(forked, "d") == ["a.txt", "b.txt"]
    assert forked.log("more", data).created
    assert forked.gc(grace=NOW, dry_run=False).orphans.count == 0


def test_mend_00_an_old_registry_goes_on_with_its_store(tmp_path: Path, data: Path) -> None:
    path = tmp_path / "x" / "registry.db"
    init_registry(url_of(path))
    as_before(path)
    client = Client(url_of(path))
    client.log("d", data)
    assert client.registry_info.store_url == (path.parent / "blobs").as_uri() + "/"
    client.close()
    shutil.move(path.parent, tmp_path / "y")
    moved = Client(url_of(tmp_path / "y" / "registry.db"))
    moved.log("e", data)
    assert files_of(moved, "d") == files_of(moved, "e") == ["a.txt"]


@pytest.mark.parametrize("adoption", [as_before, lambda _: None])
def test_mend_00_a_copy_beside_may_read_and_not_write_nor_collect(
    tmp_path: Path, data: Path, adoption: Callable[[Path], None]
) -> None:
    path = tmp_path / "x" / "registry.db"
    init_registry(url_of(path))
    adoption(path)
    client = Client(url_of(path))
    client.log("d", data)
    copied = Client(url_of(copy_database(path, path.with_name("copy.db"))))
    (data / "b.txt").write_bytes(b"b")
    client.log("d", data)
    for refused in (
        lambda: copied.log("d", data),
        lambda: copied.gc(grace=NOW),
        lambda: copied.gc(grace=NOW, dry_run=False),
    ):
        with pytest.raises(
            Conflict, match=r"the registry that this one is a copy of.*registry adopt"
        ):
            refused()
    assert files_of(copied, "d") == ["a.txt"]
    assert files_of(client, "d") == ["a.txt", "b.txt"]
    client.gc(grace=NOW, dry_run=False)


def test_mend_00_a_copy_gets_an_id_and_a_store_of_its_own_on_request(
    tmp_path: Path, data: Path, store: str
) -> None:
    path = tmp_path / "registry.db"
    client = Client(url_of(path))
    client.log("d", data)
    client.log_artifact(_with_a_file(client, data))
    copy = copy_database(path, tmp_path / "copy.db")
    told = json.loads(cli("registry", "fork", url_of(copy), "--store", store, "--json"))
    assert told["id"] != client.registry_info.id
    client.delete("d", delete_aliases=True)
    client.gc(grace=NOW, dry_run=False)
    forked = Client(url_of(copy))
    assert files_of(forked, "d") == ["a.txt"]
    with forked.open("f", "a.txt") as file:
        assert file.read() == b"a"
    (data / "b.txt").write_bytes(b"b")
    assert forked.log("d", data).version == "v1"
    assert forked.gc(grace=NOW, dry_run=False).deleted.count == 0
    with pytest.raises(Conflict, match="belongs to another registry"):
        Client(url_of(copy_database(path, tmp_path / "third.db"))).fork_registry(store)


def test_mend_00_a_registry_moved_away_from_its_store_is_adopted_on_request(
    tmp_path: Path, data: Path, store: str
) -> None:
    client = Client(url_of(tmp_path / "a.db"), store_url=store)
    client.log("d", data)
    client.close()
    (tmp_path / "elsewhere").mkdir()
    moved = shutil.move(tmp_path / "a.db", tmp_path / "elsewhere" / "a.db")
    with pytest.raises(Conflict, match=r"If the registry was moved, run: landfast registry adopt"):
        Client(url_of(moved)).log("e", data)
    cli("registry", "adopt", url_of(moved))
    assert Client(url_of(moved)).log("e", data).created


def test_mend_00_file_and_store_that_move_together_just_go_on(tmp_path: Path, data: Path) -> None:
    before = Client(url_of(tmp_path / "x" / "a.db"))
    before.log("d", data)
    before.close()
    (tmp_path / "x").rename(tmp_path / "y")
    (tmp_path / "link").symlink_to(tmp_path / "y")
    for folder in ("y", "link"):
        client = Client(url_of(tmp_path / folder / "a.db"))
        assert client.log(f"in-{folder}", data).created
        assert files_of(client, "d") == ["a.txt"]


def test_mend_00_a_database_of_postgresql_is_told_from_its_copy(
    postgres_url: str, tmp_path: Path, data: Path
) -> None:
    client = Client(postgres_url, store_url=str(tmp_path / "store"))
    assert client.init_registry() == client.init_registry()
    client.log("d", data)
    # Another spelling of the host is the same database.
    assert Client(postgres_url.replace("127.0.0.1", "localhost")).log("e", data).created
    label = json.loads(client.context.blobs.label() or b"{}")
    assert label["database"] == client.registry_info.database
    assert client.gc(grace=NOW, dry_run=False).deleted.count == 0
    client.context.blobs.set_label(
        json.dumps({**label, "database": "production"}).encode(), new=False
    )
    with pytest.raises(Conflict, match=r"that this one is a copy of.*expected the database"):
        Client(postgres_url).gc(grace=NOW)


def test_mend_00_a_label_that_cannot_be_read_is_a_conflict(
    tmp_path: Path, data: Path, store: str
) -> None:
    client = Client(url_of(tmp_path / "a.db"), store_url=store)
    client.ticket()
    for label in (b"", b"[]", b"\xff", b'{"registry": 1}', b'"text"'):
        client.context.blobs.set_label(label, new=False)
        with pytest.raises(Conflict, match=r"label of the store .* cannot be read"):
            Client(url_of(tmp_path / "a.db")).log("d", data)
    client.adopt_store()
    assert Client(url_of(tmp_path / "a.db")).log("d", data).created


def test_mend_00_a_relative_store_is_the_same_in_every_working_folder(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    cli("registry", "init", url_of(tmp_path / "a.db"), "--store", "blobs-of-a")
    monkeypatch.chdir(tmp_path)
    Client(url_of(tmp_path / "a.db")).log("d", data)
    assert list((here / "blobs-of-a").iterdir())
    assert not (tmp_path / "blobs-of-a").exists()


def test_mend_00_reading_labels_nothing(tmp_path: Path, data: Path) -> None:
    path = tmp_path / "a.db"
    client = Client(url_of(path))
    client.log("d", data)
    _unlabel(client)
    reader = Client(url_of(path))
    assert files_of(reader, "d") == ["a.txt"]
    reader.gc(grace=NOW)
    assert reader.context.blobs.label() is None


def test_mend_00_a_registrys_store_is_no_place_for_files_of_ones_own(
    tmp_path: Path, data: Path, store: str
) -> None:
    client = Client(url_of(tmp_path / "a.db"), store_url=store)
    client.log("d", data)
    with pytest.raises(Conflict, match="is the store of a registry"):
        client.copy_into(store, data / "a.txt")


def test_mend_00_a_client_looks_once_at_the_label(s3_proxy, tmp_path: Path, data: Path) -> None:
    store = f"s3://{s3_proxy.direct.bucket()}"
    client = Client(url_of(tmp_path / "a.db"), store_url=store)
    client.log("d", data)
    (data / "b.txt").write_bytes(b"b")
    before = s3_proxy.proxy.counts.total()
    client.log("d", data)
    # To look whether it is there, and to store it.
    assert s3_proxy.proxy.counts.total() - before <= 3
