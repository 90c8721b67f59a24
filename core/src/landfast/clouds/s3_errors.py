"""Translate what botocore raises into Landfast's errors; nothing of the provider passes this file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from landfast.clouds.s3_codes import (
    BUSY,
    CREDENTIALS,
    DENIED,
    MISSING,
    REGION,
    UNSUPPORTED,
    Fact,
)
from landfast.clouds.s3_failures import translate_failure
from landfast.errors import (
    AccessDenied,
    Archived,
    InvalidInput,
    LandfastError,
    NotFound,
    ObjectChanged,
    Unavailable,
)
from landfast.model.location import Location

T = TypeVar("T")

_ACTION = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request is about, for the words of its errors.

    Args:
        location: The object or folder.
        verb: What was tried, as a past participle: ``listed``, ``read``, ``described``.
        permission: The action that the request needs, such as ``s3:GetObject``.
        version_id: The version asked for.
    """

    location: Location
    verb: str
    permission: str
    version_id: str | None = None

    @property
    def name(self) -> str:
        """The object, with its version."""
        return f"{self.location}" + (f" version {self.version_id}" if self.version_id else "")

    @property
    def resource(self) -> str:
        """The ARN that a policy has to name."""
        bucket = f"arn:aws:s3:::{self.location.authority}"
        is_of_objects = "Object" in self.permission and "Bucket" not in self.permission
        return bucket + ("/*" if is_of_objects else "")


def asking(asked: Asked, send: Callable[[], T]) -> T:
    """Send a request and let only Landfast's errors out.

    The error is raised outside of the handler, so that the provider's exception, which may hold
    keys and signatures, is not even its context.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError
    from urllib3.exceptions import HTTPError

    try:
        return send()
    except ClientError as error:
        problem = translate_reply(error.response, asked)
    except (BotoCoreError, Boto3Error, HTTPError, OSError, ValueError) as error:
        if isinstance(error, LandfastError):
            raise
        problem = translate_failure(error, asked.name, asked.verb)
    raise problem


def translate_reply(reply: Mapping[str, Any], asked: Asked) -> LandfastError:
    """Return the error for a reply with an error status."""
    fact = Fact.of(reply)
    for decide in (_archived, _credentials, _region, _missing, _changed, _unsupported, _busy):
        error = decide(fact, asked)
        if error is not None:
            return error
    if fact.code in DENIED or fact.status == 403:
        return _denied(fact, asked)
    return InvalidInput(
        f"{asked.name} can not be {asked.verb}",
        subject=asked.name,
        found=fact.text,
        hint=_BLIND_400 if fact.status == 400 and fact.code == "400" else None,
        **fact.details,
    )


_BLIND_400 = (
    "S3 does not give the reason on HEAD requests: an expired session token, another region than the"
    " bucket's, a version id that the server never gave, or an object encrypted with a customer key."
)


def _archived(fact: Fact, asked: Asked) -> LandfastError | None:
    if fact.code != "InvalidObjectState":
        return None
    version = f" --version-id {asked.version_id}" if asked.version_id else ""
    return Archived(
        f"{asked.name} is archived",
        subject=asked.name,
        expected="an object that can be read at once",
        found=fact.text,
        hint=(
            "Restore it, then try again: landfast restore NAME --wait, or of this object alone"
            f" aws s3api restore-object --bucket {asked.location.authority}"
            f" --key {asked.location.key!r}{version} --restore-request Days=7"
        ),
        archived=True,
        uri=asked.location.uri,
        version_id=asked.version_id,
        **fact.details,
    )


def _credentials(fact: Fact, asked: Asked) -> LandfastError | None:
    hint = CREDENTIALS.get(fact.code)
    if hint is None:
        return None
    return AccessDenied(
        f"{asked.name} could not be {asked.verb}: the credentials are refused",
        subject=asked.name,
        found=f"{fact.status} {fact.code}",
        hint=hint,
        credentials=True,
        **fact.details,
    )


def _region(fact: Fact, asked: Asked) -> LandfastError | None:
    if fact.code not in REGION and not 300 <= fact.status < 400:
        return None
    named = f"region {fact.region!r}" if fact.region else "another region or endpoint"
    set_it = f"AWS_REGION={fact.region}" if fact.region else "AWS_REGION to the bucket's region"
    return InvalidInput(
        f"the bucket of {asked.name} is not served here",
        subject=asked.name,
        expected=named,
        found=fact.text,
        hint=f"Set {set_it}, or the option region for this prefix.",
        region=fact.region,
        **fact.details,
    )


def _missing(fact: Fact, asked: Asked) -> LandfastError | None:
    if fact.code == "NoSuchBucket":
        bucket = asked.location.authority
        return NotFound(
            f"bucket {bucket!r} does not exist",
            subject=bucket,
            hint=f"Check the name in {asked.location}, the endpoint and the account.",
            bucket=bucket,
            **fact.details,
        )
    malformed = (
        fact.code == "InvalidArgument" and "version" in f"{fact.argument}{fact.message}".lower()
    )
    marker = fact.is_delete_marker and fact.status in {404, 405}
    if not (
        fact.code in MISSING or fact.status == 404 or marker or (malformed and asked.version_id)
    ):
        return None
    found = "a delete marker" if marker else fact.text
    return NotFound(
        f"{asked.name} does not exist" + (" any more" if asked.version_id or marker else ""),
        subject=asked.name,
        found=found,
        version_id=asked.version_id,
        delete_marker=marker,
        **fact.details,
    )


def _changed(fact: Fact, asked: Asked) -> LandfastError | None:
    if fact.status == 412 or fact.code == "PreconditionFailed":
        return ObjectChanged(
            f"{asked.name} was overwritten since it was recorded",
            subject=asked.name,
            expected="the recorded ETag",
            found=fact.text,
            **fact.details,
        )
    if fact.status == 416 or fact.code == "InvalidRange":
        return ObjectChanged(
            f"{asked.name} is shorter than recorded",
            subject=asked.name,
            found=fact.text,
            **fact.details,
        )
    return None


def _unsupported(fact: Fact, asked: Asked) -> LandfastError | None:
    if fact.code not in UNSUPPORTED and fact.status not in {405, 501}:
        return None
    return InvalidInput(
        f"{asked.name} can not be {asked.verb} this way: the server does not support it",
        subject=asked.name,
        expected=f"a server with {asked.permission}",
        found=fact.text,
        unsupported=True,
        **fact.details,
    )


def _busy(fact: Fact, asked: Asked) -> LandfastError | None:
    if fact.code not in BUSY and fact.status != 429 and fact.status < 500:
        return None
    wait = fact.headers.get("retry-after", "")
    return Unavailable(
        f"{asked.name} could not be {asked.verb} now",
        subject=asked.name,
        found=fact.text,
        retry_after=float(wait) if wait.isdecimal() else None,
        **fact.details,
    )


def _denied(fact: Fact, asked: Asked) -> LandfastError:
    # AWS names the action itself, which may be another's: kms:Decrypt.
    named = _ACTION.search(fact.message)
    permission = named[1] if named else asked.permission
    if permission != asked.permission:
        hint = f"Allow {permission}."
    elif asked.verb not in {"read", "described"}:
        hint = f"Allow {permission} on {asked.resource}."
    else:
        hint = (
            f"Allow {permission} on {asked.resource} (S3 says the same of a missing object where"
            " s3:ListBucket is not allowed)."
        )
    return AccessDenied(
        f"{asked.name} may not be {asked.verb}",
        subject=asked.name,
        expected=f"permission {permission}",
        found=fact.text,
        hint=hint,
        permission=permission,
        **fact.details,
    )
