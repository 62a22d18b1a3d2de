"""The sign-in form is filled in with the name that was just registered."""

import pytest
from fastapi import FastAPI

from app.config import PROJECT
from app.pages.auth import NAME_SECONDS
from tests.client import COOKIE, PASSWORD, Client
from tests.conftest import Clock
from tests.people import ALICE, BOB, FIELD
from tests.test_pages import Page, browser, submit

NAME_COOKIE = f"__Host-{PROJECT['slug']}-name"
#{% if cookiecutter.totp %}
BEGUN = {f"__Host-{PROJECT['slug']}-{each}" for each in ("name", "link", "sign-in")}
#{% else %}
BEGUN = {f"__Host-{PROJECT['slug']}-{each}" for each in ("name", "link")}
#{% endif %}


@pytest.fixture
def client(app: FastAPI) -> Client:
    return browser(app)


async def test_the_sign_in_form_is_filled_in_with_the_name_that_was_just_registered(
    client: Client,
) -> None:
    fields = {FIELD: ALICE, "password": PASSWORD}
    response = await submit(client, "/register", **fields)
    assert response.headers["location"] == "/login"
    page = Page(await client.get("/login"))
    assert page.elements[FIELD]["value"] == ALICE
    assert [name for name, each in page.elements.items() if "autofocus" in each] == ["password"]
    # In another browser nothing is.
    page = Page(await browser(client.app).get("/login"))
    assert page.elements[FIELD]["value"] == ""
    assert [name for name, each in page.elements.items() if "autofocus" in each] == [FIELD]


async def test_a_name_that_was_registered_is_forgotten_after_a_sign_in_or_a_while(
    client: Client, clock: Clock
) -> None:
    await submit(client, "/register", **{FIELD: ALICE, "password": PASSWORD})
    kept = client.cookies[NAME_COOKIE]
    await browser(client.app).register(BOB)
    await submit(client, "/login", **{FIELD: BOB, "password": PASSWORD})
    assert NAME_COOKIE not in client.cookies
    later = browser(client.app)
    later.cookies.set(NAME_COOKIE, kept, domain="localhost.local", path="/")
    assert Page(await later.get("/login")).elements[FIELD]["value"] == ALICE
    clock.turn(NAME_SECONDS)
    assert Page(await later.get("/login")).elements[FIELD]["value"] == ""


@pytest.mark.parametrize("way", ["/login", "/api/login", "/logout", "/api/logout"])
async def test_what_was_begun_is_forgotten_at_every_sign_in_and_sign_out(
    client: Client, way: str
) -> None:
    await browser(client.app).register(BOB)
    for name in BEGUN:
        client.cookies.set(name, "of somebody else", domain="localhost.local", path="/")
    fields = {FIELD: BOB, "password": PASSWORD}
    if way.startswith("/api/"):
        response = await client.post(way, json=fields)
    else:
        response = await submit(client, way, **fields)
    assert response.status_code in (200, 204, 303)
    assert not BEGUN & set(client.cookies)
    # What the browser has not sent need not be deleted.
    again = await client.post("/api/logout")
    assert [each.partition("=")[0] for each in again.headers.get_list("set-cookie")] == [COOKIE]


async def test_no_link_fills_in_a_name(client: Client) -> None:
    page = Page(await client.get(f"/login?{FIELD}={BOB}&name={BOB}"))
    assert page.elements[FIELD]["value"] == ""
