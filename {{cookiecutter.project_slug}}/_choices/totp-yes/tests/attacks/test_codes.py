"""An attacker knows the password, and goes for the second factor."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select, update

from app.api.schemas import CodeIn, LoginIn
from app.models import TotpSecret
from app.services import Services
from app.users.errors import InvalidName
from app.users.names import normalise
from app.users.rate_limit import Attempt, RateLimiter
from app.users.totp import LOCKED, MAX_FAILURES_IN_A_ROW, TotpService, WrongCode
from tests.attacks.stories import Target, story
from tests.authenticator_app import App, confirm, sign_in
from tests.client import PASSWORD, Client
from tests.conftest import Clock
from tests.people import ALICE, FIELD, MALLORY
from tests.sessions import HERE
from tests.test_links import NEW_PASSWORD


@pytest.fixture
async def app_of(client: Client, clock: Clock) -> App:
    """Return the authenticator app of Alice, who is signed in."""
    return await App.set_up(await client.signed_in(), clock)


@story("reuse of a code", promise=75)
async def test_a_code_that_was_seen_is_good_no_more(target: Target) -> None:
    """See a code over somebody's shoulder, and type it within the same half minute."""
    name, other = target.newcomer(), target.browser()
    client = await target.signed_in(name)
    app_of = await App.add(client, target.clock)
    code = app_of.code(1)
    target.expect(await sign_in(client, code, name=name), 200)
    target.expect(await sign_in(other, code, name=name), 401)
    target.expect(await confirm(client, code), 403)
    # Nor is an earlier one that nobody has used.
    target.expect(await sign_in(other, app_of.code(-1), name=name), 401)


@story("reuse of a recovery code", promise=78)
async def test_a_recovery_code_that_was_seen_is_good_no_more(target: Target) -> None:
    """Find a recovery code that was crossed out."""
    name, other = target.newcomer(), target.browser()
    client = await target.signed_in(name)
    app_of = await App.add(client, target.clock)
    code = app_of.recovery_codes[0]
    target.expect(await sign_in(client, code, name=name), 200)
    target.expect(await sign_in(other, code, name=name), 401)


async def test_the_code_that_set_it_up_signs_nobody_in(
    client: Client, other: Client, app_of: App
) -> None:
    assert (await sign_in(other, app_of.code(-1))).status_code == 401
    assert (await sign_in(other, app_of.code())).status_code == 200


async def test_of_many_requests_at_once_with_one_code_one_gets_in(
    app: FastAPI, client: Client, app_of: App
) -> None:
    for code in (app_of.code(), app_of.recovery_codes[0]):
        crowd = [Client(app, f"198.51.100.{number}") for number in range(8)]
        answers = await asyncio.gather(*(sign_in(each, code) for each in crowd))
        assert Counter(each.status_code for each in answers) == {200: 1, 401: 7}


async def test_the_codes_of_one_account_are_none_of_another(
    client: Client, other: Client, app_of: App, clock: Clock
) -> None:
    of_mallory = await App.set_up(await other.signed_in(MALLORY), clock)
    for code in (of_mallory.code(), of_mallory.recovery_codes[0]):
        assert (await sign_in(other, code, name=ALICE)).status_code == 401
        assert (await sign_in(other, code, name=MALLORY)).status_code == 200


async def test_a_secret_that_was_only_begun_is_no_way_in(
    client: Client, services: Services, clock: Clock
) -> None:
    # Begun in a stolen session, and kept for the day on which the user adds another factor.
    await client.signed_in()
    begun = App((await client.post("/api/totp")).json()["secret"], clock, [])
    with pytest.raises(WrongCode):
        await services.totp.verify(1, begun.code(), HERE)
    assert await services.factors.kinds_of(1) == []


async def test_a_secret_that_somebody_has_begun_is_replaced_when_the_user_begins(
    client: Client, clock: Clock
) -> None:
    await client.signed_in()
    stolen = App((await client.post("/api/totp")).json()["secret"], clock, [])
    of_user = await App.set_up(client, clock)
    assert (await sign_in(client, stolen.code())).status_code == 401
    assert (await sign_in(client, of_user.code())).status_code == 200


async def test_a_secret_that_is_begun_while_the_user_sets_up_theirs_is_not_turned_on(
    client: Client, services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.signed_in()
    begun = App((await client.post("/api/totp")).json()["secret"], clock, [])
    verify = TotpService.verify

    async def verify_and_lose(*arguments: Any, **options: Any) -> None:
        await verify(*arguments, **options)
        await services.totp.begin(await services.users.find(ALICE))

    monkeypatch.setattr(TotpService, "verify", verify_and_lose)
    response = await client.post("/api/totp/confirm", json={"code": begun.code()})
    assert response.status_code == 403
    assert await services.factors.kinds_of(1) == []


async def test_guessing_codes_is_limited_like_guessing_passwords(
    client: Client, other: Client, app_of: App, clock: Clock
) -> None:
    for _ in range(5):
        assert (await sign_in(other, app_of.wrong_code())).status_code == 401
    refused = await sign_in(other, app_of.code())
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) <= 900
    # Where Alice is, she is not kept waiting.
    assert (await sign_in(client, app_of.code())).status_code == 200
    clock.turn(900)
    assert (await sign_in(other, app_of.code())).status_code == 200


