"""What a type checker has to find; never run.

mypy is strict about comments that ignore nothing, so that each line here fails the check once its error goes unseen.
"""

import landfast


def wrong(client: landfast.Client, run: landfast.Run, artifact: landfast.Artifact) -> None:
    client.log("a", "s3://b/c", max_object=3)  # type: ignore[call-arg]
    client.probe("s3://b/c", exlude=["*"])  # type: ignore[call-arg]
    client.scan("s3://b/c", shard=2)  # type: ignore[call-arg]
    client.download("a", pths=["x"])  # type: ignore[call-arg]
    client.download("a", link="soft")  # type: ignore[arg-type]
    client.verify("a", depp=True)  # type: ignore[call-arg]
    client.lineage("a", util=None)  # type: ignore[call-arg]
    client.begin_run(jobtype="train")  # type: ignore[call-arg]
    client.open_entry("a", "b")  # type: ignore[attr-defined]
    artifact.add_reference("s3://b/c", max_object=3)  # type: ignore[call-arg]
    artifact.downlaod()  # type: ignore[attr-defined]
    artifact.download(rot="x")  # type: ignore[call-arg]
    run.log_artefact(artifact)  # type: ignore[attr-defined]
    landfast.init(jobtype="train")  # type: ignore[call-arg]


def right(client: landfast.Client, artifact: landfast.Artifact) -> tuple[str, str, int]:
    report: landfast.DownloadReport = client.download("a", "folder", paths=["x"], link="hard")
    version: landfast.ArtifactVersion = client.log("a", "s3://b/c", max_objects=3, shards=2)
    folder: str = artifact.download("folder", exact=True)
    digest: str = version.digest
    return folder, artifact.digest + digest, report.files
