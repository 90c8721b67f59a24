"""What a bucket of S3 does to its objects by itself: asked question by question, one request each.

A reply is read from its bytes, and its root has to be that of the answer: servers that do not know a question answer
with a list of the bucket, which botocore would take for "nothing is configured".
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree as ET

from landfast.clouds.s3_errors import Asked, asking
from landfast.errors import InvalidInput, LandfastError, NotFound
from landfast.model.location import Location
from landfast.model.retention.rules import (
    LIFECYCLE,
    OBJECT_LOCK,
    REPLICATION,
    TIERING,
    VERSIONING,
    Effect,
    LifecycleAction,
    ObjectLock,
    Phase,
)
from landfast.stores.s3.lifecycle import (
    Rule,
    RuleReader,
    filter_of,
    flat,
    rule_of_xml,
    rules_of_xml,
    unread,
)

QUESTIONS = (LIFECYCLE, VERSIONING, OBJECT_LOCK, REPLICATION, TIERING)

_LEAST = "x-amz-transition-default-minimum-object-size"
# By question: the client's method, AWS's name for it, the permission, the root of the answer, the code of "none".
_ASKING: dict[str, tuple[str, str, str, str | tuple[str, ...], str]] = {
    LIFECYCLE: (
        "get_bucket_lifecycle_configuration",
        "GetBucketLifecycleConfiguration",
        "s3:GetLifecycleConfiguration",
        "LifecycleConfiguration",
        "NoSuchLifecycleConfiguration",
    ),
    VERSIONING: (
        "get_bucket_versioning",
        "GetBucketVersioning",
        "s3:GetBucketVersioning",
        ("VersioningConfiguration", "GetBucketVersioning"),  # moto's
        "",
    ),
    OBJECT_LOCK: (
        "get_object_lock_configuration",
        "GetObjectLockConfiguration",
        "s3:GetBucketObjectLockConfiguration",
        "ObjectLockConfiguration",
        "ObjectLockConfigurationNotFoundError",
    ),
    REPLICATION: (
        "get_bucket_replication",
        "GetBucketReplication",
        "s3:GetReplicationConfiguration",
        "ReplicationConfiguration",
        "ReplicationConfigurationNotFoundError",
    ),
    TIERING: (
        "list_bucket_intelligent_tiering_configurations",
        "ListBucketIntelligentTieringConfigurations",
        "s3:GetIntelligentTieringConfiguration",
        "ListBucketIntelligentTieringConfigurations",
        "NoSuchConfiguration",
    ),
}


class BucketSettings:
    """Asks a boto3 client what a bucket does by itself; for any number of threads."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._replies = threading.local()
        for _, operation, *_ in _ASKING.values():
            client.meta.events.register(
                f"before-parse.s3.{operation}",
                self._keep,
                unique_id=f"landfast-settings-{operation}",
            )

    def answer(self, location: Location, question: str) -> dict[str, Any]:
        """Return what a question tells, by the names of `BucketRules`.

        Raises:
            AccessDenied: If it may not be asked.
            InvalidInput: If the server does not know it.
        """
        method, _, permission, root, none = _ASKING[question]
        asked = Asked(location=location, verb=f"asked for {question}", permission=permission)
        send: Callable[..., dict[str, Any]] = getattr(self._client, method)
        with self._listening() as kept:
            try:
                asking(asked, lambda: send(Bucket=location.authority))
            except NotFound as error:
                if not none or error.details.get("code") != none:
                    raise
                return _READERS[question](ET.Element("Nothing"), {})
        return _READERS[question](_root(kept, asked, root), kept.get("headers", {}))

    @contextmanager
    def _listening(self) -> Iterator[dict[str, Any]]:
        kept: dict[str, Any] = {}
        self._replies.kept = kept
        try:
            yield kept
        finally:
            self._replies.kept = None

    def _keep(self, response_dict: Mapping[str, Any], **_: Any) -> None:
        kept = getattr(self._replies, "kept", None)
        if kept is not None and response_dict["status_code"] < 300:
            kept["body"] = response_dict["body"]
            kept["headers"] = {n.lower(): v for n, v in response_dict["headers"].items()}


def tags_of(client: Any, location: Location, version_id: str | None) -> dict[str, str]:
    """Ask for the tags of an object version with GetObjectTagging."""
    permission = "s3:GetObjectVersionTagging" if version_id else "s3:GetObjectTagging"
    asked = _about(location, "asked for its tags", permission, version_id)
    reply = asking(asked, lambda: client.get_object_tagging(**_object(location, version_id)))
    return {tag["Key"]: tag["Value"] for tag in reply.get("TagSet", ())}


