"""ArtifactName: entity, project, collection, partition and what picks one version, as one text.

The wire form is ``[[entity/]project/]collection[~PARTITION][:vN or :alias or @lf1:HEX]`` with the
partition percent-encoded; the URI form is ``landfast://entity/project/collection?version=...``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from landfast.errors import Conflict, InvalidInput

DEFAULT_ENTITY = "default"
DEFAULT_PROJECT = "uncategorized"
LATEST = "latest"
MAX_PARTITION_BYTES = 1024

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\Z")
_VERSION = re.compile(r"v(0|[1-9][0-9]{0,17})\Z")
_RESERVED_ALIAS = re.compile(r"[vV][0-9]+\Z")
_DIGEST = re.compile(r"lf1:[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactName:
    """The name of a collection, of a partition of it, or of one version.

    Args:
        collection: The named sequence of versions.
        project: None is the default of the client that uses the name.
        entity: None is the default of the client that uses the name.
        partition: The partition key; None and ``""`` both mean no partition.
        index: The number of ``:vN``.
        alias: The word of ``:alias``.
        digest: The ``lf1:`` content digest of ``@lf1:HEX``.

    Example:
        >>> name = ArtifactName.parse("vision/mnist~2026-05%2F01:v3")
        >>> name.project, name.collection, name.partition, name.index
        ('vision', 'mnist', '2026-05/01', 3)
        >>> str(name)
        'vision/mnist~2026-05%2F01:v3'
    """

    collection: str
    project: str | None = None
    entity: str | None = None
    partition: str = ""
    index: int | None = None
    alias: str | None = None
    digest: str | None = None

    def __post_init__(self) -> None:
        check_name(self.collection, "collection")
        if self.project is not None:
            check_name(self.project, "project")
        if self.entity is not None:
            check_name(self.entity, "entity")
        check_partition(self.partition)
        if self.alias is not None:
            check_alias(self.alias)
        self._check_pick()

    def _check_pick(self) -> None:
        picks = [pick for pick in (self.index, self.alias, self.digest) if pick is not None]
        is_index = self.index is None or (type(self.index) is int and 0 <= self.index < 10**18)
        is_digest = self.digest is None or _DIGEST.match(self.digest)
        if len(picks) > 1 or not is_index or not is_digest:
            raise InvalidInput(
                f"{self.collection} cannot be picked by {' and '.join(map(repr, picks))}",
                subject=self.collection,
                expected="one of index (0 or more), alias, digest (lf1: and 64 hex digits)",
            )

    @classmethod
    def parse(cls, text: str) -> ArtifactName:
        """Read the wire form or a ``landfast://`` URI.

        Raises:
            InvalidInput: If the text is neither; the message names the wrong part.
        """
        if text.startswith("landfast://"):
            return cls._parse_uri(text)
        path, picked = _split_pick(text)
        path, tilde, partition = path.partition("~")
        parts = path.split("/")
        if len(parts) > 3 or (tilde and not partition):
            raise InvalidInput(
                f"{text!r} is not an artifact name",
                subject=text,
                expected="[[entity/]project/]collection[~PARTITION][:vN or :alias or @lf1:HEX]",
            )
        *spaces, collection = parts
        entity, project = [None] * (2 - len(spaces)) + spaces
        return cls(
            entity=entity,
            project=project,
            collection=collection,
            partition=_decode_partition(partition, text),
            **picked,
        )

    @classmethod
    def _parse_uri(cls, text: str) -> ArtifactName:
        # By hand: urlsplit drops line feeds and tabs.
        place, _, query_text = text[len("landfast://") :].partition("?")
        path = place.split("/")
        query = _parse_query(query_text, text)
        version = query.get("version", "")
        if len(path) != 3 or not version or not query.keys() <= {"version", "partition"}:
            raise InvalidInput(
                f"{text!r} is not an artifact URI",
                subject=text,
                expected="landfast://entity/project/collection?version=vN[&partition=KEY]",
            )
        picked = _pick("@" if version.startswith("lf1:") else ":", version, text)
        return cls(
            entity=path[0],
            project=path[1],
            collection=path[2],
            partition=query.get("partition", ""),
            **picked,
        )

    def within(self, *, entity: str, project: str) -> ArtifactName:
        """Return the name with missing project and entity filled in."""
        return replace(self, entity=self.entity or entity, project=self.project or project)

    @property
    def picks_version(self) -> bool:
        """Whether the name contains a version."""
        return self.index is not None or self.alias is not None or self.digest is not None

    def whole(self, what: str, *, hint: str | None = None) -> ArtifactName:
        """Return the name unchanged if it contains no version: for objects that mean all versions, such as an asset.

        Args:
            what: What uses the name, for the message.
            hint: Where you can give a version, for the message.

        Raises:
            InvalidInput: If it says one.

        Example:
            >>> str(ArtifactName.parse("vision/mnist").whole("an asset"))
            'vision/mnist'
        """
        if not self.picks_version:
            return self
        raise InvalidInput(
            f"{self} names a version, but {what} is the whole artifact",
            subject=str(self),
            expected=str(self.bare()),
            hint=hint,
        )

    def bare(self) -> ArtifactName:
        """Return the name of the collection and partition, without a version."""
        return replace(self, index=None, alias=None, digest=None)

    def at(self, index: int) -> ArtifactName:
        """Return the name of version `index`."""
        return replace(self, index=index, alias=None, digest=None)

    def in_partition(self, partition: str | None) -> ArtifactName:
        """Return the name of one partition; None returns the name unchanged.

        Raises:
            Conflict: If the name already contains another partition.

        Example:
            >>> str(ArtifactName.parse("sales/orders:prod").in_partition("2026-05-01"))
            'sales/orders~2026-05-01:prod'
        """
        if partition is None:
            return self
        if self.partition not in {"", partition}:
            raise Conflict(
                f"{str(self)!r} and partition={partition!r} disagree",
                subject=str(self),
                expected=partition,
                found=self.partition,
            )
        return replace(self, partition=partition)

    @property
    def uri(self) -> str:
        """The ``landfast://`` form; entity, project and a version must be known.

        Raises:
            InvalidInput: If one of them is missing.
        """
        version = self.digest or self.alias or (None if self.index is None else f"v{self.index}")
        if not (self.entity and self.project and version):
            raise InvalidInput(
                f"{self} cannot be written as a URI",
                subject=str(self),
                expected="entity, project and version",
            )
        query = {"version": version} | ({"partition": self.partition} if self.partition else {})
        text = urlencode(query, quote_via=quote, safe=":")
        return f"landfast://{self.entity}/{self.project}/{self.collection}?{text}"

    @property
    def collection_uri(self) -> str:
        """The URI of the collection, or of a partition of it, without a version: the name of assets.

        The query is encoded as in HTML forms, because orchestrators that parse URIs keep this form.

        Example:
            >>> ArtifactName.parse("default/nlp/corpus~de:v3").collection_uri
            'landfast://default/nlp/corpus?partition=de'
        """
        query = "?" + urlencode({"partition": self.partition}) if self.partition else ""
        return f"landfast://{self.entity}/{self.project}/{self.collection}{query}"

    @classmethod
    def of_collection_uri(cls, uri: str) -> ArtifactName:
        """Read a `collection_uri`.

        Raises:
            InvalidInput: If it is none.

        Example:
            >>> str(ArtifactName.of_collection_uri("landfast://default/nlp/corpus?partition=de"))
            'default/nlp/corpus~de'
        """
        place, _, query = uri.removeprefix("landfast://").partition("?")
        path, said = place.split("/"), dict(parse_qsl(query, keep_blank_values=True))
        if not uri.startswith("landfast://") or len(path) != 3 or not said.keys() <= {"partition"}:
            raise InvalidInput(
                f"{uri!r} is not an artifact's",
                subject=uri,
                expected="the URI of an artifact's asset: landfast://entity/project/collection[?partition=KEY]",
            )
        return cls(
            entity=path[0], project=path[1], collection=path[2], partition=said.get("partition", "")
        )

    def __str__(self) -> str:
        path = "/".join(part for part in (self.entity, self.project, self.collection) if part)
        if self.partition:
            path += "~" + quote(self.partition, safe="")
        if self.digest is not None:
            return f"{path}@{self.digest}"
        if self.index is not None:
            return f"{path}:v{self.index}"
        return path if self.alias is None else f"{path}:{self.alias}"


def check_name(name: str, kind: str) -> str:
    """Return `name` if it may name an entity, project, collection, type or tag, else raise `InvalidInput`."""
    if not isinstance(name, str) or not _NAME.match(name):
        raise InvalidInput(
            f"{name!r} is not a valid {kind} name",
            subject=str(name),
            expected="a letter or digit, then up to 127 letters, digits, '_', '.' or '-'",
        )
    return name


def check_alias(alias: str) -> str:
    """Return `alias` if it may move on a collection, else raise `InvalidInput`: a name, but never ``v`` and digits."""
    check_name(alias, "alias")
    if _RESERVED_ALIAS.match(alias):
        raise InvalidInput(
            f"{alias!r} cannot be an alias", subject=alias, found="the form of a version number"
        )
    return alias


def check_partition(partition: str) -> str:
    """Return `partition` if it is UTF-8 of at most 1,024 bytes, else raise `InvalidInput`."""
    try:
        size = len(partition.encode())
    except UnicodeEncodeError:
        raise InvalidInput(
            f"partition {partition!r} is not UTF-8", subject=repr(partition)
        ) from None
    if size > MAX_PARTITION_BYTES or "\0" in partition:
        raise InvalidInput(
            f"partition {partition[:40]!r} cannot be a key",
            subject=partition[:40],
            expected=f"at most {MAX_PARTITION_BYTES} bytes of UTF-8 without NUL",
            found=f"{size} bytes",
        )
    return partition


def _split_pick(text: str) -> tuple[str, dict[str, Any]]:
    # The partition is percent-encoded, so the first ':' or '@' begins the pick.
    match = re.search(r"[:@]", text)
    if match is None:
        return text, {}
    return text[: match.start()], _pick(match[0], text[match.end() :], text)


def _pick(mark: str, word: str, text: str) -> dict[str, Any]:
    version = _VERSION.match(word)
    if mark == ":" and version:
        return {"index": int(version[1])}
    if mark == ":" and _NAME.match(word):
        return {"alias": check_alias(word)}
    if mark == "@" and _DIGEST.match(word):
        return {"digest": word}
    raise InvalidInput(
        f"{text!r} does not say a version",
        subject=text,
        expected=":vN, :alias or @lf1: and 64 hexadecimal digits",
        found=mark + word,
    )


def _parse_query(query: str, text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        pairs = []
    if not pairs or len(dict(pairs)) < len(pairs):
        raise InvalidInput(
            f"{text!r} has no readable query", subject=text, expected="?version=vN[&partition=KEY]"
        )
    return dict(pairs)


def _decode_partition(encoded: str, text: str) -> str:
    try:
        return unquote(encoded, errors="strict")
    except UnicodeDecodeError:
        raise InvalidInput(f"the partition of {text!r} is not UTF-8", subject=text) from None
