"""Hash files while they may be written: a hash counts only if the file stayed the same meanwhile."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator

from landfast.errors import LandfastError, Unavailable
from landfast.stores.local.walk import of_os_error, shown
from landfast.system.mounts import settle
from landfast.system.staging import Staging
from landfast.system.stat_cache import StatCache, state_of

CHUNK = 1 << 20
_TRIES = 3
# Below this a thread costs more than it wins, except where every open waits for a network.
_WORTH_A_THREAD = 1 << 20


def sha256_of_file(
    path: bytes, cache: StatCache | None, staging: Staging | None = None
) -> tuple[str, os.stat_result]:
    """Return the sha256 of a file's bytes, for the cache too, and the status that it had before and after.

    With `staging` the bytes that were hashed are kept there.  `Unavailable` if the file is written to all the time.
    """
    for _ in range(_TRIES):
        now_ns = time.time_ns()
        sha256, before, after = _hash_once(path, staging)
        if state_of(before) == state_of(after):
            if cache is not None:
                cache.put(path, after, sha256, hashed_at_ns=now_ns)
            return sha256, after
    raise Unavailable(
        f"{shown(path)} changed while it was hashed, {_TRIES} times in a row",
        subject=shown(path),
        hint="Scan again when nothing writes to it.",
    )


def _hash_once(
    path: bytes, staging: Staging | None = None
) -> tuple[str, os.stat_result, os.stat_result]:
    try:
        # Not blocking: should a named pipe take the file's place, opening it must not hang.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            before = os.fstat(handle)
            settle(
                handle
            )  # after the look: a store that comes later, also through a mapping, moves the times
            chunks = _chunks(handle, min(CHUNK, before.st_size + 1))
            sha256 = _sha256(chunks) if staging is None else staging.keep(chunks)
            return sha256, before, os.fstat(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if isinstance(error, LandfastError):  # of what is staged
            raise
        raise of_os_error(error, path) from None


def _chunks(handle: int, size: int) -> Iterator[bytes]:
    while chunk := os.read(handle, size):
        yield chunk


def _sha256(chunks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def is_worth_a_thread(size: int, *, network: bool) -> bool:
    """Tell whether hashing this many bytes gains from a thread, wherever they lie."""
    return network or size >= _WORTH_A_THREAD
