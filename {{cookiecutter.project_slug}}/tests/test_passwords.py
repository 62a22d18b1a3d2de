"""Which passwords are accepted, and how they are stored."""

import asyncio
import threading
import time
from contextlib import suppress

import pytest
from passlib.context import CryptContext
from passlib.hash import argon2
from sqlalchemy import select, update

from app.models import User
from app.users.errors import PasswordRejected
from app.users.passwords import Passwords
from tests.client import PASSWORD, Client
from tests.people import ALICE, MALLORY, REGISTERED, name_of

LONGEST = "the longest that will do " * 5 + "..."


@pytest.fixture
def cheap_hashes() -> None:
    """Hash here as in production."""


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords(min_length=15, app_name="My App", threads=1)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("x7#Kq!vZ2p@Lm9", "at least 15"),
        ("x7#Kq!vZ2p@Lme\u0301", "at least 15"),  # 15 characters as typed, 14 in NFC
        (LONGEST + ".", "at most 128"),
        ("correct horse\0battery staple", "NUL"),
        ("my name is Alice, really", "your own name"),
        ("I use MY APP every day", "the name of this app"),
        ("passwordpassword", "easy to guess"),
        ("P@ssw0rdP@ssw0rd", "easy to guess"),
        ("123456789012345", "easy to guess"),
        ("qwertyuiopasdfgh", "easy to guess"),
        ("aaaaaaaaaaaaaaaa", "easy to guess"),
        ("1q2w3e4r5t6y7u8i", "easy to guess"),
        ("Summer2025Summer2025", "easy to guess"),
        ("Summer_2025_summer_2026", "easy to guess"),
        ("Welcome123Welcome123", "easy to guess"),
        ("Summer20252025Summer", "easy to guess"),
        ("Summer25Summer26Summer27", "easy to guess"),
        ("welcome1 welcome2 welcome3", "easy to guess"),
        ("Password2026Welcome", "easy to guess"),
        ("Welcome01.01.2026", "easy to guess"),
        ("2026-12-31 Welcome", "easy to guess"),
        ("password 28/11/26", "easy to guess"),
        ("password 28. 11. 2026", "easy to guess"),
        ("password 281126 !!", "easy to guess"),
        ("28.11.26 Welcome", "easy to guess"),
        ("p a s s w o r d 1 2 3", "easy to guess"),
        ("S.u.m.m.e.r.2025", "easy to guess"),
        ("p*a*s*s*w*o*r*d*1", "easy to guess"),
        ("Welcome 28|11|2026", "easy to guess"),
        ("mypassword2026!!!", "easy to guess"),
        ("password.password.password!", "easy to guess"),
        ("aaabbbcccdddeeefff", "easy to guess"),
        ("...---...---...---", "easy to guess"),
        ("Password100Password200", "easy to guess"),
        ("Welcome#123Welcome#456", "easy to guess"),
        ("Summer'25Summer'26", "easy to guess"),
        ("Summer 2025a Summer 2025b", "easy to guess"),
        ("SummerA1SummerB2", "easy to guess"),
        ("iloveyou3000iloveyou", "easy to guess"),
        ("MyApp2026MyApp2027!", "the name of this app"),
        ("M.y.A.p.p.2026.yes", "the name of this app"),
        ("1999 2001 2025 2026", "easy to guess"),
        ("\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44" * 2, "easy to guess"),
        ("my name is \uff41\uff4c\uff49\uff43\uff45, really", "your own name"),
    ],
)
async def test_passwords_that_are_too_short_too_long_or_obvious_are_refused(
    passwords: Passwords, password: str, reason: str
) -> None:
    with pytest.raises(PasswordRejected, match=reason):
        await passwords.check(password, ALICE)


