"""Registering, signing in, signing out."""

import pytest

from tests.browser import COOKIE, PASSWORD, Browser
from tests.conftest import Start


async def test_a_registered_user_signs_in_and_is_known(browser: Browser) -> None:
    registered = await browser.register("Alice")
    assert registered.status_code == 201
    assert COOKIE not in browser.cookies
    signed_in = await browser.sign_in("alice")
    assert signed_in.status_code == 200
    assert signed_in.json() == registered.json() == {"id": 1, "username": "alice", "role": "user"}
    assert (await browser.get("/api/me")).json() == registered.json()
    assert "alice" in (await browser.get("/api/data")).text


async def test_without_a_session_every_protected_route_says_401(browser: Browser) -> None:
    for path in ("/api/me", "/api/data", "/api/session", "/api/session/data", "/api/admin/users"):
        response = await browser.get(path)
        assert response.status_code == 401, path
        assert response.json() == {"detail": "Sign in first."}
        assert response.headers["www-authenticate"].startswith("Cookie ")


async def test_sign_in_always_makes_a_new_ticket_and_ends_the_old_one(browser: Browser) -> None:
    await browser.signed_in()
    first = browser.ticket
    await browser.sign_in()
    assert browser.ticket != first
    assert not await browser.opens(first)
    assert await browser.is_signed_in()


async def test_a_copied_cookie_is_worthless_after_logout(browser: Browser) -> None:
    await browser.signed_in()
    copied = browser.ticket
    response = await browser.post("/api/logout")
    assert response.status_code == 204
    assert browser.ticket is None
    assert not await browser.opens(copied)


async def test_logout_ends_this_device_only(browser: Browser, other: Browser) -> None:
    await browser.signed_in()
    await other.sign_in()
    await browser.post("/api/logout")
    assert await other.is_signed_in()


async def test_logout_may_be_repeated_and_needs_no_session(browser: Browser) -> None:
    for _ in range(2):
        response = await browser.post("/api/logout")
        assert response.status_code == 204
        assert "Max-Age=0" in response.headers["set-cookie"]


async def test_logout_by_get_does_nothing(browser: Browser) -> None:
    await browser.signed_in()
    response = await browser.get("/api/logout")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert await browser.is_signed_in()


async def test_a_taken_name_is_refused_however_it_is_spelled(browser: Browser) -> None:
    await browser.register("alice")
    for look_alike in ("alice", "ALICE", " alice ", "\uff41\uff4c\uff49\uff43\uff45"):
        assert (await browser.register(look_alike)).status_code == 409, look_alike


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "a" * 65,
        "a\nb",
        "a\u200bb",
        "a\x00b",
        "a\ufe0f",
        "a\u034f",
        "a\u3164",
        "a\u115f",
        "a\u180b",
        "\u2800",
        "a\U000e0100",
    ],
    ids=ascii,
)
async def test_a_name_that_cannot_be_seen_is_refused(browser: Browser, name: str) -> None:
    assert (await browser.register(name)).status_code == 422
    assert (await browser.sign_in(name)).status_code == 422


async def test_an_administrator_sees_the_accounts(start: Start) -> None:
    app = await start()
    await app.state.services.accounts.register("root", PASSWORD, "admin")
    browser = Browser(app)
    await browser.register("alice")
    await browser.sign_in("root")
    users = (await browser.get("/api/admin/users")).json()
    assert [user["username"] for user in users] == ["alice", "root"]
    assert set(users[0]) == {"id", "username", "role"}


async def test_registration_can_be_closed(start: Start) -> None:
    browser = Browser(await start(allow_registration=False))
    assert (await browser.register()).status_code == 403
