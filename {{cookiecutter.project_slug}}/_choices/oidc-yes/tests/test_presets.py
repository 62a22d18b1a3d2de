"""What Microsoft and GitHub do in their own way."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from app.models import Identity
from app.users.openid import TENANT as ANY
#{% if cookiecutter.identity == "email" %}
from tests.client import ORIGIN, Client
#{% else %}
from tests.client import ORIGIN
#{% endif %}
from tests.conftest import Clock, Start
#{% if cookiecutter.identity == "email" %}
from tests.people import ALICE, FIELD
#{% endif %}
from tests.provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    KEY,
    Body,
    Provider,
    Visitor,
    connect,
    error_of,
)
from tests.signing_up import sign_up

MICROSOFT = "https://login.microsoftonline.com"
TENANT = "9122040d-6c67-4c5b-b112-36a304b66dad"


def provider_at(issuer: str) -> dict[str, Any]:
    return {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "issuer": issuer}


@pytest.fixture
def microsoft(clock: Clock) -> Provider:
    provider = Provider(clock, f"{MICROSOFT}/common/v2.0", "microsoft")
    provider.metadata = {"issuer": f"{MICROSOFT}/{ANY}/v2.0"}
    provider.claims = {"iss": f"{MICROSOFT}/{TENANT}/v2.0", "tid": TENANT, "xms_edov": True}
    return provider


@pytest.fixture
async def tenants(start: Start, microsoft: Provider) -> FastAPI:
    app = await start(
        oidc_providers={"microsoft": provider_at(microsoft.issuer)}, public_url=ORIGIN
    )
    connect(app, microsoft)
    return app


async def issuers(app: FastAPI) -> list[str]:
    rows = await app.state.services.database.fetch_all(select(Identity.issuer))
    return [row.issuer for row in rows]


async def test_an_account_of_any_tenant_is_an_identity_of_its_tenant(
    tenants: FastAPI, microsoft: Provider
) -> None:
    visitor = Visitor(tenants, microsoft)
    await sign_up(visitor)
    assert await visitor.is_signed_in()
    assert await issuers(tenants) == [f"{MICROSOFT}/{TENANT}/v2.0"]
    microsoft.claims["sub"] = "another account"
    await visitor.link()
    for status in (204, 409):
        identities = (await visitor.get("/api/identities")).json()
        response = await visitor.delete(f"/api/identities/{identities[0]['id']}")
        assert response.status_code == status


@pytest.mark.parametrize(
    "claims",
    [
        {"tid": None},
        {"tid": "another tenant"},
        {"iss": f"{MICROSOFT}/{ANY}/v2.0"},
        {"iss": "https://evil.example/v2.0"},
    ],
    ids=str,
)
async def test_the_issuer_of_a_token_is_that_of_its_tenant(
    tenants: FastAPI, microsoft: Provider, claims: dict[str, Any]
) -> None:
    microsoft.claims |= claims
    visitor = Visitor(tenants, microsoft)
    assert error_of(await visitor.sign_in_there()) == "failed"
    assert await issuers(tenants) == []


async def test_a_key_of_one_tenant_signs_for_no_other(
    tenants: FastAPI, microsoft: Provider
) -> None:
    shown = {**KEY.as_dict(private=False), "issuer": f"{MICROSOFT}/another-tenant/v2.0"}
    microsoft.answers["/keys"] = lambda _: {"keys": [shown]}
    visitor = Visitor(tenants, microsoft)
    assert error_of(await visitor.sign_in_there()) == "failed"
    shown["issuer"] = f"{MICROSOFT}/{ANY}/v2.0"
    microsoft.clock.turn(3_600)
    await sign_up(visitor)
    assert await visitor.is_signed_in()


async def test_a_single_tenant_is_an_issuer_like_any_other(
    start: Start, microsoft: Provider
) -> None:
    microsoft.issuer = f"{MICROSOFT}/{TENANT}/v2.0"
    microsoft.metadata = {}
    settings = {"microsoft": provider_at(microsoft.issuer)}
    app = await start(oidc_providers=settings, public_url=ORIGIN)
    connect(app, microsoft)
    visitor = Visitor(app, microsoft)
    await sign_up(visitor)
    assert await visitor.is_signed_in()
    microsoft.claims["iss"] = f"{MICROSOFT}/another-tenant/v2.0"
    assert error_of(await Visitor(app, microsoft).sign_in_there()) == "failed"
#{% if cookiecutter.identity == "email" %}


@pytest.mark.parametrize(
    "claims", [{"xms_edov": None}, {"xms_edov": False}, {"xms_edov": "0"}], ids=str
)
async def test_an_address_that_a_tenant_only_claims_opens_nothing(
    tenants: FastAPI, microsoft: Provider, claims: dict[str, Any]
) -> None:
    microsoft.claims |= {**claims, "email": ALICE, "email_verified": True}
    await Client(tenants).signed_in(ALICE)
    mallory = Visitor(tenants, microsoft)
    assert error_of(await mallory.sign_in_there()) == "email_not_verified"
    assert await issuers(tenants) == []
#{% endif %}


class GitHub:
    """GitHub's OAuth and API, as far as a sign-in asks for them."""

    def __init__(self) -> None:
        self.user: Any = {"id": 583231, "login": "octocat"}
        self.emails: Any = [
            {"email": "other@example.com", "primary": False, "verified": True},
            {"email": "alice@example.com", "primary": True, "verified": True},
        ]
        self.token: Any = {"access_token": "gho_secret", "token_type": "bearer"}
        self.asked: list[httpx2.Request] = []

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        answers = {
            "https://github.com/login/oauth/access_token": self.token,
            "https://api.github.com/user": self.user,
            "https://api.github.com/user/emails": self.emails,
        }
        body = json.dumps(answers[str(request.url)]).encode()
        return httpx2.Response(200, stream=Body(body))


