"""Previews and bytes of files: exactly what was recorded, in part, and never more than may be shown."""

import http.client
import json
import struct
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlencode

import landfast
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kit.pages import Reply, Served
from kit.servers.moto import Moto
from landfast.client import Client
from landfast.web.preview.kinds import kind_of
from landfast.web.preview.text import decoded, pretty_json

from tests.conftest import ProxiedS3

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
File = Callable[..., str]


@pytest.fixture
def record(
    client: Client, tmp_path: Path
) -> Callable[[dict[str, bytes]], landfast.ArtifactVersion]:
    """Log files of a local folder."""

    def log(files: dict[str, bytes]) -> landfast.ArtifactVersion:
        for path, data in files.items():
            target = tmp_path / "files" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        return client.log("files", tmp_path / "files")

    return log


def at(view: str, path: str, **query: object) -> str:
    """Return the address of a file of `files`."""
    return f"/default/vision/files/{view}?" + urlencode({"path": path, **query}, quote_via=quote)


def shown(pages: Served, path: str, **query: object) -> dict:
    return pages.get(at("file.json", path, **query)).data


RECORDED = {
    "a.png": PNG,
    "b.txt": "Grüße\n".encode(),
    "latin.txt": "Grüße\n".encode("latin-1"),
    "c.json": b'{"b": 1.10, "a": [1, {"x": null}], "e": [], "n": 123456789012345678901234567890}',
    "broken.json": b"{no json",
    "d.csv": b"id,name,when,score\n1,ann,2026-05-01,0.5\n2,<script>alert(1)</script>,2026-05-02,1e3\n",
    "e.tsv": b"a\tb\n1\ttrue\n",
    "f.bin": bytes(range(256)) * 4,
    "g.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "h.html": b"<script>alert(1)</script>",
    "i.mp4": b"\0\0\0\x18ftypmp42" + b"\0" * 100,
    "j": b"\xff\xd8\xff\xe0" + b"\0" * 20,
    "k.png": b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n",
    "empty": b"",
    "sub/dir/z.txt": b"last",
}


@pytest.mark.parametrize(
    ("path", "kind"),
    {
        "a.png": "image",
        "b.txt": "text",
        "latin.txt": "text",
        "c.json": "json",
        "broken.json": "text",
        "d.csv": "table",
        "e.tsv": "table",
        "f.bin": "bytes",
        "g.svg": "document",
        "h.html": "document",
        "i.mp4": "video",
        "j": "image",
        "k.png": "text",
        "empty": "empty",
    }.items(),
)
def test_a_file_is_shown_as_what_it_is(record, pages: Served, path: str, kind: str) -> None:
    record(RECORDED)
    page = pages.get(at("file", path))
    assert page.status == 200
    assert shown(pages, path)["preview"]["kind"] == kind
    assert "<script>alert" not in page.text
    assert "Download" in page.text


def test_the_page_tells_what_was_recorded_and_what_lies_beside_it(record, pages: Served) -> None:
    version = record(RECORDED)
    data = shown(pages, "b.txt")
    entry = version.get_entry("b.txt")
    assert data["entry"]["checksum"] == str(entry.checksum)
    assert data["entry"]["uri"] == entry.uri
    paths = [each.path for each in version.entries()]
    here = paths.index("b.txt")
    assert (data["previous"], data["next"]) == (paths[here - 1], paths[here + 1])
    assert shown(pages, paths[0])["previous"] is None
    assert shown(pages, paths[-1])["next"] is None
    assert shown(pages, "sub/dir/z.txt")["folder"] == "sub/dir"
    assert f"/-/object?uri={quote(entry.uri, safe=':')}" in pages.get(at("file", "b.txt")).text


def test_text_is_read_in_its_encoding(record, pages: Served) -> None:
    record(RECORDED)
    for path, encoding in {"b.txt": "utf-8", "latin.txt": "windows-1252"}.items():
        found = shown(pages, path)["preview"]
        assert (found["text"], found["encoding"]) == ("Grüße\n", encoding)


def test_json_keeps_its_numbers_and_the_order_of_its_names(record, pages: Served) -> None:
    record(RECORDED)
    text = shown(pages, "c.json")["preview"]["text"]
    assert text.split("\n")[1:3] == ['  "b": 1.10,', '  "a": [']
    assert '"e": []' in text
    assert json.loads(text)["n"] == 123456789012345678901234567890


