"""People sign in, sign up, link, unlink and confirm with accounts at providers."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from app.models import Identity, ProviderSession, User
from app.services import Services
from app.users.identities import MAX_IDENTITIES
from tests.client import ORIGIN, PASSWORD, Client
from tests.conftest import Clock, Start
#{% if cookiecutter.identity == "email" %}
from tests.mail import mails
#{% endif %}
from tests.people import ALICE, BOB, FIELD
from tests.provider import (
    CLIENT_ID,
    EMAIL,
    ISSUER,
    OTHER,
    SETTINGS,
    SUBJECT,
    Provider,
    Visitor,
    connect,
)
from tests.signing_up import sign_up

NEW_PASSWORD = "quite another set of words"


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
    provider.metadata = {"authorization_endpoint": f"{ISSUER}/authorize?tenant=1"}


async def test_whoever_comes_for_the_first_time_has_an_account_without_a_password(
    visitor: Visitor, services: Services
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
    assert response.status_code == 303
    assert (await visitor.get("/api/me")).json() == user
