"""What is kept with a session, wherever that is: no page and no route is involved."""

#{% if cookiecutter.session_backend == "memory" %}
from dataclasses import replace
#{% endif %}
from typing import Any

import pytest
from pydantic import JsonValue

from app.services import Services
from app.sessions.session import InvalidValue, SessionEnded, SignIn, TooMuchData
from tests.client import PASSWORD
from tests.conftest import KEY, Start
from tests.people import ALICE
from tests.sessions import HERE, Begin, is_active, load
from tests.test_token import OLD_KEY

VALUES: list[JsonValue] = [
    None,
    False,
    0,
    -1.5,
    "",
    '日本 🔐 "quotes" \\ \n',
    [],
    [1, [2, {"three": None}]],
    {"": {"nested": ["list"]}},
]


async def test_a_value_is_kept(services: Services, begin: Begin) -> None:
    session = await begin()
    for value in VALUES:
        await session.set("name", value)
        session = await load(services, session)
        assert await session.get("name", "nothing") == value
        assert await session.values() == {"name": value}


async def test_values_are_set_replaced_and_deleted_one_at_a_time(
    services: Services, begin: Begin
) -> None:
    session = await begin()
    assert await session.get("theme") is None
    assert await session.get("theme", "light") == "light"
    await session.delete("theme")
    await session.set("theme", "dark")
    await session.set("cart.items", [1])
    await session.set("theme", "blue")
    session = await load(services, session)
    assert await session.values() == {"theme": "blue", "cart.items": [1]}
    await session.delete("theme")
    assert await (await load(services, session)).values() == {"cart.items": [1]}


async def test_no_other_session_sees_or_inherits_values(services: Services, begin: Begin) -> None:
    session, other = await begin(), await begin()
    await session.set("theme", "dark")
    assert await (await load(services, other)).values() == {}
    await services.sessions.revoke(session.token)
    assert await (await begin()).values() == {}


async def test_a_revoked_session_keeps_no_values(services: Services, begin: Begin) -> None:
    session = await begin()
    await session.set("theme", "dark")
    in_flight = await load(services, session)
    await services.sessions.revoke(session.token)
    for value in ("large", "x" * 10_000):
        with pytest.raises(SessionEnded):
            await in_flight.set("size", value)
    with pytest.raises(SessionEnded):
        await in_flight.delete("theme")
    assert not await is_active(services, in_flight)
    assert not await is_active(services, session)
    #{% if cookiecutter.session_backend != "signed-cookie" %}
    assert await in_flight.values() == {}
    #{% endif %}


@pytest.mark.parametrize("name", ["", "a" * 65, "a b", "ä", "a/b", "a\n", "a\0"], ids=ascii)
async def test_an_invalid_name_is_refused(begin: Begin, name: str) -> None:
    session = await begin()
    with pytest.raises(InvalidValue):
        await session.set(name, 1)
    with pytest.raises(InvalidValue):
        await session.delete(name)
    assert await session.values() == {}


def nested(levels: int) -> JsonValue:
    value: JsonValue = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


@pytest.mark.parametrize(
    "value",
    [nested(33), nested(10_000), float("nan"), float("inf"), "\ud800", {"a": ["\udfff"]}, object()],
    ids=["deep", "deeper", "nan", "infinite", "surrogate", "surrogate inside", "object"],
)
async def test_what_json_cannot_hold_is_refused(begin: Begin, value: Any) -> None:
    session = await begin()
    with pytest.raises(InvalidValue):
        await session.set("name", value)
    assert await session.values() == {}


async def test_too_much_data_is_refused_and_loses_nothing(services: Services, begin: Begin) -> None:
    session = await begin()
    await session.set("small", "value")
    for size in (16_384, 65_536):
        with pytest.raises(TooMuchData):
            await session.set("large", "x" * size)
    with pytest.raises(TooMuchData):
        for number in range(17):
            await session.set(f"n{number}", "x" * 1024)
    session = await load(services, session)
    assert await session.get("small") == "value"
    assert "large" not in await session.values()
    # What is there may be replaced by what is no larger.
    await session.set("small", "other")
    assert await (await load(services, session)).get("small") == "other"


async def test_values_can_be_read_while_keys_are_rotated(start: Start) -> None:
    async def services_with(keys: str) -> Services:
        found: Services = (await start(secret_keys=keys)).state.services
        return found

    old = await services_with(OLD_KEY)
    user = await old.users.register(ALICE, PASSWORD)
    session = await old.sessions.create(SignIn(user.id, user.session_version), HERE)
    await session.set("theme", "dark")

    both = await services_with(f"{KEY},{OLD_KEY}")
    #{% if cookiecutter.session_backend == "memory" %}
    both.sessions = replace(both.sessions, store=old.sessions.store)
    #{% endif %}
    session = await load(both, session)
    assert await session.get("theme") == "dark"
    await session.set("size", "large")
    assert await both.sessions.rotate_token(session, session.record.session_version)

    new = await services_with(KEY)
    #{% if cookiecutter.session_backend == "memory" %}
    new.sessions = replace(new.sessions, store=old.sessions.store)
    #{% endif %}
    session = await load(new, session)
    assert await session.get("size") == "large"
    #{% if cookiecutter.session_backend != "signed-cookie" %}
    assert await session.get("theme") is None
    #{% endif %}
