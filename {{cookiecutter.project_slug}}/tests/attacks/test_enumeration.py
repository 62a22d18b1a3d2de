"""An attacker wants to know which user names have an account."""

import threading
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from passlib.hash import argon2

from app.users import passwords
from tests.attacks.stories import Target, story
from tests.client import Client
from tests.conftest import Start
from tests.people import ALICE, BOB, MALLORY

WRONG = "not the right password"
# Headers that the app's own code writes, and could tell one cause from another by.
TELLING = (
    "cache-control",
    "content-length",
    "content-type",
    "location",
    "retry-after",
    "set-cookie",
    "vary",
    "www-authenticate",
)
STRONG = passwords._CONTEXT


@pytest.fixture
def strong_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash as in production."""
    monkeypatch.setattr(passwords, "_CONTEXT", STRONG)


def telling(response: httpx2.Response) -> tuple[str | None, ...]:
    return tuple(response.headers.get(name) for name in TELLING)


async def disabled_account(client: Client, name: str) -> None:
    await client.register(name)
    await client.app.state.services.users.disable(name)


@story("account enumeration by sign-in", promise=39)
async def test_wrong_name_wrong_password_and_disabled_account_get_the_same_response(
    target: Target,
) -> None:
    """Compare the answers to a wrong name, a wrong password and, in tests, a closed account."""
    await target.signed_in(target.alice)
    client = target.browser()
    responses = [
        await client.sign_in(target.nobody),
        await client.sign_in(target.alice, WRONG),
        *[await client.sign_in(name) for name in await target.disabled()],
    ]
    for response in responses:
        target.expect(response, 401)
    target.hold(len({each.content for each in responses}) == 1, "the bodies are the same")
    target.hold(len({telling(each) for each in responses}) == 1, "so are the headers")
    challenge = f'Cookie cookie-name="{client.cookie_name}"'
    assert responses[0].headers["www-authenticate"] == challenge


async def test_unknown_names_are_rate_limited_alike(client: Client) -> None:
    await client.register(ALICE)
    responses = []
    for name in (ALICE, BOB):
        for _ in range(5):
            await client.sign_in(name, WRONG)
        responses.append(await client.sign_in(name, WRONG))
    assert responses[0].status_code == responses[1].status_code == 429
    assert responses[0].content == responses[1].content
    assert telling(responses[0]) == telling(responses[1])


@pytest.mark.usefixtures("strong_hashes")
async def test_every_failed_sign_in_costs_one_hash_off_the_event_loop(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(await start())
    await client.register(ALICE)
    await disabled_account(client, MALLORY)
    hashes = note_hashes(monkeypatch)
    for name in (BOB, ALICE, MALLORY):
        hashes.clear()
        assert (await client.sign_in(name, WRONG)).status_code == 401
        [(thread, strength)] = hashes
        assert thread is not threading.main_thread()
        assert strength == "m=19456,t=2,p=1"


def note_hashes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[threading.Thread, str]]:
    """Note of each verification the thread that it runs in, and the strength of the hash."""
    noted: list[tuple[threading.Thread, str]] = []
    original: Callable[..., Any] = argon2.verify

    def verify(secret: str, hashed: str, **options: Any) -> Any:
        noted.append((threading.current_thread(), str(hashed).split("$")[3]))
        return original(secret, hashed, **options)

    monkeypatch.setattr(argon2, "verify", verify)
    return noted
