"""Strip secrets from text: passwords in URLs, signed query parameters, credential-like pairs.

Every error message and every recorded URI passes through here, so that nothing below the doors
can leak a secret by naming the object it worked on.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

MASK = "***"

# Query parameters that authorise whoever holds the URL.  AWS SigV4 and SigV2 presigned URLs,
# GCS V4 and V2 signed URLs, Azure SAS, CloudFront, and the names that private servers use.
_SECRET_PARAMETER = re.compile(
    r"""^(
        x-amz-.* | x-goog-.* | awsaccesskeyid | googleaccessid | signature | expires | policy | key-pair-id
      | sig | se | sp | sv | sr | spr | st | skoid | sktid | skt | ske | sks | skv | sip | ss | srt | sdd
      | (access[_-]?|auth[_-]?|api[_-]?|id[_-]?|refresh[_-]?|secret[_-]?|session[_-]?)?(token|key)
      | .*(password|passwd|secret|credential|apikey).* | auth | authorization | jwt | code | hmac
    )$""",
    re.IGNORECASE | re.VERBOSE,
)
_USERINFO = re.compile(
    r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)(?P<user>[^\s/?#@:]*):(?P<word>[^\s/?#]*)@"
)
_QUERY_PAIR = re.compile(r"(?P<lead>[?&;])(?P<name>[^=&;\s'\"<>#]+)=(?P<value>[^&\s'\"<>#]*)")
_HEADER = re.compile(
    r"(?P<name>\b(?:proxy-)?authorization|x-amz-security-token|cookie)(?P<sep>['\"]?\s*[:=]\s*['\"]?)"
    r"(?P<value>(?:(?:bearer|basic|aws4-hmac-sha256)\s+)?[^\s'\",}]+)",
    re.IGNORECASE,
)
_AWS_KEY_ID = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b")


def is_secret_parameter(name: str) -> bool:
    """Tell whether a URL query parameter of this name authorises its holder."""
    return _SECRET_PARAMETER.match(unquote_plus(name)) is not None


def redact(text: str) -> str:
    """Return `text` with every secret that can be recognised replaced by ``***``.

    Example:
        >>> redact("postgresql://ann:hunter2@db/landfast")
        'postgresql://ann:***@db/landfast'
        >>> redact("https://h/a.bin?X-Amz-Signature=abc&part=1")
        'https://h/a.bin?X-Amz-Signature=***&part=1'
    """
    text = _USERINFO.sub(lambda m: f"{m['scheme']}{m['user']}:{MASK}@", text)
    text = _QUERY_PAIR.sub(_mask_pair, text)
    text = _HEADER.sub(lambda m: f"{m['name']}{m['sep']}{MASK}", text)
    return _AWS_KEY_ID.sub(MASK, text)


def _mask_pair(match: re.Match[str]) -> str:
    if not is_secret_parameter(match["name"]):
        return match[0]
    return f"{match['lead']}{match['name']}={MASK}"
