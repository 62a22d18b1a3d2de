"""The list of sessions on the account page."""

import re

import pytest
from fastapi import FastAPI

from app.pages.session_list import MAX_SHOWN, kind_of_device
from tests.client import Client
from tests.conftest import Clock
from tests.sessions import Begin
from tests.test_pages import Page, browser, submit


@pytest.fixture
def client(app: FastAPI) -> Client:
    return browser(app)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "now"), (300, "5 minutes ago"), (7200, "2 hours ago"), (90_000, "a day ago")],
)
async def test_last_seen_is_shown_in_words_and_exactly(
    client: Client, begin: Begin, clock: Clock, seconds: int, words: str
) -> None:
    await begin(remember=True)
    clock.turn(seconds)
    await client.signed_in()
    _, elsewhere = (await client.get("/account")).text.split("<li>")[-2:]
    exact = 'datetime="2027-01-15T08:00:00+00:00" title="2027-01-15 08:00 UTC"'
    assert f"<time {exact}>{words}</time>" in elsewhere


async def test_of_many_sessions_the_latest_are_described_and_the_others_counted(
    client: Client, begin: Begin, clock: Clock
) -> None:
    await begin()
    await client.signed_in()
    for _ in range(MAX_SHOWN + 10):
        clock.turn(1)
        await begin()
    page = (await client.get("/account")).text
    assert page.partition('<ul class="rows">')[2].count("<li>") == MAX_SHOWN
    assert "and 12 older ones" in page
    # Though it was used longer ago than all but one, the current session is among them.
    assert page.count("this device") == 1


async def test_the_page_shows_every_session_and_which_is_the_current_one(
    client: Client, other: Client, clock: Clock
) -> None:
    await client.signed_in()
    clock.turn(300)
    other.headers["user-agent"] = "<b>Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Firefox/153.0"
    await other.signed_in()
    page = (await other.get("/account")).text
    here, elsewhere = page.split("<li>")[-2:]
    assert "Firefox on Linux" in here
    assert "this device" in here
    assert "Sign out" not in here
    assert "5 minutes ago" in elsewhere
    assert "this device" not in elsewhere
    assert "192.0.2.1" in elsewhere
    assert "<b>" not in page


async def test_another_device_is_signed_out_from_the_account_page(
    client: Client, other: Client
) -> None:
    await client.signed_in()
    await other.signed_in()
    page = (await client.get("/account")).text
    assert "192.0.2.1" in page
    [action] = re.findall(r'action="(/account/sessions/[0-9a-f]{64}/end)"', page)
    assert (await submit(client, action)).status_code == 303
    assert Page(await client.get("/account")).flash
    assert not await other.is_signed_in()
    assert (await submit(client, action)).status_code == 404


async def test_signing_out_this_device_from_the_list_deletes_its_cookie(client: Client) -> None:
    await client.signed_in()
    here = (await client.get("/api/session")).json()["id"]
    assert (await submit(client, f"/account/sessions/{here.upper()}/end")).status_code == 303
    assert client.token is None
    assert (await client.get("/account")).headers["location"] == "/login?next=/account"
    assert Page(await client.get("/login?next=/account")).flash


@pytest.mark.parametrize(
    ("user_agent", "kind"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Firefox/153.0", "computer"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 26_0) Mobile/15E148 Safari/604.1", "phone"),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/156.0 Mobile Safari/537.36", "phone"),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/156.0 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (iPad; CPU OS 18_0) Mobile/15E148 Safari/604.1", "tablet"),
        ("curl/8.5.0", "program"),
        ("", "program"),
    ],
)
def test_a_device_has_the_icon_of_its_kind(user_agent: str, kind: str) -> None:
    assert kind_of_device(user_agent) == kind
