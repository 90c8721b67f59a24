"""Materialize assets through the IO manager of dagster-wandb, offline: BUCKET STEP, in the working folder.

It waits for the server when the artifact is logged already, so that the step fails offline; the run has the artifact.
"""

import os
import sys

os.environ |= {
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "AWS_S3_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL_S3"],
    "DAGSTER_DISABLE_TELEMETRY": "1",
}
import dagster as dg
import wandb
from dagster_wandb import wandb_artifacts_io_manager, wandb_resource

bucket, step = sys.argv[1], int(sys.argv[2])
days = dg.StaticPartitionsDefinition(["2026-05-01", "2026-05-02"])
folder = {"uri": f"s3://{bucket}/mnist"}


@dg.asset(
    partitions_def=days, metadata={"wandb_artifact_configuration": {"aliases": ["candidate"]}}
)
def mnist() -> wandb.Artifact:
    """Hold references alone."""
    artifact = wandb.Artifact("mnist", type="dataset")
    artifact.add_reference(folder["uri"])
    return artifact


@dg.asset(metadata={"wandb_artifact_configuration": {"type": "model", "add_references": [folder]}})
def scores() -> dict[str, int]:
    """Hold an object too, which the IO manager pickles."""
    return {"step": step}


resources = {
    "io_manager": wandb_artifacts_io_manager.configured({"base_dir": os.path.abspath("dagster")}),
    "wandb_resource": wandb_resource.configured({"api_key": "0" * 40}),
    "wandb_config": dg.make_values_resource(entity=str, project=str).configured(
        {"entity": "acme", "project": "vision"}
    ),
}
for asset, key in ((mnist, "2026-05-01"), (mnist, "2026-05-02"), (scores, None)):
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize(
            [asset],
            partition_key=key,
            instance=instance,
            resources=resources,
            raise_on_error=False,
        )
