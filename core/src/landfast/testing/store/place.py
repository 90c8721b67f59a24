"""Place: what a store suite reads, and the fixtures of its parts."""

from __future__ import annotations

import multiprocessing
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import pytest

from landfast.errors import LandfastError
from landfast.model.location import Location
from landfast.stores.base import (
    Capabilities,
    ChecksumKind,
    ListRequest,
    ObjectInfo,
    Pin,
    Store,
)

# Every one is a legal key of S3.
ODD_KEYS = (
    "odd/a b+c&d=e",
    "odd/a#1",
    "odd/a%20b%",
    "odd/a?versionId=x",
    "odd/a\\b",
    "odd/back\\\\slash.txt",
    "odd/é-combined e\u0301 日本語 \U0001f600",
    "odd/quote'\"<>|*[]{}~^`",
    "odd/ leading and trailing ",
    "odd/.hidden",
    "odd/...",
    "odd//double",
    "odd/../up",
    "odd/./dot",
    "odd/line\nfeed\ttab\rreturn",
)


class Place(ABC):
    """Somewhere to write what the store shall read; empty at the start of every test.

    Attributes:
        odd_keys: Which of `ODD_KEYS`, and more, an object may have here.
        flat: Whether ``a`` and ``a/b`` can both be objects, as in a bucket.
        markers: Whether ``put("folder/", b"")`` makes a folder marker.
        keeps_versions: Whether what is overwritten here stays readable by version id.
    """

    odd_keys: tuple[str, ...] = ODD_KEYS
    flat: bool = True
    markers: bool = True
    keeps_versions: bool = False

    @abstractmethod
    def location(self, key: str) -> Location:
        """Return where `key` lies, or will lie; ``""`` and ``"a/"`` are folders."""

    @abstractmethod
    def put(self, key: str, data: bytes) -> str | None:
        """Write an object, or overwrite it; return its version id, if it gets one."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Delete an object, as a user would: where versions are kept, they stay."""


class Fixtures:
    """What every part of the suite stands on."""

    @pytest.fixture
    def store(self) -> Store:
        """The store to test."""
        raise NotImplementedError

    @pytest.fixture
    def place(self) -> Place:
        """Where to write what the store reads."""
        raise NotImplementedError

    @pytest.fixture
    def secrets(self) -> tuple[str, ...]:
        """Texts that must not be seen in the store's repr."""
        return ()

    @pytest.fixture
    def able(self, store: Store) -> Capabilities:
        """What the store says that it can do."""
        return store.capabilities()

    @pytest.fixture
    def listing(self, able: Capabilities) -> None:
        """Skip what a store without listing cannot do."""
        if not able.listing:
            pytest.skip("the store declares no listing")

    @pytest.fixture
    def versioned(self, able: Capabilities, place: Place) -> None:
        """Skip what needs kept versions."""
        if not able.versions or not place.keeps_versions:
            pytest.skip("the store declares no versions, or the place keeps none")

    # Listing


def rows(
    store: Store, location: Location, *, versions: bool = False, checksum: ChecksumKind = None
) -> Iterator[ObjectInfo]:
    """Yield the rows of every page."""
    token = None
    while True:
        page = store.list_page(
            ListRequest(location, versions=versions, checksum=checksum, token=token)
        )
        yield from page.rows
        token = page.next
        if token is None:
            return


def pin_of(row: ObjectInfo) -> Pin:
    """Pin exactly what a row describes."""
    return Pin(
        location=row.location,
        version_id=row.version_id,
        etag=row.etag,
        size=row.size,
        checksum=row.checksum,
    )


def read(store: Store, pin: Pin) -> bytes:
    """Read the pinned bytes."""
    with store.open(pin) as reader:
        return b"".join(reader)


def in_fork(store: Store, location: Location) -> bytes:
    """Read an object in a forked child of this process."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_send, args=(store, location, sender))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: fork beside threads, on purpose
        child.start()
    answer = receiver.recv() if receiver.poll(60) else TimeoutError("the forked child hangs")
    child.join(5)
    if child.is_alive():
        child.kill()
    if isinstance(answer, BaseException):
        raise answer
    assert isinstance(answer, bytes)
    return answer


def _send(store: Store, location: Location, sender: Any) -> None:
    try:
        sender.send(read(store, pin_of(store.stat(location))))
    except LandfastError as error:
        sender.send(error)
