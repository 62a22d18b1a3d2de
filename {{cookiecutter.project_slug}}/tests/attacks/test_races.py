"""An attacker sends many requests at once, and hopes that one slips through."""

import asyncio
from collections.abc import Iterable

import httpx2

from tests.client import COOKIE, PASSWORD, Client
from tests.conftest import Clock
from tests.people import ALICE, FIELD


def tokens_of(responses: Iterable[httpx2.Response]) -> set[str]:
    """Return every session token that any of the responses sets."""
    return {each.cookies[COOKIE] for each in responses if each.cookies.get(COOKIE)}


async def test_no_request_beside_a_logout_leaves_a_token_that_opens_anything(
    client: Client, clock: Clock
) -> None:
    await client.signed_in()
    token = str(client.token)
    # Use is due to be recorded, so each of them may write, and set another token.
    clock.turn(60)
    crowd = [Client(client.app) for _ in range(30)]
    headers = {"cookie": f"{COOKIE}={token}"}
    body = {"password": PASSWORD}
    requests = [each.get("/api/me", headers=headers) for each in crowd[:10]]
    requests.append(crowd[10].post("/api/logout", headers=headers))
    requests += [each.put("/test/values/x", json=1, headers=headers) for each in crowd[11:20]]
    requests.append(crowd[20].post("/api/confirm", json=body, headers=headers))
    requests += [each.get("/api/session", headers=headers) for each in crowd[21:]]
    responses = await asyncio.gather(*requests)
    assert {each.status_code for each in responses} <= {200, 204, 401}

    # Whoever confirmed the password first has a session with another key, which is theirs.
    confirmed = tokens_of([responses[20]])
    for seen in {token, *tokens_of(responses)} - confirmed:
        assert not await client.opens(seen)


async def test_two_sign_ins_at_once_with_one_old_cookie_give_two_sessions(client: Client) -> None:
    await client.signed_in()
    old = str(client.token)
    body = {FIELD: ALICE, "password": PASSWORD}
    headers = {"cookie": f"{COOKIE}={old}"}
    responses = await asyncio.gather(
        *(Client(client.app).post("/api/login", json=body, headers=headers) for _ in range(2))
    )
    new = tokens_of(responses)
    assert len(new) == 2
    for token in new:
        assert await client.opens(token)
    assert not await client.opens(old)
