"""An account that has an authenticator app asks for a code after a provider as well."""

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from app.models import ProviderSession
from app.services import Services
#{% if cookiecutter.identity == "email" %}
from app.users.factors import Factors
#{% endif %}
from app.web.dependencies import StrongUser
from tests.authenticator_app import STEP, App, confirm
from tests.client import Client
from tests.conftest import Clock, Start
from tests.people import ALICE, FIELD
#{% if cookiecutter.frontend == "html" and cookiecutter.identity == "username" %}
from tests.provider import SUBJECT, Provider, Visitor, take_away
#{% else %}
from tests.provider import SUBJECT, Provider, Visitor, error_of, take_away
#{% endif %}
from tests.test_account_events import happened


@pytest.fixture
def app(site: FastAPI) -> FastAPI:
    return site


@pytest.fixture
async def app_of(visitor: Visitor, clock: Clock) -> App:
    """Let Alice link an account at the provider, set up an app, and sign out."""
    await visitor.signed_in()
    await visitor.link()
    app_of = await App.set_up(visitor, clock)
    await visitor.post("/api/logout")
    return app_of


async def send_code(visitor: Visitor, code: str) -> httpx2.Response:
    #{% if cookiecutter.frontend == "html" %}
    return await visitor.post("/login/code", data={"code": code})
    #{% else %}
    return await visitor.post("/api/login/corp/code", json={"code": code})
    #{% endif %}


async def test_nobody_is_signed_in_before_the_code(visitor: Visitor, app_of: App) -> None:
    response = await visitor.sign_in_there()
    #{% if cookiecutter.frontend == "html" %}
    assert response.headers["location"] == "/login/code"
    #{% else %}
    assert error_of(response) == "second_factor"
    #{% endif %}
    assert visitor.token is None
    await send_code(visitor, app_of.wrong_code())
    assert visitor.token is None
    await send_code(visitor, app_of.code())
    assert (await visitor.get("/api/me")).json()[FIELD] == ALICE


async def test_the_code_is_taken_within_five_minutes(
    visitor: Visitor, app_of: App, clock: Clock
) -> None:
    await visitor.sign_in_there()
    clock.turn(299)
    await send_code(visitor, app_of.code())
    assert await visitor.is_signed_in()
    await visitor.post("/api/logout")
    await visitor.sign_in_there()
    clock.turn(300)
    await send_code(visitor, app_of.code())
    assert visitor.token is None
    assert (await send_code(Visitor(visitor.app, visitor.provider), app_of.code())).status_code in (
        303,
        403,
    )


async def test_no_code_is_taken_once_the_provider_is_gone(
    visitor: Visitor, app_of: App, start: Start
) -> None:
    await visitor.sign_in_there()
    later = await take_away(start, visitor)
    assert (await send_code(later, app_of.code())).status_code in (303, 401)
    assert later.token is None


#{% if cookiecutter.frontend == "api" %}
async def test_the_code_is_taken_for_the_provider_that_it_was_asked_for(
    visitor: Visitor, app_of: App
) -> None:
    await visitor.sign_in_there()
    body = {"code": app_of.code()}
    assert (await visitor.post("/api/login/another-one/code", json=body)).status_code == 403
    assert visitor.token is None


async def test_no_code_is_taken_from_whoever_comes_next_at_the_browser(
    visitor: Visitor, app_of: App
) -> None:
    await visitor.sign_in_there()
    await visitor.post("/api/logout")
    assert (await send_code(visitor, app_of.code())).status_code == 403
    assert visitor.token is None


#{% endif %}
#{% if cookiecutter.identity == "email" %}
async def test_whoever_holds_the_mailbox_alone_adds_no_way_in_for_later(
    visitor: Visitor, clock: Clock
) -> None:
    await visitor.signed_in()
    await App.set_up(visitor, clock)
    thief = Visitor(visitor.app, visitor.provider)
    assert error_of(await thief.sign_in_there()) == "second_factor_first"
    assert (await visitor.get("/api/identities")).json() == []
    # In a session that has shown it, the account is linked as ever.
    assert error_of(await visitor.link()) == ""
    assert len((await visitor.get("/api/identities")).json()) == 1


async def test_an_address_links_nothing_while_a_second_factor_is_turned_on(
    visitor: Visitor, provider: Provider, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds_of = Factors.kinds_of

    async def turn_it_on(factors: Factors, user_id: int) -> list[str]:
        kinds = await kinds_of(factors, user_id)
        monkeypatch.setattr(Factors, "kinds_of", kinds_of)
        await App.set_up(visitor, clock)
        return kinds

    await visitor.signed_in()
    provider.claims["email"] = ALICE
    monkeypatch.setattr(Factors, "kinds_of", turn_it_on)
    assert error_of(await Visitor(visitor.app, provider).sign_in_there()) == "failed"
    assert (await visitor.get("/api/identities")).json() == []


#{% endif %}
async def test_a_provider_and_a_code_are_two_factors_and_a_provider_alone_is_one(
    app: FastAPI, visitor: Visitor, clock: Clock
) -> None:
    @app.get("/strong")
    async def strong(user: StrongUser) -> str:
        return user.name

    await visitor.signed_in()
    await visitor.link()
    await visitor.sign_in_there()
    assert (await visitor.get("/strong")).status_code == 403
    app_of = await App.set_up(visitor, clock)
    await visitor.post("/api/logout")
    await visitor.sign_in_there()
    await send_code(visitor, app_of.code())
    assert (await visitor.get("/strong")).json() == ALICE


async def test_freshness_asks_for_the_code_and_a_provider_is_not_enough(
    visitor: Visitor, app_of: App, clock: Clock
) -> None:
    await visitor.sign_in_there()
    await send_code(visitor, app_of.code())
    clock.turn(601)
    response = await visitor.post("/api/confirm/corp")
    assert response.status_code == 403
    assert response.json()["second_factor"] == ["totp", "recovery_code"]
    deletion = {"confirm": ALICE}
    assert (await visitor.post("/api/me/delete", json=deletion)).status_code == 403
    assert (await confirm(visitor, app_of.code())).status_code == 204
    assert (await visitor.post("/api/me/delete", json=deletion)).status_code == 204


@pytest.mark.parametrize("claims", [{"sub": SUBJECT}, {"sid": "first"}], ids=str)
async def test_a_provider_ends_a_sign_in_that_waits_for_its_code(
    visitor: Visitor,
    provider: Provider,
    app_of: App,
    clock: Clock,
    claims: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    provider.claims["sid"] = "first"
    await visitor.sign_in_there()
    clock.turn(STEP)
    token = provider.logout_token(**claims)
    response = await Client(visitor.app).post("/login/corp/logout", data={"logout_token": token})
    assert response.status_code == 200
    await send_code(visitor, app_of.code())
    assert visitor.token is None
    assert "authn_login_success" not in caplog.text
    # What begins there afterwards is another matter.
    provider.claims["sid"] = "second"
    clock.turn(STEP)
    await visitor.sign_in_there()
    await send_code(visitor, app_of.code())
    assert (await happened(visitor)).count("signed in") == 1


async def test_a_provider_ends_what_a_code_has_finished(
    visitor: Visitor, provider: Provider, app_of: App, services: Services
) -> None:
    await visitor.sign_in_there()
    await send_code(visitor, app_of.code())
    assert await services.database.fetch_one(select(ProviderSession.id))
    token = provider.logout_token(sub=SUBJECT)
    response = await Client(visitor.app).post("/login/corp/logout", data={"logout_token": token})
    assert response.status_code == 200
    assert not await visitor.is_signed_in()
