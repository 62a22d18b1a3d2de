"""The first page after signing in. Delete this file when you replace the page."""

import re
from pathlib import Path

import pytest
from fastapi import FastAPI

from app.services import Services
from tests.client import Client
from tests.conftest import PRODUCTION, Clock, Start
from tests.people import ALICE, BOB
#{% if cookiecutter.session_backend != "signed-cookie" %}
from tests.sessions import Begin
#{% endif %}
from tests.test_account_events import NEW_PASSWORD
from tests.test_pages import browser


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


async def test_the_dashboard_shows_what_has_happened_lately(
    client: Client, services: Services
) -> None:
    client.headers["user-agent"] = (
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    )
    await client.register(ALICE)
    await services.users.set_password(ALICE, NEW_PASSWORD)
    await client.sign_in(ALICE, NEW_PASSWORD)
    shown = (await client.get("/")).text.partition("Recent activity")[2].partition("</ul>")[0]
    texts = " ".join(re.sub("<.*?>", " ", shown).split())
    assert texts == "Signed in Firefox on Linux · 192.0.2.1 · now Password set An operator · now"


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
#{% if cookiecutter.session_backend != "signed-cookie" %}


async def test_the_dashboard_shows_the_latest_devices(
    client: Client, begin: Begin, clock: Clock
) -> None:
    await client.signed_in()
    for _ in range(6):
        clock.turn(1)
        await begin()
    page = (await client.get("/")).text.partition("Your devices")[2]
    assert page.count("last seen") == 5
    assert page.count("this device") == 1
    assert "and 2 older ones" in page
#{% endif %}
