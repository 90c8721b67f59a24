"""List a prefix with DataChain into its local index."""

import os
import sys
import tempfile

os.environ |= {
    "DATACHAIN_ROOT_DIR": tempfile.mkdtemp(),
    "DATACHAIN_NO_ANALYTICS": "1",
    "DO_NOT_TRACK": "1",
}
import datachain

config = {"endpoint_url": os.environ["AWS_ENDPOINT_URL_S3"], "version_aware": True}
chain = datachain.read_storage(f"s3://bench/{sys.argv[1]}", client_config=config)
assert chain.count() > 1
