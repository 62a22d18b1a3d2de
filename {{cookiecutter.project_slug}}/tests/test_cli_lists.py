"""The list of users: a table for people, lines for programs, harmless on a terminal."""

import io
import re

import pytest
from anyio import to_thread
from rich.cells import cell_len, set_cell_size
from sqlalchemy import insert

from app.models import User
from app.services import Services
from tests.cli import Run, create
from tests.people import BOB, LONG, WIDE


def test_a_terminal_shows_a_table_of_the_users(run: Run, terminal: Run) -> None:
    create(run, BOB, "--role", "admin")
    create(run, WIDE)
    assert run("disable-user", BOB)[0] == 0
    status, out, _ = terminal("list-users")
    assert status == 0
    # Three of its characters are two columns wide each.
    name, bob, wide = (set_cell_size(each, cell_len(WIDE)) for each in ("NAME", BOB, WIDE))
    assert [re.sub(r"\d+ \w+ ago", "0 s ago", line) for line in out.splitlines()] == [
        f"ID  {name}  ROLE   STATE     CREATED",
        f"1   {bob}  admin  disabled  0 s ago",
        f"2   {wide}  user   active    0 s ago",
    ]


def test_a_pipe_gets_a_line_for_each_user_and_nothing_is_cut(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert run("list-users") == (0, "", "")
    create(run, LONG)
    status, out, _ = run("list-users")
    assert status == 0
    *columns, created = out.removesuffix("\n").split("\t")
    assert columns == ["1", LONG, "user", "active"]
    assert re.fullmatch(r"[0-9]+-[0-9]{2}-[0-9]{2}T[0-9:]{8}\+00:00", created)


def test_users_are_read_in_batches_and_listed_all(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cli.USERS_AT_ONCE", 1)
    create(run, BOB)
    create(run, WIDE)
    out = run("list-users")[1]
    assert [line.split("\t")[:2] for line in out.splitlines()] == [["1", BOB], ["2", WIDE]]


def test_a_long_name_gives_way_to_the_width_of_the_terminal(
    terminal: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    create(terminal, LONG)
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
    create(run, WIDE)
    output = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(output, encoding="latin-1"))
    assert run("list-users")[0] == 0
    assert WIDE.encode("ascii", "backslashreplace") + b"\tuser" in output.getvalue()
