"""An attacker makes a token of their own, or spells a real one differently."""

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
from tests.test_token import OLD_KEY, generate

TOKENS = SessionTokens([KEY])


def test_a_token_with_any_other_character_is_invalid() -> None:
    token = generate(KEY)
    assert TOKENS.verify(token)
    # What may stand in a token, and some of what may not.
    alphabet = string.ascii_letters + string.digits + "-_=+/. "
    for place in range(len(token)):
        for character in alphabet.replace(token[place], ""):
            changed = token[:place] + character + token[place + 1 :]
            assert TOKENS.verify(changed) is None, changed


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
def test_a_cut_doubled_or_reordered_token_is_invalid(change: Callable[[str], str]) -> None:
    assert TOKENS.verify(change(generate(KEY))) is None


def test_what_the_same_key_signed_for_another_purpose_is_invalid() -> None:
    text = generate(KEY).rpartition(".")[0]
    sha256: Any = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    foreign = [
        Signer(KEY).sign(text).decode(),
        Signer(KEY, salt=SALT).sign(text).decode(),
        Signer(KEY, salt=b"app.other", **sha256).sign(text).decode(),
        TimestampSigner(KEY, salt=SALT, **sha256).sign(text).decode(),
        str(URLSafeTimedSerializer(KEY, salt=SALT, signer_kwargs=sha256).dumps(text)),
    ]
    for token in foreign:
        assert TOKENS.verify(token) is None
    assert TOKENS.verify(Signer(KEY, salt=SALT, **sha256).sign(text).decode())


async def test_a_bad_signature_costs_the_database_nothing(
    client: Client, statements: list[str]
) -> None:
    forged = generate(OLD_KEY)
    for header in (f"{COOKIE}={forged}", f"{COOKIE}=", f"{COOKIE}={'A' * 4000}"):
        assert (await client.send_cookie(header)).status_code == 401
    assert statements == []


async def test_a_signed_but_unknown_token_creates_nothing(
    client: Client, statements: list[str]
) -> None:
    assert not await client.opens(generate(KEY))
    assert [each for each in statements if not each.startswith("SELECT")] == []


async def test_a_malformed_token_is_the_same_as_none(client: Client, statements: list[str]) -> None:
    for value in ("", "x", "A" * 65_536, "\xff" * 100, "{}", "null", "%00", "." * 4000):
        for path in ("/api/me", "/api/session", "/test/values"):
            response = await client.send_cookie(f"{COOKIE}={value}", path)
            assert response.status_code == 401, ascii(value)
            assert response.json() == {"detail": "Sign in first."}
    assert statements == []
#{% if cookiecutter.session_backend != "memory" %}


async def test_a_removed_key_opens_nothing(start: Start) -> None:
    before = await Client(await start(secret_keys=OLD_KEY)).signed_in()
    rotated = Client(await start(secret_keys=f"{KEY},{OLD_KEY}"))
    assert await rotated.opens(before.token)
    await rotated.sign_in()
    removed = Client(await start(secret_keys=KEY))
    assert not await removed.opens(before.token)
    assert await removed.opens(rotated.token)
#{% endif %}
