"""Another address: asked for freshly, confirmed at the new one, told to the old one."""

import asyncio

import httpx2
import pytest

from app.services import Services
from app.users.links import CHANGE_EMAIL, LIFETIMES
from app.users.names import mask
from tests.client import PASSWORD, Client
from tests.conftest import Clock, NewLink
from tests.mail import mails
from tests.people import ALICE, BOB, CAROL, DAVE, name_of
from tests.test_account_events import activity
from tests.test_links import INVALID, NEW_PASSWORD, reset


async def ask(client: Client, email: str = BOB) -> httpx2.Response:
    return await client.post("/api/email", json={"email": email})


async def change(client: Client, token: str) -> httpx2.Response:
    return await client.post("/api/email/change", json={"token": token})


async def token_to(client: Client, to: str = BOB) -> str:
    return (await mails(client.app, to))[0].token


async def test_another_address_is_used_once_its_link_was_followed(
    client: Client, other: Client
) -> None:
    await client.signed_in(ALICE)
    response = await ask(client, "BOB@example.com ")
    assert (response.status_code, response.json()) == (202, None)
    assert (await client.get("/api/me")).json()["email"] == ALICE
    to_old, to_new = await mails(client.app)
    assert (to_new.to, to_new.purpose) == (BOB, "change-email")
    # It says which account it is about, and not the whole address.
    assert mask(ALICE) in to_new.text
    assert ALICE not in to_new.text
    assert to_old.to == ALICE
    assert BOB in to_old.text
    assert "token=" not in to_old.text + to_old.html

    response = await change(other, to_new.token)
    assert (response.status_code, "set-cookie" in response.headers) == (204, False)
    assert (await client.get("/api/me")).json()["email"] == BOB
    assert (await other.sign_in(ALICE)).status_code == 401
    assert (await other.sign_in(BOB)).status_code == 200
    assert (await change(other, to_new.token)).json() == INVALID
    listed = [(each["what"], each["detail"]) for each in await activity(other)]
    assert listed[:3] == [
        ("signed in", ""),
        ("address changed", ""),
        ("change of address requested", BOB),
    ]


async def test_another_address_wants_a_password_of_the_last_ten_minutes(
    client: Client, clock: Clock
) -> None:
    assert (await ask(client)).status_code == 401
    await client.signed_in(ALICE)
    clock.turn(601)
    assert (await ask(client)).status_code == 403
    assert await mails(client.app) == []
    await client.post("/api/confirm", json={"password": PASSWORD})
    assert (await ask(client)).status_code == 202


async def test_a_taken_address_is_told_to_its_owner_alone(client: Client, other: Client) -> None:
    await other.signed_in(BOB)
    await client.signed_in(ALICE)
    free, taken = await ask(client, CAROL), await ask(client, BOB)
    assert (free.status_code, free.content) == (taken.status_code, taken.content)
    [mail] = await mails(client.app, BOB)
    assert mail.subject == "You already have an account with this address"
    assert "token=" not in mail.text + mail.html


async def test_a_link_to_another_address_works_for_half_an_hour(
    client: Client, clock: Clock
) -> None:
    assert LIFETIMES[CHANGE_EMAIL] == 1800
    await client.signed_in(ALICE)
    await ask(client)
    clock.turn(1800)
    assert (await change(client, await token_to(client))).json() == INVALID


async def test_a_newer_address_makes_the_link_to_the_older_void(client: Client) -> None:
    await client.signed_in(ALICE)
    await ask(client, BOB)
    await ask(client, CAROL)
    assert (await change(client, await token_to(client, BOB))).json() == INVALID
    assert (await change(client, await token_to(client, CAROL))).status_code == 204


@pytest.mark.parametrize("ends", ["set_password", "disable", "end_sessions"])
async def test_a_link_to_another_address_dies_with_the_sessions_of_its_user(
    client: Client, services: Services, ends: str
) -> None:
    """Whoever was signed in as somebody else must not get the account after all."""
    await client.signed_in(ALICE)
    await ask(client)
    more = (NEW_PASSWORD,) if ends == "set_password" else ()
    await getattr(services.users, ends)(ALICE, *more)
    assert (await change(client, await token_to(client))).json() == INVALID


async def test_a_reset_makes_the_link_to_another_address_void(
    client: Client, new_link: NewLink
) -> None:
    await client.signed_in(ALICE)
    await ask(client)
    token = await new_link()
    assert (await reset(client, token)).status_code == 204
    assert (await change(client, await token_to(client))).json() == INVALID


async def test_links_to_the_old_address_are_void_after_the_change(
    client: Client, services: Services
) -> None:
    await client.signed_in(ALICE)
    await ask(client)
    old = await services.users.find(ALICE)
    await client.post("/api/password/forgot", json={"email": ALICE})
    by_mail = await token_to(client, ALICE)
    assert (await change(client, await token_to(client))).status_code == 204
    assert (await reset(client, by_mail)).json() == INVALID
    # One that was being made while the address changed.
    address, link = services.recovery.new_link(old)
    await services.database.change(link)
    assert (await reset(client, address.partition("?token=")[2])).json() == INVALID


async def test_an_address_that_was_registered_meanwhile_stays_its_owners(
    client: Client, other: Client
) -> None:
    await client.signed_in(ALICE)
    await ask(client)
    token = await token_to(client)
    await other.signed_in(BOB)
    assert (await change(client, token)).json() == INVALID
    assert (await client.get("/api/me")).json()["email"] == ALICE
    assert (await other.get("/api/me")).json()["email"] == BOB


async def test_of_two_people_who_want_an_address_at_once_one_gets_it(
    client: Client, other: Client
) -> None:
    await client.signed_in(ALICE)
    await other.signed_in(CAROL)
    tokens = []
    for each in (client, other):
        await ask(each, DAVE)
        tokens.append(await token_to(client, DAVE))
    changes = await asyncio.gather(*(change(client, token) for token in tokens))
    assert sorted(each.status_code for each in changes) == [204, 422]
    names = [(await each.get("/api/me")).json()["email"] for each in (client, other)]
    assert sorted(names) in ([ALICE, DAVE], [CAROL, DAVE])


async def test_of_several_clicks_at_once_one_changes_the_address(client: Client) -> None:
    await client.signed_in(ALICE)
    await ask(client)
    token = await token_to(client)
    clicks = await asyncio.gather(*(change(Client(client.app), token) for _ in range(8)))
    assert sorted(each.status_code for each in clicks) == [204] + [422] * 7


async def test_nobody_asks_for_more_than_five_addresses_an_hour(
    client: Client, clock: Clock
) -> None:
    await client.signed_in(ALICE)
    asked = [(await ask(client, name_of(f"new{number}"))).status_code for number in range(6)]
    assert asked == [202] * 5 + [429]
    assert len(await mails(client.app, ALICE)) == 5
    clock.turn(3600)
    await client.sign_in(ALICE)
    assert (await ask(client)).status_code == 202