def test_tables_have_columns_with_types(record, pages: Served) -> None:
    record(RECORDED)
    table = shown(pages, "d.csv")["preview"]["table"]
    assert [column["type"] for column in table["columns"]] == ["integer", "text", "date", "number"]
    assert table["rows"][1][1] == "<script>alert(1)</script>"
    assert shown(pages, "e.tsv")["preview"]["table"]["rows"] == [["1", "true"]]


def test_long_text_and_long_tables_are_cut_and_say_so(record, pages: Served) -> None:
    lines = "".join(f"{n},é\n" for n in range(300_000)).encode()
    record({"long.csv": lines, "long.txt": lines, "wide.csv": b",".join([b"x"] * 500) + b"\n"})
    table = shown(pages, "long.csv")["preview"]["table"]
    assert (len(table["rows"]), table["is_cut"]) == (100, True)
    text = shown(pages, "long.txt")["preview"]
    assert len(text["text"].encode()) <= 256 << 10
    assert text["is_cut"]
    wide = shown(pages, "wide.csv")["preview"]["table"]
    assert (len(wide["columns"]), wide["columns_in_all"]) == (50, 500)
    page = pages.get(at("file", "long.txt")).text
    assert "the download has the whole 2.9 MB" in page


def test_a_preview_can_be_left_out(record, pages: Served, tmp_path: Path) -> None:
    record(RECORDED)
    (tmp_path / "files" / "b.txt").unlink()
    assert pages.get(at("file", "b.txt", previews="none")).status == 200
    assert shown(pages, "b.txt", previews="none")["preview"]["kind"] == "none"


def test_a_file_that_is_gone_or_was_written_to_says_so(
    record, pages: Served, tmp_path: Path
) -> None:
    record(RECORDED)
    (tmp_path / "files" / "b.txt").write_bytes(b"other!\n")
    (tmp_path / "files" / "a.png").unlink()
    for path, error, status in (("b.txt", "ObjectChanged", 410), ("a.png", "NotFound", 404)):
        page, raw = pages.get(at("file", path)), pages.get(at("raw", path, download=1))
        assert (page.status, raw.status) == (200, status)
        assert "The recorded bytes are no longer available." in page.text
        assert shown(pages, path)["refused"]["error"] == error
        assert b"other" not in raw.body
        assert b"other" not in page.body


def test_the_same_size_and_time_do_not_make_it_the_same_file(
    record, pages: Served, tmp_path: Path
) -> None:
    import os

    record(RECORDED)
    file = tmp_path / "files" / "b.txt"
    status = file.stat()
    file.write_bytes("Gruß!\n".encode() + b"?")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert pages.get(at("raw", "b.txt", download=1)).status == 410


# -- bytes -----------------------------------------------------------------------------------------


def ranged(pages: Served, path: str, value: str, **headers: str) -> Reply:
    return pages.get(at("raw", path, download=1), **{"Range": value, **headers})


def test_bytes_come_whole_or_in_part(record, pages: Served) -> None:
    record(RECORDED)
    data = RECORDED["f.bin"]
    whole = pages.get(at("raw", "f.bin", download=1))
    assert (whole.status, whole.body) == (200, data)
    assert whole.headers["accept-ranges"] == "bytes"
    for value, part in {
        "bytes=0-0": data[:1],
        "bytes=10-19": data[10:20],
        "bytes=1000-": data[1000:],
        "bytes=-5": data[-5:],
        "bytes=-99999": data,
        "bytes=1000-999999": data[1000:],
    }.items():
        reply = ranged(pages, "f.bin", value)
        assert (reply.status, reply.body) == (206, part), value
        start = data.find(part) if len(part) < 1024 else 0
        start = {"bytes=0-0": 0, "bytes=10-19": 10, "bytes=-5": 1019, "bytes=-99999": 0}.get(
            value, 1000
        )
        assert reply.headers["content-range"] == f"bytes {start}-{start + len(part) - 1}/1024"
    for value in ("bytes=1024-", "bytes=5000-6000", "bytes=-0"):
        reply = ranged(pages, "f.bin", value)
        assert (reply.status, reply.body) == (416, b"")
        assert reply.headers["content-range"] == "bytes */1024"
    for value in ("bytes=0-1,4-5", "lines=1-2", "bytes=5-2", "bytes=", "bytes=--1", "x"):
        assert ranged(pages, "f.bin", value).status == 200, value


