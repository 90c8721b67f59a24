"""Signatures of webhooks, as https://www.standardwebhooks.com has them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from landfast.errors import InvalidInput

SECRET_VARIABLE = "LANDFAST_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable
_PREFIX = "whsec_"


def keys(secret: str) -> list[bytes]:
    """Read one secret, or several that are separated by spaces, while one takes the place of another.

    ``whsec_`` and base64 is the form of the standard; any other text is taken as its UTF-8 bytes.

    Raises:
        InvalidInput: If what follows ``whsec_`` is no base64.
    """
    return [_key(word) for word in secret.split()]


def _key(word: str) -> bytes:
    if not word.startswith(_PREFIX):
        return word.encode()
    try:
        return base64.b64decode(word[len(_PREFIX) :], validate=True)
    except binascii.Error:
        raise InvalidInput(
            f"{SECRET_VARIABLE} is not readable",
            subject=SECRET_VARIABLE,
            expected=f"{_PREFIX} and base64, or any other text",
        ) from None


def sign(signing: list[bytes], id: str, timestamp: int, body: bytes) -> str:
    """Return the signatures of ``id.timestamp.body``, one for each key."""
    signed = f"{id}.{timestamp}.".encode() + body
    digests = (hmac.new(key, signed, hashlib.sha256).digest() for key in signing)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
