"""Many strangers try to fill the server."""

import asyncio
import secrets

import pytest
from sqlalchemy import func, select

from app.models import Base
from app.services import Services
from tests.attacks.test_enumeration import WRONG, note_hashes
from tests.client import COOKIE, Client


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
        await client.sign_in(f"user{number}", WRONG)
    assert (await count_rows(services))["login_attempts"] == 20


async def test_a_rate_limited_guess_costs_no_hash(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.register("alice")
    hashes = note_hashes(monkeypatch)
    for name in ("alice", "unknown"):
        for _ in range(5):
            await client.sign_in(name, WRONG)
        assert len(hashes) == 5
        hashes.clear()
        assert (await client.sign_in(name)).status_code == 429
        assert hashes == []
