"""How long a session lives, and what ends it."""

import asyncio
from datetime import datetime

import pytest

from app.sessions.session import Client
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


async def test_users_see_their_own_sessions_and_no_others(browser: Browser, other: Browser) -> None:
    await browser.signed_in("alice")
    await Browser(browser.app).signed_in("bob")
    other.headers["user-agent"] = "Telephone/1.0"
    await other.sign_in("alice")
    sessions = (await browser.get("/api/sessions")).json()
    assert len(sessions) == 2
    assert [each["ip"] for each in sessions if each["current"]] == ["192.0.2.1"]
    [there] = [each for each in sessions if not each["current"]]
    assert (there["ip"], there["user_agent"]) == ("198.51.100.7", "Telephone/1.0")


async def test_an_expired_session_is_in_no_list(
    browser: Browser, other: Browser, clock: Clock
) -> None:
    await browser.signed_in()
    clock.turn(1800)
    await other.sign_in()
    assert len((await other.get("/api/sessions")).json()) == 2
    clock.turn(1800)
    assert len((await other.get("/api/sessions")).json()) == 1


async def test_a_user_agent_is_kept_without_what_cannot_be_seen(browser: Browser) -> None:
    await browser.register()
    browser.headers["user-agent"] = "Tele\x1b[31mphone" + "x" * 300
    await browser.sign_in()
    [session] = (await browser.get("/api/sessions")).json()
    assert session["user_agent"].startswith("Tele[31mphonexxx")
    assert len(session["user_agent"]) <= 200


async def test_a_session_can_be_ended_from_another_device(browser: Browser, other: Browser) -> None:
    await browser.signed_in()
    await other.sign_in()
    there = (await other.get("/api/session")).json()["id"]
    assert (await browser.delete(f"/api/sessions/{there}")).status_code == 204
    assert not await other.is_signed_in()
    assert await browser.is_signed_in()
    assert (await browser.delete(f"/api/sessions/{there}")).status_code == 404


async def test_ending_the_current_session_deletes_its_cookie(browser: Browser) -> None:
    await browser.signed_in()
    here = (await browser.get("/api/session")).json()["id"]
    assert (await browser.delete(f"/api/sessions/{here}")).status_code == 204
    assert browser.ticket is None


async def test_the_session_of_somebody_else_is_unknown(browser: Browser, other: Browser) -> None:
    await browser.signed_in("alice")
    await other.signed_in("bob")
    hers = (await browser.get("/api/session")).json()["id"]
    stranger = await other.delete(f"/api/sessions/{hers}")
    nobody = await other.delete(f"/api/sessions/{'0' * 64}")
    nonsense = await other.delete("/api/sessions/nonsense")
    assert stranger.status_code == nobody.status_code == nonsense.status_code == 404
    assert stranger.content == nobody.content == nonsense.content
    assert await browser.is_signed_in()


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


async def test_a_password_change_at_the_moment_of_logout_leaves_no_session(
    browser: Browser,
) -> None:
    await browser.signed_in()
    accounts = browser.app.state.services.accounts
    session, user = await browser.app.state.services.sessions.resume_with_user(browser.ticket)
    await browser.post("/api/logout")
    client = Client("192.0.2.1", "")
    ticket = await accounts.change_password(user, session, client, PASSWORD, NEW_PASSWORD)
    assert ticket is None


@pytest.mark.parametrize("end", ["disable", "end_sessions"])
async def test_an_operator_ends_every_session_of_a_user(
    browser: Browser, other: Browser, end: str
) -> None:
    await browser.signed_in("alice")
    await other.signed_in("bob")
    assert await getattr(browser.app.state.services.accounts, end)("Alice") == 1
    assert not await browser.is_signed_in()
    assert (await browser.get("/api/session")).status_code == 401
    assert await other.is_signed_in()


async def test_a_session_of_an_earlier_epoch_is_dead_before_it_is_removed(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed_meanwhile(*_: object) -> int:
        return 0

    await browser.signed_in()
    monkeypatch.setattr(browser.app.state.services.sessions, "end_before", killed_meanwhile)
    await browser.app.state.services.accounts.end_sessions("alice")
    assert not await browser.is_signed_in()
    assert (await browser.get("/api/sessions")).status_code == 401
    assert (await browser.delete("/api/sessions")).status_code == 401


async def test_a_sign_in_that_was_under_way_does_not_survive_the_account(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await browser.register()
    services = browser.app.state.services
    begin = services.sessions.start

    async def start_after_the_account_is_closed(*values: object, **options: object) -> object:
        await services.accounts.disable("alice")
        return await begin(*values, **options)

    monkeypatch.setattr(services.sessions, "start", start_after_the_account_is_closed)
    assert (await browser.sign_in()).status_code == 401
    assert browser.ticket is None
    assert await services.sessions.of_user(1) == []


async def test_a_use_that_is_noted_late_does_not_bring_a_session_back(
    browser: Browser, clock: Clock
) -> None:
    await browser.signed_in()
    services = browser.app.state.services
    session = await services.sessions.resume(browser.ticket)
    await browser.post("/api/logout")
    seen = session._replace(last_seen_at=clock.now + 60, expires_at=clock.now + 3660)
    await services.sessions._store.touch(session, seen)
    assert await services.sessions.of_user(session.user_id) == []


async def test_of_many_requests_at_once_one_notes_the_use(browser: Browser) -> None:
    await browser.signed_in()
    sessions = browser.app.state.services.sessions
    session = await sessions.resume(browser.ticket)
    for later in (60, 61):
        seen = session._replace(last_seen_at=session.last_seen_at + later)
        await sessions._store.touch(session, seen)
    [noted] = await sessions.of_user(session.user_id)
    assert noted.last_seen_at == session.last_seen_at + 60


async def test_expired_sessions_are_swept_away(browser: Browser, clock: Clock) -> None:
    await browser.signed_in()
    clock.turn(3600)
    assert await browser.app.state.services.sessions.sweep() == 1
    assert await browser.app.state.services.purge() == 0


async def test_signing_in_sweeps_so_that_the_table_stays_bounded(
    browser: Browser, clock: Clock
) -> None:
    await browser.signed_in()
    for _ in range(3):
        clock.turn(3600)
        browser.cookies.clear()
        await browser.sign_in()
    clock.turn(3600)
    assert await browser.app.state.services.sessions.sweep() == 1


async def change_password(browser: Browser, current: str, new: str) -> int:
    body = {"current_password": current, "new_password": new}
    return (await browser.post("/api/password", json=body)).status_code
