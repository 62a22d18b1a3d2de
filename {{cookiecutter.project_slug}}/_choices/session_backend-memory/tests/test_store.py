"""Sessions in memory: what they cost, how many there are, and that nobody else knows them."""

import multiprocessing
from typing import Any

import pytest

from app.config import Settings, SettingsError
from app.services import Services
from app.sessions.session import Amr, Session, SignIn
from app.sessions.store import DELETE_BATCH, SessionStore
from tests.client import Client
from tests.conftest import PRODUCTION, Clock, Start
from tests.people import ALICE
from tests.sessions import HERE, Begin, is_active


@pytest.mark.parametrize(
    ("path", "cost"), [("/api/session", 0), ("/api/me", 1), ("/api/sessions", 1)]
)
async def test_an_authenticated_request_costs_one_statement_for_its_user(
    client: Client, statements: list[str], path: str, cost: int
) -> None:
    await client.signed_in()
    statements.clear()
    assert (await client.get(path)).status_code == 200
    assert [statement.split()[0] for statement in statements] == ["SELECT"] * cost


def session(number: int, expires_at: float = 100, user_id: int = 1) -> Session:
    key = number.to_bytes(32)
    return Session(user_id, 0, 0, 0, 0, expires_at, False, Amr.PWD, "192.0.2.1", "", key)


@pytest.fixture
def store(services: Services) -> SessionStore:
    return SessionStore(services.database, limit=10)


async def test_the_store_is_bounded_and_what_expires_first_makes_room(store: SessionStore) -> None:
    for number in range(10):
        await store.add(session(number, expires_at=100 - number))
    for number in range(10, 1000):
        await store.add(session(number, expires_at=1000 + number))
        assert len(await store.list_for_user(1, 0)) <= 10
    assert await store.get(session(999).key, 0)
    assert await store.get(session(0).key, 0) is None


async def test_a_full_store_ends_a_few_sessions_and_not_all(services: Services) -> None:
    store = SessionStore(services.database, limit=2_000)
    for number in range(2_001):
        await store.add(session(number, expires_at=100 + number, user_id=number))
    assert len(store._sessions) == 1_001
    assert await store.get(session(1_000).key, 0)
    assert await store.get(session(999).key, 0) is None


async def test_deleting_expired_sessions_leaves_nothing_of_them_behind(
    services: Services,
) -> None:
    store = SessionStore(services.database)
    for number in range(3 * DELETE_BATCH):
        await store.add(session(number, expires_at=10 if number % 2 else 1000, user_id=number))
        await store.set_value(session(number).key, "x", b"encrypted")
    deleted = [await store.delete_expired(10) for _ in range(3)]
    half = 3 * DELETE_BATCH // 2
    assert sum(deleted) == half
    assert len(store._sessions) == len(store._values) == len(store._of_user) == half
    assert sorted(store._to_check) == sorted(store._sessions)


async def test_each_sign_in_deletes_expired_sessions(
    services: Services, begin: Begin, clock: Clock
) -> None:
    for _ in range(3):
        await begin()
        clock.turn(3600)
    assert len(services.sessions.store._sessions) == 1


async def test_nothing_is_left_of_a_revoked_session(services: Services, begin: Begin) -> None:
    session = await begin()
    await session.set("theme", "dark")
    await services.sessions.revoke(session.token)
    store = services.sessions.store
    assert (store._sessions, store._values, store._of_user) == ({}, {}, {})


async def test_what_the_command_line_has_revoked_is_not_listed_once_the_user_is_back(
    start: Start, services: Services, begin: Begin
) -> None:
    session = await begin()
    command_line: Services = (await start()).state.services
    await command_line.users.end_sessions(ALICE)
    assert await services.sessions.load_with_user(session.token) is None
    version = (await services.users.find(ALICE)).session_version
    again = await services.sessions.create(SignIn(1, version), HERE)
    assert not await is_active(services, session)
    assert [each.key for each in await services.sessions.list_for_user(1)] == [again.record.key]


async def test_another_process_does_not_know_the_sessions(start: Start, client: Client) -> None:
    await client.signed_in()
    stranger = Client(await start())
    assert not await stranger.opens(client.token)


def test_production_refuses_more_than_one_worker_and_says_what_to_choose_instead(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    Settings.load(**settings, **PRODUCTION)
    # uvicorn starts each of several workers as a child.
    monkeypatch.setattr(multiprocessing, "parent_process", object)
    Settings.load(**settings)
    with pytest.raises(SettingsError, match="production allows --workers 1 only"):
        Settings.load(**settings, **PRODUCTION)
