"""``python -m app`` where a person types."""

from collections.abc import Sequence

import pytest

from tests import terminal
from tests.conftest import Bake
from tests.project import Project, clean_environment

PASSWORD = "correct horse battery staple"
ASKED, REPEATED = "Password (at least 15 characters): ", "Repeat password: "
TWICE = [(ASKED, f"{PASSWORD}\n"), (REPEATED, f"{PASSWORD}\n")]

pytestmark = pytest.mark.slow


@pytest.fixture
def migrated(ready: Bake) -> Project:
    project = ready()
    project.run(".venv/bin/alembic", "upgrade", "head")
    return project


def use(project: Project, command: str, turns: Sequence[tuple[str, str]] = ()) -> tuple[int, str]:
    """Type a command on a terminal; return its exit status, and what is seen."""
    environment = {**clean_environment(), "TERM": "xterm", "COLUMNS": "80"}
    words = (".venv/bin/python", "-m", "app", *command.split())
    return terminal.use(words, project.path, environment, turns)


def test_a_password_is_typed_twice_and_never_shown(migrated: Project) -> None:
    short = [(ASKED, "too short\n"), (REPEATED, "too short\n")]
    status, seen = use(migrated, "create-user alice", short)
    assert status == 1
    assert "at least 15 characters" in seen
    assert "too short" not in seen
    turns = [
        (ASKED, f"{PASSWORD}\n"),
        (REPEATED, "something else\n"),
        ("do not match", ""),
        *TWICE,
    ]
    status, seen = use(migrated, "create-user alice", turns)
    assert status == 0
    assert "Created alice (user).\r\n" in seen
    for secret in (PASSWORD, "something else"):
        assert secret not in seen
    # Nor is the security log, which is JSON.
    assert "{" not in seen
    # Where the name is taken no password is asked for.
    status, seen = use(migrated, "create-user alice")
    assert status == 1
    assert "Password" not in seen


def test_a_user_is_deleted_when_that_is_confirmed_and_ctrl_c_is_heard_at_once(
    migrated: Project,
) -> None:
    assert use(migrated, f"create-user {'x' * 64}", TWICE)[0] == 0
    question = "for good? [y/N]: "
    for command, asked in [("create-user bob", ASKED), (f"delete-user {'x' * 64}", question)]:
        status, seen = use(migrated, command, [(asked, "\x03")])
        assert status != 0
        assert "Traceback" not in seen
    for typed, expected, said in [("n", 1, "Nothing was deleted."), ("y", 0, "Deleted xxx")]:
        status, seen = use(migrated, "list-users")
        assert status == 0
        # A table, which fits.
        assert "xxx…" in seen
        status, seen = use(migrated, f"delete-user {'x' * 64}", [(question, f"{typed}\n")])
        assert status == expected
        assert said in seen
