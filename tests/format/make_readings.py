"""Read URIs, folders and broken rows by the text of docs/format.md alone: nothing of landfast is imported.

Run it to print the vectors as JSON; `golden_readings.json` holds what it printed.
"""

import json
import re
import runpy
import sys
from pathlib import Path
from urllib.parse import unquote, unquote_plus

GOLDEN = runpy.run_path(str(Path(__file__).with_name("make_golden.py")))
MAX = 2**63 - 1

# -- URIs -----------------------------------------------------------------------------------------

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SAFE = set((LETTERS + "/:@!$&'()*+,;=~-._").encode())


def encoded(text, more=""):
    kept = SAFE | set(more.encode())
    return "".join(chr(b) if b in kept else f"%{b:02X}" for b in text.encode("utf-8"))


def http(scheme, rest):
    rest = rest.split("#")[0]
    cut = min((rest.find(mark) for mark in "/?" if mark in rest), default=len(rest))
    authority, rest = rest[:cut], rest[cut:]
    stripped = []
    if "@" in authority:
        user, authority = authority.rsplit("@", 1)
        stripped += ["userinfo"] if user else []
    path, _, query = rest.partition("?")
    path, query = (re.sub("%(?![0-9a-fA-F]{2})", "%25", part) for part in (path or "/", query))
    path, query = encoded(path, "%"), encoded(query, "%?[]")
    path, names = without_secrets(path, "/;", ";")
    query, more = without_secrets(query, "&;?", "&;?")
    uri = f"{scheme}://{authority.lower()}{path}" + (f"?{query}" if query else "")
    return uri, stripped + names + more


def file(rest):
    path = rest.removeprefix("//")
    path = path.removeprefix("localhost") if path.startswith("localhost/") else path
    return "file://" + encoded(unquote(path)), []


def recorded(given):
    scheme, _, rest = given.partition(":")
    scheme = scheme.lower()
    if scheme in ("http", "https"):
        return http(scheme, rest[2:])
    if scheme == "file":
        return file(rest)
    if scheme in ("s3", "gs", "blob"):
        return f"{scheme}:{rest}" + ("/" if "/" not in rest[2:] and scheme != "blob" else ""), []
    authority, _, key = rest[2:].partition("/")
    user, at, host = authority.rpartition("@")
    name, colon, _ = user.partition(":")
    return f"{scheme}://{name}{at}{host}/{key}", ["password"] if colon else []


# -- secret parameters ----------------------------------------------------------------------------

words = str.split
MARKS = ("", "-", "_")
IS = {
    *words(
        "auth authorization bearer jwt pwd otp passcode key-pair-id __gda__ __token__ wstime txtime"
    ),
    *words("accesskeyid awsaccesskeyid ossaccesskeyid googleaccessid phpsessid alf_ticket"),
    *words("q-sign-algorithm q-ak q-sign-time q-key-time q-header-list q-url-param-list"),
}
BEGINS = (
    *words(
        "x-amz- x-goog- x-oss- x-obs- x-tos- x-cos- x-auth- temp_url_ oauth_ oauth- aspsessionid"
    ),
)
HOLDS = {
    *words("password passwd passphrase secret credential apikey hmac"),
    *(f"{one}{mark}key" for one in ("access", "private") for mark in MARKS),
    *(f"{one}{mark}token" for one in ("access", "session") for mark in MARKS),
}
KEY_OF = {
    *words("access auth api id refresh secret session private security aws subscription functions"),
    *words(
        "x-functions account share shared license app consumer client encryption signing master"
    ),
    *words("resource rl"),
}
KEYS = {f"{word}{mark}key" for word in KEY_OF for mark in MARKS}
NO_TOKEN = ("next", "prev", "page", "start", "sync", "cursor", "continuation")
UNSURE = {"key", "token", "code", "verify", "sign"}
BESIDE = {
    "sig": words(
        "se sp sv sr spr st skoid sktid skt ske sks skv sip si ss srt sdd ses saoid suoid scid"
    ),
    "signature": words("expires policy hash-algorithm"),
    "token": words(
        "expires token_path token_countries token_countries_blocked token_ignore_params"
    ),
    "expires": words("md5 secure hash"),
    "md5": ["expires"],
    "secure": ["expires"],
    "hash": ["expires"],
    "hm": ["ex", "is"],
    "ex": ["hm"],
}


