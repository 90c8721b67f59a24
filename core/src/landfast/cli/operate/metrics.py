"""`landfast metrics`: the registry's numbers for Prometheus."""

from __future__ import annotations

import click

from landfast.cli.common import Output, command
from landfast.client import Client
from landfast.errors import InvalidInput


@command("metrics", example="landfast metrics > landfast.tmp && mv landfast.tmp landfast.prom")
def metrics_command(client: Client, out: Output) -> None:
    """Print the registry's numbers for Prometheus.

    Per collection: versions, last change, last observation, last verdicts. Per consumer: how far behind it
    is. `landfast ui` serves the same at /-/metrics.
    """
    from landfast.metrics import metrics_text

    if out.as_json:
        raise InvalidInput("metrics are printed in Prometheus' text format", subject="--json")
    click.echo(metrics_text(client.registry), nl=False)
