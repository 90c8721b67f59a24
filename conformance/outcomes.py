"""How a case may come out: a closed vocabulary, and what was seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a case came out for a system."""

    HOLDS = "holds"
    FAILS_LOUDLY = "fails loudly"
    DOES_NOT_HOLD = "does not hold"
    WRONG_BYTES = "wrong bytes"
    SILENT_LOSS = "silent loss"
    NOT_SUPPORTED = "not supported"
    NOT_RUNNABLE = "not runnable here"


MEANS: Mapping[Outcome, str] = {
    Outcome.HOLDS: "the system did what the case asks for",
    Outcome.FAILS_LOUDLY: "an error, or a warning that names what is missing; no wrong bytes",
    Outcome.DOES_NOT_HOLD: "the system did not do that, without an error; no bytes are wrong and none are missing",
    Outcome.WRONG_BYTES: "the system gave other bytes than the recorded ones, without an error",
    Outcome.SILENT_LOSS: "the system left something out, without an error or a warning that names it",
    Outcome.NOT_SUPPORTED: "the system does not offer what the case needs",
    Outcome.NOT_RUNNABLE: "the system needs its server for the case, or its answer differs in every run",
}


@dataclass(frozen=True, slots=True)
class Result:
    """How a case came out, and what was seen, in a sentence that is the same in every run."""

    outcome: Outcome
    fact: str


_CHANGING = (
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"https?://(127\.0\.0\.1|localhost):\d+"), "http://server"),
    (re.compile(r"(127\.0\.0\.1|localhost):\d+"), "server"),
    (re.compile(r"0x[0-9a-f]{6,}"), "0x..."),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?"), "(time)"),
    (re.compile(r"\b[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "(id)"),
    (re.compile(r"\b[0-9a-f]{16,}\b"), "(id)"),
    (re.compile(r"\.[\w-]{22}\.tmp"), ".(id).tmp"),
    (re.compile(r"home-\d+"), "home"),
    (
        re.compile(r"\bin position \d+"),
        "in position (n)",
    ),  # of a path, whose folder has another length
    (re.compile(r"\s+"), " "),
)


def steady(text: str, replaced: Mapping[str, str], longest: int = 200) -> str:
    """Return a message without what is another in every run: folders, ports, ids, times."""
    for old in sorted(replaced, key=len, reverse=True):
        text = text.replace(old, replaced[old])
    for pattern, new in _CHANGING:
        text = pattern.sub(new, text)
    text = text.strip()
    return text if len(text) <= longest else text[:longest].rsplit(" ", 1)[0] + " ..."
