"""Registering, signing in, signing out."""

import json
from collections.abc import AsyncIterator

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


async def test_wrong_name_wrong_password_and_closed_account_get_the_same_answer(
    start: Start,
) -> None:
    app = await start()
    browser = Browser(app)
    await browser.register("alice")
    await browser.register("mallory")
    await app.state.services.accounts.disable("mallory")
    answers = [
        await browser.sign_in("nobody"),
        await browser.sign_in("alice", "not the right password"),
        await browser.sign_in("mallory"),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert len({str(answer.headers) for answer in answers}) == 1
    assert answers[0].headers["www-authenticate"].startswith("Cookie ")


async def test_sign_in_always_makes_a_new_ticket_and_ends_the_old_one(browser: Browser) -> None:
    await browser.signed_in()
    first = browser.ticket
    await browser.sign_in()
    assert browser.ticket != first
    assert not await browser.opens(first)
    assert await browser.is_signed_in()


async def test_a_planted_ticket_is_not_adopted_and_dies_at_sign_in(
    browser: Browser, other: Browser
) -> None:
    await other.signed_in("mallory")
    planted = other.ticket
    assert planted is not None
    await browser.register("alice")
    browser.cookies.set(COOKIE, planted, domain="localhost.local", path="/")
    await browser.sign_in("alice")
    assert browser.ticket != planted
    assert not await other.opens(planted)


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


async def test_logout_and_sign_in_end_every_session_that_was_sent_along(
    browser: Browser, other: Browser
) -> None:
    await other.register("alice")
    for path in ("/api/logout", "/api/login"):
        first, second = Browser(browser.app), Browser(browser.app)
        await first.sign_in("alice")
        await second.sign_in("alice")
        both = {"cookie": f"{COOKIE}={first.ticket}; {COOKIE}={second.ticket}"}
        body = {"username": "alice", "password": PASSWORD}
        assert (await browser.post(path, json=body, headers=both)).is_success
        assert not await first.is_signed_in()
        assert not await second.is_signed_in()


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


async def test_extra_fields_change_nothing(browser: Browser) -> None:
    body = {"username": "eve", "password": PASSWORD, "role": "admin", "id": 7, "is_active": False}
    response = await browser.post("/api/register", json=body)
    assert response.json() == {"id": 1, "username": "eve", "role": "user"}
    await browser.sign_in("eve")
    assert (await browser.get("/api/admin/users")).status_code == 403


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


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain", ""]
)
async def test_the_api_takes_json_and_nothing_that_a_form_can_send(
    browser: Browser, content_type: str
) -> None:
    await browser.register()
    body = json.dumps({"username": "alice", "password": PASSWORD})
    headers = {"content-type": content_type} if content_type else {}
    response = await browser.post("/api/login", content=body.encode(), headers=headers)
    assert response.status_code == 422
    assert browser.ticket is None


async def test_what_was_sent_is_not_sent_back_in_an_error(browser: Browser) -> None:
    body = {"username": ["alice"], "password": {"my secret": PASSWORD}}
    response = await browser.post("/api/login", json=body)
    assert response.status_code == 422
    assert PASSWORD not in response.text


async def test_a_lone_surrogate_is_refused_as_invalid(browser: Browser) -> None:
    body = b'{"username": "\\ud800", "password": "\\udfff"}'
    headers = {"content-type": "application/json"}
    for path in ("/api/login", "/api/register"):
        response = await browser.post(path, content=body, headers=headers)
        assert response.status_code == 422


async def test_a_body_over_the_limit_is_refused_before_it_is_read(browser: Browser) -> None:
    response = await browser.post("/api/login", json={"username": "a" * 70_000, "password": ""})
    assert response.status_code == 413
    assert response.json() == {"detail": "The request is too large."}
    await browser.signed_in()
    for length in ("65537", "99999999999999999999999", "1" * 5000):
        response = await browser.post("/api/logout", headers={"content-length": length})
        assert response.status_code == 413
        assert await browser.is_signed_in()


async def test_a_length_that_is_no_number_is_no_error_of_ours(browser: Browser) -> None:
    for length in ("\xb2", "-1", "1e9", ""):
        headers = [(b"content-length", length.encode("latin-1"))]
        assert (await browser.post("/api/logout", headers=headers)).status_code < 500


async def test_a_body_that_does_not_say_how_long_it_is_is_counted(browser: Browser) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b"x" * 1000

    headers = {"content-type": "application/json"}
    response = await browser.post("/api/login", content=chunks(), headers=headers)
    assert response.status_code == 413
