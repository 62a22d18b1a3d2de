"""What docs/incidents.md says to type does what it says, on an app that runs."""

import re

import pytest

from tests.conftest import Bake
from tests.documents import Document
from tests.project import REPOSITORY, Project, Server
from tests.shell import Shell
from tests.test_terminal import PASSWORD

INCIDENTS = Document(REPOSITORY / "docs" / "incidents.md")
NEW_PASSWORD = "an entirely new sentence"

pytestmark = pytest.mark.slow


def commands() -> list[list[str]]:
    """Return the commands of the page, block by block, with the user they are about."""
    return [[line.replace("NAME", "alice") for line in block] for block in INCIDENTS.scripts]


def sign_in(server: Server, password: str) -> str | None:
    """Sign in on another device; return its cookie, or None when that is refused."""
    account = {"username": "alice", "password": password}
    answer = server.send("POST", "/api/login", json=account)
    assert answer.status_code in (200, 401)
    return answer.headers["set-cookie"].partition(";")[0] if answer.status_code == 200 else None


def is_signed_in(server: Server, cookie: str | None) -> bool:
    assert cookie
    answer = server.send("GET", "/api/me", headers={"cookie": cookie})
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def test_incidents_are_ended_by_what_the_page_says(ready: Bake) -> None:
    [end_sessions], [disable], [set_password, enable], [new_key], leaked, restored, _ = commands()
    project = ready()
    shell = Shell(project.path)
    project.run(".venv/bin/alembic", "upgrade", "head")
    project.run(
        "bash", "-c", f"echo '{PASSWORD}' | .venv/bin/python -m app create-user alice "
        "--password-stdin",
    )  # fmt: skip
    with project.serving() as server:
        thief = sign_in(server, PASSWORD)
        assert is_signed_in(server, thief)
        shell.type(end_sessions)
        assert not is_signed_in(server, thief)

        thief = sign_in(server, PASSWORD)
        shell.type(disable)
        assert not is_signed_in(server, thief)
        assert sign_in(server, PASSWORD) is None
        shell.type(set_password, answers=f"{NEW_PASSWORD}\n")
        shell.type(enable)
        assert sign_in(server, PASSWORD) is None
        device = sign_in(server, NEW_PASSWORD)
        assert is_signed_in(server, device)

        for command in leaked:
            shell.type(command)
        assert not is_signed_in(server, device)
        device = sign_in(server, NEW_PASSWORD)

    replace_key(project, new_key)
    with project.serving() as server:
        assert not is_signed_in(server, device)
        device = sign_in(server, NEW_PASSWORD)
        assert is_signed_in(server, device)
        sign_out_everybody, disable = restored
        shell.type(sign_out_everybody)
        assert not is_signed_in(server, device)
        assert sign_in(server, NEW_PASSWORD)
        shell.type(disable)
        assert sign_in(server, NEW_PASSWORD) is None


def replace_key(project: Project, new_key: str) -> None:
    """Put a new key in place of the old one. new_key: the command that prints it."""
    key = project.run("bash", "-c", new_key).stdout.strip()
    text = re.sub(r"(?m)^SECRET_KEYS=.*", f"SECRET_KEYS={key}", project.read(".env"))
    (project.path / ".env").write_text(text, encoding="utf-8")