def test_head_and_conditions(record, pages: Served) -> None:
    record(RECORDED)
    head = pages.ask("HEAD", at("raw", "f.bin"))
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "1024")
    etag = head.headers["etag"]
    assert pages.get(at("raw", "f.bin"), **{"If-None-Match": etag}).status == 304
    assert ranged(pages, "f.bin", "bytes=0-1", **{"If-Range": etag}).status == 206
    assert ranged(pages, "f.bin", "bytes=0-1", **{"If-Range": '"other"'}).status == 200
    assert pages.ask("HEAD", at("raw", "empty")).headers["content-length"] == "0"
    assert pages.get(at("raw", "empty", download=1)).body == b""


@pytest.mark.parametrize("path", ["a.png", "g.svg", "h.html", "b.txt", "f.bin"])
def test_bytes_are_harmless(record, pages: Served, path: str) -> None:
    record(RECORDED)
    for reply in (pages.get(at("raw", path)), pages.get(at("raw", path, download=1))):
        assert "sandbox" in reply.headers["content-security-policy"]
        assert "script-src" not in reply.headers["content-security-policy"]
        assert reply.headers["x-content-type-options"] == "nosniff"
    saved = pages.get(at("raw", path, download=1)).headers
    assert saved["content-disposition"].startswith("attachment; ")
    assert saved["content-type"] == "application/octet-stream"
    if path in {"b.txt", "f.bin"}:  # what no page of ours embeds is never shown by itself
        assert pages.get(at("raw", path)).headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "path",
    ["../registry.db", "/etc/passwd", "a.png/../../registry.db", "..", ".", "no", "", "A.png"],
)
def test_nothing_outside_of_the_manifest_is_read(record, pages: Served, path: str) -> None:
    record(RECORDED)
    for view in ("raw", "file"):
        reply = pages.get(at(view, path))
        assert reply.status == 404
        assert b"SQLite format" not in reply.body


@pytest.mark.parametrize(
    "path",
    ['q"uo;te.txt', "line\nend.txt", "\u202egpj.exe", "ünïcode.txt", "a" * 255, "per%41cent.txt"],
)
def test_a_download_has_the_name_of_a_file(client: Client, pages: Served, path: str) -> None:
    draft = landfast.Artifact("files", type="dataset", client=client)
    with draft.new_file(path) as file:
        file.write("x")
    draft.save()
    found = pages.get(at("raw", path, download=1)).headers["content-disposition"]
    assert found.isascii()
    assert found.isprintable()
    assert found.startswith('attachment; filename="')
    assert found.count('"') == 2


def test_managed_files_are_read_from_the_store(client: Client, pages: Served) -> None:
    draft = landfast.Artifact("files", type="dataset", client=client)
    with draft.new_file("m.txt") as file:
        file.write("managed")
    draft.save()
    assert shown(pages, "m.txt")["preview"]["text"] == "managed"
    assert ranged(pages, "m.txt", "bytes=3-5").body == b"age"


# -- S3 --------------------------------------------------------------------------------------------


@pytest.fixture
def bucket(s3_proxy: ProxiedS3) -> str:
    """A versioned bucket with a table, a picture and a text, recorded as `files`, then overwritten."""
    return s3_proxy.bucket("Enabled")


def log_bucket(client: Client, server: ProxiedS3, bucket: str, **files: bytes) -> None:
    for key, data in files.items():
        server.put(bucket, f"d/{key}", data)
    client.log("files", f"s3://{bucket}/d/")


def test_what_was_overwritten_is_shown_as_it_was(
    client: Client, pages: Served, s3_proxy: ProxiedS3, bucket: str
) -> None:
    log_bucket(client, s3_proxy, bucket, **{"a.txt": b"first", "b.png": PNG})
    s3_proxy.put(bucket, "d/a.txt", b"other")
    assert shown(pages, "a.txt")["preview"]["text"] == "first"
    assert ranged(pages, "a.txt", "bytes=1-2").body == b"ir"
    assert pages.get(at("raw", "b.png")).body == PNG


