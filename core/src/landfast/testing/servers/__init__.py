"""Real servers on free loopback ports, each a context manager: start, use, gone.

One module per server: `moto`, `radosgw` and `s3rver` speak S3, `nginx`, `plain` and `scripted`
speak HTTP, `postgres` is a throwaway PostgreSQL, `proxy` stands in front of any of them to count
requests and to break them. `shared` lets parallel test processes use one server together.

```python
from landfast.testing.servers.moto import moto

with moto() as server:
    bucket = server.bucket(versioning="Enabled")
    version_id = server.put(bucket, "a/key", b"bytes")
```

Nothing here needs pytest; nothing is imported until its module is.
"""
