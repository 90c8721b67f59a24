"""The program of moto's server, without three things that took most of its time.

To list a bucket it copies the bytes of every object; for each request it looks through its own folders to find
which service is meant; and it ends the connection after each request, so that server and client make a new one.
"""

from __future__ import annotations

import functools
import io
import sys
import traceback

import moto.server
from moto.moto_server import werkzeug_app
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.s3.models import FakeKey
from werkzeug.exceptions import InternalServerError
from werkzeug.serving import WSGIRequestHandler, run_simple
from werkzeug.test import run_wsgi_app

_BODILESS = {204, 304}
# Moto's own since 5.1.23, which keeps the spelling of header names.
_HANDLER = getattr(werkzeug_app, "MotoRequestHandler", WSGIRequestHandler)


class KeptConnection(_HANDLER):  # type: ignore[misc, valid-type]
    """Answers one request after the other on a connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer is one write

    def handle_expect_100(self) -> bool:
        """Let the body come."""
        going_on: bool = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def run_wsgi(self) -> None:
        """Read a request whole, and answer it."""
        environ = self.make_environ()
        body = environ["wsgi.input"]
        comes_in_chunks = "wsgi.input_terminated" in environ
        sent = (
            body.read() if comes_in_chunks else body.read(int(self.headers["Content-Length"] or 0))
        )
        environ |= {"wsgi.input": io.BytesIO(sent), "wsgi.input_terminated": True}
        try:
            answer = run_wsgi_app(self.server.app, environ, buffered=True)
        except Exception:  # what is wrong with one request is said, and the next one is answered
            traceback.print_exc()
            answer = run_wsgi_app(InternalServerError(), environ, buffered=True)
        parts, status, headers = answer
        self._answer(b"".join(parts), int(status.split()[0]), list(headers.items()))

    def _answer(self, body: bytes, status: int, headers: list[tuple[str, str]]) -> None:
        self.send_response(status)
        declared = None
        for name, value in headers:
            self.send_header(name, value)
            if name.lower() == "content-length":
                declared = int(value)
        has_body = self.command != "HEAD" and status not in _BODILESS
        if has_body and declared is None:
            self.send_header("Content-Length", str(len(body)))
        elif has_body and declared != len(body):
            self.close_connection = True  # else the client would wait for the rest
        self.end_headers()
        if has_body:
            self.wfile.write(body)
        self.wfile.flush()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say what was asked, for the log of a test that fails."""
        sys.stderr.write(f'"{self.requestline}" {code} {size}\n')


def listed(key: FakeKey, _memo: object) -> FakeKey:
    """Copy what a list says of an object, all but its bytes; nothing else in moto copies objects deeply."""
    assert key.etag  # made of the bytes, then kept
    copy = object.__new__(FakeKey)
    copy.__dict__ |= key.__dict__
    copy.__dict__ |= {"_value_buffer": io.BytesIO(), "multipart": None, "disposed": True}
    return copy


if __name__ == "__main__":
    found = DomainDispatcherApplication.get_backend_for_host
    setattr(DomainDispatcherApplication, found.__name__, functools.cache(found))
    setattr(FakeKey, "__deepcopy__", listed)  # noqa: B010 - it has none
    serve = functools.partial(run_simple, threaded=True, request_handler=KeptConnection)
    setattr(moto.server, run_simple.__name__, lambda host, port, app, **_: serve(host, port, app))
    moto.server.main()
