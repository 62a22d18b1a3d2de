"""A forgotten password: a link by mail chooses another."""

import logging
from typing import Any

import pytest
from sqlalchemy import delete

from app.models import User
from app.services import Services
from app.users.service import UserService
from tests.client import PASSWORD, Client
from tests.conftest import Clock, NewLink, Start
from tests.mail import mails
from tests.people import ALICE, BOB, SPELLINGS, name_of
from tests.test_links import INVALID, NEW_PASSWORD, reset
from tests.test_security_log import events


async def forgot(client: Client, email: str = ALICE) -> int:
    response = await client.post("/api/password/forgot", json={"email": email})
    return response.status_code


async def newest_token(client: Client) -> str:
    return (await mails(client.app, ALICE))[0].token


async def test_a_forgotten_password_is_replaced_by_a_link(client: Client) -> None:
    await client.register(ALICE)
    assert await forgot(client, SPELLINGS[0]) == 202
    mail = (await mails(client.app))[0]
    assert (mail.to, mail.purpose) == (ALICE, "reset")
    assert (await reset(client, mail.token)).status_code == 204
    assert (await client.sign_in(ALICE, PASSWORD)).status_code == 401
    assert (await client.sign_in(ALICE, NEW_PASSWORD)).status_code == 200


async def test_a_link_by_mail_and_an_operators_make_each_other_void(
    client: Client, new_link: NewLink
) -> None:
    await client.register(ALICE)
    await forgot(client)
    by_mail = await newest_token(client)
    printed = await new_link()
    assert (await reset(client, by_mail)).json() == INVALID
    await forgot(client)
    assert (await reset(client, printed)).json() == INVALID
    assert (await reset(client, await newest_token(client))).status_code == 204


async def test_whatever_is_asked_for_by_mail_is_logged(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await client.register(ALICE)
    caplog.set_level(logging.INFO, "app.security")
    caplog.clear()
    await forgot(client)
    await forgot(client, BOB)
    logged = [(each.get("actor"), each["reason"]) for each in events(caplog)]
    assert logged == [(1, "mail reset"), (None, "mail no_account")]
    assert ALICE not in caplog.text


async def test_an_unknown_address_is_told_that_it_has_no_account(client: Client) -> None:
    assert await forgot(client, BOB) == 202
    [mail] = await mails(client.app)
    assert (mail.to, mail.subject) == (BOB, "You have no account with this address")
    assert "token=" not in mail.text + mail.html


@pytest.mark.parametrize("path", ["password/forgot", "email/verify/resend", "register"])
async def test_a_disabled_account_gets_no_link(
    client: Client, services: Services, path: str
) -> None:
    await client.register(ALICE)
    await services.users.disable(ALICE)
    body = {"email": ALICE, "password": PASSWORD}
    assert (await client.post(f"/api/{path}", json=body)).status_code == 202
    mail = (await mails(client.app))[0]
    assert mail.subject == "You have no account with this address"
    assert "token=" not in mail.text + mail.html


async def test_a_link_beside_a_disabled_account_is_not_good(
    client: Client, services: Services
) -> None:
    await client.register(ALICE)
    await forgot(client)
    token = await newest_token(client)
    await services.users.disable(ALICE)
    assert (await reset(client, token)).json() == INVALID
    await services.users.enable(ALICE)
    assert (await reset(client, token)).json() == INVALID
    assert (await client.sign_in(ALICE)).status_code == 200


async def test_nobody_gets_more_than_five_mails_an_hour(
    client: Client, other: Client, clock: Clock
) -> None:
    await client.register(ALICE)
    sent = [await forgot(each) for each in (client, other, client, other)]
    assert sent == [202] * 4
    for spelling in (ALICE, *SPELLINGS):
        for path in ("password/forgot", "email/verify/resend", "register"):
            body = {"email": spelling, "password": PASSWORD}
            response = await other.post(f"/api/{path}", json=body)
            assert response.status_code == 429
            assert int(response.headers["retry-after"]) == 3600
    assert len(await mails(client.app, ALICE)) == 5
    assert await forgot(client, BOB) == 202
    clock.turn(3600)
    assert await forgot(client) == 202


async def test_tags_make_no_other_mailbox_of_an_address(client: Client, other: Client) -> None:
    sent = [await forgot(client, ALICE.replace("@", f"+{number}@")) for number in range(6)]
    assert sent == [202] * 5 + [429]
    assert await forgot(other) == 429
    assert await forgot(client, BOB) == 202


async def test_dots_make_no_other_mailbox_where_the_provider_ignores_them(client: Client) -> None:
    spellings = ["alice", "a.lice", "al.ice", "ali.ce", "alic.e", "a.l.ice"]
    sent = [await forgot(client, f"{spelling}@gmail.com") for spelling in spellings]
    assert sent == [202] * 5 + [429]
    assert [await forgot(client, f"{each}@example.com") for each in spellings] == [202] * 6


async def test_nobody_causes_more_than_twenty_mails_a_minute(
    client: Client, other: Client, clock: Clock
) -> None:
    paths = ("password/forgot", "email/verify/resend")
    for number in range(20):
        body = {"email": name_of(f"user{number}")}
        response = await client.post(f"/api/{paths[number % 2]}", json=body)
        assert response.status_code == 202
    for path in paths:
        assert (await client.post(f"/api/{path}", json={"email": ALICE})).status_code == 429
    # Nor with an account of their own.
    await client.signed_in(BOB)
    assert await forgot(client) == 429
    assert await forgot(other) == 202
    clock.turn(60)
    assert await forgot(client) == 202


async def test_an_account_that_is_deleted_meanwhile_gets_no_mail(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_or_none = UserService.one_or_none

    async def delete_it(users: UserService, *conditions: Any) -> User | None:
        user = await one_or_none(users, *conditions)
        await users.database.execute(delete(User))
        return user

    await client.register(ALICE)
    before = await mails(client.app)
    monkeypatch.setattr(UserService, "one_or_none", delete_it)
    assert await forgot(client) == 202
    assert await mails(client.app) == before


@pytest.mark.parametrize("header", ["host", "x-forwarded-host", "forwarded", "origin"])
async def test_links_are_built_from_the_setting_whatever_a_request_says(
    start: Start, header: str
) -> None:
    client = Client(await start(public_url="https://front.example", allowed_hosts="localhost,evil"))
    await client.register(ALICE)
    client.headers[header] = {"origin": "https://localhost"}.get(header, "evil")
    assert await forgot(client) == 202
    mail = (await mails(client.app))[0]
    assert "\nhttps://front.example/reset?token=" in mail.text
    assert 'href="https://front.example/reset?token=' in mail.html
    assert "evil" not in mail.text + mail.html
