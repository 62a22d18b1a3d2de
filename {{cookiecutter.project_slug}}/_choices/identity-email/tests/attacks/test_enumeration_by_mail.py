"""An attacker asks for mail, and wants to know from the responses who has an account."""

import re
from typing import Any

import httpx2
import pytest

from app.users import passwords
from tests.attacks.stories import Target, story
from tests.attacks.test_enumeration import telling
from tests.client import PASSWORD, Browser, Client
from tests.mail import mails
from tests.people import ALICE, BOB, CAROL, name_of

DISABLED = CAROL
PENDING = name_of("pending")
PATHS = ("register", "password/forgot", "email/verify/resend")


@pytest.fixture
async def known(client: Client) -> Client:
    """Return a client of an app where three addresses are known, each for another reason."""
    for name in (ALICE, DISABLED):
        await client.app.state.services.users.register(name, PASSWORD)
    await client.app.state.services.users.disable(DISABLED)
    await client.post("/api/register", json={"email": PENDING, "password": PASSWORD})
    return client


async def ask(client: Browser, path: str, email: str) -> httpx2.Response:
    return await client.post(f"/api/{path}", json={"email": email, "password": PASSWORD})


@story("account enumeration by mail", promise=65)
async def test_known_and_unknown_addresses_get_the_same_response(target: Target) -> None:
    """Ask for links and an account with addresses that are known here, and that are not."""
    client, pending = target.browser(), target.newcomer()
    await target.signed_in(target.alice)
    await ask(client, "register", pending)
    names = (target.alice, pending, *await target.disabled(), target.nobody)
    for path in reversed(PATHS):
        responses = [await ask(client, path, name) for name in names]
        for response in responses:
            target.expect(response, 202)
        told = {(each.content, telling(each), tuple(each.headers)) for each in responses}
        target.hold(len(told) == 1, "the answers are the same")


@pytest.mark.parametrize("path", PATHS)
async def test_known_and_unknown_addresses_cost_the_same(
    known: Client, path: str, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = []
    original = passwords._CONTEXT.hash

    def note(secret: str) -> Any:
        hashes.append(secret)
        return original(secret)

    monkeypatch.setattr("app.users.passwords._CONTEXT.hash", note)
    # Of the pending one, a mail has been counted already.
    await ask(known, "password/forgot", ALICE)
    for email in (BOB, DISABLED):
        await ask(known, path, email)
    hashes.clear()
    costs = set()
    for email in (ALICE, BOB, DISABLED, PENDING):
        statements.clear()
        hashes.clear()
        await ask(known, path, email)
        # What a statement does, and to which table.
        kinds = [re.findall(r"^\s*(\w+)|(?:INTO|FROM) (\w+)", each) for each in statements]
        costs.add((len(hashes), len(statements), str(kinds)))
    [(hashed, sent, _)] = costs
    assert hashed == (path == "register")
    assert sent > 3


@pytest.mark.parametrize("path", PATHS)
async def test_every_address_gets_one_mail_whoever_it_is(known: Client, path: str) -> None:
    for email in (ALICE, BOB, DISABLED, PENDING):
        before = len(await mails(known.app, email))
        await ask(known, path, email)
        assert len(await mails(known.app, email)) == before + 1


@pytest.mark.parametrize("path", PATHS)
async def test_known_and_unknown_addresses_are_limited_alike(known: Client, path: str) -> None:
    refused = []
    for email in (ALICE, BOB):
        answers = [await ask(known, path, email) for _ in range(6)]
        assert [each.status_code for each in answers] == [202] * 5 + [429]
        refused.append(answers[-1])
    assert refused[0].content == refused[1].content
    assert telling(refused[0]) == telling(refused[1])


async def test_a_registration_that_nobody_confirmed_is_no_account_to_a_sign_in(
    known: Client,
) -> None:
    responses = [await known.sign_in(email) for email in (PENDING, BOB, DISABLED)]
    assert {response.status_code for response in responses} == {401}
    assert len({response.content for response in responses}) == 1
    assert len({telling(response) for response in responses}) == 1
