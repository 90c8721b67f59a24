"""Real servers on free loopback ports, each a context manager: start, use, gone.

One module per server: `moto`, `radosgw` and `s3rver` speak S3, `gcp_emulator` Cloud Storage (and
lies; the true one is `landfast.testing.gcs_server`), `nginx`, `plain` and `scripted` HTTP, `ftp`
FTP; `postgres` is a throwaway PostgreSQL. `proxy` stands in front of any HTTP server to count
requests and to break them. `shared` lets parallel test processes use one server together.

```python
from landfast.testing.servers.moto import moto

with moto() as server:
    bucket = server.bucket(versioning="Enabled")
    version_id = server.put(bucket, "a/key", b"bytes")
```

Nothing here needs pytest; nothing is imported until its module is.
"""
