"""Whoever comes from a provider for the first time is asked for a name by a page."""

import pytest
from fastapi import FastAPI

from tests.client import Client
from tests.conftest import Clock
from tests.people import ALICE
from tests.provider import Visitor

SENT = {"accept": "text/html", "sec-fetch-site": "same-origin"}


@pytest.fixture
def app(site: FastAPI) -> FastAPI:
    return site


async def test_a_name_is_asked_for_and_mistakes_are_shown_beside_it(
    visitor: Visitor, other: Client
) -> None:
    await other.signed_in()
    url = await visitor.leave(next_path="/account")
    response = await visitor.come_back(url)
    assert response.headers["location"] == "/register/corp"
    page = (await visitor.get("/register/corp", headers=SENT)).text
    assert "You have signed in with Corp." in page
    assert 'type="password"' not in page
    taken = await visitor.post("/register/corp", data={"username": ALICE}, headers=SENT)
    assert taken.status_code == 409
    assert 'id="username-error"' in taken.text
    assert f'value="{ALICE}"' in taken.text
    created = await visitor.post("/register/corp", data={"username": "carol"}, headers=SENT)
    assert created.headers["location"] == "/account"
    assert (await visitor.get("/api/me")).json()["username"] == "carol"


async def test_the_page_is_for_whoever_has_just_come(visitor: Visitor, clock: Clock) -> None:
    for path in ("/register/corp", "/register/nowhere"):
        response = await visitor.get(path, headers=SENT)
        assert (response.status_code, response.headers["location"]) == (303, "/login")
    await visitor.sign_in_there()
    clock.turn(601)
    late = await visitor.post("/register/corp", data={"username": "carol"}, headers=SENT)
    assert late.headers["location"] == "/login?error=signed_out"
    assert not await visitor.is_signed_in()
