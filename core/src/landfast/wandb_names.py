"""Advice for W&B names that Landfast does not have: say what to use instead."""

from __future__ import annotations

_METRICS = (
    "Landfast records data, not metrics: keep wandb for them and give landfast.init(link=run.url)"
)
_NO_SERVER = "there is no service to log in to; the registry is LANDFAST_REGISTRY_URL"
_NO_MEDIA = "Landfast records files by reference; write the object to a file and use add_reference or add_file"
_MEDIA = "Table Image Audio Video Html Object3D Molecule Histogram Plotly Graph"

_ALIAS = "use version.promote(alias): an alias is the pointer"
_PAGE = "use run.url, which leads there"
_EDGES = "use client.edges([run.key]), or `landfast run show ID`"
_SAY_IT = "Landfast keeps none; say it in init(config=...)"

ADVICE: dict[str, dict[str, str]] = {
    "landfast": {
        "login": _NO_SERVER,
        "Api": "use landfast.Client(): client.get('project/name:alias'), client.history(...), client.lineage(...)",
        "log": _METRICS,
        "define_metric": _METRICS,
        "watch": _METRICS,
        "sweep": _METRICS,
        "agent": _METRICS,
        "alert": "use a change sensor of your orchestrator, or client.changes(after=position)",
        "config": "give landfast.init(config=...) and read run.config",
        "run": "keep what landfast.init() returns",
        "finish": "a run ends with the process, with `with landfast.init()`, or by run.finish()",
        "log_artifact": "use run.log_artifact(...), or landfast.Client().log(name, uri) without a run",
        "use_artifact": "use run.use_artifact(...), or landfast.Client().use(name) without a run",
        "save": _NO_MEDIA,
        "restore": "use client.get(name).download()",
        "setup": "settings are in landfast.toml and the environment; see docs/settings.md",
        "Settings": "settings are in landfast.toml and the environment; see docs/settings.md",
        "ArtifactTTL": "give ttl=timedelta(...) or ttl=None",
        "summary": _METRICS,
        "unwatch": _METRICS,
        "plot": _METRICS,
        "plot_table": _METRICS,
        "controller": _METRICS,
        "log_model": "use run.log_artifact(Artifact(name, type='model'))",
        "use_model": "use run.use_artifact(name, type='model')",
        "link_model": _ALIAS,
        "teardown": _NO_SERVER,
        **dict.fromkeys(_MEDIA.split(), _NO_MEDIA),
    },
    "Run": {
        **dict.fromkeys(
            ("log", "summary", "define_metric", "watch", "unwatch", "history"), _METRICS
        ),
        "alert": "use a change sensor of your orchestrator, or client.changes(after=position)",
        "save": _NO_MEDIA,
        "restore": "use run.use_artifact(name).download()",
        "link_artifact": _ALIAS,
        "link_model": _ALIAS,
        "log_model": "use run.log_artifact(Artifact(name, type='model'))",
        "use_model": "use run.use_artifact(name, type='model')",
        "log_code": "add the folder to an artifact of type 'code' with add_dir",
        "upsert_artifact": "map client.scan_shard over workers and log the result once; see docs/scanning.md",
        "finish_artifact": "map client.scan_shard over workers and log the result once; see docs/scanning.md",
        "get_url": "use run.url",
        **dict.fromkeys(("project_url", "get_project_url"), _PAGE),
        **dict.fromkeys(("tags", "notes", "group"), _SAY_IT),
        "path": "use run.entity, run.project and run.id",
        "start_time": "use run.record.started_at",
        "status": "use client.run(run.id).status",
        "step": _METRICS,
        "logged_artifacts": _EDGES,
        "used_artifacts": _EDGES,
        "dir": "Landfast keeps no run folder; use your own",
        "mark_preempting": "nothing to mark: a retry of the same run key adds no edge",
    },
    "Artifact": {
        "add": _NO_MEDIA,
        "link": _ALIAS,
        "unlink": "use client.remove_alias(name, alias)",
        "finalize": "logging finalises it",
        "incremental": "use Artifact.from_version(version) and add to it",
        "state": "a draft has none; a version is complete when log returns",
        "is_draft": "use artifact.is_logged",
        "remove": "use add_reference(exclude=[...])",
    },
}
ADVICE["ArtifactVersion"] = ADVICE["Artifact"] | {
    "checkout": "use download(root, exact=True): it also removes files that are not in the version",
    "ref_target": "use entry.uri",
    "commit_hash": "use version.digest",
    "source_name": "use version.qualified_name",
    "source_version": "use version.version",
    "get": "use version.open(path) or version.get_entry(path)",
    "get_path": "use version.get_entry(path)",
    "file": "use version.download() or version.open(path)",
    "files": "use version.entries()",
    "history_step": _METRICS,
    "id": "use version.qualified_name, or version.digest",
    "updated_at": "use created_at; edits of what is not content are not dated",
    **dict.fromkeys(("is_link", "linked_artifacts", "linked_at"), _ALIAS),
    "source_collection": "use version.collection",
    "source_project": "use version.project",
    "source_entity": "use version.entity",
    "source_qualified_name": "use version.qualified_name",
    "json_encode": "use version.to_dict()",
    "get_added_local_path_name": "use version.get_entry(path)",
    "use_as": "name the run's inputs with use_artifact",
    "new_draft": "use Artifact.from_version(version)",
}
# A draft that was logged is asked for what a version has.
ADVICE["Artifact"] = ADVICE["ArtifactVersion"]


def advise(kind: str, name: str) -> AttributeError:
    """Return the error for an attribute that ``landfast``, ``Run``, ``Artifact`` or ``ArtifactVersion`` has not.

    Example:
        >>> print(advise("landfast", "finish"))
        landfast has no 'finish': a run ends with the process, with `with landfast.init()`, or by run.finish()
    """
    advice = ADVICE.get(kind, {}).get(name)
    text = f"{kind} has no {name!r}"
    return AttributeError(
        f"{text}: {advice}" if advice else f"{text}; see docs/coming-from-wandb.md"
    )


_OF_ITS_RUNS = (
    "allow_val_change anonymous config_exclude_keys config_include_keys dir fork_from force group magic mode"
    " monitor_gym notes reinit resume resume_from save_code settings sync_tensorboard tags tensorboard"
)
# Options of W&B's functions: what to use here; an empty text means that it may be ignored.
OPTIONS: dict[str, dict[str, str]] = {
    "init": dict.fromkeys(_OF_ITS_RUNS.split(), ""),
    "Artifact": {
        "storage_region": "",
        "digest_algorithm": "",
        "incremental": "use Artifact.from_version(version) and add to it",
        "use_as": "name the run's inputs with use_artifact",
    },
    "Artifact.add_file": {
        "is_tmp": "",
        "skip_cache": "",
        "policy": "",
        "overwrite": "give the other file another name=",
    },
    "Artifact.add_dir": {
        "skip_cache": "",
        "policy": "",
        "merge": "give the other folder another name=",
    },
    "ArtifactVersion.download": {
        "allow_missing_references": "use allow_missing=True: it covers every kind of missing, and reports it",
        "skip_cache": "set LANDFAST_CACHE_SIZE=0 to keep nothing",
        "path_prefix": "use paths=['folder'] or include=['folder/**']",
        "multipart": "large files are fetched in resumable ranges as they are",
    },
}
