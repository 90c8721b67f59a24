"""Every name whose home moved between Airflow 3.1 and 3.3; nothing else imports a private or versioned one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from airflow.sdk.bases.decorator import DecoratedOperator, TaskDecorator, task_decorator_factory
from airflow.sdk.bases.hook import BaseHook
from airflow.sdk.log import mask_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import Connection
    from airflow.sdk.configuration import conf
    from airflow.sdk.exceptions import AirflowNotFoundException, AirflowSkipException
    from airflow.sdk.lineage import get_hook_lineage_collector
else:
    try:  # 3.2 and later
        from airflow.sdk.configuration import conf
        from airflow.sdk.exceptions import AirflowNotFoundException, AirflowSkipException
        from airflow.sdk.lineage import get_hook_lineage_collector
    except ImportError:
        from airflow.configuration import conf
        from airflow.exceptions import AirflowNotFoundException, AirflowSkipException
        from airflow.lineage.hook import get_hook_lineage_collector

# So many inlet events are looked through for one of a partition.
_ENOUGH_EVENTS = 1000


def find_connection(hook: BaseHook, conn_id: str) -> Connection:
    """Return a connection.

    Outside of a task Airflow 3.1 knows only secrets backends and the environment, and fails oddly for others.

    Raises:
        AirflowNotFoundException: If there is none.
    """
    try:
        return hook.get_connection(conn_id)
    except ImportError as error:
        raise _not_found(conn_id, error) from None


def _not_found(conn_id: str, error: ImportError) -> Exception:
    if "SUPERVISOR_COMMS" not in str(error):
        return error
    return AirflowNotFoundException(f"The conn_id `{conn_id}` isn't defined")


def newest_first(events: Any, *, limit: int = _ENOUGH_EVENTS) -> Iterator[Any]:
    """Yield the events of ``inlet_events[asset]``, newest first.

    Args:
        events: An accessor that asks the server (3.2 and later) or a list, oldest first (3.1).
        limit: How many to ask for.
    """
    if hasattr(events, "ascending"):
        yield from events.ascending(False).limit(limit)
    else:
        yield from by_time(events)[::-1][:limit]


def by_time(events: Iterable[Any]) -> list[Any]:
    """Return asset events, oldest first."""
    return sorted(events, key=lambda event: event.timestamp)


__all__ = [
    "AirflowNotFoundException",
    "AirflowSkipException",
    "BaseHook",
    "DecoratedOperator",
    "TaskDecorator",
    "by_time",
    "conf",
    "find_connection",
    "get_hook_lineage_collector",
    "mask_secret",
    "newest_first",
    "task_decorator_factory",
]
