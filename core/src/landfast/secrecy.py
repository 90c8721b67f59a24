"""Secrecy: what somebody else is going to store may hold no secret."""

from __future__ import annotations

from collections.abc import Iterable

from landfast.errors import InvalidInput
from landfast.redaction import redact

_HINT = (
    "Give credentials where the worker looks them up: in a connection, block or resource, landfast.toml or the"
    " environment."
)


def refuse_secrets(texts: Iterable[str], *, subject: str, kept: str, hint: str = _HINT) -> None:
    """Raise an error if a text contains a secret, before an orchestrator stores it where many people can read it.

    Args:
        texts: Texts that will be stored, such as URIs and ``name=value``.
        subject: Owner of the texts, such as ``snapshot vision/flowers``.
        kept: Name of the system and what it stores, such as ``Prefect stores the parameters of runs``.
        hint: Sentence that says where credentials go instead.

    Raises:
        InvalidInput: If a text contains a secret; the message shows its place, not the secret.

    Example:
        >>> refuse_secrets(["s3://b/data/"], subject="snapshot a", kept="Prefect stores it")
    """
    found = [shown for text in texts if (shown := redact(text)) != text]
    if found:
        raise InvalidInput(
            f"{subject} holds a secret, and {kept}",
            subject=subject,
            found=", ".join(found),
            hint=hint,
        )
