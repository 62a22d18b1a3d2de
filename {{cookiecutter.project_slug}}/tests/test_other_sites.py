"""Front ends on other sites, and links from them."""

import pytest

from tests.browser import Browser
from tests.conftest import Start

FRONT_END = "https://front.example"
FOLLOWED = {
    "sec-fetch-site": "cross-site",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
}
CORS = "access-control-allow-origin"


async def test_no_other_site_may_read_answers_unless_it_is_named(
    start: Start, browser: Browser
) -> None:
    headers = {"origin": FRONT_END, "sec-fetch-site": "cross-site"}
    assert CORS not in (await browser.get("/api/public", headers=headers)).headers
    preflight = {**headers, "access-control-request-method": "POST"}
    assert CORS not in (await browser.options("/api/login", headers=preflight)).headers

    named = Browser(await start(trusted_origins=FRONT_END))
    response = await named.get("/api/me", headers=headers)
    assert response.status_code == 401
    assert response.headers[CORS] == FRONT_END
    assert response.headers["access-control-allow-credentials"] == "true"
    response = await named.options("/api/login", headers=preflight)
    assert (response.status_code, response.headers[CORS]) == (200, FRONT_END)

    for stranger in (FRONT_END + ".evil.example", "http://front.example", "null"):
        headers["origin"] = preflight["origin"] = stranger
        assert CORS not in (await named.get("/api/me", headers=headers)).headers
        assert CORS not in (await named.options("/api/login", headers=preflight)).headers


async def test_a_named_front_end_signs_in_and_reads(start: Start) -> None:
    app = await start(trusted_origins=FRONT_END, session_samesite="none")
    browser = Browser(app)
    await browser.register()
    browser.headers.update({"origin": FRONT_END, "sec-fetch-site": "cross-site"})
    response = await browser.sign_in()
    assert response.headers[CORS] == FRONT_END
    assert response.headers["set-cookie"].endswith("; Secure; SameSite=None")
    response = await browser.get("/api/me")
    assert response.status_code == 200
    assert {"Cookie", "Origin"} <= {each.strip() for each in response.headers["vary"].split(",")}


@pytest.mark.parametrize("path", ["/", "/account", "/login?next=/account", "/?q=a%20b&c=%C3%A9"])
async def test_a_strict_cookie_that_a_link_leaves_behind_is_asked_for_once_more(
    start: Start, path: str
) -> None:
    browser = await Browser(await start(session_samesite="strict")).signed_in()
    response = await browser.get(path, headers=FOLLOWED)
    assert response.status_code == 200
    address = path.replace("&", "&amp;")
    assert f'<meta http-equiv="refresh" content="0; url={address}">' in response.text
    assert "alice" not in response.text
    again = await browser.get(path, headers={**FOLLOWED, "sec-fetch-site": "same-origin"})
    assert "http-equiv" not in again.text


@pytest.mark.parametrize("samesite", ["lax", "none"])
async def test_other_cookies_come_with_a_link(start: Start, samesite: str) -> None:
    browser = await Browser(await start(session_samesite=samesite)).signed_in()
    assert "Hello alice" in (await browser.get("/", headers=FOLLOWED)).text


@pytest.mark.parametrize("path", ["//evil.example/", "/%2fevil.example", "/\\evil.example"])
async def test_a_link_is_opened_once_more_in_this_app_only(start: Start, path: str) -> None:
    browser = Browser(await start(session_samesite="strict"))
    response = await browser.get(f"https://localhost{path}", headers=FOLLOWED)
    assert 'content="0; url=/"' in response.text


async def test_the_address_of_a_link_is_text(start: Start) -> None:
    browser = Browser(await start(session_samesite="strict"))
    response = await browser.get('/?a="><script>&b=;url=//evil.example', headers=FOLLOWED)
    [refresh] = [line for line in response.text.splitlines() if "http-equiv" in line]
    assert "<script>" not in response.text
    assert refresh.count('"') == 4
    assert 'content="0; url=/?a=' in refresh
