"""Locations: every legal key round-trips, pins are only where they are meant."""

import os
import pickle
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from landfast.errors import InvalidInput
from landfast.model.location import Location
from landfast.testing import strategies

S3_PIN_LIKE = "?versionId="


@given(st.sampled_from(["s3", "gs"]), strategies.object_keys)
def test_every_key_of_a_bucket_is_read_back_from_a_recorded_uri(scheme: str, key: str) -> None:
    location = Location(scheme=scheme, authority="my-bucket", key=key)
    assert location.uri == f"{scheme}://my-bucket/{key}"
    assert Location.parse(location.uri, pins=False) == location
    assert pickle.loads(pickle.dumps(location)) == location


@given(strategies.object_keys)
def test_an_s3_uri_is_pinned_only_by_a_final_version_id(key: str) -> None:
    assume(S3_PIN_LIKE not in key)
    assert Location.parse(f"s3://b/{key}") == Location(scheme="s3", authority="b", key=key)
    pinned = Location.parse(f"s3://b/{key}?versionId=3sL4.kq_")
    assert (pinned.key, pinned.version_id) == (key, "3sL4.kq_")
    assert pinned.unpinned() == Location(scheme="s3", authority="b", key=key)


@given(strategies.object_keys)
def test_a_gs_uri_is_pinned_only_by_final_digits(key: str) -> None:
    assume("#" not in key)
    assert Location.parse(f"gs://b/{key}") == Location(scheme="gs", authority="b", key=key)
    pinned = Location.parse(f"gs://b/{key}#1712345678901234")
    assert (pinned.key, pinned.version_id) == (key, "1712345678901234")


@pytest.mark.parametrize(
    ("uri", "key", "version_id"),
    [
        ("s3://b/a#1", "a#1", None),
        ("s3://b/a?versionId=x", "a", "x"),
        ("s3://b/a?versionId=x/y", "a?versionId=x/y", None),
        ("s3://b/a?versionId=", "a?versionId=", None),
        ("s3://b/a?versionId=x&y=z", "a?versionId=x&y=z", None),
        ("s3://b/a?x?versionId=y", "a?x", "y"),
        ("gs://b/a?versionId=x", "a?versionId=x", None),
        ("gs://b/a#1x", "a#1x", None),
        ("gs://b/a#1#2", "a#1", "2"),
        ("s3://b/a%2Fb+c", "a%2Fb+c", None),
        ("S3://B/Key", "Key", None),
        ("s3://b", "", None),
        ("s3://b//x", "/x", None),
    ],
)
def test_raw_keys_and_their_pins(uri: str, key: str, version_id: str | None) -> None:
    location = Location.parse(uri)
    assert (location.key, location.version_id) == (key, version_id)


@given(strategies.file_paths)
def test_every_file_path_is_read_back_from_its_uri(path: str) -> None:
    location = Location(scheme="file", authority="", key=path)
    assert location.uri.isascii()
    assert Location.parse(location.uri) == location


@given(strategies.file_paths)
def test_a_plain_path_and_its_uri_are_one_location(path: str) -> None:
    location = Location.parse(path)
    assert location == Location.parse(location.uri)
    assert location.key.rstrip("/") == os.path.abspath(path).rstrip("/")


def test_file_uris_agree_with_pathlib(tmp_path: Path) -> None:
    for name in ("a b", "a#b", "a?b", "a%20b", "é", "a\nb", "a;b", "~x"):
        assert Location.parse((tmp_path / name).as_uri()).key == str(tmp_path / name)


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_every_http_path_is_read_back_from_its_uri(path: str, query: str) -> None:
    uri = f"https://h:8080/{quote(path)}" + (f"?{quote(query)}" if query else "")
    location = Location.parse(uri)
    assert location.uri == uri
    assert Location.parse(location.uri) == location


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_an_http_uri_of_any_text_becomes_canonical_once(text: str) -> None:
    assume("#" not in text)
    location = Location.parse(f"http://h/{text}")
    assert location.uri.isascii()
    assert Location.parse(location.uri) == location
    assert urlsplit(location.uri).geturl() == location.uri or location.key.startswith("//")


