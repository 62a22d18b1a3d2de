"""A crowd of strangers tries to fill the server."""

import asyncio
import secrets

import pytest
from sqlalchemy import func, select

from app.models import Base
from app.services import Services
from tests.attacks.test_enumeration import WRONG, note_hashes
from tests.client import COOKIE, Client


async def rows(services: Services) -> dict[str, int]:
    counts = {}
    for table in Base.metadata.sorted_tables:
        row = await services.database.one(select(func.count()).select_from(table))
        counts[table.name] = row[0]
    return counts


async def test_a_storm_of_anonymous_requests_leaves_nothing_behind(
    client: Client, services: Services
) -> None:
    # No account, no secret comes with the app.
    assert not any((await rows(services)).values())
    paths = ["/", "/login", "/api/me", "/api/session", "/api/public", "/nowhere", "/api/sessions"]
    storm = [
        client.send_cookie(
            f"{COOKIE}={secrets.token_urlsafe(32)}.{secrets.token_urlsafe(32)}", path
        )
        for path in paths
        for _ in range(50)
    ]
    answers = await asyncio.gather(*storm)
    assert {each.status_code for each in answers} <= {200, 303, 401, 404, 405}
    assert not any("set-cookie" in each.headers for each in answers)
    logouts = await asyncio.gather(*(client.post("/api/logout") for _ in range(50)))
    assert {each.status_code for each in logouts} == {204}
    assert not any((await rows(services)).values())


async def test_a_storm_of_guesses_is_bounded_by_the_throttle(
    client: Client, services: Services
) -> None:
    for number in range(60):
        await client.sign_in(f"user{number}", WRONG)
    assert (await rows(services))["login_attempts"] <= 21


async def test_a_guess_that_has_to_wait_costs_no_hash(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.register("alice")
    hashes = note_hashes(monkeypatch)
    for name in ("alice", "nobody"):
        for _ in range(5):
            await client.sign_in(name, WRONG)
        assert len(hashes) == 5
        hashes.clear()
        assert (await client.sign_in(name)).status_code == 429
        assert hashes == []
