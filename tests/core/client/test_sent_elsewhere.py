"""A client that is sent to another process works there with the same registry, or says that it cannot."""

from __future__ import annotations

import functools
import os
import pickle

import pytest
from landfast import Client, Conflict, RunKey
from landfast.registry.opener import init_registry


def test_a_client_arrives_whole(any_client, registry_url, tmp_path, monkeypatch) -> None:
    (tmp_path / "a.txt").write_text("a")
    any_client.log("data", tmp_path / "a.txt")
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", registry_url)
    copy = pickle.loads(pickle.dumps(any_client))
    assert type(copy) is Client
    assert copy.get("data").qualified_name == "default/vision/data:v0"
    copy.close()


def test_a_client_does_not_work_on_another_registry(any_client, tmp_path, monkeypatch) -> None:
    any_client.begin_run()
    sent = pickle.dumps(any_client)
    init_registry(f"sqlite:///{tmp_path / 'other.db'}")
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(Conflict, match="LANDFAST_REGISTRY_URL") as caught:
        pickle.loads(sent).collections()
    assert "other.db" in str(caught.value)


def test_mend_32_a_client_that_was_sent_makes_no_registry_in_the_place_of_its_own(
    any_client, tmp_path, monkeypatch
) -> None:
    any_client.begin_run()
    sent = pickle.dumps(any_client)
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", f"sqlite:///{tmp_path / 'other/none.db'}")
    with pytest.raises(Conflict, match=r"another registry.* none at"):
        pickle.loads(sent).begin_run()
    assert not (tmp_path / "other").exists()


def test_mend_19_a_client_whose_registry_is_not_made_yet_can_be_sent(tmp_path, monkeypatch):
    client = Client(f"sqlite:///{tmp_path / 'late.db'}")
    assert client.collection_type(client.resolve_name("x")) is None
    copy = pickle.loads(pickle.dumps(client))
    assert copy.collection_type(copy.resolve_name("x")) is None
    assert not (tmp_path / "late.db").exists()


def test_a_client_that_opened_nothing_takes_the_registry_that_it_finds(tmp_path, monkeypatch):
    sent = pickle.dumps(Client("sqlite:////nowhere/registry.db"))
    init_registry(f"sqlite:///{tmp_path / 'here.db'}")
    monkeypatch.setenv("LANDFAST_REGISTRY_URL", f"sqlite:///{tmp_path / 'here.db'}")
    copy = pickle.loads(sent)
    assert copy.collections() == []
    copy.close()


def _open_the_place(url: str) -> Client:
    return Client(url)


def test_a_client_with_an_opener_opens_its_own_registry_again_without_the_environment(
    any_client, registry_url, monkeypatch
):
    any_client.begin_run()
    opener = functools.partial(_open_the_place, registry_url)
    made = Client(registry_url, project="vision", opener=opener)
    monkeypatch.delenv("LANDFAST_REGISTRY_URL", raising=False)
    copy = pickle.loads(pickle.dumps(made.with_defaults(entity="acme")))
    assert copy.registry.info.id == any_client.registry_info.id
    assert (copy.settings.project, copy.settings.entity) == ("vision", "acme")


def test_a_version_of_a_client_with_an_opener_reads_on_without_the_environment(
    any_client, registry_url, monkeypatch, tmp_path
):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_text("a")
    opener = functools.partial(_open_the_place, registry_url)
    version = Client(registry_url, opener=opener).log("mnist", tmp_path / "data")
    monkeypatch.delenv("LANDFAST_REGISTRY_URL", raising=False)
    copy = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(version))))
    assert [entry.path for entry in copy.entries()] == ["a"]
    assert (copy.created, copy.changed, copy) == (True, True, version)


def test_an_opener_that_finds_another_registry_is_a_conflict(any_client, tmp_path):
    other = Client(f"sqlite:///{tmp_path}/other.db")
    other.begin_run()
    any_client.begin_run()
    any_client.context.opener = functools.partial(_open_the_place, f"sqlite:///{tmp_path}/other.db")
    with pytest.raises(Conflict):
        pickle.loads(pickle.dumps(any_client)).collections()


def test_what_a_log_did_cannot_be_edited_afterwards(any_client, tmp_path):
    (tmp_path / "a").write_text("a")
    version = any_client.log("mnist", tmp_path / "a")
    with pytest.raises(AttributeError):
        version.created = False


def _in_a_forked_child(work) -> None:
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_forked_child_works_in_the_run_that_its_parent_was_given(any_client, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    version = any_client.log("data", tmp_path / "a.txt")
    key = RunKey(system="dagster", deployment="d", run_id="r", node="step")
    given = any_client.with_defaults(run=key)
    _in_a_forked_child(lambda: given.use(version))
    assert [run.key for run in any_client.used_by(version)] == [key]


def test_a_forked_child_of_a_client_without_a_run_has_a_run_of_its_own(any_client, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    version = any_client.log("data", tmp_path / "a.txt")
    shared = any_client.with_defaults(project="other")
    _in_a_forked_child(lambda: shared.use(version))
    (child,) = [run.key for run in any_client.used_by(version)]
    parent = version.logged_by()
    assert parent is not None
    assert child != parent.key
