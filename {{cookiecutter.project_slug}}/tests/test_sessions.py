"""What a session promises, wherever it is kept: no page and no route is involved."""

import asyncio
from typing import Any

import pytest

from app.models import User
from app.services import Services
from app.models import User
from app.sessions.session import SessionEnded
from app.sessions.token import SessionTokens
from tests.client import PASSWORD
from tests.conftest import Clock, Start
from tests.sessions import HERE, Begin, is_active, load

OLD_KEY = "vB7xK2nM9qW4eR6tY8uI0oP3aS5dF1gH_older"


async def test_what_was_started_is_loaded(
    services: Services, begin: Begin, user: User, clock: Clock
) -> None:
    session = await begin()
    assert session.token_changed
    assert (await load(services, session)).record == session.record
    assert not (await load(services, session)).token_changed
    loaded = await services.sessions.load_with_user(session.token)
    assert loaded is not None
    assert (loaded[0].record, loaded[1]) == (session.record, user)
    assert session.record.user_id == user.id
    assert session.record.created_at == session.record.authenticated_at == clock.now
    assert session.record.expires_at == clock.now + 3600


async def test_two_started_at_once_are_two(services: Services, begin: Begin) -> None:
    sessions = await asyncio.gather(begin(), begin())
    assert len({each.token for each in sessions}) == len({each.record.key for each in sessions})
    for session in sessions:
        assert await is_active(services, session)


async def test_many_at_once_are_all_served(services: Services, begin: Begin) -> None:
    session = await begin()
    loaded = await asyncio.gather(
        *(services.sessions.load_with_user(session.token) for _ in range(200))
    )
    assert all(loaded)


async def test_a_token_of_another_key_is_none(services: Services, begin: Begin) -> None:
    session = await begin()
    assert SessionTokens([OLD_KEY]).read(session.token) is None
    token, _ = SessionTokens([OLD_KEY]).issue(session.record)
    assert await services.sessions.load(token) is None


@pytest.mark.parametrize(("remember", "seconds"), [(False, 3600), (True, 2_592_000)])
async def test_it_ends_to_the_second(
    services: Services, begin: Begin, clock: Clock, remember: bool, seconds: int
) -> None:
    first, second = await begin(remember=remember), await begin(remember=remember)
    clock.turn(seconds - 1)
    assert await is_active(services, first)
    clock.turn(1)
    assert not await is_active(services, second)