@pytest.mark.parametrize(
    ("uri", "canonical"),
    [
        ("HTTPS://Example.COM/A", "https://example.com/A"),
        ("http://h", "http://h/"),
        ("http://h?x=1", "http://h/?x=1"),
        ("http://h/a?", "http://h/a"),
        ("http://h/a#part", "http://h/a"),
        ("http://h/100%", "http://h/100%25"),
        ("http://h/a%2fb%20c", "http://h/a%2fb%20c"),
        ("http://h/é?q=é", "http://h/%C3%A9?q=%C3%A9"),
        ("http://[::1]:80/a", "http://[::1]:80/a"),
        ("http://h/a\nb", "http://h/a%0Ab"),
        ("file://localhost/a", "file:///a"),
        ("file:/a", "file:///a"),
        ("file:///a%20b/", "file:///a%20b/"),
        ("az://box/a b", "az://box/a b"),
        ("hdfs://host:9000/a", "hdfs://host:9000/a"),
    ],
)
def test_the_canonical_text(uri: str, canonical: str) -> None:
    assert Location.parse(uri).uri == canonical
    assert Location.parse(canonical).uri == canonical


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "a\0b",
        "s3:/b/k",
        "s3:b/k",
        "s3://",
        "s3:///k",
        "s3://AKIAIOSFODNN7EXAMPLE:hunter2@b/k",
        "s3://b/\udcff",
        "gs:///k",
        "file://host/a",
        "file://a",
        "file:a",
        "file:///a?b",
        "file:///a#b",
        "file:///a%00b",
        "http://",
        "http:///a",
        "http://:80/a",
        "http://[::1/a",
        "http://h x/a",
        "http://h:port/a",
        "mailto:someone",
        "blob:sha256:abc",
        "blob:md5:" + "a" * 64,
        "~nobody-of-this-name/a",
    ],
)
def test_what_is_no_location_is_refused_in_one_line_without_secrets(uri: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Location.parse(uri)
    assert str(caught.value).isprintable()
    assert "hunter2" not in str(caught.value)


@given(st.text())
def test_any_text_is_a_location_or_invalid_input(text: str) -> None:
    try:
        location = Location.parse(text)
    except InvalidInput as error:
        message = str(error)
    else:
        assert Location.parse(location.uri, pins=False).uri == location.uri
        message = ""
    assert not message or message.isprintable()


def test_relative_paths_are_taken_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ann")
    assert Location.parse("data").key == f"{tmp_path}/data"
    assert Location.parse("data/").key == f"{tmp_path}/data/"
    assert Location.parse(".").key == f"{tmp_path}/"
    assert Location.parse("a/..").key == f"{tmp_path}/"
    assert Location.parse("~/x").key == "/home/ann/x"
    assert Location.parse("/").key == "/"
    assert Location.parse("//mnt/x").key == "/mnt/x"
    assert Location.parse("C:\\x").key == f"{tmp_path}/C:\\x"


@pytest.mark.parametrize(
    ("uri", "recorded", "stripped"),
    [
        ("https://h/a?part=1", "https://h/a?part=1", ()),
        ("https://h/a?code=7&st=CA&sp=oak", "https://h/a?code=7&st=CA&sp=oak", ()),
        (
            "https://h/a?sv=2024&st=x&part=1&se=y&sp=r&sig=abc",
            "https://h/a?part=1",
            ("sv", "st", "se", "sp", "sig"),
        ),
        (
            "https://h/a?X-Amz-Signature=s&X-Amz-Date=d",
            "https://h/a",
            ("X-Amz-Signature", "X-Amz-Date"),
        ),
        (
            "https://h/a?Expires=1&Signature=s&Key-Pair-Id=k&v=2",
            "https://h/a?v=2",
            ("Expires", "Signature", "Key-Pair-Id"),
        ),
        ("https://h/a?Expires=1&policy=open", "https://h/a?Expires=1&policy=open", ()),
        ("https://ann:pw@h/a", "https://h/a", ("userinfo",)),
        ("https://h/a?%74oken=x", "https://h/a", ("%74oken",)),
        ("sftp://ann:pw@h/a", "sftp://ann@h/a", ("password",)),
        ("abfs://box@account.net/a", "abfs://box@account.net/a", ()),
        ("s3://b/a?token=x", "s3://b/a?token=x", ()),
    ],
)
def test_what_is_recorded_holds_no_secret(
    uri: str, recorded: str, stripped: tuple[str, ...]
) -> None:
    location, names = Location.parse(uri).without_secrets()
    assert (location.uri, names) == (recorded, stripped)
    assert str(Location.parse(uri)) == recorded


@pytest.mark.parametrize(
    ("uri", "recorded", "stripped"),
    [
        ("https://h/a;jsessionid=X/b;v=2?a=1", "https://h/a/b;v=2?a=1", ("jsessionid",)),
        ("https://h/a;v=1;token=X;w=2", "https://h/a;v=1;w=2", ("token",)),
        ("https://h/dt=1/token=2/key=x/a", "https://h/dt=1/token=2/key=x/a", ()),
        ("https://h/a?b=1;token=X;c=2", "https://h/a?b=1;c=2", ("token",)),
        ("https://h/a?token=X;c=2&&d", "https://h/a?c=2&&d", ("token",)),
        ("https://h/a?&&b=1;&", "https://h/a?&&b=1;&", ()),
        ("https://h/a?b=1?sig=X", "https://h/a?b=1", ("sig",)),
        ("https://h/a?sig", "https://h/a", ("sig",)),
        ("https://h/a?page_token=X&nextPageToken=Y", "https://h/a?page_token=X&nextPageToken=Y", ()),
        ("https://h/a?sort_key=x&object_key=y&tokens=3", "https://h/a?sort_key=x&object_key=y&tokens=3", ()),
        ("https://h/a?md5=abc", "https://h/a?md5=abc", ()),
        ("https://h/a?md5=abc&expires=1", "https://h/a", ("md5", "expires")),
        ("https://h/a?key=12345&code=123456", "https://h/a?key=12345", ("code",)),
        ("https://h/a?key=a%2Fb.parquet&token=a.b.abcdefgh", "https://h/a?key=a%2Fb.parquet", ("token",)),
        ("https://h/a?hm=x&ex=1&is=2&v=3", "https://h/a?v=3", ("hm", "ex", "is")),
    ],
)  # fmt: skip
def test_mend_20_parameters_are_told_apart_in_query_and_path(
    uri: str, recorded: str, stripped: tuple[str, ...]
) -> None:
    location, names = Location.parse(uri).without_secrets()
    assert (location.uri, names) == (recorded, stripped)
    assert location.without_secrets() == (location, ())
