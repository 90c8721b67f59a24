"""List the current objects of a prefix with obstore, as Arrow batches; it knows no versions."""

import os
import sys

from obstore.store import S3Store

store = S3Store(
    "bench",
    endpoint=os.environ["AWS_ENDPOINT_URL_S3"],
    client_options={"allow_http": True},
    access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
    secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    region="us-east-1",
    virtual_hosted_style_request=False,
)
for batch in store.list(sys.argv[1], chunk_size=1000, return_arrow=True):
    batch.num_rows  # noqa: B018
