"""Sessions in Redis: what they cost, and what the keys hold."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from unittest.mock import AsyncMock

import pytest
from redis.asyncio import Redis

from app.config import PROJECT
from app.errors import StoreUnavailable
from app.services import Services
from app.sessions.redis_format import name_of
from app.sessions.service import SessionService
from tests.client import Client
from tests.conftest import Clock
from tests.people import ALICE
from tests.sessions import Begin, is_active, load

SLUG = PROJECT["slug"]
INDEX = f"{SLUG}:sessions:1"

BeforeTheRecord = Callable[[Callable[[], Awaitable[object]]], None]


@pytest.fixture
def commands(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Collect the round trips from here on: the names of the commands in each."""
    round_trips: list[list[str]] = []
    get, run, run_all = services.redis.get, services.redis.run, services.redis.run_all

    async def note_get(name: str) -> Any:
        round_trips.append(["GET"])
        return await get(name)

    async def note(*command: Any) -> Any:
        round_trips.append([str(command[0])])
        return await run(*command)

    async def note_all(commands: Any) -> Any:
        round_trips.append([str(command[0]) for command in commands])
        return await run_all(commands)

    monkeypatch.setattr(services.redis, "get", note_get)
    monkeypatch.setattr(services.redis, "run", note)
    monkeypatch.setattr(services.redis, "run_all", note_all)
    return round_trips


@pytest.fixture
def before_the_record(services: Services, monkeypatch: pytest.MonkeyPatch) -> BeforeTheRecord:
    """Do something once, when the next session is in the index and its record is not stored."""
    run = services.redis.run

    def do(something: Callable[[], Awaitable[object]]) -> None:
        async def run_late(*command: Any) -> Any:
            if command[0] == "SET":
                monkeypatch.setattr(services.redis, "run", run)
                await something()
            return await run(*command)

        monkeypatch.setattr(services.redis, "run", run_late)

    return do


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Any]:
    """Look at Redis from outside."""
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.mark.parametrize(
    ("path", "cost"), [("/api/session", 0), ("/api/me", 1), ("/test/values", 0)]
)
async def test_an_authenticated_request_costs_one_command_and_one_statement_for_its_user(
    client: Client, commands: list[list[str]], statements: list[str], path: str, cost: int
) -> None:
    await client.signed_in()
    commands.clear()
    statements.clear()
    assert (await client.get(path)).status_code == 200
    assert commands == [["GET"], ["HGETALL"]][: 1 + path.endswith("/values")]
    assert [statement.split()[0] for statement in statements] == ["SELECT"] * cost


async def test_a_forged_token_costs_nothing(client: Client, commands: list[list[str]]) -> None:
    await client.signed_in()
    commands.clear()
    for token in (f"{client.token}x", "A" * 43 + "." + "A" * 43):
        assert not await client.opens(token)
    assert commands == []


async def test_recording_that_a_session_was_used_costs_two_round_trips_more(
    client: Client, commands: list[list[str]], clock: Clock
) -> None:
    await client.signed_in()
    clock.turn(60)
    commands.clear()
    await client.get("/api/session")
    assert commands == [["GET"], ["EVAL"], ["ZRANGEBYSCORE", "ZADD", "EXPIRE", "EXPIRE"]]


async def test_every_key_begins_with_the_slug_of_the_project(
    services: Services, begin: Begin, redis: Any
) -> None:
    await (await begin()).set("theme", "dark")
    await services.ping()
    keys = await redis.keys()
    assert len(keys) == 4
    assert {key.split(b":")[0].decode() for key in keys} == {SLUG}


async def test_every_key_expires(
    services: Services, begin: Begin, redis: Any, clock: Clock
) -> None:
    session = await begin()
    await session.set("theme", "dark")
    for _ in range(2):
        lives = {key: await redis.ttl(key) for key in await redis.keys()}
        assert len(lives) == 3
        index = lives.pop(INDEX.encode())
        assert 43_000 < index <= 43_200
        assert all(3500 < life <= 3600 for life in lives.values())
        clock.turn(60)
        session = await load(services, session)
    await begin(remember=True)
    assert 2_591_000 < await redis.ttl(INDEX) <= 2_592_000
    await begin()
    assert 2_591_000 < await redis.ttl(INDEX) <= 2_592_000


async def test_nothing_is_left_of_a_revoked_session(
    services: Services, begin: Begin, redis: Any
) -> None:
    session, other = await begin(), await begin()
    for each in (session, other):
        await each.set("theme", "dark")
    assert len(await redis.keys()) == 5
    await services.sessions.revoke_others(other)
    await services.sessions.revoke(other.token)
    assert await redis.keys() == []


