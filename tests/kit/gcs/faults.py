"""The fault that only this server needs: an error in the JSON that Cloud Storage answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from kit.gcs.errors import ApiError
from kit.gcs.messages import error_reply
from kit.servers.exchange import Request, Response

_REASONS = {
    401: ("authError", "Invalid Credentials"),
    403: ("forbidden", "Access denied."),
    404: ("notFound", "Not Found"),
    408: ("requestTimeout", "Request Timeout"),
    412: ("conditionNotMet", "Precondition Failed"),
    429: ("rateLimitExceeded", "The rate of requests to this bucket is too high. Slow down."),
    500: ("internalError", "We encountered an internal error. Please try again."),
    502: ("backendError", "Bad Gateway"),
    503: ("backendError", "Backend Error"),
    504: ("gatewayTimeout", "Gateway Timeout"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiStatus:
    """Answers with an error of the JSON API; the request is not carried out."""

    status: int
    reason: str = ""
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def early(self, request: Request) -> Response | None:
        """Answer at once."""
        reason, message = _REASONS.get(self.status, ("unknown", "injected by the test"))
        error = ApiError(self.status, self.reason or reason, self.message or message)
        made = error_reply(error, media=request.query.get("alt") == "media")
        return Response(
            status=made.status, headers={**made.headers, **self.headers}, body=made.body
        )

    def late(self, request: Request, response: Response) -> Response:
        """Pass on."""
        return response
