"""What Airflow reads of the provider: connection form, asset scheme, decorator, links, configuration."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest
from landfast_provider.get_provider_info import (
    CONNECTION_FIELDS,
    FIELD_BEHAVIOUR,
    get_provider_info,
)

INFO = get_provider_info()


def classes() -> list[str]:
    """Name every object that the provider info refers to."""
    found = [
        *(kind["hook-class-name"] for kind in INFO["connection-types"]),
        *(decorator["class-name"] for decorator in INFO["task-decorators"]),
        *(plugin["plugin-class"] for plugin in INFO.get("plugins", ())),
        *INFO["extra-links"],
    ]
    for uris in INFO["asset-uris"]:
        found += [uris["handler"], uris["factory"], uris["to_openlineage_converter"]]
    return found


@pytest.mark.parametrize("name", classes())
def test_everything_that_the_provider_info_names_is_there(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert callable(getattr(importlib.import_module(module), attribute))


@pytest.mark.parametrize(
    "name",
    [
        module
        for kind in ("hooks", "operators", "sensors", "triggers")
        for part in INFO.get(kind, ())
        for module in part["python-modules"]
    ],
)
def test_every_module_that_the_provider_info_names_can_be_imported(name: str) -> None:
    assert inspect.getdoc(importlib.import_module(name))


def test_the_form_of_the_connection_is_what_the_provider_info_declares() -> None:
    from airflow import __version__
    from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
    from packaging.version import Version

    if Version(__version__) < Version("3.2"):
        pytest.skip("Airflow 3.1 shows no labels without the FAB provider; extras are JSON there")
    (form,) = [f for f in HookMetaService.hook_meta_data() if f.connection_type == "landfast"]
    # Airflow encrypts a password, masks it in logs, and never shows it.
    assert form.standard_fields.password.title == "Registry URL"
    assert form.standard_fields.password.hidden is False
    assert set(form.extra_fields) == set(CONNECTION_FIELDS)


def test_the_hook_says_the_same_labels_as_the_provider_info() -> None:
    from landfast_provider.hooks.landfast import LandfastHook

    assert LandfastHook.get_ui_field_behaviour() == {
        "hidden_fields": FIELD_BEHAVIOUR["hidden-fields"],
        "relabeling": FIELD_BEHAVIOUR["relabeling"],
        "placeholders": FIELD_BEHAVIOUR["placeholders"],
    }


def test_the_connection_type_leads_to_the_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk import BaseHook
    from landfast_provider.hooks.landfast import LandfastHook

    monkeypatch.setenv("AIRFLOW_CONN_OTHER", '{"conn_type": "landfast"}')
    hook: Any = BaseHook.get_hook("other")
    assert isinstance(hook, LandfastHook)
    assert hook.landfast_conn_id == "other"


def test_the_task_decorator_is_found_by_its_name() -> None:
    from airflow.sdk import task
    from landfast_provider.decorators.landfast import landfast_task

    assert task.landfast is landfast_task


def test_the_deployment_has_an_option_of_airflows_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from landfast_provider.run_key import base_url, deployment

    assert deployment() == base_url()
    monkeypatch.setenv("AIRFLOW__LANDFAST__DEPLOYMENT", "production")
    assert deployment() == "production"
