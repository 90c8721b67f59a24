"""Processes that are killed, that work at once, or that share a cache."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from kit.servers.exchange import Request
from kit.servers.faults import Truncate

from conformance.case import HOLDS_OR_FAILS, case
from conformance.outcomes import Outcome, Result
from conformance.promises import CHECKED, COMPLETE, HONEST, TOGETHER, UNCHANGED, WHOLE
from conformance.systems import Ended, Pending, Refused
from conformance.trial import Trial, few, tree

FILES = {"a.txt": "recorded a", "deep/b.txt": "recorded b"}
AGAIN = dict.fromkeys(
    ("wandb", "quilt3", "dvc", "datachain"), "its pages do not mention files that were edited"
)
ELSEWHERE = {
    "wandb": "its server decides who is first",
    "dvc": "Git, on its server, joins what two clones log",
    "datachain": "what four processes see at once in its database differs from run to run",
}


@case("Killed while it lists, then logged again", WHOLE)
def killed_while_logging(trial: Trial) -> Result:
    trial.puts(FILES)
    home = trial.home()
    first = trial.log(home=home)
    trial.put("data/a.txt", "second")
    _killed_at(trial, lambda request: request.method == "GET", lambda: trial.logging(home=home))
    second = trial.log(home=home)
    later = trial.gives_back(second, {**FILES, "a.txt": "second"})
    return later if later.outcome is not Outcome.HOLDS else trial.gives_back(first, FILES)


@case("Killed in the middle of a file, looked at, then downloaded again", WHOLE)
def killed_while_downloading(trial: Trial) -> Result:
    files = {"a.txt": "a line of many\n" * 40_000, "b.txt": "b"}
    trial.puts(files)
    version, home, target = trial.log(), trial.home(), trial.target()
    trial.front.inject(Truncate(keep=300_000), when=_reads_a, at=1)
    reads = iter((False, True, True, True))
    _killed_at(
        trial,
        lambda request: _reads_a(request) and next(reads, False),
        lambda: trial.begin("download", home, name="data", version=version, target=str(target)),
    )
    torn = [path for path, body in tree(target).items() if files.get(path, body) != body]
    if torn:
        return Result(Outcome.WRONG_BYTES, f"a torn file under its own name: {few(torn)}")
    return trial.gives_back(version, files, home, target)


@case("Four processes log one place at once", UNCHANGED, servers_of=ELSEWHERE)
def at_once_the_same(trial: Trial) -> Result:
    trial.puts(FILES)
    versions = _all([trial.logging() for _ in range(4)])
    if len(set(versions)) == 1:
        return Result(Outcome.HOLDS, "one version")
    return Result(Outcome.DOES_NOT_HOLD, f"{len(set(versions))} versions of the same bytes")


@case("Four processes log four places into one name at once", TOGETHER, servers_of=ELSEWHERE)
def at_once_others(trial: Trial) -> Result:
    places = [f"place-{number}/" for number in range(4)]
    for place in places:
        trial.puts({"a.txt": f"of {place}"}, below=place)
    versions = _all([trial.logging(trial.uri(place)) for place in places])
    for place, version in zip(places, versions, strict=True):
        result = trial.gives_back(version, {"a.txt": f"of {place}"})
        if result.outcome is not Outcome.HOLDS:
            return result
    return Result(Outcome.HOLDS, "four versions, each with its own bytes")


@case("A cached file is altered, and the version downloaded again", CHECKED, right=HOLDS_OR_FAILS)
def poisoned_cache(trial: Trial) -> Result:
    trial.puts(FILES)
    version, home = trial.log(), trial.home()
    trial.download(version, home)
    poisoned = _poison(home, FILES["a.txt"], "poisoned a")
    result = trial.gives_back(version, FILES, home)
    if result.outcome is Outcome.HOLDS and not poisoned:
        return Result(Outcome.HOLDS, "it caches no bytes")
    return result


@case(
    "A downloaded file is edited, its times put back, and it is downloaded again",
    HONEST,
    right=HOLDS_OR_FAILS,
    without=AGAIN,
)
def edited_download(trial: Trial) -> Result:
    trial.puts(FILES)
    version, home = trial.log(), trial.home()
    trial.download(version, home)
    _rewrite(trial.folder / "target" / "a.txt", "edited!! a")
    return trial.gives_back(version, FILES, home, trial.folder / "target")


@case(
    "Two places hold a file of one name",
    COMPLETE,
    right=HOLDS_OR_FAILS,
    without={"quilt3": "the page of `set_dir` says that the later one wins"},
    reports=(
        "https://github.com/wandb/wandb/issues/9536",
        "https://github.com/wandb/wandb/issues/3256",
    ),
)
def one_name_twice(trial: Trial) -> Result:
    trial.puts({"same.txt": "first"}, below="one/")
    trial.puts({"same.txt": "second"}, below="two/")
    version = trial.log(trial.uri("one/"), trial.uri("two/"))
    listed = trial.paths(version)
    if len(listed) == 2:
        return Result(Outcome.HOLDS, f"both are there: {few(listed)}")
    return Result(Outcome.SILENT_LOSS, f"one of the two is left out without a word: {few(listed)}")


@case("Two places are added in the other order", UNCHANGED)
def other_order(trial: Trial) -> Result:
    trial.puts({"a.txt": "a"}, below="one/")
    trial.puts({"b.txt": "b"}, below="two/")
    places = [trial.uri("one/"), trial.uri("two/")]
    if trial.log(*places) == trial.log(*reversed(places)):
        return Result(Outcome.HOLDS, "one version")
    return Result(Outcome.DOES_NOT_HOLD, "a second version of the same bytes")


def _all(pending: list[Pending]) -> list[str]:
    """Wait for all, then give their versions, or raise the first error."""
    answers: list[str] = []
    errors: list[Refused] = []
    for call in pending:
        try:
            answers.append(str(call.answer()))
        except Refused as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return answers


_BEGUN_S = 600


def _killed_at(trial: Trial, when: Callable[[Request], bool], begin: Callable[[], Pending]) -> None:
    """Kill a call when a request of it comes to the server."""
    begun = threading.Event()
    pids: list[int] = []

    def kill(request: Request) -> None:
        if when(request) and begun.wait(_BEGUN_S):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pids[0], signal.SIGKILL)

    trial.front.before = kill
    call = begin()
    pids.append(call.pid)
    begun.set()
    with contextlib.suppress(Ended, Refused):
        call.answer()
    trial.front.before = None
    trial.front.rules.clear()


def _poison(home: Path, body: str, other: str) -> int:
    """Replace the bytes of a file wherever a cache keeps them, and put the times back."""
    caches = [p for p in home.rglob("*") if p.is_file() and "cache" in str(p.relative_to(home))]
    hit = [path for path in caches if path.read_bytes() == body.encode()]
    for path in hit:
        _rewrite(path, other)
    return len(hit)


def _rewrite(path: Path, body: str) -> None:
    before = path.stat()
    path.chmod(0o644)
    path.write_text(body)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    path.chmod(before.st_mode)


def _reads_a(request: Request) -> bool:
    return request.kind == "get-object" and request.path.endswith("data/a.txt")
