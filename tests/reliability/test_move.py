"""A move from SQLite to PostgreSQL, with people who are signed in."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import Bake
from tests.project import Project
from tests.test_server import register, sign_in, status

pytestmark = pytest.mark.slow


def multiply(file: Path, times: int) -> None:
    """Give a database with one account and its session so many more of both."""
    new = {
        "users": {"id": "100 + n", "username": "'user' || n"},
        "sessions": {"key": "randomblob(32)", "user_id": "100 + n"},
    }
    with closing(sqlite3.connect(file)) as connection, connection:
        for table, changed in new.items():
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            values = ", ".join(changed.get(name, name) for name in columns)
            connection.execute(
                f"WITH RECURSIVE count(n) AS (SELECT 1 UNION SELECT n + 1 FROM count "
                f"LIMIT {times}) INSERT INTO {table} SELECT {values} FROM {table}, count"
            )


def test_nobody_signs_in_again_after_a_move_to_postgresql(ready: Bake, soak: bool) -> None:
    times = 10_000 if soak else 500
    old, new = ready(database="sqlite"), ready(database="postgresql")
    old.run(".venv/bin/alembic", "upgrade", "head")
    with old.serving() as server:
        register(server)
        alice = sign_in(server)
    multiply(old.path / "app.db", times)
    (new.path / ".env").write_text(old.read(".env"), encoding="utf-8")
    with new.stores() as variables:
        moved = move(new, old.path / "app.db", variables)
        assert moved.count("\t") > 1
        counts = dict(line.split("\t") for line in moved.splitlines())
        assert counts["users"] == counts["sessions"] == str(times + 1)
        with new.serving(variables=variables) as server:
            assert status(server, alice) == 200
            assert "accounts already" in move(new, old.path / "app.db", variables, refused=True)
            assert status(server, alice) == 200
            listed = new.run(".venv/bin/python", "-m", "app", "list-users", variables=variables)
            assert listed.stdout.count("\n") == times + 1


def move(project: Project, file: Path, variables: dict[str, str], *, refused: bool = False) -> str:
    """Copy a database; return what was printed."""
    command = (".venv/bin/python", "-m", "app", "import-sqlite", str(file))
    done = project.run(*command, variables=variables, check=False)
    assert done.returncode == int(refused), done.stdout
    return done.stdout
