"""Sign addresses with which a browser reads one generation of an object, without any other right."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from landfast.stores.base import Pin, PresignRequest

CORS_SETTING = """\
echo '[{"origin": ["{origin}"], "method": ["GET", "HEAD"], "responseHeader": ["*"], "maxAgeSeconds": 3000}]' > cors.json
gcloud storage buckets update gs://{bucket} --cors-file=cors.json"""
_PUBLIC = "https://storage.googleapis.com"


def presign(
    client: Any, pin: Pin, request: PresignRequest, payer: str | None, *, endpoint: str | None
) -> str | None:
    """Return the address (V4); None without a generation, or where the credentials cannot sign.

    Args:
        client: A `google.cloud.storage.Client`.
        pin: What is to be read.
        request: How it is to be signed.
        payer: The project that pays, for a requester-pays bucket.
        endpoint: Of a server of one's own; None is Google's.
    """
    import google.auth.credentials
    from google.auth.exceptions import GoogleAuthError

    credentials = client._credentials
    if pin.version_id is None or pin.current:
        return None
    if not isinstance(credentials, google.auth.credentials.Signing):
        return None
    blob = client.bucket(pin.location.authority).blob(pin.location.key)
    parameters = {"userProject": payer} if payer else None
    try:
        url: str = blob.generate_signed_url(
            version="v4",
            expiration=timedelta(seconds=request.seconds),
            method="GET",
            generation=pin.version_id,
            response_type=request.media_type,
            response_disposition="inline",
            query_parameters=parameters,
            api_access_endpoint=endpoint or _PUBLIC,
            credentials=credentials,
        )
    except (GoogleAuthError, AttributeError, ValueError):
        return None
    return url
