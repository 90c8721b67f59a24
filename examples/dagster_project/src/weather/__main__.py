"""Run a command beside the vendor's bucket: `python -m weather dg dev`."""

import os
import subprocess
import sys

from landfast.testing.servers.moto import moto

from weather import vendor


def main() -> int:
    """Start the bucket, deliver the first readings, run the command, stop the bucket."""
    command = sys.argv[1:] or ["dg", "dev"]
    with moto() as server:
        vendor.deliver_first_readings(server.client)
        print(f"the vendor's bucket: s3://{vendor.BUCKET}/ at {server.url}", flush=True)
        env = {**os.environ, **server.environment()}
        return subprocess.run(command, env=env, check=False).returncode  # noqa: S603 - the user's own


if __name__ == "__main__":
    raise SystemExit(main())