async def test_a_right_password_makes_no_wrong_code_forgotten(other: Client, app_of: App) -> None:
    for _ in range(5):
        assert (await sign_in(other)).status_code == 401
        assert (await sign_in(other, app_of.wrong_code())).status_code == 401
    assert (await sign_in(other, app_of.code())).status_code == 429


async def test_nobody_can_type_the_name_under_which_codes_are_counted(
    client: Client, services: Services, app_of: App
) -> None:
    counted: list[str] = []

    async def note(limiter: RateLimiter, name: str, address: str) -> Attempt:
        counted.append(name)
        return await acquire(limiter, name, address)

    acquire = RateLimiter.acquire
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RateLimiter, "acquire", note)
        await sign_in(client, app_of.code())
    assert counted[0] == ALICE
    assert len(counted) == 2
    # Or strangers could lock users out of their second factor.
    with pytest.raises(InvalidName):
        normalise(counted[1])


async def test_over_all_addresses_and_for_ever_a_hundred_codes_in_a_row_are_tried(
    app: FastAPI, client: Client, services: Services, app_of: App, clock: Clock
) -> None:
    assert MAX_FAILURES_IN_A_ROW == 100
    tried = 0
    while tried < 100:
        stranger = Client(app, f"198.51.100.{tried % 250}")
        response = await sign_in(stranger, app_of.wrong_code())
        tried += response.status_code == 401
        clock.turn(60)
    # From where Alice has always signed in, too.
    for each in (client, Client(app, "203.0.113.9")):
        response = await sign_in(each, app_of.code())
        assert response.status_code == 401
        assert response.json() == {"detail": LOCKED, "second_factor": ["recovery_code"]}
    clock.turn(30 * 24 * 3600)
    assert (await sign_in(client, app_of.code())).status_code == 401
    # Whoever has a recovery code is no guesser.
    assert (await sign_in(client, app_of.recovery_codes[0])).status_code == 200
    assert (await sign_in(client, app_of.code())).status_code == 200


async def test_a_right_code_begins_the_row_anew(
    client: Client, services: Services, app_of: App
) -> None:
    await services.database.execute(update(TotpSecret).values(failures=99))
    assert (await sign_in(client, app_of.code())).status_code == 200
    assert (await sign_in(client, app_of.wrong_code())).status_code == 401
    assert await services.factors.kinds_of(1) == ["totp", "recovery_code"]


async def test_a_hundred_guesses_at_once_are_limited_like_a_hundred_in_a_row(
    app: FastAPI, services: Services, app_of: App
) -> None:
    await services.database.execute(update(TotpSecret).values(failures=97))
    wrong = app_of.wrong_code()
    crowd = [Client(app, f"198.51.100.{number}") for number in range(12)]
    await asyncio.gather(*(sign_in(each, wrong) for each in crowd))
    [row] = await services.database.fetch_all(select(TotpSecret.failures))
    assert row.failures == 100


async def test_in_a_stolen_session_that_is_not_fresh_no_factor_is_added(
    client: Client, other: Client, clock: Clock
) -> None:
    await client.signed_in()
    other.use_token(client.token)
    clock.turn(601)
    assert (await other.post("/api/totp")).status_code == 403
    # Nor can one be confirmed that the user has begun meanwhile.
    await client.post("/api/confirm", json={"password": PASSWORD})
    other.use_token(client.token)
    begun = App((await client.post("/api/totp")).json()["secret"], clock, [])
    clock.turn(601)
    body = {"code": begun.code()}
    assert (await other.post("/api/totp/confirm", json=body)).status_code == 403


async def test_a_stolen_session_and_a_password_do_not_turn_it_off(
    client: Client, app_of: App, clock: Clock
) -> None:
    clock.turn(601)
    assert (await client.post("/api/confirm", json={"password": PASSWORD})).status_code == 403
    assert (await client.delete("/api/totp")).status_code == 403
    assert (await sign_in(client)).status_code == 401


async def test_a_code_is_used_up_even_where_the_account_was_changed_meanwhile(
    client: Client, services: Services, app_of: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = TotpService.verify

    async def change_meanwhile(*values: object) -> None:
        await verify(*values)  # type: ignore[arg-type]
        await services.users.set_password(ALICE, NEW_PASSWORD)

    monkeypatch.setattr(TotpService, "verify", change_meanwhile)
    code = app_of.code()
    # The old password and a code: the sign-in was begun before it was changed.
    assert (await sign_in(client, code)).status_code == 401
    assert not await client.is_signed_in()
    monkeypatch.undo()
    assert (await sign_in(client, code, password=NEW_PASSWORD)).status_code == 401


def test_no_body_shows_a_code_when_it_is_printed() -> None:
    secret = "123456"
    login = LoginIn.model_validate({FIELD: ALICE, "password": PASSWORD, "code": secret})
    for body in (login, CodeIn(code=secret)):
        assert secret not in repr(body) + str(body)
