"""Log a folder of a bucket to W&B by reference, in an offline run: BUCKET STEP EXPORTER, in the working folder.

What W&B's server would say of the version is told by a stand-in to the exporter of our page; its manifest is W&B's.
"""

import os
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

os.environ |= {
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "AWS_S3_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL_S3"],
}
import wandb

bucket, step, exporter = sys.argv[1], int(sys.argv[2]), sys.argv[3]
aliases = [["first"], ["prod"], ["my best"]][step]
with wandb.init(entity="acme", project="vision", job_type="log") as run:
    digits = wandb.Artifact("mnist", type="dataset", description="digits", metadata={"step": step})
    digits.add_reference(f"s3://{bucket}/mnist")
    run.log_artifact(digits, aliases=["latest", *aliases], tags=["checked"])
    if step == 0:
        Path("notes.txt").write_text("notes", encoding="utf-8")
        mixed = wandb.Artifact("mixed", type="model")
        mixed.add_reference(f"s3://{bucket}/mnist/labels.csv", name="in/labels.txt")
        mixed.add_file("notes.txt")
        run.log_artifact(mixed)
served = SimpleNamespace(
    entity="acme",
    project="vision",
    type="dataset",
    description="digits",
    name=f"mnist:v{step}",
    version=f"v{step}",
    aliases=["latest", *aliases] if step == 2 else aliases,
    tags=["checked"],
    metadata={"step": step},
    digest=digits.digest,
    created_at=f"2026-05-0{step + 1}T00:00:00Z",
    manifest=digits.manifest,
)
runpy.run_path(exporter)["export"](served, Path("exported"))
