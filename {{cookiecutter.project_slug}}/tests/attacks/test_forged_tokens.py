"""Somebody makes a token of their own, or writes a real one otherwise."""

import hashlib
import string
from collections.abc import Callable
from typing import Any

import pytest
from itsdangerous import Signer, TimestampSigner, URLSafeTimedSerializer

from app.sessions.token import SALT, SessionTokens
from tests.client import COOKIE, Client
#{% if cookiecutter.session_backend == "memory" %}
from tests.conftest import KEY
#{% else %}
from tests.conftest import KEY, Start
#{% endif %}
from tests.test_token import OLD_KEY, issue


def test_any_other_character_anywhere_spoils_it() -> None:
    tokens = SessionTokens([KEY])
    token = issue(KEY)
    alphabet = string.ascii_letters + string.digits + "-_=+/. "
    for place in range(len(token)):
        for character in alphabet.replace(token[place], ""):
            changed = token[:place] + character + token[place + 1 :]
            assert tokens.read(changed) is None, changed


@pytest.mark.parametrize(
    "change",
    [
        lambda token: "",
        lambda token: ".",
        lambda token: token[:-1],
        lambda token: token[1:],
        lambda token: token + "=",
        lambda token: token + "A",
        lambda token: token + "\n",
        lambda token: token + token,
        lambda token: token.replace(".", ""),
        lambda token: ".".join(reversed(token.split("."))),
        lambda token: token.swapcase(),
        lambda token: "é" * 43 + "." + "ü" * 43,
        lambda token: "A" * 65_536,
    ],
)
def test_cut_doubled_and_reordered_ones_are_none(change: Callable[[str], str]) -> None:
    assert SessionTokens([KEY]).read(change(issue(KEY))) is None


def test_what_the_same_key_signed_for_another_purpose_is_none() -> None:
    text = issue(KEY).rpartition(".")[0]
    sha256: Any = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    foreign = [
        Signer(KEY).sign(text).decode(),
        Signer(KEY, salt=SALT).sign(text).decode(),
        Signer(KEY, salt=b"app.other", **sha256).sign(text).decode(),
        TimestampSigner(KEY, salt=SALT, **sha256).sign(text).decode(),
        str(URLSafeTimedSerializer(KEY, salt=SALT, signer_kwargs=sha256).dumps(text)),
    ]
    for token in foreign:
        assert SessionTokens([KEY]).read(token) is None
    assert SessionTokens([KEY]).read(Signer(KEY, salt=SALT, **sha256).sign(text).decode())


async def test_a_bad_signature_costs_the_database_nothing(
    client: Client, statements: list[str]
) -> None:
    forged = issue(OLD_KEY)
    for header in (f"{COOKIE}={forged}", f"{COOKIE}=", f"{COOKIE}={'A' * 4000}"):
        assert (await client.send_cookie(header)).status_code == 401
    assert statements == []


async def test_one_that_we_signed_but_do_not_know_creates_nothing(
    client: Client, statements: list[str]
) -> None:
    assert not await client.opens(issue(KEY))
    assert [each for each in statements if not each.startswith("SELECT")] == []


@pytest.mark.parametrize(
    "value", ["", "x", "A" * 65_536, "\xff" * 100, "{}", "null", "%00", "." * 4000], ids=ascii
)
async def test_malformed_is_the_same_as_nothing(
    client: Client, statements: list[str], value: str
) -> None:
    for path in ("/api/me", "/api/session", "/api/session/data"):
        response = await client.send_cookie(f"{COOKIE}={value}", path)
        assert response.status_code == 401
        assert response.json() == {"detail": "Sign in first."}
    assert statements == []
#{% if cookiecutter.session_backend != "memory" %}


async def test_a_key_that_was_removed_opens_nothing_any_more(start: Start) -> None:
    before = await Client(await start(secret_keys=OLD_KEY)).signed_in()
    rotated = Client(await start(secret_keys=f"{KEY},{OLD_KEY}"))
    assert await rotated.opens(before.token)
    await rotated.sign_in()
    removed = Client(await start(secret_keys=KEY))
    assert not await removed.opens(before.token)
    assert await removed.opens(rotated.token)
#{% endif %}
