"""The URI of a managed file: ``blob:sha256:HEX``, resolved against the registry's own store.

As docs/format.md has it; a source of managed files has the same URI without the hash.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from landfast.model.source import Source

SCHEME = "blob:"
SOURCE = f"{SCHEME}sha256"
"""What a version of managed files was scanned from."""

_PREFIX = f"{SOURCE}:"


def blob_uri(sha256: str) -> str:
    """Name a blob of the registry's store.

    Example:
        >>> blob_uri("ab" * 32)[:16], sha256_of(blob_uri("ab" * 32))[:4]
        ('blob:sha256:abab', 'abab')
    """
    return _PREFIX + sha256


def is_managed(uri: str) -> bool:
    """Tell a URI of a managed file, or of a source of such, from a place elsewhere."""
    return uri.startswith(SCHEME)


def sha256_of(uri: str) -> str:
    """Return the hash in the URI of a managed file; ``""`` if it is none."""
    return uri.removeprefix(_PREFIX) if uri.startswith(_PREFIX) else ""


def holds_files(sources: Iterable[Source]) -> bool:
    """Whether managed files are among what a version was scanned from."""
    return any(is_managed(source.uri) for source in sources)
