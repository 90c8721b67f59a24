"""Strip secrets from text: passwords in URLs, signed query parameters, credential-like pairs.

Every error message and every recorded URI passes through here, so that nothing below the doors
can leak a secret by naming the object it worked on.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from urllib.parse import unquote_plus

MASK = "***"

# Parameters of a URL that authorise whoever holds it; docs/format.md lists them, because a recorded
# URI is without them.  Signatures of clouds and CDNs, tokens, keys, sessions, passwords.
_SECRET_PARAMETER = re.compile(
    r"""(
        x-(amz|goog|oss|obs|tos|cos|auth)-.* | (aws|oss)?accesskeyid | googleaccessid | key-pair-id
      | (.*[_-])?(signature|sig) | .*hmac.* | temp_url_.* | oauth[_-].* | hdn[a-z]+ | __gda__ | __token__
      | q-(sign-algorithm|ak|sign-time|key-time|header-list|url-param-list) | wstime | txtime
      | (?!(next|prev|page|start|sync|cursor|continuation).*) .+token
      | (access|auth|api|id|refresh|secret|session|private|security|aws|subscription|functions|x-functions
           |account|shared?|license|app|consumer|client|encryption|signing|master|resource|rl)[_-]?key
      | .*(password|passwd|passphrase|secret|credential|apikey|access[_-]?key|session[_-]?token
           |access[_-]?token|private[_-]?key).*
      | .*session[_-]?id | phpsessid | aspsessionid.* | alf_ticket | passcode | otp
      | auth | authorization | bearer | jwt | pwd
    )""",
    re.IGNORECASE | re.VERBOSE,
)
AMBIGUOUS = frozenset({"key", "token", "code", "verify", "sign"})
"""Secrets on some servers, names of things on others: secret, unless the value is evidently plain or
the user says so."""
# A short number, or a path with the suffix of a file.
_EVIDENTLY_PLAIN = re.compile(r"[0-9]{1,5}|[\w /.-]*[\w-]\.[A-Za-z][A-Za-z0-9]{0,6}", re.ASCII)
_AZURE = "se sp sv sr spr st skoid sktid skt ske sks skv sip si ss srt sdd ses saoid suoid scid"
# Part of a signature, and plain words elsewhere: `?st=` may be a state, `?md5=` a checksum.
_BESIDE_SIGNATURE = {
    "sig": frozenset(_AZURE.split()),
    "signature": frozenset({"expires", "policy", "hash-algorithm"}),
    "token": frozenset(
        {
            "expires",
            "token_path",
            "token_countries",
            "token_countries_blocked",
            "token_ignore_params",
        }
    ),
    "expires": frozenset({"md5", "secure", "hash"}),
    "md5": frozenset({"expires"}),
    "secure": frozenset({"expires"}),
    "hash": frozenset({"expires"}),
    "ex": frozenset({"hm"}),
    "hm": frozenset({"ex", "is"}),
}
# In running text only what can mean nothing else; `key=` and `token=` may be a program's own words.
_ASSIGNMENT = re.compile(
    r"""(?<![\w.-])(?P<name>[\w.-]++)(?P<sep>['"]?\s*=\s*['"]?|['"]\s*:\s*['"])
        (?P<value>[^\s'",;&#}]+)""",
    re.VERBOSE,
)
_SECRET_WORD = re.compile(
    r"password|passwd|secret|signature|credential|(api|access|private)[_-]?key"
    r"|(session|security|access|auth|refresh|id)[_-]?token",
    re.IGNORECASE,
)
_USERINFO = re.compile(
    r"(?<![a-zA-Z0-9+.-])(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)"
    r"(?P<user>[^\s/?#@:]*):(?P<word>[^\s/?#]*)@"
)
# Where a URL is a connection, its password may hold a stray slash or question mark.
_CONNECTION = re.compile(
    r"(?P<scheme>(?:postgres(?:ql)?|mysql|mariadb|mssql|oracle|redis|rediss|amqp|ftp|sftp|ssh|smb)"
    r"(?:\+\w+)?://)(?P<user>[^\s/?#@:]*):(?P<word>\S*)@",
    re.IGNORECASE,
)
_WEB_TOKEN = re.compile(r"(?P<scheme>\bhttps?://)(?P<user>[^\s/?#@:]+)@", re.IGNORECASE)
_QUERY = re.compile(r"[?&;][^\s'\"<>?#&;=]+=[^\s'\"<>#]*")
_QUERY_PAIR = re.compile(r"(?P<lead>[?&;])(?P<name>[^=&;?]+)=(?P<value>[^&;?]*)")
_HEADER = re.compile(
    r"(?P<name>\b(?:proxy-)?authorization|\bx-amz-security-token|\b(?:set-)?cookie)"
    r"(?P<sep>['\"]?\s*[:=]\s*(?:b?['\"])?)(?P<value>[^\r\n'\"}]+)",
    re.IGNORECASE,
)
_AWS_KEY_ID = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)


def is_secret_parameter(name: str, beside: Iterable[str] = (), value: str = "") -> bool:
    """Tell whether a URL query parameter of this name authorises its holder, beside all names of the query.

    Some, as Azure's ``st`` and ``se``, are part of a signature only where there is one; a ``key`` or ``code`` that
    is a short number or the name of a file is none.

    Example:
        >>> is_secret_parameter("st"), is_secret_parameter("st", beside=["st", "sig"])
        (False, True)
        >>> is_secret_parameter("key", value="Zq8"), is_secret_parameter("key", value="a/b.csv")
        (True, False)
    """
    plain = _plain(name)
    if plain in AMBIGUOUS:
        return not _EVIDENTLY_PLAIN.fullmatch(unquote_plus(value))
    if _SECRET_PARAMETER.fullmatch(plain):
        return True
    marks = [mark for mark, names in _BESIDE_SIGNATURE.items() if plain in names]
    return bool(marks) and not set(marks).isdisjoint(map(_plain, beside))


def is_ambiguous_parameter(name: str) -> bool:
    """Tell whether a parameter of this name is a secret on some servers only.

    Example:
        >>> is_ambiguous_parameter("key"), is_ambiguous_parameter("sig")
        (True, False)
    """
    return _plain(name) in AMBIGUOUS


def redact(text: str) -> str:
    """Return `text` with ``***`` in place of every secret that can be recognized.

    Example:
        >>> redact("postgresql://ann:hunter2@db/landfast")
        'postgresql://ann:***@db/landfast'
        >>> redact("https://h/a.bin?X-Amz-Signature=abc&part=1")
        'https://h/a.bin?X-Amz-Signature=***&part=1'
    """
    text = _PRIVATE_KEY.sub(MASK, text)
    text = _CONNECTION.sub(_mask_password, text)
    text = _USERINFO.sub(_mask_password, text)
    text = _WEB_TOKEN.sub(lambda m: f"{m['scheme']}{MASK}@", text)
    text = _QUERY.sub(_mask_query, text)
    text = _ASSIGNMENT.sub(_mask_assignment, text)
    text = _HEADER.sub(lambda m: f"{m['name']}{m['sep']}{MASK}", text)
    return _AWS_KEY_ID.sub(MASK, text)


class _RedactedLines(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), None
        return True


_REDACTED_LINES = _RedactedLines()


def redact_loggers(*names: str) -> None:
    """Strip secrets from the lines that another library's loggers write; twice is once."""
    for name in names:
        logging.getLogger(name).addFilter(_REDACTED_LINES)


def _plain(name: str) -> str:
    return unquote_plus(name).lower()


def _mask_password(match: re.Match[str]) -> str:
    return f"{match['scheme']}{match['user']}:{MASK}@"


def _mask_assignment(match: re.Match[str]) -> str:
    if not _SECRET_WORD.search(match["name"]):
        return match[0]
    return f"{match['name']}{match['sep']}{MASK}"


def _mask_query(match: re.Match[str]) -> str:
    names = [pair["name"] for pair in _QUERY_PAIR.finditer(match[0])]

    def mask(pair: re.Match[str]) -> str:
        if not is_secret_parameter(pair["name"], names, pair["value"]):
            return pair[0]
        return f"{pair['lead']}{pair['name']}={MASK}"

    return _QUERY_PAIR.sub(mask, match[0])


def visible(text: str) -> str:
    r"""Write out what a terminal would obey instead of showing it: a name of an object may hold anything.

    That is control characters, line ends, and marks that reverse or hide the text around them.

    Example:
        >>> print(visible("a" + chr(10) + "b" + chr(27) + "[2J"))
        a\nb\x1b[2J
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
