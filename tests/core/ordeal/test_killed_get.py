"""`landfast get` that is killed is continued by the next `landfast get`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

MEBIBYTE = 1 << 20


def there(target: Path) -> int:
    return sum(path.stat().st_size for path in target.rglob("*") if path.is_file())


def sent(proxy: Any) -> int:
    return sum(done.sent for done in proxy.exchanges if done.request.kind == "get-object")


def test_the_next_get_fetches_only_the_rest(
    s3_proxy: Any, machine: Callable[..., Any], tmp_path: Path
) -> None:
    bucket, bodies = s3_proxy.direct.bucket("Enabled"), {}
    for number in range(12):
        bodies[f"file{number}"] = os.urandom(MEBIBYTE // 2)
        s3_proxy.direct.put(bucket, f"d/file{number}", bodies[f"file{number}"])
    here = machine("here", **s3_proxy.environment())
    assert here.cli("put", f"s3://{bucket}/d/", "-n", "data").returncode == 0

    command = [sys.executable, "-m", "landfast", "get", "data"]
    child = subprocess.Popen(
        command, env=here.environment, cwd=here.work, stderr=subprocess.DEVNULL
    )

    def kill_late(request: Any, _response: Any) -> None:
        if request.kind == "get-object" and s3_proxy.proxy.counts["get-object"] >= 8:
            child.send_signal(signal.SIGKILL)

    s3_proxy.proxy.after = kill_late
    assert child.wait(120) == -signal.SIGKILL
    s3_proxy.proxy.after = None
    target = here.work / "artifacts" / "data:v0"
    whole = {path.name: path.read_bytes() for path in target.glob("file*")}
    assert whole.items() <= bodies.items()
    before = there(target)
    assert before >= MEBIBYTE // 2

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