async def test_nothing_is_left_of_anybodys_session_once_all_are_ended_and_what_others_keep_stays(
    services: Services, begin: Begin, redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.redis.BATCH", 2)
    for number in range(3):
        session = await begin()
        await session.set("number", number)
    await redis.set("another-app:session:1", "theirs")
    await services.users.end_all_sessions()
    assert await redis.keys() == [b"another-app:session:1"]


async def test_nothing_is_left_of_a_session_that_another_one_has_replaced(
    services: Services, begin: Begin, redis: Any
) -> None:
    session = await begin()
    await session.set("theme", "dark")
    assert await services.sessions.rotate_token(session, session.record.session_version)
    assert await redis.zrange(INDEX, 0, -1) == [session.record.key]
    assert len(await redis.keys()) == 3
    assert min([await redis.ttl(key) for key in await redis.keys()]) > 3500


async def test_values_are_kept_as_long_as_the_session_is_used(
    services: Services, begin: Begin, redis: Any, clock: Clock
) -> None:
    session = await begin()
    await session.set("theme", "dark")
    [values] = await redis.keys("*:values")
    await redis.expire(values, 100)
    clock.turn(60)
    await load(services, session)
    assert await redis.ttl(values) > 3500


async def test_a_session_that_is_about_to_be_added_stays_in_the_index(
    services: Services, begin: Begin, before_the_record: BeforeTheRecord
) -> None:
    session = await begin()
    before_the_record(lambda: services.sessions.revoke_others(session))
    late = await begin()
    assert await is_active(services, late)
    await services.sessions.revoke_others(session)
    assert not await is_active(services, late)


async def test_a_session_whose_token_rotates_while_the_others_are_revoked_is_revoked_too(
    services: Services,
    begin: Begin,
    before_the_record: BeforeTheRecord,
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

    before_the_record(wait)
    monkeypatch.setattr(services.redis, "run_all", run_apart)
    version = there.record.session_version
    renewal = asyncio.create_task(services.sessions.rotate_token(there, version))
    await is_entered.wait()
    await services.sessions.revoke_others(here)
    assert await renewal
    assert not await is_active(services, there)
    assert await is_active(services, here)


async def test_a_session_whose_token_rotates_while_all_are_revoked_is_gone(
    services: Services,
    begin: Begin,
    before_the_record: BeforeTheRecord,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = await begin()
    # They are looked for before this one is there, and removed a moment later.
    monkeypatch.setattr(SessionService, "revoke_before", AsyncMock())
    before_the_record(lambda: services.users.end_sessions(ALICE))
    assert not await services.sessions.rotate_token(session, session.record.session_version)
    assert await services.sessions.list_for_user(1) == []


async def test_the_index_forgets_what_has_expired(begin: Begin, redis: Any, clock: Clock) -> None:
    for _ in range(3):
        ended = await begin()
        # Redis, whose clock nobody has turned, has let it expire.
        await redis.delete(name_of(ended.record.key))
    clock.turn(43_200)
    session = await begin()
    assert await redis.zrange(INDEX, 0, -1) == [session.record.key]


async def test_a_lost_index_is_restored_when_the_session_is_used(
    services: Services, begin: Begin, redis: Any, clock: Clock
) -> None:
    session = await begin()
    await redis.delete(INDEX)
    clock.turn(60)
    session = await load(services, session)
    assert [each.key for each in await services.sessions.list_for_user(1)] == [session.record.key]
    assert 43_000 < await redis.ttl(INDEX) <= 43_200


async def test_recording_the_use_of_a_revoked_session_stores_nothing(
    services: Services, begin: Begin, redis: Any
) -> None:
    session = await begin()
    await services.sessions.revoke(session.token)
    seen = session.record._replace(last_seen_at=session.record.last_seen_at + 60)
    await services.sessions.store.touch(session.record, seen)
    assert await redis.keys() == []


async def test_a_session_that_redis_lost_is_not_listed(
    services: Services, begin: Begin, redis: Any
) -> None:
    session, other = await begin(), await begin()
    await redis.delete(name_of(session.record.key))
    assert [each.key for each in await services.sessions.list_for_user(1)] == [other.record.key]
    assert not await is_active(services, session)


async def test_redis_holds_no_token_and_no_readable_value(begin: Begin, redis: Any) -> None:
    session = await begin()
    await session.set("theme", "a readable text")
    random = session.token.split(".")[0]
    [values] = await redis.keys("*:values")
    dump = repr(await redis.hgetall(values)).encode()
    for key in await redis.keys():
        dump += key + await redis.dump(key)
    assert b"theme" in dump
    assert hashlib.sha256(random.encode()).digest() == session.record.key
    for text in (random, session.token.split(".")[1], "readable"):
        assert text.encode() not in dump


@pytest.mark.parametrize("garbage", [b"", b"x", b"\xff" * 60, b"a" * 60, b"\x7f" * 60, b"\0" * 41])
async def test_garbage_opens_nothing(
    services: Services, begin: Begin, redis: Any, garbage: bytes
) -> None:
    session = await begin()
    [key] = await redis.keys(f"{SLUG}:session:*")
    await redis.set(key, garbage)
    with pytest.raises(StoreUnavailable):
        await services.sessions.load(session.token)


async def test_a_key_of_another_kind_opens_nothing(
    services: Services, begin: Begin, redis: Any
) -> None:
    session = await begin()
    [key] = await redis.keys(f"{SLUG}:session:*")
    await redis.delete(key)
    await redis.lpush(key, "x")
    with pytest.raises(StoreUnavailable):
        await services.sessions.load(session.token)
