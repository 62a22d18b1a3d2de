"""Addresses: each has one spelling, and what cannot be written to is refused."""

import pytest

from app.email.messages import MailText
from app.email.smtp import Refused, ascii_address, compose
from app.users import names
from app.users.errors import InvalidName
from app.users.names import normalise
from tests.client import PASSWORD, Client
from tests.mail import mails

LABEL = "x" * 63


@pytest.mark.parametrize(
    ("typed", "spelling"),
    [
        ("Alice@Example.COM", "alice@example.com"),
        (" alice@example.com\n", "alice@example.com"),
        # Full width, and a ligature.
        ("\uff21\uff4c\uff49\uff43\uff45@\uff45xample.com", "alice@example.com"),
        ("o\ufb03ce@example.com", "office@example.com"),
        # The sign for degrees Kelvin is no K, but folds to one.
        ("\u212aim@example.com", "kim@example.com"),
        ("alice@xn--bcher-kva.example", "alice@bücher.example"),
        ("alice@BÜCHER.example", "alice@bücher.example"),
        # Somebody else may have the domain that these would be by Unicode's rules.
        ("alice@faß.example", "alice@faß.example"),
        ("alice@xn--fa-hia.example", "alice@faß.example"),
        ("alice@fass.example", "alice@fass.example"),
        ("alice+shop@example.com", "alice+shop@example.com"),
        ("a.l.i.c.e@example.com", "a.l.i.c.e@example.com"),
        ("alice@sub.test", "alice@sub.test"),
        ("!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"),
        ("alice\u3002x@example.com", None),
    ],
)
def test_an_address_has_one_spelling(typed: str, spelling: str | None) -> None:
    if spelling is None:
        with pytest.raises(InvalidName):
            normalise(typed)
        return
    assert normalise(typed) == spelling
    assert normalise(spelling) == spelling


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "alice",
        "@example.com",
        "alice@",
        "alice@example",
        "alice@@example.com",
        "alice@example..com",
        ".alice@example.com",
        "alice.@example.com",
        "al..ice@example.com",
        "alice bob@example.com",
        '"alice"@example.com',
        '"a@b"@example.com',
        "alice(comment)@example.com",
        "Alice <alice@example.com>",
        "<alice@example.com>",
        "alice@example.com,bob@example.com",
        "alice@example.com;bob@example.com",
        "alice@[192.0.2.1]",
        "alice@[IPv6:2001:db8::1]",
        "alice@192.0.2.1",
        "alice@-example.com",
        "alice@exam_ple.com",
        "alice@localhost",
        "alice\0@example.com",
        "alice@example.com\r\nBcc: bob@example.com",
        "alice\r\n@example.com",
        "alice%0aBcc:bob@example.com\n.",
        "alice\u200b@example.com",
        "alice@exa\u200bmple.com",
        "alice@exa\u202emple.com",
        # Cyrillic letters that look Latin: mail to them needs SMTPUTF8.
        "\u0430lice@example.com",
        "日本@example.com",
        f"{'x' * 65}@example.com",
        f"x@{LABEL}x.example.com",
        f"x@{'.'.join([LABEL] * 4)}.com",
        f"{'x' * 64}@{'.'.join([LABEL] * 4)}",
        "alice@xn--a.example",
        "alice@xn--\u0430.example",
    ],
    ids=ascii,
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(InvalidName, match="Enter an email address"):
        normalise(typed)


def test_an_address_of_320_characters_is_refused_and_the_longest_is_not() -> None:
    rest = f"{LABEL}.{LABEL}."
    longest = f"{'x' * 64}@{rest}{'y' * (254 - 65 - len(rest) - 4)}.com"
    assert len(longest) == 254
    assert normalise(longest) == longest
    with pytest.raises(InvalidName):
        normalise(longest.replace("y.com", "yy.com"))
    with pytest.raises(InvalidName):
        normalise(f"{'x' * 64}@{'y' * 251}.com")


def test_what_is_far_too_long_is_refused_before_it_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One character may become eighteen, and nobody else is served meanwhile."""
    monkeypatch.setattr(names, "validate_email", lambda *_, **__: pytest.fail("looked at"))
    with pytest.raises(InvalidName):
        normalise("\ufdfa" * 1000 + "@example.com")


def test_a_homograph_domain_is_another_address_and_seen_as_such_by_mail_servers() -> None:
    latin, cyrillic = "alice@example.com", "alice@ex\u0430mple.com"
    assert normalise(cyrillic) != normalise(latin)
    assert ascii_address(normalise(cyrillic)) == "alice@xn--exmple-4nf.com"
    assert ascii_address("alice@bücher.example") == "alice@xn--bcher-kva.example"
    # Cherokee, which the older rules take for other letters.
    assert ascii_address(normalise("alice@x\u13a0y.example")) == "alice@xn--xy-y8l.example"


@pytest.mark.parametrize("path", ["register", "login", "password/forgot", "email/verify/resend"])
async def test_what_is_no_address_is_refused_everywhere_alike(client: Client, path: str) -> None:
    for email in ("alice", "alice@example.com\r\nBcc: bob@example.com", "x" * 320):
        body = {"email": email, "password": PASSWORD}
        response = await client.post(f"/api/{path}", json=body)
        assert response.status_code == 422
        assert "Enter an email address" in response.text
    assert await mails(client.app) == []


@pytest.mark.parametrize(
    ("to", "subject"),
    [
        ("alice@example.com\r\nBcc: bob@example.com", "Hello"),
        ("alice@example.com", "Hello\r\nBcc: bob@example.com"),
        ("alice@example.com", "Hello\nBcc: bob@example.com"),
    ],
)
def test_nothing_breaks_out_of_a_header(to: str, subject: str) -> None:
    with pytest.raises(Refused):
        compose("app@example.com", to, MailText(subject, "text", "<p>text</p>"), "1", 0)


def test_a_mail_says_what_it_is_in_its_headers() -> None:
    text = MailText("Grüße", "text\n", "<p>text</p>")
    message = compose("My App <app@example.com>", "alice@bücher.example", text, "1", 0)
    assert message["To"] == "alice@xn--bcher-kva.example"
    assert message["From"] == "My App <app@example.com>"
    assert message["Subject"] == "Grüße"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@example.com>")
    plain, html = message.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert message.as_bytes().isascii()
