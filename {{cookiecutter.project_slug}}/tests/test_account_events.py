"""What has happened to an account: its user sees it, and nobody else does."""

from typing import Any

import pytest

from app.models import User
from app.services import Services
from app.sessions.active_session import ActiveSession
from app.sessions.service import SessionService
from app.sessions.session import ClientInfo
from app.users.account_events import KEEP_SECONDS, MAX_EVENTS
#{% if cookiecutter.totp %}
from tests.authenticator_app import App
#{% endif %}
from tests.client import PASSWORD, Client
from tests.conftest import Clock
from tests.people import ALICE, BOB

NEW_PASSWORD = "another long password"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
FROM_HERE = {"detail": "", "ip": "192.0.2.1", "user_agent": FIREFOX}


@pytest.fixture(autouse=True)
def firefox(client: Client) -> None:
    client.headers["user-agent"] = FIREFOX


async def arrive(client: Client, name: str = ALICE) -> None:
    await client.register(name)
    await client.sign_in(name)


async def activity(client: Client) -> list[dict[str, Any]]:
    response = await client.get("/api/activity")
    assert response.status_code == 200
    events: list[dict[str, Any]] = response.json()
    return events
#{% if cookiecutter.totp or cookiecutter.passkeys %}


async def happened(client: Client) -> list[str]:
    """Return what has happened to the account lately, the latest first."""
    return [each["what"] for each in await activity(client)]
#{% endif %}


async def change_password(client: Client, current: str = PASSWORD) -> int:
    body = {"current_password": current, "new_password": NEW_PASSWORD}
    return (await client.post("/api/password", json=body)).status_code


async def test_users_see_what_was_done_where_and_when(client: Client, clock: Clock) -> None:
    await arrive(client)
    clock.turn(60)
    assert await change_password(client) == 204
    assert await activity(client) == [
        {**FROM_HERE, "what": "password changed", "at": "2027-01-15T08:01:00Z"},
        {**FROM_HERE, "what": "signed in", "at": "2027-01-15T08:00:00Z"},
    ]


async def test_wrong_passwords_are_not_listed_since_anybody_could_fill_the_list(
    client: Client, other: Client
) -> None:
    await arrive(client)
    before = await activity(client)
    assert (await other.sign_in(ALICE, "not the right password")).status_code == 401
    assert await change_password(client, "not the right password") == 403
    assert await activity(client) == before


async def test_nobody_sees_or_shortens_the_list_of_somebody_else(
    client: Client, other: Client, services: Services
) -> None:
    await arrive(client)
    before = await activity(client)
    await arrive(other, BOB)
    bob = await services.users.find(BOB)
    for number in range(MAX_EVENTS):
        at_work = ClientInfo("198.51.100.7", f"Number {number}")
        await services.database.change(*services.events.record(bob.id, "signed in", at_work))
    assert await activity(client) == before
    listed = [each["user_agent"] for each in await activity(other)]
    assert listed == [f"Number {number}" for number in reversed(range(MAX_EVENTS))]
    assert len(await services.events.list_recent(bob.id)) == MAX_EVENTS


async def test_what_an_operator_does_is_listed_without_an_address(
    client: Client, services: Services
) -> None:
    await client.register(ALICE)
    await services.users.set_password(ALICE, NEW_PASSWORD)
    await client.sign_in(ALICE, NEW_PASSWORD)
    assert (await activity(client))[1] == {
        **FROM_HERE,
        "what": "password set",
        "at": "2027-01-15T08:00:00Z",
        "ip": "",
        "user_agent": "",
    }

#{% if cookiecutter.totp %}

async def test_users_see_what_was_done_with_their_codes(client: Client, clock: Clock) -> None:
    await App.set_up(await client.signed_in(), clock)
    await client.post("/api/recovery-codes")
    await client.delete("/api/totp")
    assert await happened(client) == [
        "authenticator app removed",
        "recovery codes renewed",
        "authenticator app added",
    ]

#{% endif %}

async def test_events_are_forgotten_after_a_while_and_with_the_account(
    client: Client, services: Services, clock: Clock
) -> None:
    await arrive(client)
    clock.turn(KEEP_SECONDS - 1)
    await services.delete_expired()
    await arrive(client, BOB)
    alice, bob = [await services.users.find(name) for name in (ALICE, BOB)]
    assert len(await services.events.list_recent(alice.id)) == 1
    clock.turn(1)
    await services.delete_expired()
    assert not await services.events.list_recent(alice.id)
    assert len(await services.events.list_recent(bob.id)) == 1
    await services.users.delete(BOB)
    assert not await services.events.list_recent(bob.id)


async def test_a_sign_in_to_an_account_that_is_deleted_this_moment_fails(
    client: Client, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.register(ALICE)
    load = SessionService.load_with_user

    async def load_and_delete(
        sessions: SessionService, token: str
    ) -> tuple[ActiveSession, User] | None:
        found = await load(sessions, token)
        await services.users.delete(ALICE)
        return found

    monkeypatch.setattr(SessionService, "load_with_user", load_and_delete)
    response = await client.sign_in(ALICE)
    assert response.status_code == 401
    assert "set-cookie" not in response.headers
