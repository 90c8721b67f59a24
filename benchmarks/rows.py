"""What every benchmark prints and keeps: rows, each with what stands beside it in the same run, and its target.

A script makes rows and hands them over:

    def measure(given: Namespace) -> Iterator[Row]:
        peer, ours = spent(paginate, given.repeat), spent(log, given.repeat)
        yield Row("log", ours.cpu_s / n * 1e6, "us CPU a key", beside=peer.cpu_s / n * 1e6, peer="boto3 paginator",
                  ratio_at_most=1 / 20)

    if __name__ == "__main__":
        command("s3-log", "Log of an S3 prefix", measure, __doc__, entries=(20_000, 200_000))

It then takes `--entries N`, `--repeat N`, `--full` (the second of each pair of sizes) and `--keep`, which stores the
rows in `results/` and writes docs/benchmarks.md with its pictures anew, as `python benchmarks/page.py` does: run that
again where a merge of the page conflicts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# A file for each group of rows.
RESULTS = HERE / "results"


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement.

    Args:
        what: What was done, with its size: ``log of 200,000 keys, unchanged``.
        measured: The median; None where it cannot be run here, and `note` says why.
        unit: Of the value: ``us CPU a key``, ``requests``, ``MiB``.
        beside: The same of a peer or a floor, in the same run.
        peer: Who that is: ``boto3 paginator``, ``find -printf (floor)``.
        at_most: Target for the value.
        at_least: Target for the value.
        ratio_at_most: Target for `measured / beside`.
        ratio_at_least: Target for `measured / beside`.
        note: One sentence, where the numbers do not say it all.
    """

    what: str
    measured: float | None
    unit: str = ""
    beside: float | None = None
    peer: str = ""
    at_most: float | None = None
    at_least: float | None = None
    ratio_at_most: float | None = None
    ratio_at_least: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The value as a multiple of what stands beside it."""
        return self.measured / self.beside if self.measured is not None and self.beside else None

    @property
    def target(self) -> str:
        """The target in words; empty if there is none."""
        wanted = (
            ("at most {}", self.at_most, number),
            ("at least {}", self.at_least, number),
            ("at most {}", self.ratio_at_most, multiple),
            ("at least {}", self.ratio_at_least, multiple),
        )
        return ", ".join(words.format(say(v)) for words, v, say in wanted if v is not None)

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None if there is none, or nothing was measured."""
        ratio = self.ratio
        pairs = (
            (self.measured, self.at_most, 1),
            (self.measured, self.at_least, -1),
            (ratio, self.ratio_at_most, 1),
            (ratio, self.ratio_at_least, -1),
        )
        held = [(v - t) * sign <= 0 for v, t, sign in pairs if v is not None and t is not None]
        return all(held) if held else None

    def __str__(self) -> str:
        if self.measured is None:
            return f"  {self.what:<58} not runnable here: {self.note}"
        text = f"  {self.what:<58}{number(self.measured):>10} {self.unit:<14}"
        if self.ratio is not None and self.beside is not None:
            text += f" {multiple(self.ratio):>8} of {number(self.beside)}, {self.peer}"
        if self.target:
            text += f"   {self.target}: {'met' if self.met else 'MISSED'}"
        return text + (f"   ({self.note})" if self.note else "")


def number(value: float) -> str:
    """Write a value with three digits that count, and thousands apart."""
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.3g}"


def multiple(ratio: float) -> str:
    """Write a ratio as people say it: ``1/14``, ``x 1.9``."""
    if 0 < ratio < 0.75:
        return f"1/{1 / ratio:.3g}"
    return f"x {ratio:,.0f}" if ratio >= 10 else f"x {ratio:.2g}"


@dataclass(frozen=True, slots=True)
class Spent:
    """What some work took: CPU of the process and of its children, user and system, and the clock."""

    cpu_s: float
    wall_s: float
    anonymous_mib: float = 0.0


