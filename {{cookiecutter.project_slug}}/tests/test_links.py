"""Links that set a new password: handed out by an operator, good once, for half an hour."""

import asyncio
import hashlib
import logging
import re

import httpx2
import pytest
from anyio import to_thread
from itsdangerous import Signer
from sqlalchemy import select

from app.logs import hide_tokens
from app.models import Link
from app.services import Services
from app.users.authentication import Authenticator
from app.users.links import LIFETIMES, RESET
from tests.cli import Run
from tests.client import PASSWORD, Browser, Client
from tests.conftest import KEY, Clock, NewLink, Start
from tests.people import ALICE, BOB
from tests.test_security_log import events

NEW_PASSWORD = "quite another set of words"
INVALID = {
    "detail": [
        {
            "type": "value_error",
            "loc": ["body"],
            "msg": "This link is not valid any more. Ask for a new one.",
        }
    ]
}


async def reset(client: Browser, token: str, password: str = NEW_PASSWORD) -> httpx2.Response:
    body = {"token": token, "new_password": password}
    return await client.post("/api/password/reset", json=body)


async def test_an_operator_prints_a_link_that_sets_a_password_once(
    run: Run, client: Client, services: Services
) -> None:
    await client.register(ALICE)
    done = await to_thread.run_sync(run, "reset-link", ALICE)
    address = re.fullmatch(r"http://localhost:8000/reset\?token=(\S+)\n", done[1])
    assert done[0] == 0
    assert address
    [link] = await services.database.fetch_all(select(Link.key))
    assert link.key == hashlib.sha256(address[1].partition(".")[0].encode()).digest()
    # The clock of the shell is that of the machine.
    token = (await services.recovery.reset_link(ALICE)).partition("?token=")[2]
    assert (await reset(client, token)).status_code == 204
    assert (await client.sign_in(ALICE, PASSWORD)).status_code == 401
    assert (await client.sign_in(ALICE, NEW_PASSWORD)).status_code == 200
    again = await reset(client, token, "and yet another password")
    assert (again.status_code, again.json()) == (422, INVALID)


async def test_a_link_is_built_from_the_setting_alone(start: Start) -> None:
    app = await start(public_url="https://front.example")
    client = await Client(app).signed_in()
    client.headers["host"] = "localhost:1234"
    link = await app.state.services.recovery.reset_link(ALICE)
    assert link.startswith("https://front.example/reset?token=")


async def test_a_link_is_good_for_half_an_hour(
    client: Client, clock: Clock, new_link: NewLink
) -> None:
    assert LIFETIMES[RESET] == 1800
    await client.register(ALICE)
    token = await new_link()
    clock.turn(1799)
    assert (await reset(client, token)).status_code == 204
    token = await new_link()
    clock.turn(1800)
    assert (await reset(client, token)).json() == INVALID


async def test_a_link_from_a_clock_that_was_far_ahead_is_not_good(
    client: Client, clock: Clock, new_link: NewLink
) -> None:
    await client.register(ALICE)
    clock.turn(4 * 365 * 24 * 3600)
    token = await new_link()
    clock.turn(-4 * 365 * 24 * 3600)
    assert (await reset(client, token)).json() == INVALID


async def test_a_newer_link_makes_the_older_void_and_no_other_persons(
    client: Client, new_link: NewLink
) -> None:
    await client.register(ALICE)
    await client.register(BOB)
    bobs, older, newer = await new_link(BOB), await new_link(), await new_link()
    assert (await reset(client, older)).json() == INVALID
    assert (await reset(client, newer)).status_code == 204
    assert (await reset(client, bobs)).status_code == 204


@pytest.mark.parametrize("ends", ["set_password", "disable", "delete", "end_sessions"])
async def test_a_link_dies_with_what_else_ends_all_sessions(
    client: Client, services: Services, new_link: NewLink, ends: str
) -> None:
    await client.register(ALICE)
    token = await new_link()
    more = (NEW_PASSWORD,) if ends == "set_password" else ()
    await getattr(services.users, ends)(ALICE, *more)
    assert (await reset(client, token, "and yet another password")).json() == INVALID
    if ends == "disable":
        await services.users.enable(ALICE)
        assert (await reset(client, token)).json() == INVALID


async def test_a_link_dies_when_its_user_changes_the_password(
    client: Client, new_link: NewLink
) -> None:
    await client.signed_in()
    token = await new_link()
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert (await client.post("/api/password", json=body)).status_code == 204
    assert (await reset(client, token, "and yet another password")).json() == INVALID


async def test_a_link_outlives_the_end_of_other_sessions(client: Client, new_link: NewLink) -> None:
    # Or a thief, who may end them, would keep the owner from choosing a new password.
    await client.signed_in()
    token = await new_link()
    for _ in range(2):
        assert (await client.delete("/api/sessions")).status_code == 204
    assert (await reset(client, token)).status_code == 204
    assert not await client.is_signed_in()
    await client.sign_in(password=NEW_PASSWORD)
    assert (await client.delete("/api/sessions")).status_code == 204
    assert (await reset(client, token, "and yet another password")).json() == INVALID


async def test_nobody_gets_a_link_for_a_disabled_account(run: Run, client: Client) -> None:
    await client.register(ALICE)
    await to_thread.run_sync(run, "disable-user", ALICE)
    status, out, error = await to_thread.run_sync(run, "reset-link", ALICE)
    assert (status, out) == (1, "")
    assert error == f"{ALICE} is disabled; enable the account first.\n"


def signed(random: str, purpose: str, key: str = KEY) -> str:
    salt = f"app.users.links.{purpose}"
    signer = Signer(key, salt, key_derivation="hmac", digest_method="sha256")
    return signer.sign(random).decode()


