"""The generated app as it is run: uvicorn, workers, a crash, a real database."""

import signal

import httpx2
import pytest

from tests.conftest import CHOICES, Bake
from tests.project import Project, Server

COOKIE = "__Host-Http-session"
ACCOUNT = {"username": "alice", "password": "correct horse battery staple"}

pytestmark = pytest.mark.slow


@pytest.fixture(params=CHOICES["database"])
def project(request: pytest.FixtureRequest, ready: Bake) -> Project:
    return ready(database=request.param)


def register(server: Server) -> None:
    assert httpx2.post(f"{server.url}/api/register", json=ACCOUNT).status_code == 201


def sign_in(server: Server) -> dict[str, str]:
    """Sign in; the headers of somebody who is."""
    response = httpx2.post(f"{server.url}/api/login", json=ACCOUNT)
    assert response.status_code == 200
    return {"cookie": f"{COOKIE}={response.cookies[COOKIE]}"}


def status(server: Server, headers: dict[str, str], path: str = "/api/me") -> int:
    return httpx2.get(f"{server.url}{path}", headers=headers).status_code


def test_a_copied_cookie_is_dead_after_logout(project: Project) -> None:
    with project.database() as variables, project.serving(variables=variables) as server:
        register(server)
        copied = sign_in(server)
        elsewhere = sign_in(server)
        assert status(server, copied) == status(server, elsewhere) == 200
        assert len(httpx2.get(f"{server.url}/api/sessions", headers=copied).json()) == 2
        assert httpx2.post(f"{server.url}/api/logout", headers=copied).status_code == 204
        assert status(server, copied) == 401
        assert status(server, elsewhere) == 200
        assert status(server, {}, "/health/ready") == 200


def test_who_signs_in_on_one_worker_is_known_on_all_and_after_a_crash(project: Project) -> None:
    with project.database() as variables:
        with project.serving(workers=4, variables=variables) as server:
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
        with project.serving(workers=4, variables=variables) as server:
            assert status(server, alice) == 200


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
