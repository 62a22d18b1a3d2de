"""What only a server that keeps the sessions can promise."""

import asyncio
import hashlib
from unittest.mock import AsyncMock

import pytest

from app.services import Services
from app.sessions.encryption import SessionCipher
from app.sessions.session import ClientInfo, User, Session, SessionEnded
from app.errors import StoreUnavailable
from tests.client import COOKIE, PASSWORD, Client
from tests.conftest import KEY, Clock
from tests.sessions import HERE, Begin, is_active, load


async def test_the_token_is_256_random_bits_and_the_store_knows_their_sha256(
    services: Services, begin: Begin
) -> None:
    tokens = [(await begin()).token for _ in range(50)]
    randoms = {token.split(".")[0] for token in tokens}
    assert len(randoms) == 50
    assert {len(random) for random in randoms} == {43}
    stored = {each.key for each in await services.sessions.list_for_user(1)}
    assert stored == {hashlib.sha256(random.encode()).digest() for random in randoms}


async def test_the_name_of_a_session_opens_nothing(services: Services, begin: Begin) -> None:
    session = await begin()
    assert await services.sessions.load(session.record.id) is None
    signature = session.token.split(".")[1]
    assert await services.sessions.load(f"{session.record.id[:43]}.{signature}") is None


async def test_a_list_names_live_sessions_the_latest_seen_first(
    services: Services, begin: Begin, clock: Clock
) -> None:
    sessions = []
    for _ in range(3):
        sessions.append(await begin())
        clock.turn(100)
    await load(services, sessions[0])
    listed = await services.sessions.list_for_user(1)
    assert [each.key for each in listed] == [sessions[n].record.key for n in (0, 2, 1)]
    assert {each.ip for each in listed} == {HERE.ip}
    clock.turn(3500)
    assert [each.key for each in await services.sessions.list_for_user(1)] == [sessions[0].record.key]
    assert await services.sessions.list_for_user(2) == []


async def test_a_long_user_agent_in_any_language_is_kept(
    services: Services, user: User
) -> None:
    client = ClientInfo("2001:db8:ffff:ffff:ffff:ffff:255.255.255.255", "日" * 200)
    session = await services.sessions.create(user.id, 0, client)
    [listed] = await services.sessions.list_for_user(user.id)
    assert listed == session.record
    assert (listed.ip, listed.user_agent) == client


async def test_one_is_ended_by_its_name_by_its_user_only(services: Services, begin: Begin) -> None:
    bob = await services.users.register("bob", PASSWORD)
    session, other = await begin(), await begin()
    assert not await services.sessions.revoke_one(bob.id, session.record.key)
    assert await services.sessions.revoke_one(session.record.user_id, session.record.key)
    assert not await services.sessions.revoke_one(session.record.user_id, session.record.key)
    assert not await is_active(services, session)
    assert await is_active(services, other)


async def test_of_many_requests_at_once_one_notes_the_use(services: Services, begin: Begin) -> None:
    record = (await begin()).record
    for later in (60, 61):
        seen = record._replace(last_seen_at=record.last_seen_at + later)
        await services.sessions._store.touch(record, seen)
    [noted] = await services.sessions.list_for_user(record.user_id)
    assert noted.last_seen_at == record.last_seen_at + 60


async def test_a_store_that_takes_no_writes_can_still_be_read(
    services: Services, begin: Begin, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await begin()
    monkeypatch.setattr(services.sessions._store, "touch", AsyncMock(side_effect=StoreUnavailable))
    clock.turn(3599)
    assert (await load(services, session)).record == session.record
    # The idle limit goes on all the same.
    clock.turn(1)
    assert not await is_active(services, session)


async def test_a_renewal_that_comes_too_late_leaves_nothing(
    services: Services, begin: Begin
) -> None:
    session = await begin()
    await services.sessions.revoke(session.token)
    assert not await services.sessions.rotate_token(session, 0)
    assert await services.sessions.list_for_user(session.record.user_id) == []


async def test_parallel_writes_of_different_names_are_all_kept(
    services: Services, begin: Begin
) -> None:
    session = await begin()
    requests = [await load(services, session) for _ in range(10)]
    await asyncio.gather(*(each.set(f"n{n}", n) for n, each in enumerate(requests)))
    assert await session.values() == {f"n{n}": n for n in range(10)}


async def test_a_request_in_flight_keeps_nothing_with_one_that_was_ended(
    services: Services, begin: Begin
) -> None:
    in_flight = await begin()
    await services.sessions.revoke(in_flight.token)
    with pytest.raises(SessionEnded):
        await in_flight.set("theme", "dark")
    with pytest.raises(SessionEnded):
        await in_flight.set("theme", "x" * 10_000)
    with pytest.raises(SessionEnded):
        await in_flight.delete("theme")
    assert await in_flight.values() == {}


async def test_a_large_value_makes_room_for_the_one_that_replaces_it(begin: Begin) -> None:
    session = await begin()
    for text in ("a" * 10_000, "b" * 12_000, "c" * 16_000):
        await session.set("name", text)
        assert await session.get("name") == text


async def test_values_are_encrypted_for_their_user_and_name(services: Services, begin: Begin) -> None:
    session = await begin()
    await session.set("theme", "a readable text")
    [(name, encrypted)] = (await services.sessions._store.values(session.record.key)).items()
    assert b"readable" not in encrypted
    assert SessionCipher([KEY]).open(encrypted, f"{session.record.user_id} theme") == b'"a readable text"'
    for place in (f"{session.record.user_id} other", "7 theme", "theme"):
        assert SessionCipher([KEY]).open(encrypted, place) is None
    assert name == "theme"


async def test_a_value_that_was_tampered_with_is_none(services: Services, begin: Begin) -> None:
    session = await begin()
    await session.set("theme", "dark")
    store, key = services.sessions._store, session.record.key
    encrypted = (await store.values(key))["theme"]
    for tampered in (b"", encrypted[:-1], encrypted[:20], encrypted[:-1] + bytes([encrypted[-1] ^ 1])):
        await store.set_value(key, "theme", tampered)
        assert await session.values() == {}


async def test_ending_is_answered_once(client: Client) -> None:
    await client.signed_in()
    here = (await client.get("/api/session")).json()["id"]
    headers = {"cookie": f"{COOKIE}={client.token}"}
    answers = await asyncio.gather(
        *(client.delete(f"/api/sessions/{here}", headers=headers) for _ in range(4))
    )
    statuses = [each.status_code for each in answers]
    assert statuses.count(204) == 1
    assert set(statuses) <= {204, 401, 404}


async def test_of_two_logouts_at_once_one_is_told(
    services: Services,
    begin: Begin,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def found_by_both(*_: object) -> Session:
        return session.record

    caplog.set_level("INFO", "app.security")
    session = await begin()
    monkeypatch.setattr(services.sessions._store, "get", found_by_both)
    for _ in range(2):
        await services.sessions.revoke(session.token)
    assert caplog.text.count("session_expired") == 1
