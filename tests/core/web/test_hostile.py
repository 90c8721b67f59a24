"""Names, keys and metadata that want to be more than text stay text, on every page, in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import landfast
import pytest
from kit.pages import Served, serving
from kit.servers.loopback import LoopbackHandler, LoopbackServer
from kit.servers.loopback import serving as listening
from kit.servers.moto import Moto
from kit.visitor import Visitor, visiting
from landfast.client import Client

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover=alert(1) x='",
    "</title></textarea></style><script>alert(1)</script>",
    "<svg/onload=alert(1)>",
    "javascript:alert(1)",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<iframe src=//evil.example></iframe>",
    "<form action=//evil.example><button>",
    "\u202egpj.exe",
    "a\u2066\u2067\u202bb\u200f\u061c",
    "\x1b[2J\x07bell",
    "line\nend\r\n\ttab",
    "{{ 7 * 7 }}{% for x in y %}",
    "%0d%0aSet-Cookie: x=1",
    "&lt;b&gt;&amp;amp;",
    "é" * 512,
    "k" * 1024,
    " ",
    "..",
    "a//b",
    "\u0000nul",
    "\ufeff\u00ad\u200b",
    "עברית/ملف.txt",
    "//evil.example/x",
    "?version=v9#x",
]
# Those that a managed file may be called; a bucket has the others too.
PATHS = [text for text in HOSTILE if not {"", ".", ".."} & set(text.split("/"))]
FILES = {
    "page.html": b"<script>alert(1)</script><img src=http://evil.example/x><form action=//evil.example>",
    "picture.svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>',
    "table.csv": b"<b>x</b>,=cmd|' /C calc'!A0\n<script>alert(1)</script>,\xe2\x80\xae\n",
    "data.json": b'{"<script>alert(1)</script>": "\\u202e</pre><script>alert(1)</script>"}',
    "text.txt": "</pre><script>alert(1)</script>\u202e\x1b[2J".encode(),
    "fake.png": b"<script>alert(1)</script>",
}


def hostile_version(client: Client, files: dict[str, bytes]) -> landfast.ArtifactVersion:
    """Record files with hostile everything."""
    client.begin_run(
        job_type=HOSTILE[0],
        name=HOSTILE[1],
        config={text: [text, {text: text}] for text in HOSTILE},
        link="javascript:alert(1)",
    )
    draft = landfast.Artifact(
        "hostile",
        type="dataset",
        description="\n".join(HOSTILE),
        metadata={text: {"nested": [text]} for text in HOSTILE},
        client=client,
    )
    for path, data in files.items():
        with draft.new_file(path, mode="wb") as file:
            file.write(data)
    return draft.save()


@pytest.fixture
def served(client: Client) -> Iterator[Served]:
    """Pages of hostile keys in two versions and in partitions of hostile names, and of a run that used them."""
    hostile_version(client, dict.fromkeys(PATHS[:3], b"1"))
    version = hostile_version(client, dict.fromkeys(PATHS, b"2") | FILES)
    for text in HOSTILE:
        if len(text.encode()) <= 1024 and "\0" not in text:
            client.log(landfast.ArtifactName(collection="parts", partition=text), version.uri)
    client.use("hostile:v0")
    with serving(client) as pages:
        yield pages


def check(visitor: Visitor, path: str) -> None:
    """Look at the page that is open as a browser has understood it."""
    page = visitor.page
    scripts = page.eval_on_selector_all("script", "all => all.map(each => each.src)")
    assert all(src.startswith(visitor.base + "/-/static/") for src in scripts), path
    handlers = page.eval_on_selector_all(
        "*",
        "all => all.flatMap(e => [...e.attributes].map(a => a.name)).filter(n => n.startsWith('on'))",
    )
    assert not handlers, path
    strange = page.eval_on_selector_all(
        "base, meta[http-equiv], object, embed, style, iframe:not([sandbox]), [style]",
        "all => all.map(each => each.outerHTML)",
    )
    assert not strange, path
    links = page.eval_on_selector_all(
        "[href], [src], [action]",
        "all => all.map(e => e.getAttribute('href') ?? e.getAttribute('src') ?? e.getAttribute('action'))",
    )
    assert all(link.startswith(("/", "?", "#")) and not link.startswith("//") for link in links), (
        path,
        [link for link in links if not link.startswith(("/", "?", "#"))],
    )
    text = page.inner_text("body")
    for mark in "\u202e\u2066\u2067\u202b\u200f\u061c\x1b\x07\0":
        assert mark not in text, (path, repr(mark))


def problems(visitor: Visitor) -> list[str]:
    """Return what the browser complained of, but for what it kept a boxed file from doing, as it should."""
    boxed = ("Blocked script execution in", "Content Security Policy", "asked http://evil.example/")
    return [
        problem
        for problem in visitor.problems
        if not (
            any(words in problem for words in boxed)
            and ("page.html" in problem or ".svg" in problem)
        )
    ]


def some_of(links: list[str]) -> list[str]:
    """Of many links that are alike a few are enough."""
    return links[:: max(1, len(links) // 12)]


@pytest.mark.system
def test_no_page_obeys_a_hostile_name(served: Served) -> None:
    with visiting(served.url) as visitor:
        waiting = ["/", "/runs", "/-/changes", "/-/health", "/default/vision/parts"]
        seen = set(waiting)
        visited: list[str] = []
        while waiting and len(visited) < 120:
            path = waiting.pop(0)
            visited.append(path)
            visitor.visit(path)
            check(visitor, path)
            fresh = [link for link in some_of(visitor.links()) if link not in seen]
            seen.update(fresh)
            waiting += fresh
    assert len(visited) > 60
    assert not problems(visitor), "\n".join(problems(visitor))


@pytest.mark.system
def test_without_scripts_pages_say_the_same(served: Served) -> None:
    version = "/default/vision/hostile"
    with visiting(served.url, java_script_enabled=False) as visitor:
        for path in ("/", "/runs", version, f"{version}?version=v1", f"{version}/files?version=v1"):
            assert "Landfast" in visitor.visit(path)
        for path in FILES:
            assert "Recorded" in visitor.visit(f"{version}/file?version=v1&path={path}")
    assert not problems(visitor), "\n".join(problems(visitor))


class Elsewhere(LoopbackHandler):
    """A server that must not be asked, and notes who asks."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:  # noqa: N802
        """Note it."""
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.mark.system
def test_boxed_files_run_and_load_nothing(client: Client) -> None:
    Elsewhere.asked.clear()
    server = LoopbackServer(Elsewhere)
    with listening(server):
        loads = "".join(
            f'<{tag} src="{server.url}/{tag}"></{tag}>'
            for tag in ("img", "script", "iframe", "video", "embed")
        )
        loads += f'<link rel=stylesheet href="{server.url}/css">'
        loads += f'<meta http-equiv=refresh content="0;url={server.url}/go">'
        loads += f'<object data="{server.url}/object"></object><style>body {{background: url({server.url}/bg)}}</style>'
        loads += f'<script>fetch("{server.url}/fetch"); alert(1); top.location = "{server.url}/top"</script>'
        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{server.url}/svg"/>'
            "<script>alert(1)</script></svg>"
        )
        hostile_version(client, {"page.html": loads.encode(), "picture.svg": svg.encode()})
        with serving(client) as pages, visiting(pages.url) as visitor:
            for path in ("page.html", "picture.svg"):
                address = f"/default/vision/hostile/file?path={path}"
                visitor.visit(address)
                check(visitor, path)
                visitor.page.wait_for_load_state("networkidle")
                boxed = [frame for frame in visitor.page.frames if "/raw?" in frame.url]
                assert len(boxed) == 1
                # An opaque origin: it can see nothing of the page around it.
                assert boxed[0].evaluate("self.origin") == "null"
                assert visitor.page.url == pages.url + address
            said = [problem for problem in visitor.problems if "dialog" in problem]
    assert not said
    assert not Elsewhere.asked