async def test_a_forged_link_is_not_good(
    client: Client, new_link: NewLink, statements: list[str]
) -> None:
    await client.register(ALICE)
    token = await new_link()
    random, _, signature = token.partition(".")
    last = "A" if signature[-5] != "A" else "B"
    forged = [
        "",
        ".",
        random,
        f"{random}.",
        f".{signature}",
        f"{random}.{signature[:-5]}{last}{signature[-4:]}",
        f"{token}.{signature}",
        token.swapcase(),
        "é" * 40,
        signed(random, "session"),
        signed(random, RESET, KEY[::-1]),
        Signer(KEY).sign(random).decode(),
    ]
    statements.clear()
    for each in forged:
        assert (await reset(client, each)).json() == INVALID, each
    # Refused by the signature alone.
    assert statements == []
    assert (await reset(client, signed("x" * 43, RESET))).json() == INVALID
    assert (await reset(client, token)).status_code == 204


async def test_a_link_stays_good_while_keys_are_rotated(start: Start) -> None:
    before = await start()
    await Client(before).register(ALICE)
    token = (await before.state.services.recovery.reset_link(ALICE)).partition("?token=")[2]
    after = await start(secret_keys=f"{KEY}2,{KEY}")
    removed = await start(secret_keys=f"{KEY}2")
    assert (await reset(Client(removed), token)).json() == INVALID
    assert (await reset(Client(after), token)).status_code == 204


async def test_a_password_that_is_refused_leaves_the_link_good(
    client: Client, new_link: NewLink
) -> None:
    await client.register(ALICE)
    token = await new_link()
    for refused, reason in (("short", "at least 15"), ("my name is alice, really", "own name")):
        response = await reset(client, token, refused)
        assert response.status_code == 422
        assert reason in response.text
    assert (await reset(client, token)).status_code == 204


async def test_of_two_clicks_at_once_one_wins(client: Client, new_link: NewLink) -> None:
    await client.register(ALICE)
    token = await new_link()
    passwords = [f"quite another set of words {number}" for number in range(4)]
    clicks = [reset(Client(client.app), token, password) for password in passwords]
    statuses = [response.status_code for response in await asyncio.gather(*clicks)]
    assert sorted(statuses) == [204, 422, 422, 422]
    for password, status in zip(passwords, statuses, strict=True):
        signed_in = await Client(client.app).sign_in(ALICE, password)
        assert (signed_in.status_code == 200) == (status == 204)


async def test_a_reset_ends_every_session_and_begins_none(
    client: Client, other: Client, new_link: NewLink
) -> None:
    await client.signed_in(ALICE)
    await other.signed_in(BOB)
    elsewhere = await Client(client.app).signed_in(ALICE)
    response = await reset(client, await new_link())
    assert "set-cookie" not in response.headers
    assert not await client.is_signed_in()
    assert not await elsewhere.is_signed_in()
    assert await other.is_signed_in()


async def test_a_sign_in_with_the_old_password_beside_a_reset_fails(
    client: Client, other: Client, new_link: NewLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.register(ALICE)
    token = await new_link()
    authenticate = Authenticator.authenticate

    async def reset_meanwhile(authenticator: Authenticator, *values: str, **more: str) -> object:
        row = await authenticate(authenticator, *values, **more)  # type: ignore[arg-type]
        assert (await reset(other, token)).status_code == 204
        return row

    monkeypatch.setattr(Authenticator, "authenticate", reset_meanwhile)
    assert (await client.sign_in(ALICE)).status_code == 401
    assert client.token is None


async def test_whoever_has_failed_too_often_signs_in_at_once_after_a_reset(
    client: Client, new_link: NewLink
) -> None:
    await client.register(ALICE)
    for _ in range(5):
        await client.sign_in(ALICE, "not the right password")
    assert (await client.sign_in(ALICE)).status_code == 429
    assert (await reset(client, await new_link())).status_code == 204
    assert (await client.sign_in(ALICE, NEW_PASSWORD)).status_code == 200


async def test_links_are_logged_without_their_tokens(
    client: Client, new_link: NewLink, caplog: pytest.LogCaptureFixture
) -> None:
    await client.register(ALICE)
    caplog.clear()
    token = await new_link()
    await reset(client, token)
    logged = [(each["event"], each["actor"], each["reason"]) for each in events(caplog)]
    assert logged == [
        ("authn_token_created", 1, "reset link"),
        ("session_expired", 1, "revoked"),
        ("authn_password_change", 1, "link"),
    ]
    assert token not in caplog.text
    assert token.partition(".")[0] not in caplog.text


@pytest.mark.parametrize("query", ["token=s3cret", "a=b&token=s3cret", "token=s3cret&a=b"])
def test_no_token_is_in_a_line_of_the_server(query: str) -> None:
    args = ("192.0.2.1:5", "GET", f"/reset?{query}", "1.1", 303)
    message = '%s - "%s %s HTTP/%s" %d'
    record = logging.LogRecord("uvicorn.access", logging.INFO, "", 0, message, args, None)
    assert hide_tokens(record)
    assert "s3cret" not in record.getMessage()
    assert record.getMessage().endswith('HTTP/1.1" 303')
    assert "/reset?" in record.getMessage()


async def test_expired_links_are_deleted(
    client: Client, clock: Clock, services: Services, new_link: NewLink
) -> None:
    await client.register(ALICE)
    await new_link()
    clock.turn(1799)
    assert await services.links.delete_expired() == 0
    clock.turn(1)
    assert await services.links.delete_expired() == 1
