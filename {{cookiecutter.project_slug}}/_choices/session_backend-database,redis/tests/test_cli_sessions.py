"""The list of a user's sessions: a table for people, lines for programs, harmless on a terminal."""

import re
import time

import pytest
from anyio import to_thread

from app import security_log
from app.services import Services
from app.sessions.service import SessionService
from app.sessions.session import ClientInfo, SignIn
from tests.cli import Run
from tests.client import PASSWORD
from tests.conftest import Clock
from tests.people import ALICE, BOB, SPELLINGS


@pytest.fixture
async def signed_in(services: Services, clock: Clock) -> str:
    """Return the id of a session of alice's, created two hours ago by a hostile client."""
    clock.now = time.time() - 2 * 3600 - 5
    user = await services.users.register(ALICE, PASSWORD)
    client = ClientInfo("192.0.2.1", "\x1b[2J[red]" + "x" * 40 + "Bot/1.0 (X11; Linux x86_64)")
    sign_in = SignIn(user.id, user.session_version)
    session = await services.sessions.create(sign_in, client, remember=True)
    return security_log.short(session.record.key)


async def test_a_terminal_shows_a_table_of_the_sessions_of_a_user(
    terminal: Run, signed_in: str
) -> None:
    status, out, _ = await to_thread.run_sync(terminal, "list-sessions", SPELLINGS[0])
    assert status == 0
    heads, row = out.splitlines()
    assert re.split(" {2,}", heads) == ["ID", "IP", "BROWSER", "CREATED", "LAST SEEN", "EXPIRES"]
    session_id, address, browser, *times = re.split(" {2,}", row)
    assert (session_id, address) == (signed_in, "192.0.2.1")
    assert re.fullmatch(r"\[2J\[red\]x+…", browser)
    assert times == ["2 h ago", "2 h ago", "in 29 d"]


async def test_a_pipe_gets_a_line_for_each_session_and_nothing_is_cut(
    run: Run, signed_in: str
) -> None:
    out = (await to_thread.run_sync(run, "list-sessions", ALICE))[1]
    [line] = out.splitlines()
    session_id, address, browser, created, seen, expires = line.split("\t")
    assert (session_id, address) == (signed_in, "192.0.2.1")
    assert browser == "[2J[red]" + "x" * 40 + "Bot on Linux"
    assert created == seen < expires


@pytest.mark.usefixtures("signed_in")
async def test_a_revoked_session_is_not_listed_even_while_it_is_stored(
    run: Run, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: object) -> None:
        """Stop after the first of the two steps of ending sessions."""

    monkeypatch.setattr(SessionService, "revoke_before", killed)
    await services.users.end_sessions(ALICE)
    assert await to_thread.run_sync(run, "list-sessions", ALICE) == (0, "", "")


def test_the_sessions_of_nobody_are_not_listed(run: Run) -> None:
    status, out, error = run("list-sessions", BOB)
    assert (status, out) == (1, "")
    assert f"no user named {BOB!r}" in error
