"""Turn what the operating system says of a local file into an error that says what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from landfast.errors import AccessDenied, InvalidInput, LandfastError, NotFound, Unavailable

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM}
_NOT_A_FOLDER = {errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL}


@contextmanager
def disk_errors(path: Path, purpose: str, *names: str) -> Iterator[None]:
    """Translate each `OSError` of the block; `purpose`, such as ``"write the blob"``, follows "cannot".

    What is meant lies at `path`, or by some `names` below it.

    Raises:
        NotFound: If the file is not there.
        AccessDenied: If a permission is missing or the filesystem is read-only.
        InvalidInput: If the path cannot be such a file.
        Unavailable: If the disk is full, or for whatever else may pass.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, LandfastError):
            raise
        raise of_os_error(error, path.joinpath(*names), purpose) from None


def of_os_error(error: OSError, path: Path, purpose: str) -> LandfastError:
    """Build the error that says what the caller can do about `error`."""
    problem = f"cannot {purpose} {path}"
    number = error.errno
    found = error.strerror or str(error) or type(error).__name__
    if number == errno.ENOENT:
        return NotFound(problem, subject=str(path), found=found)
    if number == errno.EROFS:
        hint = "The filesystem is mounted read-only: mount it for writing, or name another folder."
        return AccessDenied(problem, subject=str(path), found=found, hint=hint)
    if number in _DENIED:
        hint = f"Give this user permission to {purpose} there, or name another folder."
        return AccessDenied(problem, subject=str(path), found=found, hint=hint)
    if number in _FULL:
        hint = "Free some space there, or name a folder on another disk; then run it again."
        return Unavailable(problem, subject=str(path), found=found, hint=hint)
    if number in _NOT_A_FOLDER:
        return InvalidInput(problem, subject=str(path), found=found)
    return Unavailable(problem, subject=str(path), found=found)
