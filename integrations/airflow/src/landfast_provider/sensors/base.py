"""LandfastSensor: poke, reschedule and deferrable, from one question."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import landfast
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import BaseSensorOperator, PokeReturnValue

from landfast_provider.hooks.landfast import LandfastHook
from landfast_provider.operators.base import LandfastOperator
from landfast_provider.triggers.asking import AskingTrigger
from landfast_provider.version_compat import conf


class LandfastSensor(LandfastOperator, BaseSensorOperator):
    """A sensor on the registry of a connection.

    A subclass says what to ask (`question`), which trigger asks it in the triggerer (`trigger_type`), and what
    is done with the answer (`found`).

    Args:
        deferrable: Whether to wait in the triggerer; None is ``[operators] default_deferrable``.
        kwargs: As for `LandfastOperator` and every sensor: mode, poke_interval, timeout, soft_fail, ...
    """

    ui_color = "#e3f1e8"
    trigger_type: ClassVar[type[AskingTrigger]]

    def __init__(self, *, deferrable: bool | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.deferrable = _by_default() if deferrable is None else deferrable

    @abstractmethod
    def question(self, client: landfast.Client, context: Mapping[str, Any]) -> Any:
        """Return a function of the client that answers what was found, or None."""

    @abstractmethod
    def found(self, context: Mapping[str, Any], answer: str) -> str:
        """Take note of the answer; return what goes to XCom."""

    def poke(self, context: Mapping[str, Any]) -> PokeReturnValue:
        """Ask once."""
        try:
            _, answer = self._ask(context)
        except landfast.Unavailable as error:
            self.log.warning("No answer, the sensor asks again: %s", error)
            answer = None
        if answer is None:
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True, xcom_value=self.found(context, answer))

    def execute(self, context: Mapping[str, Any]) -> Any:
        """Wait on the worker, or ask once and then wait in the triggerer."""
        if not self.deferrable:
            return super().execute(context)  # type: ignore[arg-type]
        return self._begin_waiting(context, datetime.now(UTC) + timedelta(seconds=self.timeout))

    def ask_again(self, context: Mapping[str, Any], event: Any, until: str) -> Any:  # noqa: ARG002
        """Begin anew after a registry or store did not answer the first question."""
        return self._begin_waiting(context, datetime.fromisoformat(until))

    def execute_complete(self, context: Mapping[str, Any], event: Mapping[str, Any]) -> str:
        """Go on after the trigger fired."""
        return self.found(context, event["answer"])

    def _begin_waiting(self, context: Mapping[str, Any], until: datetime) -> Any:
        left = until - datetime.now(UTC)
        try:
            question, answer = self._ask(context)
        except landfast.Unavailable as error:
            if left <= timedelta():
                raise
            self.log.warning("No answer, the sensor asks again: %s", error)
            return self.defer(
                trigger=TimeDeltaTrigger(timedelta(seconds=self.poke_interval)),
                method_name="ask_again",
                kwargs={"until": until.isoformat()},
            )
        if answer is not None:
            return self.found(context, answer)
        trigger = self.trigger_type(
            question=asdict(question), poll_interval=self.poke_interval, **self.connections
        )
        return self.defer(trigger=trigger, method_name="execute_complete", timeout=left)

    def _ask(self, context: Mapping[str, Any]) -> tuple[Any, str | None]:
        client = LandfastHook(**self.connections).get_client()
        try:
            question = self.question(client, context)
            return question, question.ask(client)
        finally:
            client.close()


def _by_default() -> bool:
    return bool(conf.getboolean("operators", "default_deferrable", fallback=False))
