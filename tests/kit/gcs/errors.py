"""The error replies of the JSON API, as one exception that the dispatcher turns into a reply."""

from __future__ import annotations


class ApiError(Exception):
    """A request that the server refuses."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message


def invalid(message: str) -> ApiError:
    return ApiError(400, "invalid", message)


def no_such_bucket() -> ApiError:
    return ApiError(404, "notFound", "The specified bucket does not exist.")


def no_such_object(bucket: str, name: str) -> ApiError:
    return ApiError(404, "notFound", f"No such object: {bucket}/{name}")


def condition_not_met() -> ApiError:
    return ApiError(
        412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold."
    )


def under_hold(bucket: str, name: str, hold: str) -> ApiError:
    return ApiError(
        403,
        "objectUnderActiveHold",
        f"Object '{bucket}/{name}' is under active {hold} hold and cannot be deleted, overwritten or archived until"
        " hold is removed.",
    )


def not_modified() -> ApiError:
    return ApiError(304, "notModified", "Not Modified")


def forbidden(permission: str, resource: str) -> ApiError:
    return ApiError(
        403,
        "forbidden",
        f"tester@landfast.test does not have {permission} access to {resource}. Permission"
        f" '{permission}' denied on resource (or it may not exist).",
    )
