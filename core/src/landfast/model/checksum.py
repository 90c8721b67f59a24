"""Checksum: a tagged value that says which algorithm it is, so that like is compared with like."""

from __future__ import annotations

from dataclasses import dataclass

from landfast.errors import InvalidInput

# Equal tokens mean equal bytes, wherever they lie.  Hexadecimal, lower case, except `s3-etag`,
# which is opaque: multipart and KMS ETags are not an MD5, so it is never read as one.
CONTENT_TOKENS = frozenset({"sha256", "md5", "crc64nvme", "crc32c", "s3-etag"})

# A validator speaks only of its own URI: equal means "the server says this has not changed".
VALIDATORS = frozenset(
    {"http-etag", "http-weak-etag", "http-last-modified", "stat", "fsspec-etag", "fsspec-mtime"}
)

# Tokens by which a cached blob may be found: strong enough that nobody collides by accident.
STRONG_TOKENS = frozenset({"sha256", "md5"})


@dataclass(frozen=True, slots=True)
class Checksum:
    """An algorithm and its value.

    Args:
        algorithm: One of `CONTENT_TOKENS` or `VALIDATORS`, or a label of an own store, which
            counts as a validator.
        value: The value as text, not empty; hexadecimal and lower case for hashes.

    Example:
        >>> Checksum("md5", "900150983cd24fb0d6963f7d28e17f72").is_content_token
        True
        >>> str(Checksum("http-weak-etag", 'W/"1"'))
        'http-weak-etag:W/"1"'
    """

    algorithm: str
    value: str

    def __post_init__(self) -> None:
        if not self.algorithm or ":" in self.algorithm or not self.value:
            raise InvalidInput(
                f"{self.algorithm!r}, {self.value!r} is not a checksum",
                subject=self.algorithm,
                expected="the name of an algorithm without ':', and a value that is not empty",
            )

    @property
    def is_content_token(self) -> bool:
        """Whether an equal value means equal bytes anywhere."""
        return self.algorithm in CONTENT_TOKENS

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"

    @classmethod
    def parse(cls, text: str) -> Checksum:
        """Read what `str` wrote.

        Raises:
            InvalidInput: If the text is something else.
        """
        algorithm, _, value = text.partition(":")
        return cls(algorithm, value)
