"""Somebody has copied a cookie, and keeps it after its session has ended."""

from collections.abc import Awaitable, Callable

import pytest

from tests.browser import COOKIE, PASSWORD, Browser
from tests.conftest import Clock
from tests.sockets import Socket

NEW_PASSWORD = "quite another set of words"


async def sign_in_again(browser: Browser, _: Clock) -> None:
    await browser.sign_in()


async def log_out(browser: Browser, _: Clock) -> None:
    await browser.post("/api/logout")


async def end_others(browser: Browser, _: Clock) -> None:
    elsewhere = Browser(browser.app)
    await elsewhere.sign_in()
    await elsewhere.delete("/api/sessions")


async def change_password(browser: Browser, _: Clock) -> None:
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert (await browser.post("/api/password", json=body)).status_code == 204


async def change_password_elsewhere(browser: Browser, clock: Clock) -> None:
    elsewhere = Browser(browser.app)
    await elsewhere.sign_in()
    await change_password(elsewhere, clock)


async def confirm_password(browser: Browser, _: Clock) -> None:
    assert (await browser.post("/api/confirm", json={"password": PASSWORD})).status_code == 204


async def delete_account(browser: Browser, _: Clock) -> None:
    assert (await browser.delete("/api/me")).status_code == 204


async def operator_ends_sessions(browser: Browser, _: Clock) -> None:
    await browser.app.state.services.accounts.end_sessions("alice")


async def operator_closes_account(browser: Browser, _: Clock) -> None:
    await browser.app.state.services.accounts.disable("alice")


async def operator_deletes_account(browser: Browser, _: Clock) -> None:
    await browser.app.state.services.accounts.delete("alice")


async def operator_changes_role(browser: Browser, _: Clock) -> None:
    await browser.app.state.services.accounts.change_role("alice", "admin")


async def idle_for_too_long(_: Browser, clock: Clock) -> None:
    clock.turn(3600)


async def used_for_too_long(browser: Browser, clock: Clock) -> None:
    for _ in range(24):
        clock.turn(1800)
        await browser.get("/api/me")


ENDS = [
    sign_in_again,
    log_out,
    end_others,
    change_password,
    change_password_elsewhere,
    confirm_password,
    delete_account,
    operator_ends_sessions,
    operator_closes_account,
    operator_deletes_account,
    operator_changes_role,
    idle_for_too_long,
    used_for_too_long,
    #{% if cookiecutter.frontend == "html" %}
]


async def log_out_by_form(browser: Browser, _: Clock) -> None:
    await browser.post("/logout")


async def delete_account_by_form(browser: Browser, _: Clock) -> None:
    assert (await browser.post("/account/delete")).status_code == 303


ENDS += [
    log_out_by_form,
    delete_account_by_form,
    #{% endif %}
]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
async def test_a_copied_cookie_is_worthless_after(
    browser: Browser, clock: Clock, end: Callable[[Browser, Clock], Awaitable[None]]
) -> None:
    await browser.signed_in()
    thief = Browser(browser.app)
    copied = str(browser.ticket)
    await end(browser, clock)
    for path in ("/api/me", "/api/session", "/api/session/data"):
        assert (await thief.send_cookie(f"{COOKIE}={copied}", path)).status_code == 401, path
    thief.cookies.set(COOKIE, copied, domain="localhost.local", path="/")
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD + "!"}
    assert (await thief.post("/api/password", json=body)).status_code == 401
    assert (await thief.put("/api/session/data/x", json=1)).status_code == 401
    assert (await thief.delete("/api/sessions")).status_code == 401
    async with Socket(thief) as socket:
        assert (await socket.receive())["type"] == "websocket.accept"
        assert (await socket.receive())["code"] == 1008


async def test_a_ticket_of_an_account_that_is_gone_is_not_inherited_by_the_next(
    browser: Browser, other: Browser
) -> None:
    await browser.signed_in("alice")
    copied = browser.ticket
    await browser.app.state.services.accounts.delete("alice")
    await other.signed_in("bob")
    assert (await other.get("/api/me")).json()["id"] == 2
    assert not await browser.opens(copied)


async def test_a_logout_while_another_request_renews_ends_both_tickets(
    browser: Browser, clock: Clock
) -> None:
    """The refresh that was under way must not leave a ticket that outlives the logout."""
    await browser.signed_in()
    before = str(browser.ticket)
    clock.turn(60)
    in_flight = await browser.send_cookie(f"{COOKIE}={before}")
    after = in_flight.cookies.get(COOKIE, before)
    logout = Browser(browser.app)
    assert (await logout.post("/api/logout", headers={"cookie": f"{COOKIE}={before}"})).is_success
    assert not await browser.opens(before)
    assert not await browser.opens(after)
