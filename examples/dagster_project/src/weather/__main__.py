"""Run a command beside the vendor's bucket: `python -m weather dg dev`."""

import os
import subprocess
import sys

from landfast.demo.bucket import versioned_bucket

from weather import vendor


def main() -> int:
    """Start the bucket, deliver the first readings, run the command, stop the bucket."""
    command = sys.argv[1:] or ["dg", "dev"]
    with versioned_bucket() as (s3, variables):
        vendor.deliver_first_readings(s3)
        where = variables["AWS_ENDPOINT_URL_S3"]
        print(f"the vendor's bucket: s3://{vendor.BUCKET}/ at {where}", flush=True)
        env = {**os.environ, **variables}
        return subprocess.run(command, env=env, check=False).returncode  # noqa: S603 - the user's own


if __name__ == "__main__":
    raise SystemExit(main())
