"""The pages lead to providers and back by plain forms, and show what opens an account."""

import re
from html import unescape

import httpx2
import pytest
from fastapi import FastAPI

from tests.client import ORIGIN, PASSWORD, Client
from tests.conftest import Clock, Start
from tests.people import ALICE
from tests.provider import SETTINGS, Provider, Visitor, connect
from tests.signing_up import sign_up

HTML = {"accept": "text/html"}
SENT = {**HTML, "sec-fetch-site": "same-origin"}
LEADS_ON = re.compile(r'<meta http-equiv="refresh" content="0; url=([^"]+)">')


@pytest.fixture
def app(site: FastAPI) -> FastAPI:
    return site


async def read(client: Client, path: str) -> str:
    response = await client.get(path, headers=HTML)
    assert response.status_code == 200
    return response.text


async def leave(visitor: Visitor, path: str, **fields: str) -> str:
    """Send a form; return where its page leads on to."""
    response = await visitor.post(path, data=fields, headers=SENT)
    assert response.status_code == 200, response.text
    return unescape(LEADS_ON.findall(response.text)[0])


async def unfresh(visitor: Visitor, clock: Clock) -> None:
    clock.turn(601)
    assert (await visitor.get("/account/delete", headers=HTML)).status_code == 403


async def test_the_forms_of_strangers_offer_every_provider_by_its_name(visitor: Visitor) -> None:
    for path, next_path in (("/login?next=/account", "/account"), ("/register", "/")):
        page = await read(visitor, path)
        assert re.findall(r'formaction="([^"]+)">([^<]+)<', page) == [
            ("/login/corp", "Continue with Corp"),
            ("/login/another-one", "Continue with Another One"),
        ]
        assert f'<input type="hidden" name="next" value="{next_path}">' in page


async def test_without_providers_there_is_nothing_to_press(start: Start) -> None:
    client = Client(await start())
    for path in ("/login", "/register"):
        assert "Continue with" not in await read(client, path)


async def test_a_form_leads_to_the_provider_by_a_page_since_browsers_follow_no_redirect(
    visitor: Visitor,
) -> None:
    await sign_up(visitor)
    await visitor.post("/logout", headers=SENT)
    url = await leave(visitor, "/login/corp", next="/account")
    response = await visitor.come_back(url)
    assert response.headers["location"] == "/account"
    assert "Linked accounts" in await read(visitor, "/account")


@pytest.mark.parametrize("address", ["//evil.example", "https://evil.example/", "/logout"])
async def test_the_way_back_leads_to_a_page_of_this_app(visitor: Visitor, address: str) -> None:
    await sign_up(visitor)
    url = await leave(visitor, "/login/corp", next=address)
    assert (await visitor.come_back(url)).headers["location"] == "/"


async def test_who_comes_back_without_success_is_told_why_on_the_sign_in_page(
    visitor: Visitor,
) -> None:
    url = await leave(visitor, "/login/corp")
    response = await visitor.come_back(url, error="access_denied")
    page = await read(visitor, response.headers["location"])
    assert '<p class="error" role="alert">You were not signed in there.</p>' in page
    assert "Continue with Corp" in page
    # Nobody else can put words into the app's mouth.
    page = await read(visitor, "/login?error=Call+555-0100")
    assert ('<p class="error" role="alert">' in page, "555-0100" in page) == (False, False)


async def test_a_provider_that_is_down_is_said_to_be(visitor: Visitor, provider: Provider) -> None:
    provider.answers["/.well-known/openid-configuration"] = lambda _: httpx2.ConnectError("down")
    response = await visitor.post("/login/corp", headers=SENT)
    assert response.status_code == 303
    assert "does not respond" in await read(visitor, response.headers["location"])
    unknown = await visitor.post("/login/nowhere", headers=SENT)
    assert unknown.status_code == 404
    assert "There is no such provider." in unknown.text


async def test_the_account_page_links_and_unlinks(
    visitor: Visitor, provider: Provider, other_provider: Provider
) -> None:
    await sign_up(visitor)
    page = await read(visitor, "/account")
    assert "<strong>Corp</strong>" in page
    # The last way in has no button.
    assert "Remove<" not in page
    url = await leave(visitor.at(other_provider), "/account/identities/another-one")
    assert (await visitor.come_back(url)).headers["location"] == "/account"
    page = await read(visitor, "/account")
    assert "<strong>Another One</strong>" in page
    assert "not used yet" in page
    forms = re.findall(r'action="(/account/identities/[0-9]+/remove)"', page)
    assert len(forms) == 2
    removed = await visitor.post(forms[0], headers=SENT)
    assert removed.headers["location"] == "/account"
    page = await read(visitor, "/account")
    assert "The account has been removed." in page
    assert "<strong>Corp</strong>" not in page
    last = await visitor.post(forms[1], headers=SENT)
    assert last.status_code == 409


