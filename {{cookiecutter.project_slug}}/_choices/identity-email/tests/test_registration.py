"""Registering with an address: there is no account before the link in the mail was followed."""

import asyncio

import httpx2
import pytest
from sqlalchemy import select

from app.models import User
from app.services import Services
from app.users.links import LIFETIMES, VERIFY
from tests.client import PASSWORD, Client
from tests.conftest import Clock, Start
from tests.mail import mails
from tests.people import ALICE, BOB, SPELLINGS
from tests.test_links import INVALID, signed

NO_ACCOUNT = "You have no account with this address"
OTHER_PASSWORD = "quite another set of words"


async def register(client: Client, email: str = ALICE, password: str = PASSWORD) -> httpx2.Response:
    """Ask for an account, without following the link."""
    return await client.post("/api/register", json={"email": email, "password": password})


async def newest_token(client: Client, to: str = ALICE) -> str:
    return (await mails(client.app, to))[0].token


async def verify(client: Client, token: str) -> httpx2.Response:
    return await client.post("/api/email/verify", json={"token": token})


async def test_an_address_is_signed_in_with_only_after_its_link_was_followed(
    client: Client, services: Services
) -> None:
    response = await register(client, SPELLINGS[0])
    assert (response.status_code, response.json()) == (202, None)
    assert (await client.sign_in(ALICE)).status_code == 401
    assert await services.users.list_users() == []
    [mail] = await mails(client.app)
    assert (mail.to, mail.purpose) == (ALICE, "verify")
    response = await verify(client, mail.token)
    assert (response.status_code, response.content) == (204, b"")
    assert "set-cookie" not in response.headers
    assert (await client.sign_in(ALICE)).json() == {"id": 1, "email": ALICE, "role": "user"}


async def test_a_link_of_a_registration_works_once_and_for_a_day(
    client: Client, clock: Clock
) -> None:
    assert LIFETIMES[VERIFY] == 24 * 3600
    await register(client)
    token = await newest_token(client)
    clock.turn(24 * 3600 - 1)
    assert (await verify(client, token)).status_code == 204
    assert (await verify(client, token)).json() == INVALID
    await register(client, BOB)
    clock.turn(24 * 3600)
    assert (await verify(client, await newest_token(client, BOB))).json() == INVALID


async def test_a_newer_registration_makes_the_older_void(client: Client, other: Client) -> None:
    await register(other, password=OTHER_PASSWORD)
    theirs = await newest_token(client)
    await register(client)
    assert (await verify(other, theirs)).json() == INVALID
    assert (await verify(client, await newest_token(client))).status_code == 204
    assert (await other.sign_in(ALICE, OTHER_PASSWORD)).status_code == 401
    assert (await client.sign_in(ALICE)).status_code == 200


async def test_whoever_registered_first_has_no_hold_on_the_account_of_its_owner(
    client: Client, other: Client
) -> None:
    """Pre-hijacking: the attacker registers, waits, and hopes that the owner comes."""
    await register(other, password=OTHER_PASSWORD)
    assert (await other.sign_in(ALICE, OTHER_PASSWORD)).status_code == 401
    assert (await client.register(ALICE)).status_code == 202
    assert (await other.sign_in(ALICE, OTHER_PASSWORD)).status_code == 401
    assert (await client.sign_in(ALICE)).status_code == 200


async def test_a_reset_takes_an_account_back_from_whoever_registered_it(
    client: Client, other: Client
) -> None:
    """The owner follows the link of somebody else's registration, and finds it strange later."""
    await other.register(ALICE, OTHER_PASSWORD)
    assert (await other.sign_in(ALICE, OTHER_PASSWORD)).status_code == 200
    await client.post("/api/password/forgot", json={"email": ALICE})
    body = {"token": await newest_token(client), "new_password": "my own set of words"}
    assert (await client.post("/api/password/reset", json=body)).status_code == 204
    assert not await other.is_signed_in()
    assert (await other.sign_in(ALICE, OTHER_PASSWORD)).status_code == 401


