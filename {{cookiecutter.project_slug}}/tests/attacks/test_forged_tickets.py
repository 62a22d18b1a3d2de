"""Somebody makes a ticket of their own, or writes a real one otherwise."""

import hashlib
import string
from collections.abc import Callable
from typing import Any

import pytest
from itsdangerous import Signer, TimestampSigner, URLSafeTimedSerializer

from app.sessions.ticket import SALT, Tickets
from tests.browser import COOKIE, Browser
#{% if cookiecutter.session_backend == "memory" %}
from tests.conftest import KEY
#{% else %}
from tests.conftest import KEY, Start
#{% endif %}
from tests.test_ticket import OLD_KEY, issue


def test_any_other_character_anywhere_spoils_it() -> None:
    tickets = Tickets([KEY])
    ticket = issue(KEY)
    alphabet = string.ascii_letters + string.digits + "-_=+/. "
    for place in range(len(ticket)):
        for character in alphabet.replace(ticket[place], ""):
            changed = ticket[:place] + character + ticket[place + 1 :]
            assert tickets.read(changed) is None, changed


@pytest.mark.parametrize(
    "change",
    [
        lambda ticket: "",
        lambda ticket: ".",
        lambda ticket: ticket[:-1],
        lambda ticket: ticket[1:],
        lambda ticket: ticket + "=",
        lambda ticket: ticket + "A",
        lambda ticket: ticket + "\n",
        lambda ticket: ticket + ticket,
        lambda ticket: ticket.replace(".", ""),
        lambda ticket: ".".join(reversed(ticket.split("."))),
        lambda ticket: ticket.swapcase(),
        lambda ticket: "é" * 43 + "." + "ü" * 43,
        lambda ticket: "A" * 65_536,
    ],
)
def test_cut_doubled_and_reordered_ones_are_none(change: Callable[[str], str]) -> None:
    assert Tickets([KEY]).read(change(issue(KEY))) is None


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
        assert Tickets([KEY]).read(token) is None
    assert Tickets([KEY]).read(Signer(KEY, salt=SALT, **sha256).sign(text).decode())


async def test_a_bad_signature_costs_the_database_nothing(
    browser: Browser, statements: list[str]
) -> None:
    forged = issue(OLD_KEY)
    for header in (f"{COOKIE}={forged}", f"{COOKIE}=", f"{COOKIE}={'A' * 4000}"):
        assert (await browser.send_cookie(header)).status_code == 401
    assert statements == []


async def test_one_that_we_signed_but_do_not_know_creates_nothing(
    browser: Browser, statements: list[str]
) -> None:
    assert not await browser.opens(issue(KEY))
    assert [each for each in statements if not each.startswith("SELECT")] == []


@pytest.mark.parametrize(
    "value", ["", "x", "A" * 65_536, "\xff" * 100, "{}", "null", "%00", "." * 4000], ids=ascii
)
async def test_rubbish_is_the_same_as_nothing(
    browser: Browser, statements: list[str], value: str
) -> None:
    for path in ("/api/me", "/api/session", "/api/session/data"):
        response = await browser.send_cookie(f"{COOKIE}={value}", path)
        assert response.status_code == 401
        assert response.json() == {"detail": "Sign in first."}
    assert statements == []
#{% if cookiecutter.session_backend != "memory" %}


async def test_a_key_that_was_removed_opens_nothing_any_more(start: Start) -> None:
    before = await Browser(await start(secret_keys=OLD_KEY)).signed_in()
    rotated = Browser(await start(secret_keys=f"{KEY},{OLD_KEY}"))
    assert await rotated.opens(before.ticket)
    await rotated.sign_in()
    removed = Browser(await start(secret_keys=KEY))
    assert not await removed.opens(before.ticket)
    assert await removed.opens(rotated.ticket)
#{% endif %}
