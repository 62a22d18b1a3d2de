"""The list of users: a table for people, lines for programs, harmless on a terminal."""

import io
import re

import pytest
from anyio import to_thread
from sqlalchemy import insert

from app.models import User
from app.services import Services
from tests.cli import Run, create
from tests.people import BOB


def test_a_terminal_shows_a_table_of_the_users(run: Run, terminal: Run) -> None:
    create(run, BOB, "--role", "admin")
    create(run, "日本語")
    assert run("disable-user", BOB)[0] == 0
    status, out, _ = terminal("list-users")
    assert status == 0
    assert [re.sub(r"\d+ \w+ ago", "0 s ago", line) for line in out.splitlines()] == [
        "ID  NAME    ROLE   STATE     CREATED",
        "1   bob     admin  disabled  0 s ago",
        # Three characters that are two columns wide each.
        "2   日本語  user   active    0 s ago",
    ]


def test_a_pipe_gets_a_line_for_each_user_and_nothing_is_cut(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert run("list-users") == (0, "", "")
    name = "x" * 64
    create(run, name)
    status, out, _ = run("list-users")
    assert status == 0
    *columns, created = out.removesuffix("\n").split("\t")
    assert columns == ["1", name, "user", "active"]
    assert re.fullmatch(r"[0-9]+-[0-9]{2}-[0-9]{2}T[0-9:]{8}\+00:00", created)


def test_a_long_name_gives_way_to_the_width_of_the_terminal(
    terminal: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    create(terminal, "x" * 64)
    line = terminal("list-users")[1].splitlines()[-1]
    assert re.fullmatch(r"1   x+…  user  active  \d+ \w+ ago", line)
    assert len(line) <= 60


@pytest.mark.parametrize("name", ["a\x1b[2J\r\n\t\x07\u202eb", "a[red]b[/red]", ":warning:"])
async def test_no_name_can_command_the_terminal(
    run: Run, terminal: Run, services: Services, name: str
) -> None:
    user = insert(User).values(name=name, password_hash="", role="user", created_at=0.0)
    await services.database.execute(user)
    shown = name.replace("a\x1b[2J\r\n\t\x07\u202eb", "a�[2J�����b")
    for command in (run, terminal):
        out = (await to_thread.run_sync(command, "list-users"))[1]
        assert shown in out
        assert re.sub(r"[\n\t]", "", out).isprintable()
        assert len(out.splitlines()) == (1 if command is run else 2)


def test_an_output_that_knows_only_ascii_gets_the_rest(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(run, "日本")
    output = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(output, encoding="latin-1"))
    assert run("list-users")[0] == 0
    assert b"\\u65e5\\u672c\tuser" in output.getvalue()