def spent(
    work: Callable[[], Any], repeat: int = 3, *, before: Callable[[], Any] = lambda: None
) -> Spent:
    """Return the medians of several runs in this process; children count once they were waited for.

    `before` is called ahead of each run and is not measured.
    """
    runs = []
    for _ in range(repeat):
        before()
        cpu, began = _used_s(), time.perf_counter()
        work()
        runs.append(Spent(_used_s() - cpu, time.perf_counter() - began))
    return median(runs)


def median(runs: Sequence[Spent]) -> Spent:
    """Return the medians, each on its own."""
    return Spent(
        *(
            statistics.median(getattr(run, name) for run in runs)
            for name in ("cpu_s", "wall_s", "anonymous_mib")
        )
    )


def _used_s() -> float:
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def ran(
    command: Sequence[str | Path],
    environment: Mapping[str, str] | None = None,
    *,
    quiet: bool = False,
) -> Spent:
    """Run a command to its end, `quiet` without what it prints; return what it took.

    The peak of anonymous memory is that of all processes that it started.

    Raises:
        SystemExit: If the command failed.
    """
    began = time.perf_counter()
    where = {**os.environ, **(environment or {})}
    to = subprocess.DEVNULL if quiet else None
    with subprocess.Popen(command, env=where, stdout=to, stderr=to) as process:  # noqa: S603
        most = _Watch(process.pid)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        peak = most.stop()
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return Spent(used.ru_utime + used.ru_stime, time.perf_counter() - began, peak)


class _Watch:
    """Samples the anonymous memory of a process and its descendants, 50 times a second."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._most = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._end.wait(0.02):
            self._most = max(self._most, anonymous_mib(self._pid))

    def stop(self) -> float:
        self._end.set()
        self._thread.join()
        return self._most


def anonymous_mib(pid: int) -> float:
    """Return the anonymous memory of a process and all below it; what has ended counts nothing."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        below = [child for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return 0.0
    own = sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon:"))
    return own / 1024 + sum(anonymous_mib(int(child)) for child in below)


def command(
    name: str,
    title: str,
    measure: Callable[[Namespace], Iterable[Row]],
    doc: str | None,
    **sizes: tuple[int, int],
) -> None:
    """Measure with the sizes of the command line, print each row as it comes, and keep them if told.

    Args:
        name: File of the rows in `results/`; a later run replaces it.
        title: Heading of their table.
        measure: Makes the rows from the sizes.
        doc: The script's docstring.
        sizes: Of each option, the quick size and the one for the record.
    """
    sizes = {"repeat": (3, 3), **sizes}
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="sizes for the record")
    parser.add_argument("--keep", action="store_true", help="store the rows, and write the page")
    for option, (quick, full) in sizes.items():
        parser.add_argument(
            f"--{option.replace('_', '-')}", type=int, help=f"{quick:,}; with --full {full:,}"
        )
    given = parser.parse_args()
    for option, pair in sizes.items():
        if getattr(given, option) is None:
            setattr(given, option, pair[given.full])
    print(title, flush=True)
    rows = []
    for row in measure(given):
        print(row, flush=True)
        rows.append(row)
    if given.keep:
        keep(name, title, rows)


def keep(name: str, title: str, rows: Sequence[Row]) -> None:
    """Store rows under a name, in the place of those of an earlier run, and write the page."""
    group = {"title": title, "machine": machine(), "rows": [_known(row) for row in rows]}
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(group, indent=1, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n")
    subprocess.run([sys.executable, HERE / "page.py"], check=True)  # noqa: S603


def kept() -> dict[str, dict[str, Any]]:
    """Return what is stored, by group: its title, the machine, its rows."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}


def _known(row: Row) -> dict[str, Any]:
    facts = asdict(row)
    return {key: _short(value) for key, value in facts.items() if value not in {None, ""}}


def _short(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def machine() -> str:
    """Describe this machine."""
    cpus = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in cpus if line.startswith("model name")), "")
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 2**20
    system = ".".join(platform.release().split(".")[:2])
    return (
        f"{os.cpu_count()} cores of {model or platform.machine()}, {memory:.0f} GiB, "
        f"Linux {system}, Python {platform.python_version()}"
    )
