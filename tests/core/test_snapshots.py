"""snapshots.yaml: what it may say, and what an error tells."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from landfast.errors import InvalidInput, NotFound
from landfast.model.reference import UNLIMITED
from landfast.model.snapshot_config import SnapshotConfig, SnapshotUri, check_schedule
from landfast.snapshots_file import _KEYS, load_snapshots, snapshots_of

DOCS = Path(__file__).parents[2] / "docs" / "snapshots.md"


def load(tmp_path: Path, text: str) -> list[SnapshotConfig]:
    file = tmp_path / "snapshots.yaml"
    file.write_text(text, encoding="utf-8")
    return load_snapshots(file)


def one(tmp_path: Path, *lines: str) -> SnapshotConfig:
    body = "\n".join(f"    {line}" for line in lines)
    (config,) = load(tmp_path, f"snapshots:\n  - name: flowers\n{body}\n")
    return config


def documented() -> str:
    (block,) = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    return str(block)


def test_documented_example_is_read(tmp_path: Path) -> None:
    flowers, orders, labels = load(tmp_path, documented())
    assert (flowers.name, flowers.type, flowers.schedule) == ("vision/flowers", None, "0 6 * * *")
    (reference,) = flowers.references()
    assert reference.uri == "s3://example-bucket/flowers/"
    assert (reference.include, reference.exclude) == (
        ("**/*.jpg", "*.jpg"),
        ("**/thumbnails/**",),
    )
    assert (reference.max_objects, flowers.aliases) == (200_000, ("newest",))
    assert flowers.metadata == {"owner": "data-team"}
    assert flowers.for_partition("any").partition is None
    assert orders.ttl == timedelta(days=90)
    assert orders.needs_partition_key
    filled = orders.for_partition("2026-05-01")
    assert filled.partition == "2026-05-01"
    assert filled.references()[0].uri == "s3://example-bucket/orders/dt=2026-05-01/"
    assert [(r.uri, r.name, r.kind) for r in labels.references()] == [
        ("gs://example-labels/train/", "train", False),
        ("gs://example-labels/test/", "test", False),
    ]
    assert labels.type == "labels"


def test_documentation_lists_every_key() -> None:
    table = DOCS.read_text(encoding="utf-8").partition("## Keys")[2]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    listed = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
    assert listed == set(_KEYS)


def test_every_key_reaches_the_config(tmp_path: Path) -> None:
    config = one(
        tmp_path,
        "uri: s3://b/d/",
        "type: model",
        "description: What it is",
        "partition: fixed",
        'schedule: "*/5 0-6,12 1 jan sun"',
        "include: one.txt",
        "exclude: [a, b]",
        "max_objects: unlimited",
        "checksum: sha256",
        "allow_empty: true",
        "aliases: [prod]",
        "tags: [x, y]",
        "metadata: {deep: {list: [1, 2.5, null, true]}}",
        "ttl: 2w",
        "options: {endpoint: 'http://127.0.0.1:9000'}",
    )
    assert config == SnapshotConfig(
        name="flowers",
        uris=(SnapshotUri(uri="s3://b/d/"),),
        type="model",
        description="What it is",
        partition="fixed",
        schedule="*/5 0-6,12 1 jan sun",
        include=("one.txt",),
        exclude=("a", "b"),
        max_objects=UNLIMITED,
        checksum="sha256",
        allow_empty=True,
        aliases=("prod",),
        tags=("x", "y"),
        metadata={"deep": {"list": [1, 2.5, None, True]}},
        ttl=timedelta(weeks=2),
        options={"endpoint": "http://127.0.0.1:9000"},
    )
    (reference,) = config.references()
    assert reference.options == {"endpoint": "http://127.0.0.1:9000"}
    assert (reference.checksum, reference.allow_empty) == ("sha256", True)
    assert config.for_partition(None).partition == "fixed"
    assert "127.0.0.1" not in repr(config)


def test_anchors_share_keys(tmp_path: Path) -> None:
    text = """
snapshots:
  - &base
    name: a
    uri: s3://b/a/
    tags: [shared]
  - <<: *base
    name: b
    uri: s3://b/b/
