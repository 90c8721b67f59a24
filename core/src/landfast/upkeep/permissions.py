"""The least permissions that reading a place needs, in the words of its provider."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from landfast.model.doctor import MinimalPermissions
from landfast.model.location import Location

_S3_LIST = ("s3:ListBucket", "s3:ListBucketVersions")
_S3_BUCKET = ("s3:GetBucketVersioning",)
_S3_READ = ("s3:GetObject", "s3:GetObjectVersion")
_GCS_NEEDED = ("storage.objects.list", "storage.objects.get")
_GCS_HELPFUL = ("storage.buckets.get",)


def minimal_permissions(location: Location) -> MinimalPermissions:
    """Return what a user needs to record a place and read it back.

    Args:
        location: A folder or an object.

    Example:
        >>> minimal_permissions(Location.parse("s3://b/d/")).policy["Statement"][0]["Action"]
        ['s3:ListBucket', 's3:ListBucketVersions']
    """
    return _PROVIDERS.get(location.scheme, _other)(location)


def _s3(location: Location) -> MinimalPermissions:
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


def _gcs(location: Location) -> MinimalPermissions:
    bucket = f"gs://{location.authority}"
    words = (
        f"{' and '.join(_GCS_NEEDED)} on {bucket}: the role roles/storage.objectViewer.",
        f"{_GCS_HELPFUL[0]} (roles/storage.bucketViewer) lets Landfast say whether the bucket keeps"
        " what is overwritten; without it nothing breaks.",
        f"gcloud storage buckets add-iam-policy-binding {bucket}"
        " --member=serviceAccount:NAME@PROJECT.iam.gserviceaccount.com --role=roles/storage.objectViewer",
    )
    return MinimalPermissions(words=words, names=(*_GCS_NEEDED, *_GCS_HELPFUL))


def _http(location: Location) -> MinimalPermissions:
    words = (
        f"GET on https or http at {location.authority.rpartition('@')[2]}; HEAD spares a request, a Range"
        " header lets a download go on where it stopped. Nothing is listed and nothing is written.",
        "Where the server wants a name and a password: ~/.netrc, or the options username and password.",
    )
    return MinimalPermissions(words=words, names=("GET", "HEAD"))


def _file(location: Location) -> MinimalPermissions:
    words = (
        f"Read on every file, read and search (r-x) on every folder below {location.key},"
        " and search on the folders above it. Nothing is written there.",
    )
    return MinimalPermissions(words=words, names=("r on files", "r-x on folders"))


def _other(location: Location) -> MinimalPermissions:
    words = (f"To list and to read what lies below {location}. Nothing is written there.",)
    return MinimalPermissions(words=words, names=("list", "read"))


_PROVIDERS: dict[str, Callable[[Location], MinimalPermissions]] = {
    "s3": _s3,
    "gs": _gcs,
    "http": _http,
    "https": _http,
    "file": _file,
}
