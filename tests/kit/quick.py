"""A Python that has imported landfast when it begins: programs that others start, such as an orchestrator's Pipes.

    with quick_python() as python:
        subprocess.run([*python, "-c", "import landfast; print(landfast.__version__)"])

The command hands its arguments, environment, folder and streams to a process that runs the code in a fork of
itself, and ends as that does.  What a program costs at its start is for other tests.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kit.forks import context, fork

_PATIENCE_S = 120
# As little as it can import: it is what each start costs.
_HAND_OVER = """
import os, socket, sys
from json import dumps
with socket.socket(socket.AF_UNIX) as there:
    there.connect(sys.argv[1])
    said = dumps([sys.argv[2:], dict(os.environ), os.getcwd()]).encode()
    socket.send_fds(there, [len(said).to_bytes(8, "big")], [0, 1, 2])
    there.sendall(said)
    code = there.recv(4)
if not code:
    sys.exit("what runs quick starts is gone")
code = int.from_bytes(code, "big", signed=True)
if code < 0:
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


@contextmanager
def quick_python() -> Iterator[list[str]]:
    """Yield the command that stands for `python`; it takes `-c CODE ARGUMENTS...`."""
    with tempfile.TemporaryDirectory(prefix="landfast-quick-") as folder:
        address = str(Path(folder) / "socket")
        here, there = context.Pipe()
        server = fork(_serve, address, there)
        server.start()
        there.close()
        try:
            assert here.poll(_PATIENCE_S), "it does not begin"
            here.recv()
            yield [sys.executable, "-I", "-S", "-c", _HAND_OVER, address]
        finally:
            here.close()
            server.kill()
            server.join()


def _serve(address: str, began: Any) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        began.send(True)
        while True:
            asked, _ = listening.accept()
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass  # those who have answered
            if os.fork() == 0:
                listening.close()
                _answer(asked)
            asked.close()


def _answer(asked: socket.socket) -> None:
    """Run what is asked for in a fork, say how it ended, and end it with who asked."""
    length, streams, _, _ = socket.recv_fds(asked, 8, 3)
    said = b""
    while len(said) < int.from_bytes(length, "big"):
        said += asked.recv(1 << 20)
    arguments, environment, folder = json.loads(said)
    child = os.fork()
    if child == 0:
        asked.close()
        _run(arguments, environment, folder, streams)
    ended = os.pidfd_open(child)
    ready, _, _ = select.select([asked.fileno(), ended], [], [])
    if ended not in ready:
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if ended in ready:
        asked.sendall(code.to_bytes(4, "big", signed=True))
    os._exit(0)


def _run(
    arguments: list[str], environment: dict[str, str], folder: str, streams: list[int]
) -> None:
    code = 0
    atexit._clear()  # what the process that was forked would do at its own end
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - that of a process of `multiprocessing` is empty
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        option, program, *rest = arguments
        assert option == "-c", option
        sys.argv = ["-c", *rest]
        exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