@pytest.fixture
def github() -> GitHub:
    return GitHub()


@pytest.fixture
async def octocat(start: Start, github: GitHub, provider: Provider) -> Visitor:
    settings = {"github": provider_at("https://github.com/login/oauth")}
    app = await start(oidc_providers=settings, public_url=ORIGIN)
    app.state.services.oidc.http.transport = httpx2.MockTransport(github)
    provider.name, provider.issuer = "github", "https://github.com/login/oauth"
    return Visitor(app, provider)


async def test_whoever_signs_in_at_github_is_known_by_a_number(
    octocat: Visitor, github: GitHub
) -> None:
    url = await octocat.leave()
    assert github.asked == []
    asked = dict(parse_qsl(urlsplit(url).query))
    assert asked["redirect_uri"] == f"{ORIGIN}/login/github/callback"
    assert asked["code_challenge_method"] == "S256"
    #{% if cookiecutter.identity == "email" %}
    assert asked["scope"] == "user:email"
    #{% else %}
    assert "scope" not in asked
    #{% endif %}
    await sign_up(octocat)
    user = (await octocat.get("/api/me")).json()
    #{% if cookiecutter.identity == "email" %}
    assert user[FIELD] == ALICE
    #{% endif %}
    sent = dict(parse_qsl(github.asked[0].content.decode()))
    assert sent["code_verifier"]
    assert sent["client_secret"] == CLIENT_SECRET
    assert github.asked[1].headers["authorization"] == "Bearer gho_secret"
    [row] = await octocat.app.state.services.database.fetch_all(
        select(Identity.issuer, Identity.subject)
    )
    assert tuple(row) == ("https://github.com/login/oauth", "583231")
    # Names there change hands.
    github.user = {"id": 583231, "login": "renamed"}
    again = Visitor(octocat.app, octocat.provider)
    assert error_of(await again.sign_in_there()) == ""
    assert (await again.get("/api/me")).json() == user
    github.user = {"id": 1, "login": "octocat"}
    github.emails = []
    stranger = Visitor(octocat.app, octocat.provider)
    await stranger.sign_in_there()
    assert not await stranger.is_signed_in()


async def test_github_is_asked_to_let_people_choose_again(octocat: Visitor) -> None:
    await sign_up(octocat)
    url = await octocat.leave("/api/confirm")
    assert "prompt=select_account" in url
    assert error_of(await octocat.come_back(url)) == ""


@pytest.mark.parametrize(
    ("token", "user"),
    [
        ({"error": "bad_verification_code"}, {"id": 1}),
        ([], {"id": 1}),
        ({"access_token": "a"}, {}),
        ({"access_token": "a"}, {"id": "octocat"}),
        ({"access_token": "a"}, {"id": None}),
    ],
    ids=str,
)
async def test_what_github_does_not_say_properly_is_refused(
    octocat: Visitor, github: GitHub, token: Any, user: Any
) -> None:
    github.token, github.user = token, user
    assert error_of(await octocat.sign_in_there()) == "failed"
    assert octocat.token is None


async def test_an_answer_of_another_issuer_is_none_of_githubs(
    octocat: Visitor, github: GitHub
) -> None:
    assert error_of(await octocat.sign_in_there(iss="https://evil.example")) == "failed"
    assert github.asked == []
    await octocat.sign_in_there(iss="https://github.com/login/oauth")
    assert github.asked


async def test_github_sends_no_logout_tokens(octocat: Visitor) -> None:
    response = await octocat.post("/login/github/logout", data={"logout_token": "a.b.c"})
    assert response.status_code == 400
#{% if cookiecutter.identity == "email" %}


@pytest.mark.parametrize(
    "emails",
    [
        [],
        [{"email": "alice@example.com", "primary": True, "verified": False}],
        [{"email": "alice@example.com", "primary": False, "verified": True}],
    ],
    ids=str,
)
async def test_an_address_that_github_has_not_verified_opens_nothing(
    octocat: Visitor, github: GitHub, emails: Any
) -> None:
    github.emails = emails
    assert error_of(await octocat.sign_in_there()) == "email_not_verified"
    assert octocat.token is None
#{% endif %}
