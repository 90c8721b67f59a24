"""The command line: every command is a thin call into `Client`.

Commands live in modules of their own and are imported when they are called, so that completion and each command stay
fast.
"""

from __future__ import annotations

from typing import Any

import click

from landfast.cli.help import LazyGroup

# Heading -> command -> module; the function in it is called after the command, followed by `_command`.
_SECTIONS = {
    "Begin": {"demo": "demo", "doctor": "doctor", "completion": "completion"},
    "Record": {"put": "put", "snapshot": "snapshot", "import": "imports"},
    "Look and read": {
        "ls": "ls",
        "show": "show",
        "get": "get",
        "sql": "sql",
        "diff": "diff",
        "history": "history",
        "lineage": "lineage",
        "run": "run",
        "ui": "ui",
    },
    "Check": {"verify": "verify"},
    "Keep": {"hold": "hold", "release": "hold", "copy": "hold", "restore": "restore"},
    "Name and delete": {
        "promote": "edit",
        "unalias": "edit",
        "tag": "edit",
        "untag": "edit",
        "rm": "edit",
        "undelete": "edit",
    },
    "Act on changes": {
        "changes": "history",
        "watch": "feed.watch",
        "openlineage": "feed.openlineage",
    },
    "Operate": {
        "registry": "operate.registry",
        "metrics": "operate.metrics",
        "gc": "operate.gc",
        "cache": "operate.cache",
    },
    "Weights & Biases": {"artifact": "artifact"},
}


@click.group(
    cls=LazyGroup,
    places=_SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 fine; 1 unexpected; 2 wrong call; 3, 4, 5 verify found drift, loss, doubt; "
    "6 registry check found loss; 7 a plan found problems; 10 not found; 11 conflict; 12 object changed; "
    "13 access denied; 14 limit exceeded; 15 unavailable; 16 unverifiable; 17 missing extra.",
)
@click.version_option(package_name="landfast")
def main(**_: Any) -> None:
    """Record exactly which bytes a pipeline read and wrote, without moving them."""