def is_plain(value):
    value = unquote_plus(value)
    if re.fullmatch("[0-9]{1,5}", value):
        return True
    stem, dot, suffix = value.rpartition(".")
    word = bool(re.search("[A-Za-z0-9_-]$", stem)) and not re.search("[^A-Za-z0-9_ /.-]", stem)
    return bool(dot) and word and bool(re.fullmatch("[A-Za-z][A-Za-z0-9]{0,6}", suffix))


def is_secret(name, value, beside):
    if name in UNSURE:
        return not is_plain(value)
    if name in IS or name in KEYS or any(map(name.startswith, BEGINS)):
        return True
    if re.fullmatch("hdn[a-z]+", name) or any(word in name for word in HOLDS):
        return True
    if re.fullmatch("(.*[-_])?(signature|sig)", name, re.DOTALL):
        return True
    if name.endswith(("sessionid", "session-id", "session_id")):
        return True
    if name.endswith("token") and name != "token" and not name.startswith(NO_TOKEN):
        return True
    return any(name in BESIDE.get(other, ()) for other in beside)


def without_secrets(text, marks, ends):
    parts = [["", ""]]
    for char in text:
        if char in marks:
            parts.append([char, ""])
        else:
            parts[-1][1] += char
    parts[0][0] = marks[0]
    names = [part.partition("=")[0] for _, part in parts]
    plain = [unquote_plus(name).lower() for name in names]
    kept, stripped = [], []
    for (mark, part), name, low in zip(parts, names, plain, strict=True):
        if mark in ends and is_secret(low, part.partition("=")[2], plain):
            stripped.append(name)
        else:
            kept.append((mark, part))
    text = "".join(mark + part for mark, part in kept)
    return text[len(kept[0][0]) :] if kept else "", stripped


URIS = [
    "HTTPS://User:pw@Example.COM:443/A?q=[1]#part",
    "http://h", "http://h?", "http://h?x=1", "http://h/?", "http://h:80/", "http://h:/", "http://@h/",
    'http://h/[a]|^`{b}"<c>\\', 'http://h/a?[b]|^`{c}"<d>\\', "http://h/a b+c?d e+f",
    "http://h/%", "http://h/%2", "http://h/%zz%41%7e~%7E", "http://h/100%?100%", "http://h/a?b?c",
    "http://h/\u00e9/\U0001f600?\u00e9", "http://h/a/../b/./c//d", "http://h/a\nb\tc\u0000",
    "http://B\u00dcCHER.example/a", "http://[::1]:8080/a", "http://h/!$&'()*+,;=:@-._~",
    "FILE:///a%20b/\u00e9", "file://localhost/a%2fb", "file:/x/../y", "file:///a[1]%25",
    "S3://Bucket/Key%20 #?a", "s3://b", "s3://b/?versionId=x", "gs://b//x/", "gs://b/a#12",
    "blob:sha256:" + "0" * 64,
    "sftp://ann:pw@Host:22/a b", "abfs://box@account/a", "AZ://box", "hdfs://h:9000/a?b#c",
    # secrets
    "https://h/a?X-Amz-Signature=s&X-Amz-Date=d&part=1", "https://h/a?AWSAccessKeyId=a&Expires=1&Signature=s",
    "https://h/a?sv=1&st=2&se=3&sp=r&sig=s&comp=x", "https://h/a?st=CA&se=x&sp=oak",
    "https://h/a?code=abcdefgh&v=1", "https://h/a?code=7", "https://h/a?sas_token=x", "https://h/a?SasToken=x",
    "https://h/a;jsessionid=x?y=1", "https://h/a;JSESSIONID=x/b;v=2", "https://h/a?hdnts=exp=1~hmac=2",
    "https://h/a?verify=1484063787-x%3D", "https://h/a?key=a.csv", "https://h/a?key=a%2Fb.tar.gz",
    "https://h/a?key=north", "https://h/a?token=12345", "https://h/a?token=123456", "https://h/a?token=a.b.c4567890",
    "https://h/a?page_token=x&sort_key=y&tokens=z", "https://h/a?%74oken=x", "https://h/a?a=1;token=x;b=2",
    "https://h/a?a=1?sig=x", "https://h/a?&&a=1;&", "https://h/a?token=x&&b", "https://h/a?sig",
    "https://h/a?md5=x", "https://h/a?md5=x&expires=1", "https://h/a?expires=1", "https://h/a?hm=1&ex=2&is=3",
    "https://h/a?token=x&expires=1&token_path=%2F", "https://h/dt=1/token=x/sig=y", "https://h/a?my_sig=x&design=y",
    "https://h/a?q-ak=x&q-sign-time=1&q-signature=s", "https://h/a?temp_url_sig=x&temp_url_expires=1",
    "https://h/a?client-secret=x&subscription-key=y&rlkey=z&partition_key=p", "https://h/a?oauth_nonce=x&PHPSESSID=y",
]  # fmt: skip

