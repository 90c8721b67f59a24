"""The error codes of S3 by what they mean, and the facts of an error reply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DENIED = frozenset({"AccessDenied", "AllAccessDisabled", "AccountProblem", "Forbidden", "403"})
CREDENTIALS = {
    "ExpiredToken": "The session token has expired: renew it (aws sso login, a new AssumeRole, ...).",
    "ExpiredTokenException": "The session token has expired: renew it (aws sso login, ...).",
    "TokenRefreshRequired": "The session token has expired: renew it (aws sso login, ...).",
    "RequestTimeTooSkewed": "The clocks of this machine and of the server differ: set the clock.",
    "RequestExpired": "The clocks of this machine and of the server differ: set the clock.",
    "InvalidAccessKeyId": "The server does not know the access key: check AWS_PROFILE, the keys and the endpoint.",
    "InvalidToken": "The session token is not valid: check AWS_SESSION_TOKEN, it belongs to one pair of keys.",
    "InvalidClientTokenId": "The access key is not valid: check AWS_PROFILE and the keys.",
    "SignatureDoesNotMatch": "The secret key does not belong to the access key, or a proxy changes requests.",
    "NotSignedUp": "The account has no S3.",
    "401": "Check the credentials.",
}
REGION = frozenset(
    {
        "PermanentRedirect",
        "TemporaryRedirect",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
    }
)
MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "NoSuchBucket", "NotFound", "404"})
UNSUPPORTED = frozenset({"MethodNotAllowed", "NotImplemented", "XNotImplemented"})
# The server is asked too often; of the others something broke.
THROTTLED = frozenset(
    {
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "ServiceUnavailable",
    }
)
BUSY = THROTTLED | {
    "InternalError",
    "InternalFailure",
    "RequestTimeout",
    "OperationAborted",
    "ConditionalRequestConflict",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """An error reply, without anything secret."""

    code: str
    status: int
    message: str
    headers: Mapping[str, str]
    region: str | None
    argument: str | None

    @classmethod
    def of(cls, reply: Mapping[str, Any]) -> Fact:
        """Read a reply as botocore parsed it."""
        error, meta = reply.get("Error", {}), reply.get("ResponseMetadata", {})
        headers = meta.get("HTTPHeaders", {})
        return cls(
            code=str(error.get("Code", "")),
            status=int(meta.get("HTTPStatusCode", 0)),
            message=str(error.get("Message") or ""),
            headers=headers,
            region=error.get("Region") or headers.get("x-amz-bucket-region"),
            argument=error.get("ArgumentName"),
        )

    @property
    def text(self) -> str:
        """The status, the code and the message, for the words of an error."""
        parts = dict.fromkeys((str(self.status), self.code, self.message))
        return " ".join(part for part in parts if part)

    @property
    def details(self) -> dict[str, Any]:
        """What programs may want to know."""
        known = {
            "status": self.status,
            "code": self.code,
            "request_id": self.headers.get("x-amz-request-id"),
        }
        return {name: value for name, value in known.items() if value}

    @property
    def is_delete_marker(self) -> bool:
        """Whether the reply is about a delete marker."""
        return self.headers.get("x-amz-delete-marker", "").lower() == "true"
