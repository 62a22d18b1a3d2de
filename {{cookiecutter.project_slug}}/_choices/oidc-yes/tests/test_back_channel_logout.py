"""A provider says that somebody has left, and what began there ends here."""

from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from app.errors import StoreUnavailable
from app.users.identities import Identities
from tests.client import Client
from tests.conftest import Clock, NewLink
from tests.people import ALICE
from tests.provider import (
    CLIENT_ID,
    OTHER_ISSUER,
    OTHER_KEY,
    SUBJECT,
    Provider,
    Visitor,
    error_of,
)
from tests.signing_up import sign_up
from tests.test_links import reset

NOW = 1_800_000_000
DAY, YEAR = 86_400, 31_536_000
EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def app(site: FastAPI) -> FastAPI:
    return site


async def tell(app: FastAPI, token: str) -> httpx2.Response:
    """Let the provider send a logout token."""
    return await Client(app, "203.0.113.9").post("/login/corp/logout", data={"logout_token": token})


async def test_whoever_has_left_there_is_signed_out_here(
    visitor: Visitor, provider: Provider, clock: Clock
) -> None:
    await sign_up(visitor)
    clock.turn(1)
    elsewhere = Visitor(visitor.app, provider)
    await elsewhere.sign_in_there()
    #{% if cookiecutter.session_backend != "signed-cookie" %}
    clock.turn(1)
    with_password = await Client(visitor.app).signed_in(ALICE)
    #{% endif %}
    response = await tell(visitor.app, provider.logout_token(sub=SUBJECT))
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert not await visitor.is_signed_in()
    assert not await elsewhere.is_signed_in()
    #{% if cookiecutter.session_backend != "signed-cookie" %}
    # That one did not begin there.
    assert await with_password.is_signed_in()
    #{% endif %}
    clock.turn(1)
    await visitor.sign_in_there()
    assert await visitor.is_signed_in()


async def test_a_session_is_found_by_its_name_there(
    visitor: Visitor, provider: Provider, clock: Clock
) -> None:
    provider.claims["sid"] = "first"
    await sign_up(visitor)
    provider.claims["sid"] = "second"
    clock.turn(1)
    elsewhere = Visitor(visitor.app, provider)
    await elsewhere.sign_in_there()
    for claims in ({"sid": "third"}, {"sid": "second", "sub": "somebody else"}):
        token = provider.logout_token(**claims)
        assert (await tell(visitor.app, token)).status_code == 200
        assert await elsewhere.is_signed_in()
    assert (await tell(visitor.app, provider.logout_token(sid="second"))).status_code == 200
    assert not await elsewhere.is_signed_in()
    #{% if cookiecutter.session_backend != "signed-cookie" %}
    assert await visitor.is_signed_in()
    #{% endif %}


@pytest.mark.parametrize(("known_as", "sid"), [("a", ""), ("", "a"), ("", "")])
async def test_who_is_named_has_left_whatever_their_sessions_are_called(
    visitor: Visitor, provider: Provider, known_as: str, sid: str
) -> None:
    provider.claims["sid"] = known_as
    await sign_up(visitor)
    token = provider.logout_token(sub=SUBJECT, sid=sid)
    assert (await tell(visitor.app, token)).status_code == 200
    assert not await visitor.is_signed_in()


async def test_a_provider_that_ends_sessions_leaves_links_as_they_are(
    visitor: Visitor, provider: Provider, new_link: NewLink
) -> None:
    await sign_up(visitor, ALICE)
    link = await new_link()
    assert (await tell(visitor.app, provider.logout_token(sub=SUBJECT))).status_code == 200
    assert not await visitor.is_signed_in()
    assert (await reset(visitor, link)).status_code == 204


async def test_a_session_with_a_new_token_ends_as_well(
    visitor: Visitor, provider: Provider, clock: Clock
) -> None:
    await sign_up(visitor)
    clock.turn(60)
    token = visitor.token
    await visitor.confirm()
    assert visitor.token != token
    await tell(visitor.app, provider.logout_token(sub=SUBJECT))
    assert not await visitor.is_signed_in()


LIES: list[dict[str, Any]] = [
    {"iss": OTHER_ISSUER},
    {"aud": "another app"},
    {"exp": NOW - 61},
    {"exp": None},
    {"iat": NOW - 601},
    {"iat": NOW + 61},
    {"jti": None},
    {"jti": 1},
    {"events": None},
    {"events": {}},
    {"events": []},
    {"events": {"http://schemas.openid.net/event/else": {}}},
    {"nonce": "that of an ID token"},
    {"sub": None},
    {"sub": 1},
    {"sub": "", "sid": ""},
    {"sub": "a\0b"},
]


