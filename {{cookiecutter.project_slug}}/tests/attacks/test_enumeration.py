"""Somebody wants to know which names have an account."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from passlib.hash import argon2

from tests.client import Client
from tests.conftest import Start

WRONG = "not the right password"


@pytest.fixture
def cheap_hashes() -> None:
    """Hash here as in production."""


async def test_wrong_name_wrong_password_and_closed_account_get_the_same_answer(
    start: Start,
) -> None:
    app = await start()
    client = Client(app)
    await client.register("alice")
    await client.register("mallory")
    await app.state.services.users.disable("mallory")
    answers = [
        await client.sign_in("nobody"),
        await client.sign_in("alice", "not the right password"),
        await client.sign_in("mallory"),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert len({str(answer.headers) for answer in answers}) == 1
    assert answers[0].headers["www-authenticate"].startswith("Cookie ")


async def test_a_name_that_does_not_exist_is_throttled_alike(client: Client) -> None:
    await client.register("alice")
    answers = []
    for name in ("alice", "nobody"):
        for _ in range(5):
            await client.sign_in(name, WRONG)
        answers.append(await client.sign_in(name, WRONG))
    assert answers[0].status_code == answers[1].status_code == 429
    assert answers[0].content == answers[1].content
    assert str(answers[0].headers) == str(answers[1].headers)


async def test_every_kind_of_failure_costs_one_hash_alike_off_the_event_loop(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(await start())
    await client.register("alice")
    await client.register("mallory")
    await client.app.state.services.users.disable("mallory")
    hashes = note_hashes(monkeypatch)
    for name in ("nobody", "alice", "mallory"):
        hashes.clear()
        await client.sign_in(name, WRONG)
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
