"""Pages of S3 are read twice, by the fast parser and by the full one, which is its oracle."""

from __future__ import annotations

import itertools
import re
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from landfast.errors import InvalidInput, LandfastError, Unavailable
from landfast.model.location import Location
from landfast.stores.base import ListRequest
from landfast.stores.s3 import parse, tree
from landfast.stores.s3.listing import read_page
from landfast.stores.s3.request import Listing

SPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
OWNER = "<Owner><ID>75aa</ID><DisplayName>Jürgen Ä</DisplayName></Owner>"
# What servers write of an object, as they write it; {} are key, version id, ETag and size.
OBJECTS = {
    "aws": "<Key>{0}</Key><LastModified>2026-05-01T08:15:30.000Z</LastModified><ETag>&quot;{2}&quot;</ETag>"
    "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
    "<Size>{3}</Size><StorageClass>STANDARD</StorageClass>",
    "radosgw": "<Key>{0}</Key><LastModified>2026-05-01T08:15:30.123Z</LastModified><ETag>&quot;{2}&quot;</ETag>"
    f"<Size>{{3}}</Size><StorageClass>STANDARD</StorageClass>{OWNER}<Type>Normal</Type>",
    "swift": "<Key>{0}</Key><LastModified>2026-05-01T08:15:30.123450Z</LastModified>"
    f'<ETag>"{{2}}"</ETag><Size>{{3}}</Size>{OWNER}<StorageClass>STANDARD</StorageClass>',
    "moto": "\n    <Key>{0}</Key>\n    <LastModified>2026-05-01T08:15:30Z</LastModified>\n"
    "    <ETag>&quot;{2}&quot;</ETag>\n    <Size>{3}</Size>\n    <StorageClass>GLACIER</StorageClass>\n  ",
}
VERSIONS = {
    "aws": "<Key>{0}</Key><VersionId>{1}</VersionId><IsLatest>{4}</IsLatest>"
    "<LastModified>2026-05-01T08:15:30.000Z</LastModified><ETag>&quot;{2}&quot;</ETag>"
    "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
    f"<Size>{{3}}</Size>{OWNER}<StorageClass>STANDARD</StorageClass>",
    "radosgw": "<Key>{0}</Key><VersionId>{1}</VersionId><IsLatest>{4}</IsLatest>"
    "<LastModified>2026-05-01T08:15:30.123Z</LastModified><ETag>&quot;{2}&quot;</ETag>"
    f"<Size>{{3}}</Size><StorageClass>STANDARD</StorageClass>{OWNER}<Type>Normal</Type>",
    "swift": "<Key>{0}</Key><VersionId>{1}</VersionId><IsLatest>{4}</IsLatest>"
    '<LastModified>2026-05-01T08:15:30.123450Z</LastModified><ETag>"{2}"</ETag><Size>{3}</Size>'
    f"{OWNER}<StorageClass>STANDARD</StorageClass>",
    "moto": "\n  <Key>{0}</Key>\n  <VersionId>{1}</VersionId>\n  <IsLatest>{4}</IsLatest>\n"
    "  <LastModified>2026-05-01T08:15:30Z</LastModified>\n  <ETag>&quot;{2}&quot;</ETag>\n"
    f"  <Size>{{3}}</Size>\n  <StorageClass>STANDARD</StorageClass>\n{OWNER}\n",
}
MARKER = (
    "<Key>{0}</Key><VersionId>{1}</VersionId><IsLatest>{4}</IsLatest>"
    f"<LastModified>2026-05-01T08:15:30.000Z</LastModified>{OWNER}"
)
ETAG = "d41d8cd98f00b204e9800998ecf8427e"
KEYS = (
    "a",
    "a b+c",
    "d/dt=2026-05-01/x",
    "d/%41&<>",
    "é/日本",
    "sub/",
    "line\nfeed\r",
    "\ufffe",
    "z'\"",
)


def asked(*, versions: bool) -> Listing:
    return Listing(ListRequest(Location.parse("s3://b/"), versions=versions))


def page_of(rows: str, *, versions: bool, more: str = "", encoding: str = "url") -> bytes:
    root = "ListVersionsResult" if versions else "ListBucketResult"
    head = f"<Name>b</Name><MaxKeys>1000</MaxKeys><EncodingType>{encoding}</EncodingType>{more}"
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{SPACE}">{head}'
    return f"{text}{rows}<IsTruncated>false</IsTruncated></{root}>".encode()