@pytest.mark.parametrize(
    "password",
    [
        "lowercase only!",
        "no digits and no capitals",
        LONGEST,
        "лошадь скрепка батарея",
        "the rain of 1984 fell in 2025",
        "on 24.12.1999 it rained frogs",
        "k7k!9Kq2v#Zp4m@L",
        "ha ha ha, said the walrus",
        "  fifteen spaces",
        "b 7 k Q w # 2 v Z p",
        "🗝️🐎🔋📎🧀🚲☂️🪐🎻🌵🦉🧭🪁🍋🥁",
    ],
)
async def test_a_password_may_have_any_characters(passwords: Passwords, password: str) -> None:
    await passwords.check(password, ALICE)


async def test_a_common_password_is_refused_with_the_reason(client: Client) -> None:
    response = await client.register(password="qwertyqwertyqwerty")
    assert response.status_code == 422
    assert "easy to guess" in response.text


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("anna maria", "anna-maria-1987-xyz"),
        ("anna maria", "x.AnnaMaria.x.1987"),
        ("Anna.Maria", "1987 a n n a m a r i a"),
        ("annamaria", "Joanna Mariam 1987"),
        ("ana", "ana is my name yes"),
        ("ana", "thisIsAna'sPassword"),
        ("ana", "my name is A. N. A. 1987"),
        ("\uff22\uff4f\uff42", "uncle bob's old boat"),
        ("жюль", "дядя Жюль купил лодку"),
        ("राहुल", "मेरानामराहुलहैभाई"),
        ("ณัฐวุฒิ", "ผมชื่อณัฐวุฒิครับนะจ๊ะ"),
        ("İsmail", "BenİsmailKaya1987"),
        ("annamaria", "a1n2n3a4 maria 1987"),
    ],
)
async def test_a_name_is_not_part_of_a_password_however_it_is_written(
    passwords: Passwords, name: str, password: str
) -> None:
    with pytest.raises(PasswordRejected, match="Leave out your own name"):
        await passwords.check(password, name_of(name))
    of_the_app = Passwords(min_length=15, app_name=name, threads=1)
    with pytest.raises(PasswordRejected, match="the name of this app"):
        await of_the_app.check(password, name_of("zoe"))


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("an", "correct horse battery staple"),
        ("ana", "soda can applause kitten"),
        ("andrew", "cats and rewards forever"),
        ("...", "correct... horse... battery"),
    ],
)
async def test_a_password_that_holds_a_name_by_accident_is_accepted(
    passwords: Passwords, name: str, password: str
) -> None:
    await passwords.check(password, name_of(name))


async def seconds_of(passwords: Passwords, password: str, name: str) -> list[float]:
    """Return how long it takes to check a password, three times."""
    taken = []
    for _ in range(3):
        began = time.process_time()
        with suppress(PasswordRejected):
            await passwords.check(password, name_of(name))
        taken.append(time.process_time() - began)
    return taken


async def test_characters_that_stand_for_many_make_no_password_slow_to_rate(
    passwords: Passwords,
) -> None:
    """While one is rated, the process does little else. Some become eighteen by NFKC."""
    plain = "".join(map(chr, range(0x4E00, 0x4E80)))
    many = "".join(f"\ufdfa{chr(0x3300 + number)}" for number in range(64))
    taken = await seconds_of(passwords, many, "alice")
    assert min(taken) < 5 * max(await seconds_of(passwords, plain, "alice"))


async def test_no_name_takes_long_to_look_for_in_a_password(passwords: Passwords) -> None:
    """Meanwhile the process does nothing else, and whoever registers chooses both."""
    letters = await seconds_of(passwords, "a" * 126 + "11", "aaaab")
    for name in ("11112", "1a1a1", "11aa2"):
        for password in ("1" * 126 + "ab", "1a" * 64, "1 " * 63 + "ab"):
            assert min(await seconds_of(passwords, password, name)) < 100 * max(letters)