# -- folders --------------------------------------------------------------------------------------


def subtree(rows, folder):
    folder = folder + "/" if folder and not folder.endswith("/") else folder
    below = [
        row for row in rows if row["path"].startswith(folder) and len(row["path"]) > len(folder)
    ]
    if folder and not below:
        return None
    taken = [row | {"path": row["path"][len(folder) :]} for row in below]
    return GOLDEN["content_digest"](taken)


def tree():
    paths = ["a", "a/", "a/b", "a//b", "a/b/c", "a.b/c", "a-b", "ab/c", "\u00e9/x", "z/"]
    rows = [GOLDEN["s3"](path, n, GOLDEN["HELLO"]) for n, path in enumerate(paths)]
    rows[2] |= {"checksum_algorithm": "http-etag", "uri": "https://h/b"}
    for name in ("checksum_algorithm", "checksum"):
        del rows[4][name]
    return sorted(rows, key=lambda row: row["path"].encode())


FOLDERS = ["", "a", "a/", "a//", "a/b", "a.b", "a-b", "ab", "\u00e9", "z", "z/", "/", "b", "A"]

# -- rows that a digester refuses -----------------------------------------------------------------


def broken(rows):
    """Name the rule that rows break, None if they keep all."""
    last = None
    for row in rows:
        path, size = row["path"].encode("utf-8", "surrogatepass"), row.get("size")
        texts = [value for value in row.values() if isinstance(value, str)]
        label, value = row.get("checksum_algorithm"), row.get("checksum")
        if not path:
            return "path empty"
        if any("\ud800" <= char <= "\udfff" for text in texts for char in text):
            return "no UTF-8"
        if last is not None and path <= last:
            return "order"
        if size is not None and not 0 <= size <= MAX:
            return "size"
        if (label is None) != (value is None) or label == "" or value == "" or ":" in (label or ""):
            return "checksum"
        last = path
    return "sum of sizes" if sum(row.get("size") or 0 for row in rows) > MAX else None


def refusals():
    a, b = GOLDEN["s3"]("a", 1, GOLDEN["HELLO"]), GOLDEN["s3"]("b", 2, GOLDEN["HELLO"])
    yield "order", [b, a]
    yield "order of UTF-16", [a | {"path": "\U0001f600"}, b | {"path": "\uffff"}]
    yield "a path twice", [a, a]
    yield "no path", [a | {"path": ""}]
    yield "a negative size", [a | {"size": -1}]
    yield "a size of 2**63", [a | {"size": 2**63}]
    yield "sizes of 2**63 together", [a | {"size": MAX}, b]
    yield "a label with a colon", [a | {"checksum_algorithm": "acme:rev"}]
    yield "an empty label", [a | {"checksum_algorithm": ""}]
    yield "an empty value", [a | {"checksum": ""}]
    for field in ("path", "uri", "etag", "version_id", "checksum"):
        yield f"a lone surrogate in {field}", [a | {field: "x\udcff"}]


def vectors():
    rows = tree()
    return {
        "uris": [dict(zip(("given", "recorded", "stripped"), (u, *recorded(u)), strict=True)) for u in URIS],
        "subtrees": {"rows": rows, "digests": {folder: subtree(rows, folder) for folder in FOLDERS}},
        "refusals": [{"name": name, "rule": broken(rows), "rows": rows} for name, rows in refusals()],
    }  # fmt: skip


if __name__ == "__main__":
    json.dump(vectors(), sys.stdout, indent=1)
    print()
