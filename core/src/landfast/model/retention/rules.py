"""LifecycleAction and BucketRules: what a bucket will do to its objects by itself, as its store says it.

Values without I/O: a store makes them of what it keeps, `landfast.retention` works out what they mean for an object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from landfast.model.times import format_time


class Effect(StrEnum):
    """What an action does to an object version."""

    REMOVE = "remove"
    """Delete it; the current version of a versioned bucket goes behind a delete marker first."""
    ARCHIVE = "archive"
    """Move it where a read needs a restore first."""


class Phase(StrEnum):
    """When in the life of a version an action can take it."""

    CURRENT = "current"
    NONCURRENT = "noncurrent"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFilter:
    """Which objects something is for; all of it has to hold.

    Args:
        prefixes: Of the key, one of them.
        suffixes: Of the key, one of them; none if it may end in any way.
        tags: All of them, as pairs.
        larger_than: Bytes, and more than these.
        smaller_than: Bytes, and less than these.
    """

    prefixes: tuple[str, ...] = ("",)
    suffixes: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    larger_than: int | None = None
    smaller_than: int | None = None

    def takes(self, key: str, size: int | None) -> bool:
        """Whether it can be for an object, whatever its tags; a size that is not known may be any."""
        if not key.startswith(self.prefixes) or (self.suffixes and not key.endswith(self.suffixes)):
            return False
        if size is None:
            return True
        above = self.larger_than is None or size > self.larger_than
        return above and (self.smaller_than is None or size < self.smaller_than)

    def meets(self, prefix: str) -> bool:
        """Whether it can be for any object whose key begins so."""
        return any(one.startswith(prefix) or prefix.startswith(one) for one in self.prefixes)


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleAction:
    """One action of one rule that is enabled; all of its conditions have to hold.

    Args:
        rule: The rule's id, or what stands for it.
        text: The action and its numbers, as the rule has them.
        remedy: The smallest change of the configuration that takes the action away, as a sentence without a full stop.
        effect: What it does.
        phase: To which versions.
        where: To which objects.
        days: Since the version was written.
        noncurrent_days: Since its successor was written.
        date: Not before.
        written_before: Only versions that were.
        noncurrent_before: Only versions that have been since before.
        newer: How many newer versions there have to be: noncurrent ones, or of any kind if `counts_current`.
        counts_current: See `newer`.
        whole_days: Whether days end at midnight UTC, and not at the minute of the day.
        storage_class: Where it moves to.
        is_tiering: Whether it is only for objects that the store moves between tiers by itself, when nobody reads them:
            then `days` are since the last read, which may have been when it was written.
    """

    rule: str
    text: str
    remedy: str
    effect: Effect
    phase: Phase
    where: ObjectFilter = field(default_factory=ObjectFilter)
    days: int | None = None
    noncurrent_days: int | None = None
    date: datetime | None = None
    written_before: datetime | None = None
    noncurrent_before: datetime | None = None
    newer: int = 0
    counts_current: bool = False
    whole_days: bool = True
    storage_class: str = ""
    is_tiering: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "rule": self.rule,
            "action": self.text,
            "effect": str(self.effect),
            "of": str(self.phase),
            "prevented_by": self.remedy,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A question about a bucket that got no answer; that is not the answer that there is nothing.

    Args:
        question: What was asked for, such as ``lifecycle rules``.
        why: One line.
        permission: What is missing, if it is that.
        is_unsupported: Whether the server does not know the question.
    """

    question: str
    why: str
    permission: str | None = None
    is_unsupported: bool = False

    @property
    def is_decisive(self) -> bool:
        """Whether nobody can say without an answer what the rules will do."""
        # A server without Intelligent-Tiering moves nothing to its archive tiers.
        return self.question in DECISIVE or (self.question == TIERING and not self.is_unsupported)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "question": self.question,
            "permission": self.permission,
            "unsupported": self.is_unsupported,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketRules:
    """What a bucket does to its objects by itself, and what it keeps them from.

    Args:
        bucket: Its URI.
        actions: Of the rules that are enabled, in their order.
        rules: All of them, as they are stored, for programs.
        flat: What each rule says, by its id and by the names of its parts, in one spelling.
        is_versioned: Whether what is overwritten is kept: since versioning was on or is suspended.
        is_suspended: Whether new objects replace the version ``null``.
        has_object_lock: Whether single versions can be locked here.
        keeps_for_days: How long after it was written nothing can remove a version.
        tiering: What moves objects that nobody reads to archive tiers.
        recoverable_days: How long after it was removed an object can be had back from the store.
        notes: What else is worth a line, as sentences.
        unread: Elements of rules that are not known here; what they say is left out.
        unanswered: Questions without an answer.
    """

    bucket: str
    actions: tuple[LifecycleAction, ...] = ()
    rules: tuple[Mapping[str, Any], ...] = ()
    flat: tuple[tuple[str, Mapping[str, str]], ...] = ()
    is_versioned: bool | None = None
    is_suspended: bool = False
    has_object_lock: bool = False
    keeps_for_days: float = 0
    tiering: tuple[LifecycleAction, ...] = ()
    recoverable_days: float = 0
    notes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    unanswered: tuple[Unanswered, ...] = ()

    @property
    def all_actions(self) -> tuple[LifecycleAction, ...]:
        """The actions of lifecycle rules, and of tiering."""
        return (*self.actions, *self.tiering)

    @property
    def are_known(self) -> bool:
        """Whether the lifecycle rules and the versioning were told, so that a date can be worked out."""
        return not any(one.is_decisive for one in self.unanswered)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able description."""
        return {
            "bucket": self.bucket,
            "rules": [_plain(rule) for rule in self.rules],
            "actions": [action.to_dict() for action in self.all_actions],
            "versioned": self.is_versioned,
            "suspended": self.is_suspended,
            "object_lock": self.has_object_lock,
            "keeps_for_days": self.keeps_for_days,
            "recoverable_days": self.recoverable_days,
            "notes": list(self.notes),
            "unread": list(self.unread),
            "unanswered": [one.to_dict() for one in self.unanswered],
        }


LIFECYCLE = "lifecycle rules"
VERSIONING = "versioning"
OBJECT_LOCK = "Object Lock"
REPLICATION = "replication"
TIERING = "Intelligent-Tiering"
BUCKET = "the bucket's settings"
DECISIVE = frozenset({LIFECYCLE, VERSIONING, BUCKET})


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectLock:
    """What holds one object version: until when, in UTC, and whether until somebody releases it."""

    until: datetime | None = None
    is_held: bool = False


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return format_time(value) if isinstance(value, datetime) else value
