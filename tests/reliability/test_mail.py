"""Mail of an app as it is run: delivered once, kept while it cannot be, and telling nobody."""

import asyncio
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, Purpose, SSLContext, create_default_context

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as SmtpSession

from tests.answers import CHOICES
from tests.conftest import Bake, Figure
from tests.ledger import Ledger
from tests.project import Server
from tests.reliability.hosts import PASSWORD, PROBES, port_to_keep, visitor
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

CHAPTER = "Mail"
MAILS, WORKERS = 50, 2
# Let the tests be many people, as behind a proxy, since one may not cause so many mails.
PROXY = {"FORWARDED_ALLOW_IPS": "127.0.0.1"}
# Nothing here is encrypted; and to read the authorities of a machine takes longer than a request.
NO_TLS = SSLContext(PROTOCOL_TLS_CLIENT)
# Interleaved requests for addresses that have an account and for such that have none.
ROUNDS = 30


@dataclass
class MailServer:
    """A mail server with STARTTLS, on a port of its own; it is there when it is told to be.

    It answers nobody before every worker is sending at the same time.
    """

    folder: Path
    recipients: list[str] = field(default_factory=list)
    """Whom it has accepted a mail for, the oldest first."""
    port: int = field(default_factory=port_to_keep)

    def __post_init__(self) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.folder / "authority.pem")
        self._all_send = asyncio.Barrier(WORKERS)
        self._tls: SSLContext = create_default_context(Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(self._tls)

    @property
    def settings(self) -> dict[str, str]:
        """What tells an app to send by it."""
        authority = str(self.folder / "authority.pem")
        return {"MAIL_URL": f"smtp://127.0.0.1:{self.port}", "SSL_CERT_FILE": authority}

    async def handle_DATA(self, _: SMTP, __: SmtpSession, envelope: Envelope) -> str:  # noqa: N802
        if not self.recipients:
            await self._all_send.wait()
        self.recipients += envelope.rcpt_tos
        return "250 OK"

    @contextmanager
    def there(self) -> Iterator[None]:
        """Accept mail for as long as the block lasts."""
        controller = Controller(
            self, hostname="127.0.0.1", port=self.port, tls_context=self._tls, require_starttls=True
        )
        controller.start()
        try:
            yield
        finally:
            controller.stop()


def ask(server: Server, path: str, number: int, **body: str) -> float:
    """Send a request, as a visitor with an address of their own; return the seconds it took."""
    began = time.perf_counter()
    answer = server.send("POST", path, json=body, headers=visitor(number), verify=NO_TLS)
    assert answer.status_code in (202, 204), answer.text
    return time.perf_counter() - began


def forget_password(server: Server, number: int, email: str) -> float:
    return ask(server, "/api/password/forgot", number, email=email)


def register(server: Server, number: int, email: str) -> float:
    return ask(server, "/api/register", number, email=email, password=PASSWORD)


def kept(server: Server) -> list[dict[str, str]]:
    """Return the mail of an app that sends none, as developers see it."""
    answer = server.send("GET", "/dev/mail", headers={"accept": "application/json"}, verify=NO_TLS)
    mails: list[dict[str, str]] = answer.json()
    return mails


def failures(server: Server) -> int:
    """Return how often a mail could not be sent."""
    return server.output.count("has to wait")


@pytest.mark.parametrize("database", CHOICES["database"])
def test_mail_waits_for_its_server_and_of_two_workers_each_is_delivered_by_one(
    ready: Bake, ledger: Ledger, tmp_path: Path, database: str
) -> None:
    project = ready(identity="email", database=database)
    mail_server = MailServer(tmp_path)
    people = [f"number-{number:02}@example.com" for number in range(MAILS)]
    with project.stores() as stores:
        variables = {**stores, **PROXY, **mail_server.settings}
        with project.serving(workers=WORKERS, variables=variables) as server:
            for number, email in enumerate(people):
                forget_password(server, number, email)
            wait_until(lambda: failures(server) > 0)
            with mail_server.there():
                # All but those that a worker has tried to send already.
                wait_until(lambda: len(mail_server.recipients) >= MAILS - failures(server))
                project.python(str(PROBES / "let_a_minute_pass.py"), PYTHONPATH=".", **variables)
                wait_until(lambda: set(mail_server.recipients) == set(people))
    assert sorted(mail_server.recipients) == people
    ledger.note(
        CHAPTER,
        f"mails while the mail server is away, {WORKERS} workers when it is back",
        backend=database,
        times=MAILS,
        lost=len(set(people) - set(mail_server.recipients)),
        seen=f"{failures(server)} attempts in vain, each mail delivered once",
    )


def test_the_time_of_an_answer_is_measured_with_and_without_an_account(
    ready: Bake, ledger: Ledger, figure: Figure
) -> None:
    project = ready(identity="email")
    known = [f"known-{number}@example.com" for number in range(ROUNDS)]
    with project.stores() as stores, project.serving(variables={**stores, **PROXY}) as server:
        for number, email in enumerate(known):
            register(server, number, email)
        for mail in kept(server):
            token = mail["text"].partition("?token=")[2].split()[0]
            ask(server, "/api/email/verify", 0, token=token)
        for what in (register, forget_password):
            times: dict[str, list[float]] = {"known": [], "unknown": []}
            for number in range(ROUNDS):
                unknown = f"{what.__name__}-{number}@example.com"
                for who, email in (("known", known[number]), ("unknown", unknown)):
                    times[who].append(what(server, number, email))
            medians = {who: statistics.median(seconds) for who, seconds in times.items()}
            # No limit: what decides is that the same is done, and each project tests that.
            ratio = medians["known"] / medians["unknown"]
            seen = f"median {ratio:.2f} times that for an unknown address"
            name = what.__name__.replace("_", " ")
            figure(f"time to {name} with a known address", seen)
            ledger.note(
                CHAPTER,
                f"time to {name} with a known address",
                backend="database",
                times=ROUNDS,
                seen=seen,
            )
