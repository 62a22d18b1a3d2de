"""``python -m app`` where a person types."""

import pytest

from tests import terminal
from tests.conftest import Bake
from tests.project import clean_environment

PASSWORD = "correct horse battery staple"
COMMAND = (".venv/bin/python", "-m", "app")

pytestmark = pytest.mark.slow


def test_a_password_is_typed_until_it_will_do_and_never_shown(ready: Bake) -> None:
    project = ready()
    project.run(".venv/bin/alembic", "upgrade", "head")
    turns = [
        ("at least 15 characters", ""),
        ("Password: ", "too short\n"),
        ("Once more: ", "too short\n"),
        ("at least 15 characters. Try again", ""),
        ("Password: ", f"{PASSWORD}\n"),
        ("Once more: ", "something else\n"),
        ("These two differ", ""),
        ("Password: ", f"{PASSWORD}\n"),
        ("Once more: ", f"{PASSWORD}\n"),
    ]
    command = (*COMMAND, "create-user", "alice")
    status, seen = terminal.use(command, project.path, clean_environment(), turns)
    assert status == 0
    assert "Created alice (user).\r\n" in seen
    assert PASSWORD not in seen
    assert "too short" not in seen
    # Where the name is taken no password is asked for.
    status, seen = terminal.use(command, project.path, clean_environment())
    assert status == 1
    assert "Password: " not in seen
    # Ctrl-C is heard at once.
    turns = [("Password: ", "\x03")]
    status, seen = terminal.use(
        (*COMMAND, "create-user", "bob"), project.path, clean_environment(), turns
    )
    assert status == 130
    assert seen.endswith("\r\nInterrupted.\r\n")
    assert "Traceback" not in seen
