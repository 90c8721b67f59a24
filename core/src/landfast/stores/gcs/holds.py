"""Hold generations of Cloud Storage: temporary holds, and event-based ones.

A hold is set only on the metageneration that was read before, so what somebody else does in between is seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from landfast.clouds.gcs_client import object_path
from landfast.clouds.gcs_errors import Asked
from landfast.errors import AccessDenied, LandfastError
from landfast.model.storage.holds import HoldKind
from landfast.stores.holds import HoldMark, HoldOperations, HoldRequest

# Taking away a temporary hold has no other effect; an event-based one begins the bucket's retention period anew.
KINDS = (HoldKind.TEMPORARY, HoldKind.EVENT_BASED)

PERMISSION = "storage.objects.update"
OPERATIONS = HoldOperations(
    check="", may="buckets.testIamPermissions", get="objects.get", put="objects.patch"
)

_PROPERTIES = {HoldKind.TEMPORARY: "temporaryHold", HoldKind.EVENT_BASED: "eventBasedHold"}


class Send(Protocol):
    """Sends one request of the JSON API, and lets only Landfast's errors out."""

    def __call__(
        self,
        asked: Asked,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        body: bytes | None = None,
    ) -> Any:
        """Return the JSON of the reply."""
        ...


def may_hold(send: Send, asked: HoldRequest) -> None:
    """Ask which permissions there are, which itself takes none; see `Holder.may_hold`."""
    bucket = asked.location.authority
    about = Asked.of(asked.location, "asked about", PERMISSION)
    try:
        path = f"/b/{bucket}/iam/testPermissions"
        found = send(about, "GET", path, {"permissions": PERMISSION})
    except LandfastError:
        return  # not every server answers this; the first hold will tell
    if PERMISSION not in (found.get("permissions") or ()):
        raise AccessDenied(
            f"objects of gs://{bucket} may not be held",
            subject=f"gs://{bucket}",
            expected=f"permission {PERMISSION}",
            hint=f"Grant {PERMISSION} on gs://{bucket}, for example with roles/storage.objectUser.",
            permission=PERMISSION,
        )


def get_hold(send: Send, asked: HoldRequest) -> HoldMark:
    """Ask for the metadata of the generation; see `Holder.get_hold`."""
    about = _about(asked, "asked about", "storage.objects.get")
    name = _PROPERTIES[asked.kind]
    parameters = {"generation": asked.version_id, "fields": f"{name},metageneration"}
    found = send(about, "GET", _path(asked), parameters)
    return HoldMark(on=found.get(name) is True, seen=str(found["metageneration"]))


def put_hold(send: Send, asked: HoldRequest, mark: HoldMark) -> None:
    """Edit the metadata of the generation; see `Holder.put_hold`."""
    parameters = {"generation": asked.version_id, "fields": "generation"}
    if mark.seen:
        parameters["ifMetagenerationMatch"] = mark.seen
    body = json.dumps({_PROPERTIES[asked.kind]: mark.on}).encode()
    send(_about(asked, "held or released", PERMISSION), "PATCH", _path(asked), parameters, body)


def _about(asked: HoldRequest, verb: str, permission: str) -> Asked:
    return Asked.of(asked.location, verb, permission, asked.version_id)


def _path(asked: HoldRequest) -> str:
    return object_path(asked.location.authority, asked.location.key)
