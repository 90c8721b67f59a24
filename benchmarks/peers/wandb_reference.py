"""Add a prefix to a W&B artifact by reference, in an offline run's process."""

import os
import sys

os.environ |= {
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "AWS_S3_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL_S3"],
}
import boto3  # noqa: F401 - imported by wandb when it meets S3
import wandb

artifact = wandb.Artifact("bench", type="dataset")
added = artifact.add_reference(f"s3://bench/{sys.argv[1]}", max_objects=10**8)
assert len(added) > 1