def outcome(parser: Any, body: bytes, listing: Listing) -> Any:
    """Return the rows, None if the parser leaves the page to the other, or the kind of error."""
    try:
        found = parser(body, listing)
    except LandfastError as error:
        return type(error)
    return None if found is None else list(found[0].rows())


def agree(body: bytes, *, versions: bool) -> bool:
    """Compare both parsers; tell whether the fast one understood the page."""
    listing = asked(versions=versions)
    found = outcome(parse.parse, body, listing)
    assert found is None or found == outcome(tree.parse, body, listing)
    return isinstance(found, list)


def row(tag: str, form: str, key: str, number: int = 1, *, latest: bool = True) -> str:
    told = form.format(quote(key), f"v{number}.x", ETAG, number % 3, str(latest).lower())
    return f"<{tag}>{told}</{tag}>"


@pytest.mark.parametrize("server", OBJECTS)
def test_pages_of_every_server_are_read_fast(server: str) -> None:
    rows = [row("Contents", OBJECTS[server], key, n) for n, key in enumerate(sorted(KEYS))]
    assert agree(page_of("".join(rows), versions=False), versions=False)
    assert agree(page_of("\n".join(rows), versions=False), versions=False)
    assert agree(page_of("".join(rows), versions=False, encoding=""), versions=False)


@pytest.mark.parametrize("server", VERSIONS)
def test_versions_and_delete_markers_of_every_server_are_read_fast(server: str) -> None:
    rows = [
        row(tag, form, key, number, latest=number == 0)
        for key in sorted(KEYS)
        for number, (tag, form) in enumerate(
            [("DeleteMarker", MARKER), ("Version", VERSIONS[server])]
        )
    ]
    if server == "moto":
        rows = [re.sub(">(?=<)", ">\n  ", each) for each in rows]
    assert agree(page_of("".join(rows), versions=True), versions=True)
    assert agree(page_of("".join(rows[1::2]), versions=True), versions=True)
    assert agree(page_of("".join(rows[::2]), versions=True), versions=True)


def test_all_versions_before_all_delete_markers_are_merged() -> None:
    rows = [row("Version", VERSIONS["swift"], key, 1, latest=False) for key in ("a", "b", "c")]
    rows += [row("DeleteMarker", MARKER, key, 2) for key in ("a", "c")]
    body = page_of("".join(rows), versions=True)
    assert not agree(body, versions=True)
    found = [
        (each.location.key, each.is_delete_marker)
        for each in read_page(body, asked(versions=True)).rows
    ]
    assert found == [("a", True), ("a", False), ("b", False), ("c", True), ("c", False)]


def test_objects_with_and_without_a_checksum_are_read_fast() -> None:
    bare = re.sub("<Checksum.*</ChecksumType>", "", OBJECTS["aws"])
    forms = [bare, OBJECTS["aws"], bare]
    rows = [row("Contents", form, f"k{n}") for n, form in enumerate(forms)]
    assert agree(page_of("".join(rows), versions=False), versions=False)


