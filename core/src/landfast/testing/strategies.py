"""Hypothesis strategies for names, locations, entries and manifests: every legal value, odd ones often."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from landfast.manifests.memory import MemoryManifest
from landfast.model.checksum import CONTENT_TOKENS, VALIDATORS, Checksum
from landfast.model.location import Location
from landfast.model.manifest import ManifestEntry
from landfast.model.names import MAX_PARTITION_BYTES, ArtifactName

_ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_HEX = "0123456789abcdef"
# Characters that some URI, shell or codec reads as something else.
_ODD = "/.~%#?&=+@: \\'\"\n\t\0é\u0301日\U0001f600"
_MAX_KEY_BYTES = 1024

#: Any text that has a UTF-8 form.
utf8_text = st.text(st.characters(exclude_categories=["Cs"]))
_odd_text = st.text(
    st.one_of(st.sampled_from(_ODD + "abc"), st.characters(exclude_categories=["Cs"]))
)


def _fits(limit: int) -> st.SearchStrategy[str]:
    return _odd_text.filter(lambda text: 0 < len(text.encode()) <= limit)


def hex_text(digits: int) -> st.SearchStrategy[str]:
    """Lower-case hexadecimal text of a given length."""
    return st.text(_HEX, min_size=digits, max_size=digits)


#: What may name an entity, a project, a collection, a type or a tag.
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", fullmatch=True, alphabet=_ALNUM + "_.-")
#: What may move on a collection: a name but not ``v`` and digits.
aliases = names.filter(lambda name: not (name[0] in "vV" and name[1:].isdigit()))
#: A partition key, ``""`` for none.
partitions = st.one_of(
    st.just(""), _fits(MAX_PARTITION_BYTES).filter(lambda text: "\0" not in text)
)
#: A content digest.
digests = hex_text(64).map(lambda text: f"lf1:{text}")

# Made once, as all that is not drawn: Hypothesis checks a new strategy, which takes longer than a draw.
_maybe_names = st.none() | names


@st.composite
def artifact_names(draw: st.DrawFn, *, full: bool = False) -> ArtifactName:
    """Every legal name.

    Args:
        draw: Given by Hypothesis.
        full: Whether entity, project and a version are always there.
    """
    entity = draw(names if full else _maybe_names)
    project = draw(names if full or entity is not None else _maybe_names)
    kinds = ["index", "alias", "digest"] if full else ["", "index", "alias", "digest"]
    kind = draw(st.sampled_from(kinds))
    return ArtifactName(
        collection=draw(names),
        project=project,
        entity=entity,
        partition=draw(partitions),
        index=draw(st.integers(0, 10**18 - 1)) if kind == "index" else None,
        alias=draw(aliases) if kind == "alias" else None,
        digest=draw(digests) if kind == "digest" else None,
    )


#: Every legal key of S3 and GCS, as a bucket may hold it.
object_keys = st.one_of(
    _fits(_MAX_KEY_BYTES),
    st.sampled_from(
        [
            "a#1",
            "a?versionId=x",
            "a%20b",
            "a//b",
            "a/./b",
            "../up",
            "/lead",
            "trail/",
            " ",
            "k" * 1024,
        ]
    ),
)
#: An absolute path on disk, with its bytes as Python shows them (`os.fsdecode`).
file_paths = (
    st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5)
    .map(
        lambda parts: (
            b"/" + b"/".join(part.replace(b"\0", b"_").replace(b"/", b"_") for part in parts)
        )
    )
    .map(lambda path: path.decode("utf-8", "surrogateescape"))
)


def checksums() -> st.SearchStrategy[Checksum]:
    """Content tokens and validators."""
    return st.one_of(
        st.builds(Checksum, st.sampled_from(sorted(CONTENT_TOKENS)), hex_text(8) | hex_text(64)),
        st.builds(Checksum, st.sampled_from(sorted(VALIDATORS)), utf8_text.filter(bool)),
    )


#: The path of an entry: any non-empty UTF-8 text; folders in common are frequent.
paths = st.one_of(
    st.lists(st.sampled_from(["a", "b", "a.b", "", "..", "é"]), min_size=1, max_size=5)
    .map("/".join)
    .filter(bool),
    _fits(_MAX_KEY_BYTES),
)
_times = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_ids = st.one_of(st.none(), st.just("null"), st.text(_ALNUM + "._", min_size=1, max_size=32))
_checksums = st.none() | checksums()
_sizes = st.none() | st.integers(0, 2**40) | st.just(2**53)
_etags = st.none() | utf8_text
_moments = st.none() | _times


@st.composite
def entries(draw: st.DrawFn, *, path: str | None = None) -> ManifestEntry:
    """Every legal entry.

    Args:
        draw: Given by Hypothesis.
        path: Of the entry; None draws one.
    """
    where = draw(paths) if path is None else path
    checksum = draw(_checksums)
    return ManifestEntry(
        path=where,
        size=draw(_sizes),
        checksum=checksum,
        uri=Location(scheme="s3", authority="b", key=where).uri
        if draw(st.booleans())
        else "file:///x",
        version_id=draw(_ids),
        etag=draw(_etags if checksum is None else _etags | st.just(checksum.value)),
        modified_at=draw(_moments),
    )


def entry_lists(*, min_size: int = 0, max_size: int = 20) -> st.SearchStrategy[list[ManifestEntry]]:
    """Sorted entries with unique paths: the rows of a manifest."""
    return st.lists(
        entries(), min_size=min_size, max_size=max_size, unique_by=lambda entry: entry.path
    ).map(lambda rows: sorted(rows, key=lambda entry: entry.sort_key))


def manifests(*, max_size: int = 20) -> st.SearchStrategy[MemoryManifest]:
    """Manifests that are held in memory."""
    return entry_lists(max_size=max_size).map(MemoryManifest)


_buckets = st.from_regex(r"[a-z0-9][a-z0-9-]{1,20}[a-z0-9]", fullmatch=True)


@st.composite
def locations(draw: st.DrawFn) -> Location:
    """Objects in buckets and on disk, without a pin."""
    if draw(st.booleans()):
        return Location(scheme="file", authority="", key=draw(file_paths))
    scheme = draw(st.sampled_from(["s3", "gs"]))
    return Location(scheme=scheme, authority=draw(_buckets), key=draw(object_keys))
