"""Feast's lineage server, from an environment of its own: a consumer of OpenLineage that was made by others."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kit.servers.process import LOOPBACK, ServerMissing, answers, free_port, running, scratch

PROGRAM = Path(__file__).parents[3] / ".venvs/peers/feast/bin/feast"

_STORE = """\
project: demo
registry: registry.db
provider: local
online_store: {{type: sqlite, path: online.db}}
entity_key_serialization_version: 3
openlineage:
  enabled: true
  consumer: {{enabled: true, connection_string: "sqlite:///{folder}/lineage.db"}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feast:
    """A running lineage server."""

    url: str

    def ask(self, *path: str) -> Any:
        """Return what it knows under a path of its interface."""
        parts = "/".join(quote(part, safe="") for part in path)
        with urllib.request.urlopen(f"{self.url}/api/v1/lineage/openlineage/{parts}") as reply:
            return json.load(reply)


@contextlib.contextmanager
def lineage_server() -> Iterator[Feast]:
    """Run it on loopback.

    Raises:
        ServerMissing: If it is not installed.
    """
    if not PROGRAM.exists():
        raise ServerMissing("Feast is not installed; run: scripts/peer-environments feast")
    with scratch("feast") as folder:
        (folder / "feature_store.yaml").write_text(_STORE.format(folder=folder))
        port = free_port()
        words = [str(PROGRAM), "serve_lineage", "--host", LOOPBACK, "--port", str(port)]
        with running(
            words, name="feast", folder=folder, ready=lambda: answers(port), timeout_s=180
        ):
            yield Feast(url=f"http://{LOOPBACK}:{port}")
