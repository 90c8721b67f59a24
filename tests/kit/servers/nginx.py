"""Debian's nginx, serving one folder well, and under other paths in the ways servers are worse."""

import contextlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from kit.servers.process import (
    LOOPBACK,
    ServerMissing,
    answers,
    free_port,
    running,
    scratch,
)

USER, PASSWORD = "reader", "pass-for-tests-only"
SIGNATURE = "signature-for-tests-only"

_VARIANTS = {
    "": "",
    "no-etag": "etag off;",
    "bare": "etag off; if_modified_since off; max_ranges 0; add_header Last-Modified '';",
    "gzip": "gzip on; gzip_min_length 0; gzip_types *; gzip_proxied any;",
    "signed": 'if ($args !~ "(^|&)(X-Amz-Signature|X-Goog-Signature|sig|token)='
    f'{SIGNATURE}(&|$)") {{ return 403; }}',
    "basic": 'auth_basic "test"; auth_basic_user_file passwords;',
    "slow": "limit_rate 64k;",
    "no-head": "if ($request_method = HEAD) { return 405; }",
}

_CONFIG = """\
daemon off;
master_process off;
pid nginx.pid;
events {{ worker_connections 256; }}
http {{
  default_type text/plain;
  log_format counted '$request_method $request_uri $status $body_bytes_sent';
  access_log access.log counted;
  client_body_temp_path tmp/body;
  proxy_temp_path tmp/proxy;
  fastcgi_temp_path tmp/fastcgi;
  uwsgi_temp_path tmp/uwsgi;
  scgi_temp_path tmp/scgi;
  server {{
    listen {host}:{port};
    location /redirect/ {{ rewrite ^/redirect/(.*)$ /$1 redirect; }}
{locations}
  }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One line of the access log."""

    method: str
    target: str
    status: int
    sent: int
    """Bytes of the body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nginx:
    """A running nginx."""

    url: str
    folder: Path
    """What it serves."""
    access_log: Path

    def put(self, name: str, body: bytes, *, modified: float | None = None) -> str:
        """Write a file into the served folder.

        Args:
            name: Its path in the folder.
            body: Its bytes.
            modified: Its modification time; nginx's ETag is this and the size.

        Returns:
            The file's URL in the well-behaved variant.
        """
        import os

        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        if modified is not None:
            os.utime(path, (modified, modified))
        return self.address(name)

    def address(self, name: str, variant: str = "") -> str:
        """Name a file's URL in a variant.

        Args:
            name: Its path in the folder.
            variant: Empty for nginx at its best; `no-etag`; `bare`, which has no validator and no
                Range; `gzip`; `signed`, which wants a signature in the query; `basic`, which wants
                `USER` and `PASSWORD`; `redirect`; `slow`; `no-head`, which answers 405 to HEAD.
        """
        return "/".join(part for part in (self.url, variant, quote(name)) if part)

    def requests(self, *, at_least: int = 0) -> list[Access]:
        """Read what was asked, oldest first.

        Args:
            at_least: Wait up to a minute for as many; nginx logs after it has answered.
        """
        deadline = time.monotonic() + 60
        while True:
            lines = self.access_log.read_text().splitlines() if self.access_log.exists() else []
            if len(lines) >= at_least or time.monotonic() > deadline:
                return [_access(line) for line in lines]
            time.sleep(0.01)


@contextlib.contextmanager
def nginx(folder: Path | None = None) -> Iterator[Nginx]:
    """Run nginx over a folder.

    Args:
        folder: What to serve; an empty temporary folder by default.

    Yields:
        The running server.

    Raises:
        ServerMissing: nginx is not installed.
        ServerFailed: It did not start.
    """
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        raise ServerMissing("nginx is not installed: apt-get install nginx-light")
    with scratch("nginx") as root:
        served = folder or root / "site"
        served.mkdir(exist_ok=True)
        (root / "tmp").mkdir()
        (root / "passwords").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        port = free_port()
        config = root / "nginx.conf"
        config.write_text(_configure(served, port))
        command = [program, "-p", f"{root}/", "-c", str(config), "-e", str(root / "nginx.log")]
        with running(command, name="nginx", folder=root, ready=lambda: answers(port)):
            yield Nginx(
                url=f"http://{LOOPBACK}:{port}", folder=served, access_log=root / "access.log"
            )


def _configure(served: Path, port: int) -> str:
    locations = "\n".join(
        f'    location /{name}{"/" if name else ""} {{ alias "{served}/"; {settings} }}'
        for name, settings in _VARIANTS.items()
    )
    return _CONFIG.format(host=LOOPBACK, port=port, locations=locations)


def _access(line: str) -> Access:
    method, rest = line.split(" ", 1)
    target, status, sent = rest.rsplit(" ", 2)
    return Access(method=method, target=target, status=int(status), sent=int(sent))