async def test_what_is_wrong_with_a_link_is_said_on_the_account_page(
    visitor: Visitor, other: Client, provider: Provider
) -> None:
    await sign_up(Visitor(visitor.app, provider))
    await visitor.signed_in("bob@example.com" if "@" in ALICE else "bob")
    url = await leave(visitor, "/account/identities/corp")
    response = await visitor.come_back(url)
    assert response.headers["location"] == "/account?error=taken"
    page = await read(visitor, "/account?error=taken")
    assert 'role="alert">That account is already linked' in page


async def test_linking_and_unlinking_want_to_know_again_who_it_is(
    visitor: Visitor, clock: Clock
) -> None:
    await sign_up(visitor)
    await unfresh(visitor, clock)
    for path in ("/account/identities/corp", "/account/identities/1/remove"):
        response = await visitor.post(path, headers=SENT)
        assert response.status_code == 403
        assert "<h1>Confirm that it is you</h1>" in response.text
    assert len((await visitor.get("/api/identities")).json()) == 1


async def test_who_has_no_password_confirms_at_the_provider(
    visitor: Visitor, provider: Provider, clock: Clock
) -> None:
    await sign_up(visitor)
    await unfresh(visitor, clock)
    page = await read(visitor, "/confirm?next=/account/delete")
    assert "<h1>Confirm that it is you</h1>" in page
    assert 'type="password"' not in page
    # Only where the user has an account.
    assert re.findall('formaction="([^"]+)"', page) == ["/confirm/corp"]
    url = await leave(visitor, "/confirm/corp", next="/account/delete")
    assert "prompt=login" in url
    provider.claims["auth_time"] = int(clock())
    response = await visitor.come_back(url)
    assert response.headers["location"] == "/account/delete"
    assert "Delete your account" in await read(visitor, "/account/delete")


async def test_a_provider_that_has_another_name_now_is_still_where_to_confirm(
    visitor: Visitor, provider: Provider, clock: Clock, start: Start
) -> None:
    await sign_up(visitor)
    await unfresh(visitor, clock)
    # What was called "corp" is called "sso", and "corp" is another one.
    providers = {"sso": SETTINGS["corp"], "corp": SETTINGS["another-one"]}
    later = Visitor(await start(oidc_providers=providers, public_url=ORIGIN), provider)
    later.cookies = visitor.cookies
    page = await read(later, "/confirm")
    assert re.findall('formaction="([^"]+)"', page) == ["/confirm/sso"]


async def test_who_has_a_password_confirms_with_it(visitor: Visitor) -> None:
    await visitor.signed_in()
    page = await read(visitor, "/confirm")
    assert "<h1>Confirm your password</h1>" in page
    assert 'formaction="/confirm/' not in page
    wrong = await visitor.post("/confirm", data={"password": "wrong"}, headers=SENT)
    assert (wrong.status_code, "Wrong password." in wrong.text) == (403, True)
    right = await visitor.post("/confirm", data={"password": PASSWORD}, headers=SENT)
    assert right.status_code == 303


async def test_who_is_signed_out_is_led_to_the_sign_in_page(visitor: Visitor) -> None:
    for path in ("/account/identities/corp", "/account/identities/1/remove", "/confirm/corp"):
        response = await visitor.post(path, headers=SENT)
        assert (response.status_code, response.headers["location"]) == (303, "/login")


async def test_a_browser_that_has_kept_no_cookie_is_told_why_it_came_back_in_vain(
    visitor: Visitor, provider: Provider
) -> None:
    """As Safari does on http://localhost."""
    answer = provider.authorize(await leave(visitor, "/login/corp"))
    visitor.cookies.clear()
    response = await visitor.get("/login/corp/callback", params=answer, headers=HTML)
    page = await read(visitor, response.headers["location"])
    assert "Signing in with the provider failed. Allow cookies for this site" in page
    assert "<code>SESSION_COOKIE_SECURE=false</code>" in page


async def test_nothing_begins_from_another_site(visitor: Visitor) -> None:
    for path in ("/login/corp", "/account/identities/corp", "/confirm/corp"):
        response = await visitor.post(path, headers={**HTML, "sec-fetch-site": "cross-site"})
        assert response.status_code == 403
    # Nor by a link.
    assert (await visitor.get("/login/corp", headers=HTML)).status_code == 405


async def test_under_strict_the_way_back_is_opened_from_this_site(
    start: Start, provider: Provider
) -> None:
    app = await start(oidc_providers=SETTINGS, public_url=ORIGIN, session_samesite="strict")
    connect(app, provider)
    visitor = Visitor(app, provider)
    answer = provider.authorize(await leave(visitor, "/login/corp"))
    query = "&".join(f"{name}={value}" for name, value in answer.items()).replace(" ", "%20")
    arriving = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    path = f"/login/corp/callback?{query}"
    first = await visitor.get(path, headers={**HTML, **arriving, "sec-fetch-site": "cross-site"})
    # Nothing was taken yet.
    assert first.status_code == 200
    assert unescape(LEADS_ON.findall(first.text)[0]) == path
    assert provider.asked("/token") == 0
    second = await visitor.get(path, headers={**HTML, **arriving, "sec-fetch-site": "same-origin"})
    assert second.status_code == 303
    assert provider.asked("/token") == 1