ODDITIES = {
    "an entity in a key": lambda text: text.replace("<Key>", "<Key>&amp;", 1),
    "a numeric entity": lambda text: text.replace("<Key>", "<Key>&#65;", 1),
    "an unknown entity": lambda text: text.replace("<Key>", "<Key>&nbsp;", 1),
    "CDATA": lambda text: text.replace("<Key>", "<Key><![CDATA[a<b]]>", 1),
    "a comment": lambda text: text.replace("</Key>", "</Key><!-- <Key>x</Key> -->", 1),
    "a comment with a row": lambda text: text.replace("<Contents>", "<!-- <Contents> -->", 1),
    "an instruction": lambda text: text.replace("</Key>", "</Key><?x y?>", 1),
    "an unknown element": lambda text: text.replace("</Size>", "</Size><New>1</New>"),
    "an unknown nested element": lambda text: text.replace(
        "</Size>", "</Size><New><Key>no</Key></New>", 1
    ),
    "two keys": lambda text: text.replace("<Key>", "<Key>first</Key><Key>", 1),
    "two sizes": lambda text: text.replace("</Size>", "</Size><Size>7</Size>"),
    "a restored copy": lambda text: text.replace(
        "</Size>",
        "</Size><RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress></RestoreStatus>",
    ),
    "an attribute": lambda text: text.replace("<Key>", '<Key a="1">', 1),
    "an attribute of the row": lambda text: text.replace("<Contents>", '<Contents a="1">', 1),
    "another namespace": lambda text: text.replace("<Contents>", '<Contents xmlns="urn:x">', 1),
    "a prefix": lambda text: text.replace("Contents>", "s3:Contents>").replace(
        "<ListBucketResult ", f'<ListBucketResult xmlns:s3="{SPACE}" '
    ),
    "a root with a prefix": lambda text: (
        text.replace("ListBucketResult", "s:ListBucketResult")
        .replace("xmlns=", "xmlns:s=")
        .replace("<s:ListBucketResult ", '<s:ListBucketResult xmlns="urn:other" ')
    ),
    "rows inside another element": lambda text: text.replace(
        "<Contents>", "<Inner><Contents>", 1
    ).replace("<IsTruncated>", "</Inner><IsTruncated>"),
    "an element between rows": lambda text: text.replace(
        "</Contents><Contents>", "</Contents><CommonPrefixes/><Contents>"
    ),
    "a self-closing element": lambda text: text.replace(
        f"<ETag>&quot;{ETAG}&quot;</ETag>", "<ETag/>", 1
    ),
    "an empty element": lambda text: text.replace(f"&quot;{ETAG}&quot;", "", 1),
    "an empty key": lambda text: re.sub("<Key>[^<]*", "<Key>", text, count=1),
    "no key": lambda text: re.sub("<Key>[^<]*</Key>", "", text, count=1),
    "no size": lambda text: re.sub("<Size>[^<]*</Size>", "", text, count=1),
    "no sizes": lambda text: re.sub("<Size>[^<]*</Size>", "", text),
    "a huge size": lambda text: re.sub("<Size>[^<]*", f"<Size>{10**30}", text, count=1),
    "a size that is none": lambda text: re.sub("<Size>[^<]*", "<Size>-", text, count=1),
    "spaces in a size": lambda text: re.sub("<Size>", "<Size> ", text, count=1),
    "a weak ETag": lambda text: text.replace(f"&quot;{ETAG}", f"W/&quot;{ETAG}", 1),
    "no time": lambda text: text.replace("2026-05-01T", "2026-13-01T", 1),
    "the year 0": lambda text: text.replace("2026-05-01T", "0000-05-01T", 1),
    "a time with an offset": lambda text: text.replace("30.000Z", "30.000+02:00", 1),
    "nanoseconds": lambda text: text.replace("30.000Z", "30.123456789Z", 1),
    "another order in one row": lambda text: re.sub(
        "(<Key>[^<]*</Key>)(.*?)</Contents>", r"\2\1</Contents>", text, count=1
    ),
    "another order in all rows": lambda text: re.sub(
        "(<Key>[^<]*</Key>)(.*?)</Contents>", r"\2\1</Contents>", text
    ),
    "text between elements": lambda text: text.replace("</Key>", "</Key>text", 1),
    "a key that is not UTF-8": lambda text: text.replace("<Key>", "<Key>%FF", 1),
    "half a character": lambda text: text.replace("<Key>", "<Key>%C3", 1),
    "half a character before another key": lambda text: text.replace("</Key>", "%C3</Key>", 1),
    "a lone percent sign": lambda text: text.replace("<Key>", "<Key>%zz%2%355%", 1),
    "line ends of another system": lambda text: text.replace("</Key>", "</Key>\r\n"),
    "a control character": lambda text: text.replace("<Key>", "<Key>\x01", 1),
    "the end of CDATA": lambda text: text.replace("<Key>", "<Key>]]>", 1),
    "a document type": lambda text: text.replace("?>\n", '?>\n<!DOCTYPE x [<!ENTITY a "b">]>'),
    "a byte order mark": lambda text: "\ufeff" + text,
    "no declaration": lambda text: text.partition("\n")[2],
    "another kind of reply": lambda text: text.replace("ListBucketResult", "ListVersionsResult"),
    "an error": lambda text: text.replace("ListBucketResult", "Error"),
    "something behind the end": lambda text: text + "<more/>",
    "a row that is not closed": lambda text: text.replace("</Contents>", "", 1),
}


@pytest.mark.parametrize("oddity", ODDITIES)
def test_what_is_unusual_is_read_as_the_full_parser_reads_it(oddity: str) -> None:
    rows = [row("Contents", OBJECTS["aws"], key, n) for n, key in enumerate(sorted(KEYS))]
    text = page_of("".join(rows), versions=False).decode()
    odd = ODDITIES[oddity](text)
    assert odd != text
    agree(odd.encode(), versions=False)


