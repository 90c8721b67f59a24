"""Location: where an object or a folder lies; the one place that reads and writes URIs.

`s3://` and `gs://` carry raw keys, as aws-cli and gsutil do: nothing is percent-decoded, and `#`, `?`,
`%` are ordinary characters.  In place of a bucket `s3://` takes the ARN of an access point.  Only a
final ``?versionId=ID`` (S3) or ``#DIGITS`` (GCS) is an explicit pin.  `file://` and `http(s)://` are
percent-encoded.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from landfast.errors import InvalidInput
from landfast.model.blob_uri import SCHEME, SOURCE
from landfast.redaction import AMBIGUOUS, is_ambiguous_parameter, is_secret_parameter

PLAIN_PARAMETERS = "plain_parameters"
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*):(//)?")
_S3_PIN = re.compile(r"\?versionId=([^&?#/]+)\Z")
# An access point, also of an outpost, an object lambda or several regions; its name is part of the "bucket".
_ARN = re.compile(
    r"arn:[^:/]+:s3[a-z-]*:[^:/]*:[^:/]*:(?:outpost[:/][^:/]+[:/])?accesspoint[:/][^:/]+(?=/|\Z)"
)
_GS_PIN = re.compile(r"#([0-9]+)\Z")
_RAW_KEY_SCHEMES = {"s3": _S3_PIN, "gs": _GS_PIN}
# What may stand unescaped in the path of a file:// URI.
_FILE_SAFE = "/:@!$&'()*+,;=~-._"
_PATH_SAFE = _FILE_SAFE + "%"
_QUERY_SAFE = _PATH_SAFE + "?[]"
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_AUTHORITY = re.compile(r"//([^/?]*)")
_HOST = re.compile(r"(\[[0-9A-Za-z:.%]+\]|[^\s:\[\]\\<>\"'`{}|^\x00-\x20]+)(:[0-9]{0,5})?\Z")
_BLOB = re.compile(SOURCE + r":[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Location:
    """A parsed URI.

    Args:
        scheme: Lower case: ``s3``, ``gs``, ``https``, ``file``, ``blob``, or one that fsspec opens.
        authority: Bucket, host and port, container; empty for `file` and `blob`.
        key: The raw key (`s3`, `gs`), the decoded absolute path (`file`), the encoded path and
            query with its leading slash (`http`), ``sha256:HEX`` (`blob`).
        version_id: An explicit pin from the URI, else None.
        plain: Names of query parameters that look like a secret and are none, in lower case.

    Example:
        >>> Location.parse("s3://b/data/a b#1?x").key
        'data/a b#1?x'
        >>> Location.parse("s3://b/k?versionId=3sL4").version_id
        '3sL4'
        >>> Location.parse("s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/ours/d/k").key
        'd/k'
        >>> Location.parse("file:///mnt/a%20b/").key
        '/mnt/a b/'
    """

    scheme: str
    authority: str
    key: str
    version_id: str | None = None
    plain: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def parse(cls, uri: str, *, pins: bool = True) -> Location:
        """Read a URI or a plain local path.

        Args:
            uri: The text. A relative path is taken from the working folder.
            pins: Whether a final ``?versionId=`` or ``#DIGITS`` is an explicit pin. False for the
                URIs of manifest entries, whose pin stands in a column of its own.

        Raises:
            InvalidInput: If the text is no URI that can name an object.
        """
        match = _SCHEME.match(uri)
        scheme = match[1].lower() if match else ""
        if match is None or (len(scheme) == 1 and not match[2]):
            return cls._local(uri)
        if scheme in _RAW_KEY_SCHEMES:
            return cls._raw_key(scheme, uri, pins=pins)
        if scheme == "file":
            return cls._file(uri)
        if scheme in {"http", "https"}:
            return cls._http(scheme, uri)
        if scheme == "blob":
            return cls._blob(uri)
        if not match[2]:
            raise InvalidInput(
                f"{uri!r} is not a URI that can be referenced",
                subject=uri,
                expected="s3://, gs://, http(s)://, file://, landfast://, a path, or a scheme that fsspec opens",
            )
        authority, slash, key = uri[match.end() :].partition("/")
        return cls(scheme=scheme, authority=authority, key=key if slash else "")

    @classmethod
    def _local(cls, path: str) -> Location:
        if not path or "\0" in path:
            raise InvalidInput(
                f"{path!r} is not a path", subject=path, expected="a URI or a local path"
            )
        is_folder = path.endswith(("/", "/.", "/..")) or path in {".", ".."}
        try:
            # abspath, not resolve: a symlink in the path is the user's name for the place.
            absolute = os.path.abspath(Path(path).expanduser())  # noqa: PTH100
        except RuntimeError:
            raise InvalidInput(
                f"{path!r} begins with a user name that does not exist on this machine",
                subject=path,
                hint="Write ./~ for a file whose name begins with ~.",
            ) from None
        absolute = "/" + absolute.lstrip("/")
        return cls(
            scheme="file",
            authority="",
            key=absolute + ("/" if is_folder and absolute != "/" else ""),
        )

    @classmethod
    def _raw_key(cls, scheme: str, uri: str, *, pins: bool) -> Location:
        rest = uri[len(scheme) + 3 :]
        arn = _ARN.match(rest) if scheme == "s3" else None
        bucket, key = (
            (arn[0], rest[arn.end() + 1 :])
            if arn
            else (rest.partition("/")[0], rest.partition("/")[2])
        )
        if scheme == "s3" and bucket.startswith("arn:") and not arn:
            raise InvalidInput(
                f"{uri!r} names no access point",
                subject=uri,
                expected="s3://arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME/KEY, or s3://BUCKET/KEY",
            )
        if not uri[len(scheme) :].startswith("://") or not bucket or "@" in bucket:
            raise InvalidInput(
                f"{uri!r} names no bucket",
                subject=uri,
                expected=f"{scheme}://BUCKET/KEY, without credentials",
            )
        if not uri.isascii() and any("\ud800" <= c <= "\udfff" for c in uri):
            raise InvalidInput(f"{uri!r} is not UTF-8", subject=repr(uri), expected="a UTF-8 key")
        pin = _RAW_KEY_SCHEMES[scheme].search(key) if pins else None
        if pin is None:
            return cls(scheme=scheme, authority=bucket, key=key)
        return cls(scheme=scheme, authority=bucket, key=key[: pin.start()], version_id=pin[1])

    @classmethod
    def _file(cls, uri: str) -> Location:
        # By hand: urlsplit drops line feeds and tabs.
        rest = uri[len("file:") :]
        host, slash, path = rest[2:].partition("/") if rest.startswith("//") else ("", "", rest)
        if "?" in path or "#" in path:
            raise InvalidInput(
                f"{uri!r} has a query or a fragment",
                subject=uri,
                hint="In file:// URIs write ? as %3F and # as %23, or give the plain path.",
            )
        key = unquote(slash + path, errors="surrogateescape")
        if host not in {"", "localhost"} or not key.startswith("/") or "\0" in key:
            raise InvalidInput(
                f"{uri!r} is not a local file",
                subject=uri,
                expected="file:///ABSOLUTE/PATH (three slashes)",
                found=f"host {host!r}, path {key!r}",
            )
        return cls(scheme="file", authority="", key=key)

    @classmethod
    def _http(cls, scheme: str, uri: str) -> Location:
        rest = uri[len(scheme) + 1 :].partition("#")[0]
        match = _AUTHORITY.match(rest)
        userinfo, at, host = match[1].rpartition("@") if match else ("", "", "")
        if match is None or not _HOST.match(host):
            raise InvalidInput(
                f"{uri!r} names no host", subject=uri, expected=f"{scheme}://HOST[:PORT]/PATH"
            )
        path, mark, query = rest[match.end() :].partition("?")
        key = _encoded(path or "/", _PATH_SAFE)
        if mark and query:
            key += "?" + _encoded(query, _QUERY_SAFE)
        return cls(scheme=scheme, authority=f"{userinfo}{at}{host.lower()}", key=key)

    @classmethod
    def _blob(cls, uri: str) -> Location:
        if not _BLOB.match(uri):
            raise InvalidInput(
                f"{uri!r} names no blob", subject=uri, expected="blob:sha256: and 64 hex digits"
            )
        return cls(scheme="blob", authority="", key=uri.removeprefix(SCHEME))

    @property
    def uri(self) -> str:
        """The canonical text, without the pin."""
        if self.scheme == "file":
            return "file://" + quote(self.key, safe=_FILE_SAFE, errors="surrogateescape")
        if self.is_url:
            return f"{self.scheme}://{self.authority}{self.key}"
        if self.scheme == "blob":
            return f"{SCHEME}{self.key}"
        return f"{self.scheme}://{self.authority}/{self.key}"

    @property
    def is_url(self) -> bool:
        """Whether it is percent-encoded and may have a query."""
        return self.scheme in {"http", "https"}

    @property
    def is_folder(self) -> bool:
        """Whether the spelling can only mean a folder: a final slash, or a bare bucket."""
        return self.key == "" or self.key.endswith("/")

    def pinned_uri(self, version_id: str) -> str:
        """Write the URI with an explicit pin, where the scheme has a spelling for it."""
        if self.scheme == "s3":
            return f"{self.uri}?versionId={version_id}"
        return f"{self.uri}#{version_id}" if self.scheme == "gs" else self.uri

    @property
    def basename(self) -> str:
        """The last segment of the key, decoded; empty for a folder.

        Example:
            >>> Location.parse("https://h/a%20b.csv?part=1").basename
            'a b.csv'
        """
        if self.is_url:
            return unquote(self.key.partition("?")[0].rpartition("/")[2])
        return self.key.rpartition("/")[2]

    def as_folder(self) -> Location:
        """Return the same place spelled as a folder."""
        return self if self.is_folder else replace(self, key=self.key + "/")

    def child(self, path: str) -> Location:
        """Return the object at `path` below this folder; nothing is normalised."""
        return replace(self, key=self.key + path, version_id=None)

    def unpinned(self) -> Location:
        """Return the same place without the explicit pin."""
        return replace(self, version_id=None) if self.version_id else self

    def without_secrets(self) -> tuple[Location, tuple[str, ...]]:
        """Return the location as it may be recorded, and the names of what was stripped.

        User and password, and parameters that authorise their holder, never reach a manifest: those of the
        query, and behind a semicolon in the path. docs/format.md lists them.
        Of a scheme that fsspec opens the user stays, as it may name the place (``abfs://box@account/``).

        Example:
            >>> Location.parse("https://u:p@h/a?X-Amz-Signature=s&part=1").without_secrets()[0].uri
            'https://h/a?part=1'
            >>> Location.parse("sftp://u:p@h/a").without_secrets()[0].uri
            'sftp://u@h/a'
        """
        if self.scheme in {"s3", "gs", "file", "blob"}:
            return self, ()
        userinfo, at, host = self.authority.rpartition("@")
        if not self.is_url:
            user, colon, _ = userinfo.partition(":")
            if not colon:
                return self, ()
            return replace(self, authority=f"{user}{at}{host}"), ("password",)
        path, mark, query = self.key.partition("?")
        path, in_path = self._public("/", *re.split("([;/])", path), ends=";")
        query, in_query = self._public("&", *re.split("([&;?])", query), ends="&;?")
        names = (("userinfo",) if at and userinfo else ()) + in_path + in_query
        key = path + (f"?{query}" if mark and query else "")
        return replace(self, authority=host if at else self.authority, key=key), names

    def _public(self, *parts: str, ends: str) -> tuple[str, tuple[str, ...]]:
        """Join what stands behind each mark again, without secret pairs; and name these."""
        marks, texts = parts[::2], parts[1::2]
        names = [text.partition("=")[0] for text in texts]
        kept, stripped = [], []
        for mark, name, text in zip(marks, names, texts, strict=True):
            is_plain = unquote(name).lower() in self.plain
            value = text[len(name) + 1 :]
            if mark in ends and not is_plain and is_secret_parameter(name, names, value):
                stripped.append(name)
            else:
                kept += [mark, text]
        return "".join(kept[1:]), tuple(stripped)

    def ambiguous_secrets(self) -> dict[str, str]:
        """What `without_secrets` strips though it may be the name of a thing: ``?key=`` and the like.

        Example:
            >>> Location.parse("https://h/get?key=north&sig=x").ambiguous_secrets()
            {'key': 'north'}
        """
        _, stripped = self.without_secrets()
        names = "|".join(re.escape(name) for name in stripped if is_ambiguous_parameter(name))
        return dict(re.findall(rf"[?&;]({names})=([^&;?]*)", self.key)) if names else {}

    def __str__(self) -> str:
        return self.without_secrets()[0].uri

    def __repr__(self) -> str:
        return f"Location({str(self)!r})"


def plain_parameters(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Read the option `plain_parameters`, a list or text with commas: what looks like a secret in a query and is none.

    Raises:
        InvalidInput: If one of them is a secret wherever it stands.

    Example:
        >>> plain_parameters({"plain_parameters": "key, code"})
        ('code', 'key')
    """
    given = options.get(PLAIN_PARAMETERS) or ()
    names = given.split(",") if isinstance(given, str) else given
    plain = sorted({str(name).strip().lower() for name in names})
    if wrong := [name for name in plain if name not in AMBIGUOUS]:
        raise InvalidInput(
            f"{PLAIN_PARAMETERS}= cannot name {', '.join(wrong)}",
            subject=PLAIN_PARAMETERS,
            expected="some of " + ", ".join(sorted(AMBIGUOUS)),
        )
    return tuple(plain)


def _encoded(text: str, safe: str) -> str:
    """Percent-encode what may not stand in a URL, and leave what is encoded already."""
    return quote(_LONE_PERCENT.sub("%25", text), safe=safe, errors="surrogateescape")
