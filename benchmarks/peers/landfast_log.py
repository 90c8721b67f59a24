"""Log a prefix with Landfast by reference: list, manifest and version."""

import sys
import tempfile

import landfast

folder = tempfile.mkdtemp()
client = landfast.Client(f"sqlite:///{folder}/bench.db")
client.log("bench", f"s3://bench/{sys.argv[1]}", max_objects=landfast.UNLIMITED)
