"""Handing a mail to the mail server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import aiosmtplib

from app.email.messages import MailText
from app.mail_settings import sender_address, smtp_options

# For each step. A mail server that hangs is given up, and asked again later.
TIMEOUT_SECONDS = 30


class Unreachable(Exception):
    """There is no connection to the mail server, or no longer one."""


class Refused(Exception):
    """The mail server did not accept a mail. is_final: whether it never will (5yz)."""

    def __init__(self, text: str, is_final: bool) -> None:
        super().__init__(text)
        self.is_final = is_final


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[aiosmtplib.SMTP]:
    """Connect to the mail server. Raises Unreachable, also when the connection is lost later."""
    server = aiosmtplib.SMTP(**smtp_options(url), timeout=TIMEOUT_SECONDS)
    try:
        async with server:
            yield server
    except (aiosmtplib.SMTPException, OSError) as error:
        raise Unreachable(f"{type(error).__name__}: {error}") from error


async def send(server: aiosmtplib.SMTP, sender: str, recipient: str, mail: MailText) -> None:
    """Send a mail. Raises Refused for what concerns this mail alone."""
    try:
        await server.send_message(_compose(sender, recipient, mail))
    except ValueError as error:
        raise Refused(str(error), is_final=True) from error
    except aiosmtplib.SMTPRecipientsRefused as error:
        # There is one.
        raise _refused(error.recipients[0]) from error
    except aiosmtplib.SMTPResponseException as error:
        raise _refused(error) from error


def _compose(sender: str, recipient: str, mail: MailText) -> EmailMessage:
    """Return the mail. Raises ValueError for a line break, which would begin another header."""
    message = EmailMessage()
    message["From"] = from_address = sender_address(sender)
    message["To"] = Address(addr_spec=ascii_address(recipient))
    message["Subject"] = mail.subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=from_address.domain)
    # No vacation notes, please (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def _refused(error: aiosmtplib.SMTPResponseException) -> Refused:
    return Refused(f"{error.code} {error.message}", is_final=500 <= error.code < 600)


def ascii_address(address: str) -> str:
    """Return how an address is written in mail: a domain in another script as Punycode."""
    local_part, _, domain = address.rpartition("@")
    return f"{local_part}@{domain.encode('idna').decode('ascii')}"
