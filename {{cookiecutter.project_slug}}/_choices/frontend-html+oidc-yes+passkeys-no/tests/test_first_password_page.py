"""Whoever came from a provider sets a password on the account page, if they want one."""

import pytest
from fastapi import FastAPI

from tests.client import PASSWORD, Client
from tests.conftest import Clock
from tests.people import ALICE
from tests.provider import Visitor
from tests.signing_up import sign_up

SENT = {"accept": "text/html", "sec-fetch-site": "same-origin"}


@pytest.fixture
def app(site: FastAPI) -> FastAPI:
    return site


async def send(visitor: Visitor, password: str) -> str:
    """Send the form; return the page that comes of it."""
    form = {"new_password": password}
    response = await visitor.post("/account/password", data=form, headers=SENT)
    if response.status_code == 303:
        response = await visitor.get(response.headers["location"], headers=SENT)
    return response.text


async def test_a_stolen_session_sets_no_password(visitor: Visitor, clock: Clock) -> None:
    await sign_up(visitor)
    clock.turn(601)
    assert "<h1>Confirm that it is you</h1>" in await send(visitor, PASSWORD)
    refused = await visitor.put("/api/password", json={"new_password": PASSWORD})
    assert refused.status_code == 403
    assert (await Client(visitor.app).sign_in(ALICE)).status_code == 401


async def test_a_first_password_is_set_and_changed_like_any_other(visitor: Visitor) -> None:
    await sign_up(visitor)
    page = (await visitor.get("/account", headers=SENT)).text
    assert "Your account has no password." in page
    assert 'name="current_password"' not in page
    assert 'id="new_password-error"' in await send(visitor, "passwordpassword")
    page = await send(visitor, PASSWORD)
    assert ("You have a password now." in page, 'name="current_password"' in page) == (True, True)
    assert (await Client(visitor.app).sign_in(ALICE)).status_code == 200
    assert "You already have a password." in await send(visitor, "quite another set of words")
    assert (await Client(visitor.app).sign_in(ALICE)).status_code == 200
