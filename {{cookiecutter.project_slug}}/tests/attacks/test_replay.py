"""An attacker has copied a cookie, and keeps it after its session has ended."""

from collections.abc import Awaitable, Callable

import pytest

from tests.client import COOKIE, PASSWORD, Client
from tests.conftest import Clock
from tests.people import ALICE, BOB
from tests.websocket import SESSION_ENDED, Socket

NEW_PASSWORD = "quite another set of words"


async def sign_in_again(client: Client, _: Clock) -> None:
    await client.sign_in()


async def log_out(client: Client, _: Clock) -> None:
    await client.post("/api/logout")


async def revoke_others(client: Client, _: Clock) -> None:
    elsewhere = await Client(client.app).signed_in()
    await elsewhere.delete("/api/sessions")


async def change_password(client: Client, _: Clock) -> None:
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert (await client.post("/api/password", json=body)).status_code == 204


async def change_password_elsewhere(client: Client, clock: Clock) -> None:
    elsewhere = await Client(client.app).signed_in()
    await change_password(elsewhere, clock)


async def confirm_password(client: Client, _: Clock) -> None:
    assert (await client.post("/api/confirm", json={"password": PASSWORD})).status_code == 204


async def delete_account(client: Client, _: Clock) -> None:
    assert (await client.post("/api/me/delete", json={"confirm": ALICE})).status_code == 204


async def operator_ends_sessions(client: Client, _: Clock) -> None:
    await client.app.state.services.users.end_sessions(ALICE)


async def operator_disables_account(client: Client, _: Clock) -> None:
    await client.app.state.services.users.disable(ALICE)


async def operator_deletes_account(client: Client, _: Clock) -> None:
    await client.app.state.services.users.delete(ALICE)


async def operator_changes_role(client: Client, _: Clock) -> None:
    await client.app.state.services.users.change_role(ALICE, "admin")


async def idle_timeout(_: Client, clock: Clock) -> None:
    clock.turn(3600)


async def lifetime(client: Client, clock: Clock) -> None:
    for _ in range(24):
        clock.turn(1800)
        await client.get("/api/me")


ENDS = [
    sign_in_again,
    log_out,
    revoke_others,
    change_password,
    change_password_elsewhere,
    confirm_password,
    delete_account,
    operator_ends_sessions,
    operator_disables_account,
    operator_deletes_account,
    operator_changes_role,
    idle_timeout,
    lifetime,
    #{% if cookiecutter.frontend == "html" %}
]


async def log_out_by_form(client: Client, _: Clock) -> None:
    await client.post("/logout")


async def delete_account_by_form(client: Client, _: Clock) -> None:
    assert (await client.post("/account/delete")).status_code == 303


ENDS += [
    log_out_by_form,
    delete_account_by_form,
    #{% endif %}
]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
async def test_a_copied_cookie_is_worthless_after(
    client: Client, clock: Clock, end: Callable[[Client, Clock], Awaitable[None]]
) -> None:
    await client.signed_in()
    thief = Client(client.app)
    copied = str(client.token)
    await end(client, clock)
    for path in ("/api/me", "/api/session", "/test/user", "/test/values"):
        assert (await thief.send_cookie(f"{COOKIE}={copied}", path)).status_code == 401, path
    thief.use_token(copied)
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD + "!"}
    assert (await thief.post("/api/password", json=body)).status_code == 401
    assert (await thief.put("/test/values/x", json=1)).status_code == 401
    assert (await thief.delete("/api/sessions")).status_code == 401
    async with Socket(thief) as socket:
        await socket.accepted()
        assert await socket.receive() == SESSION_ENDED


async def test_the_token_of_a_deleted_account_does_not_open_the_next_one(
    client: Client, other: Client
) -> None:
    await client.signed_in(ALICE)
    copied = client.token
    await client.app.state.services.users.delete(ALICE)
    await other.signed_in(BOB)
    assert (await other.get("/api/me")).json()["id"] == 2
    assert not await client.opens(copied)


async def test_a_logout_during_a_refresh_ends_both_tokens(client: Client, clock: Clock) -> None:
    """A request that records use at that moment must not leave a token that outlives the logout."""
    await client.signed_in()
    before = str(client.token)
    clock.turn(60)
    in_flight = await client.send_cookie(f"{COOKIE}={before}")
    after = in_flight.cookies.get(COOKIE, before)
    logout = Client(client.app)
    assert (await logout.post("/api/logout", headers={"cookie": f"{COOKIE}={before}"})).is_success
    assert not await client.opens(before)
    assert not await client.opens(after)
