"""An attacker has copied a cookie, and keeps it after its session has ended."""

from collections.abc import Awaitable, Callable

import pytest

from tests.attacks.stories import Target, story
from tests.client import COOKIE, PASSWORD, Client
from tests.conftest import Clock
from tests.people import ALICE, BOB
from tests.websocket import SESSION_ENDED, Socket

NEW_PASSWORD = "quite another set of words"


async def is_worthless(target: Target, copied: str | None) -> None:
    """Try everything with a copied token. Raises AssertionError when anything is open to it."""
    thief = target.browser()
    thief.use_token(copied)
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD + "!"}
    for path in ("/api/me", "/api/session"):
        target.expect(await thief.send_cookie(f"{thief.cookie_name}={copied}", path), 401)
    target.expect(await thief.post("/api/password", json=body), 401)
    target.expect(await thief.delete("/api/sessions"), 401)


@story("replay after logout", promise=19)
async def test_a_token_copied_before_a_logout_is_worthless_after_it(target: Target) -> None:
    """Copy a session cookie, wait until its owner has signed out, and send it again."""
    client = await target.signed_in(target.alice)
    copied = client.token
    target.expect(await client.post("/api/logout"), 204)
    await is_worthless(target, copied)


@story("replay after another sign-in", promise=17)
async def test_a_token_copied_before_another_sign_in_is_worthless_after_it(target: Target) -> None:
    """Copy a session cookie, and send it after its owner has signed in again or confirmed."""
    client = await target.signed_in(target.alice)
    copied = client.token
    target.expect(await client.sign_in(target.alice), 200)
    await is_worthless(target, copied)
    copied = client.token
    target.expect(await client.post("/api/confirm", json={"password": PASSWORD}), 204)
    await is_worthless(target, copied)


@story("replay after signing out elsewhere", promise=22)
async def test_a_token_is_worthless_once_ended_from_another_device(target: Target) -> None:
    """Keep a stolen cookie while its owner ends all other sessions."""
    stolen = await target.signed_in(target.alice)
    owner = await target.signed_in(target.alice)
    target.expect(await owner.delete("/api/sessions"), 204)
    await is_worthless(target, stolen.token)


@story("replay after a new password", promise=21)
async def test_a_token_is_worthless_after_a_new_password(target: Target) -> None:
    """Keep two stolen cookies while their owner changes the password."""
    name = target.newcomer()
    stolen, client = await target.signed_in(name), await target.signed_in(name)
    copied = client.token
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    target.expect(await client.post("/api/password", json=body), 204)
    await is_worthless(target, stolen.token)
    await is_worthless(target, copied)


@story("replay after the account is gone", promise=21)
async def test_a_token_is_worthless_after_its_account_was_deleted(target: Target) -> None:
    """Keep a stolen cookie while its owner deletes the account."""
    name = target.newcomer()
    stolen, client = await target.signed_in(name), await target.signed_in(name)
    target.expect(await client.post("/api/me/delete", json={"confirm": name}), 204)
    await is_worthless(target, stolen.token)


async def operator_ends_sessions(client: Client, _: Clock) -> None:
    await client.app.state.services.users.end_sessions(ALICE)


async def operator_sets_password(client: Client, _: Clock) -> None:
    await client.app.state.services.users.set_password(ALICE, NEW_PASSWORD)


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
    operator_ends_sessions,
    operator_sets_password,
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
    target: Target, client: Client, clock: Clock, end: Callable[[Client, Clock], Awaitable[None]]
) -> None:
    await client.signed_in()
    thief = Client(client.app)
    copied = str(client.token)
    await end(client, clock)
    await is_worthless(target, copied)
    for path in ("/test/user", "/test/values"):
        assert (await thief.send_cookie(f"{COOKIE}={copied}", path)).status_code == 401, path
    thief.use_token(copied)
    assert (await thief.put("/test/values/x", json=1)).status_code == 401
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