async def test_a_registration_of_a_known_address_changes_nothing_and_is_told_by_mail(
    client: Client, other: Client
) -> None:
    await client.register(ALICE)
    assert (await register(other, password=OTHER_PASSWORD)).status_code == 202
    mail = (await mails(client.app, ALICE))[0]
    assert mail.subject == "You already have an account"
    assert mail.purpose == "reset"
    assert (await verify(other, mail.token)).json() == INVALID
    assert (await other.sign_in(ALICE, OTHER_PASSWORD)).status_code == 401
    assert (await client.sign_in(ALICE)).status_code == 200


async def test_the_link_of_a_registration_is_sent_again(client: Client) -> None:
    await register(client)
    older = await newest_token(client)
    body = {"email": SPELLINGS[0]}
    response = await client.post("/api/email/verify/resend", json=body)
    assert (response.status_code, response.json()) == (202, None)
    assert (await verify(client, older)).json() == INVALID
    assert (await verify(client, await newest_token(client))).status_code == 204
    assert (await client.sign_in(ALICE)).status_code == 200


async def test_the_link_of_a_registration_that_is_over_is_not_sent_again(
    client: Client, clock: Clock
) -> None:
    await register(client)
    clock.turn(24 * 3600)
    await client.post("/api/email/verify/resend", json={"email": ALICE})
    assert (await mails(client.app))[0].subject == NO_ACCOUNT


async def test_once_registration_is_closed_no_link_creates_an_account(
    client: Client, start: Start
) -> None:
    await register(client)
    closed = Client(await start(allow_registration=False))
    assert (await verify(closed, await newest_token(client))).json() == INVALID
    await closed.post("/api/email/verify/resend", json={"email": ALICE})
    assert (await mails(client.app))[0].subject == NO_ACCOUNT


async def test_of_several_clicks_at_once_one_creates_the_account(
    client: Client, services: Services
) -> None:
    await register(client)
    token = await newest_token(client)
    clicks = await asyncio.gather(*(verify(Client(client.app), token) for _ in range(4)))
    assert sorted(each.status_code for each in clicks) == [204, 422, 422, 422]
    assert len(await services.users.list_users()) == 1


async def test_a_link_is_not_good_once_somebody_has_the_address(
    client: Client, services: Services
) -> None:
    await register(client)
    token = await newest_token(client)
    await services.users.register(ALICE, OTHER_PASSWORD)
    assert (await verify(client, token)).json() == INVALID
    assert (await client.sign_in(ALICE)).status_code == 401


async def test_a_forged_link_creates_nothing(client: Client, services: Services) -> None:
    await register(client)
    token = await newest_token(client)
    random = token.partition(".")[0]
    for forged in (random, f"{token}x", signed(random, "reset"), signed("x" * 43, "verify"), ""):
        assert (await verify(client, forged)).json() == INVALID, forged
    assert await services.users.list_users() == []


async def test_a_link_of_a_registration_sets_no_password_and_changes_no_address(
    client: Client,
) -> None:
    await register(client)
    token = await newest_token(client)
    body = {"token": token, "new_password": OTHER_PASSWORD}
    assert (await client.post("/api/password/reset", json=body)).json() == INVALID
    assert (await client.post("/api/email/change", json={"token": token})).json() == INVALID


async def test_what_is_kept_of_a_registration_shows_neither_password_nor_link(
    client: Client, services: Services
) -> None:
    await register(client)
    token = await newest_token(client)
    for table in ("links", "outgoing_mails"):
        columns = User.metadata.tables[table].columns
        [row] = await services.database.fetch_all(select(*columns))
        for secret in (PASSWORD, token, token.partition(".")[0]):
            assert secret not in repr(row)
            assert secret.encode() not in b"".join(each for each in row if isinstance(each, bytes))


async def test_a_password_that_is_refused_sends_no_mail(client: Client) -> None:
    for password in ("short", "my name is alice, really"):
        assert (await register(client, password=password)).status_code == 422
    assert await mails(client.app) == []


@pytest.mark.parametrize("samesite", ["lax", "strict", "none"])
async def test_an_account_is_created_with_every_samesite(start: Start, samesite: str) -> None:
    client = Client(await start(session_samesite=samesite))
    await client.register(ALICE)
    assert (await client.sign_in(ALICE)).status_code == 200
