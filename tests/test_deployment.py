"""The app as visitors reach it: the generated proxy configurations and service, as they are run.

Only what differs on this machine is replaced in them: where they listen, the certificate, folders,
how many workers.
"""

import itertools
import json
import os
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
import trustme
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests import baking
from tests.conftest import Bake
from tests.project import Project, Server, clean_environment, free_port
from tests.test_server import COOKIE, close_code

pytestmark = pytest.mark.slow

HOST = "app.example.com"
SITE = f"https://{HOST}"
PASSWORD = "correct horse battery staple"

# Another address than the proxy's own, which is 127.0.0.1: the app has to learn it from the proxy.
VISITOR = "127.0.0.2"

SPOOFED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "evil.example",
    "Forwarded": "for=203.0.113.9;proto=http;host=evil.example",
}
ONCE = (
    "content-security-policy",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
    "referrer-policy",
    "strict-transport-security",
    "x-content-type-options",
    "x-frame-options",
)


@dataclass(frozen=True)
class Certificate:
    """What the proxy shows, and the authority that visitors trust."""

    chain: Path
    key: Path
    authority: trustme.CA


@dataclass(frozen=True)
class Proxy:
    """A running proxy, and how a visitor gets there."""

    http_port: int
    https_port: int
    authority: trustme.CA
    webroot: Path

    def trust(self) -> ssl.SSLContext:
        """Return what a client checks the certificate with."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context

    def visitor(self, *, http2: bool = False) -> httpx2.Client:
        """Return a client that finds the app under its name, from an address of its own."""
        return httpx2.Client(base_url=SITE, transport=_Route(self, http2), trust_env=False)

    def socket(self, origin: str, headers: dict[str, str]) -> ClientConnection:
        """Open the WebSocket of the example."""
        return connect(
            f"wss://{HOST}/api/ws",
            sock=socket.create_connection(("127.0.0.1", self.https_port)),
            ssl=self.trust(),
            server_hostname=HOST,
            origin=Origin(origin),
            additional_headers=headers,
            proxy=None,
        )


class _Route(httpx2.BaseTransport):
    """What DNS and the usual ports do elsewhere."""

    def __init__(self, proxy: Proxy, http2: bool) -> None:
        self._ports = {"http": proxy.http_port, "https": proxy.https_port}
        self._transport = httpx2.HTTPTransport(
            verify=proxy.trust(), local_address=VISITOR, http2=http2
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request to the proxy; the Host header stays as it is."""
        port = self._ports[request.url.scheme]
        routed = httpx2.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1", port=port),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": HOST},
        )
        return self._transport.handle_request(routed)

    def close(self) -> None:
        """Give the connections back."""
        self._transport.close()


def replaced(text: str, replacements: dict[str, str]) -> str:
    """Replace each of some texts, that must be there exactly once."""
    for old, new in replacements.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def program(command: str, package: str) -> str:
    """Return where a program is; skip the test when it is not installed."""
    # Debian keeps servers where only root looks.
    path = shutil.which(command, path=f"{os.environ['PATH']}:/usr/sbin")
    if path is None:
        reason = f"{command} is not installed: apt-get install {package}"
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@contextmanager
def running(
    command: list[str], folder: Path, ready: str, variables: dict[str, str]
) -> Iterator[None]:
    """Run a server for as long as the block lasts, which begins once it says that it is ready."""
    output = []
    is_ready = threading.Event()
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**clean_environment(), **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                output.append(line)
                if ready in line:
                    is_ready.set()
            is_ready.set()

        reader = threading.Thread(target=read)
        reader.start()
        try:
            is_ready.wait()
            assert any(ready in line for line in output), f"{command} ended:\n{''.join(output)}"
            yield
        finally:
            process.terminate()
            process.wait()
            reader.join()


