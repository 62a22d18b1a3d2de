"""The cookie: how it is written, and what counts as one."""

import pytest

from app.sessions.cookie import CookiePolicy
from tests.browser import COOKIE, Browser
from tests.conftest import Start

#{% if cookiecutter.samesite == "lax" %}
SAMESITE = "Lax"
#{% elif cookiecutter.samesite == "strict" %}
SAMESITE = "Strict"
#{% else %}
SAMESITE = "None"
#{% endif %}


async def test_it_is_set_once_with_every_attribute_and_no_domain(browser: Browser) -> None:
    await browser.register()
    response = await browser.sign_in()
    [cookie] = response.headers.get_list("set-cookie")
    assert cookie == f"{COOKIE}={browser.ticket}; Path=/; HttpOnly; Secure; SameSite={SAMESITE}"


async def test_it_lives_on_after_the_browser_only_with_remember_me(browser: Browser) -> None:
    await browser.register()
    response = await browser.sign_in(remember=True)
    assert response.headers["set-cookie"].endswith(f"; SameSite={SAMESITE}; Max-Age=2592000")


async def test_it_is_deleted_with_the_attributes_it_was_set_with(browser: Browser) -> None:
    response = await (await browser.signed_in()).post("/api/logout")
    [cookie] = response.headers.get_list("set-cookie")
    assert cookie == f"{COOKIE}=; Path=/; HttpOnly; Secure; SameSite={SAMESITE}; Max-Age=0"


@pytest.mark.parametrize("samesite", ["lax", "strict", "none"])
def test_samesite_is_always_written_out(samesite: str) -> None:
    policy = CookiePolicy(secure=True, samesite=samesite)  # type: ignore[arg-type]
    assert f"; SameSite={samesite.capitalize()}".encode() in policy.set("ticket", None)


def test_samesite_none_without_secure_is_an_error() -> None:
    with pytest.raises(ValueError, match="Secure"):
        CookiePolicy(secure=False, samesite="none")


async def test_no_other_answer_touches_it(browser: Browser) -> None:
    await browser.signed_in()
    for path in ("/api/me", "/api/session", "/api/session/data", "/api/public", "/nowhere"):
        assert "set-cookie" not in (await browser.get(path)).headers, path


async def test_a_name_without_prefix_is_for_plain_http_only(start: Start) -> None:
    browser = Browser(await start(session_cookie_secure=False, session_samesite="lax"))
    await browser.register()
    cookie = (await browser.sign_in()).headers["set-cookie"]
    assert cookie.startswith("session=")
    assert "Secure" not in cookie


def test_one_that_a_browser_would_drop_for_its_size_is_an_error() -> None:
    policy = CookiePolicy(secure=True, samesite="lax")
    longest = "x" * (4096 - len(COOKIE))
    assert policy.set(longest, None)
    with pytest.raises(ValueError, match="4096"):
        policy.set(longest + "x", None)


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


async def test_it_is_found_among_others_with_or_without_a_space(browser: Browser) -> None:
    await browser.signed_in()
    ours = f"{COOKIE}={browser.ticket}"
    for header in (f"a=b; {ours}; c=d", f"a=b;{ours};c", f"{ours};", f"x={COOKIE}; {ours}"):
        assert (await browser.send_cookie(header)).status_code == 200, header


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
    for headers in ({"authorization": f"Bearer {ticket}"}, {"x-session": ticket}):
        assert (await other.get("/api/me", headers=headers)).status_code == 401
    response = await other.get("/api/me", params={COOKIE: ticket, "session": ticket})
    assert response.status_code == 401