@pytest.mark.parametrize("claims", LIES, ids=str)
async def test_what_says_something_else_ends_nothing(
    visitor: Visitor, provider: Provider, claims: dict[str, Any]
) -> None:
    await sign_up(visitor)
    token = provider.logout_token(**{"sub": SUBJECT, **claims})
    assert (await tell(visitor.app, token)).status_code == 400
    assert await visitor.is_signed_in()


async def test_a_forged_token_ends_nothing(visitor: Visitor, provider: Provider) -> None:
    await sign_up(visitor)
    genuine = provider.logout_token(sub=SUBJECT)
    provider.key = OTHER_KEY
    for token in (provider.logout_token(sub=SUBJECT), "", "a.b.c", genuine[:-4], "é"):
        assert (await tell(visitor.app, token)).status_code == 400
    assert (await Client(visitor.app).post("/login/corp/logout")).status_code == 400
    assert (await Client(visitor.app).post("/login/nobody/logout")).status_code == 404
    assert await visitor.is_signed_in()


async def test_an_id_token_is_no_logout_token(visitor: Visitor, provider: Provider) -> None:
    await sign_up(visitor)
    now = int(provider.clock())
    claims = {"iss": provider.issuer, "aud": CLIENT_ID, "sub": SUBJECT, "iat": now}
    token = provider.sign({**claims, "exp": now + 300, "nonce": "a", "jti": "1"})
    assert (await tell(visitor.app, token)).status_code == 400
    assert await visitor.is_signed_in()


async def test_a_logout_token_is_good_once(
    visitor: Visitor, provider: Provider, clock: Clock
) -> None:
    await sign_up(visitor)
    token = provider.logout_token(sub=SUBJECT)
    assert (await tell(visitor.app, token)).status_code == 200
    clock.turn(1)
    await visitor.sign_in_there()
    assert (await tell(visitor.app, token)).status_code == 400
    assert await visitor.is_signed_in()


@pytest.mark.parametrize("ahead", [-20, 0, 580])
async def test_the_clock_of_the_provider_says_what_came_before_somebody_left(
    visitor: Visitor, provider: Provider, clock: Clock, ahead: int
) -> None:
    """ahead: by how many seconds the clock of the host is that is told of it."""
    await sign_up(visitor)
    clock.turn(ahead)
    # The second one was delayed.
    for issued_at in (NOW + 30, NOW + 10):
        token = provider.logout_token(sub=SUBJECT, iat=issued_at, exp=NOW + 600)
        assert (await tell(visitor.app, token)).status_code == 200
    clock.turn(-ahead)
    for issued_at, error in ((NOW + 20, "failed"), (NOW + 30, "failed"), (NOW + 31, "")):
        provider.claims["iat"] = issued_at
        assert error_of(await visitor.sign_in_there()) == error


async def test_whoever_has_left_by_a_clock_far_ahead_signs_in_again(
    visitor: Visitor, provider: Provider, clock: Clock
) -> None:
    await sign_up(visitor)
    clock.turn(20 * YEAR)
    response = await tell(visitor.app, provider.logout_token(sub=SUBJECT))
    assert response.status_code == 200
    clock.turn(-20 * YEAR)
    assert error_of(await visitor.sign_in_there()) == ""
    # Nor does it hide when they leave.
    await tell(visitor.app, provider.logout_token(sub=SUBJECT))
    assert error_of(await visitor.sign_in_there()) == "failed"


async def test_a_provider_may_send_again_what_a_store_has_failed_to_do(
    visitor: Visitor, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise StoreUnavailable("cut off")

    await sign_up(visitor)
    token = provider.logout_token(sub=SUBJECT)
    with monkeypatch.context() as patch:
        patch.setattr(Identities, "note_logout", fail)
        assert (await tell(visitor.app, token)).status_code == 503
    assert (await tell(visitor.app, token)).status_code == 200
    assert not await visitor.is_signed_in()


@pytest.mark.parametrize("ahead", [0, 36_000])
async def test_no_clock_that_was_wrong_once_spares_a_session(
    visitor: Visitor, provider: Provider, clock: Clock, ahead: int
) -> None:
    """ahead: by how many seconds the clock was when the session began."""
    clock.turn(ahead)
    await sign_up(visitor)
    token = visitor.token
    clock.turn(2 * DAY)
    await visitor.app.state.services.delete_expired()
    clock.turn(-2 * DAY - ahead)
    await tell(visitor.app, provider.logout_token(sub=SUBJECT))
    clock.turn(ahead)
    assert not await visitor.opens(token)


async def test_a_page_of_another_site_sends_no_logout_token(
    visitor: Visitor, provider: Provider
) -> None:
    await sign_up(visitor)
    token, cross_site = provider.logout_token(sub=SUBJECT), {"sec-fetch-site": "cross-site"}
    response = await visitor.post(
        "/login/corp/logout", data={"logout_token": token}, headers=cross_site
    )
    assert response.status_code == 403
    assert await visitor.is_signed_in()