def test_a_range_reads_no_more_than_it_needs(
    client: Client, pages: Served, s3_proxy: ProxiedS3, bucket: str
) -> None:
    data = struct.pack("<1000000I", *range(1_000_000))
    log_bucket(client, s3_proxy, bucket, **{"a.bin": data})
    s3_proxy.proxy.clear()
    assert ranged(pages, "a.bin", "bytes=3999996-3999999").body == struct.pack("<I", 999_999)
    assert [each.method for each in s3_proxy.proxy.requests] == ["GET"]


def test_parquet_is_read_by_its_ends_and_its_first_rows(
    client: Client, pages: Served, s3_proxy: ProxiedS3, bucket: str, tmp_path: Path
) -> None:
    count = 400_000
    table = pa.table(
        {
            "id": pa.array(range(count), pa.int64()),
            "label": pa.array([f"label {n % 7}" for n in range(count)]),
            "blob": pa.array([n.to_bytes(8, "big") for n in range(count)], pa.binary()),
            "nested": pa.array([{"a": [n]} for n in range(count)]),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet", compression="none", row_group_size=100_000)
    data = (tmp_path / "t.parquet").read_bytes()
    log_bucket(client, s3_proxy, bucket, **{"t.parquet": data})
    s3_proxy.put(bucket, "d/t.parquet", b"PAR1 overwritten")
    found = shown(pages, "t.parquet")["preview"]
    assert found["format"] == "parquet"
    assert found["table"]["rows_in_all"] == count
    assert found["table"]["columns"][0] == {"name": "id", "type": "int64"}
    assert found["table"]["rows"][99][:2] == ["99", "label 1"]
    assert len(found["table"]["rows"]) == 100


def test_what_is_gone_from_the_bucket_says_so(
    client: Client, pages: Served, s3_proxy: ProxiedS3, bucket: str
) -> None:
    log_bucket(client, s3_proxy, bucket, **{"b.png": PNG})
    (row,) = s3_proxy.client.list_object_versions(Bucket=bucket)["Versions"]
    s3_proxy.client.delete_object(Bucket=bucket, Key="d/b.png", VersionId=row["VersionId"])
    s3_proxy.put(bucket, "d/b.png", b"other")
    page = pages.get(at("file", "b.png"))
    assert page.status == 200
    assert "The recorded bytes are no longer available." in page.text
    assert pages.get(at("raw", "b.png")).status in {404, 410}


def test_who_goes_away_leaves_the_source(client: Client, pages: Served, s3: Moto) -> None:
    bucket = s3.bucket("Enabled")
    s3.put(bucket, "d/a.bin", bytes(30_000_000))
    client.log("files", f"s3://{bucket}/d/")
    connection = http.client.HTTPConnection("127.0.0.1", pages.port, timeout=60)
    connection.request("GET", at("raw", "a.bin", download=1))
    reply = connection.getresponse()
    assert reply.read(10) == bytes(10)
    connection.close()
    assert ranged(pages, "a.bin", "bytes=0-9").body == bytes(10)


# -- pieces ----------------------------------------------------------------------------------------


def test_text_is_told_from_other_bytes() -> None:
    assert decoded("ä".encode()[:1], is_whole=False) == ("", "utf-8")
    assert decoded(b"\xff\xfea\0b\0", is_whole=True) == ("ab", "utf-16")
    assert decoded(b"\x01\x02\x03\x04", is_whole=True) is None
    assert kind_of("x.parquet", b"not parquet", is_whole=True).name == "text"


@pytest.mark.parametrize(
    "text", ['{"a":{}}', "[]", "[[],[1,2]]", '"x"', "3", '{"a":"b{,:[\\"","c":[{"d":null}]}']
)
def test_json_with_line_breaks_is_the_same_json(text: str) -> None:
    pretty = pretty_json(text, most=10_000)
    assert pretty is not None
    assert json.loads(pretty) == json.loads(text)


def test_json_may_nest_deeper_than_python_does() -> None:
    assert pretty_json("[" * 100_000 + "]" * 100_000, most=10_000) is None
