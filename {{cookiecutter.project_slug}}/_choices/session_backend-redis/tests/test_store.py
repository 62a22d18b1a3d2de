"""Sessions in Redis: what they cost, and what the keys hold."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from unittest.mock import AsyncMock

import pytest
from redis.asyncio import Redis

from app.services import Services
from app.sessions.redis_format import name_of
from app.errors import StoreUnavailable
from tests.client import Client
from tests.conftest import Clock
from tests.sessions import Begin, is_active, load

BeforeItIsThere = Callable[[Callable[[], Awaitable[None]]], None]


@pytest.fixture
def commands(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Collect the turns that are taken from here on: the names of the commands of each."""
    turns: list[list[str]] = []
    get, run, run_all = services.redis.get, services.redis.run, services.redis.run_all

    async def noting_get(name: str) -> Any:
        turns.append(["GET"])
        return await get(name)

    async def noting_run(*command: Any) -> Any:
        turns.append([str(command[0])])
        return await run(*command)

    async def noting_run_all(commands: Any) -> Any:
        turns.append([str(command[0]) for command in commands])
        return await run_all(commands)

    monkeypatch.setattr(services.redis, "get", noting_get)
    monkeypatch.setattr(services.redis, "run", noting_run)
    monkeypatch.setattr(services.redis, "run_all", noting_run_all)
    return turns


@pytest.fixture
def before_it_is_there(services: Services, monkeypatch: pytest.MonkeyPatch) -> BeforeItIsThere:
    """Let something happen once, when the next session is in the index and its record is not."""
    run = services.redis.run

    def let(deed: Callable[[], Awaitable[None]]) -> None:
        async def run_late(*command: Any) -> Any:
            if command[0] == "SET":
                monkeypatch.setattr(services.redis, "run", run)
                await deed()
            return await run(*command)

        monkeypatch.setattr(services.redis, "run", run_late)

    return let


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Any]:
    """Look at Redis from outside."""
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.mark.parametrize(("path", "cost"), [("/api/session", 0), ("/api/me", 1), ("/api/data", 1)])
async def test_an_authenticated_request_costs_one_command_and_one_statement_for_its_user(
    client: Client, commands: list[list[str]], statements: list[str], path: str, cost: int
) -> None:
    await client.signed_in()
    commands.clear()
    statements.clear()
    assert (await client.get(path)).status_code == 200
    assert commands == [["GET"]]
    assert [statement.split()[0] for statement in statements] == ["SELECT"] * cost


async def test_a_forged_token_costs_nothing(client: Client, commands: list[list[str]]) -> None:
    await client.signed_in()
    commands.clear()
    for token in (f"{client.token}x", "A" * 43 + "." + "A" * 43):
        assert not await client.opens(token)
    assert commands == []


async def test_noting_the_use_costs_two_more(
    client: Client, commands: list[list[str]], clock: Clock
) -> None:
    await client.signed_in()
    clock.turn(60)
    commands.clear()
    await client.get("/api/session")
    assert commands == [["GET"], ["EVAL"], ["ZREMRANGEBYSCORE", "ZADD", "EXPIRE", "EXPIRE"]]


async def test_every_key_expires(
    services: Services, begin: Begin, redis: Any, clock: Clock
) -> None:
    session = await begin()
    await session.set("theme", "dark")
    for _ in range(2):
        lives = {key: await redis.ttl(key) for key in await redis.keys()}
        assert len(lives) == 3
        index = lives.pop(b"sessions:1")
        assert 43_000 < index <= 43_200
        assert all(3500 < life <= 3600 for life in lives.values())
        clock.turn(60)
        session = await load(services, session)
    await begin(remember=True)
    assert 2_591_000 < await redis.ttl("sessions:1") <= 2_592_000
    await begin()
    assert 2_591_000 < await redis.ttl("sessions:1") <= 2_592_000


async def test_nothing_is_left_of_one_that_was_ended(
    services: Services, begin: Begin, redis: Any
) -> None:
    session, other = await begin(), await begin()
    for each in (session, other):
        await each.set("theme", "dark")
    await services.sessions.revoke_others(other)
    await services.sessions.revoke(other.token)
    assert await redis.keys() == []


async def test_nothing_is_left_of_one_whose_place_was_taken(
    services: Services, begin: Begin, redis: Any
) -> None:
    session = await begin()
    await session.set("theme", "dark")
    assert await services.sessions.rotate_token(session, 0)
    assert await redis.zrange("sessions:1", 0, -1) == [session.record.key]
    assert len(await redis.keys()) == 3
    assert all([await redis.ttl(key) > 3500 for key in await redis.keys()])


