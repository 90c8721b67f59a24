"""Mask: what people wrote into free text is shown without what can be told for a secret.

Landfast strips secrets from URIs and options before it records them; metadata, configurations and
descriptions are recorded as they were given. On a page they are masked, in HTML and in JSON alike.
"""

from __future__ import annotations

from typing import Any

from landfast.redaction import MASK, redact

# Fields with words of people or of programs. Paths, keys and URIs are names, which links are made of: they stay.
FREE = frozenset(
    [
        "metadata",
        "config",
        "description",
        "link",
        "unsafe_link",
        "problem",
        "expected",
        "found",
        "hint",
        "message",
        "reason",
        "detail",
    ]
)


def masked(data: Any) -> Any:
    """Return what a page or its twin shows, with secrets in free text replaced by ``***``.

    Example:
        >>> masked({"path": "a?sig=x", "config": {"db_password": "hunter2", "lr": 0.1}})
        {'path': 'a?sig=x', 'config': {'db_password': '***', 'lr': 0.1}}
    """
    if isinstance(data, dict):
        return {key: _free(value) if key in FREE else masked(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [masked(each) for each in data]
    return data


def _free(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {
            key if not isinstance(key, str) else redact(key): _named(key, each)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_free(each) for each in value]
    return value


def _named(key: object, value: Any) -> Any:
    """Mask a value whole where its name alone says what it is."""
    probe = f"{key}=x"
    is_secret = redact(probe) != probe and value is not None and not isinstance(value, bool)
    return MASK if is_secret else _free(value)