async def test_use_moves_the_idle_limit_and_never_the_absolute_one(
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


async def test_a_use_is_noted_once_a_minute(services: Services, begin: Begin, clock: Clock) -> None:
    session = await begin()
    clock.turn(59)
    assert (await load(services, session)).record == session.record
    clock.turn(1)
    noted = await load(services, session)
    assert noted.record.last_seen_at == clock.now
    clock.turn(59)
    assert (await load(services, noted)).record == noted.record


async def test_limits_that_were_lowered_hold_at_once(
    start: Start, services: Services, begin: Begin, clock: Clock
) -> None:
    sessions = [await begin(), await begin(remember=True)]
    lowered = {"session_lifetime": 100, "session_remember_lifetime": 100}
    stricter: Services = (await start(**lowered)).state.services
    #{% if cookiecutter.session_backend == "memory" %}
    stricter.sessions._store = services.sessions._store
    #{% endif %}
    used = await begin(remember=True)
    clock.turn(99)
    assert await is_active(stricter, used)
    clock.turn(1)
    for session in sessions:
        assert not await is_active(stricter, session)
        assert not await stricter.sessions.rotate_token(session, 0)
    await stricter.sessions.revoke(*(session.token for session in sessions))
    clock.turn(60)
    await stricter.purge()
    for session in sessions:
        assert not await is_active(services, session)


async def test_one_copy_ends_them_all_even_an_expired_one(
    services: Services, begin: Begin, clock: Clock
) -> None:
    first = copy = await begin()
    for _ in range(3):
        clock.turn(1800)
        copy = await load(services, copy)
    await services.sessions.revoke(first.token)
    assert not await is_active(services, copy)


async def test_the_end_is_for_this_one_and_may_be_repeated(
    services: Services, begin: Begin
) -> None:
    session, other = await begin(), await begin()
    for _ in range(2):
        await services.sessions.revoke(session.token)
    assert not await is_active(services, session)
    assert await is_active(services, other)


async def test_several_end_together(services: Services, begin: Begin) -> None:
    sessions = [await begin(), await begin()]
    await services.sessions.revoke("nonsense", *(each.token for each in sessions))
    for session in sessions:
        assert not await is_active(services, session)


async def test_a_use_that_is_noted_late_does_not_bring_it_back(
    services: Services, begin: Begin, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await begin()
    clock.turn(60)
    store = services.sessions._store
    get = store.get

    async def end_after_reading(*values: Any) -> Any:
        found = await get(*values)
        monkeypatch.undo()
        await services.sessions.revoke(session.token)
        return found

    monkeypatch.setattr(store, "get", end_after_reading)
    in_flight = await services.sessions.load(session.token)
    assert in_flight is not None
    assert not await is_active(services, in_flight)
    assert not await is_active(services, session)


async def test_a_new_token_takes_the_place_of_the_old_one(
    services: Services, begin: Begin, clock: Clock
) -> None:
    session = await begin()
    before, old_token = session.record, session.token
    await session.set("theme", "dark")
    clock.turn(10)
    session = await load(services, session)
    assert await services.sessions.rotate_token(session, 0)
    assert session.token_changed
    assert session.token != old_token
    assert session.record.key != before.key
    assert session.record.authenticated_at == session.record.last_seen_at == clock.now
    assert session.record.created_at == before.created_at
    assert await services.sessions.load(old_token) is None
    renewed = await load(services, session)
    assert renewed.record == session.record
    assert await renewed.get("theme") == "dark"
    clock.turn(3599)
    assert await is_active(services, renewed)


async def test_one_that_was_ended_is_not_renewed(services: Services, begin: Begin) -> None:
    session = await begin()
    await services.sessions.revoke(session.token)
    assert not await services.sessions.rotate_token(session, 0)
    assert not await is_active(services, session)


async def test_of_two_renewals_at_once_one_wins(services: Services, begin: Begin) -> None:
    session = await begin()
    both = [await load(services, session), await load(services, session)]
    won = await asyncio.gather(*(services.sessions.rotate_token(each, 0) for each in both))
    assert sorted(won) == [False, True]
    for each, has_won in zip(both, won, strict=True):
        assert await is_active(services, each) == has_won


async def test_all_others_end(services: Services, begin: Begin) -> None:
    bob = await services.users.register("bob", PASSWORD)
    bobs = await services.sessions.create(bob.id, 0, HERE)
    here, there = await begin(), await begin()
    await here.set("theme", "dark")
    await services.sessions.revoke_others(here)
    assert await is_active(services, here)
    assert await here.get("theme") == "dark"
    assert not await is_active(services, there)
    assert await is_active(services, bobs)


@pytest.mark.parametrize("end", ["disable", "end_sessions"])
async def test_an_operator_ends_every_session_of_a_user(
    services: Services, begin: Begin, end: str
) -> None:
    bob = await services.users.register("bob", PASSWORD)
    bobs = await services.sessions.create(bob.id, 0, HERE)
    sessions = [await begin(), await begin()]
    await getattr(services.users, end)("Alice")
    for session in sessions:
        assert not await is_active(services, session)
    assert await is_active(services, bobs)


async def test_one_of_an_earlier_session_version_is_dead_before_it_is_removed(
    services: Services, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed_meanwhile(*_: object) -> None:
        pass

    session = await begin()
    monkeypatch.setattr(services.sessions, "revoke_before", killed_meanwhile)
    await services.users.end_sessions("alice")
    assert await services.sessions.load_with_user(session.token) is None


async def test_a_sign_in_that_was_under_way_does_not_survive_the_account(
    services: Services, begin: Begin
) -> None:
    await services.users.disable("alice")
    session = await begin()
    assert await services.sessions.load_with_user(session.token) is None


async def test_a_password_change_at_the_moment_of_logout_leaves_no_session(
    services: Services, begin: Begin, user: User
) -> None:
    session = await begin()
    await services.sessions.revoke(session.token)
    with pytest.raises(SessionEnded):
        await services.users.change_password(user, session, HERE, PASSWORD, PASSWORD + "!")
    assert not await is_active(services, session)


@pytest.mark.parametrize("removal", ["works", "is killed"])
async def test_a_password_change_does_not_bring_back_what_was_ended_meanwhile(
    services: Services,
    begin: Begin,
    user: User,
    monkeypatch: pytest.MonkeyPatch,
    removal: str,
) -> None:
    async def killed(*_: object) -> None:
        pass

    in_flight = await load(services, await begin())
    if removal == "is killed":
        monkeypatch.setattr(services.sessions, "revoke_before", killed)
    await services.users.end_sessions("alice")
    with pytest.raises(SessionEnded):
        await services.users.change_password(user, in_flight, HERE, PASSWORD, PASSWORD + "!")
    assert await services.sessions.load_with_user(in_flight.token) is None


async def test_a_closed_account_has_no_session_whatever_its_session_version(
    services: Services, begin: Begin
) -> None:
    session = await begin()
    async with services.database.transaction() as work:
        (await work.get_one(User, 1)).is_active = False
    assert await services.sessions.load_with_user(session.token) is None
