"""`Stores` finds the store of a location, with the options that were set for its URI."""

import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest
from kit.counting import CountingStore
from landfast.clouds.retry import RetryPolicy
from landfast.errors import InvalidInput
from landfast.model.location import Location
from landfast.stores import opener
from landfast.stores.base import Pin, Store
from landfast.stores.local import FileStore
from landfast.stores.managed import BlobSource
from landfast.stores.opener import Stores
from landfast.stores.retrying import RetryingStore
from landfast.testing.store_suite import in_fork, read


class Telling(FileStore):
    """A store that remembers how it was made."""

    needs = ()

    def __init__(self, options: Any = None, *, client: Any = None) -> None:
        super().__init__()
        self.made_with = dict(options or {})
        self.client = client


def at(uri: str) -> Location:
    return Location.parse(uri)


def inner(store: Store) -> Any:
    assert isinstance(store, RetryingStore)
    return store.inner


def test_files_are_read_and_retried(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"bytes")
    stores = Stores(cache_dir=tmp_path / "cache", retry=RetryPolicy(attempts=2))
    store = stores.at(at(str(tmp_path / "x")))
    assert isinstance(inner(store), FileStore)
    assert store.policy.attempts == 2
    assert inner(store)._cache_dir == tmp_path / "cache"
    assert read(store, Pin(location=at(str(tmp_path / "x")))) == b"bytes"


def test_store_is_made_once_for_the_same_options() -> None:
    stores = Stores(own={"s3": Telling})
    one = stores.at(at("s3://b/x"), {"region": "eu", "profile": "p"})
    assert stores.at(at("s3://c/y"), {"profile": "p", "region": "eu"}) is one
    assert stores.at(at("s3://b/x"), {"region": "us"}) is not one


def test_many_threads_get_one_store() -> None:
    stores = Stores(own={"s3": Telling})
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda n: stores.at(at(f"s3://b/{n}")), range(64)))
    assert len(set(map(id, made))) == 1


def test_longest_prefix_gives_the_options_and_the_call_wins() -> None:
    stores = Stores(
        own={"s3": Telling},
        options={
            "s3://": {"region": "all"},
            "s3://b/": {"region": "bucket", "profile": "p"},
            "s3://b/data": {"region": "data"},
            "gs://": {"region": "google"},
        },
    )

    def made(uri: str, **options: str) -> dict[str, str]:
        return inner(stores.at(at(uri), options)).made_with

    assert made("s3://other/x") == {"region": "all"}
    assert made("s3://b/x") == {"region": "bucket", "profile": "p"}
    assert made("s3://b/data/x") == {"region": "data"}
    assert made("s3://b/data") == {"region": "data"}
    assert made("s3://b/data2/x") == {"region": "bucket", "profile": "p"}
    assert made("s3://b/x", region="call") == {"region": "call", "profile": "p"}


def test_client_factories_go_by_prefix_then_by_scheme() -> None:
    def every() -> None: ...

    def one() -> None: ...

    stores = Stores(own={"s3": Telling}, clients={"s3": every, "s3://b/deep": one})
    assert inner(stores.at(at("s3://b/x"))).client is every
    assert inner(stores.at(at("s3://b/deep/x"))).client is one
    assert inner(stores.at(at("s3://b/deeper/x"))).client is every


def test_own_store_may_be_an_instance_a_class_or_a_name() -> None:
    instance = FileStore()
    own = {"aa": instance, "bb": Telling, "cc": "landfast.stores.local:FileStore", "file": Telling}
    stores = Stores(own=own)
    assert inner(stores.at(at("aa://x/y"))) is instance
    assert isinstance(inner(stores.at(at("bb://x/y"))), Telling)
    assert type(inner(stores.at(at("cc://x/y")))) is FileStore
    assert isinstance(inner(stores.at(at("/tmp"))), Telling)


def test_wrap_sees_every_try(tmp_path: Path) -> None:
    stores = Stores(wrap=CountingStore)
    store = stores.at(at(str(tmp_path)))
    store.locate(at(str(tmp_path)))
    assert inner(store).counts["locate"] == 1


def test_unknown_scheme_names_what_is_known() -> None:
    with pytest.raises(
        InvalidInput, match=r"no store reads s4://.* file, gs, http, https, mine, s3"
    ):
        Stores(own={"mine": Telling}).at(at("s4://b/x"))


def test_entry_point_of_a_scheme_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("s4", "landfast.stores.local:FileStore", opener.ENTRY_POINTS)
    monkeypatch.setattr(opener, "entry_points", lambda **by: EntryPoints([point]).select(**by))
    assert isinstance(inner(Stores().at(at("s4://b/x"))), FileStore)


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    import subprocess

    code = (
        "import sys; from landfast.stores.opener import Stores; s = Stores(); "
        "print([m for m in ('boto3', 'google.cloud', 'fsspec', 'urllib3', 'sqlite3', "
        "'landfast.stores.local') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_managed_files_need_a_registry() -> None:
    store = Stores().at(at("blob:sha256:" + "0" * 64))
    assert isinstance(inner(store), BlobSource)
    with pytest.raises(InvalidInput, match="only with a registry"):
        store.stat(at("blob:sha256:" + "0" * 64))


def test_stores_pickle_without_what_they_made(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"bytes")
    stores = Stores(own={"mine": Telling}, options={"mine://b/": {"a": 1}}, wrap=CountingStore)
    stores.at(at(str(tmp_path)))
    copy = pickle.loads(pickle.dumps(stores))
    assert read(copy.at(at(str(tmp_path))), Pin(location=at(str(tmp_path / "x")))) == b"bytes"
    assert inner(copy.at(at("mine://b/x"))).inner.made_with == {"a": 1}


def test_stores_survive_a_fork(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"bytes")
    store = Stores().at(at(str(tmp_path)))
    store.locate(at(str(tmp_path)))
    assert in_fork(store, at(str(tmp_path / "x"))) == b"bytes"