@pytest.mark.parametrize(
    ("slow", "result"),
    [
        ("zxcvbn.zxcvbn", {"score": 4}),
        ("app.users.passwords._CONTEXT.hash", "a hash of the password"),
    ],
)
async def test_a_new_password_keeps_nobody_from_signing_in(
    client: Client, other: Client, monkeypatch: pytest.MonkeyPatch, slow: str, result: object
) -> None:
    """Some passwords take long to rate, and many may be registering."""
    await client.register(ALICE)
    # The first of all makes the hash that unknown names are compared with.
    await client.sign_in(ALICE)
    began, finish = threading.Event(), threading.Event()

    def take_long(_: str) -> object:
        began.set()
        finish.wait()
        return result

    monkeypatch.setattr(slow, take_long)
    registering = asyncio.ensure_future(other.register(MALLORY))
    assert await asyncio.to_thread(began.wait, 10)
    try:
        response = await asyncio.wait_for(client.sign_in(ALICE), timeout=10)
    finally:
        finish.set()
    assert response.status_code == 200
    assert (await registering).status_code == REGISTERED


async def test_no_more_passwords_are_hashed_at_once_than_configured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_once = 0
    most = 0

    def hash_slowly(_: str, __: str) -> tuple[bool, None]:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        barrier.wait()
        at_once -= 1
        return False, None

    # Two at a time meet here; one that is alone would wait for ever.
    barrier = threading.Barrier(2, timeout=10)
    passwords = Passwords(min_length=15, app_name="", threads=2)
    monkeypatch.setattr("app.users.passwords._CONTEXT.verify_and_update", hash_slowly)
    await asyncio.gather(*(passwords.verify(PASSWORD, "") for _ in range(8)))
    assert most == 2


async def test_a_hash_that_nobody_waits_for_any_more_still_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began, finish = threading.Event(), threading.Event()

    def hash_slowly(_: str, __: str) -> tuple[bool, None]:
        began.set()
        finish.wait()
        return False, None

    passwords = Passwords(min_length=15, app_name="", threads=1)
    monkeypatch.setattr("app.users.passwords._CONTEXT.verify_and_update", hash_slowly)
    try:
        checking = asyncio.create_task(passwords.verify(PASSWORD, ""))
        assert await asyncio.to_thread(began.wait, 60)
        checking.cancel()
        await asyncio.wait({checking})
        # The thread goes on.
        assert passwords._limiter.available_tokens == 0
    finally:
        finish.set()


async def test_passwords_are_hashed_with_argon2id_of_the_recommended_strength(
    passwords: Passwords,
) -> None:
    parsed = argon2.from_string(await passwords.hash(PASSWORD, ALICE))
    assert parsed.type == "id"
    assert (parsed.memory_cost, parsed.rounds, parsed.parallelism) == (19_456, 2, 1)


async def test_a_password_typed_in_another_normal_form_is_the_same(passwords: Passwords) -> None:
    hashed = await passwords.hash("two caf\u00e9s on the corner", ALICE)
    assert (await passwords.verify("two cafe\u0301s on the corner", hashed))[0]
    assert not (await passwords.verify("two cafes on the corner", hashed))[0]


async def test_no_part_of_a_password_is_cut_off(passwords: Passwords) -> None:
    hashed = await passwords.hash(LONGEST, ALICE)
    assert (await passwords.verify(LONGEST, hashed))[0]
    assert not (await passwords.verify(LONGEST[:-1], hashed))[0]
    assert not (await passwords.verify(LONGEST[:-1] + "x", hashed))[0]


async def test_a_weak_hash_is_replaced_at_sign_in(client: Client) -> None:
    await client.register()
    database = client.app.state.services.database
    weak = CryptContext(["argon2"], argon2__memory_cost=1024, argon2__rounds=1).hash(PASSWORD)
    assert await database.execute(update(User).values(password_hash=weak)) == 1
    assert (await client.sign_in()).status_code == 200
    row = await database.fetch_one(select(User.password_hash))
    assert "m=19456,t=2,p=1" in row.password_hash
    assert await client.is_signed_in()
    assert (await client.sign_in()).status_code == 200
