"""Attackers mix, replay and forge what is on its way to a provider and back."""

import asyncio
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from app.models import Identity, User
from app.services import Services
from tests.attacks.stories import Target, story
from tests.client import COOKIE, ORIGIN
from tests.conftest import Clock, Start
from tests.people import ALICE, BOB, FIELD, MALLORY
from tests.provider import (
    CLIENT_SECRET,
    ISSUER,
    NAME,
    OTHER_ISSUER,
    SETTINGS,
    Provider,
    Visitor,
    connect,
    created,
    error_of,
    refuse,
)
from tests.signing_up import sign_up

NOW = 1_800_000_000


@pytest.fixture
def app(site: FastAPI) -> FastAPI:
    return site


async def test_the_answer_of_one_provider_is_none_of_another(
    site: FastAPI, provider: Provider, other_provider: Provider
) -> None:
    """A mix-up: an evil provider passes on what an honest one was asked (RFC 9700, 4.4)."""
    visitor = Visitor(site, provider)
    answer = provider.authorize(await visitor.leave())
    assert error_of(await visitor.at(other_provider).arrive(answer)) == "failed"
    assert other_provider.asked("/token") == 0
    await refuse(visitor.at(provider), "failed", iss=OTHER_ISSUER)
    assert provider.asked("/token") == 0
    provider.metadata = {"authorization_response_iss_parameter_supported": True}
    another = Visitor(await start_again(site, provider), provider)
    await refuse(another, "failed")
    await refuse(another, "failed", iss=OTHER_ISSUER)
    assert provider.asked("/token") == 0
    assert error_of(await another.sign_in_there(iss=ISSUER)) == ""


async def start_again(app: FastAPI, provider: Provider) -> FastAPI:
    """Let the app forget what the provider said of itself."""
    provider.clock.turn(3_600)
    return app


async def test_an_answer_that_was_changed_on_the_way_is_refused(
    visitor: Visitor, provider: Provider
) -> None:
    for lies in (
        {"state": "a" * 43},
        {"state": ""},
        {"code": "stolen from somebody else"},
        {"iss": "https://evil.example"},
    ):
        response = await visitor.sign_in_there(**lies)
        assert error_of(response) in ("failed", "unavailable"), lies
    answer = provider.authorize(await visitor.leave())
    for missing in ("code", "state"):
        cut = {key: value for key, value in answer.items() if key != missing}
        assert error_of(await visitor.arrive(cut)) == "failed"
    # Its beginning names the cookie.
    answer = provider.authorize(await visitor.leave())
    answer["state"] = answer["state"][:8] + "a" * 35
    assert error_of(await visitor.arrive(answer)) == "failed"
    assert await created(visitor.app.state.services) == 0


@story("login CSRF by a provider", promise=87)
async def test_an_answer_that_nobody_asked_for_signs_nobody_in(target: Target) -> None:
    """Send a victim the answer of a provider, with a state that the attacker has made up."""
    victim = target.browser()
    for answer in ({"code": "x", "state": "a" * 43}, {"code": "x"}, {"error": "x"}, {}):
        path = f"/login/{NAME}/callback?{urlencode(answer)}"
        # Where SameSite is strict, a page of the app has sent the browser once more.
        response = await victim.get(path, headers={"sec-fetch-site": "none"})
        # Unless there is such a provider, there is nothing.
        target.expect(response, 303, 404)
        target.hold(victim.token is None, "nobody is signed in")


async def test_an_answer_is_taken_by_the_browser_that_asked_alone(
    site: FastAPI, provider: Provider
) -> None:
    """Else an attacker signs somebody in to the attacker's account (login CSRF)."""
    attacker, victim = Visitor(site, provider), Visitor(site, provider)
    answer = provider.authorize(await attacker.leave())
    await victim.leave()
    assert error_of(await victim.arrive(answer)) == "failed"
    assert victim.token is None
    assert error_of(await attacker.arrive(answer)) == ""


@pytest.mark.parametrize("way", ["password", "provider", "sign-out"])
async def test_what_was_begun_signs_nobody_in_once_somebody_else_has_come(
    visitor: Visitor, provider: Provider, other_provider: Provider, way: str
) -> None:
    """A tab is left behind at a shared computer: another login CSRF."""
    await sign_up(Visitor(visitor.app, provider))
    await sign_up(Visitor(visitor.app, other_provider), BOB)
    answer = provider.authorize(await visitor.leave())
    if way == "password":
        await visitor.register(MALLORY)
        response = await visitor.sign_in(MALLORY)
    elif way == "provider":
        response = await visitor.at(other_provider).sign_in_there()
    else:
        response = await visitor.post("/api/logout")
    names = [each.partition("=")[0] for each in response.headers.get_list("set-cookie")]
    assert len(names) == len(set(names))
    assert not [name for name in visitor.cookies if "-at-" in name]
    token = visitor.token
    assert (token is None) == (way == "sign-out")
    assert error_of(await visitor.at(provider).arrive(answer)) == "failed"
    assert visitor.token == token


