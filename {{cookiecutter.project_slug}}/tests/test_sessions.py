"""What a session promises, wherever it is kept: no page and no route is involved."""

import asyncio
#{% if cookiecutter.session_backend == "memory" %}
from dataclasses import replace
#{% endif %}
from typing import Any

import pytest
from sqlalchemy import update

from app.models import User
from app.services import Services
from app.sessions.service import SessionService
from app.sessions.session import Amr, SessionEnded, SignIn
from app.sessions.store import SessionStore
from app.sessions.token import SessionTokens
from app.users.service import AuthContext
from tests.client import PASSWORD
from tests.conftest import Clock, Start
from tests.people import ALICE, BOB, SPELLINGS
from tests.sessions import HERE, Begin, is_active, load
from tests.test_token import OLD_KEY


async def test_a_new_session_can_be_loaded(
    services: Services, begin: Begin, user: User, clock: Clock
) -> None:
    session = await begin()
    assert session.token_changed
    assert (await load(services, session)).record == session.record
    assert not (await load(services, session)).token_changed
    loaded = await services.sessions.load_with_user(session.token)
    assert loaded is not None
    assert (loaded[0].record, loaded[1].id) == (session.record, user.id)
    assert session.record.user_id == user.id
    assert session.record.created_at == session.record.authenticated_at == clock.now
    assert session.record.expires_at == clock.now + 3600
    assert session.record.methods == "pwd"


async def test_two_sessions_created_at_once_are_two(services: Services, begin: Begin) -> None:
    sessions = await asyncio.gather(begin(), begin())
    assert len({each.token for each in sessions}) == 2
    assert len({each.record.key for each in sessions}) == 2
    for session in sessions:
        assert await is_active(services, session)
    await services.sessions.revoke(sessions[0].token)
    assert await is_active(services, sessions[1])


async def test_many_requests_at_once_are_all_served(services: Services, begin: Begin) -> None:
    session = await begin()
    loaded = await asyncio.gather(
        *(services.sessions.load_with_user(session.token) for _ in range(200))
    )
    assert all(loaded)


async def test_a_token_of_another_key_opens_nothing(services: Services, begin: Begin) -> None:
    session = await begin()
    assert SessionTokens([OLD_KEY]).verify(session.token) is None
    token, _ = SessionTokens([OLD_KEY]).generate(session.record)
    assert await services.sessions.load(token) is None


@pytest.mark.parametrize(("remember", "seconds"), [(False, 3600), (True, 2_592_000)])
async def test_a_session_ends_to_the_second(
    services: Services, begin: Begin, clock: Clock, remember: bool, seconds: int
) -> None:
    first, second = await begin(remember=remember), await begin(remember=remember)
    clock.turn(seconds - 1)
    assert await is_active(services, first)
    clock.turn(1)
    assert not await is_active(services, second)


async def test_use_extends_the_idle_timeout_and_never_the_lifetime(
    services: Services, begin: Begin, clock: Clock
) -> None:
    session = await begin()
    for _ in range(23):
        clock.turn(1800)
        session = await load(services, session)
        assert session.record.last_seen_at == clock.now
    assert session.record.expires_at == session.record.created_at + 43_200
    clock.turn(1799)
    session = await load(services, session)
    clock.turn(1)
    assert not await is_active(services, session)


async def test_use_is_recorded_once_a_minute(
    services: Services, begin: Begin, clock: Clock
) -> None:
    session = await begin()
    clock.turn(59)
    assert (await load(services, session)).record == session.record
    clock.turn(1)
    used = await load(services, session)
    assert used.record.last_seen_at == clock.now
    clock.turn(59)
    assert (await load(services, used)).record == used.record


async def test_lowered_limits_apply_at_once(
    start: Start, services: Services, begin: Begin, clock: Clock
) -> None:
    sessions = [await begin(), await begin(remember=True)]
    lowered = {"session_lifetime": 100, "session_remember_lifetime": 100}
    stricter: Services = (await start(**lowered)).state.services
    #{% if cookiecutter.session_backend == "memory" %}
    stricter.sessions = replace(stricter.sessions, store=services.sessions.store)
    #{% endif %}
    used = await begin(remember=True)
    clock.turn(99)
    assert await is_active(stricter, used)
    clock.turn(1)
    for session in sessions:
        assert not await is_active(stricter, session)
        assert not await stricter.sessions.rotate_token(session, session.record.session_version)
    await stricter.sessions.revoke(*(session.token for session in sessions))
    clock.turn(60)
    await stricter.delete_expired()
    for session in sessions:
        assert not await is_active(services, session)


async def test_any_token_of_a_session_revokes_it_even_an_expired_one(
    services: Services, begin: Begin, clock: Clock
) -> None:
    first = latest = await begin()
    for _ in range(3):
        clock.turn(1800)
        latest = await load(services, latest)
    await services.sessions.revoke(first.token)
    assert not await is_active(services, latest)


async def test_one_session_is_revoked_and_may_be_again(services: Services, begin: Begin) -> None:
    session, other = await begin(), await begin()
    for _ in range(2):
        await services.sessions.revoke(session.token)
    assert not await is_active(services, session)
    assert await is_active(services, other)


async def test_several_sessions_are_revoked_together(services: Services, begin: Begin) -> None:
    sessions = [await begin(), await begin()]
    await services.sessions.revoke("nonsense", *(each.token for each in sessions))
    for session in sessions:
        assert not await is_active(services, session)


