"""The proxy counts, calls hooks, breaks answers, and changes nothing by itself."""

import http.client
import threading
import time
from urllib.parse import urlsplit

import pytest
import urllib3
from botocore.exceptions import ClientError, ConnectionClosedError, ResponseStreamingError
from kit.servers.exchange import gcs_kind, http_kind, s3_kind
from kit.servers.faults import Body, Delay, Reset, Status, Truncate
from kit.servers.proxy import proxy


@pytest.fixture
def front(http_script):
    """A proxy in front of the scripted server, with a page at /x."""
    http_script.put("/x", b"0123456789")
    with proxy(http_script.url, classify=http_kind) as running:
        yield running


@pytest.fixture
def ask():
    with urllib3.PoolManager(retries=False) as pool:
        yield pool.request


@pytest.mark.parametrize(
    ("method", "target", "headers", "kind"),
    [
        ("GET", "/", {}, "list-buckets"),
        ("GET", "/b?list-type=2&prefix=versions", {}, "list-objects-v2"),
        ("GET", "/b/?list-type=2", {}, "list-objects-v2"),
        ("GET", "/b?versions&prefix=x", {}, "list-versions"),
        ("GET", "/b?prefix=x", {}, "list-objects-v1"),
        ("GET", "/b?versioning", {}, "get-bucket-versioning"),
        ("PUT", "/b?versioning", {}, "put-bucket-versioning"),
        ("PUT", "/b", {}, "create-bucket"),
        ("HEAD", "/b", {}, "head-bucket"),
        ("HEAD", "/b/k?versionId=1", {}, "head"),
        ("GET", "/b/k?versionId=1", {}, "get-object"),
        ("GET", "/b/versions", {}, "get-object"),
        ("GET", "/b/k?attributes", {}, "get-object-attributes"),
        ("PUT", "/b/k", {}, "put-object"),
        ("PUT", "/b/k", {"x-amz-copy-source": "/b/j"}, "copy-object"),
        ("PUT", "/b/k?partNumber=1&uploadId=2", {}, "upload-part"),
        ("POST", "/b/k?uploads", {}, "create-multipart"),
        ("POST", "/b/k?uploadId=2", {}, "complete-multipart"),
        ("POST", "/b?delete", {}, "delete-objects"),
        ("DELETE", "/b/k", {}, "delete-object"),
    ],
)
def test_s3_requests_are_told_apart(method, target, headers, kind):
    assert s3_kind(method, target, headers) == kind


@pytest.mark.parametrize(
    ("method", "target", "kind"),
    [
        ("GET", "/storage/v1/b/bucket/o?prefix=a", "list-objects-v2"),
        ("GET", "/storage/v1/b/bucket/o?versions=true", "list-versions"),
        ("GET", "/storage/v1/b/bucket/o/a%2Fb?generation=1", "head"),
        ("GET", "/storage/v1/b/bucket/o/a%2Fb?alt=media", "get-object"),
        ("GET", "/download/storage/v1/b/bucket/o/a?alt=media", "get-object"),
        ("POST", "/upload/storage/v1/b/bucket/o?uploadType=multipart", "put-object"),
        ("GET", "/storage/v1/b/bucket", "get-bucket"),
        ("DELETE", "/storage/v1/b/bucket/o/a", "delete-object"),
    ],
)
def test_gcs_requests_are_told_apart(method, target, kind):
    assert gcs_kind(method, target, {}) == kind


def test_s3_works_through_it_and_is_counted(s3_proxy):
    bucket = s3_proxy.bucket(versioning="Enabled")
    first = s3_proxy.put(bucket, "a//b ü?", b"one")
    s3_proxy.put(bucket, "a//b ü?", b"")
    s3_proxy.proxy.clear()
    read = s3_proxy.client.get_object(Bucket=bucket, Key="a//b ü?", VersionId=first)
    assert read["Body"].read() == b"one"
    assert s3_proxy.client.head_object(Bucket=bucket, Key="a//b ü?")["ContentLength"] == 0
    assert len(s3_proxy.client.list_object_versions(Bucket=bucket)["Versions"]) == 2
    assert s3_proxy.proxy.counts == {"get-object": 1, "head": 1, "list-versions": 1}
    assert s3_proxy.proxy.of("get-object")[0].query == {"versionId": first}
    assert s3_proxy.proxy.exchanges[0].sent == 3


def test_target_host_and_headers_pass_byte_for_byte(front, http_script):
    address = urlsplit(front.url)
    connection = http.client.HTTPConnection(address.hostname, address.port)
    connection.putrequest("GET", "//x/%7e/../+?b&a=%2f&a=", skip_host=True)
    connection.putheader("Host", "signed.example:1234")
    connection.putheader("X-Odd", "a  b")
    connection.endheaders()
    assert connection.getresponse().status == 404
    connection.close()
    (request,) = http_script.requests
    assert request.target == "//x/%7e/../+?b&a=%2f&a="
    assert request.headers["host"] == "signed.example:1234"
    assert request.headers["x-odd"] == "a  b"


