"""The JSON API: which method a request calls, whether it is permitted, and what it answers."""

from __future__ import annotations

from typing import Any

from kit.gcs.errors import ApiError, forbidden, invalid
from kit.gcs.fields import apply_mask
from kit.gcs.listing import PAGE_SIZE, list_objects
from kit.gcs.media import check_etag, media_reply
from kit.gcs.messages import (
    error_reply,
    json_body,
    json_reply,
    repeated,
    reply,
    segments,
)
from kit.gcs.objects import StoredObject, object_resource
from kit.gcs.preconditions import Preconditions, integer
from kit.gcs.state import State
from kit.gcs.uploads import Uploads
from kit.servers.exchange import Request, Response

_BUCKET_METHODS = {
    "GET": "storage.buckets.get",
    "PATCH": "storage.buckets.update",
    "PUT": "storage.buckets.update",
    "DELETE": "storage.buckets.delete",
}
_OBJECT_METHODS = {
    "GET": "storage.objects.get",
    "PATCH": "storage.objects.update",
    "PUT": "storage.objects.update",
    "DELETE": "storage.objects.delete",
    "POST": "storage.objects.create",
}


class Api:
    """Answers requests out of `state`.

    Args:
        base_url: What links in resources begin with.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.state = State()
        self.uploads = Uploads(self.state)
        self.denied: set[str] = set()
        self.page_size = PAGE_SIZE

    def answer(self, request: Request) -> Response:
        """Answer one request; every refusal becomes the reply that GCS would give."""
        try:
            return self._route(request)
        except ApiError as error:
            return error_reply(error, media=request.query.get("alt") == "media")

    def _route(self, request: Request) -> Response:
        match segments(request):
            case ["storage", "v1", "b"]:
                return self._buckets(request)
            case ["storage", "v1", "b", bucket]:
                return self._bucket(request, bucket)
            case ["storage", "v1", "b", bucket, "iam", "testPermissions"]:
                return self._test_permissions(request, bucket)
            case ["storage", "v1", "b", bucket, "o"] if request.method == "GET":
                return self._list(request, bucket)
            case ["upload", "storage", "v1", "b", bucket, "o"]:
                return self._upload(request, bucket)
            case ["storage", "v1", "b", bucket, "o", name, *action]:
                return self._object(request, bucket, name, action)
            case ["download", "storage", "v1", "b", bucket, "o", name] if request.method == "GET":
                return self._get(request, bucket, name, media=True)
        raise ApiError(404, "notFound", f"Not Found: {request.method} {request.path}")

    def _permit(self, permission: str, request: Request, bucket: str, name: str = "") -> None:
        """Refuse what is denied, and a requester-pays bucket without a project to pay."""
        if permission in self.denied:
            what = f"Google Cloud Storage {'object' if name else 'bucket'}"
            raise forbidden(permission, f"the {what}")
        known = self.state.buckets.get(bucket)
        payer = request.query.get("userProject") or request.headers.get("x-goog-user-project")
        if known is not None and known.requester_pays and not payer:
            message = "Bucket is a requester pays bucket but no user project provided."
            raise ApiError(400, "required", message)

    def _buckets(self, request: Request) -> Response:
        if request.method == "POST":
            self._permit("storage.buckets.create", request, "")
            body = json_body(request)
            created = self.state.create_bucket(str(body.get("name", "")), body)
            return self._masked(request, created.resource(self.base_url))
        self._permit("storage.buckets.list", request, "")
        known = sorted(self.state.buckets.values(), key=lambda bucket: bucket.name)
        items = [bucket.resource(self.base_url) for bucket in known]
        return self._masked(request, {"kind": "storage#buckets", "items": items})

    def _bucket(self, request: Request, name: str) -> Response:
        if request.method not in _BUCKET_METHODS:
            raise ApiError(405, "methodNotAllowed", f"{request.method} is not allowed here.")
        self._permit(_BUCKET_METHODS[request.method], request, name)
        if request.method == "DELETE":
            self.state.delete_bucket(name)
            return reply(status=204)
        if request.method == "GET":
            bucket = self.state.bucket(name)
        else:
            bucket = self.state.patch_bucket(name, json_body(request))
        return self._masked(request, bucket.resource(self.base_url))

    def _test_permissions(self, request: Request, bucket: str) -> Response:
        self.state.bucket(bucket)
        asked = repeated(request, "permissions")
        held = [permission for permission in asked if permission not in self.denied]
        body = {"kind": "storage#testIamPermissionsResponse", "permissions": held}
        return json_reply(body if held else {"kind": body["kind"]})

    def _list(self, request: Request, name: str) -> Response:
        self._permit("storage.objects.list", request, name)
        with self.state.lock:
            bucket = self.state.bucket(name)
            page = list_objects(bucket, request.query, self.base_url, self.page_size)
        return self._masked(request, page)

    def _upload(self, request: Request, bucket: str) -> Response:
        self._permit("storage.objects.create", request, bucket)
        kind = request.query.get("uploadType")
        if kind == "media":
            return self._resource(request, self.uploads.simple(bucket, request))
        if kind == "multipart":
            return self._resource(request, self.uploads.multipart(bucket, request))
        if kind != "resumable":
            raise invalid(f"uploadType must be media, multipart or resumable, not {kind!r}.")
        if request.method == "POST":
            return self.uploads.begin(bucket, request, self.base_url)
        if request.method == "DELETE":
            return self.uploads.cancel(request)
        done = self.uploads.resume(request)
        return done if isinstance(done, Response) else self._resource(request, done)

    def _object(self, request: Request, bucket: str, name: str, action: list[str]) -> Response:
        if request.method not in _OBJECT_METHODS:
            raise ApiError(405, "methodNotAllowed", f"{request.method} is not allowed here.")
        self._permit(_OBJECT_METHODS[request.method], request, bucket, name)
        when = Preconditions.parse(request.query)
        generation = integer(request.query, "generation")
        match request.method, action:
            case "GET", []:
                return self._get(request, bucket, name, media=request.query.get("alt") == "media")
            case "DELETE", []:
                self.state.delete(bucket, name, generation, when=when)
                return reply(status=204)
            case ("PATCH" | "PUT") as method, []:
                edited = self.state.patch(
                    bucket, name, generation, json_body(request), when=when, whole=method == "PUT"
                )
                return self._resource(request, edited)
            case "POST", ["compose"]:
                body = json_body(request)
                return self._resource(request, self.state.compose(bucket, name, body, when=when))
            case "POST", [("rewriteTo" | "copyTo") as verb, "b", to_bucket, "o", to_name]:
                return self._copy(request, verb, (bucket, name), (to_bucket, to_name))
        raise ApiError(404, "notFound", f"Not Found: {request.method} {request.path}")

    def _get(self, request: Request, bucket: str, name: str, *, media: bool) -> Response:
        self._permit("storage.objects.get", request, bucket, name)
        generation = integer(request.query, "generation")
        when = Preconditions.parse(request.query)
        try:
            found = self.state.get(bucket, name, generation, when=when)
        except ApiError as error:
            # Who may not list is not told that an object is missing.
            if error.status == 404 and "storage.objects.list" in self.denied:
                raise forbidden("storage.objects.list", "the Google Cloud Storage bucket") from None
            raise
        check_etag(found, request.headers)
        return media_reply(found, request.headers) if media else self._resource(request, found)

    def _copy(
        self, request: Request, verb: str, source: tuple[str, str], target: tuple[str, str]
    ) -> Response:
        found = self.state.get(*source, integer(request.query, "sourceGeneration"))
        Preconditions.parse(request.query, source=True).check(found)
        when = Preconditions.parse(request.query)
        made = self.state.copy(found, *target, json_body(request), when=when)
        if verb == "copyTo":
            return self._resource(request, made)
        size = str(len(made.data))
        body = {
            "kind": "storage#rewriteResponse",
            "totalBytesRewritten": size,
            "objectSize": size,
            "done": True,
            "resource": object_resource(made, self.base_url),
        }
        return self._masked(request, body)

    def _resource(self, request: Request, stored: StoredObject) -> Response:
        return self._masked(request, object_resource(stored, self.base_url))

    @staticmethod
    def _masked(request: Request, value: Any) -> Response:
        return json_reply(apply_mask(value, request.query.get("fields")))
