"""Moments as text: UTC with microseconds, in files, messages and JSON alike."""

from __future__ import annotations

from datetime import UTC, datetime

from landfast.errors import InvalidInput


def format_time(moment: datetime) -> str:
    """Write an aware moment as UTC with microseconds: ``2026-05-03T08:15:30.000000Z``."""
    if moment.tzinfo is None:
        raise InvalidInput(
            f"the time {moment.isoformat()} has no zone", subject=moment.isoformat(), expected="UTC"
        )
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def check_moment(moment: datetime) -> None:
    """Refuse a time without a zone: `InvalidInput`."""
    if moment.tzinfo is None:
        raise InvalidInput(f"{moment.isoformat()} has no time zone", expected="an aware datetime")
