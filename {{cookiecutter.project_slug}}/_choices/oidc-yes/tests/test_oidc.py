"""People sign in, sign up, link, unlink and confirm with accounts at providers."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from app.models import Identity, ProviderSession
from app.services import Services
from app.users.identities import KEEP_SECONDS, MAX_IDENTITIES
from tests.client import COOKIE, ORIGIN, PASSWORD, Client
from tests.conftest import Clock, NewLink, Start
#{% if cookiecutter.identity == "email" %}
from tests.mail import mails
#{% endif %}
from tests.people import ALICE, FIELD, MALLORY
from tests.provider import (
    CLIENT_ID,
    ECDSA_KEY,
    ISSUER,
    KEY,
    SETTINGS,
    Provider,
    Visitor,
    connect,
    error_of,
)
from tests.signing_up import sign_up
from tests.test_account_events import activity
from tests.test_links import NEW_PASSWORD, reset


@pytest.fixture
def app(site: FastAPI) -> FastAPI:
    return site


async def test_the_browser_is_sent_to_the_provider_with_what_the_protocol_asks_for(
    visitor: Visitor, provider: Provider
) -> None:
    url = await visitor.leave()
    asked = dict(parse_qsl(urlsplit(url).query))
    assert asked["response_type"] == "code"
    assert asked["client_id"] == CLIENT_ID
    assert asked["redirect_uri"] == f"{ORIGIN}/login/corp/callback"
    assert asked["code_challenge_method"] == "S256"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert all(len(asked[each]) == 43 for each in ("state", "nonce", "code_challenge"))
    #{% if cookiecutter.identity == "email" %}
    assert asked["scope"] == "openid email"
    #{% else %}
    assert asked["scope"] == "openid"
    #{% endif %}
    again = dict(parse_qsl(urlsplit(await visitor.leave()).query))
    assert not {again[each] for each in ("state", "nonce", "code_challenge")} & {*asked.values()}


async def test_whoever_comes_for_the_first_time_has_an_account_without_a_password(
    visitor: Visitor,
) -> None:
    user = await sign_up(visitor)
    assert (await visitor.get("/api/me")).json() == user
    assert (user[FIELD], user["role"]) == (ALICE, "user")
    [identity] = (await visitor.get("/api/identities")).json()
    assert set(identity) == {"id", "provider", "created_at", "last_used_at"}
    assert identity["provider"] == "corp"
    assert (await Client(visitor.app).sign_in(ALICE, "")).status_code in (401, 422)
    assert (await Client(visitor.app).sign_in()).status_code == 401


async def test_the_same_account_is_opened_from_then_on(site: FastAPI, provider: Provider) -> None:
    user = await sign_up(Visitor(site, provider))
    visitor = Visitor(site, provider)
    response = await visitor.sign_in_there()
    assert error_of(response) == ""
    assert (await visitor.get("/api/me")).json() == user
    assert len((await visitor.get("/api/identities")).json()) == 1


async def test_they_go_on_where_they_wanted_to(visitor: Visitor) -> None:
    await sign_up(visitor)
    url = await visitor.leave(next_path="/account?tab=2")
    response = await visitor.come_back(url)
    assert response.headers["location"].removeprefix(ORIGIN) == "/account?tab=2"
    assert response.headers["cache-control"] == "no-store"


async def test_a_session_that_began_there_is_like_any_other(
    site: FastAPI, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = Visitor(site, provider)
    await sign_up(visitor)
    first = visitor.token
    caplog.clear()
    await visitor.sign_in_there()
    assert not await visitor.opens(first)
    assert await visitor.is_signed_in()
    assert '"authn_login_success"' in caplog.text
    assert '"amr": "fed"' in caplog.text
    await visitor.post("/api/logout")
    assert not await visitor.is_signed_in()


async def test_where_registration_is_closed_only_those_with_an_account_come_in(
    start: Start, provider: Provider
) -> None:
    open_app = await start(oidc_providers=SETTINGS, public_url=ORIGIN)
    connect(open_app, provider)
    closed = await start(oidc_providers=SETTINGS, public_url=ORIGIN, allow_registration=False)
    connect(closed, provider)
    stranger = Visitor(closed, provider)
    assert error_of(await stranger.sign_in_there()) == "registration_closed"
    assert stranger.token is None
    await sign_up(Visitor(open_app, provider))
    assert error_of(await stranger.sign_in_there()) == ""
    assert await stranger.is_signed_in()


async def test_an_account_is_linked_in_a_fresh_session(
    visitor: Visitor, other: Client, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await visitor.signed_in()
    await other.signed_in()
    assert (await visitor.get("/api/identities")).json() == []
    clock.turn(601)
    stale = await visitor.post("/api/identities/corp")
    assert stale.status_code == 403
    await visitor.post("/api/confirm", json={"password": PASSWORD})
    token = visitor.token
    assert error_of(await visitor.link()) == ""
    assert visitor.token != token
    assert await visitor.is_signed_in()
    assert not await other.is_signed_in()
    assert '"reason": "identity added"' in caplog.text
    [identity] = (await visitor.get("/api/identities")).json()
    assert identity["last_used_at"] is None
    newcomer = Visitor(visitor.app, visitor.provider)
    await newcomer.sign_in_there()
    assert (await newcomer.get("/api/me")).json()[FIELD] == ALICE
    #{% if cookiecutter.identity == "email" %}
    subjects = [mail.subject for mail in await mails(visitor.app)]
    assert "Corp was linked to your account" in subjects
    #{% endif %}


async def test_an_account_has_several_identities_and_each_opens_it(
    visitor: Visitor, site: FastAPI, other_provider: Provider
) -> None:
    user = await sign_up(visitor)
    assert error_of(await visitor.at(other_provider).link()) == ""
    listed = (await visitor.get("/api/identities")).json()
    assert [each["provider"] for each in listed] == ["corp", "another-one"]
    elsewhere = Visitor(site, other_provider)
    await elsewhere.sign_in_there()
    assert (await elsewhere.get("/api/me")).json() == user


async def test_an_identity_is_removed_and_opens_nothing_any_more(
    visitor: Visitor, other: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await visitor.signed_in()
    await visitor.link()
    await other.signed_in()
    [identity] = (await visitor.get("/api/identities")).json()
    assert (await visitor.delete(f"/api/identities/{identity['id']}")).status_code == 204
    assert (await visitor.get("/api/identities")).json() == []
    assert await visitor.is_signed_in()
    assert not await other.is_signed_in()
    assert '"reason": "identity removed"' in caplog.text
    listed = [(each["what"], each["detail"]) for each in await activity(visitor)]
    assert listed[:2] == [("identity removed", "Corp"), ("identity added", "Corp")]
    assert (await visitor.delete(f"/api/identities/{identity['id']}")).status_code == 404
    #{% if cookiecutter.identity == "email" %}
    subjects = [mail.subject for mail in await mails(visitor.app)]
    assert "Corp is no longer linked to your account" in subjects
    #{% endif %}


async def test_the_last_way_to_sign_in_is_not_removed(
    visitor: Visitor, other_provider: Provider
) -> None:
    await sign_up(visitor)
    [first] = (await visitor.get("/api/identities")).json()
    assert (await visitor.delete(f"/api/identities/{first['id']}")).status_code == 409
    await visitor.at(other_provider).link()
    assert (await visitor.delete(f"/api/identities/{first['id']}")).status_code == 204
    [second] = (await visitor.get("/api/identities")).json()
    response = await visitor.delete(f"/api/identities/{second['id']}")
    assert response.status_code == 409
    assert response.json()["detail"].startswith("You would no longer be able to sign in.")


async def test_what_opens_nothing_since_its_provider_is_gone_is_no_way_to_sign_in(
    visitor: Visitor, other_provider: Provider, site: FastAPI
) -> None:
    await sign_up(visitor)
    await visitor.at(other_provider).link()
    identities = (await visitor.get("/api/identities")).json()
    paths = {each["provider"]: f"/api/identities/{each['id']}" for each in identities}
    configured: Any = site.state.services.settings.oidc_providers
    del configured[other_provider.name]
    assert (await visitor.delete(paths["corp"])).status_code == 409
    assert (await visitor.delete(paths[other_provider.name])).status_code == 204


async def test_no_account_has_identities_without_end(visitor: Visitor, provider: Provider) -> None:
    await visitor.signed_in()
    for number in range(MAX_IDENTITIES):
        provider.claims["sub"] = str(number)
        assert error_of(await visitor.link()) == ""
    provider.claims["sub"] = "one more"
    assert error_of(await visitor.link()) == "taken"


async def test_whoever_has_no_password_confirms_at_the_provider(
    visitor: Visitor, clock: Clock
) -> None:
    user = await sign_up(visitor)
    clock.turn(601)
    deletion = {"confirm": user[FIELD]}
    assert (await visitor.post("/api/me/delete", json=deletion)).status_code == 403
    url = await visitor.leave("/api/confirm")
    asked = dict(parse_qsl(urlsplit(url).query))
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    token = visitor.token
    assert error_of(await visitor.come_back(url)) == ""
    assert visitor.token != token
    assert (await visitor.post("/api/me/delete", json=deletion)).status_code == 204


@pytest.mark.parametrize("by", ["a link", "an operator"])
async def test_a_new_password_lets_no_account_elsewhere_in_that_a_thief_has_linked(
    visitor: Visitor, client: Client, services: Services, new_link: NewLink, by: str
) -> None:
    """Somebody who knew the password has made themselves a second way in."""
    visitor.provider.claims["email"] = MALLORY
    await client.register(ALICE)
    await visitor.sign_in(ALICE)
    await visitor.link()
    if by == "a link":
        assert (await reset(client, await new_link())).status_code == 204
    else:
        await services.users.set_password(ALICE, NEW_PASSWORD)
    await visitor.sign_in_there()
    assert (await visitor.get("/api/me")).json().get(FIELD) != ALICE
    assert (await client.sign_in(ALICE, NEW_PASSWORD)).status_code == 200
    assert (await client.get("/api/identities")).json() == []
    #{% if cookiecutter.identity == "email" %}
    [notice] = [each for each in await mails(visitor.app, ALICE) if "no longer" in each.subject]
    assert notice.subject.startswith("Corp")
    assert ("by an operator" in notice.text) == (by == "an operator")
    #{% endif %}


async def test_identities_go_with_the_account(visitor: Visitor, site: FastAPI) -> None:
    database = site.state.services.database
    user = await sign_up(visitor)
    assert await database.fetch_one(select(ProviderSession.id))
    await visitor.post("/api/me/delete", json={"confirm": user[FIELD]})
    assert not await database.fetch_one(select(Identity.id))
    assert not await database.fetch_one(select(ProviderSession.id))
    again = await sign_up(visitor)
    assert again["id"] != user["id"]


async def test_what_is_remembered_of_sessions_is_purged(
    visitor: Visitor, site: FastAPI, clock: Clock
) -> None:
    services = site.state.services
    await sign_up(visitor)
    await services.delete_expired()
    assert await services.database.fetch_one(select(ProviderSession.id))
    clock.turn(services.settings.session_lifetime + KEEP_SECONDS)
    await services.delete_expired()
    assert not await services.database.fetch_one(select(ProviderSession.id))


async def test_two_tabs_do_not_disturb_each_other(visitor: Visitor) -> None:
    """Until somebody signs in in one of them."""
    await sign_up(visitor)
    for wanted in (0, 1):
        urls = [await visitor.leave(next_path=f"/?{tab}") for tab in (0, 1)]
        response = await visitor.come_back(urls[1 - wanted], error="access_denied")
        assert error_of(response) == "cancelled"
        response = await visitor.come_back(urls[wanted])
        assert response.headers["location"].removeprefix(ORIGIN) == f"/?{wanted}"


async def test_a_browser_keeps_the_last_five_attempts(visitor: Visitor) -> None:
    await sign_up(visitor)
    urls = [await visitor.leave() for _ in range(6)]
    kept = [name for name in visitor.cookies if "-at-" in name]
    assert len(kept) == 5
    assert error_of(await visitor.come_back(urls[0])) == "failed"
    for url in urls[1:]:
        response = await visitor.come_back(url, error="access_denied")
        assert error_of(response) == "cancelled"
    assert not [name for name in visitor.cookies if "-at-" in name]


async def test_cookies_that_a_sibling_plants_neither_count_nor_fill_the_response(
    visitor: Visitor,
) -> None:
    await visitor.leave()
    [(kept, value)] = visitor.cookies.items()
    for prefix, deleted in (("x", 0), (kept[: -len("-at-12345678")], 12)):
        planted = "; ".join(f"{prefix}-at-{number:08}=1" for number in range(150))
        headers = {"cookie": f"{kept}={value}; {planted}"}
        response = await visitor.post("/api/login/corp", headers=headers)
        names = [each.partition("=")[0] for each in response.headers.get_list("set-cookie")]
        assert len(names) == 1 + deleted
        assert (kept in names) == bool(deleted)
        response = await visitor.post("/api/logout", headers=headers)
        names = [each.partition("=")[0] for each in response.headers.get_list("set-cookie")]
        assert len(names) == 1 + (deleted or 1)
        assert {kept, COOKIE} <= set(names)


async def test_nothing_is_fetched_before_it_is_needed_and_then_kept_for_an_hour(
    visitor: Visitor, provider: Provider, clock: Clock
) -> None:
    assert provider.requests == []
    await sign_up(visitor)
    await visitor.sign_in_there()
    assert (provider.asked("/openid-configuration"), provider.asked("/keys")) == (1, 1)
    clock.turn(3_600)
    await visitor.sign_in_there()
    assert (provider.asked("/openid-configuration"), provider.asked("/keys")) == (2, 2)


async def test_a_new_key_is_fetched_once_a_minute_at_most(
    visitor: Visitor, provider: Provider, clock: Clock
) -> None:
    await sign_up(visitor)
    provider.header["kid"] = "unknown"
    for _ in range(3):
        assert error_of(await visitor.sign_in_there()) == "failed"
    assert provider.asked("/keys") == 1
    clock.turn(61)
    for _ in range(3):
        assert error_of(await visitor.sign_in_there()) == "failed"
    assert provider.asked("/keys") == 2
    provider.header, provider.key = {"alg": "ES256"}, ECDSA_KEY
    assert error_of(await visitor.sign_in_there()) == ""


async def test_a_client_authenticates_as_the_provider_wants(
    visitor: Visitor, provider: Provider
) -> None:
    methods = ["client_secret_post"]
    provider.metadata["token_endpoint_auth_methods_supported"] = methods
    provider.metadata["authorization_endpoint"] = f"{ISSUER}/authorize?tenant=1"
    await sign_up(visitor)
    sent = [each for each in provider.requests if each.url.path == "/token"]
    assert "authorization" not in sent[0].headers


async def test_no_cookie_of_a_provider_is_kept(visitor: Visitor, provider: Provider) -> None:
    keys = {"keys": [KEY.as_dict(private=False)]}
    planted = {"set-cookie": "of=alice; Path=/"}
    provider.answers["/keys"] = lambda _: httpx2.Response(200, json=keys, headers=planted)
    await sign_up(visitor)
    assert not any("cookie" in each.headers for each in provider.requests)


async def test_an_unknown_provider_is_none(visitor: Visitor) -> None:
    for method, path in (
        ("POST", "/api/login/nobody"),
        ("POST", "/api/identities/nobody"),
        ("POST", "/api/confirm/nobody"),
        ("POST", "/login/nobody/logout"),
    ):
        await visitor.signed_in()
        response = await visitor.request(method, path)
        assert response.status_code == 404, path
    assert error_of(await visitor.get("/login/nobody/callback?state=" + "a" * 43)) == "failed"
