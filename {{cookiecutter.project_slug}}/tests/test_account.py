"""What wants a fresh proof of who is there, and the end of an account."""

import asyncio

import pytest

from app.sessions.session import FRESH_SECONDS
from app.web.access import CurrentSession, CurrentSignedIn, FreshUser
from tests.browser import COOKIE, PASSWORD, Browser
from tests.conftest import Clock, Start


async def test_something_sensitive_wants_a_password_of_the_last_ten_minutes(
    browser: Browser, clock: Clock
) -> None:
    assert FRESH_SECONDS == 600
    await browser.signed_in()
    clock.turn(601)
    refused = await browser.delete("/api/me")
    assert refused.status_code == 403
    assert refused.json() == {"detail": "Confirm your password first: POST /api/confirm."}
    assert await browser.is_signed_in()

    assert (await browser.post("/api/confirm", json={"password": PASSWORD})).status_code == 204
    clock.turn(600)
    assert (await browser.delete("/api/me")).status_code == 204


async def test_using_a_session_does_not_make_it_fresh(browser: Browser, clock: Clock) -> None:
    await browser.signed_in()
    for _ in range(7):
        clock.turn(100)
        assert (await browser.get("/api/me")).status_code == 200
    assert (await browser.delete("/api/me")).status_code == 403


async def test_a_confirmation_is_one_of_the_same_person(browser: Browser, clock: Clock) -> None:
    await browser.signed_in()
    clock.turn(601)
    before = (await browser.get("/api/session")).json()["authenticated_at"]
    wrong = await browser.post("/api/confirm", json={"password": "not the right password"})
    assert wrong.status_code == 403
    assert wrong.json() == {"detail": "That is not your password."}
    assert (await browser.get("/api/session")).json()["authenticated_at"] == before
    assert (await browser.delete("/api/me")).status_code == 403
    assert (await browser.post("/api/confirm", json={})).status_code == 422


async def test_a_confirmation_gives_a_new_ticket_and_ends_the_old_one(
    browser: Browser, clock: Clock
) -> None:
    await browser.signed_in()
    clock.turn(10)
    before = browser.ticket
    await browser.post("/api/confirm", json={"password": PASSWORD})
    assert browser.ticket != before
    assert not await browser.opens(before)
    session = (await browser.get("/api/session")).json()
    assert session["authenticated_at"] > session["created_at"]


async def test_guessing_at_a_confirmation_is_throttled(browser: Browser) -> None:
    await browser.signed_in()
    for _ in range(5):
        await browser.post("/api/confirm", json={"password": "not the right password"})
    answer = await browser.post("/api/confirm", json={"password": PASSWORD})
    assert answer.status_code == 429


async def test_a_session_that_is_ended_during_the_confirmation_stays_ended(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await browser.signed_in()
    services = browser.app.state.services
    check = services.accounts._credentials.check

    async def end_meanwhile(*values: str, **options: str) -> object:
        found = await check(*values, **options)
        await services.sessions.end(browser.ticket)
        return found

    monkeypatch.setattr(services.accounts._credentials, "check", end_meanwhile)
    assert (await browser.post("/api/confirm", json={"password": PASSWORD})).status_code == 401
    assert not await browser.is_signed_in()


async def test_a_deleted_account_is_gone_and_its_name_is_free(browser: Browser) -> None:
    await browser.signed_in()
    deleted = await browser.delete("/api/me")
    assert "Max-Age=0" in deleted.headers["set-cookie"]
    assert (await browser.sign_in()).status_code == 401
    assert (await browser.register()).json() == {"id": 2, "username": "alice", "role": "user"}


async def test_a_role_holds_from_the_next_sign_in_on(browser: Browser) -> None:
    await browser.signed_in()
    await browser.app.state.services.accounts.change_role("alice", "admin")
    assert not await browser.is_signed_in()
    await browser.sign_in()
    assert (await browser.get("/api/admin/users")).status_code == 200


async def test_an_account_that_is_deleted_while_its_owner_signs_in_stays_deleted(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await browser.register()
    accounts = browser.app.state.services.accounts
    check = accounts._credentials.check

    async def delete_meanwhile(*values: str, **options: str) -> object:
        found = await check(*values, **options)
        await accounts.delete("alice")
        return found

    monkeypatch.setattr(accounts._credentials, "check", delete_meanwhile)
    assert (await browser.sign_in()).status_code == 401
    assert browser.ticket is None


async def test_to_delete_an_account_twice_at_once_is_to_delete_it_once(browser: Browser) -> None:
    await browser.signed_in()
    headers = {"cookie": f"{COOKIE}={browser.ticket}"}
    answers = await asyncio.gather(
        *(Browser(browser.app).delete("/api/me", headers=headers) for _ in range(3))
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [204, 401, 401]


@pytest.mark.parametrize("meanwhile", ["its sessions end", "the name has another owner"])
async def test_a_deletion_is_of_the_account_and_the_session_that_asked_for_it(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    await browser.signed_in()
    accounts = browser.app.state.services.accounts
    delete_own = accounts.delete_own

    async def delete_late(*values: object) -> None:
        if meanwhile == "its sessions end":
            await accounts.end_sessions("alice")
        else:
            await accounts.delete("alice")
            await accounts.register("alice", PASSWORD)
        await delete_own(*values)

    monkeypatch.setattr(accounts, "delete_own", delete_late)
    assert (await browser.delete("/api/me")).status_code == 401
    assert (await browser.sign_in("alice")).status_code == 200


async def test_a_route_that_asks_twice_who_is_there_reads_once(
    start: Start, statements: list[str]
) -> None:
    async def ask(user: FreshUser, signed_in: CurrentSignedIn, session: CurrentSession) -> bool:
        return user == signed_in.user and session is signed_in.session

    app = await start()
    app.add_api_route("/api/ask", ask)
    browser = await Browser(app).signed_in()
    statements.clear()
    assert (await browser.get("/api/ask")).json() is True
    assert len(statements) <= 1
