"""A client that is sent to another process works there with the same registry, or says that it cannot."""

from __future__ import annotations

import pickle

import pytest
from landfast import Client, Conflict


def test_a_client_arrives_whole(any_client, registry_url, tmp_path, monkeypatch) -> None:
    (tmp_path / "a.txt").write_text("a")
    any_client.log("data", tmp_path / "a.txt")
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", registry_url)
    copy = pickle.loads(pickle.dumps(any_client))
    assert type(copy) is Client
    assert copy.get("data").qualified_name == "default/vision/data:v0"
    copy.close()


def test_a_client_does_not_work_on_another_registry(any_client, tmp_path, monkeypatch) -> None:
    assert any_client.registry.info.id
    sent = pickle.dumps(any_client)
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(Conflict, match="LANDFAST_REGISTRY_URL") as caught:
        pickle.loads(sent).collections()
    assert "other.db" in str(caught.value)


def test_a_client_that_opened_nothing_takes_the_registry_that_it_finds(tmp_path, monkeypatch):
    sent = pickle.dumps(Client("sqlite:////nowhere/registry.db"))
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", f"sqlite:///{tmp_path / 'here.db'}")
    copy = pickle.loads(sent)
    assert copy.collections() == []
    copy.close()
