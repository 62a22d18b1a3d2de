"""The ticket: unguessable, signed, of one spelling."""

import base64
import hashlib
import string
from collections.abc import Callable
from typing import Any

import pytest
from itsdangerous import Signer, TimestampSigner, URLSafeTimedSerializer

from app.sessions.session import Session
from app.sessions.ticket import SALT, Tickets
from tests.browser import COOKIE, Browser
from tests.conftest import KEY

OLD_KEY = "vB7xK2nM9qW4eR6tY8uI0oP3aS5dF1gH_older"

SESSION = Session(
    user_id=1,
    epoch=0,
    created_at=1_800_000_000,
    last_seen_at=1_800_000_000,
    authenticated_at=1_800_000_000,
    expires_at=1_800_003_600,
    remember=False,
    #{% if cookiecutter.session_backend != "signed-cookie" %}
    ip="",
    user_agent="",
    #{% endif %}
)


def issue(*keys: str) -> str:
    """Make a ticket with these keys."""
    return Tickets(keys).issue(SESSION)[0]


def test_each_is_new_and_has_a_sha256_signature() -> None:
    tickets = {issue(KEY) for _ in range(1000)}
    assert len(tickets) == 1000
    for ticket in tickets:
        assert len(base64.urlsafe_b64decode(ticket.split(".")[-1] + "=")) == 32


@pytest.mark.parametrize("keys", [[], ["short"], [KEY, ""], KEY], ids=repr)
def test_keys_that_could_be_guessed_are_refused(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="32 characters"):
        Tickets(keys)


def test_it_names_the_session_that_it_was_issued_for() -> None:
    ticket, session = Tickets([KEY]).issue(SESSION)
    #{% if cookiecutter.session_backend == "signed-cookie" %}
    assert Tickets([KEY]).read(ticket) == session
    #{% else %}
    assert Tickets([KEY]).read(ticket) == session.key
    #{% endif %}
    assert session._replace(key=b"") == SESSION
    assert len(session.key) == 32


def test_the_first_key_signs_and_all_verify() -> None:
    old, new = issue(OLD_KEY), issue(KEY, OLD_KEY)
    assert Tickets([KEY, OLD_KEY]).read(old)
    assert Tickets([KEY]).read(new)
    assert Tickets([KEY]).read(old) is None
    assert Tickets([OLD_KEY]).read(new) is None


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


async def test_it_is_in_no_body_and_no_log(
    browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await browser.register()
    bodies = [(await browser.sign_in()).text]
    ticket = str(browser.ticket)
    for path in ("/api/me", "/api/session", "/api/session/data"):
        bodies.append((await browser.get(path)).text)
    await browser.post("/api/logout")
    for text in (*bodies, caplog.text):
        for part in filter(None, ticket.split(".")):
            assert part not in text
