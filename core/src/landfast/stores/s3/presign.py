"""Sign addresses with which a browser reads one version of an object, without any other right."""

from __future__ import annotations

from typing import Any

from landfast.stores.base import Pin, PresignRequest
from landfast.stores.s3.reader import NULL

CORS_SETTING = """\
aws s3api put-bucket-cors --bucket {bucket} --cors-configuration '
{"CORSRules": [{"AllowedOrigins": ["{origin}"], "AllowedMethods": ["GET", "HEAD"],
                "AllowedHeaders": ["*"], "ExposeHeaders": ["ETag", "Content-Range"], "MaxAgeSeconds": 3000}]}'"""


def presign(client: Any, pin: Pin, request: PresignRequest, more: dict[str, Any]) -> str | None:
    """Return the address; None without a version id, or without credentials to sign with.

    Args:
        client: Of boto3.
        pin: What is to be read.
        request: How it is to be signed.
        more: Further parameters of GetObject.
    """
    from botocore import UNSIGNED
    from botocore.exceptions import BotoCoreError, ClientError

    if pin.version_id in {None, NULL} or pin.current:
        return None
    wanted = {
        "Bucket": pin.location.authority,
        "Key": pin.location.key,
        "VersionId": pin.version_id,
        **more,
    }
    if (
        client.meta.config.signature_version is not UNSIGNED
    ):  # only a signed request may ask for these
        wanted |= {
            "ResponseContentType": request.media_type,
            "ResponseContentDisposition": "inline",
        }
    try:
        url: str = client.generate_presigned_url(
            "get_object", Params=wanted, ExpiresIn=request.seconds
        )
    except (BotoCoreError, ClientError, ValueError):
        return None
    return url
