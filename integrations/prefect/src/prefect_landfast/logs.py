"""Where to say something to the person who watches a run."""

from __future__ import annotations

import logging
import threading
from typing import Any

from prefect.logging import get_logger, get_run_logger

from prefect_landfast import api

_lock = threading.Lock()
_said: set[str] = set()


def logger() -> logging.Logger | logging.LoggerAdapter[Any]:
    """Return the run's logger, whose lines Prefect shows with the run; outside a run one of our own."""
    return get_run_logger() if api.in_run() else get_logger("landfast")


def say_once(text: str) -> None:
    """Say a sentence once a process."""
    with _lock:
        is_new = text not in _said
        _said.add(text)
    if is_new:
        logger().warning("%s", text)