def service(project: Project) -> dict[str, list[str]]:
    """Return what the service says, each key with its values in their order."""
    text = project.read("deploy/app.service").replace("\\\n", " ")
    said: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
        said.setdefault(key, []).append(value)
    return said


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory,
    cookiecutter_config: Path,
    environment_of: Callable[[Project], Path],
) -> Project:
    project = baking.bake(tmp_path_factory.mktemp("deployed"), cookiecutter_config, {})
    project.use(environment_of(project))
    return project


@pytest.fixture(scope="module")
def app(project: Project) -> Iterator[str]:
    """Run the app as its service does; where it serves, which only the proxy is to know."""
    said = service(project)
    variables = dict(each.split("=", 1) for each in said["Environment"])
    # What the operator sets.
    variables |= {"ALLOWED_HOSTS": HOST, "ALLOW_REGISTRATION": "true"}
    [migrate], [serve] = said["ExecStartPre"], said["ExecStart"]
    here = {"/srv/app/": ""}
    address = f"127.0.0.1:{free_port()}"
    listening = f"--port {address.partition(':')[2]}"
    project.run(*shlex.split(replaced(migrate, here)), variables=variables)
    fewer = {"--workers 4": "--workers 2"}
    command = shlex.split(replaced(serve, here | fewer | {"--port 8000": listening}))
    process = subprocess.Popen(
        command,
        cwd=project.path,
        env={**clean_environment(), **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    server = Server(process, int(command[command.index("--workers") + 1]))
    try:
        server.wait_until_it_serves()
        yield address
    finally:
        server.end(signal.SIGTERM)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("certificate")
    authority = trustme.CA()
    issued = authority.issue_cert(HOST)
    chain, key = folder / "fullchain.pem", folder / "privkey.pem"
    issued.cert_chain_pems[0].write_to_path(chain)
    issued.private_key_pem.write_to_path(key)
    return Certificate(chain, key, authority)


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def proxy(
    request: pytest.FixtureRequest,
    project: Project,
    app: str,
    certificate: Certificate,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp(request.param)
    start = {"nginx": start_nginx, "caddy": start_caddy}[request.param]
    proxy = Proxy(free_port(), free_port(), certificate.authority, folder / "html")
    with start(project, folder, proxy, app, certificate):
        yield proxy


def start_nginx(
    project: Project, folder: Path, proxy: Proxy, app: str, certificate: Certificate
) -> AbstractContextManager[None]:
    live = f"/etc/letsencrypt/live/{HOST}"
    replacements = {
        "server 127.0.0.1:8000;": f"server {app};",
        "listen 80;": f"listen 127.0.0.1:{proxy.http_port};",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{proxy.https_port} ssl http2;",
        # This machine may have no IPv6.
        "listen [::]:80;": "",
        "listen [::]:443 ssl http2;": "",
        "/var/www/html;": f"{proxy.webroot};",
        f"{live}/fullchain.pem": str(certificate.chain),
        f"{live}/privkey.pem": str(certificate.key),
    }
    configuration = replaced(project.read("deploy/nginx.conf"), replacements)
    (folder / "app.conf").write_text(configuration, encoding="utf-8")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log stderr notice;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}\ninclude {folder}/app.conf;\n}}\n",
        encoding="utf-8",
    )
    command = [program("nginx", "nginx"), "-p", str(folder), "-c", f"{folder}/nginx.conf"]
    # It is said after the ports have been opened.
    return running(command, folder, "event method", {})


def start_caddy(
    project: Project, folder: Path, proxy: Proxy, app: str, certificate: Certificate
) -> AbstractContextManager[None]:
    listening = f"http_port {proxy.http_port}\nhttps_port {proxy.https_port}"
    replacements = {
        "reverse_proxy 127.0.0.1:8000": f"reverse_proxy {app}",
        "admin unix//var/lib/caddy/admin.sock": (
            f"admin unix/{folder}/admin.sock\ndefault_bind 127.0.0.1\n{listening}"
        ),
        "tls admin@example.com": f"tls {certificate.chain} {certificate.key}",
    }
    configuration = replaced(project.read("deploy/Caddyfile"), replacements)
    (folder / "Caddyfile").write_text(configuration, encoding="utf-8")
    command = [program("caddy", "caddy"), "run", "--config", f"{folder}/Caddyfile"]
    homes = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), str(folder))
    return running(command, folder, "serving initial configuration", homes)


