"""`./just together` shows the chain, and Ctrl-C leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from kit.servers.process import WITH_KIT, tail

from examples.together.systems import ROOT
from tests.conftest import skipping_if_missing
from tests.together.conftest import need_environments
from tests.with_dagster.live.dagster_dev import until

pytestmark = [pytest.mark.system, pytest.mark.nightly, pytest.mark.timeout(1800)]


def test_the_example_shows_the_chain_and_ends_all_that_it_started(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with skipping_if_missing(), log.open("w") as said:
        need_environments()
        example = subprocess.Popen(
            [sys.executable, "-m", "examples.together"],
            cwd=ROOT,
            env={**os.environ, **WITH_KIT, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    with example:
        until(
            lambda: "Ctrl-C ends" in tail(log) or example.poll() is not None,
            lambda: f"chain: {tail(log)}",
            1200,
        )
        assert example.poll() is None, tail(log)
        started = psutil.Process(example.pid).children(recursive=True)
        assert len(started) > 10
        example.send_signal(signal.SIGINT)
        assert example.wait(300) == 0
    until(lambda: not [each for each in started if each.is_running()], "end of all processes")
    printed = log.read_text()
    for said in ("airflow  default/weather/readings:v0", "watch    prod is now", "Everything has"):
        assert said in printed
    assert "Traceback" not in printed
    (folder,) = [line.split()[1] for line in printed.splitlines() if line.startswith("  logs ")]
    assert not Path(folder.partition("/*")[0]).exists()
