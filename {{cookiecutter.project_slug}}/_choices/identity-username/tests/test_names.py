"""User names: each has one spelling, and belongs to one person."""

import asyncio

import pytest

from tests.cli import Run, create
from tests.client import PASSWORD, Client
from tests.people import ALICE, FIELD, SPELLINGS


async def test_a_registration_returns_the_account(client: Client) -> None:
    response = await client.register("Alice")
    assert response.json() == {"id": 1, FIELD: ALICE, "role": "user"}


async def test_a_taken_name_is_refused_however_it_is_spelled(client: Client) -> None:
    await client.register(ALICE)
    for look_alike in (ALICE, *SPELLINGS):
        response = await client.register(look_alike)
        assert response.status_code == 409, look_alike
        assert response.json() == {"detail": "That user name is taken."}


async def test_a_taken_name_costs_no_hash(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    await client.register(ALICE)
    monkeypatch.setattr("app.users.passwords._CONTEXT.hash", None)
    assert (await client.register(ALICE)).status_code == 409


async def test_a_user_name_is_registered_once_however_many_ask_at_once(client: Client) -> None:
    spellings = [ALICE, *SPELLINGS]
    responses = await asyncio.gather(*(Client(client.app).register(name) for name in spellings))
    assert sorted(each.status_code for each in responses) == [201, 409, 409, 409, 409]


async def test_a_name_with_more_spaces_is_the_same_name(client: Client) -> None:
    await client.register("bob smith")
    for spaces in ("  ", "   ", "\u00a0", " \u2003\u3000"):
        assert (await client.register(f"bob{spaces}smith")).status_code == 409
        assert (await client.sign_in(f" bob{spaces}smith")).status_code == 200


async def test_a_name_with_invisible_characters_is_refused(client: Client) -> None:
    names = ["", "   ", "a" * 65, "a\nb", "a\u200bb", "a\x00b", "a\ufe0f", "a\u034f", "a\u3164"]
    names += ["a\u115f", "a\u180b", "\u2800", "a\U000e0100"]
    for name in names:
        assert (await client.register(name)).status_code == 422, ascii(name)
        assert (await client.sign_in(name)).status_code == 422, ascii(name)


@pytest.mark.parametrize("name", ["\u200b", "b\x1b[1mob"])
def test_an_operator_is_told_what_is_wrong_with_a_name(run: Run, name: str) -> None:
    create(run, ALICE)
    for arguments in (("create-user", name, "--password-stdin"), ("end-sessions", name)):
        status, out, error = run(*arguments, typed=PASSWORD)
        assert (status, out) == (1, "")
        assert error == "A user name can only have visible characters.\n"
