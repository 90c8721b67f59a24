"""Tell whether a folder lies on a network filesystem, where SQLite's locks cannot be trusted."""

from __future__ import annotations

from pathlib import Path

_MOUNTS = Path("/proc/self/mounts")

_NETWORK = {
    *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "glusterfs", "gpfs", "lustre", "ncpfs"),
    *("nfs", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb", "smb2", "smb3", "smbfs", "virtiofs"),
    *(
        "acfs",
        "davfs",
        "fuse.ceph-fuse",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.sshfs",
        "fuse.smbnetfs",
    ),
    *("fuse.gcsfuse", "fuse.goofys", "fuse.rclone", "fuse.mount-s3", "fuse.juicefs", "fuse.davfs2"),
}


def network_type(folder: Path, mounts: str | None = None) -> str | None:
    """Return the type of the network filesystem that holds a folder, or will; None if it is local or unknown.

    The text is in the format of ``/proc/mounts``; without it the machine's own is read.

    Example:
        >>> network_type(Path("/mnt/share/x"), "nas:/x /mnt/share nfs4 rw 0 0")
        'nfs4'
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(errors="surrogateescape")
        except OSError:  # not Linux
            return None
    place = folder.resolve()
    best, kind = -1, None
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(_unescape(fields[1]))
        # Of two mounts on one point, the later hides the earlier.
        if place.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), fields[2]
    return kind if kind in _NETWORK else None


def _unescape(text: str) -> str:
    # The kernel writes blank, tab, newline and backslash as octal.
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text