@pytest.fixture
def visitor(proxy: Proxy) -> Iterator[httpx2.Client]:
    with proxy.visitor() as visitor:
        yield visitor


NUMBERS = itertools.count()


@pytest.fixture
def account(visitor: httpx2.Client) -> dict[str, str]:
    """Return the name and password of a user of the test's own."""
    account = {"username": f"visitor{next(NUMBERS)}", "password": PASSWORD}
    assert visitor.post("/api/register", json=account).status_code == 201
    return account


def test_plain_http_leads_to_https_and_sets_no_cookie(
    visitor: httpx2.Client, account: dict[str, str]
) -> None:
    for spoofed in ({}, {"X-Forwarded-Proto": "https"}):
        answer = visitor.post(f"http://{HOST}/api/login?a=b", json=account, headers=spoofed)
        # 308 keeps the method.
        assert answer.status_code == 308
        assert answer.headers["location"] == f"{SITE}/api/login?a=b"
        assert "set-cookie" not in answer.headers
    answer = visitor.get(f"http://{HOST}/api/me", headers={"Host": "evil.example"})
    assert "evil" not in str(answer.headers)


# Caddy gets its certificate by itself.
@pytest.mark.parametrize("proxy", ["nginx"], indirect=True)
def test_what_shows_whose_name_it_is_is_shown_over_plain_http(
    proxy: Proxy, visitor: httpx2.Client
) -> None:
    shown = proxy.webroot / ".well-known" / "acme-challenge" / "token"
    shown.parent.mkdir(parents=True)
    shown.write_text("token.thumbprint")
    address = f"http://{HOST}/.well-known/acme-challenge"
    assert visitor.get(f"{address}/token").text == "token.thumbprint"
    assert visitor.get(f"{address}/other").status_code == 404
    (proxy.webroot / "other").write_text("of another site")
    assert visitor.get(f"http://{HOST}/other").status_code == 308


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])
def test_who_signs_in_over_https_is_signed_in(
    proxy: Proxy, account: dict[str, str], version: str
) -> None:
    with proxy.visitor(http2=version == "HTTP/2") as visitor:
        answer = visitor.post("/api/login", json=account)
        assert (answer.status_code, answer.http_version) == (200, version)
        [cookie] = answer.headers.get_list("set-cookie")
        assert cookie.startswith(f"{COOKIE}=")
        assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
        assert visitor.get("/api/me").json()["username"] == account["username"]
        # As a browser does it: the proxy has to pass on the host that the form was sent to.
        assert visitor.post("/api/logout", headers={"Origin": SITE}).status_code == 204
        assert visitor.get("/api/me").status_code == 401


def test_what_visitors_say_of_where_they_come_from_changes_nothing(
    visitor: httpx2.Client, account: dict[str, str]
) -> None:
    answer = visitor.post("/api/login", json=account, headers=SPOOFED)
    assert answer.status_code == 200
    assert "strict-transport-security" in answer.headers
    sessions = visitor.get("/api/sessions", headers=SPOOFED).json()
    assert [session["ip"] for session in sessions] == [VISITOR]
    answer = visitor.get("/", headers={"Host": "evil.example"})
    assert "set-cookie" not in answer.headers
    assert "evil" not in f"{answer.headers} {answer.text}"
    assert account["username"] not in answer.text


def test_the_app_believes_nobody_but_the_proxy(app: str) -> None:
    headers = {"Host": HOST, "X-Forwarded-Proto": "https"}
    for address, status in (("127.0.0.1", 401), (VISITOR, 307)):
        with httpx2.Client(transport=httpx2.HTTPTransport(local_address=address)) as client:
            assert client.get(f"http://{app}/api/me", headers=headers).status_code == status