def lock_of(client: Any, location: Location, version_id: str | None) -> ObjectLock:
    """Ask what holds an object version: two requests, for its retention and its legal hold."""
    given = _object(location, version_id)
    retention = _or_none(
        _about(location, "asked for its retention", "s3:GetObjectRetention", version_id),
        lambda: client.get_object_retention(**given),
    )
    hold = _or_none(
        _about(location, "asked for its legal hold", "s3:GetObjectLegalHold", version_id),
        lambda: client.get_object_legal_hold(**given),
    )
    return ObjectLock(
        until=retention.get("Retention", {}).get("RetainUntilDate"),
        is_held=hold.get("LegalHold", {}).get("Status") == "ON",
    )


def _or_none(asked: Asked, send: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Send a question; that nothing is set is no error."""
    try:
        return asking(asked, send)
    except LandfastError as error:
        if error.details.get("code") in _NOT_LOCKED:
            return {}
        raise


# How servers say that a version has no retention or hold, or its bucket no Object Lock.
_NOT_LOCKED = frozenset({"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"})


def _object(location: Location, version_id: str | None) -> dict[str, Any]:
    given = {"Bucket": location.authority, "Key": location.key}
    return given | ({"VersionId": version_id} if version_id else {})


def _about(location: Location, verb: str, permission: str, version_id: str | None) -> Asked:
    return Asked(location=location, verb=verb, permission=permission, version_id=version_id)


def _root(kept: Mapping[str, Any], asked: Asked, expected: str | tuple[str, ...]) -> ET.Element:
    found = "nothing"
    try:
        root = ET.fromstring(kept.get("body", b""))  # noqa: S314 - expat limits entities itself
    except ET.ParseError as error:
        found = f"no XML: {error}"
    else:
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        if root.tag.startswith(expected):
            return root
        found = f"<{root.tag}>"
    raise InvalidInput(
        f"{asked.name} can not be {asked.verb}: the server answers another question",
        subject=asked.name,
        expected=f"<{expected if isinstance(expected, str) else expected[0]}>",
        found=found,
        unsupported=True,
    )


def _lifecycle(root: ET.Element, headers: Mapping[str, str]) -> dict[str, Any]:
    return told_by(rules_of_xml(root), headers.get(_LEAST))


def told_by(rules: Sequence[Rule], least: str | None) -> dict[str, Any]:
    """Return what rules tell, by the names of `BucketRules`; `least` is what they say of small objects."""
    return {
        "rules": tuple(rules),
        "actions": tuple(RuleReader(least).actions(rules)),
        "flat": tuple(flat(rules)),
        "unread": tuple(unread(rules)),
    }


def _versioning(root: ET.Element, _: Mapping[str, str]) -> dict[str, Any]:
    status = root.findtext("Status")
    return {"is_versioned": status is not None, "is_suspended": status == "Suspended"}


def _object_lock(root: ET.Element, _: Mapping[str, str]) -> dict[str, Any]:
    is_on = root.findtext("ObjectLockEnabled") == "Enabled"
    default = root.find("Rule/DefaultRetention")
    if default is None:
        return {"has_object_lock": is_on}
    unit = "Days" if default.find("Days") is not None else "Years"
    told = f"{default.findtext(unit)} {unit.lower()} in {default.findtext('Mode')} mode"
    note = (
        f"Object Lock keeps new versions for {told}, unless their writer said otherwise;"
        " what holds a single version is asked for on request"
    )
    return {"has_object_lock": is_on, "notes": (note,)}


def _replication(root: ET.Element, _: Mapping[str, str]) -> dict[str, Any]:
    notes = []
    for rule in root.iter("Rule"):
        if rule.findtext("Status") != "Enabled":
            continue
        to = rule.findtext("Destination/Bucket") or "another bucket"
        name = rule.findtext("ID") or "a rule without an id"
        notes.append(
            f"Replication {name!r} copies to {to}; what lifecycle rules remove here stays there,"
            " and is removed there by that bucket's own rules"
        )
    return {"notes": tuple(notes)}


def _tiering(root: ET.Element, _: Mapping[str, str]) -> dict[str, Any]:
    found = []
    for one in root.iter("IntelligentTieringConfiguration"):
        if one.findtext("Status") != "Enabled":
            continue
        where = filter_of(rule_of_xml(one))
        name = one.findtext("Id") or ""
        for tier in one.iter("Tiering"):
            to, days = tier.findtext("AccessTier") or "", int(tier.findtext("Days") or 0)
            found.append(
                LifecycleAction(
                    rule=name,
                    text=f"Intelligent-Tiering: {to} after {days} days without a read",
                    remedy=f"take {to} out of the Intelligent-Tiering configuration {name!r},"
                    " or read the objects before",
                    effect=Effect.ARCHIVE,
                    phase=Phase.ANY,
                    where=where,
                    days=days,
                    whole_days=False,
                    storage_class=to,
                    is_tiering=True,
                )
            )
    return {"tiering": tuple(found)}


_READERS: dict[str, Callable[[ET.Element, Mapping[str, str]], dict[str, Any]]] = {
    LIFECYCLE: _lifecycle,
    VERSIONING: _versioning,
    OBJECT_LOCK: _object_lock,
    REPLICATION: _replication,
    TIERING: _tiering,
}
