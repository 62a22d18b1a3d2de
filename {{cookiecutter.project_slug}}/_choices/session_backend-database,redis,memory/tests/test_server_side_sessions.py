"""What only a server that keeps the sessions can promise."""

import asyncio
import hashlib
from unittest.mock import AsyncMock

import pytest

from app.errors import StoreUnavailable
from app.models import User
from app.services import Services
from app.sessions.encryption import SessionCipher
from app.sessions.session import ClientInfo, Session, SessionNotFound, SignIn
from app.sessions.store import SessionStore
from tests.client import COOKIE, PASSWORD, Client
from tests.conftest import KEY, Clock, Start
from tests.people import BOB
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


async def test_one_session_too_many_ends_the_one_that_was_unused_for_longest(
    start: Start, clock: Clock
) -> None:
    app = await start(session_max_per_user=2)
    first, second, third = Client(app), Client(app), Client(app)
    for client in (first, second):
        await client.signed_in()
        clock.turn(60)
    assert await first.is_signed_in()
    bob = await Client(app).signed_in(BOB)
    await third.signed_in()
    assert await first.is_signed_in()
    assert await third.is_signed_in()
    assert not await second.is_signed_in()
    assert await bob.is_signed_in()
    assert len((await third.get("/api/sessions")).json()) == 2


async def test_what_a_clock_far_ahead_takes_for_ended_is_ended_with_the_others(
    services: Services, begin: Begin, clock: Clock
) -> None:
    here, there = await begin(), await begin()
    clock.turn(4 * 365 * 24 * 3600)
    await begin()
    clock.turn(-4 * 365 * 24 * 3600)
    await services.sessions.revoke_others(here)
    assert not await is_active(services, there)


async def test_the_id_of_a_session_opens_nothing(services: Services, begin: Begin) -> None:
    session = await begin()
    assert await services.sessions.load(session.record.id) is None
    signature = session.token.split(".")[1]
    assert await services.sessions.load(f"{session.record.id[:43]}.{signature}") is None


async def test_the_list_holds_active_sessions_last_used_first(
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
    [left] = await services.sessions.list_for_user(1)
    assert left.key == sessions[0].record.key
    assert await services.sessions.list_for_user(2) == []


async def test_what_was_ended_with_everybodys_is_not_listed(
    services: Services, begin: Begin, user: User
) -> None:
    await begin()
    await services.users.end_all_sessions()
    version = (await services.users.find(user.name)).session_version
    again = await services.sessions.create(SignIn(user.id, version), HERE)
    [listed] = await services.sessions.list_for_user(user.id)
    assert listed.key == again.record.key


async def test_a_long_user_agent_in_any_language_is_kept(services: Services, user: User) -> None:
    client = ClientInfo("2001:db8:ffff:ffff:ffff:ffff:255.255.255.255", "日" * 200)
    session = await services.sessions.create(SignIn(user.id, user.session_version), client)
    [listed] = await services.sessions.list_for_user(user.id)
    assert listed == session.record
    assert (listed.ip, listed.user_agent) == client


async def test_a_session_is_revoked_by_its_id_by_its_user_only(
    services: Services, begin: Begin
) -> None:
    bob = await services.users.register(BOB, PASSWORD)
    session, other = await begin(), await begin()
    user_id, session_id = session.record.user_id, session.record.id
    with pytest.raises(SessionNotFound):
        await services.sessions.revoke_one(bob.id, session_id)
    assert await is_active(services, session)
    await services.sessions.revoke_one(user_id, session_id)
    for unknown in (session_id, "nonsense", ""):
        with pytest.raises(SessionNotFound):
            await services.sessions.revoke_one(user_id, unknown)
    assert not await is_active(services, session)
    assert await is_active(services, other)


async def test_of_two_requests_at_once_one_records_the_use(
    services: Services, begin: Begin
) -> None:
    record = (await begin()).record
    for later in (60, 61):
        seen = record._replace(last_seen_at=record.last_seen_at + later)
        await services.sessions.store.touch(record, seen)
    [listed] = await services.sessions.list_for_user(record.user_id)
    assert listed.last_seen_at == record.last_seen_at + 60


async def test_a_store_that_takes_no_writes_can_still_be_read(
    services: Services, begin: Begin, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await begin()
    monkeypatch.setattr(SessionStore, "touch", AsyncMock(side_effect=StoreUnavailable))
    clock.turn(3599)
    assert (await load(services, session)).record == session.record
    # The idle timeout is running all the same.
    clock.turn(1)
    assert not await is_active(services, session)


async def test_a_rotation_that_comes_too_late_leaves_nothing(
    services: Services, begin: Begin
) -> None:
    session = await begin()
    await services.sessions.revoke(session.token)
    assert not await services.sessions.rotate_token(session, session.record.session_version)
    assert await services.sessions.list_for_user(session.record.user_id) == []


async def test_parallel_writes_of_different_names_are_all_kept(
    services: Services, begin: Begin
) -> None:
    session = await begin()
    requests = [await load(services, session) for _ in range(10)]
    await asyncio.gather(*(each.set(f"n{n}", n) for n, each in enumerate(requests)))
    assert await session.values() == {f"n{n}": n for n in range(10)}


async def test_a_large_value_makes_room_for_its_replacement(begin: Begin) -> None:
    session = await begin()
    for text in ("a" * 10_000, "b" * 12_000, "c" * 16_000):
        await session.set("name", text)
        assert await session.get("name") == text


async def test_values_are_encrypted_for_their_user_and_name(
    services: Services, begin: Begin
) -> None:
    session = await begin()
    await session.set("theme", "a readable text")
    [(name, encrypted)] = (await services.sessions.store.values(session.record.key)).items()
    assert name == "theme"
    assert b"readable" not in encrypted
    cipher, user_id = SessionCipher([KEY]), session.record.user_id
    assert cipher.decrypt(encrypted, f"{user_id} theme") == b'"a readable text"'
    for associated_data in (f"{user_id} other", "7 theme", "theme"):
        assert cipher.decrypt(encrypted, associated_data) is None


async def test_a_value_that_was_tampered_with_is_gone(services: Services, begin: Begin) -> None:
    session = await begin()
    await session.set("theme", "dark")
    store, key = services.sessions.store, session.record.key
    encrypted = (await store.values(key))["theme"]
    last_changed = encrypted[:-1] + bytes([encrypted[-1] ^ 1])
    for tampered in (b"", encrypted[:-1], encrypted[:20], last_changed):
        await store.set_value(key, "theme", tampered)
        assert await session.values() == {}


async def test_ending_a_session_succeeds_once(client: Client) -> None:
    await client.signed_in()
    here = (await client.get("/api/session")).json()["id"]
    headers = {"cookie": f"{COOKIE}={client.token}"}
    responses = await asyncio.gather(
        *(client.delete(f"/api/sessions/{here}", headers=headers) for _ in range(4))
    )
    statuses = [each.status_code for each in responses]
    assert statuses.count(204) == 1
    assert set(statuses) <= {204, 401, 404}


async def test_of_two_logouts_at_once_one_is_logged(
    services: Services,
    begin: Begin,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def found_by_both(*_: object) -> Session:
        return session.record

    caplog.set_level("INFO", "app.security")
    session = await begin()
    monkeypatch.setattr(SessionStore, "get", found_by_both)
    for _ in range(2):
        await services.sessions.revoke(session.token)
    assert caplog.text.count("session_expired") == 1
