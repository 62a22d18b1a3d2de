"""The generated app as it is run: uvicorn, workers, a crash, real stores."""

import signal
import socket
from functools import partial

import httpx2
import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync import client
from websockets.sync.client import ClientConnection
from websockets.typing import Origin

from tests.answers import CHOICES
from tests.conftest import Bake, Tell
from tests.project import Project, Server
from tests.waiting import PATIENCE_SECONDS

COOKIE = "__Host-Http-my-fastapi-app-session"
ACCOUNT = {"username": "alice", "password": "correct horse battery staple"}

# The library would wait for ten seconds, and the machine may be busy.
connect = partial(client.connect, open_timeout=PATIENCE_SECONDS)

pytestmark = pytest.mark.slow


def register(server: Server) -> None:
    assert server.send("POST", "/api/register", json=ACCOUNT).status_code == 201


def sign_in(server: Server) -> dict[str, str]:
    """Sign in; the headers of somebody who is."""
    response = server.send("POST", "/api/login", json=ACCOUNT)
    assert response.status_code == 200
    return {"cookie": f"{COOKIE}={response.cookies[COOKIE]}"}


def status(server: Server, headers: dict[str, str], path: str = "/api/me") -> int:
    return server.send("GET", path, headers=headers).status_code


@pytest.mark.parametrize(
    ("session_backend", "database"),
    [
        ("database", "sqlite"),
        ("database", "postgresql"),
        ("redis", "postgresql"),
        ("memory", "sqlite"),
        ("signed-cookie", "postgresql"),
    ],
)
def test_a_copied_cookie_is_dead_after_logout(
    ready: Bake, tell: Tell, session_backend: str, database: str
) -> None:
    project = ready(session_backend=session_backend, database=database)
    with project.stores() as variables, project.serving(variables=variables) as server:
        assert status(server, {}, "/health/ready") == 200
        register(server)
        copied = sign_in(server)
        elsewhere = sign_in(server)
        kept = {"theme": "dark"}
        data = "/api/session/data"
        response = server.send("PUT", f"{data}/theme", json="dark", headers=copied)
        assert response.status_code == 204
        if session_backend == "signed-cookie":
            copied = {"cookie": f"{COOKIE}={response.cookies[COOKIE]}"}
        else:
            assert len(server.send("GET", "/api/sessions", headers=copied).json()) == 2
        assert server.send("GET", data, headers=copied).json() == kept
        assert server.send("GET", data, headers=elsewhere).json() == {}
        assert server.send("POST", "/api/logout", headers=copied).status_code == 204
        for path in ("/api/me", "/api/session", "/api/session/data"):
            assert status(server, copied, path) == 401
            assert status(server, elsewhere, path) == 200
        # The shell is another process; what it ends is ended here.
        project.run(".venv/bin/python", "-m", "app", "end-sessions", "alice", variables=variables)
        assert status(server, elsewhere) == 401
        again = sign_in(server)
        project.run(".venv/bin/python", "-m", "app", "disable-user", "alice", variables=variables)
        assert status(server, again) == 401
        project.run(".venv/bin/python", "-m", "app", "purge", variables=variables)
    tell("served", project)


def close_code(socket: ClientConnection) -> int | None:
    """Wait until the app closes a socket; how it says why."""
    with pytest.raises(ConnectionClosedError) as closed:
        socket.recv()
    return closed.value.rcvd.code if closed.value.rcvd else None


@pytest.mark.parametrize("session_backend", CHOICES["session_backend"])
def test_a_socket_is_closed_when_its_session_ends(ready: Bake, session_backend: str) -> None:
    project = ready(session_backend=session_backend)
    with project.stores() as variables, project.serving(variables=variables) as server:
        url = server.url.replace("http", "ws") + "/api/ws"
        register(server)
        alice = sign_in(server)
        with pytest.raises(InvalidStatus) as refused:
            connect(url, origin=Origin("https://evil.example"), additional_headers=alice)
        answer = refused.value.response
        assert answer.status_code == 403
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        with connect(url) as stranger:
            assert close_code(stranger) == 1008
        with connect(url, origin=Origin(server.url), additional_headers=alice) as socket:
            assert socket.recv() == '{"username":"alice"}'
            assert server.send("POST", "/api/logout", headers=alice).status_code == 204
            assert close_code(socket) == 1008


def flood(socket: ClientConnection) -> None:
    for _ in range(100_000):
        socket.send("")


def test_a_socket_that_floods_is_dropped_and_read_no_further(ready: Bake) -> None:
    project = ready()
    with project.stores() as variables, project.serving(variables=variables) as server:
        register(server)
        alice = sign_in(server)
        url = server.url.replace("http", "ws") + "/api/ws"
        with connect(url, additional_headers=alice) as socket:
            with pytest.raises(ConnectionClosedError) as dropped:
                flood(socket)
            # After a close frame, uvicorn would read on until the client responds to it.
            assert dropped.value.rcvd is None
        assert status(server, alice) == 200
    assert server.output.count("excess_rate_limit_exceeded") == 1


