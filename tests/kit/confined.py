"""What a process may do to itself before it begins: see less, and be allowed less.  For Linux.

For `prepare` of `kit.forks.command`; what is done cannot be undone, and ends with the process.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_CAPABILITIES = 0x20080522  # version 3 of the call's structures
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2
_NEW_MOUNTS = 0x00020000
_READ_ONLY, _RECURSIVE, _PRIVATE = 1, 0x4000, 0x40000

_libc = ctypes.CDLL(None, use_errno=True)


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Rights(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable"))


def obey_permissions() -> None:
    """Let permissions of files hold for root as well."""
    header, rights = _Header(_CAPABILITIES, 0), (_Rights * 2)()
    _check(_libc.capget(ctypes.byref(header), rights))
    for kind in ("effective", "permitted", "inheritable"):
        kept = getattr(rights[0], kind) & ~(1 << _DAC_OVERRIDE | 1 << _DAC_READ_SEARCH)
        setattr(rights[0], kind, kept)
    _check(_libc.capset(ctypes.byref(header), rights))


def mount_disk(folder: Path, size: int, *, read_only: bool = False) -> None:
    """Let a folder be a disk of its own with so many bytes, for this process alone.

    Raises:
        OSError: If that is not permitted here.
    """
    _check(_libc.unshare(_NEW_MOUNTS))
    _mount("none", "/", None, _RECURSIVE | _PRIVATE, None)
    _mount("tmpfs", os.fspath(folder), "tmpfs", _READ_ONLY if read_only else 0, f"size={size}")


def _mount(what: str, where: str, kind: str | None, flags: int, options: str | None) -> None:
    given = [text if text is None else text.encode() for text in (what, where, kind, options)]
    *names, data = given
    _check(_libc.mount(*names, ctypes.c_ulong(flags), data))


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
