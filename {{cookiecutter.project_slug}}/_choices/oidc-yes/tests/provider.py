"""A provider that answers without a network, and lies where a test tells it to."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import func, select

from app.models import Identity, User
from app.services import Services
from tests.client import ORIGIN, Client
from tests.conftest import Clock, Start

NAME, OTHER = "corp", "another-one"
ISSUER, OTHER_ISSUER = "https://id.example", "https://other.example/tenant/"
CLIENT_ID, CLIENT_SECRET = "the app", "a secret: between+us"
SUBJECT, EMAIL = "248289761001", "alice@example.com"
ACCESS_TOKEN = "secret of the provider"

# Slow to make.
KEY, OTHER_KEY = (RSAKey.generate_key(2048, {"kid": name}) for name in ("1", "1"))
ECDSA_KEY = ECKey.generate_key("P-256", {"kid": "ec"})

Json = dict[str, Any]
Handler = Callable[[httpx2.Request], Any]


class Body(httpx2.AsyncByteStream):
    """What is sent over a network: it is read once, in pieces."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.content


class Endless(httpx2.AsyncByteStream):
    """A body that goes on for as long as somebody reads it."""

    def __init__(self, pause: float = 0) -> None:
        self.pause, self.sent = pause, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(self.pause)
            self.sent += 65_536
            yield b" " * 65_536


class Held(Endless):
    """A body that does not arrive before a test lets it."""

    def __init__(self) -> None:
        self.is_read, self.goes_on = asyncio.Event(), asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.is_read.set()
        await self.goes_on.wait()
        yield b"{}"


