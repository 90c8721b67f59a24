"""Whatever is asked for, no page fails: every route and parameter, with right, wrong and hostile values."""

import contextlib
import http.client
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import landfast
import landfast.web
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit.pages import Served, serving
from landfast.client import Client
from landfast.settings import load_settings
from landfast.web.app import ACTIONS, PAGES

HOSTILE = [
    "<script>alert(1)</script>",
    "\u202egpj.exe\u2066",
    "a\0b",
    "\x1b[2J",
    "../../etc/passwd",
    "%00",
    "'; DROP TABLE version; --",
    "\ud800",
    "k" * 1024,
    "{{ 7 * 7 }}",
    "\\",
    "*" * 60,
    "[" * 40,
    "{a," * 30,
]
VALUES = st.one_of(
    st.sampled_from(
        [
            *HOSTILE,
            *("", "v0", "v1", "v99", "vx", "latest", "lf1:" + "0" * 64, "lf1:", "0", "1", "-1"),
            *(
                "1000",
                "1001",
                "99999999999999999999",
                "1e3",
                "2026-05-03",
                "2026-05-03T08:15:30+02:00",
            ),
            *(
                "9999-12-31T23:59:59-12:00",
                "0001-01-01",
                "a.txt",
                "b/",
                "b/c.csv",
                "b/d.json",
                "data",
            ),
            *(
                "default",
                "vision",
                "other",
                "json",
                "proxy",
                "none",
                "size",
                "desc",
                "name",
                "up",
                "*",
            ),
            *(
                "**/*",
                "s3://b/k",
                "file:///",
                "gs://",
                "https://u:p@h/?sig=x",
                "blob:sha256:00",
                "x" * 3,
            ),
        ]
    ),
    st.text(max_size=20),
    st.integers().map(str),
)
RIGHT = {
    "entity": ["default"],
    "project": ["vision"],
    "collection": ["data", "data.json"],
    "run": ["1"],
}
NAMES = st.one_of(st.sampled_from(["-", "runs", "static", "none"]), VALUES)
# Of every page, as its code reads them.
WEB = Path(landfast.web.__file__).parent
PARAMETERS = sorted(
    {
        name
        for file in WEB.rglob("*.py")
        for name in re.findall(r"query\.\w+\(\s*\"(\w+)\"", file.read_text())
    }
    | {"page", "size", "version", "partition", "format", "token", "entity", "nothing"}
)
ROUTES = sorted(
    {*PAGES, *ACTIONS, "/{entity}/{project}/{collection}/raw", "/-/static/{path}", "/{entity}"}
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request."""

    method: str
    address: str
    headers: dict[str, str]


def encoded(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


@st.composite
def requests(draw: st.DrawFn) -> Asked:
    """Draw a request: a route filled with names, some parameters, a method, headers that matter."""
    route = draw(st.sampled_from(ROUTES))
    is_right = draw(st.integers(0, 3)) > 0

    def filled(match: re.Match[str]) -> str:
        right = RIGHT.get(match[1])
        return encoded(draw(st.sampled_from(right) if is_right and right else NAMES)) or "x"

    path = re.sub(r"{(\w+)}", filled, route)
    names = draw(st.lists(st.sampled_from(PARAMETERS), max_size=5))
    query = "&".join(f"{name}={encoded(draw(VALUES))}" for name in names)
    method = draw(st.sampled_from(["GET", "GET", "GET", "HEAD", "POST"]))
    spans = [
        "bytes=0-1",
        "bytes=-1",
        "bytes=9-",
        "bytes=a-b",
        "bytes=5-1",
        "bytes=0-0,2-3",
        "=",
        "",
    ]
    headers = {"Range": draw(st.sampled_from(spans))} if draw(st.booleans()) else {}
    return Asked(method, f"{path}?{query}" if query else path, headers)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The pages of a registry with changes, partitions, lineage and hostile keys."""
    folder = tmp_path_factory.mktemp("fuzz")
    chosen = load_settings(
        folder,
        registry_url=f"sqlite:///{folder}/r.db",
        cache_dir=str(folder / "c"),
        project="vision",
    )
    with contextlib.closing(landfast.Client(settings=chosen)) as client:
        fill(client, folder / "data")
        with serving(client) as pages:
            yield pages


def fill(client: Client, data: Path) -> None:
    (data / "b").mkdir(parents=True)
    for text in ("first", "second"):
        for path in ("a.txt", "b/c.csv", "b/d.json"):
            (data / path).write_text(text)
        client.begin_run(job_type="<b>load</b>", name="\u202erun", config={"<i>": ["\0x"]})
        client.log("data", data, metadata={"<script>": "alert(1)"})
        client.log("data.json", data)
        client.log(landfast.ArtifactName(collection="data", partition="<p>\u202e/..%"), data)
    client.use("data:v0")


def test_the_parameters_are_found() -> None:
    assert {"path", "uri", "as_of", "glob", "order", "run_id"} <= set(PARAMETERS)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(asked=requests())
def test_no_request_makes_a_page_fail(fuzzed: Served, asked: Asked) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", fuzzed.port, timeout=60)
    try:
        connection.putrequest(asked.method, asked.address)
        for name, value in asked.headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        reply = connection.getresponse()
        body = reply.read()
    finally:
        connection.close()
    assert reply.status < 500, (reply.status, body[:300])
    assert b"Traceback" not in body
    assert b"<script>alert" not in body or reply.headers["content-type"] == "application/json"
