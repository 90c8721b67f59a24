"""Lifecycle rules as somebody sent them to S3: the AWS CLI's JSON, the API's XML, or a plan of Terraform's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree as ET

from landfast.errors import InvalidInput
from landfast.stores.s3.lifecycle import Rule, rules_of_xml

_RESOURCE = "aws_s3_bucket_lifecycle_configuration"
_EXPECTED = (
    '{"Rules": [...]} of the AWS CLI, <LifecycleConfiguration> of the API,'
    f" or `terraform show -json` with a resource {_RESOURCE}"
)
# Terraform's blocks of a rule, what they are called at AWS, and whether there may be several.
_BLOCKS = {
    "expiration": ("Expiration", False),
    "noncurrent_version_expiration": ("NoncurrentVersionExpiration", False),
    "abort_incomplete_multipart_upload": ("AbortIncompleteMultipartUpload", False),
    "transition": ("Transitions", True),
    "noncurrent_version_transition": ("NoncurrentVersionTransitions", True),
}


def read_sent(text: str, bucket: str) -> tuple[list[Rule], str | None]:
    """Return the rules that a file sends to a bucket, and what it says of small objects that are moved.

    Raises:
        InvalidInput: If it is none of the three, or says nothing of the bucket.
    """
    if text.lstrip().startswith("<"):
        return _of_xml(text), None
    try:
        found = json.loads(text)
    except ValueError as error:
        raise _unknown(f"neither XML nor JSON: {error}") from None
    if not isinstance(found, Mapping):
        raise _unknown(f"a JSON {type(found).__name__}")
    for inner in ("LifecycleConfiguration", "lifecycle_configuration"):
        found = found.get(inner, found)
    if isinstance(found.get("Rules"), list):
        return found["Rules"], found.get("TransitionDefaultMinimumObjectSize")
    return _of_terraform(found, bucket)


def _of_xml(text: str) -> list[Rule]:
    try:
        root = ET.fromstring(text)  # noqa: S314 - expat limits entities itself
    except ET.ParseError as error:
        raise _unknown(f"no XML: {error}") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag != "LifecycleConfiguration":
        raise _unknown(f"<{root.tag}>")
    return rules_of_xml(root)


def _of_terraform(found: Mapping[str, Any], bucket: str) -> tuple[list[Rule], str | None]:
    values = found.get("planned_values") or found.get("values") or {}
    resources = [*_resources(values.get("root_module") or {})]
    named = [one for one in resources if one.get("bucket") in {bucket, None}]
    if len(named) > 1:
        named = [one for one in named if one.get("bucket") == bucket]
    if len(named) != 1:
        told = sorted(str(one.get("bucket")) for one in resources)
        raise _unknown(f"{_RESOURCE} of {', '.join(told)}" if told else "JSON without any of them")
    (values,) = named
    rules = [_rule(one) for one in values.get("rule") or ()]
    return rules, values.get("transition_default_minimum_object_size")


def _resources(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for one in module.get("resources") or ():
        if one.get("type") == _RESOURCE:
            yield one.get("values") or {}
    for child in module.get("child_modules") or ():
        yield from _resources(child)


def _rule(block: Mapping[str, Any]) -> Rule:
    """Return a rule of Terraform's in the shape of AWS's tools."""
    rule: dict[str, Any] = {"ID": block.get("id") or "", "Status": block.get("status") or "Enabled"}
    if block.get("prefix"):
        rule["Prefix"] = block["prefix"]
    for told in block.get("filter") or ():
        rule["Filter"] = _filter(told or {})
    for name, (called, is_list) in _BLOCKS.items():
        blocks = [_numbers(one or {}) for one in block.get(name) or ()]
        if blocks:
            rule[called] = blocks if is_list else blocks[0]
    return rule


def _filter(block: Mapping[str, Any]) -> dict[str, Any]:
    both = [*(block.get("and") or ())]
    if both:
        return {"And": _filter(both[0] or {})}
    tags = [{"Key": one["key"], "Value": one["value"]} for one in block.get("tag") or ()]
    tags += [{"Key": name, "Value": value} for name, value in (block.get("tags") or {}).items()]
    sizes = _numbers({n: v for n, v in block.items() if n.startswith("object_size")})
    found: dict[str, Any] = {"Prefix": block["prefix"]} if block.get("prefix") else {}
    return found | ({"Tags": tags} if tags else {}) | sizes


def _numbers(block: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a block says; Terraform writes a number that is not set as 0 or as nothing."""
    has_date = bool(block.get("date"))
    found: dict[str, Any] = {}
    for name, value in block.items():
        is_day_0 = name == "days" and value == 0 and not has_date and "storage_class" in block
        if value not in {None, "", False} or is_day_0:
            called = "".join(word.capitalize() for word in name.split("_"))
            is_text = name in {"date", "storage_class", "expired_object_delete_marker"}
            found[called] = value if is_text else int(value)
    return found


def _unknown(found: str) -> InvalidInput:
    return InvalidInput("the file has no lifecycle rules", expected=_EXPECTED, found=found)
