"""One voice: whether an integration names, orders and defaults its parameters as tests/adapters/parameters.toml says.

Each integration has an environment of its own, so each suite looks at its own rows, and the core's at the table.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parents[1] / "adapters" / "parameters.toml"
# Where the parameters that a signature takes by `**kwargs` are, of classes that hand them up.
_OWN_PACKAGES = ("landfast_provider", "dagster_landfast", "prefect_landfast")
_NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A public callable of an integration.

    Args:
        adapter: ``dagster``, ``prefect`` or ``airflow``.
        verb: What it does, in the words of docs/orchestrators.md.
        target: ``module:name``.
        own: Parameters of its framework alone, with the reason.
        otherwise: Shared parameters that differ, with the reason.
    """

    adapter: str
    verb: str
    target: str
    own: dict[str, str] = dataclasses.field(default_factory=dict)
    otherwise: dict[str, str] = dataclasses.field(default_factory=dict)


def shared() -> dict[str, str]:
    """Return the parameters that all have, in their order, with their defaults."""
    said: dict[str, str] = tomllib.loads(TABLE.read_text(encoding="utf-8"))["shared"]
    return said


def rows(adapter: str | None = None) -> list[Row]:
    """Return the callables of one integration, or of all."""
    told = tomllib.loads(TABLE.read_text(encoding="utf-8"))["callable"]
    return [Row(**each) for each in told if adapter in {None, each["adapter"]}]


def problems(row: Row) -> list[str]:
    """Say what a callable names, orders or defaults otherwise than the table, without a reason that it gives."""
    groups = signatures(_target(row))
    found = {name: default for group in groups for name, default in group.items()}
    common = shared()
    said = [
        f"{name}: not in the table, nor said to be {row.adapter}'s own"
        for name in found
        if name not in common and name not in row.own
    ]
    said += [f"{name}: there is none any more" for name in row.own if name not in found]
    for group in groups:
        ordered = [name for name in group if name in common and name not in row.otherwise]
        in_order = [name for name in common if name in ordered]
        if ordered != in_order:
            said.append(f"order {', '.join(ordered)}: expected {', '.join(in_order)}")
    said += [
        f"{name}={default}: expected {common[name]}"
        for name, default in found.items()
        if name in common and name not in row.otherwise and default != common[name]
    ]
    return said


def event_problems(adapter: str, keys: Iterable[str]) -> list[str]:
    """Say which keys of an event are called or ordered otherwise than the table has it, without a reason.

    Args:
        adapter: Whose event.
        keys: What it says of a version, in its order.
    """
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))["event"]
    said, own = table[adapter], table[adapter].get("own", {})
    prefix, otherwise = said.get("prefix", ""), said.get("otherwise", {})
    found = [key.removeprefix(prefix) for key in keys if key.startswith(prefix)]
    wanted = [word for word in table["words"] if word not in otherwise]
    ordered = [key for key in found if key in wanted]
    problems = [
        f"{key}: not in the table, nor said to be {adapter}'s own"
        for key in found
        if key not in table["words"] and key not in own
    ]
    problems += [f"{word}: is not said" for word in wanted if word not in found]
    if ordered != [word for word in wanted if word in found]:
        problems.append(f"order {', '.join(ordered)}: expected {', '.join(wanted)}")
    return problems


def signatures(target: Any) -> list[dict[str, str]]:
    """Return the parameters with their defaults as text; of a class that hands some up, those of each of its bases."""
    function = getattr(target, "fn", target)
    if not inspect.isclass(function) or "__dataclass_params__" in vars(function):
        return [_of(function)]
    own = [kind for kind in function.__mro__ if kind.__module__.startswith(_OWN_PACKAGES)]
    return [_of(vars(kind)["__init__"]) for kind in own if "__init__" in vars(kind)]


def _of(function: Any) -> dict[str, str]:
    return {
        parameter.name: _text(parameter.default)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind not in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}
        and parameter.name not in {"self", "_"}
    }


def _text(default: Any) -> str:
    if default is inspect.Parameter.empty:
        return "required"
    is_made = type(default).__name__ == "_HAS_DEFAULT_FACTORY_CLASS"
    if default is None or is_made or default in ((), [], {}):
        return _NOTHING
    return f"{default:g}" if isinstance(default, float) else repr(default)


def _target(row: Row) -> Any:
    module, _, path = row.target.partition(":")
    found: Any = importlib.import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    return found
