"""Whatever is done to a registry, in whatever order, it answers like a few dicts."""

from collections.abc import Callable

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from landfast.registry.registry import Registry
from landfast.testing.registry.machine import RegistryMachine


def check(registry: Registry, *, examples: int, steps: int) -> None:
    run_state_machine_as_test(
        lambda: RegistryMachine(registry),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            print_blob=True,
        ),
    )


def test_the_registry_is_like_the_model(open_again: Callable[[], Registry]) -> None:
    registry = open_again()
    if registry.info.url.startswith("sqlite"):
        check(registry, examples=40, steps=25)
    else:
        check(registry, examples=15, steps=20)
