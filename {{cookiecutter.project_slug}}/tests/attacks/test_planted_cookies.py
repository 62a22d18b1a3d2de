"""Somebody plants a cookie: from a sibling subdomain, a proxy, a borrowed machine."""

import pytest

from tests.browser import COOKIE, PASSWORD, Browser


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


async def test_a_cookie_tossed_over_the_real_one_never_wins(
    browser: Browser, other: Browser
) -> None:
    """A sibling may set a cookie for a longer path or with an earlier date: first or last."""
    await browser.signed_in("alice")
    await other.signed_in("mallory")
    real, tossed = f"{COOKIE}={browser.ticket}", f"{COOKIE}={other.ticket}"
    for header in (f"{tossed}; {real}", f"{real}; {tossed}", f"{tossed}; x=y; {real}"):
        response = await browser.send_cookie(header)
        assert response.status_code == 401
    two_headers = [("cookie", real), ("cookie", tossed)]
    assert (await Browser(browser.app).get("/api/me", headers=two_headers)).status_code == 401
    assert await browser.is_signed_in()


async def test_nothing_that_was_kept_before_sign_in_is_there_after_it(
    browser: Browser, other: Browser
) -> None:
    await other.signed_in("mallory")
    await other.put("/api/session/data/cart", json="planted")
    await browser.register("alice")
    browser.cookies.set(COOKIE, str(other.ticket), domain="localhost.local", path="/")
    await browser.sign_in("alice")
    assert (await browser.get("/api/session/data")).json() == {}


async def test_a_visitor_is_given_no_cookie_that_could_be_fixed_on_them(browser: Browser) -> None:
    for path in ("/", "/login", "/api/me", "/api/public", "/nowhere"):
        assert "set-cookie" not in (await browser.get(path)).headers


SPELLINGS = [
    b"%s =%s",
    b"  %s=%s",
    b"\t%s=%s",
    b"\xa0%s=%s",
    b"\x85%s=%s",
    b"\x00%s=%s",
    b"%s\xa0=%s",
    b'"%s"=%s',
    b'%s="%s"',
    b"=%s=%s",
    b"x%s=%s",
    b"%s.=%s",
    b"%s= %s",
    b"%s=%s,",
]


@pytest.mark.parametrize("spelling", SPELLINGS, ids=ascii)
async def test_no_other_spelling_of_the_name_or_value_counts(
    browser: Browser, spelling: bytes
) -> None:
    await browser.signed_in()
    cookie = spelling % (COOKIE.encode(), str(browser.ticket).encode())
    for header in (cookie, b"a=b; " + cookie + b"; c=d"):
        assert (await browser.send_cookie(header)).status_code == 401


@pytest.mark.parametrize("name", ["__host-http-session", "__Host-session", "session"])
async def test_no_other_name_counts(browser: Browser, name: str) -> None:
    await browser.signed_in()
    assert (await browser.send_cookie(f"{name}={browser.ticket}")).status_code == 401


async def test_two_of_the_name_are_none_in_any_order(
    browser: Browser, other: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    await browser.signed_in("alice")
    await other.signed_in("mallory")
    for pair in ((browser, other), (other, browser), (browser, browser)):
        header = "; ".join(f"{COOKIE}={each.ticket}" for each in pair)
        caplog.clear()
        assert (await browser.send_cookie(header)).status_code == 401
        assert "two session cookies" in caplog.text


async def test_a_ticket_anywhere_else_is_ignored(browser: Browser, other: Browser) -> None:
    await browser.signed_in()
    ticket = str(browser.ticket)
    pair = f"{COOKIE}={ticket}"
    for headers in (
        {"authorization": f"Bearer {ticket}"},
        {"x-session": ticket},
        {"x-cookie": pair},
        {"set-cookie": pair},
    ):
        assert (await other.get("/api/me", headers=headers)).status_code == 401
    response = await other.get("/api/me", params={COOKIE: ticket, "session": ticket})
    assert response.status_code == 401
