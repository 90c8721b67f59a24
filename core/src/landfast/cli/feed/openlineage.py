"""`landfast openlineage`: tell lineage to whoever speaks OpenLineage."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from landfast.cli.common import Output, command
from landfast.cli.feed.consumer import consumer_options, follow, manner
from landfast.client import Client
from landfast.errors import needs_extra
from landfast.redaction import visible

if TYPE_CHECKING:
    from openlineage.client.event_v2 import DatasetEvent, RunEvent

    from landfast.follow.outcome import Failure


@command(
    "openlineage", example="OPENLINEAGE_URL=https://lineage.example.org landfast openlineage --once"
)
@consumer_options
@click.option(
    "--without",
    multiple=True,
    metavar="SYSTEM",
    help="Leave out runs of a system that sends its own events, such as airflow; may be repeated.",
)
@click.option(
    "--runs-only",
    is_flag=True,
    help="Leave out changes of aliases, which are events without a run.",
)
def openlineage_command(client: Client, out: Output, **given: Any) -> None:
    """Send runs and their versions to an OpenLineage server.

    Each run is sent with the versions that it used and logged.

    OpenLineage's own configuration names the server: OPENLINEAGE_URL, OPENLINEAGE_CONFIG, openlineage.yml.
    A new consumer starts with the oldest event in the registry.
    """
    with needs_extra("openlineage", "landfast openlineage"):
        from landfast.openlineage.emit import Emitter
    from landfast.follow.follower import START, Follower
    from landfast.openlineage.run import drain, events_of
    from landfast.registry.values import Stream
    from landfast.system.stop import Stop

    emitter, events = Emitter(), events_of(client.registry)
    follower = Follower(
        client.registry,
        given["consumer"] or "openlineage",
        streams=(Stream.RUNS, Stream.CHANGES),
        begin=START,
        again=given["again"],
    )

    def told(id: str, event: RunEvent | DatasetEvent, failure: Failure | None) -> None:
        _say(out, id, event, failure)

    with Stop() as stop:
        how = manner(given, stop, out)
        follow(
            follower,
            lambda: drain(
                follower,
                events,
                emitter,
                how,
                told,
                without=given["without"],
                changes=not given["runs_only"],
            ),
            how,
            f"telling OpenLineage by {emitter.kind}",
        )
    emitter.close()


def _say(out: Output, id: str, event: RunEvent | DatasetEvent, failure: Failure | None) -> None:
    kind = getattr(event, "eventType", None)
    of = getattr(event, "job", None) or event.dataset  # type: ignore[union-attr]
    state = "CHANGE" if kind is None else kind.value
    if out.as_json:
        said = {"id": id, "event": state, "namespace": of.namespace, "name": of.name}
        said |= {"delivered": failure is None} | (
            {} if failure is None else {"reason": failure.reason}
        )
        click.echo(json.dumps(said))
    elif not out.quiet:
        how = "" if failure is None else f"  FAILED ({failure.reason})"
        click.echo(visible(f"{id}  {state:<8}  {of.namespace} {of.name}{how}"))