async def test_use_keeps_the_values_as_long_as_the_session(
    services: Services, begin: Begin, redis: Any, clock: Clock
) -> None:
    session = await begin()
    await session.set("theme", "dark")
    [values] = await redis.keys("*:values")
    await redis.expire(values, 100)
    clock.turn(60)
    await load(services, session)
    assert await redis.ttl(values) > 3500


async def test_one_that_is_about_to_be_added_stays_in_the_index(
    services: Services, begin: Begin, before_it_is_there: BeforeItIsThere
) -> None:
    session = await begin()
    before_it_is_there(lambda: services.sessions.revoke_others(session))
    late = await begin()
    assert await is_active(services, late)
    await services.sessions.revoke_others(session)
    assert not await is_active(services, late)


async def test_one_that_is_renewed_while_the_others_are_ended_is_ended_too(
    services: Services,
    begin: Begin,
    before_it_is_there: BeforeItIsThere,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, there = await begin(), await begin()
    old, (run, run_all) = name_of(there.record.key), (services.redis.run, services.redis.run_all)
    is_entered, may_go = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        is_entered.set()
        await may_go.wait()

    async def run_apart(commands: Any) -> Any:
        # Two nodes of a cluster: that of the new record is asked before there is one.
        if ("DEL", old, f"{old}:values") not in commands:
            return await run_all(commands)
        found = {command: await run(*command) for command in commands if old not in command}
        may_go.set()
        await renewal
        return [found[each] if each in found else await run(*each) for each in commands]

    before_it_is_there(wait)
    monkeypatch.setattr(services.redis, "run_all", run_apart)
    renewal = asyncio.create_task(services.sessions.rotate_token(there, 0))
    await is_entered.wait()
    await services.sessions.revoke_others(here)
    assert await renewal
    assert not await is_active(services, there)
    assert await is_active(services, here)


async def test_one_that_is_renewed_while_all_are_being_ended_is_not_there(
    services: Services,
    begin: Begin,
    before_it_is_there: BeforeItIsThere,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = await begin()
    # They are looked for before it is there, and removed a moment later.
    monkeypatch.setattr(services.sessions, "revoke_before", AsyncMock())
    before_it_is_there(lambda: services.users.end_sessions("alice"))
    assert not await services.sessions.rotate_token(session, 0)
    assert await services.sessions.list_for_user(1) == []


async def test_the_index_cleans_itself(begin: Begin, redis: Any, clock: Clock) -> None:
    for _ in range(3):
        await begin()
    clock.turn(43_200)
    session = await begin()
    assert await redis.zrange("sessions:1", 0, -1) == [session.record.key]


async def test_an_index_that_is_lost_is_made_again_by_use(
    services: Services, begin: Begin, redis: Any, clock: Clock
) -> None:
    session = await begin()
    await redis.delete("sessions:1")
    clock.turn(60)
    session = await load(services, session)
    assert [each.key for each in await services.sessions.list_for_user(1)] == [session.record.key]
    assert 43_000 < await redis.ttl("sessions:1") <= 43_200


async def test_a_use_that_is_noted_late_enters_nothing(
    services: Services, begin: Begin, redis: Any
) -> None:
    session = await begin()
    await services.sessions.revoke(session.token)
    seen = session.record._replace(last_seen_at=session.record.last_seen_at + 60)
    await services.sessions._store.touch(session.record, seen)
    assert await redis.keys() == []


async def test_a_session_that_redis_lost_is_in_no_list(
    services: Services, begin: Begin, redis: Any
) -> None:
    session, other = await begin(), await begin()
    await redis.delete(name_of(session.record.key))
    assert [each.key for each in await services.sessions.list_for_user(1)] == [other.record.key]
    assert not await is_active(services, session)


async def test_no_token_is_in_it_and_no_value_can_be_read(begin: Begin, redis: Any) -> None:
    session = await begin()
    await session.set("theme", "a readable text")
    random = session.token.split(".")[0]
    dump = b""
    for key in await redis.keys():
        dump += key + await redis.dump(key)
    assert hashlib.sha256(random.encode()).digest() == session.record.key
    for text in (random, session.token.split(".")[1], "readable"):
        assert text.encode() not in dump


@pytest.mark.parametrize("garbage", [b"", b"x", b"\xff" * 60, b"a" * 60, b"\x7f" * 60, b"\0" * 41])
async def test_garbage_opens_nothing(
    services: Services, begin: Begin, redis: Any, garbage: bytes
) -> None:
    session = await begin()
    [key] = await redis.keys("session:*")
    await redis.set(key, garbage)
    with pytest.raises(StoreUnavailable):
        await services.sessions.load(session.token)


async def test_a_key_of_another_kind_opens_nothing(
    services: Services, begin: Begin, redis: Any
) -> None:
    session = await begin()
    [key] = await redis.keys("session:*")
    await redis.delete(key)
    await redis.lpush(key, "x")
    with pytest.raises(StoreUnavailable):
        await services.sessions.load(session.token)
