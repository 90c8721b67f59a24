"""Spelling: a wrong name of an option, or an old name of a method, is an error that says the right one."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, ParamSpec, TypeVar, get_args

from landfast.errors import InvalidInput
from landfast.wandb_names import OPTIONS

# Methods that have another name now, or are for the core alone.
_CLIENT = {
    "open_entry": "use client.open(name, path)",
    "path_in_place": "use client.path(name, path)",
    "runs_using": "use client.used_by(name)",
    "name": "use client.resolve_name(name)",
    "bound": "use client.with_defaults(...)",
    "known_type": "use client.collection_type(name)",
    "new_draft": "use Artifact.from_version(version)",
    "scan_into": "use client.scan(uri), or client.plan(uri) and client.scan_shard(shard)",
    "localise": "use client.open_scan(scan)",
    "manifest_of": "use version.manifest",
    "open_manifest": "use version.manifest",
    "blob_path": "use client.context.blob_path(sha256)",
    **dict.fromkeys(("blobs", "stores", "cache", "manifest_cache"), "use client.context"),
    "shares_registry": "use client.is_of(registry_id)",
}

P = ParamSpec("P")
R = TypeVar("R")


def named_options(*more: type) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a public function refuse names of options that neither it nor the `TypedDict` of its ``**options`` has.

    Options that W&B's function has and that mean nothing here are taken and ignored.

    Example:
        >>> @named_options()
        ... def log(name: str, *, max_objects: int = 1) -> None: ...
        >>> log("a", max_object=2)  # type: ignore[call-arg]
        Traceback (most recent call last):
        landfast.errors.InvalidInput: log() has no max_object=; did you mean max_objects=?...
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        title = function.__qualname__.removesuffix(".__init__").rpartition(">.")[2]
        parameters = inspect.signature(function).parameters.values()
        known = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}
        known = known.union(*(kind.__annotations__ for kind in more))

        @functools.wraps(function)
        def call(*args: P.args, **options: P.kwargs) -> R:
            if not options.keys() <= known:
                _check(title, options, known)
            return function(*args, **options)

        return call

    return decorate


def renamed(names: Mapping[str, str]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a public function so that it rejects the old name of an option and says the new name.

    Args:
        names: New name of each option, by its old name.

    Example:
        >>> @renamed({"raise_on_drift": "fail_on"})
        ... def verify(name: str, *, fail_on: str = "drift", **options: object) -> None: ...
        >>> verify("a", raise_on_drift=False)
        Traceback (most recent call last):
        landfast.errors.InvalidInput: verify() has no raise_on_drift= any more: it is fail_on= now...
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **options: P.kwargs) -> R:
            for old in names.keys() & options.keys():
                raise InvalidInput(
                    f"{function.__name__}() has no {old}= any more: it is {names[old]}= now",
                    subject=old,
                    expected=names[old],
                )
            return function(*args, **options)

        return call

    return decorate


def check_choice(option: str, value: Any, choices: Any) -> None:
    """Raise an error if a value is not one of the values of a `Literal`.

    Args:
        option: The parameter's name.
        value: Value to check.
        choices: `Literal` with the allowed values.

    Raises:
        InvalidInput: If the value is not allowed; the message names the choices.

    Example:
        >>> from typing import Literal
        >>> check_choice("fail_on", "drift", Literal["drift", "never"])
    """
    if value not in get_args(choices):
        raise InvalidInput(
            f"{option}={value!r} means nothing",
            subject=option,
            expected="one of " + ", ".join(map(repr, get_args(choices))),
            found=repr(value),
        )


def _check(title: str, given: dict[str, Any], known: AbstractSet[str]) -> None:
    """Take out of `given` what W&B's scripts may say for nothing, and refuse what else is not known."""
    advice = OPTIONS.get(title, {})
    for name in [name for name in given if name not in known]:
        if name not in advice:
            close = difflib.get_close_matches(name, known - {"self"}, n=1, cutoff=0.6)
            meant = f"; did you mean {close[0]}=?" if close else ""
            raise InvalidInput(
                f"{title}() has no {name}={meant}",
                subject=name,
                expected=", ".join(sorted(known - {"self"})),
            )
        if advice[name]:
            raise InvalidInput(f"{title}() has no {name}=: {advice[name]}", subject=name)
        del given[name]


def no_method(name: str) -> AttributeError:
    """Return the error for a name that a client has not, or not any more."""
    advice = f": {_CLIENT[name]}" if name in _CLIENT else ""
    return AttributeError(f"Client has no {name!r}{advice}", name=name)