async def test_an_answer_is_taken_once(visitor: Visitor, provider: Provider) -> None:
    await sign_up(visitor)
    url = await visitor.leave()
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    answer = provider.authorize(url)
    assert error_of(await visitor.arrive(answer)) == ""
    provider.codes[answer["code"]] = dict(httpx2.URL(url).params)
    thief = Visitor(visitor.app, provider)
    thief.headers["cookie"] = cookies
    response = await thief.arrive(answer)
    assert error_of(response) == "failed"
    assert COOKIE not in response.headers.get("set-cookie", "")


async def test_of_two_answers_at_once_one_is_taken(visitor: Visitor, provider: Provider) -> None:
    await sign_up(visitor)
    url = await visitor.leave()
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    answer = provider.authorize(url)
    twins = [Visitor(visitor.app, provider) for _ in range(4)]
    for twin in twins:
        twin.headers["cookie"] = cookies
    responses = await asyncio.gather(*(twin.arrive(answer) for twin in twins))
    assert sorted(map(error_of, responses)) == ["", "failed", "failed", "failed"]


async def test_an_answer_is_good_for_ten_minutes(
    visitor: Visitor, provider: Provider, clock: Clock
) -> None:
    await sign_up(visitor)
    url = await visitor.leave()
    clock.turn(599)
    assert error_of(await visitor.come_back(url)) == ""
    url = await visitor.leave()
    # The cookie jar of a test counts by another clock, so that the app has to.
    clock.turn(600)
    assert error_of(await visitor.come_back(url)) == "failed"


async def test_what_a_clock_far_ahead_began_is_good_for_nothing(
    visitor: Visitor, clock: Clock
) -> None:
    clock.turn(86_400)
    url = await visitor.leave()
    clock.turn(-86_400)
    assert error_of(await visitor.come_back(url)) == "failed"


async def test_the_cookie_of_an_attempt_can_neither_be_read_nor_changed_nor_used_elsewhere(
    visitor: Visitor, provider: Provider
) -> None:
    first = provider.authorize(await visitor.leave())
    second = provider.authorize(await visitor.leave())
    (name, value), (other_name, other_value) = visitor.cookies.items()
    for secret in (provider.codes[first["code"]]["nonce"], first["state"]):
        assert secret not in value
    twice = f"{value}; {name}={value}"
    for each in ("", "a", "é", value[:-4], value[:-4] + "AAAA", other_value, twice):
        thief = Visitor(visitor.app, provider)
        thief.headers["cookie"] = f"{name}={each}"
        assert error_of(await thief.arrive(first)) == "failed", each
    assert other_name != name
    assert error_of(await visitor.arrive(second)) == ""


@pytest.mark.parametrize("samesite", ["lax", "strict", "none"])
async def test_the_cookie_comes_back_from_another_site_under_every_policy(
    start: Start, provider: Provider, samesite: str
) -> None:
    settings = {"session_samesite": samesite, "trusted_origins": "https://front.example"}
    app = await start(oidc_providers=SETTINGS, public_url=ORIGIN, **settings)
    connect(app, provider)
    visitor = Visitor(app, provider)
    response = await visitor.post("/api/login/corp")
    [cookie] = response.headers.get_list("set-cookie")
    attributes = set(cookie.split("; ")[1:])
    policy = {"SameSite=None", "Partitioned"} if samesite == "none" else {"SameSite=Lax"}
    assert attributes == {"Path=/", "HttpOnly", "Secure", "Max-Age=600"} | policy
    assert cookie.startswith("__Host-")
    response = await visitor.come_back(response.json()["url"])
    assert error_of(response) == ""


async def test_an_error_of_the_provider_leads_back_and_is_not_shown(
    visitor: Visitor, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    forged = "access_denied\n<script>"
    response = await visitor.sign_in_there(error=forged, error_description="<b>")
    assert error_of(response) == "cancelled"
    assert "script" not in response.headers["location"]
    assert "access_denied\\n" in caplog.text
    assert provider.asked("/token") == 0


@pytest.mark.parametrize(
    "address", ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", ""]
)
async def test_nobody_is_led_elsewhere(visitor: Visitor, address: str) -> None:
    await sign_up(visitor)
    response = await visitor.post("/api/login/corp", json={"next": address})
    if response.status_code == 422:
        return
    response = await visitor.come_back(response.json()["url"])
    location = response.headers["location"].removeprefix(ORIGIN)
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))


