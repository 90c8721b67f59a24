"""run_key: which run of the registry a task instance is."""

from __future__ import annotations

import ipaddress
import secrets
from typing import Any
from urllib.parse import urlsplit

import landfast
from airflow.sdk import Variable

from landfast_provider.version_compat import conf

SYSTEM = "airflow"
VARIABLE = "landfast_deployment"


def run_key(ti: Any) -> landfast.RunKey:
    """Return the registry's key of a task instance; every try of it has the same.

    Args:
        ti: The task instance, as ``context["ti"]`` or ``{{ task_instance }}`` have it.

    Example:
        >>> run_key(context["ti"]).encode()  # doctest: +SKIP
        'r1.WyJhaXJmbG93...'
    """
    return landfast.RunKey(
        system=SYSTEM,
        deployment=deployment(),
        run_id=f"{ti.dag_id}/{ti.run_id}",
        node=ti.task_id,
        part=str(ti.map_index) if is_mapped(ti) else "",
    )


def is_mapped(ti: Any) -> bool:
    """Whether a task instance is one of several of a mapped task."""
    return ti.map_index is not None and ti.map_index >= 0


def deployment() -> str:
    """Return what tells this Airflow from others that share a registry.

    ``[landfast] deployment``, else the base URL, else a name that Airflow's own database keeps: the Variable
    `landfast_deployment`, made by the first who needs it.  In a task or a trigger.

    Raises:
        InvalidInput: If none of these is there, and the variable cannot be made.
    """
    return named_deployment() or _kept_deployment()


def named_deployment() -> str:
    """Return the deployment as the configuration has it; empty if it names none."""
    return conf.get("landfast", "deployment", fallback="") or base_url()


def base_url() -> str:
    """Return where this Airflow's pages are, without a final slash; empty if no other machine finds it there."""
    url = str(conf.get("api", "base_url", fallback="") or "").rstrip("/")
    return "" if _is_of_one_machine(urlsplit(url).hostname or "") else url


def _is_of_one_machine(host: str) -> bool:
    if not host or host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _kept_deployment() -> str:
    try:
        kept = Variable.get(VARIABLE, default=None)
        if not kept:
            Variable.set(
                VARIABLE,
                f"airflow-{secrets.token_hex(8)}",
                description="Name of this Airflow in the registry of Landfast; keep it.",
            )
            # Read again: somebody else may have set it meanwhile.
            kept = Variable.get(VARIABLE, default=None)
    # Outside of tasks and triggers, each version of Airflow fails in its own way.
    except Exception as error:
        raise _nameless(f"{type(error).__name__}: {error}") from error
    if not kept:
        raise _nameless(f"no variable {VARIABLE}")
    return str(kept)


def _nameless(found: str) -> landfast.InvalidInput:
    return landfast.InvalidInput(
        "nothing tells this Airflow from others that share the registry",
        subject="[landfast] deployment",
        expected=f"[landfast] deployment, [api] base_url, or the variable {VARIABLE}",
        found=found,
        hint="Set AIRFLOW__LANDFAST__DEPLOYMENT, to the same name for all components of this Airflow.",
    )
