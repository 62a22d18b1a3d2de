"""Notices: what happens to a second factor is told to its owner by mail."""

import pytest

from app.services import Services
from tests.authenticator_app import App, sign_in
from tests.client import Client
from tests.conftest import Clock
from tests.mail import mails
from tests.people import ALICE
from tests.test_notices import CAUSE, FIREFOX, subjects


@pytest.fixture(autouse=True)
def firefox(client: Client) -> None:
    client.headers["user-agent"] = FIREFOX


async def test_a_factor_that_is_added_or_removed_is_told(client: Client, clock: Clock) -> None:
    await client.signed_in()
    await client.post("/api/totp")
    assert await mails(client.app) == []
    await App.set_up(client, clock)
    [mail] = await mails(client.app)
    assert (mail.to, mail.subject) == (ALICE, "Your account has a new second factor")
    assert "an authenticator app" in mail.text
    assert CAUSE in mail.text
    await client.delete("/api/totp")
    mail = (await mails(client.app))[0]
    assert (mail.to, mail.subject) == (ALICE, "A second factor of your account was removed")
    assert "\nhttp://localhost:8000/forgot\n" in mail.text


async def test_a_recovery_code_that_is_used_is_told(client: Client, clock: Clock) -> None:
    app = await App.set_up(await client.signed_in(), clock)
    await sign_in(client, "aaaa-bbbb-cccc-dddd-eeee-ffff")
    await sign_in(client, app.code())
    told = await subjects(client)
    assert "A recovery code of your account was used" not in told
    await sign_in(client, app.recovery_codes[0])
    mail = (await mails(client.app, ALICE))[0]
    assert mail.subject == "A recovery code of your account was used"
    assert "using Firefox on Linux" in mail.text
    assert app.recovery_codes[0] not in mail.text


async def test_new_recovery_codes_are_told(client: Client, clock: Clock) -> None:
    await App.set_up(await client.signed_in(), clock)
    codes = (await client.post("/api/recovery-codes")).json()["recovery_codes"]
    mail = (await mails(client.app, ALICE))[0]
    assert mail.subject == "Your account has new recovery codes"
    assert CAUSE.partition(" on 15")[0] in mail.text
    assert not any(code in mail.text for code in codes)


async def test_factors_that_an_operator_took_away_are_told(
    client: Client, services: Services, clock: Clock
) -> None:
    await App.set_up(await client.signed_in(), clock)
    await services.factors.reset(ALICE)
    mail = (await mails(client.app, ALICE))[0]
    assert mail.subject == "The second factors of your account were removed"
    assert "An operator" in mail.text
    assert "Unknown browser" not in mail.text
