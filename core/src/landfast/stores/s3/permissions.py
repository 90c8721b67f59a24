"""The least permissions that reading a bucket of S3 needs, as an IAM policy."""

from __future__ import annotations

import re
from typing import Any

from landfast.model.doctor import MinimalPermissions
from landfast.model.location import Location

_S3_LIST = ("s3:ListBucket", "s3:ListBucketVersions")
_S3_BUCKET = ("s3:GetBucketVersioning",)
_S3_READ = ("s3:GetObject", "s3:GetObjectVersion")


def minimal_permissions(location: Location) -> MinimalPermissions:
    """Return what a user needs to record a folder or an object and read it back.

    Example:
        >>> minimal_permissions(Location.parse("s3://b/d/")).policy["Statement"][0]["Action"]
        ['s3:ListBucket', 's3:ListBucketVersions']
    """
    name = location.authority
    bucket = name if name.startswith("arn:") else f"arn:aws:s3:::{name}"
    inside = f"{bucket}/object" if name.startswith("arn:") else bucket
    key = _literal(location.key)
    listing: dict[str, Any] = {
        "Sid": "LandfastList",
        "Effect": "Allow",
        "Action": list(_S3_LIST),
        "Resource": bucket,
    }
    if key:
        prefixes = [f"{key}*"] if location.is_folder else [key, f"{key}/*"]
        listing["Condition"] = {"StringLike": {"s3:prefix": prefixes}}
    objects = (
        [f"{inside}/{key}*"] if location.is_folder else [f"{inside}/{key}", f"{inside}/{key}/*"]
    )
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            listing,
            {
                "Sid": "LandfastVersioning",
                "Effect": "Allow",
                "Action": list(_S3_BUCKET),
                "Resource": bucket,
            },
            {
                "Sid": "LandfastRead",
                "Effect": "Allow",
                "Action": list(_S3_READ),
                "Resource": objects[0] if len(objects) == 1 else objects,
            },
        ],
    }
    words = (
        "This IAM policy, for the user or role whose credentials Landfast finds."
        " Objects that are encrypted with a KMS key need kms:Decrypt on the key as well.",
        "Without s3:GetBucketVersioning nothing breaks: what it would tell is found out by listing.",
    )
    return MinimalPermissions(words=words, names=(*_S3_LIST, *_S3_BUCKET, *_S3_READ), policy=policy)


def _literal(key: str) -> str:
    """Write a key so that IAM takes none of its characters for a wildcard or a variable."""
    return re.sub(r"[*?$]", lambda found: f"${{{found[0]}}}", key)
