"""The lineage page: a hop at first, counts of what is hidden, as of a time, and everything as a table."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from kit.lineages import Recorder
from kit.pages import Served
from landfast.client import Client
from landfast.model.times import format_time
from landfast.model.version import VersionRecord
from landfast.query.neighbourhood import MOST_CLUSTERS, MOST_NODES, run_node
from markupsafe import escape
from sqlalchemy import Engine, event


@pytest.fixture
def recorder(client: Client) -> Recorder:
    client.init_registry()
    return Recorder(client.registry)


def page_of(version: VersionRecord, **query: object) -> str:
    given = {"version": f"v{version.index}", "partition": version.name.partition, **query}
    said = "&".join(f"{key}={value}" for key, value in given.items())
    return f"/default/vision/{version.name.collection}/lineage?{said}"


def shown(pages: Served, version: VersionRecord, **query: object) -> Any:
    """Return the JSON of the page, which has to be there as HTML too."""
    path = page_of(version, **query)
    page, twin = pages.get(path), pages.get(f"{path}&format=json")
    assert (page.status, twin.status) == (200, 200), page.text
    return twin.data


def named(data: Any) -> set[str]:
    """What is drawn, without the project."""
    return {
        (node["name"] or "").rpartition("/")[2] or node["title"] for node in data["graph"]["nodes"]
    }


def node_of(data: Any, title: str) -> Any:
    (found,) = (node for node in data["graph"]["nodes"] if title in (node["whole"] or ""))
    return found


def chain(recorder: Recorder, length: int) -> list[VersionRecord]:
    """Version 0, from which run 1 made version 1, from which run 2 made version 2, and so on."""
    made = [recorder.log("step0")]
    for number in range(1, length):
        run = recorder.run(f"r{number}", name=f"run{number}")
        recorder.use(run, made[-1])
        made.append(recorder.log(f"step{number}", run))
    return made


def test_a_version_without_runs_has_a_page(pages: Served, recorder: Recorder) -> None:
    alone = recorder.log("alone")
    data = shown(pages, alone)
    assert named(data) == {"alone:v0"}
    assert data["table"]["edges"] == []
    assert "No recorded run" in pages.get(page_of(alone)).text


def test_one_hop_at_first_and_more_by_click(pages: Served, recorder: Recorder) -> None:
    steps = chain(recorder, 6)
    data = shown(pages, steps[2])
    assert named(data) == {"step1:v0", "run2", "step2:v0", "run3", "step3:v0"}
    rim = node_of(data, "step3:v0")
    assert rim["hidden"] == {"up": 0, "down": 1}
    assert node_of(data, "step1:v0")["hidden"] == {"up": 1, "down": 0}
    token = f"{rim['id']}d"
    assert f"expand={token}" in pages.get(page_of(steps[2])).text
    further = shown(pages, steps[2], expand=token)
    assert named(further) == named(data) | {"run4", "step4:v0"}
    assert further["expand"] == token
    last = node_of(further, "step4:v0")["id"]
    assert "step5:v0" in named(shown(pages, steps[2], expand=f"{token}.{last}d"))
    # Folding what is in between folds what is behind it.
    assert named(shown(pages, steps[2], expand=f"{last}d")) == named(data)


def test_hops_and_directions(pages: Served, recorder: Recorder) -> None:
    steps = chain(recorder, 6)
    assert named(shown(pages, steps[2], up=2, down=0)) == {
        *("step0:v0", "run1", "step1:v0", "run2", "step2:v0")
    }
    assert len(shown(pages, steps[2], up=9, down=9)["graph"]["nodes"]) == 11
    down = shown(pages, steps[2], direction="down", up=9)
    assert named(down) == {"step2:v0", "run3", "step3:v0"}
    assert node_of(down, "step2:v0")["hidden"]["up"] == 1
    for wrong in ({"up": 99}, {"direction": "left"}, {"expand": "x"}, {"as_of": "yesterday"}):
        assert pages.get(page_of(steps[2], **wrong)).status == 400


def test_edges_lead_from_left_to_right(pages: Served, recorder: Recorder) -> None:
    steps = chain(recorder, 4)
    data = shown(pages, steps[1], up=3, down=3)
    at = {node["id"]: node["x"] for node in data["graph"]["nodes"]}
    assert len(data["graph"]["edges"]) == 6
    assert all(at[edge["source"]] < at[edge["target"]] for edge in data["graph"]["edges"])
    assert {edge["kind"] for edge in data["graph"]["edges"]} == {"used", "logged"}


def test_cycles_are_drawn(pages: Served, recorder: Recorder) -> None:
    one, other = recorder.log("one"), recorder.log("other")
    in_place = recorder.run("in place", name="in place")
    recorder.use(in_place, one)
    recorder.log_again(in_place, one)
    mutual = recorder.run("mutual", name="mutual")
    recorder.use(mutual, other)
    recorder.log_again(mutual, one)
    back = recorder.run("back", name="back")
    recorder.use(back, one)
    recorder.log_again(back, other)
    data = shown(pages, one, up=9, down=9)
    assert named(data) == {"one:v0", "other:v0", "in place", "mutual", "back"}
    assert all(edge["path"] for edge in data["graph"]["edges"])


def test_as_of_a_time(pages: Served, recorder: Recorder) -> None:
    steps = chain(recorder, 3)
    whole = shown(pages, steps[1])
    times = sorted(edge["at"] for edge in whole["table"]["edges"])
    early = shown(pages, steps[1], as_of=times[1])
    assert named(early) == {"step0:v0", "run1", "step1:v0"}
    assert early["as_of"] == times[1]
    before = format_time(steps[1].created_at - timedelta(days=1))
    data = shown(pages, steps[1], as_of=before)
    assert data["is_after"]
    assert named(data) == {"step1:v0"}
    # Without a version it is the one that `latest` named then.
    later = recorder.log("step1")
    assert later.index == 1
    path = f"/default/vision/step1/lineage.json?as_of={format_time(steps[1].created_at)}"
    assert pages.get(path).data["version"] == "v0"


def test_declared_uses_are_drawn_where_asked_for(pages: Served, recorder: Recorder) -> None:
    version, run = recorder.log("config"), recorder.run("r", name="deploy")
    recorder.use(run, version, declared=True)
    assert named(shown(pages, version)) == {"config:v0"}
    data = shown(pages, version, declared=1)
    assert named(data) == {"config:v0", "deploy"}
    assert [edge["kind"] for edge in data["graph"]["edges"]] == ["declared"]
    recorder.use(run, version)
    data = shown(pages, version, declared=1)
    assert [edge["kind"] for edge in data["graph"]["edges"]] == ["used"]
    assert node_of(data, "config:v0")["hidden"] == {"up": 0, "down": 0}


def test_many_alike_are_gathered_and_shown_by_and_by(pages: Served, recorder: Recorder) -> None:
    run = recorder.run("r", name="train")
    parts = [recorder.log("photos", partition=f"p{number}") for number in range(30)]
    labels = recorder.log("labels")
    recorder.use(run, labels, *parts)
    model = recorder.log("model", run)
    data = shown(pages, model)
    (cluster,) = (node for node in data["graph"]["nodes"] if node["kind"] == "cluster")
    assert "labels:v0" in named(data)
    drawn = sum(node["kind"] == "version" for node in data["graph"]["nodes"]) - 2
    assert cluster["count"] == 30 - drawn
    assert "photos" in cluster["title"]
    token = f"{cluster['of']}{cluster['side'][0]}"
    further = shown(pages, model, expand=token)
    assert not any(node["kind"] == "cluster" for node in further["graph"]["nodes"])
    assert sum(node["kind"] == "version" for node in further["graph"]["nodes"]) == 32
    # The table has them from the first.
    assert data["table"]["page"]["total"] == 32


def test_the_path_to_a_node_is_marked(pages: Served, recorder: Recorder) -> None:
    steps = chain(recorder, 5)
    data = shown(pages, steps[0], down=4, selected=steps[2].id)
    on_path = {node["title"] for node in data["graph"]["nodes"] if node["is_on_path"]}
    assert on_path == {"step0", "run1", "step1", "run2", "step2"}
    assert sum(edge["is_on_path"] for edge in data["graph"]["edges"]) == 4
    assert "is marked" in pages.get(page_of(steps[0], down=4, selected=steps[2].id)).text
    assert shown(pages, steps[0], selected="r2222")["selected"] == ""


def test_runs_lead_to_their_orchestrator(pages: Served, recorder: Recorder) -> None:
    link = "https://dagster.example.com/runs/1"
    model = recorder.log("model", recorder.run("d", system="dagster", name="fit", link=link))
    bad = recorder.run("s", system="script", name="bad", link="javascript:alert(1)")
    recorder.use(bad, model)
    page = pages.get(page_of(model)).text
    assert f'href="{link}"' in page
    assert 'class="glyph dagster"' in page
    assert 'class="glyph script"' in page
    assert "javascript:" not in page
    data = shown(pages, model)
    assert node_of(data, "fit")["link"] == link
    assert node_of(data, "bad")["link"] is None


def test_a_version_that_many_runs_used_costs_a_few_queries(
    pages: Served, recorder: Recorder
) -> None:
    few, many = recorder.log("few"), recorder.log("many")
    for number in range(120):
        run = recorder.run(f"r{number}", node=f"step{number % 3}")
        recorder.use(run, many)
        if number < 2:
            recorder.use(run, few)
    asked: list[str] = []

    def listen(*arguments: Any) -> None:
        asked.append(arguments[2])

    counts = []
    event.listen(Engine, "before_cursor_execute", listen)
    try:
        for version in (few, many):
            asked.clear()
            data = shown(pages, version)
            counts.append(len(asked))
    finally:
        event.remove(Engine, "before_cursor_execute", listen)
    assert counts[0] == counts[1]
    clusters = [node for node in data["graph"]["nodes"] if node["kind"] == "cluster"]
    drawn = [node for node in data["graph"]["nodes"] if node["kind"] == "run"]
    assert len(drawn) == 12
    assert sum(node["count"] for node in clusters) + len(drawn) == 120
    assert len(data["table"]["edges"]) == 50
    assert data["table"]["page"]["total"] == 120


def test_a_lineage_of_any_size_is_drawn_in_part(pages: Served, recorder: Recorder) -> None:
    first = recorder.log("first")
    layer = [first]
    for depth in range(4):
        following = []
        for number in range(min(4**depth * 4, 80)):
            run = recorder.run(f"{depth}.{number}", node=f"n{number}")
            recorder.use(run, layer[number % len(layer)])
            following.append(recorder.log(f"c{depth}-{number}", run))
        layer = following
    hub = recorder.log("hub", recorder.run("all", node="all"))
    for number in range(200):
        run = recorder.run(f"h{number}", node=f"h{number}")
        recorder.use(run, hub)
    recorder.use(recorder.run("all", node="all"), *layer)
    token = f"{hub.id}d3"
    data = shown(pages, first, down=20, expand=f"{first.id}d3.{token}")
    assert len(data["graph"]["nodes"]) <= MOST_NODES + MOST_CLUSTERS
    assert data["is_cut"]
    assert (
        "The drawing cannot show everything"
        in pages.get(page_of(first, down=20, expand=f"{first.id}d3.{token}")).text
    )
    page = pages.get(page_of(first, down=20, page=2))
    assert page.status == 200
    with ThreadPoolExecutor(1) as another:
        drawn = another.submit(pages.get, page_of(first, down=20, expand=f"{first.id}d3.{token}"))
        served_meanwhile = 0
        while not drawn.done():
            assert pages.get("/-/static/landfast.css").status == 200
            served_meanwhile += 1
    assert drawn.result().status == 200
    assert served_meanwhile > 1


HOSTILE = "a/b <script>alert(1)</script>\u202e%2F&x=1"


def test_hostile_keys_and_names_are_shown_and_led_to(pages: Served, recorder: Recorder) -> None:
    run = recorder.run(HOSTILE, system='"><b>', node=HOSTILE, name=HOSTILE)
    version = recorder.log("odd", run, partition=HOSTILE)
    path = f"/default/vision/odd/lineage?partition={quote(HOSTILE, safe='')}"
    for tail in ("", "&selected=" + run_node(run.id), "&size=1", "&size=1&page=2"):
        page = pages.get(path + tail)
        assert page.status == 200
        assert "<script>alert" not in page.text
        assert "<b>" not in page.text.replace("<b><bdi>", "")
        assert "\u202e" not in page.text.partition("<svg width")[2].partition("</svg>\n</div>")[0]
    data = pages.get(path + "&format=json").data
    assert data["partition"] == HOSTILE
    assert f'name="partition" value="{escape(HOSTILE)}"' in pages.get(path).text
    linked = re.findall(r'href="([^"]*/odd\?[^"]*)"', pages.get(path).text)
    assert linked
    for link in linked:
        assert pages.get(unescape(link)).status == 200
    assert version.name.partition == HOSTILE
