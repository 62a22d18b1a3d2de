"""A provider lies in every field, is down, or slow, or does not speak the protocol."""

import asyncio
import json
from base64 import urlsafe_b64encode
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from joserfc.jwk import OctKey

from app.users import oidc
from app.users.providers import MAX_ANSWER_BYTES
from tests.client import Client
from tests.conftest import Clock
from tests.provider import (
    CLIENT_SECRET,
    ISSUER,
    OTHER_ISSUER,
    OTHER_KEY,
    Endless,
    Held,
    Provider,
    Visitor,
    created,
    error_of,
    refuse,
)
from tests.signing_up import sign_up

NOW = 1_800_000_000


@pytest.fixture
def app(site: FastAPI) -> FastAPI:
    return site


CLAIMS: list[dict[str, Any]] = [
    {"iss": OTHER_ISSUER},
    {"iss": ISSUER + "/"},
    {"iss": None},
    {"iss": [ISSUER]},
    {"aud": "another app"},
    {"aud": ["another app"]},
    {"aud": []},
    {"aud": None},
    {"aud": ["the app", "another app"]},
    {"aud": ["the app", "another app"], "azp": "another app"},
    {"azp": "another app"},
    {"nonce": "of another attempt"},
    {"nonce": None},
    {"exp": NOW - 61},
    {"exp": None},
    {"exp": "tomorrow"},
    {"iat": NOW + 61},
    {"iat": None},
    {"nbf": NOW + 61},
    {"sub": None},
    {"sub": ""},
    {"sub": 248289761001},
    {"sub": "x" * 256},
    {"sub": "a\0b"},
]


@pytest.mark.parametrize("claims", CLAIMS, ids=str)
async def test_a_token_that_says_something_else_is_refused(
    visitor: Visitor, provider: Provider, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    await refuse(visitor, "failed")


async def test_a_token_within_a_minute_of_its_times_is_good(
    visitor: Visitor, provider: Provider
) -> None:
    times: list[dict[str, Any]] = [{"exp": NOW - 59}, {"iat": NOW + 59}, {"iat": -(10**400)}]
    for claims in (*times, {"aud": ["the app"]}, {"azp": "the app"}):
        provider.claims = claims
        await sign_up(visitor)
        assert await visitor.is_signed_in()


async def test_a_token_is_signed_by_a_key_of_the_provider(
    visitor: Visitor, provider: Provider
) -> None:
    provider.key = OTHER_KEY
    await refuse(visitor, "failed")


@pytest.mark.parametrize("name", ["none", "HS256", "RS384", "RS512"])
async def test_other_algorithms_are_not_accepted(
    visitor: Visitor, provider: Provider, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    provider.header = {"alg": name}
    if name == "none":
        monkeypatch.setattr(Provider, "sign", unsigned)
    elif name == "HS256":
        # With what both know as a secret.
        provider.key = OctKey.import_key(CLIENT_SECRET.encode() * 2, {"kid": "1"})
    await refuse(visitor, "failed")


def unsigned(provider: Provider, claims: dict[str, Any], **_: Any) -> str:
    parts = (json.dumps(each).encode() for each in ({"kid": "1", **provider.header}, claims))
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


async def test_a_secret_among_the_keys_signs_nothing(visitor: Visitor, provider: Provider) -> None:
    secret = OctKey.import_key(b"a secret that everybody knows: this", {"kid": "oct"})
    provider.answers["/keys"] = lambda _: {"keys": [secret.as_dict(private=True)]}
    provider.key, provider.header = secret, {"alg": "HS256"}
    await refuse(visitor, "failed")


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "é", 1, None, {}, "." * 5000, "e30.e30.e30"])
async def test_what_is_no_token_is_refused(
    visitor: Visitor, provider: Provider, token: Any
) -> None:
    provider.answers["/token"] = lambda _: {"id_token": token}
    await refuse(visitor, "failed")


