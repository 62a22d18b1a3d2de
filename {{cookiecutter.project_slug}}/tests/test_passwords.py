"""Which passwords will do, and how they are kept."""

import asyncio
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from passlib.context import CryptContext
from passlib.hash import argon2

from app.accounts.errors import PasswordRefused
from app.accounts.passwords import _THREADS, Passwords
from app.models import User
from tests.browser import PASSWORD, Browser
from tests.conftest import Start


@pytest.fixture
def cheap_hashes() -> None:
    """Hash here as in production."""


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords(min_length=15, app_name="My App")


@pytest.mark.parametrize(
    "password",
    [
        "a" * 14,
        "a" * 129,
        "e\u0301" * 8,  # 16 characters as typed, 8 in NFC
        "my name is alice, really",
        "I use MY APP every day",
        "nul\0nul\0nul\0nul\0nul\0",
    ],
)
def test_too_short_too_long_and_obvious_ones_are_refused(
    passwords: Passwords, password: str
) -> None:
    with pytest.raises(PasswordRefused):
        passwords.check(password, "alice")


@pytest.mark.parametrize(
    "password", ["a" * 15, "a" * 128, "пароль пароль пароль", "  fifteen spaces", "🗝️" * 15]
)
def test_any_characters_will_do(passwords: Passwords, password: str) -> None:
    passwords.check(password, "alice")


def test_a_short_name_may_be_part_of_a_word(passwords: Passwords) -> None:
    passwords.check("correct horse battery staple", "an")


async def test_hashing_leaves_a_core_to_everybody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= _THREADS < max(2, os.cpu_count() or 1)
    monkeypatch.setattr("app.accounts.passwords._THREADS", 2)
    at_once = 0
    most = 0

    def hash_slowly(_: str) -> str:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        barrier.wait()
        at_once -= 1
        return ""

    # Two at a time meet here; a third one would never find its partner.
    barrier = threading.Barrier(2)
    passwords = Passwords(min_length=15, app_name="")
    monkeypatch.setattr("app.accounts.passwords._CONTEXT.hash", hash_slowly)
    await asyncio.gather(*(passwords.hash(PASSWORD) for _ in range(8)))
    assert most == 2


async def test_they_are_kept_as_argon2id_of_the_recommended_strength(
    passwords: Passwords,
) -> None:
    parsed = argon2.from_string(await passwords.hash(PASSWORD))
    assert parsed.type == "id"
    assert (parsed.memory_cost, parsed.rounds, parsed.parallelism) == (19_456, 2, 1)


async def test_one_typed_in_another_normal_form_is_the_same(passwords: Passwords) -> None:
    kept = await passwords.hash("caf\u00e9 caf\u00e9 caf\u00e9")
    assert (await passwords.verify("cafe\u0301 cafe\u0301 cafe\u0301", kept))[0]


async def test_nothing_is_cut_off(passwords: Passwords) -> None:
    kept = await passwords.hash("a" * 127 + "b")
    assert not (await passwords.verify("a" * 127, kept))[0]
    assert not (await passwords.verify("a" * 127 + "c", kept))[0]


async def test_a_weaker_hash_is_renewed_at_sign_in(browser: Browser) -> None:
    await browser.register()
    services = browser.app.state.services
    weak = CryptContext(["argon2"], argon2__memory_cost=1024, argon2__rounds=1).hash(PASSWORD)
    async with services.database.transaction() as work:
        user = await work.get_one(User, 1)
        user.password_hash = weak
    assert (await browser.sign_in()).status_code == 200
    async with services.database.transaction() as work:
        renewed = (await work.get_one(User, 1)).password_hash
    assert "m=19456,t=2,p=1" in renewed
    assert await browser.is_signed_in()
    assert (await browser.sign_in()).status_code == 200


async def test_every_kind_of_failure_costs_one_hash_alike_off_the_event_loop(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(await start())
    await browser.register("alice")
    await browser.register("mallory")
    await browser.app.state.services.accounts.disable("mallory")
    hashes = note_hashes(monkeypatch)
    for name in ("nobody", "alice", "mallory"):
        hashes.clear()
        await browser.sign_in(name, "not the right password")
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
