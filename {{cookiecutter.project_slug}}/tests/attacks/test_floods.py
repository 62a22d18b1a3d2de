"""Many strangers try to fill the server."""

import asyncio
import secrets
import threading

import pytest
from sqlalchemy import func, select

from app.models import Base
from app.services import Services
from app.users.passwords import MAX_WAITING
from tests.attacks.test_enumeration import WRONG, note_hashes
from tests.client import COOKIE, Client
from tests.conftest import Clock
from tests.people import ALICE, BOB, REGISTERED, name_of


async def count_rows(services: Services) -> dict[str, int]:
    counts = {}
    for table in Base.metadata.sorted_tables:
        [row] = await services.database.fetch_all(select(func.count()).select_from(table))
        counts[table.name] = row[0]
    return counts


async def test_a_flood_of_anonymous_requests_leaves_nothing_behind(
    client: Client, services: Services
) -> None:
    # No account, no secret comes with the app.
    assert set((await count_rows(services)).values()) == {0}
    paths = ["/", "/login", "/api/me", "/api/session", "/test/user", "/nowhere", "/api/sessions"]
    flood = [
        client.send_cookie(
            f"{COOKIE}={secrets.token_urlsafe(32)}.{secrets.token_urlsafe(32)}", path
        )
        for path in paths
        for _ in range(5)
    ]
    responses = await asyncio.gather(*flood)
    assert {each.status_code for each in responses} <= {200, 401, 404, 405}
    assert not any("set-cookie" in each.headers for each in responses)
    logouts = await asyncio.gather(*(client.post("/api/logout") for _ in range(5)))
    assert {each.status_code for each in logouts} == {204}
    assert set((await count_rows(services)).values()) == {0}


async def test_a_flood_of_guesses_is_bounded_by_the_rate_limit(
    client: Client, services: Services
) -> None:
    for number in range(30):
        await client.sign_in(name_of(f"user{number}"), WRONG)
    assert (await count_rows(services))["login_attempts"] == 20


async def test_a_rate_limited_guess_costs_no_hash(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.register(ALICE)
    hashes = note_hashes(monkeypatch)
    for name in (ALICE, BOB):
        for _ in range(5):
            await client.sign_in(name, WRONG)
        assert len(hashes) == 5
        hashes.clear()
        assert (await client.sign_in(name)).status_code == 429
        assert hashes == []


async def test_registrations_are_limited_per_address(client: Client, clock: Clock) -> None:
    names = [name_of(f"user{number}") for number in range(21)]
    answers = [(await client.register(name)).status_code for name in names]
    assert answers == [REGISTERED] * 20 + [429]
    other = Client(client.app, "198.51.100.7")
    assert (await other.register(ALICE)).status_code == REGISTERED
    clock.turn(60)
    assert (await client.register(BOB)).status_code == REGISTERED


async def test_what_waits_for_a_hash_is_bounded_and_counts_as_no_failure(
    client: Client, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = threading.Event()

    def take_long(_: str, __: str) -> tuple[bool, None]:
        finish.wait()
        return True, None

    await client.register(ALICE)
    monkeypatch.setattr("app.users.passwords._CONTEXT.verify_and_update", take_long)
    threads = services.settings.password_hash_threads
    verify = services.users.passwords.verify
    waiting = [asyncio.ensure_future(verify("x", "")) for _ in range(threads + MAX_WAITING)]
    await asyncio.sleep(0)
    try:
        tries = [asyncio.wait_for(client.sign_in(ALICE), timeout=10) for _ in range(6)]
        refused = [await each for each in tries]
    finally:
        finish.set()
    assert {each.status_code for each in refused} == {503}
    assert refused[0].headers["retry-after"] == "2"
    await asyncio.gather(*waiting)
    assert (await client.sign_in(ALICE)).status_code == 200
