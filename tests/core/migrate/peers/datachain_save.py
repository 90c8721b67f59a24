"""Save a folder of a bucket as a dataset of DataChain: BUCKET STEP, in the working folder."""

import os
import sys

os.environ |= {
    "DATACHAIN_ROOT_DIR": os.path.abspath("root"),
    "DATACHAIN_NO_ANALYTICS": "1",
    "DO_NOT_TRACK": "1",
}
import datachain

bucket, step = sys.argv[1], int(sys.argv[2])
config = {"endpoint_url": os.environ["AWS_ENDPOINT_URL_S3"], "version_aware": True}
chain = datachain.read_storage(f"s3://{bucket}/mnist/", client_config=config, update=True)
chain.save("mnist", description="digits", attrs=["checked", f"step={step}"])
if step == 0:
    datachain.read_values(word=["a", "b"]).save("words")