async def test_no_token_of_the_provider_is_kept_or_logged(
    visitor: Visitor, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    signed: list[str] = []
    sign = provider.sign

    def note(*arguments: Any, **more: Any) -> str:
        signed.append(sign(*arguments, **more))
        return signed[-1]

    provider.sign = note  # type: ignore[method-assign]
    await sign_up(visitor)
    services: Services = visitor.app.state.services
    rows = [
        *await services.database.fetch_all(select(*Identity.__table__.columns)),
        *await services.database.fetch_all(select(*User.__table__.columns)),
    ]
    for secret in (*signed, "secret of the provider", CLIENT_SECRET, "code 0"):
        assert secret not in caplog.text
        assert secret not in str(rows)


async def test_a_subject_of_another_issuer_is_somebody_else(
    site: FastAPI, provider: Provider, other_provider: Provider
) -> None:
    alice = Visitor(site, provider)
    await sign_up(alice)
    mallory = Visitor(site, other_provider)
    user = await sign_up(mallory, BOB)
    assert user[FIELD] == BOB
    assert user != (await alice.get("/api/me")).json()


async def test_an_identity_opens_one_account_alone(site: FastAPI, provider: Provider) -> None:
    alice, bob = Visitor(site, provider), Visitor(site, provider)
    await alice.signed_in(ALICE)
    await alice.link()
    await bob.signed_in(BOB)
    assert error_of(await bob.link()) == "taken"
    assert error_of(await alice.link()) == "taken"
    assert (await bob.get("/api/identities")).json() == []


async def test_in_a_stolen_session_nothing_is_linked_or_removed(
    visitor: Visitor, clock: Clock
) -> None:
    await visitor.signed_in()
    await visitor.link()
    [identity] = (await visitor.get("/api/identities")).json()
    clock.turn(601)
    assert (await visitor.post("/api/identities/another-one")).status_code == 403
    assert (await visitor.delete(f"/api/identities/{identity['id']}")).status_code == 403


async def test_what_one_user_began_is_not_finished_in_the_session_of_another(
    visitor: Visitor, services: Services
) -> None:
    for path in ("/api/identities", "/api/confirm"):
        await visitor.signed_in(ALICE)
        url = await visitor.leave(path)
        await visitor.signed_in(BOB)
        assert error_of(await visitor.come_back(url)) == "signed_out"
        await visitor.signed_in(ALICE)
        url = await visitor.leave(path)
        visitor.use_token(None)
        assert error_of(await visitor.come_back(url)) == "signed_out"
    assert await created(services) == 2


async def test_an_identity_of_somebody_else_confirms_nothing(
    site: FastAPI, provider: Provider, clock: Clock
) -> None:
    alice, bob = Visitor(site, provider), Visitor(site, provider)
    user = await sign_up(alice)
    clock.turn(601)
    provider.claims["sub"] = "nobody here"
    assert error_of(await alice.confirm()) == "failed"
    provider.claims["sub"] = "bob"
    await sign_up(bob, BOB)
    assert error_of(await alice.confirm()) == "failed"
    response = await alice.post("/api/me/delete", json={"confirm": user[FIELD]})
    assert response.status_code == 403


async def test_a_provider_that_has_not_asked_again_confirms_nothing(
    visitor: Visitor, provider: Provider, clock: Clock
) -> None:
    await sign_up(visitor)
    provider.claims["auth_time"] = int(clock()) - 61
    assert error_of(await visitor.confirm()) == "failed"
    provider.claims["auth_time"] = "now"
    assert error_of(await visitor.confirm()) == "failed"
    provider.claims["auth_time"] = int(clock())
    assert error_of(await visitor.confirm()) == ""


async def test_nobody_removes_the_identity_of_another(site: FastAPI, provider: Provider) -> None:
    alice = Visitor(site, provider)
    await sign_up(alice)
    [identity] = (await alice.get("/api/identities")).json()
    mallory = Visitor(site, provider)
    await mallory.signed_in(BOB)
    assert (await mallory.get("/api/identities")).json() == []
    assert (await mallory.delete(f"/api/identities/{identity['id']}")).status_code == 404
    provider.claims["sub"] = "mallory"
    await mallory.link()
    assert (await mallory.delete(f"/api/identities/{identity['id']}")).status_code == 404
    assert len((await mallory.get("/api/identities")).json()) == 1
    assert len((await alice.get("/api/identities")).json()) == 1


async def test_a_disabled_account_is_opened_by_nothing(
    site: FastAPI, provider: Provider, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    alice = Visitor(site, provider)
    user = await sign_up(alice)
    await services.users.disable(user[FIELD])
    assert error_of(await Visitor(site, provider).sign_in_there()) == "failed"
    assert "the account is disabled" in caplog.text


async def test_two_identities_are_not_removed_at_once_when_they_are_the_last(
    visitor: Visitor, other_provider: Provider
) -> None:
    await sign_up(visitor)
    await visitor.at(other_provider).link()
    identities = (await visitor.get("/api/identities")).json()
    paths = [f"/api/identities/{each['id']}" for each in identities]
    responses = await asyncio.gather(*map(visitor.delete, paths))
    assert min(each.status_code for each in responses) == 204
    assert {each.status_code for each in responses} <= {204, 401, 409}
    services: Services = visitor.app.state.services
    assert await services.database.fetch_one(select(Identity.id))


async def test_starting_is_limited(visitor: Visitor) -> None:
    for _ in range(100):
        await visitor.post("/api/login/corp")
    assert (await visitor.post("/api/login/corp")).status_code == 429
