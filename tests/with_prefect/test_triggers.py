"""Triggers match the events of one artifact, and hand its new version on."""

from __future__ import annotations

from datetime import timedelta

import landfast
import pytest
from prefect.events import Resource
from prefect_landfast.events import resource_id
from prefect_landfast.triggers import on_artifact_change, on_no_artifact_change, on_verdict_change


def is_met_by(trigger, name: str) -> bool:
    resource = Resource({"prefect.resource.id": resource_id(landfast.ArtifactName.parse(name))})
    return bool(trigger.match.matches(resource))


def test_a_trigger_is_met_by_its_artifact_and_by_no_other() -> None:
    trigger = on_artifact_change("vision/flowers")
    assert trigger.expect == {"landfast.artifact.changed"}
    assert is_met_by(trigger, "default/vision/flowers:v7")
    for other in ("vision/flowers2:v7", "other/flowers:v7", "vision/flowers~2026-05-01:v7"):
        assert not is_met_by(trigger, f"default/{other}")


def test_a_name_without_a_project_means_the_project_of_the_settings(monkeypatch) -> None:
    monkeypatch.setenv("LANDFAST_PROJECT", "vision")
    monkeypatch.setenv("LANDFAST_ENTITY", "acme")
    assert is_met_by(on_artifact_change("flowers"), "acme/vision/flowers:v0")
    assert not is_met_by(on_artifact_change("flowers"), "default/vision/flowers:v0")


def test_a_trigger_may_wait_for_one_partition_or_for_any() -> None:
    for one in (
        on_artifact_change("vision/orders~2026-05%2F01"),
        on_artifact_change("vision/orders", partition="2026-05/01"),
    ):
        assert is_met_by(one, "default/vision/orders~2026-05%2F01:v0")
        assert not is_met_by(one, "default/vision/orders~2026-05%2F02:v0")
    each = on_artifact_change("vision/orders", partition="*")
    assert is_met_by(each, "default/vision/orders~2026-05%2F02:v0")
    assert is_met_by(each, "default/vision/orders:v0")
    assert not is_met_by(each, "default/vision/orders2~2026-05%2F02:v0")


def test_the_parameter_is_filled_in_from_the_event() -> None:
    assert on_artifact_change("flowers", parameter="ref").parameters == {
        "ref": {"__prefect_kind": "jinja", "template": "{{ event.payload.name }}"}
    }
    assert on_artifact_change("flowers").parameters is None


def test_a_version_is_nothing_to_wait_for() -> None:
    for name in ("flowers:v3", "flowers:prod", "a/b/c/d"):
        with pytest.raises(landfast.InvalidInput):
            on_artifact_change(name)


def test_too_long_without_news_is_a_proactive_trigger() -> None:
    trigger = on_no_artifact_change("vision/flowers", within=timedelta(hours=24))
    assert (trigger.posture.value, trigger.within) == ("Proactive", timedelta(hours=24))
    assert is_met_by(trigger, "default/vision/flowers:v1")


def test_a_deployment_starts_on_a_changed_verdict_with_the_version() -> None:
    trigger = on_verdict_change("vision/flowers", parameter="ref", partition="*")
    assert trigger.expect == {"landfast.artifact.verdict"}
    assert trigger.match.root == on_artifact_change("vision/flowers", partition="*").match.root
    assert trigger.parameters == on_artifact_change("vision/flowers", parameter="ref").parameters
    with pytest.raises(landfast.InvalidInput, match="names a version"):
        on_verdict_change("vision/flowers:v3")


def test_a_deployment_may_wait_for_some_verdicts_alone() -> None:
    trigger = on_verdict_change("vision/flowers", verdicts=["gone", "changed"])
    name = resource_id(landfast.ArtifactName.parse("default/vision/flowers"))

    def is_met(verdict: str) -> bool:
        labels = {"prefect.resource.id": name, "landfast.verdict": verdict}
        return bool(trigger.match.matches(Resource(labels)))

    assert [is_met(each) for each in ("gone", "changed", "intact")] == [True, True, False]
    assert not is_met_by(trigger, "default/vision/other:v0")
    with pytest.raises(landfast.InvalidInput, match="no version stands as 'lost'"):
        on_verdict_change("vision/flowers", verdicts=["lost"])
