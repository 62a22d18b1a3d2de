"""How long a session lives, and what ends it."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from tests.browser import PASSWORD, Browser
from tests.conftest import Clock, Start

NEW_PASSWORD = "quite another set of words"


async def test_the_idle_limit_holds_to_the_second(browser: Browser, clock: Clock) -> None:
    await browser.signed_in()
    clock.turn(3599)
    assert await browser.is_signed_in()
    clock.turn(3600)
    assert not await browser.is_signed_in()


async def test_activity_slides_the_idle_limit_and_never_the_absolute_one(
    browser: Browser, clock: Clock
) -> None:
    await browser.signed_in()
    for _ in range(23):
        clock.turn(1800)
        assert await browser.is_signed_in()
    clock.turn(1799)
    assert await browser.is_signed_in()
    clock.turn(1)
    assert not await browser.is_signed_in()


async def test_remember_me_outlives_the_idle_limit_but_not_its_own(
    browser: Browser, clock: Clock
) -> None:
    await browser.register()
    await browser.sign_in(remember=True)
    ticket = browser.ticket
    clock.turn(2_591_999)
    assert await browser.opens(ticket)
    clock.turn(1)
    assert not await browser.opens(ticket)


async def test_last_seen_is_written_once_a_minute(browser: Browser, clock: Clock) -> None:
    await browser.signed_in()
    created = (await browser.get("/api/session")).json()["created_at"]
    clock.turn(59)
    assert (await browser.get("/api/session")).json()["last_seen_at"] == created
    clock.turn(1)
    seen = (await browser.get("/api/session")).json()["last_seen_at"]
    assert (datetime.fromisoformat(seen) - datetime.fromisoformat(created)).seconds == 60


async def test_last_seen_is_written_more_often_for_a_short_idle_limit(
    start: Start, clock: Clock
) -> None:
    browser = await Browser(await start(session_idle_timeout=20)).signed_in()
    for _ in range(40):
        clock.turn(1)
        assert await browser.is_signed_in()


async def test_a_session_tells_its_times(browser: Browser, clock: Clock) -> None:
    await browser.signed_in()
    session = (await browser.get("/api/session")).json()
    assert set(session) == {"id", "created_at", "last_seen_at", "expires_at", "authenticated_at"}
    assert datetime.fromisoformat(session["created_at"]).timestamp() == clock.now
    assert datetime.fromisoformat(session["expires_at"]).timestamp() == clock.now + 3600
    assert browser.ticket not in session.values()


async def test_all_other_sessions_can_be_ended_at_once(browser: Browser, other: Browser) -> None:
    await browser.signed_in()
    await other.sign_in()
    assert (await browser.delete("/api/sessions")).status_code == 204
    assert await browser.is_signed_in()
    assert not await other.is_signed_in()


async def test_a_password_change_ends_the_others_and_renews_this_one(
    browser: Browser, other: Browser, clock: Clock
) -> None:
    await browser.signed_in()
    await other.sign_in()
    before = browser.ticket
    asked = (await browser.get("/api/session")).json()["authenticated_at"]
    clock.turn(10)
    assert await change_password(browser, PASSWORD, NEW_PASSWORD) == 204
    assert (await browser.get("/api/session")).json()["authenticated_at"] > asked
    assert browser.ticket != before
    assert await browser.is_signed_in()
    assert not await browser.opens(before)
    assert not await other.is_signed_in()
    assert (await other.sign_in(password=PASSWORD)).status_code == 401
    assert (await other.sign_in(password=NEW_PASSWORD)).status_code == 200


async def test_a_password_change_asks_for_the_current_one(browser: Browser, other: Browser) -> None:
    await browser.signed_in()
    await other.sign_in()
    assert await change_password(browser, "not the current one", NEW_PASSWORD) == 403
    assert await change_password(browser, PASSWORD, "short") == 422
    assert await other.is_signed_in()
    assert (await browser.sign_in(password=PASSWORD)).status_code == 200


async def test_of_two_password_changes_at_once_one_wins(browser: Browser) -> None:
    await browser.signed_in()
    answers = await asyncio.gather(
        *(change_password(browser, PASSWORD, f"{NEW_PASSWORD} {n}") for n in range(4))
    )
    # The others find their session ended, or the password changed already.
    assert answers.count(204) == 1
    assert set(answers) <= {204, 401, 403}
    assert await browser.is_signed_in()


async def test_knowing_the_current_password_forgets_the_guesses(browser: Browser) -> None:
    await browser.signed_in()
    for current, new in ((PASSWORD, NEW_PASSWORD), (NEW_PASSWORD, PASSWORD)):
        for _ in range(4):
            assert await change_password(browser, "not the current one", new) == 403
        assert await change_password(browser, current, new) == 204


async def test_guessing_at_the_current_password_is_throttled(browser: Browser) -> None:
    await browser.signed_in()
    for _ in range(5):
        assert await change_password(browser, "not the current one", NEW_PASSWORD) == 403
    assert await change_password(browser, PASSWORD, NEW_PASSWORD) == 429


async def test_a_sign_in_that_is_overtaken_by_the_end_of_the_account_fails(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await browser.register()
    services = browser.app.state.services
    begin = services.sessions.start
    started = []

    async def start_after_the_account_is_closed(*values: Any, **options: Any) -> Any:
        await services.accounts.disable("alice")
        started.append(await begin(*values, **options))
        return started[0]

    monkeypatch.setattr(services.sessions, "start", start_after_the_account_is_closed)
    assert (await browser.sign_in()).status_code == 401
    assert browser.ticket is None
    assert await services.sessions.resume(started[0].ticket) is None


async def change_password(browser: Browser, current: str, new: str) -> int:
    body = {"current_password": current, "new_password": new}
    return (await browser.post("/api/password", json=body)).status_code
