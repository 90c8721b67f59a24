"""A scan that began earlier and ends later does not turn time back, whoever overtakes it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from landfast import ChangeKind, Client

PATIENCE_S = 60


def test_a_listing_that_is_late_does_not_move_latest(registry_url: str, s3_proxy: Any) -> None:
    bucket = s3_proxy.direct.bucket("Enabled")
    s3_proxy.direct.put(bucket, "d/x", b"old")
    place = f"s3://{bucket}/d/"
    answered, go_on = threading.Event(), threading.Event()

    def hold(request: Any, _response: Any) -> None:
        """Keep back the first listing, which the server has answered with the old object."""
        if request.kind.startswith("list") and not answered.is_set():
            answered.set()
            assert go_on.wait(PATIENCE_S)

    slow, quick = Client(registry_url), Client(registry_url)
    with ThreadPoolExecutor(1) as pool:
        s3_proxy.proxy.after = hold
        late = pool.submit(slow.log, "d", place)
        assert answered.wait(PATIENCE_S)
        s3_proxy.direct.put(bucket, "d/x", b"new")
        newer = quick.log("d", place)
        go_on.set()
        stale = late.result(PATIENCE_S)
    assert (newer.version, newer.created, newer.changed) == ("v0", True, True)
    assert (stale.version, stale.created, stale.changed) == ("v1", True, False)
    assert quick.get("d") == newer
    with quick.get("d").open("x") as stream:
        assert stream.read() == b"new"
    with stale.open("x") as stream:
        assert stream.read() == b"old"
    assert [(c.kind, c.version.index) for c in quick.changes()] == [(ChangeKind.CREATED, 0)]
    again = slow.log("d", place)  # a scan that begins now sees what is there now
    assert (again, again.created, again.changed) == (newer, False, False)
    for client in (slow, quick):
        client.close()
