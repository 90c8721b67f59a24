"""`landfast watch`: a command or a webhook for each change."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from landfast.cli.common import Output, command, partition_option
from landfast.cli.feed.consumer import consumer_options, follow, manner
from landfast.cli.help import HelpCommand
from landfast.client import Client
from landfast.errors import InvalidInput, NotFound
from landfast.model.run import RunKey, RunStatus
from landfast.redaction import visible
from landfast.settings import VARIABLES

if TYPE_CHECKING:
    from landfast.follow.outcome import Failure
    from landfast.model.version import Change
    from landfast.system.stop import Stop
    from landfast.watch.run import Target
    from landfast.watch.selection import Selection

_EXEC = "--exec"
_STDERR = 2


class _WithCommand(HelpCommand):
    """Takes what follows ``--exec`` for the command, unless an option of ours stands there."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own, words = self._split(args)
        rest = super().parse_args(ctx, own)
        ctx.params["words"] = words
        return rest

    def _split(self, args: list[str]) -> tuple[list[str], list[str]]:
        if _EXEC not in args:
            return args, []
        place = args.index(_EXEC)
        before, after = args[:place], args[place + 1 :]
        if after[:1] == ["--"]:
            return before, after[1:]
        if not after or self._is_own(after[0]):
            raise click.UsageError(f"{_EXEC} needs a command")
        if len(after) == 1 or self._is_own(after[1]):
            # Alone it is a command line, as people quote it; it is cut into arguments, and no shell reads it.
            return before + after[1:], _words(after[0])
        for word in after[1:]:
            if self._is_own(word):
                raise click.UsageError(
                    f"{word} stands behind the command: give it before {_EXEC}, or write `{_EXEC} -- COMMAND ...` "
                    "if the command shall have it"
                )
        return before, after

    def _is_own(self, word: str) -> bool:
        own = {name for option in self.params for name in option.opts if name.startswith("--")}
        return word.partition("=")[0] in own | {"--help"}


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise click.UsageError(f"{_EXEC}: {error} in {line!r}") from None


@command(
    "watch",
    cls=_WithCommand,
    example="""landfast watch vision/mnist --exec ./train.sh
landfast watch vision/mnist:prod --webhook https://ci.example.org/hooks/data""",
)
@click.argument("name")
@click.option(
    _EXEC,
    "exec_",
    metavar="COMMAND ...",
    help="Run this for each change: all arguments that follow, or one quoted argument; no shell.",
)
@click.option("--webhook", metavar="URL", help="Send each change to this address, signed.")
@click.option(
    "--alias",
    "aliases",
    multiple=True,
    metavar="ALIAS",
    help="Moves of this alias or pattern, instead of changes of content; may be repeated.",
)
@click.option(
    "--on",
    type=click.Choice(["change", "verdict", "any"]),
    default="change",
    show_default=True,
    help="React to changed content, to changed verdicts of `verify --aliases`, or to both.",
)
@consumer_options
@click.option("--unsigned", is_flag=True, help="Send a webhook without a signature.")
@click.option("--allow-http", is_flag=True, help="Send a webhook unencrypted to other machines.")
@partition_option("name")
def watch_command(client: Client, out: Output, name: str, **given: Any) -> None:
    """Run a command or send a webhook when NAME changes.

    NAME is a collection (all its partitions), `NAME~PARTITION`, `NAME:ALIAS`, or a pattern: 'vision/*'.
    Each change is delivered at least once, in order. A delivery that was interrupted is repeated at the
    next start.
    """
    from landfast.follow.follower import Follower
    from landfast.system.stop import Stop
    from landfast.watch.run import drain
    from landfast.watch.selection import Selection

    settings = client.settings
    wanted = Selection.parse(
        name,
        given["aliases"],
        entity=settings.entity,
        project=settings.project,
        on=given["on"],
    )
    consumer = given["consumer"] or _consumer(wanted, given)
    with Stop() as stop:
        target = _target(client, out, stop, consumer, given)
        follower = Follower(client.registry, consumer, again=given["again"])
        how = manner(given, stop, out)
        follow(
            follower,
            lambda: drain(follower, wanted, target, how, partial(_say, out)),
            how,
            f"watching {wanted} for {target}",
        )


def _consumer(wanted: Selection, given: Mapping[str, Any]) -> str:
    """Name who delivers this there: two of them shall not take changes away from each other."""
    what = json.dumps([given["words"], given["webhook"]])
    return f"watch:{wanted}:{hashlib.sha256(what.encode()).hexdigest()[:8]}"


def _target(
    client: Client, out: Output, stop: Stop, consumer: str, given: Mapping[str, Any]
) -> Target:
    words, url = given["words"], given["webhook"]
    if bool(words) is bool(url):
        raise InvalidInput(
            "watch needs --exec COMMAND or --webhook URL, one of both", subject="watch"
        )
    if url:
        from landfast.watch.signature import SECRET_VARIABLE
        from landfast.watch.webhook import Webhook, required_secret

        secret = required_secret(os.environ.get(SECRET_VARIABLE), unsigned=given["unsigned"])
        return Webhook(url, secret, allow_http=given["allow_http"])
    from landfast.watch.command import Command

    return Command(
        words,
        stop,
        own=lambda change: (
            _run_of(client, consumer, change).run_env()
            | {VARIABLES["registry_url"]: client.settings.effective_registry_url}
        ),
        ended=lambda change, is_fine: _end(client, consumer, change, is_fine=is_fine),
        output=_STDERR if out.as_json else None,
    )


def _run_of(client: Client, consumer: str, change: Change) -> Client:
    """Return a client in whose run the command logs and uses: one for each change, tried again or not."""
    key = RunKey(
        system="watch",
        deployment=client.registry_info.id,
        run_id=str(change.position),
        node=consumer,
    )
    name = change.version
    return client.with_defaults(entity=name.entity, project=name.project, run=key)


def _end(client: Client, consumer: str, change: Change, *, is_fine: bool) -> None:
    # There is no such run, if the command neither logged nor used anything.
    with contextlib.suppress(NotFound):
        _run_of(client, consumer, change).finish_run(
            RunStatus.FINISHED if is_fine else RunStatus.FAILED
        )


def _say(out: Output, change: Change, failure: Failure | None) -> None:
    if out.as_json:
        said = {**change.to_dict(), "delivered": failure is None}
        click.echo(json.dumps(said | ({} if failure is None else {"reason": failure.reason})))
    elif not out.quiet:
        state = "delivered" if failure is None else f"FAILED ({failure.reason})"
        what = f"{change.alias} -> {change.version}"
        if change.verdict is not None:
            what = f"{change.version}: {change.verdict.previous} -> {change.verdict.verdict}"
        click.echo(visible(f"{change.id}  {what}  {state}"))
