"""A case: what is done, what is asked, which answers are right, and who promises it where."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypedDict, Unpack

from kit.servers.s3 import Versioning

from conformance.outcomes import Outcome, Result
from conformance.promises import Promise
from conformance.systems import Hung, Refused, Unsupported
from conformance.trial import Trial

GROUPS = {
    "objects": "Objects that change",
    "plain_buckets": "Buckets without versions",
    "keys": "Keys that are not file names",
    "many": "Many objects, and limits",
    "meanwhile": "While it is looked at, and on the way",
    "folders": "Local folders",
    "web": "HTTP",
    "processes": "Processes that are killed, or that work at once",
}
HOLDS = frozenset({Outcome.HOLDS})
HOLDS_OR_FAILS = frozenset({Outcome.HOLDS, Outcome.FAILS_LOUDLY})
FAILS = frozenset({Outcome.FAILS_LOUDLY})

Step = Callable[[Trial], Result]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case.

    Args:
        name: The name of its function.
        group: The module that it stands in.
        title: What happens, in a line.
        asks: The promise that is asked for; who documents it, and where.
        right: The answers that keep it. Where the recorded bytes are nowhere, an error is right.
        versioning: Of the bucket.
        reports: Public reports of it.
        servers_of: Systems that need their server for it, with the reason.
        without: Systems that do not promise it in this case, though they promise it otherwise, with the reason.
    """

    name: str
    group: str
    title: str
    asks: Promise
    step: Step = field(repr=False)
    right: frozenset[Outcome] = HOLDS
    versioning: Versioning | None = "Enabled"
    reports: tuple[str, ...] = ()
    servers_of: Mapping[str, str] = field(default_factory=dict)
    without: Mapping[str, str] = field(default_factory=dict)

    def promised_by(self, system: str) -> str | None:
        """Return where a system documents the promise; None where it does not."""
        return None if system in self.without else self.asks.documented.get(system)

    def run(self, trial: Trial) -> Result:
        """Try it on a system."""
        if reason := self.servers_of.get(trial.driver.system.name):
            return Result(Outcome.NOT_RUNNABLE, reason)
        trial.prepare()
        try:
            return self.step(trial)
        except Unsupported as reason:
            return Result(Outcome.NOT_SUPPORTED, str(reason))
        except Refused as error:
            return trial.refused("log", error)
        except Hung:
            return Result(Outcome.DOES_NOT_HOLD, "it hangs, and has to be killed")


_KNOWN: list[Case] = []


class Options(TypedDict, total=False):
    """What a case may say of itself beside its title and its promise: see `Case`."""

    right: frozenset[Outcome]
    versioning: Versioning | None
    reports: tuple[str, ...]
    servers_of: Mapping[str, str]
    without: Mapping[str, str]


def case(title: str, asks: Promise, **options: Unpack[Options]) -> Callable[[Step], Step]:
    """Make a case of the function that tries it; its name and module become those of the case."""

    def add(step: Step) -> Step:
        name, group = step.__name__, step.__module__.rpartition(".")[2]
        _KNOWN.append(Case(name=name, group=group, title=title, asks=asks, step=step, **options))
        return step

    return add


def cases() -> list[Case]:
    """Return all cases, group by group."""
    for group in GROUPS:
        importlib.import_module(f"conformance.cases.{group}")
    order = list(GROUPS)
    return sorted(_KNOWN, key=lambda case: order.index(case.group))