@dataclass
class Provider(httpx2.AsyncBaseTransport):
    """Speaks OpenID Connect, and holds the app to it."""

    clock: Clock
    issuer: str = ISSUER
    name: str = NAME
    # Told in the place of the truth; what is None is left out.
    metadata: Json = field(default_factory=dict)
    claims: Json = field(default_factory=dict)
    header: Json = field(default_factory=dict)
    tokens: Json = field(default_factory=dict)
    userinfo: Json = field(default_factory=dict)
    # Of every answer.
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    # Answers by path, in the place of its own.
    answers: dict[str, Handler] = field(default_factory=dict)
    key: Any = field(default_factory=lambda: KEY)
    shown_keys: list[Any] = field(default_factory=lambda: [KEY, ECDSA_KEY])
    # What the app has asked for, and what it was told to come back with.
    requests: list[httpx2.Request] = field(default_factory=list)
    codes: dict[str, Json] = field(default_factory=dict)

    def asked(self, path: str) -> int:
        """How often the app has asked for a path."""
        return sum(each.url.path.endswith(path) for each in self.requests)

    def authorize(self, url: str, **lies: str) -> Json:
        """Return what a browser is sent back with. lies: other parameters."""
        parts = urlsplit(url)
        assert url.startswith(f"{self.issuer.removesuffix('/')}/authorize?"), url
        code = f"code {len(self.codes)}"
        self.codes[code] = asked = dict(parse_qsl(parts.query))
        assert asked["client_id"] == CLIENT_ID
        return {"code": code, "state": asked["state"], **lies}

    def sign(self, claims: Json, **header: Any) -> str:
        """Return a token that says so."""
        told = {key: value for key, value in claims.items() if value is not None}
        headers = {"alg": "RS256", "kid": self.key.kid, **self.header, **header}
        return jwt.encode(headers, told, self.key, [headers["alg"]])

    def logout_token(self, **claims: Any) -> str:
        """Return what it tells the app when somebody has left."""
        now = int(self.clock())
        event: Json = {"http://schemas.openid.net/event/backchannel-logout": {}}
        told = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 120}
        once = {"jti": uuid4().hex, "events": event}
        return self.sign({**told, **once, **claims}, typ="logout+jwt")

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer the app."""
        self.requests.append(request)
        path = request.url.path.removeprefix(urlsplit(self.issuer).path.removesuffix("/"))
        name = path.rpartition("/")[2].replace("-", "_")
        answer = self.answers.get(path) or getattr(self, f"_{name}")
        content = answer(request)
        if isinstance(content, Exception):
            raise content
        if not isinstance(content, httpx2.Response):
            content = httpx2.Response(self.status, headers=self.headers, json=content)
        if isinstance(content.stream, Endless):
            return content
        body = Body(content.content)
        return httpx2.Response(content.status_code, headers=content.headers, stream=body)

    def _openid_configuration(self, _: httpx2.Request) -> Json:
        at = self.issuer.removesuffix("/")
        told: Json = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "jwks_uri": f"{at}/keys",
            **self.metadata,
        }
        return {key: value for key, value in told.items() if value is not None}

    def _keys(self, _: httpx2.Request) -> Json:
        return {"keys": [each.as_dict(private=False) for each in self.shown_keys]}

    def _userinfo(self, request: httpx2.Request) -> Any:
        assert request.headers["authorization"] == f"Bearer {ACCESS_TOKEN}"
        told = {"sub": SUBJECT, "email": EMAIL, "email_verified": True, **self.userinfo}
        return {key: value for key, value in told.items() if value is not None}

    def _token(self, request: httpx2.Request) -> Any:
        sent = dict(parse_qsl(request.content.decode()))
        asked = self.codes.pop(sent["code"], None)
        digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            asked is None
            or sent["grant_type"] != "authorization_code"
            or (asked["code_challenge_method"], asked["code_challenge"]) != ("S256", challenge)
            or asked["redirect_uri"] != sent["redirect_uri"]
            or not _is_authenticated(request, sent)
        ):
            return httpx2.Response(400, json={"error": "invalid_grant"})
        now = int(self.clock())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": SUBJECT,
            "email": EMAIL,
            "email_verified": True,
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 300,
        }
        id_token = self.sign({**claims, **self.claims})
        told = {"access_token": ACCESS_TOKEN, "id_token": id_token, **self.tokens}
        return {key: value for key, value in told.items() if value is not None}


def _is_authenticated(request: httpx2.Request, sent: Json) -> bool:
    basic = base64.b64encode(b"the+app:a+secret%3A+between%2Bus").decode()
    in_form = (sent.get("client_id"), sent.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
    return request.headers.get("authorization") == f"Basic {basic}" or in_form


class Visitor(Client):
    """Somebody at a browser, with an account at a provider."""

    def __init__(self, app: FastAPI, provider: Provider) -> None:
        super().__init__(app)
        self.provider = provider

    def at(self, provider: Provider) -> Self:
        """Go to another provider from here on, with the same browser."""
        self.provider = provider
        return self

    async def leave(self, path: str = "/api/login", next_path: str = "/") -> str:
        """Begin something at the provider; return where the browser goes."""
        path = f"{path}/{self.provider.name}"
        response = await self.post(path, json={"next": next_path})
        assert response.status_code == 200, response.text
        return str(response.json()["url"])

    async def come_back(self, url: str, **lies: str) -> httpx2.Response:
        """Prove there who one is, and come back."""
        return await self.arrive(self.provider.authorize(url, **lies))

    async def arrive(self, answer: Json) -> httpx2.Response:
        """Come back with an answer."""
        path = f"/login/{self.provider.name}/callback"
        return await self.get(f"{path}?{urlencode(answer)}", headers={"sec-fetch-site": "none"})

    async def sign_in_there(self, **lies: str) -> httpx2.Response:
        """Sign in at the provider."""
        return await self.come_back(await self.leave(), **lies)

    async def link(self, **lies: str) -> httpx2.Response:
        """Link the account at the provider to the one here."""
        return await self.come_back(await self.leave("/api/identities"), **lies)

    async def confirm(self, **lies: str) -> httpx2.Response:
        """Prove at the provider once more who one is."""
        return await self.come_back(await self.leave("/api/confirm"), **lies)


def error_of(response: httpx2.Response) -> str:
    """Return why somebody was led back; nothing when all went well."""
    assert response.status_code == 303, response.text
    query = dict(parse_qsl(urlsplit(response.headers["location"]).query))
    return query.get("error", "")


SETTINGS = {
    name: {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "issuer": issuer}
    for name, issuer in ((NAME, ISSUER), (OTHER, OTHER_ISSUER))
}


async def take_away(start: Start, visitor: Visitor) -> Visitor:
    """Start the app again without the provider; return the visitor, with the same cookies."""
    left = {name: each for name, each in SETTINGS.items() if name != visitor.provider.name}
    later = Visitor(await start(oidc_providers=left, public_url=ORIGIN), visitor.provider)
    later.cookies = visitor.cookies
    return later


def connect(app: FastAPI, *providers: Provider) -> None:
    """Let an app ask these, one for each host, and nobody else."""
    services: Services = app.state.services
    by_host = {urlsplit(each.issuer).hostname: each for each in providers}

    async def ask(request: httpx2.Request) -> httpx2.Response:
        return await by_host[request.url.host].handle_async_request(request)

    services.oidc.http.transport = httpx2.MockTransport(ask)


@pytest.fixture
def provider(clock: Clock) -> Provider:
    return Provider(clock)


@pytest.fixture
def other_provider(clock: Clock) -> Provider:
    return Provider(clock, OTHER_ISSUER, OTHER)


@pytest.fixture
async def site(start: Start, provider: Provider, other_provider: Provider) -> FastAPI:
    """Return an app that knows both providers."""
    app = await start(oidc_providers=SETTINGS, public_url=ORIGIN)
    connect(app, provider, other_provider)
    return app


@pytest.fixture
def visitor(site: FastAPI, provider: Provider) -> Visitor:
    return Visitor(site, provider)


async def created(services: Services) -> int:
    """Return how many accounts and identities there are."""
    counts = select(
        select(func.count()).select_from(User).scalar_subquery()
        + select(func.count()).select_from(Identity).scalar_subquery()
    )
    row = await services.database.fetch_one(counts)
    return int(row[0]) if row else 0


async def refuse(visitor: Visitor, error: str, **lies: str) -> None:
    """Check that nothing comes of a sign-in."""
    response = await visitor.sign_in_there(**lies)
    assert error_of(response) == error
    assert visitor.token is None
    assert await created(visitor.app.state.services) == 0
