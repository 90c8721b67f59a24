"""Import a prefix with DVC by version id, without downloading it."""

import os
import sys
import tempfile

from dvc.repo import Repo

os.chdir(tempfile.mkdtemp())
repo = Repo.init(no_scm=True)
with repo.config.edit() as config:
    config["core"]["analytics"] = False
    config["remote"]["bench"] = {
        "url": "s3://bench/",
        "endpointurl": os.environ["AWS_ENDPOINT_URL_S3"],
    }
repo = Repo()
repo.imp_url(f"remote://bench/{sys.argv[1]}", out="data", no_download=True, version_aware=True)