"""
    a, b = load(tmp_path, text)
    assert (a.tags, b.tags) == (("shared",), ("shared",))
    assert b.references()[0].uri == "s3://b/b/"


def test_partition_key_is_filled_in_everywhere(tmp_path: Path) -> None:
    config = one(tmp_path, 'uri: "s3://b/dt={partition_key}/"', 'partition: "day {partition_key}"')
    filled = config.for_partition("2026-05-01")
    assert (filled.partition, filled.references()[0].uri) == (
        "day 2026-05-01",
        "s3://b/dt=2026-05-01/",
    )
    assert not filled.needs_partition_key
    assert filled.for_partition(None) == filled


def test_missing_partition_key_is_an_error(tmp_path: Path) -> None:
    config = one(tmp_path, 'uri: "s3://b/dt={partition_key}/"')
    with pytest.raises(InvalidInput, match="--partition KEY"):
        config.for_partition(None)
    with pytest.raises(InvalidInput):
        config.references()


def test_doubled_braces_are_meant(tmp_path: Path) -> None:
    config = one(tmp_path, 'uri: "s3://b/{{raw}}/{partition_key}/"')
    assert config.for_partition("{x}").references()[0].uri == "s3://b/{raw}/{x}/"
    assert config.for_partition("{x}").partition == "{x}"
    plain = one(tmp_path, 'uri: "s3://b/{{raw}}/"')
    assert plain.references()[0].uri == "s3://b/{raw}/"


@given(key=st.text(min_size=1, max_size=20).filter(lambda text: "\0" not in text))
def test_any_partition_key_arrives_unchanged(key: str) -> None:
    if any(0xD800 <= ord(character) < 0xE000 for character in key):
        return
    config = SnapshotConfig(name="a", uris=(SnapshotUri(uri="s3://b/{partition_key}/x/"),))
    filled = config.for_partition(key)
    assert filled.partition == key
    assert filled.references()[0].uri == f"s3://b/{key}/x/"


FAULTS: dict[str, tuple[str, int, str]] = {
    "unknown key": ("uri: s3://b/\n    shedule: x", 4, "schedule"),
    "key given twice": ("uri: s3://b/\n    uri: s3://c/", 3, "twice"),
    "no place": ("type: dataset", 2, "uri"),
    "two places": ("uri: s3://b/\n    uris: [s3://c/]", 2, "both"),
    "no list of places": ("uris: s3://b/", 3, "list"),
    "name of a place is unknown": ("uris: [{url: s3://b/}]", 3, "uri: and name:"),
    "no bucket": ("uri: 's3:///x'", 2, "bucket"),
    "number as text": ("uri: 7", 3, "int 7"),
    "boolean as type": ("uri: s3://b/\n    type: no", 4, "quotes"),
    "bad type": ("uri: s3://b/\n    type: a/b", 2, "a/b"),
    "four fields": ("uri: s3://b/\n    schedule: '0 6 * *'", 2, "4 fields"),
    "hour 24": ("uri: s3://b/\n    schedule: '0 24 * * *'", 2, "hour"),
    "schedule of a word": ("uri: s3://b/\n    schedule: '@daily'", 2, "five fields"),
    "max_objects 0": ("uri: s3://b/\n    max_objects: 0", 4, "unlimited"),
    "max_objects true": ("uri: s3://b/\n    max_objects: true", 4, "unlimited"),
    "checksum true": ("uri: s3://b/\n    checksum: true", 4, "sha256"),
    "allow_empty text": ("uri: s3://b/\n    allow_empty: 'yes'", 4, "true or false"),
    "reserved alias": ("uri: s3://b/\n    aliases: [v1]", 2, "v1"),
    "numbers as tags": ("uri: s3://b/\n    tags: [1]", 4, "list of texts"),
    "date in metadata": ("uri: s3://b/\n    metadata: {day: 2026-05-01}", 4, "quotes"),
    "list as metadata": ("uri: s3://b/\n    metadata: [a]", 4, "mapping"),
    "ttl without unit": ("uri: s3://b/\n    ttl: 30", 4, "30d"),
    "ttl of nothing": ("uri: s3://b/\n    ttl: 0d", 2, "above 0"),
    "unknown placeholder": ("uri: s3://b/{date}/", 2, "{date}"),
    "lone brace": ("uri: 's3://b/a{'", 2, "{"),
    "fixed partition of a moving place": (
        "uri: s3://b/{partition_key}/\n    partition: fixed",
        2,
        "{partition_key}",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_names_file_line_and_what_is_allowed(tmp_path: Path, fault: str) -> None:
    text, line, told = FAULTS[fault]
    with pytest.raises(InvalidInput) as caught:
        one(tmp_path, *text.split("\n    "))
    message = str(caught.value)
    assert f"snapshots.yaml, line {line}: " in message
    assert told in message
    assert "\n" not in message
    assert caught.value.details["line"] == line


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("", 1, "snapshots:"),
        ("- name: a", 1, "snapshots:"),
        ("snapshot: []", 1, "unknown key 'snapshot'"),
        ("snapshots: {name: a}", 1, "a list"),
        ("snapshots:\n  - just text", 2, "mapping"),
        ("snapshots:\n  - uri: s3://b/", 2, "no name"),
        ("snapshots:\n  - name: a:v1\n    uri: s3://b/", 2, "more than a collection"),
        ("snapshots:\n  - name: a~p\n    uri: s3://b/", 2, "more than a collection"),
        ("snapshots: [\n  - {", 2, "not YAML"),
        ("snapshots:\n  - name: !!python/object:os.system a\n    uri: s3://b/", 2, "not YAML"),
        (
            "snapshots:\n  - {name: a, uri: s3://b/}\n  - {name: a, uri: s3://c/}",
            3,
            "line 2",
        ),
    ],
)
def test_faulty_file_names_the_line(tmp_path: Path, text: str, line: int, told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load(tmp_path, text)
    assert f"line {line}: " in str(caught.value)
    assert told in str(caught.value)


def test_missing_and_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nowhere\.yaml"):
        load_snapshots(tmp_path / "nowhere.yaml")
    (tmp_path / "latin").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InvalidInput, match="UTF-8"):
        load_snapshots(tmp_path / "latin")


def test_file_without_snapshots_is_empty(tmp_path: Path) -> None:
    assert load(tmp_path, "snapshots: []") == []


@pytest.mark.parametrize(
    "text", ["* * * * *", "0 0 1 1 0", "59 23 31 12 7", "*/15 8-18 * jan-mar MON,wed,5-6/2"]
)
def test_cron_is_kept_as_it_is_written(text: str) -> None:
    assert check_schedule(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "60 * * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "5-1 * * * *",
        "*/0 * * * *",
        "1- * * * *",
        "-1 * * * *",
        "a * * * *",
        ", * * * *",
        "* * * * * *",
        "² * * * *",
    ],
)
def test_what_is_no_cron_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        check_schedule(text)


def test_config_made_in_code_is_checked_too() -> None:
    with pytest.raises(InvalidInput):
        SnapshotConfig(name="a", uris=())
    options: dict[str, Any] = {"aliases": ("v3",)}
    with pytest.raises(InvalidInput):
        SnapshotConfig(name="a", uris=(SnapshotUri(uri="s3://b/"),), **options)


def test_mappings_are_read_like_the_file(tmp_path: Path) -> None:
    entries = [
        {"name": "a", "uri": "s3://b/a/", "ttl": "30d"},
        {"name": "c", "uris": ["s3://b/c/"]},
    ]
    text = "snapshots:\n- {name: a, uri: s3://b/a/, ttl: 30d}\n- {name: c, uris: [s3://b/c/]}\n"
    assert snapshots_of(entries) == load(tmp_path, text)
    with pytest.raises(InvalidInput, match=r"^defs.yaml: unknown key 'url'"):
        snapshots_of([{"name": "a", "url": "s3://b/a/"}], source="defs.yaml")
    with pytest.raises(InvalidInput, match="'a' is described twice: expected each name once"):
        snapshots_of([entries[0], entries[0]])
