"""The page that a link opens, as people use it in a browser without JavaScript."""

import re

import pytest

from app.config import PROJECT
from app.services import Services
from tests.client import PASSWORD, Client
from tests.conftest import Clock, NewLink, Start
from tests.people import ALICE, FIELD, MALLORY
from tests.test_links import NEW_PASSWORD
from tests.test_pages import Page, submit
from tests.test_strict_links import FOLLOWED

COOKIE = f"__Host-{PROJECT['slug']}-link"


async def test_a_link_sets_a_password_by_its_page(client: Client, new_link: NewLink) -> None:
    await client.register(ALICE)
    token = await new_link()
    opened = await client.get(
        f"/reset?token={token}", headers={**FOLLOWED, "sec-fetch-site": "same-origin"}
    )
    assert (opened.status_code, opened.headers["location"]) == (303, "/reset")
    form = await client.get("/reset")
    assert ALICE in form.text
    assert token not in form.text
    assert form.headers["cache-control"] == "no-store"
    assert Page(form).elements["new_password"]["autocomplete"] == "new-password"

    response = await submit(client, "/reset", new_password=NEW_PASSWORD)
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert Page(await client.get("/login")).flash
    assert COOKIE not in client.cookies
    assert client.token is None
    assert (await client.sign_in(ALICE, NEW_PASSWORD)).status_code == 200


@pytest.mark.parametrize("leave", ["sign in", "sign out"])
async def test_a_link_that_was_not_used_is_not_kept_for_the_next_person(
    client: Client, new_link: NewLink, leave: str
) -> None:
    await client.register(ALICE)
    await client.get(f"/reset?token={await new_link()}")
    assert (await client.get("/reset")).status_code == 200
    if leave == "sign in":
        await submit(client, "/login", **{FIELD: ALICE, "password": PASSWORD})
    else:
        await client.post("/logout")
    assert COOKIE not in client.cookies
    assert (await client.get("/reset")).status_code == 422


async def test_a_form_sets_no_password_of_an_account_that_it_does_not_name(
    client: Client, new_link: NewLink
) -> None:
    for name in (ALICE, MALLORY):
        await client.register(name)
    await client.get(f"/reset?token={await new_link()}")
    form = await client.get("/reset")
    [owner_id] = re.findall(r'name="owner_id" value="(\d+)"', form.text)
    # Another page opens another link in the same browser.
    await client.get(f"/reset?token={await new_link(MALLORY)}")
    response = await submit(client, "/reset", new_password=NEW_PASSWORD, owner_id=owner_id)
    assert response.status_code == 422
    assert (await client.sign_in(MALLORY, NEW_PASSWORD)).status_code == 401


async def test_the_token_goes_from_the_address_into_a_cookie_that_no_script_reads(
    client: Client, new_link: NewLink
) -> None:
    await client.register(ALICE)
    token = await new_link()
    opened = await client.get(f"/reset?token={token}")
    assert opened.headers["set-cookie"] == (
        f"{COOKIE}={token}; HttpOnly; Max-Age=1800; Path=/; SameSite=lax; Secure"
    )
    assert opened.headers["cache-control"] == "no-store"
    assert opened.headers["referrer-policy"] == "no-referrer"
    assert opened.text == ""
    assert "token" not in opened.headers["location"]


async def test_opening_a_link_changes_nothing(
    client: Client, new_link: NewLink, statements: list[str]
) -> None:
    """Mail scanners open links as well, some of them with their redirects."""
    await client.signed_in()
    token = await new_link()
    statements.clear()
    scanner = Client(client.app)
    for _ in range(3):
        for method in ("GET", "HEAD"):
            await scanner.request(method, f"/reset?token={token}")
            assert (await scanner.request(method, "/reset")).status_code == 200
    assert not [each for each in statements if not each.lstrip().upper().startswith("SELECT")]
    assert await client.is_signed_in()


async def test_with_samesite_strict_a_link_in_a_mail_opens_and_its_token_is_in_no_referer(
    start: Start,
) -> None:
    app = await start(session_samesite="strict")
    client = Client(app)
    await client.register(ALICE)
    services: Services = app.state.services
    address = (await services.recovery.reset_link(ALICE)).removeprefix("http://localhost:8000")
    between = await client.get(address, headers=FOLLOWED)
    assert f'content="0; url={address}"' in between.text
    assert '<meta name="referrer" content="no-referrer">' in between.text
    assert between.text.count('name="referrer"') == 1
    assert between.headers["cache-control"] == "no-store"
    opened = await client.get(address, headers={**FOLLOWED, "sec-fetch-site": "same-origin"})
    assert opened.headers["location"] == "/reset"
    response = await submit(client, "/reset", new_password=NEW_PASSWORD)
    assert response.headers["location"] == "/login"


async def test_a_password_that_is_refused_is_explained_beside_its_field(
    client: Client, new_link: NewLink
) -> None:
    await client.register(ALICE)
    await client.get(f"/reset?token={await new_link()}")
    response = await submit(client, "/reset", new_password="short")
    assert response.status_code == 422
    assert "at least 15" in Page(response).texts["new_password-error"]
    assert (await submit(client, "/reset", new_password=NEW_PASSWORD)).status_code == 303


@pytest.mark.parametrize("why", ["used", "expired", "forged", "none"])
async def test_a_link_that_is_not_good_says_so(
    client: Client, clock: Clock, new_link: NewLink, why: str
) -> None:
    await client.register(ALICE)
    token = "" if why == "none" else await new_link()
    await client.get(f"/reset?token={token}{'x' if why == 'forged' else ''}")
    if why == "used":
        assert (await submit(client, "/reset", new_password=NEW_PASSWORD)).status_code == 303
    if why == "expired":
        clock.turn(1800)
    page = {"accept": "text/html"}
    for response in (
        await client.get("/reset", headers=page),
        await submit(client, "/reset", new_password=NEW_PASSWORD),
    ):
        assert response.status_code == 422
        assert "This link does not work" in response.text


async def test_the_form_of_a_link_is_refused_from_another_site(
    client: Client, new_link: NewLink
) -> None:
    await client.register(ALICE)
    await client.get(f"/reset?token={await new_link()}")
    fields = {"new_password": NEW_PASSWORD}
    response = await client.post("/reset", data=fields, headers={"sec-fetch-site": "cross-site"})
    assert response.status_code == 403
    assert (await submit(client, "/reset", new_password=NEW_PASSWORD)).status_code == 303


@pytest.mark.parametrize(
    "text", ["%E2%82%AC", "%ED%A0%80", "%E9", "%00", "%0D%0Aset-cookie:a=b", "a%3Bb"]
)
async def test_what_is_no_token_comes_into_no_cookie(client: Client, text: str) -> None:
    response = await client.get(f"/reset?token={text}", headers={"accept": "text/html"})
    assert response.status_code == 422
    assert "This link does not work" in response.text
    assert "set-cookie" not in response.headers


async def test_no_other_spelling_of_the_cookie_of_a_link_counts(
    client: Client, new_link: NewLink
) -> None:
    """A sibling subdomain could plant a link of its own."""
    await client.register(ALICE)
    cookie = f"{COOKIE}={await new_link()}".encode()
    assert (await client.send_cookie(cookie, "/reset")).status_code == 200
    for other in (b"\xa0" + cookie, b"\x85" + cookie, b"\x0b" + cookie, cookie + b"; " + cookie):
        assert (await client.send_cookie(other, "/reset")).status_code == 422, other
