"""Command: a change runs a program, as an argument list, with the version in its environment."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

from landfast.errors import InvalidInput
from landfast.follow.outcome import Failure, Stopped
from landfast.model.version import Change
from landfast.system.stop import Stop
from landfast.watch.facts import facts

GRACE_S = 10.0
"""How long a command may take to end after it was asked to."""

_NOT_FOUND, _NOT_ALLOWED, _SIGNALLED = 127, 126, 128
_STEP_S = 0.5


class Command:
    """Runs an argument list for each change; no shell reads it.

    Args:
        arguments: The program and its arguments.
        stop: Asked to stop, the command is too: by the same signal, killed after `GRACE_S`.
        own: What else each change's environment has, such as the run to join; it is told how that ended.
        output: Descriptor of where what it prints goes; None is where ours does.

    Raises:
        InvalidInput: If there is no such program.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        stop: Stop,
        *,
        own: Callable[[Change], Mapping[str, str]],
        ended: Callable[[Change, bool], None],
        output: int | None = None,
    ) -> None:
        if not arguments or shutil.which(arguments[0]) is None:
            raise InvalidInput(
                f"there is no program {arguments[0]!r}" if arguments else "no command is given",
                subject=arguments[0] if arguments else "--exec",
                expected="a program on the PATH, or its path",
            )
        self._arguments = list(arguments)
        self._stop = stop
        self._own = own
        self._ended = ended
        self._output = output

    def __str__(self) -> str:
        # Arguments may hold a secret: what the program is called is enough to know it by.
        more = len(self._arguments) - 1
        return f"{self._arguments[0]} with {more} arguments" if more else self._arguments[0]

    def send(self, change: Change) -> Failure | None:
        """Run the command for a change and wait for it."""
        try:
            process = subprocess.Popen(  # noqa: S603 - what the user named
                self._arguments,
                env=self._environment(change),
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                start_new_session=True,  # so that Ctrl-C reaches it through us, once
            )
        except OSError as error:
            code = _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_ALLOWED
            return Failure(reason=f"{self} does not start: {error.strerror}", code=code)
        code = self._wait(process)
        self._ended(change, code == 0)
        if code == 0:
            return None
        if self._stop.is_asked:
            raise Stopped
        if code < 0:
            name = signal.Signals(-code).name
            return Failure(reason=f"{self} was ended by {name}", code=_SIGNALLED - code)
        return Failure(reason=f"{self} ended with exit code {code}", code=code)

    def _environment(self, change: Change) -> dict[str, str]:
        # The run that this process may have been started in is not that of the command.
        inherited = {name: value for name, value in os.environ.items() if name != "LANDFAST_RUN"}
        told = {f"LANDFAST_{name.upper()}": value for name, value in facts(change).items()}
        return {**inherited, **self._own(change), **told}

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        def forward(number: int) -> None:
            # Asked a second time, there is no more patience.
            _signal_group(process.pid, number if self._stop.count == 1 else signal.SIGKILL)

        self._stop.then = forward
        if self._stop.is_asked:  # between the last look and now
            forward(signal.SIGTERM)
        asked_at: float | None = None
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(_STEP_S)
                if self._stop.is_asked:
                    asked_at = asked_at or time.monotonic()
                    if time.monotonic() - asked_at > GRACE_S:
                        _signal_group(process.pid, signal.SIGKILL)
        finally:
            self._stop.then = None


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
