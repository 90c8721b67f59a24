"""Hold versions of objects of S3: legal holds of Object Lock.

A mark has no owner: who put it cannot be told, only that somebody did before us.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from landfast.clouds.s3_errors import Asked
from landfast.errors import AccessDenied, InvalidInput, LandfastError, NotFound
from landfast.model.location import Location
from landfast.model.storage.holds import HoldKind
from landfast.stores.holds import HoldMark, HoldOperations, HoldRequest
from landfast.stores.s3.request import is_directory_bucket

KINDS = (HoldKind.LEGAL, HoldKind.EVENT)

_NO_LOCK = "ObjectLockConfigurationNotFoundError"
# Of an object that never had a hold: AWS, and radosgw.
NEVER_SET = frozenset({"NoSuchObjectLockConfiguration", _NO_LOCK})

OPERATIONS = HoldOperations(
    check="GetObjectLockConfiguration",
    may="PutObjectLegalHold",
    get="GetObjectLegalHold",
    put="PutObjectLegalHold",
)


class Send(Protocol):
    """Sends one request of a client, and lets only Landfast's errors out."""

    def __call__(self, asked: Asked, operation: str, **parameters: Any) -> dict[str, Any]:
        """Return the reply."""
        ...


def check_hold(send: Send, location: Location, *, is_aws: bool) -> None:
    """Ask for the bucket's Object Lock; see `Holder.check_hold`."""
    bucket = location.authority
    if is_directory_bucket(bucket):
        raise _no_lock(bucket, "a directory bucket, which has none", is_aws=False)
    permission = "s3:GetBucketObjectLockConfiguration"
    asked = Asked(location=replace(location, key=""), verb="asked", permission=permission)
    try:
        reply = send(asked, "get_object_lock_configuration", Bucket=bucket)
    except NotFound as error:
        if error.details.get("code") != _NO_LOCK:
            raise
    except InvalidInput as error:
        # Of servers that do not know the question, and of those that call it a bad one.
        if error.details.get("region"):
            raise
        raise _no_lock(bucket, error.found or "no Object Lock", is_aws=is_aws) from None
    else:
        if (reply.get("ObjectLockConfiguration") or {}).get("ObjectLockEnabled") == "Enabled":
            return
    raise _no_lock(bucket, "a bucket without Object Lock", is_aws=is_aws)


def may_hold(send: Send, asked: HoldRequest) -> None:
    """Ask by a request that says nothing: who may not is told so before it is read; see `Holder.may_hold`."""
    try:
        _put(send, asked, {})
    except AccessDenied:
        raise
    except LandfastError:
        return


def get_hold(send: Send, asked: HoldRequest) -> HoldMark:
    """Ask with GetObjectLegalHold; see `Holder.get_hold`."""
    asking = about(asked, "s3:GetObjectLegalHold", "asked about")
    try:
        reply = send(asking, "get_object_legal_hold", **parameters(asked))
    except NotFound as error:
        if error.details.get("code") in NEVER_SET:
            return HoldMark(on=False)
        raise
    return HoldMark(on=(reply.get("LegalHold") or {}).get("Status") == "ON")


def put_hold(send: Send, asked: HoldRequest, mark: HoldMark) -> None:
    """Set it with PutObjectLegalHold; see `Holder.put_hold`."""
    _put(send, asked, {"Status": "ON" if mark.on else "OFF"})


def _put(send: Send, asked: HoldRequest, hold: dict[str, str]) -> None:
    asking = about(asked, "s3:PutObjectLegalHold", "held or released")
    send(asking, "put_object_legal_hold", LegalHold=hold, **parameters(asked))


def about(asked: HoldRequest, permission: str, verb: str) -> Asked:
    """Describe a request about the mark of an object version."""
    return Asked(
        location=asked.location, verb=verb, permission=permission, version_id=asked.version_id
    )


def parameters(asked: HoldRequest) -> dict[str, str]:
    """Return what names an object version in a request."""
    location = asked.location
    return {
        "Bucket": location.authority,
        "Key": location.key,
        "VersionId": asked.version_id,
    }


def _no_lock(bucket: str, found: str, *, is_aws: bool) -> InvalidInput:
    turn_on = (
        "Turn it on, which cannot be undone (versioning has to be on): aws s3api put-object-lock-configuration"
        f" --bucket {bucket} --object-lock-configuration ObjectLockEnabled=Enabled. Or keep a copy of the bytes"
    )
    anew = "Other servers than AWS give it to new buckets only: keep a copy of the bytes"
    return InvalidInput(
        f"objects of s3://{bucket} cannot be held",
        subject=f"s3://{bucket}",
        expected="a bucket with Object Lock",
        found=found,
        hint=f"{turn_on if is_aws else anew} in the registry's store: landfast copy NAME.",
        unsupported=True,
    )