@pytest.mark.parametrize("parser", ["h11", "httptools"])
@pytest.mark.parametrize("path", ["/api/login", "/nothing"])
def test_once_it_has_answered_it_reads_no_more_of_a_body(
    ready: Bake, parser: str, path: str
) -> None:
    project = ready()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    with project.serving(variables={"UVICORN_HTTP": parser}) as server:
        address = ("127.0.0.1", httpx2.URL(server.url).port or 0)
        with socket.create_connection(address, timeout=PATIENCE_SECONDS) as sender:
            sender.sendall(head.encode())
            with pytest.raises(ConnectionError):
                sender.sendall(4_000 * chunk)


@pytest.mark.parametrize(
    ("session_backend", "database"),
    [
        ("database", "sqlite"),
        ("database", "postgresql"),
        ("redis", "sqlite"),
        ("signed-cookie", "sqlite"),
    ],
)
def test_who_signs_in_on_one_worker_is_known_on_all_and_after_a_crash(
    ready: Bake, session_backend: str, database: str
) -> None:
    project = ready(session_backend=session_backend, database=database)
    with project.stores() as variables:
        with project.serving(workers=2, variables=variables) as server:
            register(server)
            alice = sign_in(server)
            for _ in range(80):
                assert status(server, alice) == 200
            server.end(signal.SIGKILL)
        answers = [
            line for line in server.output.splitlines() if '"GET /api/me HTTP/1.1" 200' in line
        ]
        assert len(answers) == 80
        assert len({line.split()[0] for line in answers}) > 1
        with project.serving(workers=2, variables=variables) as server:
            assert status(server, alice) == 200


@pytest.fixture
def sessions_in_memory(ready: Bake) -> Project:
    return ready(session_backend="memory")


PRODUCTION = {
    "ENVIRONMENT": "production",
    "ALLOWED_HOSTS": "localhost",
    "PUBLIC_URL": "https://localhost",
}


def test_a_port_that_is_taken_is_told_with_the_way_out(ready: Bake) -> None:
    project = ready()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = project.run("make", "run", variables={"PORT": port}, check=False)
    assert done.returncode != 0
    assert f"Port {port} is taken by another program: make run PORT=8001" in done.stdout


def test_sessions_in_memory_are_refused_where_others_would_not_know_them(
    sessions_in_memory: Project,
) -> None:
    done = sessions_in_memory.run(
        *(".venv/bin/uvicorn", "app.main:app", "--port", "0", "--workers", "2"),
        variables=PRODUCTION,
        check=False,
    )
    assert "ENVIRONMENT: production allows --workers 1 only" in done.stdout
    assert "Traceback" not in done.stdout
    assert "startup complete" not in done.stdout


def test_sessions_in_memory_end_with_the_process(sessions_in_memory: Project) -> None:
    project = sessions_in_memory
    with project.stores():
        with project.serving(variables={**PRODUCTION, "ALLOW_REGISTRATION": "true"}) as server:
            # Plain http is not for production: it leads to https before anything else happens.
            assert server.send("GET", "/api/public").status_code == 307
        with project.serving() as server:
            register(server)
            alice = sign_in(server)
            assert status(server, alice) == 200
        with project.serving() as server:
            assert status(server, alice) == 401


def test_four_faults_in_the_settings_stop_the_start_with_four_sentences(ready: Bake) -> None:
    project = ready()
    (project.path / ".env").write_text(
        "SECRET_KEYS=too-short\n"
        "ENVIRONMENT=production\n"
        "SESSION_COOKIE_SECURE=false\n"
        "SESSION_LIFETIME=a while\n"
    )
    # With several workers it is uvicorn that decides on the exit status, but it stops as well.
    for options, statuses in (([], {3}), (["--workers", "4"], {0, 3})):
        done = project.run(
            ".venv/bin/uvicorn", "app.main:app", "--port", "0", *options, check=False
        )
        assert done.returncode in statuses
        assert "Traceback" not in done.stdout
        assert "startup complete" not in done.stdout
        faults = [line.split(":")[0] for line in done.stdout.splitlines()]
        for name in ("SECRET_KEYS", "SESSION_LIFETIME", "SESSION_COOKIE_SECURE", "ALLOWED_HOSTS"):
            assert name in faults


def test_none_refuses_to_start_in_production_without_a_front_end_to_serve(ready: Bake) -> None:
    project = ready(samesite="none", frontend="api")
    command = (".venv/bin/python", "-c", "import app.main")
    done = project.run(*command, variables=PRODUCTION, check=False)
    assert done.returncode == 3
    assert "SESSION_SAMESITE: none is for front ends on other sites" in done.stdout
    project.run(*command, variables={**PRODUCTION, "TRUSTED_ORIGINS": "https://front.example"})
