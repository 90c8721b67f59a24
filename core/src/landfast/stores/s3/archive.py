"""Ask S3 for objects of its archives."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from landfast.clouds.s3_errors import Asked, asking
from landfast.errors import (
    AccessDenied,
    Archived,
    InvalidInput,
    LandfastError,
    NotFound,
    Unavailable,
)
from landfast.model.location import Location
from landfast.model.storage.archive import RestoreReply, Tier

_UNDER_WAY = "RestoreAlreadyInProgress"
_NO_CAPACITY = "GlacierExpeditedRetrievalNotAvailable"
_STATUS_RESTORED = 200

Send = Callable[..., dict[str, Any]]


def restore_object(
    send: Send, asked: Asked, tier: Tier, days: int | None, more: dict[str, Any]
) -> RestoreReply:
    """Send RestoreObject; `landfast.stores.archive.Archive.restore` says what the reply means."""
    location = asked.location
    request: dict[str, Any] = {"GlacierJobParameters": {"Tier": str(tier)}}
    if days is not None:
        request["Days"] = days
    parameters = {"Bucket": location.authority, "Key": location.key, "RestoreRequest": request}
    if asked.version_id:
        parameters["VersionId"] = asked.version_id
    try:
        reply = asking(asked, lambda: send(**parameters, **more))
    except Archived:  # InvalidObjectState: it is in no archive, or not any more
        return RestoreReply.READABLE
    except LandfastError as error:
        if error.details.get("code") == _UNDER_WAY:
            return RestoreReply.UNDER_WAY
        refused = _worded(error, tier)
    else:
        status = reply.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return RestoreReply.RESTORED if status == _STATUS_RESTORED else RestoreReply.ASKED
    raise refused


def restore_refusal(send: Send, location: Location, more: dict[str, Any]) -> LandfastError | None:
    """Ask for an object that is not there: who may ask hears that it is not, who may not hears that."""
    beside = replace(location, key=f"{location.key}.landfast-{uuid.uuid4().hex[:12]}")
    asked = asked_for(beside, None)
    try:
        restore_object(send, asked, Tier.STANDARD, 1, more)
    except NotFound:
        return None
    except AccessDenied as error:
        found = error
    except InvalidInput as error:
        return error
    permission = found.details.get("permission")
    return AccessDenied(
        "restoring is not allowed",
        subject=str(location),
        hint=f"Allow {permission}." if permission else found.hint,
        **found.details,
    )


def asked_for(location: Location, version_id: str | None) -> Asked:
    """Return what the request is about."""
    return Asked(
        location=location,
        verb="restored",
        permission="s3:RestoreObject",
        version_id=version_id,
    )


def _worded(error: LandfastError, tier: Tier) -> LandfastError:
    """Say of a tier that it has no capacity, or that the archive does not know it; it is no use to ask again."""
    if error.details.get("code") == _NO_CAPACITY and isinstance(error, Unavailable):
        return Unavailable(
            f"{error.subject} can not be restored in the tier {tier} now",
            subject=error.subject,
            found=error.found,
            hint="Ask in another tier (--tier Standard), or later.",
            **{**error.details, "is_lasting": True},
        )
    is_refused = isinstance(error, InvalidInput) and not error.details.get("unsupported")
    if is_refused and tier is not Tier.STANDARD:
        return InvalidInput(
            error.problem,
            subject=error.subject,
            expected=f"an archive with the tier {tier}",
            found=error.found,
            hint="The deep archive has no Expedited: ask with --tier Standard or Bulk.",
            **error.details,
        )
    return error
