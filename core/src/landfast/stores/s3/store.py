"""The store of `s3://`: AWS and everything that speaks its protocol, through boto3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from landfast.clouds.per_process import PerProcess
from landfast.clouds.s3_client import S3Options, make_client, public_endpoint
from landfast.clouds.s3_errors import Asked, asking
from landfast.clouds.s3_get import GetWire
from landfast.clouds.s3_wire import ListWire
from landfast.errors import AccessDenied, InvalidInput, LandfastError, NotFound, ObjectChanged
from landfast.model.location import Location
from landfast.model.retention.rules import ObjectLock
from landfast.model.storage.archive import RestoreReply, Tier
from landfast.model.storage.holds import HoldKind
from landfast.model.storage.requests import Operations, Tried, untold
from landfast.stores.archive import RESTORE
from landfast.stores.base import (
    Capabilities,
    ChecksumKind,
    ClientFactory,
    Kind,
    ListRequest,
    ObjectInfo,
    OptionKinds,
    Page,
    Pin,
    PresignRequest,
    Reader,
    Versioning,
    first_row,
    locate_by_listing,
)
from landfast.stores.holds import HoldMark, HoldOperations, HoldRequest
from landfast.stores.s3 import event_holds
from landfast.stores.s3.archive import asked_for, restore_object, restore_refusal
from landfast.stores.s3.holds import KINDS, OPERATIONS, check_hold, get_hold, may_hold, put_hold
from landfast.stores.s3.listing import list_page
from landfast.stores.s3.objects import ETAG, PROVIDER_CHECKSUMS, describe
from landfast.stores.s3.permissions import minimal_permissions
from landfast.stores.s3.presign import CORS_SETTING, presign
from landfast.stores.s3.reader import NULL, open_pin
from landfast.stores.s3.request import Listing, is_directory_bucket
from landfast.stores.s3.sent import read_sent
from landfast.stores.s3.settings import QUESTIONS, BucketSettings, lock_of, tags_of, told_by

_VERSIONING = {
    "Enabled": Versioning.ENABLED,
    "Suspended": Versioning.SUSPENDED,
    None: Versioning.OFF,
}

_OPERATIONS = Operations(list="ListObjectsV2", stat="HeadObject", read="GetObject")


class S3Store:
    """Read objects of buckets.

    A pin with a version id is read by that id.  One without, or with ``null``, is read with
    ``If-Match``; if that fails, one further request asks for the version ``null``: an object from
    before versioning was turned on stays readable under that id when it is overwritten or deleted.

    A directory bucket (``--x-s3``) keeps no versions and lists without an order: whole folders are listed, and
    sorted by who turns the pages.

    At AWS a bucket of another region than the configured one costs one further request per process.

    Args:
        options: See `S3Options`.
        client: Makes a boto3 S3 client; called once in each process, and it wins over
            every option but `requester_pays`.  Its own retries should be off.

    Raises:
        InvalidInput: If an option is unknown or has a wrong value.

    Example:
        >>> S3Store({"endpoint": "http://127.0.0.1:9000", "anonymous": True}).endpoint
        'http://127.0.0.1:9000'
    """

    option_kinds = OptionKinds(
        recorded=frozenset({"region", "addressing", "requester_pays", "anonymous"}),
        identity=frozenset({"profile", "role", "access_key_id"}),
        endpoint="endpoint",
    )

    permissions = staticmethod(minimal_permissions)

    restores = True

    on_request: Tried = staticmethod(untold)

    def __init__(
        self,
        options: Mapping[str, Any] | None = None,
        *,
        client: ClientFactory | None = None,
    ) -> None:
        self._options = S3Options.of(options)
        self._factory = client
        self._client = PerProcess(partial(make_client, self._options, client))
        self._wire = PerProcess(self._make_wire)
        self._reads = PerProcess(self._make_reads)
        self._settings = PerProcess(self._make_settings)

    def _make_wire(self) -> ListWire:
        return ListWire(self._client())

    def _make_reads(self) -> GetWire:
        return GetWire(self._client())

    def _make_settings(self) -> BucketSettings:
        return BucketSettings(self._client())

    def __repr__(self) -> str:
        handed_in = ", client=..." if self._factory is not None else ""
        return f"S3Store({self._options!r}{handed_in})"

    @property
    def endpoint(self) -> str | None:
        """The effective endpoint; None at AWS."""
        return public_endpoint(self._client().meta.endpoint_url)

    def capabilities(self) -> Capabilities:
        """Tell what S3 can do."""
        return Capabilities(
            versions=True,
            seeks=True,
            ranges=True,
            list_checksums=(ETAG,),
            stat_checksums=tuple(PROVIDER_CHECKSUMS),
            clock="https://s3.amazonaws.com",
            operations=_OPERATIONS,
            lists_restores=self.endpoint is None,
            presigns=True,
            inventories=True,
            holds=KINDS,
            cors_setting=CORS_SETTING,
            versioning_command="aws s3api put-bucket-versioning --bucket {bucket}"
            " --versioning-configuration Status=Enabled",
        )

    def versioning(self, location: Location) -> Versioning:
        """Ask with GetBucketVersioning; a refused or unsupported question is `UNKNOWN`."""
        if is_directory_bucket(location.authority):
            return Versioning.NONE
        asked = Asked(location=location, verb="asked", permission="s3:GetBucketVersioning")
        try:
            reply = self._send(asked, "get_bucket_versioning", Bucket=location.authority)
        except (AccessDenied, InvalidInput) as error:
            if error.details.get("permission") or error.details.get("unsupported"):
                return Versioning.UNKNOWN
            raise
        return _VERSIONING.get(reply.get("Status"), Versioning.UNKNOWN)

    def locate(self, location: Location) -> Kind:
        """Tell by at most two list requests; in a directory bucket the object is asked for by itself."""
        if not is_directory_bucket(location.authority):
            return locate_by_listing(self, location)
        folder = first_row(self, location.as_folder())
        try:
            self.stat(location, checksum=False)
        except NotFound as error:
            if "bucket" in error.details:
                raise
            return Kind.MISSING if folder is None else Kind.FOLDER
        return Kind.OBJECT if folder is None else Kind.BOTH

    def list_page(self, request: ListRequest) -> Page:
        """List with ListObjectsV2, or ListObjectVersions."""
        location, versions = request.location, request.versions
        if request.checksum not in {None, False, ETAG}:
            raise _unknown_kind(request.checksum, f"in lists: {ETAG}")
        if versions and is_directory_bucket(location.authority):
            raise InvalidInput(
                f"{location.authority} is a directory bucket, which keeps no versions",
                subject=str(location),
                unsupported=True,
            )
        # Of compatible servers most do not know it, and some refuse what they do not know.
        listing = Listing(request, restores=self.endpoint is None)
        permission = "s3:ListBucketVersions" if versions else "s3:ListBucket"
        asked = Asked(location=location, verb="listed", permission=permission)
        wire = self._wire()
        self.on_request("ListObjectVersions" if versions else _OPERATIONS.list)
        return asking(asked, lambda: list_page(wire, listing, self._payer()))

    def stat(
        self, location: Location, *, version_id: str | None = None, checksum: ChecksumKind = None
    ) -> ObjectInfo:
        """Describe with HeadObject; a delete marker is `NotFound` with ``details["delete_marker"]``."""
        if checksum not in {None, False, ETAG, *PROVIDER_CHECKSUMS}:
            raise _unknown_kind(checksum, f": {', '.join((ETAG, *PROVIDER_CHECKSUMS))}")
        permission = "s3:GetObjectVersion" if version_id else "s3:GetObject"
        asked = Asked(
            location=location, verb="described", permission=permission, version_id=version_id
        )
        parameters: dict[str, Any] = {"Bucket": location.authority, "Key": location.key}
        if version_id:
            parameters["VersionId"] = version_id
        if checksum in PROVIDER_CHECKSUMS:
            parameters["ChecksumMode"] = "ENABLED"
        reply = self._send(asked, "head_object", **parameters, **self._payer())
        _check_version(reply, asked)
        return describe(reply, location, checksum)

    def open(self, pin: Pin, *, start: int = 0) -> AbstractContextManager[Reader]:
        """Open with GetObject."""
        self.on_request(_OPERATIONS.read)
        return open_pin(self._reads(), pin, start, self._payer())

    def restore(
        self, location: Location, tier: Tier, days: int | None, *, version_id: str | None = None
    ) -> RestoreReply:
        """Ask with RestoreObject; see `landfast.stores.archive.Archive`."""
        self.on_request(RESTORE)
        asked, send = asked_for(location, version_id), self._client().restore_object
        return restore_object(send, asked, tier, days, self._payer())

    def refusal(self, location: Location) -> LandfastError | None:
        """Ask for an object that is not there; see `landfast.stores.archive.Archive`."""
        return restore_refusal(self._client().restore_object, location, self._payer())

    def presign(self, pin: Pin, request: PresignRequest) -> str | None:
        """Sign a GetObject of one version; a bucket that is read without credentials needs no signature.

        See `landfast.stores.base.Presigner`.
        """
        return presign(self._client(), pin, request, self._payer())

    def rule_questions(self) -> tuple[str, ...]:
        """Name what a bucket is asked about its rules; see `landfast.stores.rules.RuleTeller`."""
        return QUESTIONS

    def ask_rules(self, location: Location, question: str) -> dict[str, Any]:
        """Ask a bucket one question about its rules."""
        settings: BucketSettings = self._settings()
        return settings.answer(location, question)

    def sent_rules(self, location: Location, text: str) -> dict[str, Any]:
        """Read lifecycle rules as the AWS CLI, the API or Terraform write them."""
        return told_by(*read_sent(text, location.authority))

    def tags(self, location: Location, version_id: str | None) -> Mapping[str, str]:
        """Ask with GetObjectTagging."""
        return tags_of(self._client(), location, version_id)

    def lock(self, location: Location, version_id: str | None) -> ObjectLock:
        """Ask with GetObjectRetention and GetObjectLegalHold."""
        return lock_of(self._client(), location, version_id)

    def hold_operations(self, kind: HoldKind) -> HoldOperations:
        """Name the requests of a hold; see `landfast.stores.holds.Holder`, also of what follows."""
        return event_holds.OPERATIONS if kind is HoldKind.EVENT else OPERATIONS

    def check_hold(self, location: Location, kind: HoldKind) -> None:
        """Ask for Object Lock of the bucket."""
        if kind is HoldKind.EVENT:
            event_holds.check_client(self._client())
        check_hold(self._send, location, is_aws=self.endpoint is None)

    def may_hold(self, asked: HoldRequest) -> None:
        """Ask whether holds may be put."""
        may = event_holds.may_hold if asked.kind is HoldKind.EVENT else may_hold
        may(self._send, asked)

    def get_hold(self, asked: HoldRequest) -> HoldMark:
        """Ask whether a version is held."""
        get = event_holds.get_hold if asked.kind is HoldKind.EVENT else get_hold
        return get(self._send, asked)

    def put_hold(self, asked: HoldRequest, mark: HoldMark) -> None:
        """Hold a version, or release it."""
        if asked.kind is HoldKind.EVENT:
            event_holds.put_hold(self._send, asked, mark, self._options.event_hold_days)
        else:
            put_hold(self._send, asked, mark)

    def path(self, location: Location) -> Path | None:  # noqa: ARG002
        """There is none."""
        return None

    def _send(self, asked: Asked, operation: str, **parameters: Any) -> dict[str, Any]:
        self.on_request("".join(map(str.title, operation.split("_"))))
        send: Callable[..., dict[str, Any]] = getattr(self._client(), operation)
        return asking(asked, lambda: send(**parameters))

    def _payer(self) -> dict[str, Any]:
        return {"RequestPayer": "requester"} if self._options.requester_pays else {}


def _unknown_kind(kind: ChecksumKind, expected: str) -> LandfastError:
    return InvalidInput(f"s3:// has no checksum {kind!r}", expected=f"one {expected}")


def _check_version(reply: Mapping[str, Any], asked: Asked) -> None:
    found = reply.get("VersionId")
    if asked.version_id in {None, found} or (asked.version_id == NULL and found is None):
        return
    raise ObjectChanged(
        f"{asked.name}: the server describes a version that was not requested",
        subject=asked.name,
        expected=f"version id {asked.version_id}",
        found=str(found) if found else "none in the reply: it has no versions",
        version_id=asked.version_id,
        differs="version id",
    )
