"""Somebody sends many requests at once, and hopes that one slips through."""

import asyncio

import httpx2

from tests.client import COOKIE, PASSWORD, Client
from tests.conftest import Clock


def tokens_of(answers: list[httpx2.Response]) -> set[str]:
    """Return every token that any of the answers hands out."""
    return {answer.cookies[COOKIE] for answer in answers if answer.cookies.get(COOKIE)}


async def test_no_request_beside_a_logout_leaves_a_token_that_opens_anything(
    client: Client, clock: Clock
) -> None:
    await client.signed_in()
    token = str(client.token)
    # The use is due to be noted, so each of them may write, and hand out another token.
    clock.turn(60)
    crowd = [Client(client.app) for _ in range(30)]
    headers = {"cookie": f"{COOKIE}={token}"}
    body = {"password": PASSWORD}
    requests = [each.get("/api/me", headers=headers) for each in crowd[:10]]
    requests.append(crowd[10].post("/api/logout", headers=headers))
    requests += [each.put("/api/session/data/x", json=1, headers=headers) for each in crowd[11:20]]
    requests.append(crowd[20].post("/api/confirm", json=body, headers=headers))
    requests += [each.get("/api/session", headers=headers) for each in crowd[21:]]
    answers = await asyncio.gather(*requests)
    assert {answer.status_code for answer in answers} <= {200, 204, 401}

    # Whoever confirmed the password first has a session of a new name, which is theirs.
    confirmed = tokens_of([answers[20]])
    for seen in {token, *tokens_of(answers)} - confirmed:
        assert not await client.opens(seen)


async def test_two_who_sign_in_at_once_with_one_old_cookie_have_two_sessions(
    client: Client,
) -> None:
    await client.signed_in()
    old = str(client.token)
    body = {"username": "alice", "password": PASSWORD}
    headers = {"cookie": f"{COOKIE}={old}"}
    answers = await asyncio.gather(
        *(Client(client.app).post("/api/login", json=body, headers=headers) for _ in range(2))
    )
    new = tokens_of(list(answers))
    assert len(new) == 2
    for token in new:
        assert await client.opens(token)
    assert not await client.opens(old)


async def test_a_name_is_taken_once_however_many_ask_for_it_at_once(client: Client) -> None:
    spellings = ["alice", "ALICE", " alice ", "\uff41lice", "Alice"]
    answers = await asyncio.gather(*(Client(client.app).register(name) for name in spellings))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
