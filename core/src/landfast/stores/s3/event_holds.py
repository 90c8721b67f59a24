"""Event holds of Object Lock: an object version stays until it is released, and so many days after.

They are a part of an object's retention, and whoever puts one says all of it: what was set before is read right before,
and said again.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from landfast.errors import AccessDenied, InvalidInput, LandfastError, NotFound
from landfast.model.times import format_time
from landfast.stores.holds import HoldMark, HoldOperations, HoldRequest
from landfast.stores.s3.holds import NEVER_SET, Send, about, parameters

OPERATIONS = HoldOperations(
    check="GetObjectLockConfiguration",
    may="PutObjectRetention",
    get="GetObjectRetention",
    put="PutObjectRetention",
    says_all=True,
)


def check_client(client: Any) -> None:
    """Refuse a botocore that cannot say what an event hold is: `InvalidInput`."""
    shape = client.meta.service_model.shape_for("ObjectLockRetention")
    if "EventHold" not in shape.members:
        raise InvalidInput(
            "this botocore does not know event holds",
            expected="botocore 1.44 or newer",
            hint="pip install -U boto3; or leave out kind=, for a legal hold.",
            unsupported=True,
        )


def may_hold(send: Send, asked: HoldRequest) -> None:
    """Ask by half a retention: who may not is told so before it is read; see `Holder.may_hold`."""
    try:
        _put(send, asked, {"Mode": "GOVERNANCE"})
    except AccessDenied:
        raise
    except LandfastError:
        return


def get_hold(send: Send, asked: HoldRequest) -> HoldMark:
    """Ask with GetObjectRetention; see `Holder.get_hold`."""
    asking = about(asked, "s3:GetObjectRetention", "asked about")
    try:
        reply = send(asking, "get_object_retention", **parameters(asked))
    except NotFound as error:
        if error.details.get("code") in NEVER_SET:
            return HoldMark(on=False)
        raise
    found = reply.get("Retention") or {}
    return HoldMark(on=found.get("EventHold") == "ON", seen=_told(found))


def put_hold(send: Send, asked: HoldRequest, mark: HoldMark, days: int) -> None:
    """Set it with PutObjectRetention, beside what else is set; see `Holder.put_hold`."""
    before: dict[str, Any] = json.loads(mark.seen) if mark.seen else {}
    retention = {"EventHold": "ON", "EventHoldDuration": {"Days": days}}
    if not mark.on:
        retention = {"EventHold": "OFF"}
    _put(send, asked, {**before, **retention})


def _told(found: dict[str, Any]) -> str:
    """Return what else is set, as text."""
    until = found.get("RetainUntilDate")
    if found.get("Mode") is None or not isinstance(until, datetime):
        return ""
    return json.dumps({"Mode": found["Mode"], "RetainUntilDate": format_time(until)})


def _put(send: Send, asked: HoldRequest, retention: dict[str, Any]) -> None:
    asking = about(asked, "s3:PutObjectRetention", "held or released")
    send(asking, "put_object_retention", Retention=retention, **parameters(asked))
