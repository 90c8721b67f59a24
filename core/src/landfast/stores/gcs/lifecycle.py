"""Lifecycle rules of Cloud Storage: read as actions, from a bucket's settings and from files that somebody sent.

A rule has one action and conditions, all of which have to hold.  It has no id: rules are counted from 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from landfast.errors import InvalidInput
from landfast.model.retention.rules import Effect, LifecycleAction, ObjectFilter, Phase

Rule = Mapping[str, Any]

FIELDS = "lifecycle,versioning,softDeletePolicy,retentionPolicy,defaultEventBasedHold"
_DAY_S = 86_400
_EXPECTED = (
    '{"rule": [...]} or {"lifecycle": {"rule": [...]}} of gcloud and the API,'
    " or `terraform show -json` with a resource google_storage_bucket"
)
_KNOWN = frozenset(
    {
        *("age", "createdBefore", "isLive", "numNewerVersions", "matchesPrefix", "matchesSuffix"),
        *("daysSinceNoncurrentTime", "noncurrentTimeBefore"),
    }
)
# What holds only of versions that are noncurrent.
_OF_NONCURRENT = ("daysSinceNoncurrentTime", "noncurrentTimeBefore")


def settings(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a bucket's resource tells, by the names of `BucketRules`."""
    soft = (body.get("softDeletePolicy") or {}).get("retentionDurationSeconds") or 0
    policy = (body.get("retentionPolicy") or {}).get("retentionPeriod") or 0
    notes = []
    if body.get("defaultEventBasedHold"):
        notes.append(
            "New objects are under an event-based hold, unless their writer said otherwise"
        )
    return {
        **told_by((body.get("lifecycle") or {}).get("rule") or ()),
        "is_versioned": bool((body.get("versioning") or {}).get("enabled")),
        "has_object_lock": True,
        "keeps_for_days": int(policy) / _DAY_S,
        "recoverable_days": int(soft) / _DAY_S,
        "notes": tuple(notes),
    }


def told_by(rules: Sequence[Rule]) -> dict[str, Any]:
    """Return what rules tell, by the names of `BucketRules`.

    Raises:
        InvalidInput: If a number or a date is none.
    """
    try:
        actions = tuple(_actions(rules))
    except (TypeError, ValueError, AttributeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise _unknown(found) from None
    return {
        "rules": tuple(rules),
        "actions": actions,
        "flat": tuple((_name(at), _flat(rule)) for at, rule in enumerate(rules, 1)),
        "unread": tuple(_unread(rules)),
    }


def _actions(rules: Iterable[Rule]) -> Iterator[LifecycleAction]:
    """Yield the actions that delete; no class of Cloud Storage makes a read wait for a restore."""
    for at, rule in enumerate(rules, 1):
        if (rule.get("action") or {}).get("type") == "Delete":
            yield _action(_name(at), rule.get("condition") or {})


def _action(name: str, condition: Mapping[str, Any]) -> LifecycleAction:
    since, created = condition.get("daysSinceNoncurrentTime"), condition.get("createdBefore")
    noncurrent, age = condition.get("noncurrentTimeBefore"), condition.get("age")
    return LifecycleAction(
        rule=name,
        text="Delete: " + (", ".join(f"{n} {_said(v)}" for n, v in condition.items()) or "always"),
        remedy=f"take {name} out of the lifecycle of the bucket",
        effect=Effect.REMOVE,
        phase=_phase(condition),
        where=ObjectFilter(
            prefixes=tuple(condition.get("matchesPrefix") or ("",)),
            suffixes=tuple(condition.get("matchesSuffix") or ()),
        ),
        days=None if age is None else int(age),
        noncurrent_days=None if since is None else int(since),
        written_before=None if created is None else _midnight(created),
        noncurrent_before=None if noncurrent is None else _midnight(noncurrent),
        newer=int(condition.get("numNewerVersions") or 0),
        counts_current=True,
        whole_days=False,
    )


def _phase(condition: Mapping[str, Any]) -> Phase:
    is_live = condition.get("isLive")
    if is_live is True:
        return Phase.CURRENT
    is_noncurrent = any(name in condition for name in _OF_NONCURRENT)
    if is_live is False or is_noncurrent or condition.get("numNewerVersions"):
        return Phase.NONCURRENT
    return Phase.ANY


def _unread(rules: Iterable[Rule]) -> Iterator[str]:
    """Name conditions that are not looked at; without them a rule may take more than it does."""
    for at, rule in enumerate(rules, 1):
        if (rule.get("action") or {}).get("type") == "Delete":
            for name in sorted(set(rule.get("condition") or {}) - _KNOWN):
                yield f"{name} of {_name(at)}"


def _flat(rule: Rule) -> dict[str, str]:
    action = {f"action.{name}": _said(value) for name, value in (rule.get("action") or {}).items()}
    conditions = rule.get("condition") or {}
    return action | {f"condition.{name}": _said(value) for name, value in conditions.items()}


def _said(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " or ".join(repr(one) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _name(place: int) -> str:
    return f"rule {place}"


def _midnight(date: Any) -> datetime:
    return datetime.fromisoformat(str(date)[:10]).replace(tzinfo=UTC)


def read_sent(text: str, bucket: str) -> list[Rule]:
    """Return the rules that a file sends to a bucket.

    Raises:
        InvalidInput: If it is no such file, or says nothing of the bucket.
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        raise _unknown(f"no JSON: {error}") from None
    if not isinstance(found, Mapping):
        raise _unknown(f"a JSON {type(found).__name__}")
    for inner in ("lifecycle", "lifecycle_config"):
        found = found.get(inner) or found
    if isinstance(found.get("rule"), list):
        return list(found["rule"])
    values = found.get("planned_values") or found.get("values") or {}
    for one in _resources(values.get("root_module") or {}):
        if one.get("name") in {bucket, None}:
            return [_of_terraform(block) for block in one.get("lifecycle_rule") or ()]
    raise _unknown("JSON without any of them")


def _resources(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for one in module.get("resources") or ():
        if one.get("type") == "google_storage_bucket":
            yield one.get("values") or {}
    for child in module.get("child_modules") or ():
        yield from _resources(child)


def _of_terraform(block: Mapping[str, Any]) -> Rule:
    """Return a rule of Terraform's in the shape of the API; it writes what is not set as 0 or as nothing."""
    (told,), (action,) = block.get("condition") or [{}], block.get("action") or [{}]
    condition: dict[str, Any] = {}
    for name, value in told.items():
        if name == "with_state":
            condition |= {"LIVE": {"isLive": True}, "ARCHIVED": {"isLive": False}}.get(value, {})
        elif value not in (None, "", 0, [], False) and not name.startswith("send_"):
            head, *rest = name.split("_")
            condition["".join([head, *(word.capitalize() for word in rest)])] = value
    return {
        "action": {{"storage_class": "storageClass"}.get(n, n): v for n, v in action.items() if v},
        "condition": condition,
    }


def _unknown(found: str) -> InvalidInput:
    return InvalidInput("there are no lifecycle rules to be read", expected=_EXPECTED, found=found)
