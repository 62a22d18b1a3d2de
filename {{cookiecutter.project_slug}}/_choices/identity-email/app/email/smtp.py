"""Handing a mail to the mail server."""

import asyncio
import re
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any

import aiosmtplib
from email_validator import validate_email

from app.email.messages import MailText
from app.mail_settings import sender_address

# For each answer of the mail server, and for all of them. What hangs is asked again later.
STEP_SECONDS, SEND_SECONDS = 60, 600

# What a mail server quotes of a mail must not open in a log what was sent to one person.
_TOKEN = re.compile(r"token=\S+")


class Unreachable(Exception):
    """The mail server is not there, does not let us in, or went away while a mail was sent."""


class Refused(Exception):
    """The mail server did not accept a mail. is_final: whether it never will (5yz)."""

    def __init__(self, text: str, is_final: bool) -> None:
        super().__init__(text)
        self.is_final = is_final


def compose(
    sender: str, recipient: str, mail: MailText, message_id: str, created_at: float
) -> EmailMessage:
    """Return a mail with its headers. Raises Refused for a line break in one.

    message_id: the same for each attempt, so that a mailbox can tell one that arrives twice.
    """
    message = EmailMessage()
    message["From"] = from_address = sender_address(sender)
    try:
        message["To"] = Address(addr_spec=ascii_address(recipient))
        message["Subject"] = mail.subject
    except ValueError as error:
        raise Refused(str(error), is_final=True) from error
    message["Date"] = formatdate(created_at)
    message["Message-ID"] = f"<{message_id}@{from_address.domain}>"
    # No vacation notes, please (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


async def send(server_options: dict[str, Any], message: EmailMessage) -> None:
    """Send a mail through a connection of its own, so that none suffers from the one before it.

    server_options: of ``smtp_options``. Raises Refused for what is about this mail or its
    recipient, and Unreachable for anything else.
    """
    server = aiosmtplib.SMTP(**server_options, timeout=STEP_SECONDS)
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await server.connect()
            await server.send_message(message)
        # It has accepted the mail, so nothing of this matters.
        with suppress(aiosmtplib.SMTPException):
            await server.quit()
    except aiosmtplib.SMTPRecipientsRefused as error:
        # There is one.
        raise _refused(error.recipients[0]) from error
    except aiosmtplib.SMTPDataError as error:
        raise _refused(error) from error
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise Unreachable(_printable(f"{type(error).__name__}: {error}")) from error
    finally:
        server.close()


def _refused(error: aiosmtplib.SMTPResponseException) -> Refused:
    text = _printable(f"{error.code} {error.message}")
    return Refused(text, is_final=500 <= error.code < 600)


def _printable(text: str) -> str:
    """Return a line for log and database, whatever bytes a mail server has sent."""
    line = "".join(each if each.isprintable() else " " for each in text)
    return _TOKEN.sub("token=...", line)


def ascii_address(address: str) -> str:
    """Return how an address is written in mail: a domain in another script as Punycode.

    By the rules by which it was validated (IDNA 2008). Those of Python's codec are older, and lead
    to the domain of somebody else for a few scripts. Raises ValueError.
    """
    validated = validate_email(address, check_deliverability=False, test_environment=True)
    return str(validated.ascii_email)
