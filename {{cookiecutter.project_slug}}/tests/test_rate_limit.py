"""``rate_limit`` limits routes of your own, for all workers together."""

import asyncio
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from sqlalchemy import Executable, func, select

from app.database import Database
from app.errors import Overloaded
from app.fast_lookup import CompiledSelect, FastLookup
from app.models import RequestCount
from app.services import Services
from app.web.dependencies import CurrentUser, RequireSession, public
from app.web.rate_limit import rate_limit
from tests.client import Client
from tests.conftest import Clock, Start
from tests.people import ALICE, BOB
from tests.websocket import Socket


def limited(client: Client, path: str, limit: str, **options: Any) -> None:
    """Add a public route with a limit, behind a router with a prefix of its own."""
    router = APIRouter(prefix=path, dependencies=[Depends(rate_limit(limit, **options))])

    @router.get("/limited")
    @public
    async def route() -> str:
        return "done"

    client.app.include_router(router)


async def statuses(client: Client, path: str, times: int) -> list[int]:
    return [(await client.get(f"{path}/limited")).status_code for _ in range(times)]


async def test_a_route_is_refused_above_its_limit_until_the_window_is_over(
    client: Client, clock: Clock
) -> None:
    limited(client, "/a", "2/minute")
    assert await statuses(client, "/a", 2) == [200, 200]
    clock.turn(20)
    response = await client.get("/a/limited")
    assert response.status_code == 429
    assert response.headers["retry-after"] == "40"
    assert "1 minute" in response.json()["detail"]
    clock.turn(40)
    assert await statuses(client, "/a", 3) == [200, 200, 429]


