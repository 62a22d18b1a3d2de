"""How long a session lives, and what ends it."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from app.sessions.active_session import ActiveSession
from app.sessions.service import SessionService
from app.web.dependencies import CurrentUser
from tests.client import PASSWORD, Client
from tests.conftest import Clock, Start
from tests.people import ALICE

NEW_PASSWORD = "quite another set of words"


async def test_the_idle_timeout_holds_to_the_second(client: Client, clock: Clock) -> None:
    await client.signed_in()
    clock.turn(3599)
    assert await client.is_signed_in()
    clock.turn(3600)
    assert not await client.is_signed_in()


async def test_activity_extends_the_idle_timeout_and_never_the_lifetime(
    client: Client, clock: Clock
) -> None:
    await client.signed_in()
    for _ in range(23):
        clock.turn(1800)
        assert await client.is_signed_in()
    clock.turn(1799)
    assert await client.is_signed_in()
    clock.turn(1)
    assert not await client.is_signed_in()


async def test_remember_me_outlives_the_idle_timeout_but_not_its_own_lifetime(
    client: Client, clock: Clock
) -> None:
    await client.register()
    await client.sign_in(remember=True)
    token = client.token
    clock.turn(2_591_999)
    assert await client.opens(token)
    clock.turn(1)
    assert not await client.opens(token)


async def test_a_session_from_the_future_is_not_active(client: Client, clock: Clock) -> None:
    await client.signed_in()
    clock.turn(-60)
    assert await client.is_signed_in()
    clock.turn(-1)
    assert not await client.is_signed_in()
    assert (await client.get("/api/session")).status_code == 401
    # Nothing was deleted: the clock of this host may be the one that is wrong.
    clock.turn(61)
    assert await client.is_signed_in()


async def test_a_slow_request_takes_no_new_token_away(client: Client, clock: Clock) -> None:
    began, may_end = asyncio.Event(), asyncio.Event()

    async def work(_: CurrentUser) -> None:
        began.set()
        await may_end.wait()

    client.app.add_api_route("/work", work)
    await client.signed_in()
    clock.turn(61)
    slow = asyncio.create_task(client.get("/work"))
    await began.wait()
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert (await client.post("/api/password", json=body)).status_code == 204
    may_end.set()
    assert (await slow).status_code == 200
    assert await client.is_signed_in()


async def test_whoever_signs_out_by_a_clock_far_ahead_stays_signed_out(
    client: Client, clock: Clock
) -> None:
    await client.signed_in()
    token = client.token
    clock.turn(86_400)
    await client.post("/api/logout")
    clock.turn(-86_400)
    assert not await client.opens(token)


async def test_last_seen_is_written_once_a_minute(client: Client, clock: Clock) -> None:
    await client.signed_in()
    created = (await client.get("/api/session")).json()["created_at"]
    clock.turn(59)
    assert (await client.get("/api/session")).json()["last_seen_at"] == created
    clock.turn(1)
    seen = (await client.get("/api/session")).json()["last_seen_at"]
    assert (datetime.fromisoformat(seen) - datetime.fromisoformat(created)).seconds == 60


async def test_last_seen_is_written_more_often_for_a_short_idle_timeout(
    start: Start, clock: Clock
) -> None:
    client = await Client(await start(session_idle_timeout=20)).signed_in()
    for _ in range(40):
        clock.turn(1)
        assert await client.is_signed_in()


async def test_a_session_shows_its_times(client: Client, clock: Clock) -> None:
    await client.signed_in()
    session = (await client.get("/api/session")).json()
    assert set(session) == {"id", "created_at", "last_seen_at", "expires_at", "authenticated_at"}
    assert datetime.fromisoformat(session["created_at"]).timestamp() == clock.now
    assert datetime.fromisoformat(session["expires_at"]).timestamp() == clock.now + 3600
    assert client.token not in session.values()


async def test_all_other_sessions_can_be_ended_at_once(client: Client, other: Client) -> None:
    await client.signed_in()
    await other.signed_in()
    assert (await client.delete("/api/sessions")).status_code == 204
    assert await client.is_signed_in()
    assert not await other.is_signed_in()


async def test_a_password_change_ends_other_sessions_and_rotates_the_token(
    client: Client, other: Client, clock: Clock
) -> None:
    await client.signed_in()
    await other.signed_in()
    before = client.token
    confirmed = (await client.get("/api/session")).json()["authenticated_at"]
    clock.turn(10)
    assert await change_password(client, PASSWORD, NEW_PASSWORD) == 204
    assert (await client.get("/api/session")).json()["authenticated_at"] > confirmed
    assert client.token != before
    assert await client.is_signed_in()
    assert not await client.opens(before)
    assert not await other.is_signed_in()
    assert (await other.sign_in(password=PASSWORD)).status_code == 401
    assert (await other.sign_in(password=NEW_PASSWORD)).status_code == 200


async def test_a_password_change_requires_the_current_password(
    client: Client, other: Client
) -> None:
    await client.signed_in()
    await other.signed_in()
    assert await change_password(client, "not the current one", NEW_PASSWORD) == 403
    assert await change_password(client, PASSWORD, "short") == 422
    assert await other.is_signed_in()
    assert (await client.sign_in(password=PASSWORD)).status_code == 200


async def test_of_several_password_changes_at_once_one_wins(client: Client) -> None:
    await client.signed_in()
    statuses = await asyncio.gather(
        *(change_password(client, PASSWORD, f"{NEW_PASSWORD} {n}") for n in range(4))
    )
    # The others find their session ended, or the password changed already.
    assert statuses.count(204) == 1
    assert set(statuses) <= {204, 401, 403}
    assert await client.is_signed_in()
    won = f"{NEW_PASSWORD} {statuses.index(204)}"
    assert (await Client(client.app).sign_in(password=won)).status_code == 200


async def test_the_right_current_password_forgets_earlier_failures(client: Client) -> None:
    await client.signed_in()
    for current, new in ((PASSWORD, NEW_PASSWORD), (NEW_PASSWORD, PASSWORD)):
        for _ in range(4):
            assert await change_password(client, "not the current one", new) == 403
        assert await change_password(client, current, new) == 204


async def test_guessing_the_current_password_is_rate_limited(client: Client) -> None:
    await client.signed_in()
    for _ in range(5):
        assert await change_password(client, "not the current one", NEW_PASSWORD) == 403
    assert await change_password(client, PASSWORD, NEW_PASSWORD) == 429


async def test_a_sign_in_fails_when_the_account_is_disabled_meanwhile(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.register()
    services = client.app.state.services
    create = SessionService.create
    created: list[ActiveSession] = []

    async def create_after_the_account_is_disabled(*values: Any, **options: Any) -> ActiveSession:
        await services.users.disable(ALICE)
        created.append(await create(*values, **options))
        return created[0]

    monkeypatch.setattr(SessionService, "create", create_after_the_account_is_disabled)
    assert (await client.sign_in()).status_code == 401
    assert client.token is None
    assert await services.sessions.load(created[0].token) is None


async def test_a_clock_that_was_a_century_ahead_once_locks_nobody_out(
    client: Client, clock: Clock
) -> None:
    century = 100 * 365 * 86_400
    await client.signed_in()
    clock.turn(century)
    await client.app.state.services.users.set_password(ALICE, NEW_PASSWORD)
    clock.turn(-century)
    assert (await client.sign_in(password=NEW_PASSWORD)).status_code == 200
    assert await client.is_signed_in()


async def change_password(client: Client, current: str, new: str) -> int:
    body = {"current_password": current, "new_password": new}
    return (await client.post("/api/password", json=body)).status_code
