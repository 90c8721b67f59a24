"""Lifecycle rules of S3: read from XML or from the JSON of AWS's tools, as one shape, and as actions.

The shape is that of the AWS CLI and of boto3: `Rules` with `ID`, `Status`, `Filter`, `Expiration` and so on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

from landfast.errors import InvalidInput
from landfast.model.retention.rules import Effect, LifecycleAction, ObjectFilter, Phase
from landfast.stores.s3.objects import ARCHIVED_CLASSES

Rule = Mapping[str, Any]

# Below this many bytes nothing is moved to another class, where the rule's filter says nothing of sizes.
LEAST_MOVED = 128 * 1024
_ALL_CLASSES = "all_storage_classes_128K"
_NUMBERS = frozenset(
    {
        *("Days", "NoncurrentDays", "NewerNoncurrentVersions", "DaysAfterInitiation"),
        *("ObjectSizeGreaterThan", "ObjectSizeLessThan"),
    }
)
_LISTS = {
    "Rule": "Rules",
    "Transition": "Transitions",
    "NoncurrentVersionTransition": "NoncurrentVersionTransitions",
}
_RULE = frozenset(
    {
        *("ID", "Status", "Prefix", "Filter", "Expiration", "Transitions"),
        *("NoncurrentVersionExpiration", "NoncurrentVersionTransitions"),
        "AbortIncompleteMultipartUpload",
    }
)
_FILTER = frozenset({"Prefix", "Tag", "Tags", "And", "ObjectSizeGreaterThan", "ObjectSizeLessThan"})


def rules_of_xml(root: ET.Element) -> list[Rule]:
    """Return the rules of a `LifecycleConfiguration`, whose names have no namespace."""
    return [*rule_of_xml(root).get("Rules", [])]


def rule_of_xml(element: ET.Element) -> dict[str, Any]:
    """Return what an element says, in the shape of AWS's tools."""
    found: dict[str, Any] = {}
    for child in element:
        if child.tag in _LISTS:
            found.setdefault(_LISTS[child.tag], []).append(rule_of_xml(child))
        elif child.tag == "Tag" and element.tag == "And":
            found.setdefault("Tags", []).append(rule_of_xml(child))
        else:
            found[child.tag] = rule_of_xml(child) if len(child) else _value(child)
    return found


def _value(element: ET.Element) -> Any:
    text = (element.text or "").strip()
    if element.tag in _NUMBERS:
        return int(text)
    if element.tag == "ExpiredObjectDeleteMarker":
        return text == "true"
    # An empty filter is one; a prefix or a value of a tag may begin or end with spaces.
    return {} if element.tag in {"Filter", "And"} else element.text or ""


@dataclass(frozen=True, slots=True)
class RuleReader:
    """Reads rules as actions; `least` is what the configuration says of small objects that are moved."""

    least: str | None = None

    def actions(self, rules: Iterable[Rule]) -> Iterator[LifecycleAction]:
        """Yield the actions of the rules that are enabled.

        Raises:
            InvalidInput: If a number or a date is none.
        """
        for place, rule in enumerate(rules, 1):
            if rule.get("Status") == "Enabled":
                name = str(rule.get("ID") or f"rule {place}")
                try:
                    yield from self._of(name, rule)
                except (TypeError, ValueError, AttributeError, LookupError) as error:
                    raise _unreadable(name, error) from None

    def _of(self, name: str, rule: Rule) -> Iterator[LifecycleAction]:
        where = filter_of(rule)
        expiration = rule.get("Expiration") or {}
        if "Days" in expiration or "Date" in expiration:
            yield _action(name, rule, "Expiration", expiration, where, Phase.CURRENT)
        noncurrent = rule.get("NoncurrentVersionExpiration") or {}
        if noncurrent:
            kind = "NoncurrentVersionExpiration"
            yield _action(name, rule, kind, noncurrent, where, Phase.NONCURRENT)
        for kind, phase in (
            ("Transitions", Phase.CURRENT),
            ("NoncurrentVersionTransitions", Phase.NONCURRENT),
        ):
            for move in rule.get(kind) or ():
                if move.get("StorageClass") in ARCHIVED_CLASSES:
                    moved = _action(name, rule, kind[:-1], move, where, phase)
                    yield replace(moved, where=self._large_enough(where))

    def _large_enough(self, where: ObjectFilter) -> ObjectFilter:
        says_sizes = where.larger_than is not None or where.smaller_than is not None
        if says_sizes or self.least != _ALL_CLASSES:
            return where
        return replace(where, larger_than=LEAST_MOVED - 1)


def filter_of(rule: Rule) -> ObjectFilter:
    """Return which objects a rule is for."""
    told = rule.get("Filter") or {}
    both = told.get("And") or {}
    found = {**told, **both}
    tags = [*(found.get("Tags") or ()), *([told["Tag"]] if told.get("Tag") else ())]
    larger, smaller = found.get("ObjectSizeGreaterThan"), found.get("ObjectSizeLessThan")
    return ObjectFilter(
        prefixes=(str(found.get("Prefix") or rule.get("Prefix") or ""),),
        tags=tuple((str(tag["Key"]), str(tag.get("Value", ""))) for tag in tags),
        larger_than=None if larger is None else int(larger),
        smaller_than=None if smaller is None else int(smaller),
    )


