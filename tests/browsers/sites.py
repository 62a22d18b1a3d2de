"""Other origins than the app's, over https: a stranger's, a front end's, a sibling's."""

import ssl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import trustme

from tests import processes

# "test" is a public suffix, so that shop.test is one site with its subdomains.
APP = "app.shop.test"
SIBLING = "evil.shop.test"
STRANGER = "other.test"
# The one that the app's TRUSTED_ORIGINS names.
FRONT_END = "front.test"
HOSTS = (APP, SIBLING, STRANGER, FRONT_END)


class Certificates:
    """A certificate for every host, and the authority that vouches for it. PEM, in a folder."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.file = folder / "hosts.pem"
        issued = authority.issue_cert(*HOSTS, "localhost")
        issued.private_key_and_cert_chain_pem.write_to_path(self.file)
        self.trust = ssl.create_default_context()
        authority.configure_trust(self.trust)


@dataclass
class Sites:
    """Serves the same pages under every name."""

    port: int = 0
    cookie_headers: list[str] = field(default_factory=list)
    """Cookie headers that browsers have sent, oldest first."""
    _pages: dict[str, tuple[str, Sequence[str]]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def origin(self, host: str) -> str:
        return f"https://{host}:{self.port}"

    def put(self, host: str, html: str = "", cookies: Sequence[str] = ()) -> str:
        """Publish a page; return its address. cookies: Set-Cookie headers, a character a byte."""
        path = f"/{next(self._numbers)}"
        self._pages[path] = (html, cookies)
        return self.origin(host) + path

    def page(self, path: str) -> tuple[str, Sequence[str]]:
        return self._pages.get(path, ("", ()))


class Server(ThreadingHTTPServer):
    """Serves each connection in a thread of its own."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that hangs up at the sight of a certificate, and comes again."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@contextmanager
def serving(certificates: Certificates) -> Iterator[Sites]:
    """Serve on a free port of this machine, for as long as the block lasts."""
    sites = Sites()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sites.cookie_headers.append(self.headers.get("Cookie", ""))
            html, cookies = sites.page(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            for cookie in cookies:
                self.send_header("Set-Cookie", cookie)
            self.end_headers()
            # An icon of its own, or the browser would ask for one.
            head = '<!doctype html><title>Elsewhere</title><link rel="icon" href="data:,">'
            self.wfile.write((head + html).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.file)
    with Server(("127.0.0.1", 0), Handler) as server:
        # Each connection shakes hands in a thread of its own, so that none keeps others waiting.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        sites.port = server.server_port
        thread = processes.thread(server.serve_forever)
        try:
            yield sites
        finally:
            server.shutdown()
            processes.join(thread)
