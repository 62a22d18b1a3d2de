"""The first page after signing in, and the form before it."""

import re
from pathlib import Path

import pytest
from fastapi import FastAPI

from app.config import PROJECT
from app.pages.auth import NAME_SECONDS
from tests.client import PASSWORD, Client
from tests.conftest import PRODUCTION, Clock, Start
from tests.people import ALICE, BOB, FIELD
from tests.test_pages import Page, browser, submit

NAME_COOKIE = f"__Host-{PROJECT['slug']}-name"


@pytest.fixture
def client(app: FastAPI) -> Client:
    return browser(app)


async def test_the_dashboard_says_who_is_signed_in_and_for_how_long(
    client: Client, clock: Clock
) -> None:
    await client.signed_in()
    clock.turn(300)
    texts = re.sub("<.*?>", " ", (await client.get("/")).text)
    page = " ".join(texts.split())
    assert f"Signed in as {ALICE} user" in page
    assert "Signed in 5 minutes ago" in page
    # Used just now: an hour from then on, and twelve from the sign-in.
    assert "Expires if unused an hour from now Expires at the latest 12 hours from now" in page


async def test_what_to_build_next_names_files_that_exist_and_is_not_shown_to_users(
    client: Client, start: Start
) -> None:
    await client.signed_in()
    page = (await client.get("/")).text.partition("What to build next")[2]
    named = re.findall("<code>(.*?)</code>", page)
    assert named
    root = Path(__file__).parent.parent
    # Those of the examples, and the examples themselves, may be deleted.
    assert all((root / each).exists() for each in named if "example" not in each)
    in_production = browser(await start(**PRODUCTION))
    await in_production.signed_in(BOB)
    page = (await in_production.get("/")).text
    assert "What to build next" not in page
    assert "app/" not in page


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


async def test_no_link_fills_in_a_name(client: Client) -> None:
    page = Page(await client.get(f"/login?{FIELD}={BOB}&name={BOB}"))
    assert page.elements[FIELD]["value"] == ""
