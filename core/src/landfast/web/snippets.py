"""Snippets: how a version is read with Python, the command line and each orchestrator."""

from __future__ import annotations

import shlex


def use_it(name: str) -> list[dict[str, str]]:
    """Return how the version of this full name is used, place by place.

    Args:
        name: Such as ``default/vision/mnist:v3``.
    """
    quoted, typed = f'"{name}"', shlex.quote(name)  # a name holds no quote: partitions are encoded
    return [
        {
            "where": "Python",
            "code": f"import landfast\n\nversion = landfast.Client().get({quoted})\nfolder = version.download()",
        },
        {
            "where": "A script with a run",
            "code": "import landfast\n\n"
            'with landfast.init(job_type="train") as run:\n'
            f"    folder = run.use_artifact({quoted}).download()",
        },
        {"where": "Command line", "code": f"landfast get {typed}\nlandfast verify {typed}"},
        {
            "where": "Dagster",
            "code": "import dagster as dg\nimport dagster_landfast as dl\n\n\n"
            "@dg.asset\n"
            "def trained(context: dg.AssetExecutionContext) -> None:\n"
            f"    folder = dl.use_artifact(context, {quoted}).download()",
        },
        {
            "where": "Prefect",
            "code": "from prefect import flow\nfrom prefect_landfast import use_artifact\n\n\n"
            "@flow\n"
            "def train() -> None:\n"
            f"    folder = use_artifact({quoted}).download()",
        },
        {
            "where": "Airflow",
            "code": "from airflow.sdk import task\nfrom landfast_provider import use_artifact\n\n\n"
            "@task\n"
            "def train() -> None:\n"
            f"    folder = use_artifact({quoted}).download()",
        },
    ]
