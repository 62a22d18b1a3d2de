"""A second factor: set up, signed in with, confirmed with, turned off, and taken away."""

import asyncio
import hashlib
import json

import pyotp
import pytest
from fastapi import FastAPI
from sqlalchemy import select, update

from app.config import PROJECT
from app.models import RecoveryCode, TotpSecret
from app.services import Services
from app.sessions.session import Amr, SignIn
from app.users.totp import find_step
from app.web.dependencies import StrongUser
from tests.authenticator_app import STEP, WRONG_CODE, App, confirm, sign_in
from tests.client import PASSWORD, Client
from tests.conftest import KEY, Clock, NewLink, Start
from tests.people import ALICE, BOB, FIELD
from tests.sessions import HERE
from tests.test_links import NEW_PASSWORD, reset
from tests.test_token import OLD_KEY

# RFC 6238, appendix B, for SHA-1: the last six of the eight digits.
VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.fixture
async def app_of(client: Client, clock: Clock) -> App:
    """Return the authenticator app of Alice, who is signed in."""
    return await App.set_up(await client.signed_in(), clock)


@pytest.mark.parametrize(("at", "code"), VECTORS)
def test_codes_are_those_of_the_rfc(at: int, code: str) -> None:
    assert find_step(RFC_SECRET, code, at // STEP) == at // STEP


@pytest.mark.parametrize(
    ("steps", "is_good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
async def test_a_code_is_good_one_step_early_or_late_and_no_more(
    client: Client, app_of: App, clock: Clock, steps: int, is_good: bool
) -> None:
    # None of them was used for setting it up.
    clock.turn(10 * STEP)
    assert (await sign_in(client, app_of.code(steps))).is_success == is_good


async def test_the_secret_has_160_bits_and_comes_with_the_names_that_an_app_shows(
    client: Client,
) -> None:
    await client.signed_in()
    shown = (await client.post("/api/totp")).json()
    assert len(shown["secret"]) * 5 == 160
    parsed = pyotp.parse_uri(shown["uri"])
    assert (parsed.secret, parsed.name, parsed.issuer) == (shown["secret"], ALICE, PROJECT["name"])
    again = (await client.post("/api/totp")).json()
    assert again["secret"] != shown["secret"]


async def test_until_a_first_code_was_right_nothing_is_asked_for(
    client: Client, clock: Clock
) -> None:
    await client.signed_in()
    app = App((await client.post("/api/totp")).json()["secret"], clock, [])
    wrong = await client.post("/api/totp/confirm", json={"code": app.wrong_code()})
    assert (wrong.status_code, wrong.json()) == (403, {"detail": WRONG_CODE})
    assert (await sign_in(client)).status_code == 200
    right = await client.post("/api/totp/confirm", json={"code": app.code()})
    assert right.status_code == 200
    assert (await sign_in(client)).status_code == 401


async def test_what_is_set_up_twice_or_not_at_all_is_a_conflict(
    client: Client, clock: Clock
) -> None:
    await client.signed_in()
    for method, path in (
        ("POST", "/api/totp/confirm"),
        ("DELETE", "/api/totp"),
        ("POST", "/api/recovery-codes"),
    ):
        response = await client.request(method, path, json={"code": "000000"})
        assert response.status_code == 409, path
    app = await App.set_up(client, clock)
    assert (await client.post("/api/totp")).status_code == 409
    body = {"code": app.code()}
    assert (await client.post("/api/totp/confirm", json=body)).status_code == 409
    # Neither took the app away.
    assert (await sign_in(client, app.code())).status_code == 200


async def test_a_right_password_without_a_code_is_told_what_is_missing_and_gets_no_cookie(
    client: Client, other: Client, app_of: App
) -> None:
    response = await sign_in(other)
    assert response.status_code == 401
    assert response.json() == {
        "detail": "A second factor is needed.",
        "second_factor": ["totp", "recovery_code"],
    }
    assert "set-cookie" not in response.headers
    wrong = await sign_in(other, app_of.wrong_code())
    assert (wrong.status_code, wrong.json()["detail"]) == (401, WRONG_CODE)
    assert wrong.json()["second_factor"] == ["totp", "recovery_code"]
    assert "set-cookie" not in wrong.headers
    assert (await sign_in(other, app_of.code())).json()[FIELD] == ALICE
    assert await other.is_signed_in()


async def test_a_wrong_password_is_told_nothing_of_a_second_factor(
    client: Client, other: Client, app_of: App
) -> None:
    await other.signed_in(BOB)
    answers = [
        await sign_in(client, code, name=name, password="not the right password")
        for name in (ALICE, BOB, "nobody@example.com")
        for code in (None, app_of.code())
    ]
    assert {(each.status_code, each.text) for each in answers} == {(401, answers[0].text)}
    # Nor is the code used up.
    assert (await sign_in(client, app_of.code())).status_code == 200


async def test_a_code_may_be_typed_in_groups(client: Client, app_of: App) -> None:
    code = app_of.code()
    assert (await sign_in(client, f" {code[:3]} {code[3:]} ")).status_code == 200
    typed = app_of.recovery_codes[0].upper().replace("-", " ")
    assert (await sign_in(client, typed)).status_code == 200


async def test_a_code_that_nobody_asked_for_changes_nothing(client: Client) -> None:
    await client.register()
    assert (await sign_in(client, "000000")).status_code == 200


async def test_there_are_ten_recovery_codes_of_120_bits_in_groups_of_which_hashes_are_kept(
    services: Services, app_of: App
) -> None:
    codes = app_of.recovery_codes
    assert len(set(codes)) == 10
    assert all([len(group) for group in code.split("-")] == [4] * 6 for code in codes)
    # Base 32: five bits a character.
    assert {len(code.replace("-", "")) * 5 for code in codes} == {120}
    kept = await services.database.fetch_all(select(RecoveryCode.key))
    plain = (code.replace("-", "").upper().encode() for code in codes)
    assert {row.key for row in kept} == {hashlib.sha256(each).digest() for each in plain}


async def test_a_recovery_code_signs_in_once(client: Client, app_of: App) -> None:
    for code in app_of.recovery_codes:
        assert (await sign_in(client, code)).status_code == 200
        assert (await sign_in(client, code)).status_code == 401
        # Whoever has the codes is not kept waiting by their own mistakes.
    assert (await sign_in(client, app_of.code())).status_code == 200


async def test_new_recovery_codes_make_the_old_ones_void(
    client: Client, other: Client, app_of: App
) -> None:
    new = (await client.post("/api/recovery-codes")).json()["recovery_codes"]
    assert len({*new, *app_of.recovery_codes}) == 20
    assert (await sign_in(other, app_of.recovery_codes[0])).status_code == 401
    assert (await sign_in(other, new[0])).status_code == 200


async def test_new_recovery_codes_are_made_when_all_were_used(client: Client, app_of: App) -> None:
    for code in app_of.recovery_codes:
        await sign_in(client, code)
    new = (await client.post("/api/recovery-codes")).json()["recovery_codes"]
    assert (await sign_in(client, new[0])).status_code == 200


async def test_a_session_says_how_it_was_begun(
    client: Client, services: Services, app_of: App, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "app.security")
    await sign_in(client, app_of.code())
    session = await services.sessions.load(str(client.token))
    assert session
    assert Amr(session.record.amr) == Amr.PWD | Amr.OTP
    [event] = [json.loads(each) for each in caplog.messages if "authn_login_success" in each]
    assert event["amr"] == "pwd otp"


async def test_a_strong_user_has_shown_two_factors(start: Start, clock: Clock) -> None:
    async def route(user: StrongUser) -> str:
        return user.name

    app: FastAPI = await start()
    app.add_api_route("/strong", route)
    client = await Client(app).signed_in()
    assert (await client.get("/strong")).status_code == 403
    authenticator = await App.set_up(client, clock)
    assert (await client.get("/strong")).json() == ALICE
    other = Client(app)
    await sign_in(other, authenticator.code())
    assert (await other.get("/strong")).json() == ALICE
    assert (await Client(app).get("/strong")).status_code == 401


async def test_freshness_asks_for_a_code_and_a_password_is_not_enough(
    client: Client, app_of: App, clock: Clock
) -> None:
    clock.turn(601)
    assert (await client.post("/api/recovery-codes")).status_code == 403
    refused = await client.post("/api/confirm", json={"password": PASSWORD})
    assert refused.status_code == 403
    assert refused.json()["second_factor"] == ["totp", "recovery_code"]
    wrong = await confirm(client, app_of.wrong_code())
    assert (wrong.status_code, wrong.json()) == (403, {"detail": WRONG_CODE})
    assert (await client.post("/api/recovery-codes")).status_code == 403
    before = client.token
    assert (await confirm(client, app_of.code())).status_code == 204
    assert client.token != before
    assert not await client.opens(before)
    assert (await client.post("/api/recovery-codes")).status_code == 200
    assert (await client.post("/api/confirm", json={})).status_code == 422


async def test_a_session_of_a_password_alone_is_not_fresh_where_there_is_more(
    client: Client, services: Services, app_of: App
) -> None:
    # None like it is begun any more; one that was would not be enough.
    version = (await services.users.find(ALICE)).session_version
    session = await services.sessions.create(SignIn(1, version), HERE)
    client.use_token(session.token)
    assert (await client.delete("/api/totp")).status_code == 403
    assert (await confirm(client, app_of.code())).status_code == 204
    assert (await client.delete("/api/totp")).status_code == 204


async def test_a_session_that_is_revoked_during_a_confirmation_stays_revoked(
    client: Client, services: Services, app_of: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = type(services.totp).verify

    async def revoke_meanwhile(*values: object) -> None:
        await verify(*values)  # type: ignore[arg-type]
        await services.sessions.revoke(str(client.token))

    monkeypatch.setattr(type(services.totp), "verify", revoke_meanwhile)
    assert (await confirm(client, app_of.code())).status_code == 401
    assert not await client.is_signed_in()


async def test_turning_it_on_or_off_ends_the_other_sessions(
    client: Client, other: Client, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "app.security")
    await client.signed_in()
    await other.signed_in()
    before = client.token
    app = await App.set_up(client, clock)
    assert await client.is_signed_in()
    assert client.token != before
    assert not await client.opens(before)
    assert not await other.is_signed_in()
    await sign_in(other, app.code())
    assert (await client.delete("/api/totp")).status_code == 204
    assert await client.is_signed_in()
    assert not await other.is_signed_in()
    assert (await sign_in(other)).status_code == 200
    told = [json.loads(each) for each in caplog.messages if "user_updated" in each]
    assert [each["reason"] for each in told] == [
        "authenticator app added",
        "authenticator app removed",
    ]


async def test_what_was_turned_off_is_gone_and_can_be_set_up_again(
    client: Client, services: Services, app_of: App, clock: Clock
) -> None:
    await client.delete("/api/totp")
    for table in (TotpSecret, RecoveryCode):
        assert await services.database.fetch_all(select(table.user_id)) == []
    again = await App.set_up(client, clock)
    assert (await sign_in(client, app_of.recovery_codes[0])).status_code == 401
    assert (await sign_in(client, again.recovery_codes[0])).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/totp"),
        ("POST", "/api/totp/confirm"),
        ("DELETE", "/api/totp"),
        ("POST", "/api/recovery-codes"),
    ],
)
async def test_whatever_changes_a_factor_wants_a_fresh_session(
    client: Client, clock: Clock, method: str, path: str
) -> None:
    await client.signed_in()
    await client.post("/api/totp")
    clock.turn(601)
    response = await client.request(method, path, json={"code": "000000"})
    assert response.status_code == 403
    assert "/api/confirm" in response.text


async def test_a_new_password_makes_a_session_no_fresher_than_its_second_factor(
    client: Client, app_of: App, clock: Clock
) -> None:
    clock.turn(601)
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert (await client.post("/api/password", json=body)).status_code == 204
    assert (await client.delete("/api/totp")).status_code == 403
    assert (await confirm(client, app_of.code())).status_code == 204
    assert (await client.delete("/api/totp")).status_code == 204


async def test_a_reset_does_not_get_round_the_second_factor(
    client: Client, app_of: App, new_link: NewLink
) -> None:
    assert (await reset(client, await new_link())).status_code == 204
    assert (await sign_in(client, password=NEW_PASSWORD)).status_code == 401
    assert (await sign_in(client, app_of.code(), password=NEW_PASSWORD)).status_code == 200


async def test_an_operator_takes_the_factors_away(
    client: Client, services: Services, app_of: App
) -> None:
    await services.factors.reset(ALICE)
    assert not await client.is_signed_in()
    assert await services.database.fetch_all(select(RecoveryCode.key)) == []
    assert (await sign_in(client)).status_code == 200


async def test_a_deleted_account_takes_its_factors_along(
    client: Client, services: Services, app_of: App
) -> None:
    await services.users.delete(ALICE)
    for table in (TotpSecret, RecoveryCode):
        assert await services.database.fetch_all(select(table.user_id)) == []
    await client.signed_in()
    assert (await sign_in(client)).status_code == 200


async def test_the_secret_is_encrypted_for_its_user(
    client: Client, other: Client, services: Services, app_of: App, clock: Clock
) -> None:
    await App.set_up(await other.signed_in(BOB), clock)
    stored = select(TotpSecret.encrypted).order_by(TotpSecret.user_id)
    of_alice = (await services.database.fetch_all(stored))[0].encrypted
    assert app_of.secret.encode() not in of_alice
    # Somebody who can write the table puts their own secret into another row.
    await services.database.execute(update(TotpSecret).values(encrypted=of_alice))
    clock.turn(STEP)
    assert (await sign_in(client, app_of.code(), name=BOB)).status_code == 401
    assert (await sign_in(client, app_of.code(), name=ALICE)).status_code == 200


async def test_a_code_moves_the_secret_to_the_newest_key(
    client: Client, start: Start, app_of: App, clock: Clock
) -> None:
    rotated = Client(await start(secret_keys=f"{OLD_KEY},{KEY}"))
    assert (await sign_in(rotated, app_of.code())).status_code == 200
    clock.turn(STEP)
    later = Client(await start(secret_keys=OLD_KEY))
    assert (await sign_in(later, app_of.code())).status_code == 200
    # Without it, only a recovery code helps.
    assert (await sign_in(client, app_of.code(1))).status_code == 401
    assert (await sign_in(client, app_of.recovery_codes[0])).status_code == 200


async def test_a_clock_that_was_ahead_once_locks_nobody_out(
    client: Client, app_of: App, clock: Clock
) -> None:
    clock.turn(365 * 24 * 3600)
    assert (await sign_in(client, app_of.code())).status_code == 200
    clock.turn(-365 * 24 * 3600)
    assert (await sign_in(client, app_of.code())).status_code == 200
    assert (await sign_in(client, app_of.code())).status_code == 401


async def test_two_at_once_who_turn_it_on_leave_one_set_of_recovery_codes(
    client: Client, services: Services, clock: Clock
) -> None:
    await client.signed_in()
    app = App((await client.post("/api/totp")).json()["secret"], clock, [])
    answers = await asyncio.gather(
        *(client.post("/api/totp/confirm", json={"code": app.code(step)}) for step in (0, 1))
    )
    assert sum(each.is_success for each in answers) == 1
    assert len(await services.database.fetch_all(select(RecoveryCode.key))) == 10
