"""Record a prefix of a bucket, and get exactly these bytes back whatever happens to it later.

export AWS_ENDPOINT_URL_S3=https://minio.example:9000   # not needed on AWS
python s3_dataset.py s3://my-bucket/datasets/flowers/
"""

import sys

import landfast

uri = sys.argv[1]
client = landfast.Client(project="flowers")

# About N/1000 list requests; no object is read. Only pictures, and at most 50,000 of them.
version = client.log(
    "pictures",
    uri,
    include=["**/*.jpg", "**/*.png"],
    max_objects=50_000,
    metadata={"license": "CC0"},
)
state = "new" if version.created else "unchanged"
print(f"{version.name}: {state}, {version.file_count} files, {version.size:,} bytes")

# Where the bucket keeps what is overwritten, every row is pinned to an object version.
print("restorable:", version.is_restorable)
for entry in version.entries():
    print(f"  {entry.path}  {entry.checksum}  {entry.version_id}")

# Give the version a name that others use; a name moves, a version does not.
version.promote("approved")

# Later, elsewhere: is it all still there?
report = client.verify("pictures:approved")
print("verify:", report.summary)

# The recorded bytes, from the recorded object versions, compared with the recorded checksums.
if report.exit_code in {0, 3}:  # intact, or overwritten where the bucket kept the old version
    download = client.download("pictures:approved", "pictures")
    print(f"downloaded {download.files} files, {download.bytes:,} bytes to {download.root.name}/")