def test_every_hostile_key_has_a_page_and_bytes(served: Served) -> None:
    for path in PATHS:
        encoded = quote(path, safe="")
        page = served.get(f"/default/vision/hostile/file?version=v1&path={encoded}")
        assert page.status == 200, path
        assert "<script>alert" not in page.text
        assert not set("\u202e\u2066\x1b\0") & set(page.text)
        raw = served.get(f"/default/vision/hostile/raw?version=v1&path={encoded}&download=1")
        assert raw.body == b"2"
        twin = served.get(f"/default/vision/hostile/file.json?version=v1&path={encoded}")
        assert twin.data["entry"]["path"] == path


def test_hostile_keys_of_a_bucket_have_pages(client: Client, s3: Moto, tmp_path: Path) -> None:
    bucket = s3.bucket("Enabled")
    keys = [
        key for key in HOSTILE if not set("\n\r\0\x1b\x07") & set(key) and len(key.encode()) < 1000
    ]
    for key in keys:
        s3.put(bucket, f"d/{key}", b"text")
    version = client.log("bucket", f"s3://{bucket}/d/")
    with serving(client) as pages:
        for entry in version.entries():
            address = f"version=v0&path={quote(entry.path, safe='')}"
            assert pages.get(f"/default/vision/bucket/file?{address}").status == 200
            assert pages.get(f"/default/vision/bucket/raw?{address}&download=1").body == b"text"
