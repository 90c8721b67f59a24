"""`landfast get`: download the recorded bytes of a version."""

from __future__ import annotations

from dataclasses import asdict
from itertools import chain
from typing import Any

import click

from landfast.cli.common import Output, command, human_size, partition_option, show_plan
from landfast.client import Client


@command("get", example="landfast get vision/mnist:prod --root data/{version}")
@click.argument("name")
@click.option(
    "--root",
    metavar="DIR",
    help="Target folder; {version} and {partition} are filled in [default: ./artifacts/NAME:vN/].",
)
@click.option(
    "--replace",
    is_flag=True,
    help="Turn a folder that holds another version of NAME into this version; keep equal files that no download wrote.",
)
@click.option("--type", "kind", help="Fail if the collection has another type.")
@click.option("--path", "paths", multiple=True, help="Only this entry or folder; may be repeated.")
@click.option("--include", multiple=True, metavar="GLOB", help="Only these paths.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Not these paths.")
@click.option("--allow-missing", is_flag=True, help="Report what is missing instead of failing.")
@click.option(
    "--hard-link", is_flag=True, help="Link files from the cache instead of copying them."
)
@click.option("--any-endpoint", is_flag=True, help="Use an endpoint other than the recorded one.")
@click.option(
    "--plan", is_flag=True, help="Print what the command would request, in numbers, and do nothing."
)
@click.option("--no-use", is_flag=True, help="Leave no lineage edge.")
@partition_option("name")
def get_command(client: Client, out: Output, name: str, plan: bool, **given: Any) -> None:
    """Download exactly the bytes that NAME recorded, or fail."""
    given["no_use"] |= plan
    version = client.get(name) if given.pop("no_use") else client.use(name, type=given["kind"])
    root, _ = given.pop("root"), given.pop("kind")
    given["link"] = "hard" if given.pop("hard_link") else "copy"
    options = {k: v for k, v in given.items() if v}
    if plan:
        show_plan(out, client.plan_download(version, root, **options))
    report = client.download(version, root, **options)
    told = (
        f"{version.qualified_name} is in {report.root}: {report.files} files, {human_size(report.bytes)} "
        f"({report.fetched} fetched, {report.from_cache} from the cache, {report.already_there} already there)"
    )
    missing = (f"missing: {one.path} ({one.message})" for one in report.missing)
    head = {"version": version.qualified_name, **report.to_dict(missing=False)}
    out.stream(head, "missing", map(asdict, report.missing), chain([told], missing))