ANSWERS: list[Any] = [
    *([], "text", 1, None, {}, {"keys": 1}, {"issuer": 1}),
    httpx2.Response(500),
    httpx2.Response(404, json={}),
    httpx2.Response(302, headers={"location": f"{ISSUER}/elsewhere"}),
    httpx2.Response(200, text="<html>"),
    httpx2.Response(200, text="[" * 100_000),
    httpx2.Response(200, content=b"\xff\xfe"),
    httpx2.Response(200, content=b" " * (MAX_ANSWER_BYTES + 1)),
    httpx2.ConnectError("down"),
    httpx2.ReadTimeout("slow"),
    OSError("no route"),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys"])
async def test_a_provider_that_does_not_describe_itself_is_out_of_order(
    visitor: Visitor, provider: Provider, clock: Clock, path: str, answer: Any
) -> None:
    provider.answers[path] = lambda _: answer
    response = await visitor.post("/api/login/corp")
    assert response.status_code == 503, response.text
    assert response.headers["retry-after"]
    assert response.json()["detail"].startswith("The provider does not respond.")
    provider.answers.clear()
    clock.turn(5)
    await sign_up(visitor)


@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
async def test_a_provider_that_gives_no_token_leads_back_with_a_sentence(
    visitor: Visitor, provider: Provider, answer: Any
) -> None:
    provider.answers["/token"] = lambda _: answer
    response = await visitor.sign_in_there()
    assert error_of(response) in ("unavailable", "failed")
    assert visitor.token is None
    assert await created(visitor.app.state.services) == 0


async def test_an_answer_with_the_status_of_an_error_is_none(
    visitor: Visitor, provider: Provider
) -> None:
    address = await visitor.leave()
    provider.status = 400
    assert error_of(await visitor.come_back(address)) == "unavailable"
    assert provider.asked("/token") == 1
    assert await created(visitor.app.state.services) == 0


async def test_no_cookie_of_a_provider_is_sent_back_for_somebody_else(
    visitor: Visitor, provider: Provider
) -> None:
    provider.headers = {"set-cookie": "session=alice; Path=/"}
    await visitor.sign_in_there()
    assert provider.asked("/token") == 1
    assert not any("cookie" in each.headers for each in provider.requests)


async def test_an_endless_answer_is_read_no_further(visitor: Visitor, provider: Provider) -> None:
    body = Endless()
    provider.answers["/token"] = lambda _: httpx2.Response(200, stream=body)
    await refuse(visitor, "unavailable")
    assert body.sent <= MAX_ANSWER_BYTES + 65_536


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token"])
async def test_a_slow_provider_is_waited_for_no_longer_than_a_few_seconds(
    visitor: Visitor, provider: Provider, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    assert oidc.PROVIDER_SECONDS == 5
    monkeypatch.setattr(oidc, "PROVIDER_SECONDS", 0.05)
    provider.answers[path] = lambda _: httpx2.Response(200, stream=Endless(pause=3600))
    # Ends a test that would wait for ever.
    async with asyncio.timeout(60):
        if path == "/token":
            await refuse(visitor, "unavailable")
        else:
            assert (await visitor.post("/api/login/corp")).status_code == 503


async def test_a_provider_that_does_not_answer_is_not_asked_again_and_again(
    visitor: Visitor, provider: Provider, clock: Clock
) -> None:
    provider.status = 500
    for _ in range(3):
        assert (await visitor.post("/api/login/corp")).status_code == 503
    assert provider.asked("/openid-configuration") == 1
    provider.status = 200
    clock.turn(5)
    await visitor.leave()
    assert provider.asked("/openid-configuration") == 2


async def test_a_token_with_a_key_that_nobody_knows_makes_nobody_wait(
    visitor: Visitor, provider: Provider, clock: Clock
) -> None:
    await visitor.leave()
    clock.turn(60)
    held = Held()
    provider.answers["/.well-known/openid-configuration"] = lambda _: httpx2.Response(
        200, stream=held
    )
    token = provider.sign({}, kid="of a stranger")
    stranger = Client(visitor.app)
    # Ends a test that would wait for ever.
    async with asyncio.timeout(60):
        telling = asyncio.create_task(
            stranger.post("/login/corp/logout", data={"logout_token": token})
        )
        await held.is_read.wait()
        await visitor.leave()
        held.goes_on.set()
        assert (await telling).status_code in (400, 503)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": OTHER_ISSUER},
        {"issuer": ISSUER + "/"},
        {"issuer": None},
        {"token_endpoint": "http://id.example/token"},
        {"token_endpoint": None},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": 1},
    ],
    ids=str,
)
async def test_an_issuer_is_exactly_that_of_the_settings_and_speaks_https(
    visitor: Visitor, provider: Provider, metadata: dict[str, Any]
) -> None:
    provider.metadata = metadata
    assert (await visitor.post("/api/login/corp")).status_code == 503