@given(st.data())
def test_oddities_in_all_combinations(data: st.DataObject) -> None:
    keys = data.draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))
    form = data.draw(st.sampled_from(sorted(OBJECTS)))
    rows = [row("Contents", OBJECTS[form], key, n) for n, key in enumerate(sorted(keys))]
    text = page_of("".join(rows), versions=False).decode()
    for oddity in data.draw(st.lists(st.sampled_from(sorted(ODDITIES)), max_size=3)):
        text = ODDITIES[oddity](text)
    agree(text.encode(), versions=False)


WORDS = (
    *(
        b"<Key>",
        b"</Key>",
        b"<Version>",
        b"</Version>",
        b"<DeleteMarker>",
        b"</DeleteMarker>",
        b"<Size>1</Size>",
    ),
    *(
        b"&amp;",
        b"<![CDATA[",
        b"]]>",
        b"<!--",
        b"-->",
        b"<Owner>",
        b"</Owner>",
        b"\xff",
        b"%",
        b"%25",
        b"+",
        b" ",
    ),
    *(
        b"\n",
        b"<a/>",
        b'"',
        b"&quot;",
        b"<",
        b">",
        b"true",
        b"<IsLatest>false</IsLatest>",
        b"\xef\xbf\xbe",
    ),
)


@given(
    st.lists(
        st.tuples(st.integers(0, 3000), st.integers(0, 12), st.sampled_from(WORDS)), max_size=4
    ),
    st.sampled_from(sorted(VERSIONS)),
)
@example([(300, 0, b"<!--")], "aws")
def test_damaged_pages_are_read_as_the_full_parser_reads_them(
    damages: list[tuple[int, int, bytes]], server: str
) -> None:
    rows = [row("Version", VERSIONS[server], key, n) for n, key in enumerate(("a", "b c", "b/d"))]
    rows.insert(1, row("DeleteMarker", MARKER, "b", 9))
    body = page_of("".join(rows), versions=True)
    for place, length, word in damages:
        at = place % len(body)
        body = body[:at] + word + body[at + length :]
    agree(body, versions=True)


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=6, unique=True))
def test_every_encoded_key_comes_back(keys: list[str]) -> None:
    keys.sort()
    rows = [row("Contents", OBJECTS["aws"], key) for key in keys]
    body = page_of("".join(rows), versions=False)
    found = parse.parse(body, asked(versions=False))
    assert found is not None
    assert found[0].keys() == keys


@given(st.lists(st.text("%+2357fFeE=a é", max_size=9), min_size=1, max_size=4))
def test_percent_signs_are_decoded_as_elsewhere(raw: list[str]) -> None:
    rows = [OBJECTS["aws"].format(key, "v", ETAG, 1) for key in raw]
    text = "".join(f"<Contents>{each}</Contents>" for each in rows)
    agree(page_of(text, versions=False), versions=False)


def test_pages_that_break_off_are_refused() -> None:
    rows = [row("Contents", OBJECTS["aws"], key) for key in ("a", "b")]
    body = page_of("".join(rows), versions=False)
    for end in range(len(body)):
        assert not agree(body[:end], versions=False)


@pytest.mark.parametrize("place", ["rows", "row", "key"])
def test_a_million_nested_elements_are_refused(place: str) -> None:
    deep = "<a>" * 1_000_000 + "</a>" * 1_000_000
    inner = {"rows": "", "row": deep, "key": ""}[place]
    text = f"<Contents><Key>{deep if place == 'key' else 'k'}</Key>{inner}</Contents>"
    body = page_of(text + (deep if place == "rows" else ""), versions=False)
    with pytest.raises(Unavailable, match="not readable"):
        read_page(body, asked(versions=False))


def test_entities_that_grow_are_refused() -> None:
    grow = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    text = page_of("<Contents><Key>&a11;</Key></Contents>", versions=False).decode()
    body = text.replace("?>\n", f'?>\n<!DOCTYPE x [<!ENTITY a0 "aaaaaaaaaa">{grow}]>').encode()
    with pytest.raises(Unavailable, match="not readable"):
        read_page(body, asked(versions=False))


def test_a_page_of_the_other_question_is_told() -> None:
    body = page_of("", versions=True)
    with pytest.raises(InvalidInput, match="another question") as caught:
        read_page(body, asked(versions=False))
    assert caught.value.details["unsupported"] is True


def test_many_layouts_do_not_grow_without_end() -> None:
    elements = ["<Size>1</Size>", f'<ETag>"{ETAG}"</ETag>', "<Owner></Owner>", "<Type>x</Type>"]
    for order in itertools.permutations(elements):
        text = f"<Contents><Key>k</Key>{''.join(order)}</Contents>"
        assert agree(page_of(text, versions=False), versions=False)
    assert parse._pattern.cache_info().currsize <= 64
