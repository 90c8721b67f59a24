"""What the commands have in common that follow the feeds: who they are, where they go on, how they fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from landfast.cli.common import Output
from landfast.cli.logs import fail

if TYPE_CHECKING:
    from landfast.follow.delivery import Manner
    from landfast.follow.follower import Follower
    from landfast.system.stop import Stop


class Place(click.ParamType):  # type: ignore[type-arg]  # no generic in click 8.1
    """Where to begin: ``start``, ``now``, a position, or a moment."""

    name = "place"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | int | datetime:
        """Read it."""
        text = str(value)
        if text in {"start", "now"}:
            return text
        if text.isascii() and text.isdecimal():
            return int(text)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(
                f"{text!r} is neither 'start', 'now', a position, nor a time such as 2026-05-03T12:00:00Z",
                param,
                ctx,
            )
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def consumer_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a consumer: its name, where it goes on, how often it looks and tries."""
    options = (
        click.option("--consumer", help="Name under which the position is remembered."),
        click.option(
            "--from",
            "again",
            type=Place(),
            metavar="PLACE",
            help="Start from 'start', 'now', a position of the feed or a time, instead of the remembered position.",
        ),
        click.option("--once", is_flag=True, help="End when everything is delivered, for cron."),
        click.option(
            "--interval",
            type=click.FloatRange(min=0.1),
            default=5.0,
            show_default=True,
            metavar="SECONDS",
            help="How often to look.",
        ),
        click.option(
            "--retries",
            type=click.IntRange(min=0),
            default=5,
            show_default=True,
            help="How often a delivery that fails is tried again.",
        ),
        click.option(
            "--skip-failed",
            is_flag=True,
            help="Skip what cannot be delivered, instead of ending.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def manner(given: Mapping[str, Any], stop: Stop, out: Output) -> Manner:
    """Read the options."""
    from landfast.follow.delivery import Manner

    return Manner(
        once=given["once"],
        interval_s=given["interval"],
        retries=given["retries"],
        skip=given["skip_failed"],
        wait=stop.wait,
        is_stopped=lambda: stop.is_asked,
        note=out.note,
    )


def follow(follower: Follower, drain: Callable[[], None], how: Manner, hello: str) -> None:
    """Drain in the consumer's name, as soon as nobody else does; what cannot be delivered ends the program.

    Args:
        follower: Who follows.
        drain: Delivers what there is.
        how: How.
        hello: What is said at first, where the position is not a matter of course.
    """
    from landfast.follow.delivery import run
    from landfast.follow.outcome import Undelivered

    with _entered(follower, how) as is_entered:
        if not is_entered:
            return
        if follower.is_moved or not how.once:
            position = "/".join(str(place) for place in follower.position.values())
            how.note(f"{hello} as {follower.consumer}, from position {position}")
        try:
            run(drain, how)
        except Undelivered as error:
            failed = error
        else:
            return
    line = f"{failed}. It is sent again at the next start."
    fail(line, failed.failure.code, error=type(failed).__name__)


@contextmanager
def _entered(follower: Follower, how: Manner) -> Iterator[bool]:
    from landfast.follow.turn import enter_in_turn

    with ExitStack() as held:
        yield enter_in_turn(follower, held, how.wait, is_patient=not how.once, note=how.note)
