"""Managed files are read out of the registry's blob store, by the sha256 of their bytes."""

import hashlib
import pickle
from pathlib import Path

import pytest
from landfast.blobs.local import LocalBlobStore
from landfast.errors import InvalidInput, NotFound, ObjectChanged, Unverifiable
from landfast.model.checksum import Checksum
from landfast.model.location import Location
from landfast.stores.base import Kind, ListRequest, Pin
from landfast.stores.opener import Stores
from landfast.testing.store_suite import in_fork, pin_of, read

DATA = b"managed bytes"
SHA256 = hashlib.sha256(DATA).hexdigest()
HERE = Location.parse(f"blob:sha256:{SHA256}")
ABSENT = Location.parse("blob:sha256:" + "0" * 64)


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    blobs = LocalBlobStore(tmp_path / "store")
    (tmp_path / "source").write_bytes(DATA)
    blobs.put(tmp_path / "source", SHA256)
    return Stores(blobs=blobs)


def test_blob_is_described_and_read(stores: Stores) -> None:
    store = stores.at(HERE)
    assert store.locate(HERE) is Kind.OBJECT
    info = store.stat(HERE)
    assert (info.location, info.size) == (HERE, len(DATA))
    assert info.checksum == Checksum("sha256", SHA256)
    assert store.stat(HERE, checksum=False).checksum is None
    assert read(store, pin_of(info)) == DATA
    with store.open(pin_of(info), start=8) as reader:
        assert b"".join(reader) == DATA[8:]
    path = store.path(HERE)
    assert path is not None
    assert path.read_bytes() == DATA


def test_absent_blob_is_not_found_and_named(stores: Stores) -> None:
    store = stores.at(ABSENT)
    assert store.locate(ABSENT) is Kind.MISSING
    with pytest.raises(NotFound, match="blob:sha256:0000"):
        store.stat(ABSENT)
    with pytest.raises(NotFound), store.open(Pin(location=ABSENT)):
        pass


def test_pin_of_other_bytes_is_object_changed(stores: Stores) -> None:
    store = stores.at(HERE)
    for pin in [
        Pin(location=HERE, size=3),
        Pin(location=HERE, checksum=Checksum("sha256", "0" * 64)),
    ]:
        with pytest.raises(ObjectChanged), store.open(pin):
            pass


def test_what_blobs_have_not_is_refused(stores: Stores) -> None:
    store = stores.at(HERE)
    with pytest.raises(InvalidInput, match="cannot be listed"):
        store.list_page(ListRequest(HERE))
    with pytest.raises(Unverifiable):
        store.stat(HERE, checksum="md5")
    with pytest.raises(NotFound):
        store.stat(HERE, version_id="1")
    with pytest.raises(InvalidInput, match="names no blob"):
        store.stat(Location.parse("blob:md5:0"))


def test_it_pickles_and_survives_a_fork(stores: Stores) -> None:
    copy = pickle.loads(pickle.dumps(stores))
    assert read(copy.at(HERE), Pin(location=HERE)) == DATA
    assert in_fork(stores.at(HERE), HERE) == DATA
