"""A mail server for the tests, on a free port, which does as it is told."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

USER, PASSWORD = "app", "pass:w@rd"


def certificate(folder: Path, *addresses: str) -> Path:
    """Write a key and a certificate that is its own authority; return the path of the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail server of the tests")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(each)) for each in addresses])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{'-'.join(addresses)}.pem"
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(pem, pkcs8, serialization.NoEncryption())
    path.write_bytes(secret + signed.public_bytes(pem))
    return path


class Connection(SMTP):
    """A connection to the server."""

    event_handler: "MailServer"

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        if self.event_handler.closes_in_data:
            await self.push("354 Go on")
            assert self.transport is not None
            self.transport.close()
        else:
            await super().smtp_DATA(arg)


class MailServer:
    """What a mail server accepted, and what it answers. It is the handler of aiosmtpd."""

    def __init__(self) -> None:
        # Whom it accepted a mail for, and the mails themselves, in that order.
        self.recipients: list[str] = []
        self.contents: list[bytes] = []
        self.connections = 0
        # What it answers to RCPT and to DATA instead of yes, by recipient.
        self.answers: dict[tuple[str, str], str] = {}
        self.closes_in_data = False
        # While it is not set, nothing is answered to RCPT.
        self.is_quick = asyncio.Event()
        self.is_quick.set()
        # For a test that waits for a mail, or for the first word of one.
        self.has_mail = asyncio.Event()
        self.is_asked = asyncio.Event()
        self.url = ""

    def mails(self) -> list[EmailMessage]:
        """Return the mails that it accepted, as a reader would see them."""
        return [message_from_bytes(each, policy=default) for each in self.contents]

    async def handle_RCPT(  # noqa: N802
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        self.is_asked.set()
        await self.is_quick.wait()
        envelope.rcpt_tos.append(address)
        return self.answers.get(("RCPT", address), "250 OK")

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        [recipient] = envelope.rcpt_tos
        if refusal := self.answers.get(("DATA", recipient)):
            return refusal
        assert isinstance(envelope.content, bytes)
        self.recipients.append(recipient)
        self.contents.append(envelope.content)
        self.has_mail.set()
        return "250 OK"


def authenticate(_: SMTP, __: Session, ___: Envelope, ____: str, login: Any) -> AuthResult:
    """Let in whoever knows the password."""
    is_right = login == LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=False)


@asynccontextmanager
async def mail_server(
    certificate: Path | None, scheme: str = "smtp", **options: Any
) -> AsyncIterator[MailServer]:
    """Run a mail server: with STARTTLS, or with TLS from the beginning (``smtps``).

    certificate: None for one without STARTTLS. options: of aiosmtpd.
    """
    tls = None
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)
    server = MailServer()
    loop = asyncio.get_running_loop()
    if scheme == "smtp":
        options |= {"tls_context": tls, "require_starttls": tls is not None}

    def connect() -> Connection:
        server.connections += 1
        return Connection(server, hostname="mail.test", loop=loop, **options)

    listening = await loop.create_server(
        connect, "127.0.0.1", 0, ssl=tls if scheme == "smtps" else None
    )
    server.url = f"{scheme}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        server.is_quick.set()
        listening.close()


@contextmanager
def silent_server() -> Iterator[str]:
    """Return the URL of a server that accepts connections, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"smtp://127.0.0.1:{listening.getsockname()[1]}"


@asynccontextmanager
async def babbling_server(words: bytes) -> AsyncIterator[str]:
    """Return the URL of a server that says the same to everybody, whatever it is asked."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        while await reader.readline():
            writer.write(words)
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as listening:
        yield f"smtp://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
