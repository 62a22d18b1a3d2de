"""The pages of addresses, as people use them in a browser without JavaScript."""

import pytest
from fastapi import FastAPI

from app.config import PROJECT
from tests.client import PASSWORD, Client
from tests.conftest import Clock, Start
from tests.mail import Mail, mails
from tests.people import ALICE, BOB, SPELLINGS
from tests.test_links import NEW_PASSWORD
from tests.test_pages import ACCEPT, Page, browser, submit
from tests.test_strict_links import FOLLOWED

COOKIE = f"__Host-{PROJECT['slug']}-link"


@pytest.fixture
def client(app: FastAPI) -> Client:
    return browser(app)


async def newest(client: Client, to: str = ALICE) -> Mail:
    return (await mails(client.app, to))[0]


async def open_link(client: Client, to: str = ALICE) -> str:
    """Follow the link of the newest mail as a browser does; return the page that it leads to."""
    mail = await newest(client, to)
    headers = {**FOLLOWED, "sec-fetch-site": "same-origin"}
    response = await client.get(f"/{mail.purpose}?token={mail.token}", headers=headers)
    assert (response.status_code, response.headers["location"]) == (303, f"/{mail.purpose}")
    assert response.headers["set-cookie"] == (
        f"{COOKIE}={mail.token}; HttpOnly; Max-Age=1800; Path=/; SameSite=lax; Secure"
    )
    page = await client.get(f"/{mail.purpose}", headers={"sec-fetch-site": "same-origin"})
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert mail.token not in page.text
    return page.text


async def test_a_person_registers_confirms_and_signs_in(client: Client) -> None:
    fields = {"email": ALICE, "password": PASSWORD}
    response = await submit(client, "/register", **fields)
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert "sent you an email" in str(Page(await client.get("/login")).flash)
    assert (await submit(client, "/login", **fields)).status_code == 401
    assert "Confirm your email address" in await open_link(client)
    response = await submit(client, "/verify")
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert "confirmed" in str(Page(await client.get("/login")).flash)
    assert COOKIE not in client.cookies
    assert client.token is None
    response = await submit(client, "/login", **fields)
    assert (response.status_code, response.headers["location"]) == (303, "/")


async def test_opening_the_link_of_a_registration_creates_nothing(client: Client) -> None:
    await submit(client, "/register", email=ALICE, password=PASSWORD)
    for _ in range(3):
        await open_link(client)
    assert await client.app.state.services.users.list_users() == []
    assert (await submit(client, "/verify")).status_code == 303


async def test_a_known_address_gets_the_page_of_an_unknown_one(client: Client) -> None:
    await client.register(ALICE)
    seen = []
    for email in (ALICE, BOB):
        for path in ("/register", "/forgot", "/verify/resend"):
            response = await submit(client, path, email=email, password=PASSWORD)
            seen.append((path, response.status_code, response.headers["location"]))
            seen.append((path, 0, str(Page(await client.get("/login")).flash)))
    assert seen[:6] == seen[6:]


async def test_a_person_forgets_the_password_and_chooses_another(client: Client) -> None:
    await client.register(ALICE)
    assert 'href="/forgot"' in (await client.get("/login")).text
    assert Page(await client.get("/forgot")).elements["email"]["type"] == "email"
    response = await submit(client, "/forgot", email=SPELLINGS[0])
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert ALICE in await open_link(client)
    assert (await submit(client, "/reset", new_password=NEW_PASSWORD)).status_code == 303
    response = await submit(client, "/login", email=ALICE, password=NEW_PASSWORD)
    assert response.headers["location"] == "/"


async def test_a_person_has_the_link_of_a_registration_sent_again(client: Client) -> None:
    await submit(client, "/register", email=ALICE, password=PASSWORD)
    assert 'href="/verify/resend"' in (await client.get("/login")).text
    assert (await client.get("/verify/resend")).status_code == 200
    response = await submit(client, "/verify/resend", email=ALICE)
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    await open_link(client)
    assert (await submit(client, "/verify")).status_code == 303


async def test_a_person_changes_the_address(client: Client, clock: Clock) -> None:
    await client.signed_in(ALICE)
    assert ALICE in (await client.get("/account")).text
    clock.turn(601)
    assert (await submit(client, "/account/email", email=BOB)).status_code == 403
    await submit(client, "/confirm", password=PASSWORD)
    response = await submit(client, "/account/email", email=BOB)
    assert (response.status_code, response.headers["location"]) == (303, "/account")
    opened = await open_link(client, BOB)
    assert "Confirm your new email address" in opened
    assert f"<bdi>{BOB}</bdi>" in opened
    assert ALICE in (await client.get("/account")).text
    response = await submit(client, "/change-email")
    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert BOB in (await client.get("/")).text


@pytest.mark.parametrize("path", ["/forgot", "/verify/resend", "/account/email"])
async def test_what_is_no_address_is_said_beside_its_field(client: Client, path: str) -> None:
    await client.signed_in(ALICE)
    response = await submit(client, path, email="alice at example.com")
    assert response.status_code == 422
    page = Page(response)
    assert "Enter an email address" in page.texts["email-error"]
    assert page.elements["email"]["value"] == "alice at example.com"


async def test_the_pages_say_how_long_to_wait(client: Client) -> None:
    for path in ("/forgot", "/verify/resend"):
        for _ in range(5):
            response = await submit(client, path, email=ALICE if path == "/forgot" else BOB)
            assert response.status_code == 303
        response = await submit(client, path, email=ALICE)
        assert response.status_code == 429
        assert response.headers["retry-after"] == "3600"
        assert "Try again in 60 minutes." in Page(response).texts["email-error"]


@pytest.mark.parametrize("path", ["/verify", "/change-email"])
async def test_a_link_that_is_not_good_says_so(client: Client, path: str) -> None:
    for response in (
        await client.get(path),
        await submit(client, path),
        await browser(client.app).get(path, headers={"cookie": f"{COOKIE}=forged"}),
    ):
        assert response.status_code == 422
        assert "This link does not work" in response.text


async def test_a_link_opens_no_page_but_its_own(client: Client) -> None:
    await submit(client, "/register", email=ALICE, password=PASSWORD)
    token = (await newest(client)).token
    for path in ("/reset", "/change-email"):
        await client.get(f"{path}?token={token}")
        assert (await client.get(path)).status_code == 422


@pytest.mark.parametrize("samesite", ["lax", "strict", "none"])
async def test_links_in_mails_work_with_every_samesite(start: Start, samesite: str) -> None:
    client = browser(await start(session_samesite=samesite))
    await submit(client, "/register", email=ALICE, password=PASSWORD)
    mail = await newest(client)
    address = f"/verify?token={mail.token}"
    response = await client.get(address, headers=FOLLOWED)
    if samesite == "strict":
        assert f'content="0; url={address}"' in response.text
        assert '<meta name="referrer" content="no-referrer">' in response.text
        same = {**FOLLOWED, "sec-fetch-site": "same-origin"}
        response = await client.get(address, headers=same)
    assert response.headers["location"] == "/verify"
    assert (await submit(client, "/verify")).status_code == 303
    response = await submit(client, "/login", email=ALICE, password=PASSWORD)
    assert response.headers["location"] == "/"


async def test_the_form_of_a_link_is_refused_from_another_site(client: Client) -> None:
    await submit(client, "/register", email=ALICE, password=PASSWORD)
    await open_link(client)
    cross = {"sec-fetch-site": "cross-site", "accept": ACCEPT}
    assert (await client.post("/verify", headers=cross)).status_code == 403
    assert await client.app.state.services.users.list_users() == []
