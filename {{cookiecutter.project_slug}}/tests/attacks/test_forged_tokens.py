"""An attacker makes a token of their own, or spells a real one differently."""

import hashlib
import string
from collections.abc import Callable
from typing import Any

import pytest
from itsdangerous import Signer, TimestampSigner, URLSafeTimedSerializer

from app.sessions.token import SALT, SessionTokens
from tests.attacks.stories import Target, story
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


CHANGES: list[Callable[[str], str]] = [
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
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_cut_doubled_or_reordered_token_is_invalid(change: Callable[[str], str]) -> None:
    assert TOKENS.verify(change(generate(KEY))) is None


@story("re-spelled token", promise=13)
async def test_no_other_spelling_of_a_token_opens_anything(target: Target) -> None:
    """Cut, double, reorder and pad a real token, and change its last character."""
    client = await target.signed_in(target.alice)
    token = str(client.token)
    # The last of 43 characters carries four bits; careless decoders ignore the other two.
    neighbours = [token[:-1] + each for each in string.ascii_letters if each != token[-1]]
    changed = [change(token) for change in CHANGES]
    # A line break is the end of the header, and no part of its value.
    for spelling in (*neighbours, *(each for each in changed if each.isprintable())):
        cookie = f"{client.cookie_name}={spelling}".encode()
        target.expect(await client.send_cookie(cookie), 401, 400, 431)
    target.hold(await client.is_signed_in(), "the real one still opens the session")


@story("forged token", promise=11)
async def test_a_token_signed_with_another_key_opens_nothing(target: Target) -> None:
    """Sign a token with keys that people have left in: empty, from examples, from tutorials."""
    browser = target.browser()
    for key in ("", "secret", "changeme", "your-secret-key", "k" * 32, OLD_KEY):
        target.expect(await browser.send_cookie(f"{browser.cookie_name}={generate(key)}"), 401)


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
    for value in (forged, *MALFORMED):
        for path in ("/api/me", "/api/session", "/test/values"):
            response = await client.send_cookie(f"{COOKIE}={value}", path)
            assert response.status_code == 401, ascii(value)
            assert response.json() == {"detail": "Sign in first."}
    assert statements == []


async def test_a_signed_but_unknown_token_creates_nothing(
    client: Client, statements: list[str]
) -> None:
    assert not await client.opens(generate(KEY))
    assert [each for each in statements if not each.startswith("SELECT")] == []


MALFORMED = ("", "x", "A" * 65_536, "\xff" * 100, "{}", "null", "%00", "." * 4000)


@story("malformed token", promise=16)
async def test_a_malformed_token_is_the_same_as_none(target: Target) -> None:
    """Send what is no token at all: nothing, far too much, bytes that are no text."""
    browser = target.browser()
    for value in MALFORMED:
        cookie = f"{browser.cookie_name}={value}"
        for path in ("/api/me", "/api/session"):
            # A server may refuse so long a header itself.
            target.expect(await browser.send_cookie(cookie, path), 401, 400, 431)
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