async def test_whoever_waits_too_long_for_requests_before_theirs_is_told_so(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.turns.TURN_SECONDS", 0)
    names = ["alice", "alice", "bob"]
    counted = [services.request_limiter.acquire(name, limit=9, window=60) for name in names]
    first, second, other = await asyncio.gather(*counted, return_exceptions=True)
    assert isinstance(second, Overloaded)
    assert (first, other) == (None, None)
    await services.request_limiter.acquire("alice", limit=9, window=60)


async def test_each_route_has_a_count_of_its_own_unless_it_shares_a_name(client: Client) -> None:
    for path, name in (("/a", ""), ("/b", ""), ("/c", "shared"), ("/d", "shared")):
        limited(client, path, "1/hour", name=name)
    assert await statuses(client, "/a", 1) + await statuses(client, "/b", 1) == [200, 200]
    assert await statuses(client, "/c", 1) + await statuses(client, "/d", 1) == [200, 429]


async def test_a_router_that_is_included_twice_has_a_count_for_each_prefix(client: Client) -> None:
    router = APIRouter(prefix="/{tenant}")

    @router.get("/limited/{number}", dependencies=[Depends(rate_limit("1/hour"))])
    @public
    async def route(number: int) -> int:
        return number

    version = APIRouter()
    version.include_router(router, prefix="/inner")
    for prefix in ("/v1", "/v2"):
        client.app.include_router(version, prefix=prefix)
    for prefix in ("/v1", "/v2"):
        # Whatever its parameters are, it is one route.
        for path, status in (("a/limited/1", 200), ("b/limited/2", 429)):
            assert (await client.get(f"{prefix}/inner/{path}")).status_code == status


async def test_routes_of_mounted_apps_have_counts_of_their_own(client: Client) -> None:
    for path in ("/one", "/two"):
        mounted = Client(FastAPI(openapi_url=None))
        limited(mounted, "", "1/hour")
        client.app.mount(path, mounted.app)
    for path in ("/one", "/two"):
        assert await statuses(client, path, 2) == [200, 429]


async def test_neither_the_parameter_of_a_mount_nor_a_method_gives_another_count(
    client: Client,
) -> None:
    mounted = FastAPI(openapi_url=None)
    limit = Depends(rate_limit("1/hour"))

    @mounted.api_route("/limited", methods=["GET", "PUT", "PATCH"], dependencies=[limit])
    @public
    async def route() -> str:
        return "done"

    client.app.mount("/of/{tenant}", mounted)
    client.app.mount("/behind/{tenant}", RequireSession(mounted))
    await client.signed_in()
    for path in ("/of", "/behind"):
        assert (await client.get(f"{path}/a/limited")).status_code == 200
        for method in ("GET", "HEAD", "PUT", "PATCH"):
            for tenant in ("a", "b", "limited"):
                response = await client.request(method, f"{path}/{tenant}/limited")
                assert response.status_code == 429


async def test_routes_at_one_path_have_counts_of_their_own(client: Client) -> None:
    router = APIRouter(dependencies=[Depends(rate_limit("1/hour"))])
    for method in ("GET", "PUT"):
        router.add_api_route("/things", public(lambda: None), methods=[method])
    mounted = FastAPI(openapi_url=None)
    for each in (client.app, mounted):
        for prefix in ("/a", "/b"):
            each.include_router(router, prefix=prefix)
    client.app.mount("/behind", RequireSession(mounted))
    await client.signed_in()
    for status in (200, 429):
        for prefix in ("/a", "/b", "/behind/a", "/behind/b"):
            for method in ("GET", "PUT"):
                response = await client.request(method, f"{prefix}/things")
                assert response.status_code == status


async def test_a_websocket_may_have_a_limit(client: Client) -> None:
    @client.app.websocket("/limited", dependencies=[Depends(rate_limit("1/minute"))])
    @public
    async def greet(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    async with Socket(client, path="/limited") as socket:
        await socket.accepted()
    async with Socket(client, path="/limited") as refused:
        assert (await refused.receive())["status"] == 429


async def test_users_are_counted_apart_from_others_at_their_address(
    client: Client,
) -> None:
    other = Client(client.app, client.address)
    limited(client, "/a", "1/day")
    assert await statuses(client, "/a", 2) == [200, 429]
    await client.signed_in(ALICE)
    await other.signed_in(BOB)
    assert await statuses(client, "/a", 2) == [200, 429]
    assert await statuses(other, "/a", 2) == [200, 429]


async def test_with_accounts_of_their_own_nobody_gets_another_count_of_an_address(
    client: Client,
) -> None:
    limited(client, "/a", "1/day", per_address=True)
    assert await statuses(client, "/a", 1) == [200]
    for name in (ALICE, BOB):
        await client.signed_in(name)
        assert await statuses(client, "/a", 1) == [429]


async def test_whoever_is_refused_for_the_session_uses_up_nobodys_count(
    client: Client, other: Client
) -> None:
    @client.app.get("/mine", dependencies=[Depends(rate_limit("1/minute"))])
    async def mine(user: CurrentUser) -> str:
        return user.name

    assert (await other.get("/mine")).status_code == 401
    await client.signed_in()
    assert [(await client.get("/mine")).status_code for _ in range(2)] == [200, 429]


async def test_addresses_of_one_subscriber_share_a_count(client: Client) -> None:
    limited(client, "/a", "1/minute")
    for address, status in (("2001:db8::1", 200), ("2001:db8::2", 429), ("2001:db8:0:1::1", 200)):
        assert (await Client(client.app, address).get("/a/limited")).status_code == status


async def test_requests_at_the_same_time_and_in_other_processes_are_counted_together(
    client: Client, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(client, "/a", "3/minute")
    both_have_looked = asyncio.Barrier(2)
    fetch_one = FastLookup.fetch_one

    async def look(lookup: FastLookup, select: CompiledSelect, values: Any) -> Any:
        found = await fetch_one(lookup, select, values)
        await both_have_looked.wait()
        return found

    # Neither process sees that the other one has counted.
    monkeypatch.setattr(FastLookup, "fetch_one", look)
    second = Client(await start())
    limited(second, "/a", "3/minute")
    # If one fails before it has looked, the others wait for it.
    async with asyncio.timeout(60):
        responses = await asyncio.gather(
            *(each.get("/a/limited") for each in (client, second) for _ in range(5))
        )
    assert sorted(each.status_code for each in responses) == [200] * 3 + [429] * 7


async def test_many_at_once_leave_connections_to_others(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(client, "/a", "9/minute")
    counting, most = 0, 0
    fetch_all = Database.fetch_all

    async def count(database: Database, statement: Executable) -> Any:
        nonlocal counting, most
        counting += 1
        most = max(most, counting)
        try:
            return await fetch_all(database, statement)
        finally:
            counting -= 1

    monkeypatch.setattr(Database, "fetch_all", count)
    await asyncio.gather(*(client.get("/a/limited") for _ in range(8)))
    assert most == 1


async def test_a_clock_that_was_wrong_once_blocks_nobody_for_longer_than_the_window(
    client: Client, clock: Clock
) -> None:
    limited(client, "/a", "1/minute")
    clock.turn(4 * 365 * 24 * 3600)
    assert await statuses(client, "/a", 2) == [200, 429]
    clock.turn(-4 * 365 * 24 * 3600)
    assert await statuses(client, "/a", 2) == [200, 429]


async def test_counts_that_are_over_are_deleted(client: Client, clock: Clock) -> None:
    services: Services = client.app.state.services
    for number in range(3):
        await services.request_limiter.acquire(f"name {number}", 1, 60)
    clock.turn(60)
    await services.request_limiter.acquire("another name", 1, 60)
    [row] = await services.database.fetch_all(select(func.count(RequestCount.key)))
    assert row[0] == 1


@pytest.mark.parametrize("limit", ["", "10", "0/minute", "10/fortnight", "-1/minute", "10 / day"])
def test_a_limit_that_cannot_be_read_is_refused_at_once(limit: str) -> None:
    with pytest.raises(ValueError, match="10/minute"):
        rate_limit(limit)


async def test_whoever_is_refused_takes_no_lock(client: Client, statements: list[str]) -> None:
    """Or a flood that is refused would still delay everybody who has to write."""
    limited(client, "/a", "1/minute")
    assert await statuses(client, "/a", 1) == [200]
    statements.clear()
    assert await statuses(client, "/a", 2) == [429, 429]
    assert {each.partition(" ")[0] for each in statements} == {"SELECT"}
