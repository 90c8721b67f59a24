"""Compute the golden digests from the text of docs/format.md alone: nothing of landfast is imported.

Run it to print the vectors as JSON; `golden_digests.json` holds what it printed when format 1 was
fixed, and never changes.  New vectors are added at the end.
"""

import hashlib
import json
import struct
import sys

CONTENT_TOKENS = {"sha256", "md5", "crc64nvme", "crc32c", "s3-etag"}


def column_of_texts(values):
    lengths, data = hashlib.sha256(), hashlib.sha256()
    for value in values:
        if value is None:
            lengths.update(b"\xff\xff\xff\xff")
        else:
            encoded = value.encode("utf-8")
            lengths.update(struct.pack("<I", len(encoded)))
            data.update(encoded)
    return lengths.digest() + data.digest()


def column_of_sizes(values):
    data = b"".join(struct.pack("<q", -1 if value is None else value) for value in values)
    return hashlib.sha256(data).digest()


def identity(row):
    algorithm, value = row.get("checksum_algorithm"), row.get("checksum")
    uri = pin = None
    if algorithm is None:
        uri = row["uri"]
        if row.get("version_id") not in (None, "null"):
            pin = "version:" + row["version_id"]
        elif row.get("modified_at") is not None:
            pin = "modified:" + row["modified_at"]
    elif algorithm not in CONTENT_TOKENS:
        uri = row["uri"]
    return row["path"], row.get("size"), algorithm, value, uri, pin


def content_digest(rows):
    paths, sizes, algorithms, values, uris, pins = (
        zip(*map(identity, rows), strict=True) if rows else [()] * 6
    )
    final = hashlib.sha256(b"landfast content digest 1\n" + struct.pack("<Q", len(rows)))
    final.update(column_of_texts(paths))
    final.update(column_of_sizes(sizes))
    for column in (algorithms, values, uris, pins):
        final.update(column_of_texts(column))
    return "lf1:" + final.hexdigest()


def pin_digest(rows):
    final = hashlib.sha256(b"landfast pin digest 1\n" + struct.pack("<Q", len(rows)))
    versions = [None if row.get("version_id") == "null" else row.get("version_id") for row in rows]
    for column in (
        [row["path"] for row in rows],
        [row["uri"] for row in rows],
        versions,
        [row.get("etag") for row in rows],
    ):
        final.update(column_of_texts(column))
    return "lp1:" + final.hexdigest()


def vector(name, rows):
    rows = sorted(rows, key=lambda row: row["path"].encode("utf-8"))
    return {
        "name": name,
        "rows": rows,
        "content_digest": content_digest(rows),
        "pin_digest": pin_digest(rows),
    }


def s3(path, size, etag, version_id=None, modified_at="2026-05-03T08:15:30.000000Z"):
    return {
        "path": path,
        "size": size,
        "checksum_algorithm": "s3-etag",
        "checksum": etag,
        "uri": "s3://bucket/data/" + path,
        "version_id": version_id,
        "etag": etag,
        "modified_at": modified_at,
    }


HELLO = hashlib.md5(b"hello\n").hexdigest()
EMPTY = hashlib.md5(b"").hexdigest()

ODD_PATHS = [
    " ", "\u0000", "a\u0000b", "a\nb", "a/b", "a.b", "a-b", "a//b", "a/./b", "../a", "/a", "a/",
    "a%20b", "a?versionId=x", "a#1", "\u00e9", "e\u0301", "\uffff", "\U0001f600", "k" * 1024,
]  # fmt: skip


def every_vector():
    yield vector("worked example", [
        s3("a.txt", 6, HELLO, "3sL4kqtJlcpXroDTDmJ"),
        {
            "path": "b/c.bin",
            "size": None,
            "uri": "https://example.com/c.bin",
            "modified_at": "2026-05-03T08:15:30.000000Z",
        },
    ])  # fmt: skip
    yield vector("no rows", [])
    yield vector("one empty object", [s3("empty", 0, EMPTY)])
    yield vector("odd paths", [s3(path, n, HELLO, str(n)) for n, path in enumerate(ODD_PATHS)])
    for algorithm, value in (
        ("sha256", hashlib.sha256(b"hello\n").hexdigest()),
        ("md5", HELLO),
        ("crc64nvme", "00112233445566ff"),
        ("crc32c", "e16dcdee"),
        ("s3-etag", HELLO + "-3"),
        ("http-etag", '"33a64df5"'),
        ("http-weak-etag", 'W/"33a64df5"'),
        ("http-last-modified", "Sun, 03 May 2026 08:15:30 GMT"),
        ("stat", "6-1777796130000000000"),
        ("fsspec-etag", "0x8DC"),
        ("fsspec-mtime", "1777796130.0"),
        ("label-of-an-own-store", "rev 7: \u00e9"),
    ):
        row = s3("a", 6, HELLO, "v1") | {"checksum_algorithm": algorithm, "checksum": value}
        yield vector("checksum " + algorithm, [row])
    bare = {"path": "a", "size": 6, "uri": "s3://bucket/data/a", "etag": HELLO}
    when = {"modified_at": "2026-05-03T08:15:30.123456Z"}
    yield vector("no token, a version id", [bare | {"version_id": "v1"} | when])
    yield vector("no token, null version, a time", [bare | {"version_id": "null"} | when])
    yield vector("no token, no version, a time", [bare | when])
    yield vector("no token, nothing", [bare])
    yield vector("no token, an early time", [bare | {"modified_at": "0099-01-02T03:04:05.000006Z"}])
    yield vector("size of 2**63 - 1", [s3("a", 2**63 - 1, HELLO)])
    yield vector("size unknown", [s3("a", None, HELLO)])
    yield vector("empty etag", [s3("a", 6, HELLO) | {"etag": ""}])
    yield vector("no etag", [s3("a", 6, HELLO) | {"etag": None}])
    yield vector("managed", [
        {
            "path": "model.bin",
            "size": 6,
            "checksum_algorithm": "sha256",
            "checksum": hashlib.sha256(b"hello\n").hexdigest(),
            "uri": "blob:sha256:" + hashlib.sha256(b"hello\n").hexdigest(),
        }
    ])  # fmt: skip
    yield vector("many", [
        s3(f"d{n % 7:02}/f{n:04}", n, hashlib.md5(b"%d" % n).hexdigest(), f"v{n}")
        for n in range(1000)
    ])  # fmt: skip
    # Paths that differ only behind the 64 bytes that many writers keep as statistics.
    yield vector("long paths", [
        s3(f"{'p' * 80}/{n % 3}/{n:04}", n, hashlib.md5(b"%d" % n).hexdigest(), f"v{n}")
        for n in range(600)
    ])  # fmt: skip


def shorter(vector):
    """Leave out the rows of the long vector: the test makes them by the same rule."""
    return vector | {"rows": len(vector["rows"])} if len(vector["rows"]) > 100 else vector


if __name__ == "__main__":
    json.dump([shorter(vector) for vector in every_vector()], sys.stdout, indent=1)
    print()