def flat(rules: Iterable[Rule]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield what each rule says, by name, in one spelling for all ways to write it, to compare rules with."""
    for place, rule in enumerate(rules, 1):
        where = filter_of(rule)
        told = {"Status": str(rule.get("Status", ""))}
        told |= {"Filter.Prefix": where.prefixes[0]} if where.prefixes[0] else {}
        told |= {f"Filter.Tag {name}": value for name, value in where.tags}
        sizes = (
            ("ObjectSizeGreaterThan", where.larger_than),
            ("ObjectSizeLessThan", where.smaller_than),
        )
        told |= {f"Filter.{name}": str(size) for name, size in sizes if size is not None}
        for kind in ("Expiration", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
            told |= _said_of(kind, rule.get(kind) or {})
        for kind in ("Transitions", "NoncurrentVersionTransitions"):
            for move in rule.get(kind) or ():
                told |= _said_of(f"{kind[:-1]} to {move.get('StorageClass')}", move)
        yield str(rule.get("ID") or f"rule {place}"), told


def _said_of(kind: str, numbers: Mapping[str, Any]) -> dict[str, str]:
    shown = {
        name: _date(value).isoformat() if name == "Date" else str(value)
        for name, value in numbers.items()
        if name != "StorageClass" and value is not False
    }
    return {f"{kind}.{name}": value for name, value in shown.items()}


def unread(rules: Iterable[Rule]) -> Iterator[str]:
    """Name the elements of rules that are not known here."""
    for place, rule in enumerate(rules, 1):
        name = rule.get("ID") or f"rule {place}"
        told = rule.get("Filter") or {}
        both = told.get("And") or {}
        yield from (f"{one} of {name}" for one in sorted(set(rule) - _RULE))
        yield from (f"Filter.{one} of {name}" for one in sorted({*told, *both} - _FILTER))


def _action(
    name: str,
    rule: Rule,
    kind: str,
    numbers: Mapping[str, Any],
    where: ObjectFilter,
    phase: Phase,
) -> LifecycleAction:
    is_current = phase is Phase.CURRENT
    days = numbers.get("Days" if is_current else "NoncurrentDays")
    to_class = str(numbers.get("StorageClass", ""))
    return LifecycleAction(
        rule=name,
        text=_text(kind, numbers, where),
        remedy=_remedy(name, rule, kind, where),
        effect=Effect.ARCHIVE if to_class else Effect.REMOVE,
        phase=phase,
        where=where,
        days=int(days) if days is not None and is_current else None,
        noncurrent_days=int(days or 0) if not is_current else None,
        date=_date(numbers["Date"]) if numbers.get("Date") else None,
        newer=int(numbers.get("NewerNoncurrentVersions") or 0),
        storage_class=to_class,
    )


def _text(kind: str, numbers: Mapping[str, Any], where: ObjectFilter) -> str:
    """Write an action in one line, with the words of the configuration."""
    told = [f"{name} {_said(value)}" for name, value in numbers.items()]
    told += [f"Prefix {where.prefixes[0]!r}"] if where.prefixes[0] else []
    told += [f"Tag {name}={value}" for name, value in where.tags]
    told += [] if where.larger_than is None else [f"ObjectSizeGreaterThan {where.larger_than}"]
    told += [] if where.smaller_than is None else [f"ObjectSizeLessThan {where.smaller_than}"]
    return f"{kind}: {', '.join(told)}"


def _said(value: Any) -> str:
    return value.date().isoformat() if isinstance(value, datetime) else str(value)


def _remedy(name: str, rule: Rule, kind: str, where: ObjectFilter) -> str:
    """Say the smallest change of the rule that takes an action away."""
    others = [one for one in _ACTIONS if one != kind and rule.get(one) and one != f"{kind}s"]
    several = len(rule.get(f"{kind}s") or ()) > 1
    if others or several:
        taken = f"take {kind} out of the rule {name!r} and leave the rest of it"
    else:
        taken = f"set Status of the rule {name!r} to Disabled"
    if where.tags:
        key, value = where.tags[0]
        return f"{taken}, or take the tag {key}={value} off the object"
    return taken


_ACTIONS = (
    *("Expiration", "NoncurrentVersionExpiration", "Transitions"),
    *("NoncurrentVersionTransitions", "AbortIncompleteMultipartUpload"),
)


def _date(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _unreadable(name: str, error: Exception) -> InvalidInput:
    return InvalidInput(
        f"the lifecycle rule {name!r} cannot be read",
        subject=name,
        expected="the shape of a lifecycle configuration of S3",
        found=f"{type(error).__name__}: {error}",
    )