@pytest.mark.parametrize("size", [0, 1, 300_000])
def test_request_bodies_pass_with_length_and_chunked(front, http_script, ask, size):
    body = b"z" * size
    ask("PUT", f"{front.url}/y", body=body)
    ask("PUT", f"{front.url}/y", body=iter([body[: size // 2], body[size // 2 :]]), chunked=True)
    assert [r.body for r in http_script.requests] == [body, body]
    assert "chunked" in http_script.requests[1].headers["transfer-encoding"]


def test_a_chunked_answer_stays_chunked_and_head_has_no_body(front, http_script, ask):
    http_script.change("/x", length=False)
    reply = ask("GET", f"{front.url}/x")
    assert reply.headers["Transfer-Encoding"] == "chunked"
    assert reply.data == b"0123456789"
    http_script.change("/x", length=True)
    assert ask("HEAD", f"{front.url}/x").headers["Content-Length"] == "10"


def test_one_connection_carries_many_requests(front):
    with urllib3.HTTPConnectionPool(urlsplit(front.url).netloc, retries=False, maxsize=1) as pool:
        assert [pool.request("GET", "/x").status for _ in range(5)] == [200] * 5
        assert pool.num_connections == 1


def test_a_fault_befalls_the_so_manieth_request_of_its_kind(front, ask):
    rule = front.inject(Status(status=503), kind="get", at=2)
    ask("HEAD", f"{front.url}/x")
    replies = [ask("GET", f"{front.url}/x") for _ in range(3)]
    assert [r.status for r in replies] == [200, 503, 200]
    assert b"<Code>SlowDown</Code>" in replies[1].data
    assert rule.hits == 1


def test_a_fault_can_choose_by_range_and_by_predicate(front, http_script, ask):
    front.inject(Status(status=429, headers={"Retry-After": "1"}), at=range(1, 3))
    replies = [ask("GET", f"{front.url}/x") for _ in range(3)]
    assert [r.status for r in replies] == [429, 429, 200]
    assert replies[0].headers["Retry-After"] == "1"
    front.clear()
    front.inject(Status(status=403), when=lambda request: "secret" in request.target)
    assert [ask("GET", f"{front.url}{p}").status for p in ("/x", "/secret")] == [200, 403]
    assert len(http_script.requests) == 2


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "AccessDenied"), (429, "TooManyRequests"), (500, "InternalError"), (503, "SlowDown")],
)
def test_botocore_understands_injected_errors(s3_proxy, status, code):
    bucket = s3_proxy.bucket()
    s3_proxy.proxy.inject(Status(status=status), kind="list-objects-v2")
    with pytest.raises(ClientError) as caught:
        s3_proxy.client.list_objects_v2(Bucket=bucket)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_truncated_body_is_seen_as_truncated(s3_proxy):
    bucket = s3_proxy.bucket()
    s3_proxy.put(bucket, "key", b"0123456789")
    s3_proxy.proxy.inject(Truncate(keep=4), kind="get-object")
    body = s3_proxy.client.get_object(Bucket=bucket, Key="key")["Body"]
    with pytest.raises(ResponseStreamingError):
        body.read()


@pytest.mark.parametrize("after_server", [False, True])
def test_a_reset_comes_before_or_after_the_server_has_acted(s3_proxy, after_server):
    bucket = s3_proxy.bucket()
    s3_proxy.proxy.inject(Reset(after_server=after_server), kind="put-object")
    with pytest.raises(ConnectionClosedError, match=r"reset|closed"):
        s3_proxy.put(bucket, "key", b"one")
    written = s3_proxy.direct.client.list_objects_v2(Bucket=bucket)["KeyCount"]
    assert written == after_server


def test_a_reset_is_a_reset(front):
    front.inject(Reset())
    connection = http.client.HTTPConnection(urlsplit(front.url).netloc)
    connection.request("GET", "/x")
    with pytest.raises(ConnectionResetError):
        connection.getresponse()
    connection.close()


def test_a_delay_delays_only_its_request(front, ask):
    front.inject(Delay(seconds=0.3), at=1)
    began = time.monotonic()
    ask("GET", f"{front.url}/x")
    assert time.monotonic() - began >= 0.3


def test_a_body_can_be_swapped_under_the_servers_headers(front, http_script, ask):
    etag = ask("GET", f"{front.url}/x").headers["ETag"]
    front.inject(Body(body=b"other"))
    reply = ask("GET", f"{front.url}/x")
    assert (reply.data, reply.headers["ETag"]) == (b"other", etag)


def test_hooks_can_change_the_object_at_every_boundary(s3_proxy):
    bucket = s3_proxy.bucket(versioning="Enabled")
    written = [s3_proxy.put(bucket, "key", b"0")]
    seen = []

    def overwrite(*_):
        written.append(s3_proxy.direct.put(bucket, "key", str(len(written)).encode()))

    s3_proxy.proxy.before = overwrite
    s3_proxy.proxy.after = lambda request, response: seen.append(response.status)
    read = s3_proxy.client.get_object(Bucket=bucket, Key="key")
    assert (read["Body"].read(), read["VersionId"]) == (b"1", written[1])
    assert seen == [200]


def test_what_a_hook_raises_is_raised_at_the_end(http_script, ask):
    def fail(_):
        raise ZeroDivisionError

    def run():
        with proxy(http_script.url) as front:
            front.before = fail
            assert ask("GET", f"{front.url}/x").status == 500

    with pytest.raises(ZeroDivisionError):
        run()


def test_parallel_requests_are_all_counted(front):
    def work():
        with urllib3.PoolManager(retries=False) as pool:
            for _ in range(20):
                assert pool.request("GET", f"{front.url}/x").data == b"0123456789"

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert front.counts == {"get": 80}
    assert len(front.exchanges) == 80
