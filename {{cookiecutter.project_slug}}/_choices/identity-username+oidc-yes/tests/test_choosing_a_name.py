"""Whoever comes from a provider for the first time chooses a name."""

import pytest
from fastapi import FastAPI

from tests.client import Client
from tests.conftest import Clock, Start
from tests.people import ALICE, BOB, FIELD, MALLORY
from tests.provider import SUBJECT, Provider, Visitor, created, error_of, take_away
from tests.signing_up import choose_name, sign_up
from tests.test_back_channel_logout import tell


@pytest.fixture
def app(site: FastAPI) -> FastAPI:
    return site


async def test_a_name_is_chosen_within_ten_minutes(visitor: Visitor, clock: Clock) -> None:
    await visitor.sign_in_there()
    assert visitor.token is None
    clock.turn(599)
    await choose_name(visitor, " Alice ")
    assert (await visitor.get("/api/me")).json()[FIELD] == ALICE
    another = Visitor(visitor.app, visitor.provider)
    visitor.provider.claims["sub"] = "somebody else"
    await another.sign_in_there()
    clock.turn(600)
    await choose_name(another, BOB)
    assert another.token is None


async def test_a_name_that_is_taken_or_is_none_is_refused_and_another_may_be_chosen(
    visitor: Visitor, client: Client
) -> None:
    await client.signed_in(ALICE)
    await visitor.sign_in_there()
    for name, status in ((ALICE, 409), ("", 422), ("a\u200bb", 422)):
        assert (await choose_name(visitor, name)).status_code == status
        assert visitor.token is None
    await choose_name(visitor, BOB)
    assert (await visitor.get("/api/me")).json()[FIELD] == BOB


async def test_a_name_is_chosen_once(visitor: Visitor) -> None:
    await visitor.sign_in_there()
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    await choose_name(visitor, ALICE)
    copied = Visitor(visitor.app, visitor.provider)
    copied.headers["cookie"] = cookies
    response = await choose_name(copied, BOB)
    assert response.status_code in (303, 403)
    assert "-session=" not in response.headers.get("set-cookie", "")


@pytest.mark.parametrize("way", ["password", "provider", "sign-out"])
async def test_no_name_is_chosen_by_whoever_comes_next_at_the_browser(
    visitor: Visitor, provider: Provider, other_provider: Provider, way: str
) -> None:
    await visitor.register(BOB)
    await sign_up(Visitor(visitor.app, other_provider), MALLORY)
    await visitor.sign_in_there()
    if way == "password":
        await visitor.sign_in(BOB)
    elif way == "provider":
        await visitor.at(other_provider).sign_in_there()
    else:
        await visitor.post("/api/logout")
    assert await visitor.is_signed_in() == (way != "sign-out")
    await choose_name(visitor.at(provider), "of-mallory")
    # It is still for Alice to choose.
    response = await Visitor(visitor.app, provider).sign_in_there()
    assert "/register" in response.headers["location"]


async def test_whoever_has_left_there_is_not_signed_in_by_a_name(
    visitor: Visitor, provider: Provider, clock: Clock
) -> None:
    await visitor.sign_in_there()
    clock.turn(1)
    await tell(visitor.app, provider.logout_token(sub=SUBJECT))
    response = await choose_name(visitor, ALICE)
    assert response.status_code in (303, 403)
    assert visitor.token is None


async def test_no_name_is_chosen_once_the_provider_is_gone(start: Start, visitor: Visitor) -> None:
    await visitor.sign_in_there()
    later = await take_away(start, visitor)
    #{% if cookiecutter.frontend == "html" %}
    response = await later.get(f"/register/{visitor.provider.name}")
    assert response.headers["location"] == "/login"
    #{% endif %}
    response = await choose_name(later, ALICE)
    assert response.status_code in (303, 403)
    assert later.token is None
    assert await created(later.app.state.services) == 0


async def test_a_name_is_chosen_by_whoever_has_come_from_that_provider_alone(
    site: FastAPI, visitor: Visitor, other_provider: Provider
) -> None:
    await choose_name(visitor, ALICE)
    assert visitor.token is None
    await visitor.sign_in_there()
    await choose_name(visitor.at(other_provider), ALICE)
    assert visitor.token is None


async def test_an_address_opens_no_account_with_a_name(site: FastAPI, provider: Provider) -> None:
    await Client(site).signed_in("alice@example.com")
    mallory = Visitor(site, provider)
    response = await mallory.sign_in_there()
    assert error_of(response) == ""
    assert mallory.token is None
    await sign_up(mallory, BOB)
    assert (await mallory.get("/api/me")).json()[FIELD] == BOB
