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
    """Refuse texts that hold a secret, before an orchestrator stores them where many can read.

    Args:
        texts: What is going to be stored, such as URIs and ``name=value``.
        subject: What they belong to, such as ``snapshot vision/flowers``.
        kept: Who stores them, and what: ``Prefect stores the parameters of runs``.
        hint: Where credentials go instead.

    Raises:
        InvalidInput: If one does; it shows where, and not the secret.

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
