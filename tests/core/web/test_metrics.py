"""`/-/metrics`: what Prometheus scrapes."""

from pathlib import Path

from kit.pages import Served
from landfast.client import Client
from prometheus_client.parser import text_string_to_metric_families


def test_prometheus_reads_the_numbers(client: Client, pages: Served, data: Path) -> None:
    client.log("data", data)
    reply = pages.get("/-/metrics")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {family.name: family for family in text_string_to_metric_families(reply.text)}
    (sample,) = found["landfast_collection_latest_files"].samples
    assert sample.labels == {"entity": "default", "project": "vision", "collection": "data"}
    assert sample.value == 3


def test_a_registry_that_is_gone_is_an_error_and_no_empty_list(
    client: Client, pages: Served, data: Path, tmp_path: Path
) -> None:
    client.log("data", data)
    (tmp_path / "registry.db").rename(tmp_path / "away.db")
    assert pages.get("/-/metrics").status >= 400
