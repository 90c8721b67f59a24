"""Requests as the proxy sees them, and what kind of request each is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it came from the client."""

    method: str
    target: str
    """Path and query, byte for byte as sent."""
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes
    kind: str
    """`list-objects-v2`, `head`, `get-object`, ... as the proxy's classifier says."""

    @property
    def path(self) -> str:
        """The path, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, decoded; a parameter without a value is an empty string."""
        return _query(self.target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer as the server behind the proxy gave it, or as a fault made it."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes


Classifier = Callable[[str, str, Mapping[str, str]], str]

_BUCKET_GET = {
    "versions": "list-versions",
    "list-type": "list-objects-v2",
    "versioning": "get-bucket-versioning",
    "location": "get-bucket-location",
    "uploads": "list-uploads",
    "lifecycle": "get-bucket-lifecycle",
    "object-lock": "get-object-lock",
    "replication": "get-bucket-replication",
    "intelligent-tiering": "list-tiering",
}
_OBJECT_GET = {
    "attributes": "get-object-attributes",
    "tagging": "get-object-tagging",
    "uploadId": "list-parts",
    "retention": "get-object-retention",
    "legal-hold": "get-object-legal-hold",
}
_OBJECT_PUT = {
    "partNumber": "upload-part",
    "tagging": "put-object-tagging",
    "legal-hold": "put-object-legal-hold",
    "retention": "put-object-retention",
}
_POST = {
    "delete": "delete-objects",
    "uploads": "create-multipart",
    "uploadId": "complete-multipart",
}


def s3_kind(method: str, target: str, headers: Mapping[str, str]) -> str:
    """Classify a path-style S3 request.

    Example:
        >>> s3_kind("GET", "/bucket?list-type=2&prefix=a%2F", {})
        'list-objects-v2'
        >>> s3_kind("HEAD", "/bucket/a/key?versionId=1", {})
        'head'
    """
    bucket, _, key = target.partition("?")[0].lstrip("/").partition("/")
    query = _query(target)
    if not bucket:
        return "list-buckets"
    if method == "POST":
        return _first(_POST, query, "post")
    return _object_kind(method, query, headers) if key else _bucket_kind(method, query)


def gcs_kind(method: str, target: str, headers: Mapping[str, str]) -> str:
    """Classify a request of the GCS JSON API with the names of `s3_kind`.

    Example:
        >>> gcs_kind("GET", "/storage/v1/b/bucket/o?versions=true", {})
        'list-versions'
        >>> gcs_kind("GET", "/download/storage/v1/b/bucket/o/key?alt=media", {})
        'get-object'
    """
    path, query = target.partition("?")[0], _query(target)
    if path.startswith("/upload/"):
        return "put-object"
    _, _, name = path.partition("/b/")
    bucket, _, rest = name.partition("/")
    if rest == "o" and method == "GET":
        return "list-versions" if query.get("versions") == "true" else "list-objects-v2"
    if rest.startswith("o/"):
        reads = "get-object" if query.get("alt") == "media" else "head"
        return reads if method == "GET" else f"{method.lower()}-object"
    return f"{method.lower()}-bucket" if bucket else "list-buckets"


def http_kind(method: str, target: str, headers: Mapping[str, str]) -> str:
    """Classify a plain HTTP request: its method in lower case."""
    return method.lower()


def _bucket_kind(method: str, query: Mapping[str, str]) -> str:
    if method == "GET":
        return _first(_BUCKET_GET, query, "list-objects-v1")
    if method == "PUT" and "versioning" in query:
        return "put-bucket-versioning"
    return {"HEAD": "head-bucket", "PUT": "create-bucket", "DELETE": "delete-bucket"}.get(
        method, method.lower()
    )


def _object_kind(method: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    if method == "GET":
        return _first(_OBJECT_GET, query, "get-object")
    if method == "PUT":
        copies = "x-amz-copy-source" in headers
        return _first(_OBJECT_PUT, query, "copy-object" if copies else "put-object")
    return {"HEAD": "head", "DELETE": "delete-object"}.get(method, method.lower())


def _first(table: Mapping[str, str], query: Mapping[str, str], otherwise: str) -> str:
    return next((kind for name, kind in table.items() if name in query), otherwise)


def _query(target: str) -> dict[str, str]:
    pairs = parse_qs(target.partition("?")[2], keep_blank_values=True)
    return {name: values[0] for name, values in pairs.items()}