async def test_use_that_is_recorded_late_does_not_bring_a_revoked_session_back(
    services: Services, begin: Begin, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await begin()
    clock.turn(60)
    get = SessionStore.get_with_user

    async def revoke_after_reading(*values: Any) -> Any:
        found = await get(*values)
        monkeypatch.undo()
        await services.sessions.revoke(session.token)
        return found

    monkeypatch.setattr(SessionStore, "get_with_user", revoke_after_reading)
    in_flight = await services.sessions.load_with_user(session.token)
    assert in_flight is not None
    assert not await is_active(services, in_flight[0])
    assert not await is_active(services, session)


async def test_a_new_token_replaces_the_old_one(
    services: Services, begin: Begin, clock: Clock
) -> None:
    session = await begin()
    before, old_token = session.record, session.token
    await session.set("theme", "dark")
    clock.turn(10)
    session = await load(services, session)
    version = session.record.session_version
    assert await services.sessions.rotate_token(session, version, Amr.PWD)
    assert session.token_changed
    assert session.token != old_token
    assert session.record.key != before.key
    assert session.record.authenticated_at == session.record.last_seen_at == clock.now
    assert session.record.created_at == before.created_at
    assert await services.sessions.load(old_token) is None
    rotated = await load(services, session)
    assert rotated.record == session.record
    assert await rotated.get("theme") == "dark"
    clock.turn(3599)
    assert await is_active(services, rotated)


async def test_a_new_token_makes_a_session_fresh_only_when_its_user_has_proved_who_they_are(
    services: Services, begin: Begin, clock: Clock
) -> None:
    session = await begin()
    began_at = session.record.authenticated_at
    clock.turn(10)
    session = await load(services, session)
    assert await services.sessions.rotate_token(session, session.record.session_version)
    assert session.record.authenticated_at == began_at


async def test_a_revoked_session_gets_no_new_token(services: Services, begin: Begin) -> None:
    session = await begin()
    await services.sessions.revoke(session.token)
    assert not await services.sessions.rotate_token(session, session.record.session_version)
    assert not await is_active(services, session)


async def test_of_two_rotations_at_once_one_wins(services: Services, begin: Begin) -> None:
    session = await begin()
    both = [await load(services, session), await load(services, session)]
    version = session.record.session_version
    won = await asyncio.gather(*(services.sessions.rotate_token(each, version) for each in both))
    assert sorted(won) == [False, True]
    for each, has_won in zip(both, won, strict=True):
        assert await is_active(services, each) == has_won


async def test_every_other_session_of_the_user_ends(services: Services, begin: Begin) -> None:
    bob = await services.users.register(BOB, PASSWORD)
    bobs = await services.sessions.create(SignIn(bob.id, bob.session_version), HERE)
    here, there = await begin(), await begin()
    await here.set("theme", "dark")
    await services.sessions.revoke_others(here)
    assert await is_active(services, here)
    assert await here.get("theme") == "dark"
    assert not await is_active(services, there)
    assert await is_active(services, bobs)


@pytest.mark.parametrize("command", ["disable", "end_sessions"])
async def test_an_operator_ends_every_session_of_a_user(
    services: Services, begin: Begin, command: str
) -> None:
    bob = await services.users.register(BOB, PASSWORD)
    bobs = await services.sessions.create(SignIn(bob.id, bob.session_version), HERE)
    sessions = [await begin(), await begin()]
    await getattr(services.users, command)(SPELLINGS[0])
    for session in sessions:
        assert not await is_active(services, session)
    assert await is_active(services, bobs)


async def test_a_session_of_an_earlier_version_is_dead_before_it_is_deleted(
    services: Services, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await begin()
    monkeypatch.setattr(SessionService, "revoke_before", killed_meanwhile)
    await services.users.end_sessions(ALICE)
    assert await services.sessions.load_with_user(session.token) is None


async def test_a_session_created_while_the_account_is_disabled_opens_nothing(
    services: Services, begin: Begin
) -> None:
    await services.users.disable(ALICE)
    session = await begin()
    assert await services.sessions.load_with_user(session.token) is None


async def test_a_password_change_at_the_moment_of_logout_leaves_no_session(
    services: Services, begin: Begin, user: User
) -> None:
    session = await begin()
    await services.sessions.revoke(session.token)
    auth = AuthContext(user, session, HERE)
    with pytest.raises(SessionEnded):
        await services.users.change_password(auth, PASSWORD, PASSWORD + "!")
    assert not await is_active(services, session)


@pytest.mark.parametrize("deletion", ["works", "is killed"])
async def test_a_password_change_does_not_bring_revoked_sessions_back(
    services: Services,
    begin: Begin,
    user: User,
    monkeypatch: pytest.MonkeyPatch,
    deletion: str,
) -> None:
    in_flight = await load(services, await begin())
    if deletion == "is killed":
        monkeypatch.setattr(SessionService, "revoke_before", killed_meanwhile)
    await services.users.end_sessions(ALICE)
    auth = AuthContext(user, in_flight, HERE)
    with pytest.raises(SessionEnded):
        await services.users.change_password(auth, PASSWORD, PASSWORD + "!")
    assert await services.sessions.load_with_user(in_flight.token) is None


async def test_a_disabled_account_has_no_session_whatever_its_version(
    services: Services, begin: Begin, user: User
) -> None:
    session = await begin()
    disabled = update(User).where(User.id == user.id).values(is_active=False)
    assert await services.database.execute(disabled) == 1
    assert await services.sessions.load_with_user(session.token) is None


async def killed_meanwhile(*_: object) -> None:
    pass
