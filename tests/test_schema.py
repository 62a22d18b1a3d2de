"""The generated app answers as its own schema says, whatever schemathesis sends."""

import os
import sys
from pathlib import Path

import pytest

from tests import processes
from tests.answers import CHOICES
from tests.conftest import Bake
from tests.ledger import is_soak
from tests.project import REPOSITORY, Server
from tests.test_server import register

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"

OPTIONS = [
    "--checks=all",
    # A schema does not say which passwords are too easy to guess.
    "--exclude-checks=positive_data_acceptance",
    "--max-examples=8",
    "--generation-deterministic",
    "--continue-on-failure",
    "--no-color",
    "--warnings=off",
]

pytestmark = pytest.mark.slow


def examine(server: Server, folder: Path, **variables: str) -> None:
    """Let schemathesis look for an answer that the schema of the app does not know."""
    processes.run(
        [str(SCHEMATHESIS), "run", f"{server.url}/openapi.json", *OPTIONS],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **variables},
        check=True,
    )


# The routes and their bodies are the same with all backends that keep sessions at the server.
@pytest.mark.parametrize(
    "session_backend", CHOICES["session_backend"] if is_soak() else ["database", "signed-cookie"]
)
def test_every_answer_is_in_the_schema_signed_in_or_not(
    ready: Bake, tmp_path: Path, session_backend: str
) -> None:
    project = ready(session_backend=session_backend)
    with project.stores() as stores:
        # Guessing passwords is what it does, and not what is to be found here.
        variables = {**stores, "LOGIN_MAX_FAILURES": "1000000"}
        with project.serving(variables=variables) as server:
            examine(server, tmp_path)
            assert '"GET /api/data HTTP/1.1" 401' in server.output
            assert '"GET /api/data HTTP/1.1" 200' not in server.output
            register(server)
            make_admin = ("-m", "app", "change-role", "alice", "admin")
            project.run(".venv/bin/python", *make_admin, variables=variables)
            examine(server, tmp_path, SCHEMATHESIS_HOOKS="tests.own_session")
            # What it has seen is more than closed doors.
            for answer in (
                '"GET /api/data HTTP/1.1" 200',
                '"GET /api/admin/users HTTP/1.1" 200',
                '"PUT /api/session/data/0 HTTP/1.1" 204',
                '"POST /api/confirm HTTP/1.1" 204',
                '"POST /api/password HTTP/1.1" 204',
                '"POST /api/register HTTP/1.1" 409',
                '"POST /api/me/delete HTTP/1.1" 204',
                '"POST /api/logout HTTP/1.1" 204',
            ):
                assert answer in server.output
