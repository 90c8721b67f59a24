"""`landfast get` that is killed is continued by the next `landfast get`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kit.forks import begin_command
from kit.servers.faults import Delay

MEBIBYTE = 1 << 20

# A shell that starts the tests in the background has its children ignore the signal.
INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from landfast.cli import main
main()
"""


def there(target: Path) -> int:
    return sum(path.stat().st_size for path in target.rglob("*") if path.is_file())


def sent(proxy: Any) -> int:
    return sum(done.sent for done in proxy.exchanges if done.request.kind == "get-object")


def test_the_next_get_fetches_only_the_rest(
    s3_proxy: Any, machine: Callable[..., Any], tmp_path: Path
) -> None:
    bucket, bodies = s3_proxy.direct.bucket("Enabled"), {}
    for number in range(48):  # more than there are workers
        bodies[f"file{number}"] = os.urandom(MEBIBYTE // 8)
        s3_proxy.direct.put(bucket, f"d/file{number}", bodies[f"file{number}"])
    here = machine("here", **s3_proxy.environment())
    assert here.cli("put", f"s3://{bucket}/d/", "-n", "data").returncode == 0

    child = begin_command(["get", "data"], here.environment, here.work)
    target = here.work / "artifacts" / "data:v0"

    def kill_late(_request: Any, _response: Any) -> None:
        if len(list(target.glob("file*"))) >= 4:
            child.kill()

    s3_proxy.proxy.after = kill_late
    assert child.wait(120).returncode == -signal.SIGKILL
    s3_proxy.proxy.after = None
    whole = {path.name: path.read_bytes() for path in target.glob("file*")}
    assert whole.items() <= bodies.items()
    before = there(target)
    assert len(whole) >= 4

    s3_proxy.proxy.clear()
    assert here.cli("get", "data").returncode == 0
    total = sum(map(len, bodies.values()))
    assert sent(s3_proxy.proxy) <= total - sum(map(len, whole.values()))
    assert sent(s3_proxy.proxy) <= total - before + MEBIBYTE
    assert {path.name: path.read_bytes() for path in target.glob("file*")} == bodies

    s3_proxy.proxy.clear()
    assert here.cli("get", "data").returncode == 0
    assert here.cli("get", "data", "--root", str(tmp_path / "other")).returncode == 0  # the cache
    assert s3_proxy.proxy.counts["get-object"] == 0


def test_an_interrupted_get_says_so_in_one_line(s3_proxy: Any, machine: Callable[..., Any]) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    for number in range(6):
        s3_proxy.direct.put(bucket, f"d/file{number}", os.urandom(MEBIBYTE // 2))
    here = machine("here", **s3_proxy.environment())
    assert here.cli("put", f"s3://{bucket}/d/", "-n", "data").returncode == 0
    child = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "get", "data"],
        env=here.environment,
        cwd=here.work,
        stderr=subprocess.PIPE,
        text=True,
    )

    interrupted = threading.Event()

    def interrupt(request: Any, _response: Any) -> None:
        if request.kind == "get-object" and not interrupted.is_set():
            interrupted.set()
            child.send_signal(signal.SIGINT)

    s3_proxy.proxy.after = interrupt
    s3_proxy.proxy.inject(Delay(seconds=0.3), kind="get-object")
    _, printed = child.communicate(timeout=120)
    assert child.returncode == 130, printed
    assert printed.startswith("landfast: interrupted")
    assert printed.count("\n") == 1
