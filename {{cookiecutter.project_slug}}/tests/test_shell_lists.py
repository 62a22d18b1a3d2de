"""What the commands list: aligned for a person, whole for a script, harmless for both."""

import io
import re
#{% if cookiecutter.session_backend in ("database", "redis") %}
import time
#{% endif %}

import pytest
from anyio import to_thread
from sqlalchemy import insert

#{% if cookiecutter.session_backend in ("database", "redis") %}
from app import security_log
#{% endif %}
from app.models import User
from app.services import Services
#{% if cookiecutter.session_backend in ("database", "redis") %}
from app.sessions.session import Client
from tests.browser import PASSWORD
from tests.conftest import Clock
#{% endif %}
from tests.shell import Run, create


def test_a_terminal_shows_the_users_in_a_table(run: Run, terminal: Run) -> None:
    create(run, "bob", "--role", "admin")
    create(run, "日本語")
    create(run, "สวัสดี")
    assert run("disable-user", "bob")[0] == 0
    status, out, _ = terminal("list-users")
    assert status == 0
    assert [re.sub(r"\d+ \w+ ago", "0 s ago", line) for line in out.splitlines()] == [
        "ID  NAME    ROLE   STATE   CREATED",
        "1   bob     admin  closed  0 s ago",
        # Six characters, of which two stand above others.
        "3   สวัสดี    user   open    0 s ago",
        # Three characters, of two columns each.
        "2   日本語  user   open    0 s ago",
    ]


def test_a_pipe_gets_a_line_for_each_user_and_nothing_is_cut(run: Run) -> None:
    assert run("list-users") == (0, "", "")
    name = "x" * 64
    create(run, name)
    status, out, _ = run("list-users")
    assert status == 0
    *columns, created = out.removesuffix("\n").split("\t")
    assert columns == ["1", name, "user", "open"]
    assert re.fullmatch(r"[0-9]+-[0-9]{2}-[0-9]{2}T[0-9:]{8}\+00:00", created)


def test_a_long_name_gives_way_to_the_width_of_the_terminal(
    terminal: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    create(terminal, "x" * 64)
    line = terminal("list-users")[1].splitlines()[-1]
    assert re.fullmatch(r"1   x+…  user  open   \d+ \w+ ago", line)
    assert len(line) <= 50
    monkeypatch.setenv("COLUMNS", "5")
    assert "  xxxxxxxxx…  " in terminal("list-users")[1]


async def test_no_name_can_command_the_terminal(terminal: Run, services: Services) -> None:
    values = {"password_hash": "", "role": "user", "created_at": 0}
    name = "a\x1b[2J\r\n\t\x07\u202eb"
    await services.database.run(insert(User), {"username": name, **values})
    out = (await to_thread.run_sync(terminal, "list-users"))[1]
    assert "a�[2J�����b" in out
    assert out.replace("\n", "").isprintable()


def test_a_terminal_that_knows_ascii_alone_is_told_all_the_same(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(run, "日本")
    output = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(output, encoding="ascii"))
    assert run("list-users")[0] == 0
    assert b"\\u65e5\\u672c\tuser" in output.getvalue()
#{% if cookiecutter.session_backend in ("database", "redis") %}


@pytest.fixture
async def signed_in(services: Services, clock: Clock) -> str:
    """Return the id of a session of alice's, of two hours ago, with a hostile browser."""
    clock.now = time.time() - 2 * 3600 - 5
    user = await services.accounts.register("alice", PASSWORD)
    client = Client("192.0.2.1", "Evil\x1b[2J\t\u202e/1.0 " + "x" * 100)
    session = await services.sessions.start(user.id, 0, client, remember=True)
    return security_log.short(session.record.key)


async def test_a_terminal_shows_the_sessions_of_a_user_in_a_table(
    terminal: Run, signed_in: str
) -> None:
    status, out, _ = await to_thread.run_sync(terminal, "list-sessions", "Alice")
    assert status == 0
    assert out.splitlines() == [
        "ID            SINCE    LAST SEEN  ADDRESS    BROWSER                     ENDS",
        f"{signed_in}  2 h ago  2 h ago    192.0.2.1  Evil�[2J��/1.0 xxxxxxxxxx…  in 29 d",
    ]


async def test_a_pipe_gets_a_line_for_each_session_and_nothing_is_cut(
    run: Run, signed_in: str
) -> None:
    out = (await to_thread.run_sync(run, "list-sessions", "alice"))[1]
    [line] = out.splitlines()
    session_id, since, seen, address, browser, ends = line.split("\t")
    assert (session_id, address) == (signed_in, "192.0.2.1")
    assert browser == "Evil�[2J��/1.0 " + "x" * 100
    assert since == seen < ends


@pytest.mark.usefixtures("signed_in")
async def test_what_was_ended_is_in_no_list_even_when_it_is_still_stored(
    run: Run, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: object) -> None:
        """Stop after the first of the two steps of ending sessions."""

    monkeypatch.setattr(services.sessions, "end_before", killed)
    await services.accounts.end_sessions("alice")
    assert await to_thread.run_sync(run, "list-sessions", "alice") == (0, "", "")
#{% endif %}