def test_guesses_with_a_new_address_each_have_to_wait_all_the_same(
    visitor: httpx2.Client, account: dict[str, str]
) -> None:
    wrong = {**account, "password": "not the password at all"}
    statuses = [
        visitor.post(
            "/api/login", json=wrong, headers={"X-Forwarded-For": f"203.0.113.{number}"}
        ).status_code
        for number in range(6)
    ]
    assert statuses == [401] * 5 + [429]


def test_a_socket_is_for_our_own_origin_and_closes_when_its_session_ends(
    visitor: httpx2.Client, proxy: Proxy, account: dict[str, str]
) -> None:
    ticket = visitor.post("/api/login", json=account).cookies[COOKIE]
    cookie = {"cookie": f"{COOKIE}={ticket}"}
    with pytest.raises(InvalidStatus) as refused:
        proxy.socket("https://evil.example", cookie)
    assert refused.value.response.status_code == 403
    with proxy.socket(SITE, cookie) as socket:
        assert json.loads(socket.recv()) == {"username": account["username"]}
        assert visitor.post("/api/logout").status_code == 204
        assert close_code(socket) == 1008


def test_a_body_over_the_limit_is_413_and_one_at_it_is_welcome(
    visitor: httpx2.Client, account: dict[str, str]
) -> None:
    limit = 65536
    body = json.dumps(account).encode().ljust(limit)
    headers = {"Content-Type": "application/json"}
    assert visitor.post("/api/login", content=body, headers=headers).status_code == 200
    for content in (body + b" ", iter([body, b" "]), body * 100, iter([body] * 100)):
        assert visitor.post("/api/login", content=content, headers=headers).status_code == 413


def test_headers_that_no_browser_would_send_do_not_reach_the_app(visitor: httpx2.Client) -> None:
    answer = visitor.get("/health/live", headers={"X-Large": "x" * 65536})
    assert answer.status_code in {400, 431}
    assert "content-security-policy" not in answer.headers


def test_each_security_header_is_sent_once_and_no_version(visitor: httpx2.Client) -> None:
    for path, status in (
        ("/", 303),
        ("/login", 200),
        ("/static/style.css", 200),
        ("/api/me", 401),
        ("/nowhere", 404),
    ):
        answer = visitor.get(path)
        assert answer.status_code == status
        for header in ONCE:
            assert len(answer.headers.get_list(header)) == 1, (path, header)
        assert not re.search(r"\d|uvicorn", answer.headers.get("server", ""))


def test_the_service_is_one_that_systemd_takes_and_finds_hardened(
    project: Project, tmp_path: Path
) -> None:
    analyze = program("systemd-analyze", "systemd")
    unit = tmp_path / "app.service"
    unit.write_text(project.read("deploy/app.service").replace("/srv/app", str(project.path)))
    assert project.run(analyze, "verify", "--man=no", str(unit)).stdout == ""
    # 10.0 is a service without any limit; systemd calls "OK" what is below 5.0.
    project.run(analyze, "security", "--offline=true", "--threshold=15", str(unit))


def test_what_the_proxies_and_the_service_say_fits_together(bake_once: Bake) -> None:
    project = bake_once()
    [serve] = service(project)["ExecStart"]
    said = dict(re.findall(r"--([a-z-]+) (\d+)", serve))
    [kept_by_nginx] = re.findall(
        r"^  keepalive_timeout (\d+)s;\n\}", project.read("deploy/nginx.conf"), re.MULTILINE
    )
    [kept_by_caddy] = re.findall(r"\bkeepalive (\d+)s\n", project.read("deploy/Caddyfile"))
    # The app may not be first to close a connection that the proxy is about to use.
    assert max(int(kept_by_nginx), int(kept_by_caddy)) < int(said["timeout-keep-alive"])
    assert said["ws-max-size"] == "65536"


@pytest.mark.parametrize(("session_backend", "workers"), [("memory", "1"), ("database", "4")])
def test_sessions_in_memory_have_one_worker(
    bake_once: Bake, session_backend: str, workers: str
) -> None:
    [serve] = service(bake_once(session_backend=session_backend))["ExecStart"]
    assert f" --workers {workers} " in serve
