"""Mounts: whether a file lies on a network filesystem, whose clock and caches are not ours."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

_NETWORK = re.compile(
    r"(nfs[0-9]*|cifs|smb3?|smbfs|ncpfs|afs|9p|ceph|lustre|gpfs|beegfs|glusterfs|pvfs2|orangefs"
    r"|virtiofs|vboxsf|davfs|fuse(\..+)?)\Z"
)
_MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs", "hugetlbfs"})
# Their first store through a mapping after data was written out faults, and sets the times.
_SHOWING = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "bcachefs", "overlay"})
_MOUNTS = Path("/proc/self/mountinfo")
_OCTAL = re.compile(rb"\\([0-7]{3})")


def is_network(path: str | os.PathLike[str]) -> bool | None:
    """Tell whether `path`, which need not exist yet, lies on a network mount; None if unknown."""
    place = os.fsencode(os.path.realpath(path))
    kind = _kind_of(place)
    if kind is not None:
        return _NETWORK.match(kind) is not None
    return is_network_device(_nearest(Path(os.fsdecode(place))).stat().st_dev)


def _kind_of(place: bytes) -> str | None:
    """Return the type of the filesystem of a real path, by the longest mount point above it; None if unknown."""
    place = place.rstrip(b"/") + b"/"
    kind, longest = None, -1
    for point, _, found in _mounts():
        if place.startswith(point.rstrip(b"/") + b"/") and len(point) >= longest:
            kind, longest = found, len(point)
    return kind


@lru_cache(maxsize=1024)
def is_network_device(device: int) -> bool | None:
    """Tell whether a device number (``st_dev``) is that of a network mount; None if unknown."""
    for _, number, kind in _mounts():
        if number == device:
            return _NETWORK.match(kind) is not None
    # In a chroot the root is no mount of its own.  A block device is no network, whatever lies on it;
    # network and memory filesystems have the anonymous major number 0.
    return False if os.major(device) else None


def shows_mapped_writes(path: str | os.PathLike[str]) -> bool | None:
    """Tell whether a store through a memory mapping moves a file's times, at the latest with `settle`.

    None if it is not known: of network mounts, and of filesystems that were not tried.
    """
    kind = _kind_of(os.fsencode(os.path.realpath(path)))
    if kind in _MEMORY:
        return False
    return True if kind in _SHOWING else None


def settle(handle: int) -> None:
    """Write an open file's data to its disk, so that a later store through a mapping shows in its times."""
    with contextlib.suppress(OSError):  # a read-only or a special filesystem
        (os.fdatasync if sys.platform == "linux" else os.fsync)(handle)


def _nearest(path: Path) -> Path:
    """Return the path itself, or the nearest folder above it that exists."""
    while not path.exists():
        path = path.parent
    return path


def _mounts() -> Iterator[tuple[bytes, int, str]]:
    try:
        text = _MOUNTS.read_bytes()
    except OSError:  # not Linux
        return
    for line in text.splitlines():
        left, _, right = line.partition(b" - ")
        fields = left.split(b" ")
        major, _, minor = fields[2].partition(b":")
        point = _OCTAL.sub(lambda m: bytes([int(m[1], 8)]), fields[4])
        yield point, os.makedev(int(major), int(minor)), os.fsdecode(right.split(b" ")[0])
