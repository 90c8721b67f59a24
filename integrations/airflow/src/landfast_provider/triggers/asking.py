"""Triggers that ask a question until there is an answer, for deferred sensors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from airflow.triggers.base import BaseTrigger, TriggerEvent

from landfast_provider.hooks.landfast import DEFAULT_CONN_ID
from landfast_provider.questions import Differs, Newer, Question
from landfast_provider.triggers.patience import PatientClient, stored

_CONNECTIONS = ("landfast_conn_id", "aws_conn_id", "gcp_conn_id")


class AskingTrigger(BaseTrigger):
    """Ask a question every `poll_interval` seconds, and fire with ``{"answer": ...}``.

    Args:
        question: Fields of the question.
        poll_interval: Seconds between two looks.
        landfast_conn_id: The registry.
        aws_conn_id: Credentials of ``s3://``; None is the connection's.
        gcp_conn_id: Credentials of ``gs://``; None is the connection's.
    """

    question_type: ClassVar[type[Question]]

    def __init__(
        self,
        *,
        question: dict[str, Any],
        poll_interval: float = 60.0,
        landfast_conn_id: str = DEFAULT_CONN_ID,
        aws_conn_id: str | None = None,
        gcp_conn_id: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.question = question
        self.poll_interval = poll_interval
        self.landfast_conn_id = landfast_conn_id
        self.aws_conn_id = aws_conn_id
        self.gcp_conn_id = gcp_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return how to make it again: the question and ids of connections, no credentials."""
        return stored(self, "question", "poll_interval", *_CONNECTIONS)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event, when there is an answer."""
        client = PatientClient(**{name: getattr(self, name) for name in _CONNECTIONS})
        question = self.question_type(**self.question)
        try:
            while (answer := await client.ask(question.ask)) is None:
                await asyncio.sleep(self.poll_interval)
        finally:
            client.close()
        yield TriggerEvent({"answer": answer})  # type: ignore[no-untyped-call]


class LandfastVersionTrigger(AskingTrigger):
    """Wait until `latest` of an artifact names another version than those known."""

    question_type = Newer


class LandfastPrefixTrigger(AskingTrigger):
    """Wait until the content of a place is another than what is recorded."""

    question_type = Differs
