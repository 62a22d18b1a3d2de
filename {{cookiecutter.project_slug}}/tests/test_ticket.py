"""The ticket: unguessable, signed, of one spelling."""

import base64
import hashlib
import string
from collections.abc import Callable
from typing import Any

import pytest
from itsdangerous import Signer, TimestampSigner, URLSafeTimedSerializer

from app.sessions.ticket import SALT, Tickets
from tests.browser import COOKIE, Browser
from tests.conftest import KEY

OLD_KEY = "vB7xK2nM9qW4eR6tY8uI0oP3aS5dF1gH_older"


def test_it_carries_256_random_bits_and_a_sha256_signature() -> None:
    tickets = {Tickets([KEY]).issue() for _ in range(1000)}
    assert len(tickets) == 1000
    for ticket in tickets:
        random, signature = ticket.split(".")
        assert len(base64.urlsafe_b64decode(random + "=")) == 32
        assert len(base64.urlsafe_b64decode(signature + "=")) == 32


@pytest.mark.parametrize("keys", [[], ["short"], [KEY, ""], KEY], ids=repr)
def test_keys_that_could_be_guessed_are_refused(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="32 characters"):
        Tickets(keys)


def test_the_server_knows_it_by_the_sha256_of_its_random_part() -> None:
    ticket = Tickets([KEY]).issue()
    assert Tickets([KEY]).verify(ticket) == hashlib.sha256(ticket[:43].encode()).digest()


def test_the_first_key_signs_and_all_verify() -> None:
    old = Tickets([OLD_KEY]).issue()
    new = Tickets([KEY, OLD_KEY]).issue()
    assert Tickets([KEY, OLD_KEY]).verify(old)
    assert Tickets([KEY]).verify(new)
    assert Tickets([KEY]).verify(old) is None
    assert Tickets([OLD_KEY]).verify(new) is None


def test_any_other_character_anywhere_spoils_it() -> None:
    tickets = Tickets([KEY])
    ticket = tickets.issue()
    alphabet = string.ascii_letters + string.digits + "-_=+/. "
    for place in range(len(ticket)):
        for character in alphabet.replace(ticket[place], ""):
            changed = ticket[:place] + character + ticket[place + 1 :]
            assert tickets.verify(changed) is None, changed


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
        lambda ticket: ticket.split(".")[1] + "." + ticket.split(".")[0],
        lambda ticket: ticket.swapcase(),
        lambda ticket: "é" * 43 + "." + "ü" * 43,
        lambda ticket: "A" * 65_536,
    ],
)
def test_cut_doubled_and_reordered_ones_are_none(change: Callable[[str], str]) -> None:
    tickets = Tickets([KEY])
    assert tickets.verify(change(tickets.issue())) is None


def test_what_the_same_key_signed_for_another_purpose_is_none() -> None:
    text = Tickets([KEY]).issue().split(".")[0]
    sha256: Any = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    foreign = [
        Signer(KEY).sign(text).decode(),
        Signer(KEY, salt=SALT).sign(text).decode(),
        Signer(KEY, salt=b"app.other", **sha256).sign(text).decode(),
        TimestampSigner(KEY, salt=SALT, **sha256).sign(text).decode(),
        str(URLSafeTimedSerializer(KEY, salt=SALT, signer_kwargs=sha256).dumps(text)),
    ]
    for token in foreign:
        assert Tickets([KEY]).verify(token) is None
    assert Tickets([KEY]).verify(Signer(KEY, salt=SALT, **sha256).sign(text).decode())


async def test_a_bad_signature_costs_the_database_nothing(
    browser: Browser, statements: list[str]
) -> None:
    forged = Tickets([OLD_KEY]).issue()
    for header in (f"{COOKIE}={forged}", f"{COOKIE}=", f"{COOKIE}={'A' * 4000}"):
        assert (await browser.send_cookie(header)).status_code == 401
    assert statements == []


async def test_one_that_we_signed_but_do_not_know_creates_nothing(
    browser: Browser, statements: list[str]
) -> None:
    unknown = Tickets([KEY]).issue()
    assert not await browser.opens(unknown)
    assert [statement.split()[0] for statement in statements] == ["SELECT"]


async def test_it_is_in_no_body_and_no_log(
    browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await browser.register()
    bodies = [(await browser.sign_in()).text]
    ticket = str(browser.ticket)
    for path in ("/api/me", "/api/session", "/api/sessions", "/", "/account"):
        bodies.append((await browser.get(path)).text)
    await browser.post("/api/logout")
    random, signature = ticket.split(".")
    for text in (*bodies, caplog.text):
        assert random not in text
        assert signature not in text


async def test_the_table_holds_no_ticket(browser: Browser) -> None:
    await browser.signed_in()
    services = browser.app.state.services
    [session] = await services.sessions.of_user(1)
    assert session.key == hashlib.sha256(str(browser.ticket)[:43].encode()).digest()
    assert not await browser.opens(session.id)
